//! External account binding: RFC 8555 section 7.3.4.

mod binding;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::Directory;

pub(crate) use binding::{Binding, refused};

/// A key that lets an account bind itself, with what that account may ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct EabKey {
    /// The key identifier (`kid`) that clients are given.
    pub id: Uuid,
    /// The RA profile whose directories take it.
    pub ra_profile: Uuid,
    /// The ACME profile with which that RA profile makes the directory that it is for; none: every directory of the RA
    /// profile but those in trusted mode, where a key vouches for names.
    pub acme_profile: Option<Uuid>,
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
    /// Not after this instant, as if it were revoked then; none: until revoked.
    pub expires_at: Option<OffsetDateTime>,
    /// Revoked: binds no more accounts, and those that it bound get no more certificates.
    pub revoked_at: Option<OffsetDateTime>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

impl EabKey {
    /// Whether it is for this directory.
    pub(crate) fn is_for(&self, directory: &Directory) -> bool {
        self.ra_profile == directory.id.ra_profile
            && match self.acme_profile {
                Some(acme_profile) => acme_profile == directory.id.acme_profile,
                None => !directory.acme_profile.settings.trusted_without_challenges,
            }
    }

    /// Whether it is neither revoked nor over.
    pub fn is_valid(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// The label under which a key is sealed.
pub(crate) fn label(id: Uuid) -> String {
    format!("acme-eab:{id}")
}
