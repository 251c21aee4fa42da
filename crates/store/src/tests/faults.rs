//! Full disks, broken rules in the middle of a group, lost connections: nobody else's write is lost or half-kept, and
//! the store recovers without being opened again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_core::audit::{ChainHead, ChainPosition};
use chancery_core::port::{AuditStore, Database, InventoryStore, IssueRecord};
use chancery_core::{RaProfile, StoreError};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use tokio::sync::oneshot;

use super::{Place, contract, record, stored_profile, verify};
use crate::Store;
use crate::chain::Head;
use crate::connection::{AnyConnection, Purpose, Target};
use crate::lane::Lane;
use crate::reader::{Question, answer};

contract!(
    a_trigger_that_raises_hits_its_row_alone,
    an_unreadable_audit_row_undoes_its_certificate,
    slow_lists_hold_nobody_else_up,
    a_commit_without_an_answer_is_looked_up,
);

async fn a_commit_without_an_answer_is_looked_up(place: Place) {
    let store = place.open().await;
    stored_profile(&store, "p").await;
    let heads = store.heads().await.unwrap();
    assert!(!heads.is_empty());
    for ChainHead { position, hash } in heads {
        let target = Arc::clone(&store.0.target);
        let mut lane = Lane::new(position.node, position.lane, target, Arc::default());
        assert!(lane.committed(Head { position, hash }));
        assert!(!lane.committed(Head { position, hash: [7; 32] }));
        let next = ChainPosition { sequence: position.sequence + 1, ..position };
        assert!(!lane.committed(Head { position: next, hash }));
    }
}

/// The connection ends after the last statement and before the commit is done.
#[tokio::test]
async fn a_commit_that_dies_is_not_told_as_done() {
    let Some(place) = Place::postgres() else { return };
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    place.execute(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL; END $$",
    );
    place.execute(
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON certificates DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION die()",
    );
    let lost = record(&profile);
    let told = store.record(lost.clone()).await;
    assert!(matches!(&told, Err(StoreError::Unavailable(why)) if why.contains("not known")), "{told:?}");
    assert!(store.certificate(lost.certificate.id).await.unwrap().is_none());
    place.execute("DROP TRIGGER die ON certificates");
    store.record(record(&profile)).await.unwrap();
    verify(&store).await;
}

