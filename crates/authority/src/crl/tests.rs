use std::sync::atomic::Ordering;

use super::*;
use crate::testkit::{House, START, default_authority};
use chancery_core::port::Authority;
use chancery_pki::{Crl, RevocationReason, SerialNumber};
use proptest::prelude::*;

fn revoked(byte: u8, at: OffsetDateTime) -> RevokedCertificate {
    RevokedCertificate {
        serial: SerialNumber::from_random([byte; 16]),
        at,
        reason: RevocationReason::KeyCompromise,
        invalidity_date: Some(at - Duration::days(1)),
    }
}

fn issuer(node: &BuiltInAuthority, authority: Uuid) -> Uuid {
    node.instance(authority).expect("is there").issuer().0
}

fn parsed(node: &BuiltInAuthority, issuer: Uuid) -> Crl {
    Crl::from_der(&node.current_crl(issuer).expect("is there").der).expect("parses")
}

#[tokio::test]
async fn every_ca_has_a_crl_from_the_start() {
    let house = House::new();
    let node = house.node().await;
    let authority = default_authority(&node).await;
    for (id, ca) in &node.instance(authority).expect("is there").chain {
        let record = node.current_crl(*id).expect("is there");
        let crl = parsed(&node, *id);
        crl.verify_signed_by(ca.public_key()).expect("verifies");
        assert_eq!((crl.this_update(), crl.next_update()), (START, START + Duration::days(7)));
        assert_eq!((record.this_update, record.next_update), (START, START + Duration::days(7)));
        assert_eq!(crl.len(), 0);
    }
    let rows = house.store.rows.lock().expect("free");
    assert_eq!(rows.audit.iter().filter(|entry| entry.event == Event::CrlSign).count(), 2);
    assert!(rows.leases.is_empty(), "leases are given back");
}

#[tokio::test]
async fn a_revocation_makes_the_next_crl() {
    let house = House::new();
    let node = house.node().await;
    let authority = default_authority(&node).await;
    let (issuer, root) = (issuer(&node, authority), node.instance(authority).expect("is there").chain[1].0);
    let (first, of_root) = (node.current_crl(issuer).expect("is there"), node.current_crl(root));
    house.clock.advance(Duration::seconds(10));
    house.store.revoke(issuer, START + Duration::days(90), revoked(5, START));
    node.tend_crls().await.expect("makes");
    let second = node.current_crl(issuer).expect("is there");
    assert!(second.number > first.number && second.revocations == 1);
    let crl = parsed(&node, issuer);
    assert_eq!(crl.len(), 1);
    assert_eq!(node.current_crl(root), of_root, "the root's needs no other");
    node.tend_crls().await.expect("nothing to do");
    assert_eq!(node.current_crl(issuer), Some(second));
}

#[tokio::test]
async fn a_revocation_before_a_restart_or_on_another_node_is_not_forgotten() {
    let house = House::new();
    let one = house.node().await;
    let authority = default_authority(&one).await;
    let other = house.node().await;
    let issuer = issuer(&one, authority);
    house.store.revoke(issuer, START + Duration::days(90), revoked(5, START));
    let restarted = house.node().await;
    assert_eq!(parsed(&restarted, issuer).len(), 0);
    restarted.tend_crls().await.expect("makes");
    assert_eq!(parsed(&restarted, issuer).len(), 1);
    // The other node takes what is there and makes none of its own.
    let made = house.store.rows.lock().expect("free").crls.len();
    other.tend_crls().await.expect("takes");
    assert_eq!(other.current_crl(issuer), restarted.current_crl(issuer));
    assert_eq!(house.store.rows.lock().expect("free").crls.len(), made);
}

#[tokio::test]
async fn one_node_at_a_time_makes_a_crl() {
    let house = House::new();
    let node = house.node().await;
    let authority = default_authority(&node).await;
    let issuer = issuer(&node, authority);
    let first = node.current_crl(issuer);
    let lease = format!("crl:{issuer}");
    let taken = house.store.clone();
    use chancery_core::port::LeaseStore;
    taken.acquire(&lease, Uuid::max(), START, START + Duration::seconds(15)).await.expect("answers").expect("is free");
    house.store.revoke(issuer, START + Duration::days(90), revoked(5, START));
    node.tend_crls().await.expect("waits");
    assert_eq!(node.current_crl(issuer), first);
    // The holder died: its lease ends.
    house.clock.advance(Duration::seconds(15));
    node.tend_crls().await.expect("makes");
    assert_eq!(parsed(&node, issuer).len(), 1);
}

#[tokio::test]
async fn a_number_that_somebody_took_is_not_given_again() {
    let house = House::new();
    let node = house.node().await;
    let authority = default_authority(&node).await;
    let issuer = issuer(&node, authority);
    let first = node.current_crl(issuer).expect("is there");
    // All within one second: numbers do not wait for the clock.
    for byte in 1..=3 {
        house.store.revoke(issuer, START + Duration::days(90), revoked(byte, START));
        node.tend_crls().await.expect("makes");
    }
    assert_eq!(node.current_crl(issuer).expect("is there").number, first.number + 3);
    // A backup is restored: the table knows the first one only, relying parties have seen the fourth.
    house.store.rows.lock().expect("free").crls.retain(|crl| crl.number <= first.number);
    house.clock.advance(Duration::minutes(10));
    let restored = house.node().await;
    restored.tend_crls().await.expect("makes");
    assert!(restored.current_crl(issuer).expect("is there").number > first.number + 3);
}

