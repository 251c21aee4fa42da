//! External account binding: RFC 8555 section 7.3.4.

mod binding;

use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) use binding::{Binding, refused};

/// A key that lets an account bind itself, with what that account may ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct EabKey {
    /// The key identifier (`kid`) that clients are given.
    pub id: Uuid,
    /// The RA profile whose directories take it.
    pub ra_profile: Uuid,
    /// For people.
    pub description: String,
    /// The MAC key (256 random bits), sealed by `Secrets` with the id as label.
    pub sealed: Vec<u8>,
    /// Names that accounts bound by it may ask for, as [`crate::AllowedNames`] reads them. None: whatever the profile allows.
    pub names: Option<Vec<String>>,
    /// How many accounts may be bound; none: any number.
    pub uses: Option<u32>,
    /// How many were.
    pub used: u32,
    /// How many certificates accounts bound by it may get in all; none: any number.
    pub quota: Option<u32>,
    /// How many they got.
    pub issued: u32,
    /// Not after this instant; none: until revoked.
    pub expires_at: Option<OffsetDateTime>,
    /// Revoked: binds no more accounts, and ends what its accounts may do without a challenge (trusted mode).
    pub revoked_at: Option<OffsetDateTime>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

impl EabKey {
    /// Whether it is neither revoked nor over.
    pub fn is_valid(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// The label under which a key is sealed.
pub(crate) fn label(id: Uuid) -> String {
    format!("acme-eab:{id}")
}
