//! What the EST door needs from outside.
//!
//! As in core: one method is one transaction, named for its intent; absence is `Ok(None)`; a conditional change that found
//! nothing to change says so.

use async_trait::async_trait;
use chancery_core::audit::AuditEntry;
use chancery_core::{RaProfile, StoreError};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{EstActivation, EstCode, EstProfile, EstUser};

/// A request that was granted or waits, so that the same request again finds it (RFC 7030 section 4.2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// Of requester, key and names: never of the whole request, which a linked client signs anew each time.
    pub digest: [u8; 32],
    /// The certificate object.
    pub certificate: Uuid,
    /// Not needed after this instant.
    pub ends_at: OffsetDateTime,
}

/// What a certificate is paid with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// A use of a user.
    User(Uuid),
    /// A use of a code.
    Code(Uuid),
}

/// The rows that join the certificate's transaction: inside `chancery_core`'s `Alongside`. The store keeps the enrolment,
/// in place of the one that `replaces` names, and counts the use; it refuses the whole transaction with
/// `Stale(Stale::Alongside)` when another request was first, or the credential is revoked, over, locked or spent.
#[derive(Clone, Debug)]
pub struct Enrol {
    /// What the same request is known by; none when each gets its own certificate.
    pub digest: Option<[u8; 32]>,
    /// The certificate object of an earlier enrolment by the same request, whose time is over.
    pub replaces: Option<Uuid>,
    /// Not needed after this instant.
    pub ends_at: OffsetDateTime,
    /// What is counted.
    pub spent: Option<Spent>,
    /// The instant of the decision.
    pub now: OffsetDateTime,
}

/// The state of the EST door.
#[async_trait]
pub trait EstStore: Send + Sync {
    /// All EST profiles, by name.
    async fn est_profiles(&self) -> Result<Vec<EstProfile>, StoreError>;
    /// A new one; [`StoreError::Duplicate`] when the name is taken.
    async fn create_est_profile(&self, profile: EstProfile, audit: AuditEntry) -> Result<(), StoreError>;
    /// Replace the one whose version is `profile.version - 1`; false when it is not any more.
    async fn update_est_profile(&self, profile: EstProfile, audit: AuditEntry) -> Result<bool, StoreError>;
    /// Delete; false when it was not there. [`StoreError::Duplicate`] while an activation needs it.
    async fn delete_est_profile(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError>;
    /// Every activation.
    async fn est_activations(&self) -> Result<Vec<EstActivation>, StoreError>;
    /// Open an RA profile's EST door, or change how it behaves; `profile` is the RA profile's next version (its doors
    /// changed). One that is to answer without a label takes that from the other that does.
    async fn activate_est(
        &self,
        activation: EstActivation,
        profile: RaProfile,
        audit: AuditEntry,
    ) -> Result<(), StoreError>;
    /// Close it.
    async fn deactivate_est(&self, profile: RaProfile, audit: AuditEntry) -> Result<(), StoreError>;

    /// A new user; [`StoreError::Duplicate`] when the RA profile has one of that name that is not revoked.
    async fn create_est_user(&self, user: EstUser, audit: AuditEntry) -> Result<(), StoreError>;
    /// The user of that name who is not revoked.
    async fn est_user(&self, ra_profile: Uuid, name: &str) -> Result<Option<EstUser>, StoreError>;
    /// All users, newest first, revoked ones too.
    async fn est_users(&self) -> Result<Vec<EstUser>, StoreError>;
    /// Revoke; false when there is none or it was revoked before.
    async fn revoke_est_user(&self, id: Uuid, at: OffsetDateTime, audit: AuditEntry) -> Result<bool, StoreError>;

    /// A new code.
    async fn create_est_code(&self, code: EstCode, audit: AuditEntry) -> Result<(), StoreError>;
    /// The code of that keyed hash, ended ones too.
    async fn est_code(&self, hash: [u8; 32]) -> Result<Option<EstCode>, StoreError>;
    /// All codes, newest first, ended ones too.
    async fn est_codes(&self) -> Result<Vec<EstCode>, StoreError>;
    /// Revoke; false when there is none or it was revoked before.
    async fn revoke_est_code(&self, id: Uuid, at: OffsetDateTime, audit: AuditEntry) -> Result<bool, StoreError>;
    /// Count a request that came with the code and asked for what that does not allow.
    async fn mismatch_est_code(&self, id: Uuid) -> Result<(), StoreError>;

    /// The enrolment of a request.
    async fn enrolment(&self, digest: [u8; 32]) -> Result<Option<Enrolment>, StoreError>;
    /// Delete enrolments that ended before an instant; how many.
    async fn purge_enrolments(&self, before: OffsetDateTime, limit: u32) -> Result<u64, StoreError>;
}
