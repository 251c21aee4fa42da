//! The database's own limit: how fast the rows of issuances go in, in the same groups, without a server.
//!
//! What is measured is the store's hot path alone: certificate object, names, audit entry, guards, commit. Nothing is
//! signed or parsed; the bytes are chance of the right size.

mod order;
mod scratch;

use std::time::{Duration, Instant};

use chancery_core::audit::{Event, Telling};
use chancery_core::port::{InventoryStore, IssueRecord, ProfileStore};
use chancery_core::{
    Actor, CertificateRecord, CertificateState, Clock, Door, Origin, RaProfile, Rng, SearchName, StoreError,
    SystemClock, SystemRng, new_id,
};
use chancery_pki::{Fingerprint, SerialNumber};
use uuid::Uuid;

use crate::{OpenError, Store, StoreOptions};

pub use order::{fill_orders, order_rate_at, order_rate_beside};

/// What one issuance looks like, and how many wait at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of a certificate.
    pub certificate: usize,
    /// Bytes of a request.
    pub request: usize,
    /// Searchable names of a certificate.
    pub names: usize,
    /// Bytes of an audit entry's body, at least.
    pub audit: usize,
    /// Callers that wait at the same time.
    pub clients: usize,
    /// How many of them go into one transaction at the most; the groups are of this size when twice as many wait.
    pub group: usize,
}

impl Default for Shape {
    /// A P-256 TLS server certificate with two names, 64 callers.
    fn default() -> Self {
        Self { certificate: 800, request: 450, names: 2, audit: 400, clients: 64, group: crate::lane::GROUP }
    }
}

/// A measured rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Issuances committed.
    pub issued: u64,
    /// Rows committed: certificate objects, names, audit entries.
    pub rows: u64,
    /// In this time.
    pub elapsed: Duration,
}

impl Rate {
    /// Issuances per second.
    pub fn per_second(&self) -> f64 {
        self.issued as f64 / self.elapsed.as_secs_f64()
    }
}

/// Measure on a database of its own (an empty one: it keeps the rows), which is migrated first.
pub async fn issue_rate_at(url: &str, shape: Shape, duration: Duration) -> Result<Rate, OpenError> {
    Store::migrate(url).await?;
    let options = StoreOptions::new(url, new_id(&SystemClock, &SystemRng));
    let store = Store::open(StoreOptions { group: shape.group, ..options }).await?;
    Ok(issue_rate(&store, shape, duration).await?)
}

/// Measure on a scratch database beside the one of `url` (same disk, same server), made for it and removed afterwards.
pub async fn issue_rate_beside(url: &str, shape: Shape, duration: Duration) -> Result<Rate, OpenError> {
    let scratch = scratch::Scratch::beside(url, new_id(&SystemClock, &SystemRng))?;
    issue_rate_at(&scratch.url, shape, duration).await
}

/// Measure on an open store: adds a profile and its certificates to it.
pub async fn issue_rate(store: &Store, shape: Shape, duration: Duration) -> Result<Rate, StoreError> {
    let id = new_id(&SystemClock, &SystemRng);
    let profile = profile(id, &format!("bench-{id}"));
    let told = Telling::success(&Actor::system(), &Origin::system(), Event::ProfileCreate).at(SystemClock.now());
    store.create_profile(profile.clone(), told).await?;
    let issuer = new_id(&SystemClock, &SystemRng);

    let start = Instant::now();
    let clients: Vec<_> = (0..shape.clients)
        .map(|_| {
            let (store, profile) = (store.clone(), profile.clone());
            tokio::spawn(async move {
                let mut issued = 0;
                while start.elapsed() < duration {
                    store.record(issuance(&SystemClock, &SystemRng, &profile, issuer, shape)).await?;
                    issued += 1;
                }
                Ok::<u64, StoreError>(issued)
            })
        })
        .collect();
    let mut issued = 0;
    for client in clients {
        issued += client.await.map_err(|error| StoreError::Internal(error.to_string()))??;
    }
    let rows = issued * (2 + shape.names as u64);
    Ok(Rate { issued, rows, elapsed: start.elapsed() })
}

/// An RA profile for the measurement.
pub(crate) fn profile(id: Uuid, name: &str) -> RaProfile {
    let now = SystemClock.now();
    RaProfile {
        id,
        name: name.to_owned(),
        description: None,
        enabled: true,
        authority: Uuid::nil(),
        doors: [Door::Acme].into(),
        attributes: Vec::new(),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// An issuance of this shape, with random identifiers and filler for the rest.
pub(crate) fn issuance(
    clock: &dyn Clock,
    rng: &dyn Rng,
    profile: &RaProfile,
    issuer: Uuid,
    shape: Shape,
) -> IssueRecord {
    let now = clock.now();
    let id = new_id(clock, rng);
    let random = || {
        let mut bytes = [0; 32];
        rng.fill(&mut bytes);
        bytes
    };
    let mut serial = [0; 16];
    rng.fill(&mut serial);
    let label = random();
    let host = |number: usize| format!("host-{}-{number}.example.com", Fingerprint(label).to_hex().split_at(12).0);
    let mut names: Vec<SearchName> = (0..shape.names)
        .map(|number| SearchName { kind: if number == 0 { "cn" } else { "dns" }, value: host(number) })
        .collect();
    names.sort();
    let (actor, origin) = (Actor::system(), Origin::system());
    let telling = Telling::success(&actor, &origin, Event::CertificateIssue).profile(Some(profile.id)).certificate(id);
    let bare = telling.clone().at(now).body.len();
    let audit = telling.with("subject", "x".repeat(shape.audit.saturating_sub(bare + 12))).at(now);
    IssueRecord {
        certificate: CertificateRecord {
            id,
            state: CertificateState::Issued,
            profile: Some(profile.id),
            authority: Some(profile.authority),
            issuer: Some(issuer),
            door: Door::Rest,
            owner: "bench".to_owned(),
            owner_id: Uuid::nil(),
            subject: format!("CN={}", host(0)),
            common_name: host(0),
            serial: Some(SerialNumber::from_random(serial)),
            fingerprint: Some(Fingerprint(random())),
            key_hash: random(),
            not_before: Some(now),
            not_after: Some(now + time::Duration::days(90)),
            certificate: Some(vec![0x30; shape.certificate]),
            request: Some(vec![0x30; shape.request]),
            predecessor: None,
            issue_attributes: Vec::new(),
            revoke_attributes: Vec::new(),
            created_at: now,
            revocation: None,
            archived: false,
        },
        names,
        audit,
        profile_version: Some(profile.version),
        predecessor_must_stand: false,
        approval: None,
        alongside: None,
    }
}
