//! Accounts: RFC 8555 section 7.1.2.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::DirectoryId;

/// RFC 8555 section 7.1.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountStatus {
    /// May do everything.
    Valid,
    /// Ended by its holder.
    Deactivated,
    /// Ended by the server.
    Revoked,
}

/// An account: a key that may order certificates at one directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Identifier of the object, in its URL.
    pub id: Uuid,
    /// Where it may order.
    pub directory: DirectoryId,
    /// How it stands.
    pub status: AccountStatus,
    /// RFC 7638 thumbprint (SHA-256) of its key: unique within the directory.
    pub thumbprint: [u8; 32],
    /// Its public key as a JWK, members in the order of RFC 7638 and nothing else.
    pub jwk: String,
    /// `PublicKey::identity` of its key: no certificate is issued for it (RFC 8555 section 11.1).
    pub key_identity: [u8; 32],
    /// Contact URLs.
    pub contacts: Vec<String>,
    /// When the terms of service were agreed to.
    pub terms_agreed_at: Option<OffsetDateTime>,
    /// The EAB key that it was bound with.
    pub eab_key: Option<Uuid>,
    /// The externalAccountBinding as it came (RFC 8555 section 7.3.4: shown again once verified).
    pub eab: Option<serde_json::Value>,
    /// Switched off by an operator, without changing its status.
    pub disabled: bool,
    /// When it was made.
    pub created_at: OffsetDateTime,
}