#[tokio::test]
async fn expired_entries_stay_for_one_more_crl() {
    let house = House::new();
    let node = house.node().await;
    let authority = default_authority(&node).await;
    let issuer = issuer(&node, authority);
    house.store.revoke(issuer, START + Duration::days(30), revoked(5, START));
    // Down over its end: still there on the first CRL after it, then for a lifetime of CRLs, then gone.
    for (day, entries) in [(29, 1), (60, 1), (61, 0)] {
        house.clock.advance(START + Duration::days(day) - chancery_core::Clock::now(&*house.clock));
        node.tend_crls().await.expect("makes");
        assert_eq!(parsed(&node, issuer).len(), entries, "day {day}");
    }
}

#[tokio::test]
async fn a_clock_set_back_signs_no_crl() {
    let house = House::new();
    let node = house.node().await;
    let authority = default_authority(&node).await;
    let issuer = issuer(&node, authority);
    let first = node.current_crl(issuer).expect("is there");
    house.clock.advance(-Duration::minutes(4));
    house.store.revoke(issuer, START + Duration::days(90), revoked(5, START));
    node.tend_crls().await.expect("another node's clock may be a little ahead");
    let second = node.current_crl(issuer).expect("is there");
    assert!(second.number > first.number && second.this_update == first.this_update);
    house.clock.advance(-Duration::minutes(2));
    house.store.revoke(issuer, START + Duration::days(90), revoked(6, START));
    let error = node.tend_crls().await.expect_err("the clock is wrong");
    assert!(error.to_string().contains("set the clock"), "{error}");
    assert_eq!(node.current_crl(issuer), Some(second));
}

#[tokio::test]
async fn a_ca_that_ended_needs_no_crl() {
    let house = House::new();
    let node = house.node().await;
    let authority = default_authority(&node).await;
    let issuer = issuer(&node, authority);
    let last = node.current_crl(issuer);
    house.clock.advance(Duration::days(3653));
    node.tend_crls().await.expect("the root's is made");
    assert_eq!(node.current_crl(issuer), last);
}

#[tokio::test]
async fn the_background_task_follows_revocations_and_survives_a_lost_database() {
    let house = House::new();
    let node = house.node().await;
    let authority = default_authority(&node).await;
    let issuer = issuer(&node, authority);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(node.clone().run_crls(async { stopped.await.unwrap_or_default() }));
    let until = async |reached: &dyn Fn() -> bool| {
        let reach = async {
            while !reached() {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), reach).await.expect("is reached");
    };
    let entries = |count| parsed(&node, issuer).len() == count;
    let failing = || node.inner.crls.failing.load(Ordering::Relaxed);

    house.store.revoke(issuer, START + Duration::days(90), revoked(5, START));
    node.revoked(issuer);
    until(&|| entries(1)).await;
    house.store.revoke(issuer, START + Duration::days(90), revoked(6, START));
    until(&|| entries(2)).await;
    house.store.away.store(true, Ordering::Relaxed);
    until(&failing).await;
    house.store.away.store(false, Ordering::Relaxed);
    house.store.revoke(issuer, START + Duration::days(90), revoked(7, START));
    until(&|| entries(3) && !failing()).await;
    stop.send(()).expect("it listens");
    task.await.expect("it ends");
}

proptest! {
    #[test]
    fn numbers_and_this_update_only_go_upward(steps in proptest::collection::vec(-400_i64..100_000, 1..40)) {
        let schedule = Schedule::default();
        let mut now = START;
        let mut previous: Option<CrlRecord> = None;
        for step in steps {
            now += Duration::seconds(step);
            let Ok(period) = schedule.next(previous.as_ref(), now) else {
                prop_assert!(now + schedule.tolerance < previous.as_ref().expect("only a CRL forbids").this_update);
                continue;
            };
            if let Some(previous) = &previous {
                prop_assert!(period.number > previous.number && period.this_update >= previous.this_update);
            }
            prop_assert!(period.next_update > now);
            previous = Some(CrlRecord {
                issuer: Uuid::nil(),
                number: period.number,
                this_update: period.this_update,
                next_update: period.next_update,
                revocations: 0,
                der: Vec::new(),
            });
        }
    }

    #[test]
    fn a_crl_is_due_long_before_it_ends(lifetime in 2_i64..1_000, interval in 1_i64..1_000, age in 0_i64..2_000) {
        let schedule = Schedule {
            lifetime: Duration::hours(lifetime),
            interval: Duration::hours(interval),
            ..Schedule::default()
        };
        let crl = CrlRecord {
            issuer: Uuid::nil(),
            number: 1,
            this_update: START,
            next_update: START + schedule.lifetime,
            revocations: 4,
            der: Vec::new(),
        };
        let now = START + Duration::hours(age);
        let due = schedule.due(Some(&crl), 4, now);
        prop_assert_eq!(due, age >= interval || 2 * age >= lifetime);
        prop_assert!(due || crl.next_update - now > schedule.lifetime / 2);
        prop_assert!(schedule.due(Some(&crl), 5, now) && schedule.due(None, 0, now));
    }
}
