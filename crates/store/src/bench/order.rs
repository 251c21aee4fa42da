//! ACME orders: how fast the rows of whole orders go in, and many of them for a database that is to be measured full.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_acme::port::{AcmeStore, FinalizeOrder, Ordered, Registered, Settled, Unfinished};
use chancery_acme::{
    Account, AccountStatus, Authorization, AuthorizationStatus, Challenge, ChallengeStatus, ChallengeType, DirectoryId,
    Identifier, Order, StoredOrderStatus,
};
use chancery_core::audit::{Event, Telling};
use chancery_core::port::{Alongside, InventoryStore, ProfileStore};
use chancery_core::{Actor, Clock, Origin, RaProfile, Rng, StoreError, SystemClock, SystemRng, new_id};
use uuid::Uuid;

use super::scratch::Scratch;
use super::{Rate, Shape, issuance, profile};
use crate::{OpenError, Store, StoreOptions};

/// Rows that an order of one name writes beside the names of its certificate: order and authorization are inserted,
/// the authorization is updated when its challenge begins and ends, the order when it is finalized; certificate object
/// and audit entry are inserted. In four transactions, shared with whatever else waits.
pub const ROWS: u64 = 7;
/// How much longer a challenge may take than it does here, where nobody is asked.
const LEASE: time::Duration = time::Duration::seconds(30);

/// Measure on a scratch database beside the one of `url`: whole orders of one name each, an account reused.
pub async fn order_rate_beside(url: &str, shape: Shape, duration: Duration) -> Result<Rate, OpenError> {
    let scratch = Scratch::beside(url, new_id(&SystemClock, &SystemRng))?;
    order_rate_at(&scratch.url, shape, duration).await
}

/// Measure on a database of its own, which is migrated first and keeps the rows.
pub async fn order_rate_at(url: &str, shape: Shape, duration: Duration) -> Result<Rate, OpenError> {
    let store = open(url).await?;
    let start = Instant::now();
    let issued = run(&store, shape, move |_| start.elapsed() < duration).await?;
    Ok(Rate { issued, rows: issued * (ROWS + shape.names as u64), elapsed: start.elapsed() })
}

/// Add finished orders of an account of their own to a database whose server is not running.
pub async fn fill_orders(url: &str, shape: Shape, count: u64) -> Result<u64, OpenError> {
    let store = open(url).await?;
    Ok(run(&store, shape, move |made| made < count.div_ceil(shape.clients as u64)).await?)
}

async fn open(url: &str) -> Result<Store, OpenError> {
    Store::migrate(url).await?;
    Store::open(StoreOptions::new(url, new_id(&SystemClock, &SystemRng))).await
}

/// Orders from every client, while `more` of a client's own count says so.
async fn run(
    store: &Store,
    shape: Shape,
    more: impl Fn(u64) -> bool + Clone + Send + 'static,
) -> Result<u64, StoreError> {
    let id = new_id(&SystemClock, &SystemRng);
    let profile = profile(id, &format!("bench-{id}"));
    let told = |event| Telling::success(&Actor::system(), &Origin::system(), event).at(SystemClock.now());
    store.create_profile(profile.clone(), told(Event::ProfileCreate)).await?;
    let account = account(profile.id);
    let registered = store.create_account(account.clone(), told(Event::AcmeAccountCreate)).await?;
    debug_assert_eq!(registered, Registered::New, "a random key");
    let issuer = new_id(&SystemClock, &SystemRng);
    let bench = Arc::new(Bench { store: store.clone(), profile, account: account.id, issuer, shape });
    let clients: Vec<_> = (0..shape.clients)
        .map(|_| {
            let (bench, more) = (Arc::clone(&bench), more.clone());
            tokio::spawn(async move {
                let mut made = 0;
                while more(made) {
                    bench.order().await?;
                    made += 1;
                }
                Ok::<u64, StoreError>(made)
            })
        })
        .collect();
    let mut made = 0;
    for client in clients {
        made += client.await.map_err(|error| StoreError::Internal(error.to_string()))??;
    }
    Ok(made)
}

struct Bench {
    store: Store,
    profile: RaProfile,
    account: Uuid,
    issuer: Uuid,
    shape: Shape,
}

