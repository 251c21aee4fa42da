//! Challenges (RFC 8894 section 2.3 and 7.3): what lets a request in.

use std::sync::Arc;

use crate::house::{House, Message, STATIC, csr, rsa};

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_7_3_fifty_uses_at_once_of_one_challenge_give_one_certificate() {
    let house = Arc::new(House::new().await);
    let challenge = house.challenge().await;
    let keys: Vec<_> = (0..50).map(|_| Arc::new(rsa())).collect();
    let uses = keys.into_iter().enumerate().map(|(number, key)| {
        let (house, challenge) = (house.clone(), challenge.clone());
        tokio::spawn(async move {
            let asked = csr(&key, &format!("CN=dev-{number}"), &[], Some(&challenge));
            house.send(&Message::enrol(&key, &asked)).await.status
        })
    });
    let mut won = 0;
    for one in uses.collect::<Vec<_>>() {
        won += usize::from(one.await.unwrap() == "0");
    }
    assert_eq!((won, house.issued().await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_7_3_no_request_without_a_challenge_or_with_a_wrong_one_is_issued() {
    let house = House::new().await;
    let key = rsa();
    for challenge in [None, Some(""), Some("wrong"), Some(STATIC), Some(&"x".repeat(10_000))] {
        let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], challenge));
        house.send(&message).await.refused("badRequest");
    }
    assert!(house.issued().await.is_empty());
    let told = house.told("access.denied").await;
    assert!(told.iter().any(|body| body.contains("challenge password is missing")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn vu_971035_a_challenge_is_for_nobody_else_and_a_mismatch_does_not_spend_it() {
    let house = House::new().await;
    let challenge = house.challenge_for(Some("CN=dev-1"), &["dns:dev-1.example"]).await;
    let key = rsa();
    for (subject, names) in [("CN=bank", &[][..]), ("CN=dev-1", &["dns:bank.example"]), ("CN=dev-1,O=Bank", &[])] {
        let asked = csr(&key, subject, names, Some(&challenge));
        let answer = house.send(&Message::enrol(&key, &asked)).await;
        let why = answer.refused("badRequest");
        assert!(why.contains("not for"), "{why}");
    }
    let asked = csr(&key, "CN=dev-1", &["dns:dev-1.example"], Some(&challenge));
    house.send(&Message::enrol(&key, &asked)).await.certificate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_locked_after_five_requests_that_it_is_not_for() {
    let house = House::new().await;
    let challenge = house.challenge_for(Some("CN=dev-1"), &[]).await;
    let key = rsa();
    for number in 0..5 {
        let asked = csr(&key, &format!("CN=guess-{number}"), &[], Some(&challenge));
        house.send(&Message::enrol(&key, &asked)).await.refused("badRequest");
    }
    let asked = csr(&key, "CN=dev-1", &[], Some(&challenge));
    house.send(&Message::enrol(&key, &asked)).await.refused("badRequest");
    assert!(house.issued().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_ends_and_counts_at_its_own_door_alone() {
    let house = House::new().await;
    house.activate("tls-client").await;
    let key = rsa();
    let challenge = house.challenge().await;
    let asked = csr(&key, "CN=dev-1", &[], Some(&challenge));
    house.send_to("tls-client", &Message::enrol(&key, &asked)).await.refused("badRequest");
    house.days(2);
    house.send(&Message::enrol(&key, &asked)).await.refused("badRequest");
    assert!(house.issued().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_does_not_spend_its_challenge() {
    let house = House::new().await;
    let key = rsa();
    let challenge = house.challenge().await;
    // The RA profile takes no e-mail addresses.
    let asked = csr(&key, "CN=dev-1", &["email:a@b.example"], Some(&challenge));
    house.send(&Message::enrol(&key, &asked)).await.refused("badRequest");
    let asked = csr(&key, "CN=dev-1", &[], Some(&challenge));
    house.send(&Message::enrol(&key, &asked)).await.certificate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_challenge_lets_every_device_in() {
    let house = House::with_static().await;
    for number in 0..3 {
        let key = rsa();
        let asked = csr(&key, &format!("CN=dev-{number}"), &[], Some(STATIC));
        house.send(&Message::enrol(&key, &asked)).await.certificate();
    }
    let key = rsa();
    let asked = csr(&key, "CN=dev-9", &[], Some("correct horse batterx"));
    house.send(&Message::enrol(&key, &asked)).await.refused("badRequest");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_fails_too_often_is_told_to_come_back() {
    let house = House::new().await;
    house.set(|settings| settings.failures_per_minute = 3).await;
    let key = rsa();
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some("wrong")));
    for _ in 0..3 {
        house.send(&message).await.refused("badRequest");
    }
    let bytes = message.build(&house.ra_certificates("device").await);
    let throttled = house.raw("device", &bytes).await.unwrap_err();
    assert!(matches!(throttled, chancery_core::Error::Throttled { .. }), "{throttled:?}");
    house.clock.advance(time::Duration::minutes(1));
    house.send(&message).await.refused("badRequest");
}
