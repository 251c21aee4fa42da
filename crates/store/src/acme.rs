//! The ACME door's state, behind `chancery_acme`'s port.
//!
//! What many may do at once is decided by one statement or one row: an order by its row (`finalize`), a key by the index
//! over directory and key (`account`), a certificate's replacement by an index over it (`order`), a challenge by its
//! authorization's row (`authorization`), a nonce by its key.

mod account;
mod authorization;
mod code;
mod eab;
pub(crate) mod finalize;
mod nonce;
mod order;
mod profile;
mod purge;
mod renewal;

use std::collections::HashMap;

use async_trait::async_trait;
use chancery_acme::port::{
    AcmeStore, KeyChanged, OrderCounts, Ordered, Purge, Registered, RenewalMark, Settled, Unfinished,
};
use chancery_acme::{
    Account, AccountStatus, AcmeProfile, Activation, Authorization, Challenge, DirectoryId, EabKey, Identifier, Order,
    Problem,
};
use chancery_core::audit::AuditEntry;
use chancery_core::{RaProfile, StoreError};
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
impl AcmeStore for Store {
    async fn acme_profiles(&self) -> Result<Vec<AcmeProfile>, StoreError> {
        self.read(profile::list).await
    }

    async fn create_acme_profile(&self, profile: AcmeProfile, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            profile::create(c, &profile)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn update_acme_profile(&self, profile: AcmeProfile, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| Ok(tell(told, profile::update(c, &profile)?, &audit))).await
    }