impl Bench {
    /// What the door writes for one order, one after the other.
    async fn order(&self) -> Result<(), StoreError> {
        let now = SystemClock.now();
        let mut issuance = issuance(&SystemClock, &SystemRng, &self.profile, self.issuer, self.shape);
        let identifier = Identifier::Dns(issuance.certificate.common_name.clone());
        let mut challenges: Vec<_> = [ChallengeType::Http01, ChallengeType::Dns01, ChallengeType::TlsAlpn01]
            .into_iter()
            .map(challenge)
            .collect();
        let authorization = Authorization {
            id: new_id(&SystemClock, &SystemRng),
            account: self.account,
            identifier: identifier.clone(),
            wildcard: false,
            subdomains: false,
            status: AuthorizationStatus::Pending,
            expires_at: now + time::Duration::hours(10),
            challenges: challenges.clone(),
            attempt_at: None,
            caa_checked_at: None,
            created_at: now,
        };
        let order = Order {
            id: new_id(&SystemClock, &SystemRng),
            account: self.account,
            status: StoredOrderStatus::Open,
            ra_profile: self.profile.id,
            profile: None,
            identifiers: vec![identifier],
            authorizations: vec![authorization.id],
            not_before: None,
            not_after: None,
            expires_at: now + time::Duration::hours(10),
            error: None,
            certificate: None,
            replaces: None,
            created_at: now,
        };
        let unexpected = |what: &str| StoreError::Internal(format!("the measurement's own {what} was refused"));
        let finalize = FinalizeOrder {
            order: order.id,
            account: self.account,
            authorizations: order.authorizations.clone(),
            eab_key: None,
            from: StoredOrderStatus::Open,
            now,
        };
        let authorization_id = authorization.id;
        if self.store.create_order(order, vec![authorization], MOST).await? != Ordered::New {
            return Err(unexpected("order"));
        }
        let mut challenge = challenges.swap_remove(0);
        challenge.status = ChallengeStatus::Processing;
        if !self.store.begin_challenge(authorization_id, challenge.clone(), now, now + LEASE).await? {
            return Err(unexpected("challenge"));
        }
        (challenge.status, challenge.validated, challenge.attempts) = (ChallengeStatus::Valid, Some(now), 1);
        let settled = Settled {
            at: now,
            challenge,
            status: AuthorizationStatus::Valid,
            expires_at: Some(now + time::Duration::days(1)),
            attempt_at: None,
            caa_checked_at: None,
        };
        if !self.store.settle_challenge(authorization_id, settled).await? {
            return Err(unexpected("proof"));
        }
        issuance.alongside = Some(Alongside(Arc::new(finalize)));
        self.store.record(issuance).await
    }
}

/// Nothing is held back.
const MOST: Unfinished = Unfinished { orders: u32::MAX, authorizations: u32::MAX };

fn challenge(kind: ChallengeType) -> Challenge {
    // 128 bits in base64url have this length.
    let token = format!("{}{}", random_hex(), &random_hex()[..11]);
    Challenge {
        kind,
        status: ChallengeStatus::Pending,
        token,
        validated: None,
        error: None,
        attempts: 0,
        payload: None,
        account_url: None,
    }
}

fn random_hex() -> String {
    let mut bytes = [0; 16];
    SystemRng.fill(&mut bytes);
    Uuid::from_bytes(bytes).simple().to_string()
}

fn account(ra_profile: Uuid) -> Account {
    let mut key = [0; 32];
    SystemRng.fill(&mut key);
    Account {
        id: new_id(&SystemClock, &SystemRng),
        directory: DirectoryId { acme_profile: Uuid::nil(), ra_profile },
        status: AccountStatus::Valid,
        thumbprint: key,
        jwk: "{}".to_owned(),
        key_identity: key,
        contacts: Vec::new(),
        terms_agreed_at: None,
        eab_key: None,
        eab: None,
        disabled: false,
        created_at: SystemClock.now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn orders_are_measured_and_made() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/mine.db", folder.path().display());
        let shape = Shape { clients: 4, ..Shape::default() };
        assert_eq!(fill_orders(&url, shape, 10).await.unwrap(), 12);
        let rate = order_rate_beside(&url, shape, Duration::from_millis(50)).await.unwrap();
        assert!(rate.issued > 0);
        assert_eq!(rate.rows, rate.issued * 9);
    }
}
