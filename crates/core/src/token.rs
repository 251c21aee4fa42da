//! Bearer tokens: 256 random bits, kept as their SHA-256.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Role, Scope};

/// A token as it is stored; the token itself was shown once and is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Identifier, for listing and revoking.
    pub id: Uuid,
    /// A name for people; need not be unique.
    pub name: String,
    /// SHA-256 of the token's text.
    pub hash: [u8; 32],
    /// What its holder may do.
    pub role: Role,
    /// Where.
    pub scope: Scope,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it ends; `None` never.
    pub expires_at: Option<OffsetDateTime>,
    /// When it was revoked.
    pub revoked_at: Option<OffsetDateTime>,
}
