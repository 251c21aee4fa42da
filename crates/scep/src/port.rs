//! What the SCEP door needs from outside.
//!
//! As in core: one method is one transaction, named for its intent; absence is `Ok(None)`; a conditional change that found
//! nothing to change says so.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_core::audit::AuditEntry;
use chancery_core::port::CrlRecord;
use chancery_core::{Error, RaProfile, StoreError};
use chancery_pki::PrivateKey;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Activation, Challenge, DoorId, ScepProfile};

/// A transaction that led to a certificate object (RFC 8894 section 3.2.1.1). How it stands is that object's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction {
    /// Where it was begun: the same transactionID elsewhere is another.
    pub door: DoorId,
    /// The transactionID's octets.
    pub transaction_id: Vec<u8>,
    /// The certificate that signed the request, when it is one of ours: clients whose transactionID is their key's hash use
    /// the same one again when they renew.
    pub predecessor: Option<Uuid>,
    /// SHA-256 of the request (PKCS#10).
    pub request: [u8; 32],
    /// The signer's key: nobody else may ask what became of it.
    pub signer: [u8; 32],
    /// The certificate object.
    pub certificate: Uuid,
    /// When it was begun.
    pub created_at: OffsetDateTime,
}

/// The rows of an enrolment, written in the transaction of its certificate: the transaction, which must be new, and the
/// challenge, which must be unspent.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The transaction; its certificate is filled in by the store.
    pub transaction: Transaction,
    /// The certificate object of an earlier transaction with the same id that is over: this one takes its place.
    pub ended: Option<Uuid>,
    /// The one-time challenge that it spends.
    pub challenge: Option<Uuid>,
}

/// What a certificate of the RA is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Clients encrypt for it.
    Encryption,
    /// Answers are signed with it.
    Signing,
}

impl Purpose {
    /// Its code in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Encryption => "encryption",
            Self::Signing => "signing",
        }
    }
}

impl std::str::FromStr for Purpose {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Encryption, Self::Signing]
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
            .ok_or_else(|| format!("unknown purpose {text:?}"))
    }
}

/// A certificate of the RA itself.
#[derive(Clone, Debug, PartialEq)]
pub struct RaCertificate {
    /// The SCEP profile.
    pub scep_profile: Uuid,
    /// The authority under which it stands.
    pub authority: Uuid,
    /// What it is for.
    pub purpose: Purpose,
    /// Counts its predecessors: of two nodes that renew at once, one succeeds.
    pub generation: i64,
    /// The private key.
    pub key: Uuid,
    /// The inventory id.
    pub certificate: Uuid,
    /// The issuer's inventory id.
    pub issuer: Uuid,
    /// Its DER.
    pub der: Vec<u8>,
    /// Its end.
    pub not_after: OffsetDateTime,
}

/// The door's state at rest.
#[async_trait]
pub trait ScepStore: Send + Sync {
    /// All SCEP profiles, by name.
    async fn scep_profiles(&self) -> Result<Vec<ScepProfile>, StoreError>;
    /// A new one; [`StoreError::Duplicate`] when the name is taken.
    async fn create_scep_profile(&self, profile: ScepProfile, audit: AuditEntry) -> Result<(), StoreError>;
    /// Replace the version before; false when it is not that any more.
    async fn update_scep_profile(&self, profile: ScepProfile, audit: AuditEntry) -> Result<bool, StoreError>;
    /// Delete one; false when it was not there, [`StoreError::Duplicate`] while it is activated.
    async fn delete_scep_profile(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError>;
    /// All activations.
    async fn scep_activations(&self) -> Result<Vec<Activation>, StoreError>;
    /// Open the door of an RA profile (its next version), or change how it behaves.
    async fn activate_scep(
        &self,
        activation: Activation,
        profile: RaProfile,
        audit: AuditEntry,
    ) -> Result<(), StoreError>;
    /// Close it.
    async fn deactivate_scep(&self, profile: RaProfile, audit: AuditEntry) -> Result<(), StoreError>;
    /// A new challenge.
    async fn create_challenge(&self, challenge: Challenge, audit: AuditEntry) -> Result<(), StoreError>;
    /// One by what it is found by, ended ones too.
    async fn challenge_by_lookup(&self, lookup: [u8; 32]) -> Result<Option<Challenge>, StoreError>;
    /// All of them, newest first, at most `limit`.
    async fn challenges(&self, limit: u32) -> Result<Vec<Challenge>, StoreError>;
    /// Revoke an unused one; false when there is none.
    async fn revoke_challenge(&self, id: Uuid, at: OffsetDateTime, audit: AuditEntry) -> Result<bool, StoreError>;
    /// Count a request that it is not for.
    async fn challenge_mismatched(&self, id: Uuid) -> Result<(), StoreError>;
    /// Every transaction with this id at this door, newest first.
    async fn transactions(&self, door: DoorId, transaction_id: Vec<u8>) -> Result<Vec<Transaction>, StoreError>;
    /// Keep a certificate of the RA; false when another node has made this generation.
    async fn add_ra_certificate(&self, certificate: RaCertificate) -> Result<bool, StoreError>;
    /// The RA's certificates of a SCEP profile under an authority that end after an instant, newest generation first.
    async fn ra_certificates(
        &self,
        scep_profile: Uuid,
        authority: Uuid,
        after: OffsetDateTime,
    ) -> Result<Vec<RaCertificate>, StoreError>;
    /// Delete transactions whose certificate object ended before an instant, and challenges that ended before it.
    async fn purge_scep(&self, before: OffsetDateTime, limit: u32) -> Result<u64, StoreError>;
}

/// The RA's private keys, encrypted at rest.
#[async_trait]
pub trait RaKeys: Send + Sync {
    /// Make an RSA-2048 key and keep it.
    async fn make(&self, label: &str) -> Result<(Uuid, PrivateKey), Error>;
    /// One by its id.
    async fn open(&self, id: Uuid) -> Result<Option<PrivateKey>, Error>;
}

/// Secrets at rest.
pub trait Secrets: Send + Sync {
    /// Encrypt under a label.
    fn seal(&self, label: &str, secret: &[u8]) -> Vec<u8>;
    /// Decrypt what was encrypted under the same label.
    fn open(&self, label: &str, sealed: &[u8]) -> Option<zeroize::Zeroizing<Vec<u8>>>;
}

/// The CRLs that are published.
pub trait Crls: Send + Sync {
    /// The newest of an issuer (inventory id).
    fn crl(&self, issuer: Uuid) -> Option<Arc<CrlRecord>>;
}
