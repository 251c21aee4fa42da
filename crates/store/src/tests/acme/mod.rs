//! The contract of the ACME door's port.

mod account;
mod authorization;
mod finalize;
mod order;
mod profile;
mod purge;

use std::sync::Mutex;

use chancery_acme::port::{AcmeStore, Ordered, Registered, Settled, Unfinished};
use chancery_acme::{
    Account, AccountStatus, Authorization, AuthorizationStatus, Challenge, ChallengeStatus, ChallengeType, DirectoryId,
    EabKey, Identifier, Order, StoredOrderStatus,
};
use chancery_core::audit::{AuditEntry, Event};
use chancery_core::{Clock, SystemClock, instant, micros};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{random, told};
use crate::Store;

/// An id that is higher than those before: those of one millisecond are in no order otherwise.
fn id() -> Uuid {
    static LAST: Mutex<u128> = Mutex::new(0);
    let mut last = LAST.lock().unwrap();
    *last = super::id().as_u128().max(*last + 1);
    Uuid::from_u128(*last)
}

/// An instant as the store keeps it.
fn now() -> OffsetDateTime {
    instant(micros(SystemClock.now()))
}

fn entry() -> AuditEntry {
    told(Event::AcmeAccountCreate)
}

fn directory() -> DirectoryId {
    DirectoryId { acme_profile: id(), ra_profile: id() }
}

fn account_at(directory: DirectoryId) -> Account {
    Account {
        id: id(),
        directory,
        status: AccountStatus::Valid,
        thumbprint: random(),
        jwk: r#"{"crv":"P-256","kty":"EC","x":"eA","y":"eQ"}"#.to_owned(),
        key_identity: random(),
        contacts: vec!["mailto:ops@example.org".to_owned()],
        terms_agreed_at: None,
        eab_key: None,
        eab: None,
        disabled: false,
        created_at: now(),
    }
}

async fn stored_account(store: &Store) -> Account {
    let account = account_at(directory());
    assert_eq!(store.create_account(account.clone(), entry()).await.unwrap(), Registered::New);
    account
}

fn eab_key(ra_profile: Uuid) -> EabKey {
    EabKey {
        id: id(),
        ra_profile,
        acme_profile: None,
        description: "printers".to_owned(),
        sealed: vec![1, 2, 3],
        names: Some(vec!["*.example.org".to_owned()]),
        uses: None,
        used: 0,
        quota: None,
        issued: 0,
        expires_at: None,
        revoked_at: None,
        created_at: now(),
    }
}

fn challenge(kind: ChallengeType) -> Challenge {
    Challenge {
        kind,
        status: ChallengeStatus::Pending,
        token: "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJyPCt7b3fJ6k".to_owned(),
        validated: None,
        error: None,
        attempts: 0,
        payload: None,
        account_url: None,
    }
}

fn authorization_of(account: Uuid, name: &str) -> Authorization {
    let now = now();
    Authorization {
        id: id(),
        account,
        identifier: Identifier::Dns(name.to_owned()),
        wildcard: false,
        subdomains: false,
        status: AuthorizationStatus::Pending,
        expires_at: now + Duration::days(1),
        challenges: vec![challenge(ChallengeType::Http01), challenge(ChallengeType::Dns01)],
        attempt_at: None,
        caa_checked_at: None,
        created_at: now,
    }
}

fn order_of(account: &Account, authorizations: &[Authorization]) -> Order {
    let now = now();
    Order {
        id: id(),
        account: account.id,
        status: StoredOrderStatus::Open,
        ra_profile: account.directory.ra_profile,
        profile: Some("tls-server".to_owned()),
        identifiers: authorizations.iter().map(|authorization| authorization.identifier.clone()).collect(),
        authorizations: authorizations.iter().map(|authorization| authorization.id).collect(),
        not_before: None,
        not_after: Some(now + Duration::days(30)),
        expires_at: now + Duration::hours(10),
        error: None,
        certificate: None,
        replaces: None,
        created_at: now,
    }
}

/// So many open orders, and any number of pending authorizations.
fn most(orders: u32) -> Unfinished {
    Unfinished { orders, authorizations: u32::MAX }
}

/// An order for two names with its authorizations, stored.
async fn stored_order(store: &Store, account: &Account) -> (Order, Vec<Authorization>) {
    let authorizations = vec![authorization_of(account.id, "a.example"), authorization_of(account.id, "b.example")];
    let order = order_of(account, &authorizations);
    assert_eq!(store.create_order(order.clone(), authorizations.clone(), most(1_000)).await.unwrap(), Ordered::New);
    (order, authorizations)
}

/// How a successful attempt ends.
fn proved(authorization: &Authorization) -> Settled {
    let mut challenge = authorization.challenges[0].clone();
    challenge.status = ChallengeStatus::Valid;
    challenge.validated = Some(now());
    challenge.attempts += 1;
    Settled {
        at: now(),
        challenge,
        status: AuthorizationStatus::Valid,
        expires_at: Some(now() + Duration::days(1)),
        attempt_at: None,
        caa_checked_at: None,
    }
}

/// An order that is ready.
async fn ready_order(store: &Store, account: &Account) -> (Order, Vec<Authorization>) {
    let (order, authorizations) = stored_order(store, account).await;
    for authorization in &authorizations {
        assert!(store.settle_challenge(authorization.id, proved(authorization)).await.unwrap());
    }
    (order, authorizations)
}