    async fn delete_acme_profile(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| Ok(tell(told, profile::delete(c, id)?, &audit))).await
    }

    async fn activations(&self) -> Result<Vec<Activation>, StoreError> {
        self.read(profile::activations).await
    }

    async fn activate(&self, activation: Activation, profile: RaProfile, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            crate::profile::update(c, &profile)?;
            profile::activate(c, &activation)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn deactivate(&self, profile: RaProfile, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            crate::profile::update(c, &profile)?;
            profile::deactivate(c, profile.id)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn account(&self, id: Uuid) -> Result<Option<Account>, StoreError> {
        self.read(move |c| account::find(c, id)).await
    }

    async fn account_by_key(
        &self,
        directory: DirectoryId,
        thumbprint: [u8; 32],
    ) -> Result<Option<Account>, StoreError> {
        self.read(move |c| account::by_key(c, directory, &thumbprint)).await
    }

    async fn is_account_key(&self, key_identity: [u8; 32]) -> Result<bool, StoreError> {
        self.read(move |c| account::is_key(c, &key_identity)).await
    }

    async fn create_account(&self, account: Account, audit: AuditEntry) -> Result<Registered, StoreError> {
        self.write(move |c, told| {
            let registered = account::create(c, &account)?;
            tell(told, registered == Registered::New, &audit);
            Ok(registered)
        })
        .await
    }

    async fn update_account(
        &self,
        id: Uuid,
        contacts: Vec<String>,
        terms_agreed_at: Option<OffsetDateTime>,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        self.write(move |c, told| Ok(tell(told, account::update(c, id, &contacts, terms_agreed_at)?, &audit))).await
    }

    async fn end_account(
        &self,
        id: Uuid,
        status: AccountStatus,
        at: OffsetDateTime,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        self.write(move |c, told| Ok(tell(told, account::end(c, id, status, at)?, &audit))).await
    }

    async fn disable_account(&self, id: Uuid, disabled: bool, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| Ok(tell(told, account::disable(c, id, disabled)?, &audit))).await
    }

    async fn change_account_key(
        &self,
        account: Account,
        old: [u8; 32],
        audit: AuditEntry,
    ) -> Result<KeyChanged, StoreError> {
        let (directory, thumbprint) = (account.directory, account.thumbprint);
        let changed = self
            .write(move |c, told| {
                let changed = account::change_key(c, &account, &old)?;
                tell(told, changed == KeyChanged::Done, &audit);
                Ok(changed)
            })
            .await;
        match changed {
            // Another transaction was first.
            Err(StoreError::Duplicate(_)) => {
                let other = self.account_by_key(directory, thumbprint).await?;
                Ok(other.map_or(KeyChanged::Stale, |other| KeyChanged::InUse(other.id)))
            }
            changed => changed,
        }
    }

    async fn accounts(
        &self,
        acme_profile: Option<Uuid>,
        ra_profiles: Option<Vec<Uuid>>,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError> {
        self.list(move |c| account::list(c, acme_profile, ra_profiles.as_deref(), after, limit)).await
    }

    async fn order_counts(&self, accounts: Vec<Uuid>) -> Result<HashMap<Uuid, OrderCounts>, StoreError> {
        self.list(move |c| order::counts(c, &accounts)).await
    }

    async fn create_eab_key(&self, key: EabKey, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            eab::create(c, &key)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn eab_key(&self, id: Uuid) -> Result<Option<EabKey>, StoreError> {
        self.read(move |c| eab::find(c, id)).await
    }

    async fn eab_keys(&self) -> Result<Vec<EabKey>, StoreError> {
        self.list(eab::list).await
    }

    async fn revoke_eab_key(&self, id: Uuid, at: OffsetDateTime, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| Ok(tell(told, eab::revoke(c, id, at)?, &audit))).await
    }

    async fn create_order(
        &self,
        order: Order,
        new_authorizations: Vec<Authorization>,
        most: Unfinished,
    ) -> Result<Ordered, StoreError> {
        self.write(move |c, _| order::create(c, &order, &new_authorizations, most)).await
    }

    async fn order(&self, id: Uuid) -> Result<Option<(Order, Vec<Authorization>)>, StoreError> {
        self.read(move |c| order::find(c, id)).await
    }

    async fn orders(
        &self,
        account: Uuid,
        now: OffsetDateTime,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, StoreError> {
        self.list(move |c| order::list(c, account, now, after, limit)).await
    }

    async fn fail_order(&self, id: Uuid, error: Problem) -> Result<bool, StoreError> {
        self.write(move |c, _| order::fail(c, id, &error)).await
    }

    async fn complete_order(&self, id: Uuid) -> Result<bool, StoreError> {
        self.write(move |c, _| order::complete(c, id)).await
    }

    async fn order_of_certificate(&self, certificate: Uuid) -> Result<Option<Order>, StoreError> {
        self.read(move |c| order::of_certificate(c, certificate)).await
    }

    async fn is_replaced(&self, certificate: Uuid, at: OffsetDateTime) -> Result<bool, StoreError> {
        self.read(move |c| order::is_replaced(c, certificate, at)).await
    }

    async fn create_authorization(&self, authorization: Authorization, most: u32) -> Result<bool, StoreError> {
        self.write(move |c, _| authorization::create(c, &authorization, most)).await
    }

    async fn authorization(&self, id: Uuid) -> Result<Option<Authorization>, StoreError> {
        self.read(move |c| authorization::find(c, id)).await
    }

    async fn authorizations_for(
        &self,
        account: Uuid,
        identifiers: Vec<Identifier>,
        at: OffsetDateTime,
    ) -> Result<Vec<Authorization>, StoreError> {
        self.read(move |c| authorization::usable(c, account, &identifiers, at)).await
    }

    async fn begin_challenge(
        &self,
        authorization: Uuid,
        challenge: Challenge,
        now: OffsetDateTime,
        attempt_at: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        self.write(move |c, _| authorization::begin(c, authorization, &challenge, now, attempt_at)).await
    }

    async fn settle_challenge(&self, authorization: Uuid, settled: Settled) -> Result<bool, StoreError> {
        self.write(move |c, _| authorization::settle(c, authorization, &settled)).await
    }

    async fn caa_checked(&self, authorizations: Vec<Uuid>, at: OffsetDateTime) -> Result<(), StoreError> {
        self.write(move |c, _| authorization::caa_checked(c, &authorizations, at)).await
    }

    async fn deactivate_authorization(&self, id: Uuid) -> Result<bool, StoreError> {
        self.write(move |c, _| authorization::deactivate(c, id)).await
    }

    async fn claim_attempts(
        &self,
        now: OffsetDateTime,
        until: OffsetDateTime,
        limit: u32,
        except: Vec<Uuid>,
    ) -> Result<Vec<Authorization>, StoreError> {
        // Looked for outside the transaction: whoever writes waits for no sorting, and a quiet database is not written to.
        let due = self.read(move |c| authorization::due(c, now, limit, &except)).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        self.write(move |c, _| authorization::claim(c, &due, now, until)).await
    }

    async fn mark_for_renewal(
        &self,
        certificates: Vec<Uuid>,
        mark: Option<RenewalMark>,
        audit: AuditEntry,
    ) -> Result<u64, StoreError> {
        self.write(move |c, told| {
            let changed = renewal::mark(c, &certificates, mark.as_ref())?;
            tell(told, changed > 0, &audit);
            Ok(changed)
        })
        .await
    }

    async fn renewal_mark(&self, certificate: Uuid) -> Result<Option<RenewalMark>, StoreError> {
        self.read(move |c| renewal::find(c, certificate)).await
    }

    async fn spend_nonce(&self, nonce: [u8; 32], expires_at: OffsetDateTime) -> Result<bool, StoreError> {
        self.write(move |c, _| nonce::spend(c, &nonce, expires_at)).await
    }

    async fn purge(&self, purge: Purge, now: OffsetDateTime) -> Result<u64, StoreError> {
        self.write(move |c, _| purge::purge(c, purge, now)).await
    }
}
