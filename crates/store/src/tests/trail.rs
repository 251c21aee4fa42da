//! The audit trail.

use chancery_core::audit::{ChainPosition, Checkpoint, Event};
use chancery_core::port::{AuditStore, InventoryStore};
use chancery_core::{Clock, SystemClock, instant, micros};
use time::Duration;

use super::{Place, contract, record, stored_profile, told, verify};

contract!(appends_many_in_order, merges_the_newest, keeps_checkpoints, counts_untold_certificates);

async fn appends_many_in_order(place: Place) {
    let store = place.open().await;
    let entries: Vec<_> = (0..50).map(|_| told(Event::LoginFailure)).collect();
    store.append(entries.clone()).await.unwrap();
    store.append(Vec::new()).await.unwrap();
    assert_eq!(verify(&store).await, 50);
    let head = store.heads().await.unwrap()[0];
    let from = ChainPosition { sequence: 11, ..head.position };
    let part = store.chain(from, 5).await.unwrap();
    assert_eq!(part.iter().map(|entry| entry.position.sequence).collect::<Vec<_>>(), [11, 12, 13, 14, 15]);
    assert_eq!(part[0].body, entries[10].body);
}

async fn merges_the_newest(place: Place) {
    let store = place.open().await;
    let now = instant(micros(SystemClock.now()));
    for minute in 0..10 {
        let mut entry = told(Event::AccessDenied);
        entry.time = now + Duration::minutes(minute);
        store.append(vec![entry]).await.unwrap();
    }
    let latest = store.latest(3).await.unwrap();
    let times: Vec<_> = latest.iter().map(|entry| (entry.time - now).whole_minutes()).collect();
    assert_eq!(times, [9, 8, 7]);
}

async fn keeps_checkpoints(place: Place) {
    let store = place.open().await;
    let now = instant(micros(SystemClock.now()));
    let later =
        Checkpoint { time: now + Duration::hours(1), body: "b".into(), signature: vec![2], public_key: vec![3] };
    let first = Checkpoint { time: now, body: "a".into(), signature: vec![1], public_key: vec![3] };
    store.add_checkpoint(later.clone()).await.unwrap();
    store.add_checkpoint(first.clone()).await.unwrap();
    assert_eq!(store.checkpoints().await.unwrap(), [first, later]);
}

async fn counts_untold_certificates(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let made = record(&profile);
    store.record(made.clone()).await.unwrap();
    assert_eq!(store.untold_certificates().await.unwrap(), 0);
    place.execute("DELETE FROM audit WHERE certificate IS NOT NULL");
    assert_eq!(store.untold_certificates().await.unwrap(), 1);
}
