//! The EST door's state, behind `chancery_est`'s port.
//!
//! What many may do at once is decided by one statement or one row: the same request by its digest, a credential's last
//! use by its own row (`enrolment`), a user's name by an index over those that are not ended (`credential`).

mod credential;
pub(crate) mod enrolment;
mod profile;

use async_trait::async_trait;
use chancery_core::audit::AuditEntry;
use chancery_core::{RaProfile, StoreError};
use chancery_est::port::{Enrolment, EstStore};
use chancery_est::{EstActivation, EstCode, EstProfile, EstUser};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Store;

/// Tell the trail when something was changed.
fn tell(told: &mut Vec<AuditEntry>, changed: bool, audit: &AuditEntry) -> bool {
    if changed {
        told.push(audit.clone());
    }
    changed
}

#[async_trait]
impl EstStore for Store {
    async fn est_profiles(&self) -> Result<Vec<EstProfile>, StoreError> {
        self.read(profile::list).await
    }

    async fn create_est_profile(&self, profile: EstProfile, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            profile::create(c, &profile)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn update_est_profile(&self, profile: EstProfile, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| Ok(tell(told, profile::update(c, &profile)?, &audit))).await
    }

    async fn delete_est_profile(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| Ok(tell(told, profile::delete(c, id)?, &audit))).await
    }

    async fn est_activations(&self) -> Result<Vec<EstActivation>, StoreError> {
        self.read(profile::activations).await
    }

    async fn activate_est(
        &self,
        activation: EstActivation,
        profile: RaProfile,
        audit: AuditEntry,
    ) -> Result<(), StoreError> {
        self.write(move |c, told| {
            crate::profile::update(c, &profile)?;
            profile::activate(c, &activation)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn deactivate_est(&self, profile: RaProfile, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            crate::profile::update(c, &profile)?;
            profile::deactivate(c, profile.id)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn create_est_user(&self, user: EstUser, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            credential::create_user(c, &user)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn est_user(&self, ra_profile: Uuid, name: &str) -> Result<Option<EstUser>, StoreError> {
        let name = name.to_owned();
        self.read(move |c| credential::user(c, ra_profile, &name)).await
    }

    async fn est_users(&self) -> Result<Vec<EstUser>, StoreError> {
        self.list(credential::users).await
    }

    async fn revoke_est_user(&self, id: Uuid, at: OffsetDateTime, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| Ok(tell(told, credential::revoke_user(c, id, at)?, &audit))).await
    }

    async fn create_est_code(&self, code: EstCode, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            credential::create_code(c, &code)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn est_code(&self, hash: [u8; 32]) -> Result<Option<EstCode>, StoreError> {
        self.read(move |c| credential::code(c, &hash)).await
    }

    async fn est_codes(&self) -> Result<Vec<EstCode>, StoreError> {
        self.list(credential::codes).await
    }

    async fn revoke_est_code(&self, id: Uuid, at: OffsetDateTime, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| Ok(tell(told, credential::revoke_code(c, id, at)?, &audit))).await
    }

    async fn mismatch_est_code(&self, id: Uuid) -> Result<(), StoreError> {
        self.write(move |c, _| credential::mismatch(c, id)).await
    }

    async fn enrolment(&self, digest: [u8; 32]) -> Result<Option<Enrolment>, StoreError> {
        self.read(move |c| enrolment::find(c, &digest)).await
    }

    async fn purge_enrolments(&self, before: OffsetDateTime, limit: u32) -> Result<u64, StoreError> {
        self.write(move |c, _| enrolment::purge(c, before, limit)).await
    }
}
