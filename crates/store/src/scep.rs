//! The SCEP door's state, behind `chancery_scep`'s port.
//!
//! What many may do at once is decided by one row: a transaction by its key, a challenge by its row, both in the transaction
//! of the certificate (`enrolment`); a renewal of the RA's certificates by the key of its generation.

mod challenge;
pub(crate) mod enrolment;
mod profile;
mod purge;
mod ra_certificate;

use async_trait::async_trait;
use chancery_core::audit::AuditEntry;
use chancery_core::{RaProfile, StoreError};
use chancery_scep::port::{RaCertificate, ScepStore, Transaction};
use chancery_scep::{Activation, Challenge, DoorId, ScepProfile};
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
impl ScepStore for Store {
    async fn scep_profiles(&self) -> Result<Vec<ScepProfile>, StoreError> {
        self.read(profile::list).await
    }

    async fn create_scep_profile(&self, profile: ScepProfile, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            profile::create(c, &profile)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn update_scep_profile(&self, profile: ScepProfile, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| Ok(tell(told, profile::update(c, &profile)?, &audit))).await
    }

    async fn delete_scep_profile(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| Ok(tell(told, profile::delete(c, id)?, &audit))).await
    }

    async fn scep_activations(&self) -> Result<Vec<Activation>, StoreError> {
        self.read(profile::activations).await
    }

    async fn activate_scep(
        &self,
        activation: Activation,
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

    async fn deactivate_scep(&self, profile: RaProfile, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            crate::profile::update(c, &profile)?;
            profile::deactivate(c, profile.id)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn create_challenge(&self, challenge: Challenge, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            challenge::create(c, &challenge)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn challenge_by_lookup(&self, lookup: [u8; 32]) -> Result<Option<Challenge>, StoreError> {
        self.read(move |c| challenge::by_lookup(c, &lookup)).await
    }

    async fn challenges(&self, limit: u32) -> Result<Vec<Challenge>, StoreError> {
        self.list(move |c| challenge::list(c, limit)).await
    }

    async fn revoke_challenge(&self, id: Uuid, at: OffsetDateTime, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| Ok(tell(told, challenge::revoke(c, id, at)?, &audit))).await
    }

    async fn challenge_mismatched(&self, id: Uuid) -> Result<(), StoreError> {
        self.write(move |c, _| challenge::mismatched(c, id)).await
    }

    async fn transactions(&self, door: DoorId, transaction_id: Vec<u8>) -> Result<Vec<Transaction>, StoreError> {
        self.read(move |c| enrolment::find(c, door, &transaction_id)).await
    }

    async fn add_ra_certificate(&self, certificate: RaCertificate) -> Result<bool, StoreError> {
        self.write(move |c, _| ra_certificate::add(c, &certificate)).await
    }

    async fn ra_certificates(
        &self,
        scep_profile: Uuid,
        authority: Uuid,
        after: OffsetDateTime,
    ) -> Result<Vec<RaCertificate>, StoreError> {
        self.read(move |c| ra_certificate::list(c, scep_profile, authority, after)).await
    }

    async fn purge_scep(&self, before: OffsetDateTime, limit: u32) -> Result<u64, StoreError> {
        self.write(move |c, _| purge::purge(c, before, limit)).await
    }
}
