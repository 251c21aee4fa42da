//! Opening: migrations, node numbers, and what is refused.

use chancery_core::audit::Event;
use chancery_core::port::{AuditStore, InventoryStore};

use super::{Place, contract, id, record, stored_profile, told, verify};
use crate::{OpenError, Store};

contract!(refuses_an_empty_and_a_newer_schema, counts_boots_and_goes_on_with_the_chain, migrates_once_when_many_start,);

async fn refuses_an_empty_and_a_newer_schema(place: Place) {
    let empty = Store::open(place.options()).await.unwrap_err();
    assert!(matches!(&empty, OpenError::Outdated { found: None, pending } if !pending.is_empty()), "{empty:?}");
    assert!(empty.to_string().contains("chancery migrate"), "{empty}");
    assert!(!Store::migrate(&place.url).await.unwrap().is_empty());
    assert!(Store::migrate(&place.url).await.unwrap().is_empty(), "a second time does nothing");
    let schema = Store::schema(&place.url).await.unwrap();
    assert!(schema.version.is_some() && schema.pending.is_empty(), "{schema:?}");
    place.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')");
    for refused in [Store::open(place.options()).await.unwrap_err(), Store::migrate(&place.url).await.unwrap_err()] {
        assert!(matches!(&refused, OpenError::Newer { found, .. } if found == "99990101000000"), "{refused:?}");
    }
}

async fn counts_boots_and_goes_on_with_the_chain(place: Place) {
    Store::migrate(&place.url).await.unwrap();
    let options = place.options();
    let store = Store::open(options.clone()).await.unwrap();
    assert_eq!((store.node().number, store.node().boot), (1, 1));
    store.append(vec![told(Event::ServerStart)]).await.unwrap();
    drop(store);
    let store = Store::open(options).await.unwrap();
    assert_eq!((store.node().number, store.node().boot), (1, 2));
    let profile = stored_profile(&store, "p").await;
    store.record(record(&profile)).await.unwrap();
    assert_eq!(verify(&store).await, 3);
    drop(store);
    let other = Store::open(crate::StoreOptions::new(&place.url, id())).await.unwrap();
    assert_eq!((other.node().number, other.node().boot), (2, 1));
    other.append(vec![told(Event::ServerStart)]).await.unwrap();
    assert_eq!(verify(&other).await, 4);
}

async fn migrates_once_when_many_start(place: Place) {
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let url = place.url.clone();
            tokio::spawn(async move { Store::migrate(&url).await })
        })
        .collect();
    let mut ran = Vec::new();
    for start in starts {
        match start.await.unwrap() {
            Ok(versions) => ran.extend(versions),
            Err(OpenError::InUse { .. }) if place.url.starts_with("sqlite") => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    let distinct: std::collections::BTreeSet<_> = ran.iter().collect();
    assert_eq!(distinct.len(), ran.len(), "{ran:?}");
    assert!(Store::schema(&place.url).await.unwrap().pending.is_empty());
    if place.url.starts_with("postgres") {
        let nodes: Vec<_> = (0..6).map(|_| tokio::spawn(Store::open(place.options()))).collect();
        let mut numbers = Vec::new();
        for node in nodes {
            numbers.push(node.await.unwrap().unwrap().node().number);
        }
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    }
}

#[tokio::test]
async fn a_second_opener_of_a_file_is_refused_until_the_first_is_gone() {
    let place = Place::sqlite();
    let store = place.open().await;
    let refused = Store::open(place.options()).await.unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");
    drop(store);
    Store::open(place.options()).await.unwrap();
}

#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::sqlite();
    let store = place.open().await;
    stored_profile(&store, "p").await;
    let path = place.url.strip_prefix("sqlite://").unwrap();
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let mode = std::fs::metadata(format!("{path}{suffix}")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix}");
    }
}

#[tokio::test]
async fn urls_that_do_not_read_say_why() {
    for url in ["", "mysql://x", "sqlite://", "sqlite://:memory:", "/a/path"] {
        let refused = Store::migrate(url).await.unwrap_err();
        assert!(matches!(refused, OpenError::Url { .. }), "{url}: {refused:?}");
    }
    let refused = Store::migrate("sqlite:///nowhere/at/all.db").await.unwrap_err();
    assert!(matches!(refused, OpenError::File { .. }), "{refused:?}");
    let refused = Store::migrate("postgres://u:secret@127.0.0.1:1/x").await.unwrap_err();
    assert!(matches!(&refused, OpenError::Connect { why, .. } if !why.contains("secret")), "{refused:?}");
}