/// Lists that do not end, until told so.
async fn slow_lists_hold_nobody_else_up(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    let slow = || {
        let (store, gate) = (store.clone(), gate.clone());
        tokio::spawn(async move {
            let wait = move |_: &mut _| {
                // Ends when the sender goes.
                let _ = gate.lock().unwrap().recv();
                Ok(())
            };
            store.list(wait).await
        })
    };
    let lists: Vec<_> = (0..crate::LISTERS + crate::WAITING_LISTS).map(|_| slow()).collect();
    // Those that are not answered in time wait behind the slow ones, until there is no room.
    let refused = loop {
        if let Ok(Err(refused)) = tokio::time::timeout(Duration::from_millis(20), store.list(|_| Ok(()))).await {
            break refused;
        }
    };
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    let issued = record(&profile);
    store.record(issued.clone()).await.unwrap();
    assert!(store.certificate(issued.certificate.id).await.unwrap().is_some());
    drop(go);
    for list in lists {
        // Those that waited behind the slow ones may have waited too long.
        drop(list.await.unwrap());
    }
    while store.list(|_| Ok(())).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_list_that_takes_too_long_is_ended() {
    let Some(place) = Place::postgres() else { return };
    let store = place.open().await;
    let began = Instant::now();
    let ended = store.list(|c| Ok(c.batch_execute("SELECT pg_sleep(60)")?)).await;
    assert!(matches!(&ended, Err(StoreError::TooLong(_))), "{ended:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "tried once only");
}

/// SQLite has no time limit of its own: the filters' statement asks, row by row.
#[tokio::test]
async fn a_list_of_sqlite_that_takes_too_long_is_ended() {
    use chancery_core::{CertificateField, CertificateFilter, CertificateQuery, Condition};

    let place = Place::sqlite();
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    for _ in 0..200 {
        store.record(record(&profile)).await.unwrap();
    }
    let (target, mut open) = (Target::parse(&place.url, None).unwrap(), None);
    let mut list = |field, limit| {
        let filters = vec![CertificateFilter { field, condition: Condition::Contains("example".into()) }];
        let query = CertificateQuery { filters, ..CertificateQuery::default() };
        let (reply, _answer) = oneshot::channel();
        let mut question = Question {
            body: move |c: &mut AnyConnection| {
                let matching = crate::search::matching(&query, c);
                Ok(matching.select(diesel::dsl::count_star()).get_result::<i64>(c)?)
            },
            value: None,
            reply,
        };
        answer(&target, Purpose::List, limit, &mut open, &mut question).map(|()| question.value)
    };
    for field in [CertificateField::SubjectAltName, CertificateField::Subject] {
        assert_eq!(list(field, Duration::from_secs(60)).unwrap(), Some(200));
        let late = list(field, Duration::ZERO);
        assert!(matches!(late, Err(StoreError::TooLong(_))), "{late:?}");
        assert_eq!(list(field, Duration::from_secs(60)).unwrap(), Some(200), "the connection is as good as before");
    }
}

/// Wait at once with all of them.
async fn record_all(store: &Store, records: &[IssueRecord]) -> Vec<Result<(), StoreError>> {
    let waiting: Vec<_> = records
        .iter()
        .map(|record| {
            let (store, record) = (store.clone(), record.clone());
            tokio::spawn(async move { store.record(record).await })
        })
        .collect();
    let mut results = Vec::new();
    for one in waiting {
        results.push(one.await.unwrap());
    }
    results
}

/// What was told stands, and what was refused left nothing: with the audit checked elsewhere.
async fn told_the_truth(store: &Store, records: &[IssueRecord], results: &[Result<(), StoreError>]) {
    for (record, result) in records.iter().zip(results) {
        let stored = store.certificate(record.certificate.id).await.unwrap();
        assert_eq!(stored.is_some(), result.is_ok(), "{result:?}");
    }
}

fn trigger(place: &Place, table: &str, condition: &str) {
    if place.url.starts_with("sqlite") {
        place.execute(&format!(
            "CREATE TRIGGER no BEFORE INSERT ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, 'no'); END"
        ));
    } else {
        place.execute("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$");
        place.execute(&format!(
            "CREATE TRIGGER no BEFORE INSERT ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION no()"
        ));
    }
}

async fn a_trigger_that_raises_hits_its_row_alone(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    trigger(&place, "certificate_names", "NEW.value = 'raise.example'");
    let mut records: Vec<_> = (0..30).map(|_| record(&profile)).collect();
    records[13].names[1].value = "raise.example".into();
    let results = record_all(&store, &records).await;
    assert!(matches!(&results[13], Err(StoreError::Internal(_))), "{:?}", results[13]);
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 29);
    told_the_truth(&store, &records, &results).await;
    assert_eq!(verify(&store).await, 30);
}

async fn an_unreadable_audit_row_undoes_its_certificate(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    trigger(&place, "audit", "NEW.body = 'raise'");
    let mut records: Vec<_> = (0..10).map(|_| record(&profile)).collect();
    records[4].audit.body = "raise".into();
    let results = record_all(&store, &records).await;
    assert!(matches!(&results[4], Err(StoreError::Internal(_))), "{:?}", results[4]);
    told_the_truth(&store, &records, &results).await;
    assert_eq!(verify(&store).await, 10);
}

/// Keep issuing until `stop` says so; whatever was answered must be true at the end.
async fn load(store: &Store, profile: &RaProfile, mut stop: impl FnMut(&[Result<(), StoreError>]) -> bool) {
    let mut records = Vec::new();
    let mut results = Vec::new();
    while !stop(&results) {
        let group: Vec<_> = (0..32).map(|_| record(profile)).collect();
        results.extend(record_all(store, &group).await);
        records.extend(group);
    }
    told_the_truth(store, &records, &results).await;
}

#[tokio::test]
async fn a_full_database_answers_unavailable_and_goes_on_when_there_is_room() {
    let place = Place::sqlite();
    Store::migrate(&place.url).await.unwrap();
    let mut options = place.options();
    options.max_bytes = Some(600_000);
    let small = Store::open(options.clone()).await.unwrap();
    let profile = stored_profile(&small, "p").await;
    load(&small, &profile, |results| results.iter().any(Result::is_err)).await;
    // Single ones may still fit where a group did not.
    let refused = loop {
        if let Err(refused) = small.record(record(&profile)).await {
            break refused;
        }
    };
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    verify(&small).await;
    // Room is made behind its back: the same store writes again.
    place.execute("DELETE FROM certificate_names");
    let deadline = Instant::now() + Duration::from_secs(10);
    while small.ping().await.is_err() {
        assert!(Instant::now() < deadline, "the store did not recover");
    }
    verify(&small).await;
    drop(small);
    options.max_bytes = None;
    let store = Store::open(options).await.unwrap();
    store.record(record(&profile)).await.unwrap();
    verify(&store).await;
}

#[tokio::test]
async fn a_killed_connection_is_replaced_and_nothing_is_half_kept() {
    let Some(place) = Place::postgres() else { return };
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let killer = {
        let place = &place;
        move || {
            place.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            );
        }
    };
    let mut rounds = 0;
    load(&store, &profile, |_| {
        rounds += 1;
        if rounds % 3 == 0 {
            killer();
        }
        rounds > 30
    })
    .await;
    store.record(record(&profile)).await.unwrap();
    verify(&store).await;
}

#[tokio::test]
async fn connections_killed_in_mid_load_leave_the_truth() {
    let Some(place) = Place::postgres() else { return };
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let url = place.url.clone();
    let killer = std::thread::spawn(move || {
        use diesel::Connection;
        use diesel::connection::SimpleConnection;
        let mut connection = PgConnection::establish(&url).unwrap();
        for _ in 0..200 {
            connection
                .batch_execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                     AND pid <> pg_backend_pid() AND state <> 'idle'",
                )
                .unwrap();
        }
    });
    let mut records = Vec::new();
    let mut results = Vec::new();
    while !killer.is_finished() {
        let group: Vec<_> = (0..32).map(|_| record(&profile)).collect();
        results.extend(record_all(&store, &group).await);
        records.extend(group);
    }
    // An answer "unavailable" after a lost COMMIT may stand for a certificate that is there; never the other way round.
    for (record, result) in records.iter().zip(&results) {
        if result.is_ok() {
            assert!(store.certificate(record.certificate.id).await.unwrap().is_some());
        }
    }
    store.record(record(&profile)).await.unwrap();
    verify(&store).await;
}
