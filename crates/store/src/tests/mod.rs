//! The contract of the ports, the same on both engines: SQLite always, PostgreSQL when `TEST_DATABASE_URL` names a server
//! whose user may create databases. Every test has a database of its own.

mod acme;
pub(crate) mod alongside;
mod authority;
mod est;
mod faults;
mod inventory;
mod nodes;
mod records;
mod schema;
mod search;
mod trail;
mod upgrade;

use chancery_core::audit::{AuditEntry, ChainPosition, Event, Telling, chain_hash};
use chancery_core::port::{AuditStore, IssueRecord, ProfileStore};
use chancery_core::{Actor, Clock, Origin, RaProfile, Rng, SystemClock, SystemRng, new_id};
use diesel::Connection;
use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use uuid::Uuid;

use crate::bench::{Shape, issuance, profile};
use crate::{Store, StoreOptions};

/// A database of a test's own, gone when it ends.
pub(super) struct Place {
    pub(super) url: String,
    _folder: Option<tempfile::TempDir>,
    database: Option<(String, String)>,
}

impl Place {
    pub(super) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite://{}/test.db", folder.path().display()), _folder: Some(folder), database: None }
    }

    pub(super) fn postgres() -> Option<Self> {
        let server = std::env::var("TEST_DATABASE_URL").ok()?;
        let name = format!("store_{}", id().simple());
        PgConnection::establish(&server).unwrap().batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        let (base, query) = server.split_once('?').map_or((server.as_str(), None), |(base, query)| (base, Some(query)));
        let (base, _) = base.rsplit_once('/').unwrap();
        let url = format!("{base}/{name}{}", query.map(|query| format!("?{query}")).unwrap_or_default());
        Some(Self { url, _folder: None, database: Some((server, name)) })
    }

    pub(super) fn options(&self) -> StoreOptions {
        StoreOptions::new(&self.url, id())
    }

    pub(super) async fn open(&self) -> Store {
        Store::migrate(&self.url).await.unwrap();
        Store::open(self.options()).await.unwrap()
    }

    /// Do what no port does, beside the store.
    pub(super) fn execute(&self, sql: &str) {
        self.try_execute(sql).unwrap();
    }

    /// Have nobody write to a table until what is returned is dropped.
    pub(super) fn hold_writes(&self, table: &str) -> crate::connection::AnyConnection {
        let target = crate::connection::Target::parse(&self.url, None).unwrap();
        let mut connection = target.connect(crate::connection::Purpose::Write).unwrap();
        let hold = match &connection {
            crate::connection::AnyConnection::Sqlite(_) => "BEGIN IMMEDIATE".to_owned(),
            crate::connection::AnyConnection::Postgres(_) => format!("BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE"),
        };
        connection.batch_execute(&hold).unwrap();
        connection
    }

    pub(super) fn try_execute(&self, sql: &str) -> diesel::QueryResult<()> {
        let target = crate::connection::Target::parse(&self.url, None).unwrap();
        target.connect(crate::connection::Purpose::Write).unwrap().batch_execute(sql)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.database {
            let dropped = PgConnection::establish(server)
                .map(|mut server| server.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")));
            drop(dropped);
        }
    }
}

/// Run each case on both engines.
macro_rules! contract {
    ($($case:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::tests::Place::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $case() {
                if let Some(place) = crate::tests::Place::postgres() {
                    super::$case(place).await;
                }
            })*
        }
    };
}
pub(super) use contract;

pub(super) fn id() -> Uuid {
    new_id(&SystemClock, &SystemRng)
}

pub(super) fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    SystemRng.fill(&mut bytes);
    bytes
}

pub(super) fn told(event: Event) -> AuditEntry {
    Telling::success(&Actor::system(), &Origin::system(), event).at(SystemClock.now())
}

pub(super) async fn stored_profile(store: &Store, name: &str) -> RaProfile {
    let profile = profile(id(), name);
    store.create_profile(profile.clone(), told(Event::ProfileCreate)).await.unwrap();
    store.profile(profile.id).await.unwrap().unwrap()
}

pub(super) fn record(profile: &RaProfile) -> IssueRecord {
    record_by(profile, Uuid::nil())
}

/// Times are kept in microseconds, so records are made of such.
pub(super) fn record_by(profile: &RaProfile, issuer: Uuid) -> IssueRecord {
    let clock = chancery_core::ManualClock::at(chancery_core::instant(chancery_core::micros(SystemClock.now())));
    issuance(&clock, &SystemRng, profile, issuer, Shape::default())
}

/// Every chain is whole, every certificate is told: returns how many entries there are.
pub(super) async fn verify(store: &Store) -> usize {
    assert_eq!(store.untold_certificates().await.unwrap(), 0);
    let mut entries = 0;
    for head in store.heads().await.unwrap() {
        let from = ChainPosition { sequence: 1, ..head.position };
        let mut previous = [0; 32];
        for (entry, expected) in store.chain(from, u32::MAX).await.unwrap().into_iter().zip(1..) {
            assert_eq!(entry.position.sequence, expected);
            assert_eq!(entry.hash, chain_hash(&previous, entry.position, &entry.body));
            previous = entry.hash;
            entries += 1;
        }
        assert_eq!(previous, head.hash);
    }
    entries
}
