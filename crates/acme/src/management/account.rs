//! Accounts, as operators see them.

use std::collections::HashMap;

use chancery_core::audit::{Event, Telling};
use chancery_core::{Action, Actor, Error, Origin, Scope};
use uuid::Uuid;

use super::state;
use crate::port::OrderCounts;
use crate::{Account, AccountStatus, Acme};

/// Most accounts of one answer.
const MOST: u32 = 1_000;

/// Which accounts.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Of this ACME profile alone.
    pub acme_profile: Option<Uuid>,
    /// Of this RA profile alone.
    pub ra_profile: Option<Uuid>,
    /// Those made before this one: where the last answer ended.
    pub after: Option<Uuid>,
    /// At most this many, and never more than 1,000.
    pub limit: u32,
}

/// An account with what it ordered.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountView {
    /// The account.
    pub account: Account,
    /// How many orders it has, by their end.
    pub orders: OrderCounts,
}

impl Acme {
    /// Accounts of the RA profiles within the actor's scope, newest first.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the role may not; [`Error::Unavailable`] when the database does not answer.
    pub async fn accounts(
        &self,
        actor: &Actor,
        origin: &Origin,
        filter: AccountFilter,
    ) -> Result<Vec<AccountView>, Error> {
        self.0.ra.demand(actor, origin, Action::ReadProfiles).await?;
        let ra_profiles = match (&actor.scope, filter.ra_profile) {
            (scope, Some(id)) if scope.contains(Some(id)) => Some(vec![id]),
            (_, Some(_)) => Some(Vec::new()),
            (Scope::All, None) => None,
            (Scope::Profiles(profiles), None) => Some(profiles.iter().copied().collect()),
        };
        if ra_profiles.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Vec::new());
        }
        let limit = filter.limit.clamp(1, MOST);
        let accounts = self.0.store.accounts(filter.acme_profile, ra_profiles, filter.after, limit).await?;
        let ids = accounts.iter().map(|account| account.id).collect();
        let mut counts: HashMap<_, _> = self.0.store.order_counts(ids).await?;
        let view = |account: Account| {
            let orders = counts.remove(&account.id).unwrap_or_default();
            AccountView { account, orders }
        };
        Ok(accounts.into_iter().map(view).collect())
    }

    /// One account.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none on an RA profile within the actor's scope.
    pub async fn account(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<AccountView, Error> {
        self.0.ra.demand(actor, origin, Action::ReadProfiles).await?;
        let account = self.0.store.account(id).await?;
        let account = account
            .filter(|account| actor.scope.contains(Some(account.directory.ra_profile)))
            .ok_or_else(|| Error::not_found("ACME account", id))?;
        let orders = self.0.store.order_counts(vec![id]).await?.remove(&id).unwrap_or_default();
        Ok(AccountView { account, orders })
    }

    /// Switch an account off, or on again: while off it answers `unauthorized` to its holder. False when it was so already.
    ///
    /// # Errors
    /// As [`Acme::account`]; [`Error::Forbidden`] when the role may not.
    pub async fn disable_account(
        &self,
        actor: &Actor,
        origin: &Origin,
        id: Uuid,
        disabled: bool,
    ) -> Result<bool, Error> {
        let account = self.managed_account(actor, origin, id).await?;
        let told = tell(actor, origin, Event::AcmeAccountUpdate, &account).with("disabled", disabled).at(self.0.now());
        Ok(self.0.store.disable_account(id, disabled, told).await?)
    }

    /// End an account for good (RFC 8555 section 7.1.6: `revoked`). Its certificates stay valid.
    ///
    /// # Errors
    /// As [`Acme::disable_account`]; [`Error::Rejected`] when it has ended already.
    pub async fn revoke_account(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<(), Error> {
        let account = self.managed_account(actor, origin, id).await?;
        let done = self.end(actor, origin, &account).await;
        let ra_profile = Some(account.directory.ra_profile);
        self.0.ra.told_of(actor, origin, Event::AcmeAccountEnd, ra_profile, None, done).await
    }

    async fn end(&self, actor: &Actor, origin: &Origin, account: &Account) -> Result<(), Error> {
        let now = self.0.now();
        let told = tell(actor, origin, Event::AcmeAccountEnd, account).with("status", "revoked").at(now);
        if self.0.store.end_account(account.id, AccountStatus::Revoked, now, told).await? {
            return Ok(());
        }
        Err(state(format!("ACME account {} has ended already, and an ended account stays ended", account.id)))
    }

    async fn managed_account(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<Account, Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        Ok(self.account(actor, origin, id).await?.account)
    }
}

fn tell<'a>(actor: &'a Actor, origin: &'a Origin, event: Event, account: &Account) -> Telling<'a> {
    Telling::success(actor, origin, event)
        .profile(Some(account.directory.ra_profile))
        .with("account", account.id.to_string())
}
