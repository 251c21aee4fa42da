use chancery_acme::port::{AcmeStore, Settled};
use chancery_acme::{AuthorizationStatus, ChallengeStatus, ChallengeType, Identifier, Problem, ProblemType};
use time::Duration;

use super::{authorization_of, challenge, id, now, proved, stored_account};
use crate::tests::{Place, contract};

contract!(
    keeps_an_authorization,
    finds_what_can_be_taken_up,
    begins_once,
    of_many_beginnings_one_wins,
    begins_neither_late_nor_unknown,
    keeps_how_attempts_end,
    deactivates_once,
    claims_what_is_due_once,
    remembers_caa,
);

async fn keeps_an_authorization(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    for identifier in [
        Identifier::Dns("a.example".to_owned()),
        Identifier::Ip("192.0.2.1".parse().unwrap()),
        Identifier::PermanentIdentifier("a:b:c".to_owned()),
        Identifier::HardwareModule(String::new()),
    ] {
        let mut authorization = authorization_of(account.id, "x");
        (authorization.identifier, authorization.wildcard, authorization.subdomains) = (identifier, true, true);
        (authorization.attempt_at, authorization.caa_checked_at) = (Some(now()), Some(now()));
        authorization.challenges[0].error = Some(Problem::new(ProblemType::Dns, "no answer"));
        authorization.challenges[1].payload = Some(serde_json::json!({ "attObj": "o2Nm" }));
        store.create_authorization(authorization.clone()).await.unwrap();
        assert_eq!(store.authorization(authorization.id).await.unwrap(), Some(authorization));
    }
    assert_eq!(store.authorization(id()).await.unwrap(), None);
}

async fn finds_what_can_be_taken_up(place: Place) {
    let store = place.open().await;
    let (account, other) = (stored_account(&store).await, stored_account(&store).await);
    let pending = authorization_of(account.id, "a.example");
    let mut valid = authorization_of(account.id, "a.example");
    (valid.status, valid.expires_at) = (AuthorizationStatus::Valid, valid.expires_at + Duration::days(9));
    let mut invalid = authorization_of(account.id, "a.example");
    invalid.status = AuthorizationStatus::Invalid;
    let mut over = authorization_of(account.id, "a.example");
    over.expires_at = now();
    let second = authorization_of(account.id, "b.example");
    for made in [
        &pending,
        &valid,
        &invalid,
        &over,
        &second,
        &authorization_of(account.id, "c.example"),
        &authorization_of(other.id, "a.example"),
    ] {
        store.create_authorization(made.clone()).await.unwrap();
    }
    let names = |names: &[&str]| names.iter().map(|name| Identifier::Dns((*name).to_owned())).collect::<Vec<_>>();
    let found = store.authorizations_for(account.id, names(&["a.example"]), now()).await.unwrap();
    assert_eq!(found, [valid.clone(), pending.clone()]);
    let found = store.authorizations_for(account.id, names(&["a.example", "b.example"]), now()).await.unwrap();
    assert_eq!(found.len(), 3);
    let late = store.authorizations_for(account.id, names(&["a.example"]), pending.expires_at).await.unwrap();
    assert_eq!(late, [valid]);
    assert_eq!(store.authorizations_for(account.id, Vec::new(), now()).await.unwrap(), []);
}

fn processing(kind: ChallengeType) -> chancery_acme::Challenge {
    chancery_acme::Challenge { status: ChallengeStatus::Processing, ..challenge(kind) }
}

async fn begins_once(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let authorization = authorization_of(account.id, "a.example");
    store.create_authorization(authorization.clone()).await.unwrap();
    let at = now() + Duration::seconds(30);
    let mut begun = processing(ChallengeType::Dns01);
    begun.payload = Some(serde_json::json!({}));
    assert!(store.begin_challenge(authorization.id, begun.clone(), now(), at).await.unwrap());
    // Neither it again nor another beside it.
    assert!(!store.begin_challenge(authorization.id, begun.clone(), now(), at).await.unwrap());
    let other = processing(ChallengeType::Http01);
    assert!(!store.begin_challenge(authorization.id, other, now(), at).await.unwrap());
    let kept = store.authorization(authorization.id).await.unwrap().unwrap();
    assert_eq!(kept.status, AuthorizationStatus::Pending);
    assert_eq!(kept.challenges, [authorization.challenges[0].clone(), begun]);
    assert_eq!(kept.attempt_at, Some(at));
}

async fn of_many_beginnings_one_wins(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let authorization = authorization_of(account.id, "a.example");
    store.create_authorization(authorization.clone()).await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..50 {
        let (store, id) = (store.clone(), authorization.id);
        let kind = if number % 2 == 0 { ChallengeType::Http01 } else { ChallengeType::Dns01 };
        calls.spawn(async move { store.begin_challenge(id, processing(kind), now(), now()).await.unwrap() });
    }
    assert_eq!(calls.join_all().await.into_iter().filter(|won| *won).count(), 1);
}

async fn begins_neither_late_nor_unknown(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let authorization = authorization_of(account.id, "a.example");
    store.create_authorization(authorization.clone()).await.unwrap();
    let begin = |id, kind, now| store.begin_challenge(id, processing(kind), now, now);
    assert!(!begin(authorization.id, ChallengeType::Http01, authorization.expires_at).await.unwrap());
    assert!(!begin(authorization.id, ChallengeType::TlsAlpn01, now()).await.unwrap());
    assert!(!begin(id(), ChallengeType::Http01, now()).await.unwrap());
    assert!(store.settle_challenge(authorization.id, proved(&authorization)).await.unwrap());
    assert!(!begin(authorization.id, ChallengeType::Dns01, now()).await.unwrap());
}

async fn keeps_how_attempts_end(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let authorization = authorization_of(account.id, "a.example");
    store.create_authorization(authorization.clone()).await.unwrap();
    let (next, error) = (now() + Duration::seconds(2), Problem::new(ProblemType::Connection, "refused"));
    let mut again = processing(ChallengeType::Http01);
    (again.attempts, again.error) = (1, Some(error.clone()));
    let settled = Settled {
        challenge: again.clone(),
        status: AuthorizationStatus::Pending,
        expires_at: None,
        attempt_at: Some(next),
        caa_checked_at: None,
    };
    assert!(store.settle_challenge(authorization.id, settled.clone()).await.unwrap());
    let kept = store.authorization(authorization.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.attempt_at), (AuthorizationStatus::Pending, Some(next)));
    assert_eq!((kept.expires_at, &kept.challenges[0]), (authorization.expires_at, &again));

    let mut valid = proved(&authorization);
    valid.caa_checked_at = Some(now());
    assert!(store.settle_challenge(authorization.id, valid.clone()).await.unwrap());
    let kept = store.authorization(authorization.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.attempt_at), (AuthorizationStatus::Valid, None));
    assert_eq!((Some(kept.expires_at), kept.caa_checked_at), (valid.expires_at, valid.caa_checked_at));
    assert_eq!(kept.challenges[0], valid.challenge);
    // What is decided stays.
    assert!(!store.settle_challenge(authorization.id, settled.clone()).await.unwrap());
    assert!(!store.settle_challenge(id(), settled).await.unwrap());

    let failing = authorization_of(account.id, "b.example");
    store.create_authorization(failing.clone()).await.unwrap();
    let mut failed = processing(ChallengeType::Http01);
    (failed.status, failed.error) = (ChallengeStatus::Invalid, Some(error));
    let settled = Settled { challenge: failed.clone(), status: AuthorizationStatus::Invalid, ..proved(&failing) };
    assert!(store.settle_challenge(failing.id, settled).await.unwrap());
    let kept = store.authorization(failing.id).await.unwrap().unwrap();
    assert_eq!((kept.status, &kept.challenges[0]), (AuthorizationStatus::Invalid, &failed));
}

async fn deactivates_once(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let (pending, valid) = (authorization_of(account.id, "a.example"), authorization_of(account.id, "b.example"));
    for made in [&pending, &valid] {
        store.create_authorization(made.clone()).await.unwrap();
    }
    store.settle_challenge(valid.id, proved(&valid)).await.unwrap();
    for id in [pending.id, valid.id] {
        assert!(store.deactivate_authorization(id).await.unwrap());
        assert!(!store.deactivate_authorization(id).await.unwrap());
        let kept = store.authorization(id).await.unwrap().unwrap();
        assert_eq!(kept.status, AuthorizationStatus::Deactivated);
    }
    assert!(!store.settle_challenge(pending.id, proved(&pending)).await.unwrap());
    assert!(!store.deactivate_authorization(id()).await.unwrap());
}

async fn claims_what_is_due_once(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let start = now();
    let mut due = Vec::new();
    for seconds in 0..10 {
        let authorization = authorization_of(account.id, &format!("{seconds}.example"));
        store.create_authorization(authorization.clone()).await.unwrap();
        let at = start + Duration::seconds(seconds);
        let begun = processing(ChallengeType::Http01);
        assert!(store.begin_challenge(authorization.id, begun, start, at).await.unwrap());
        due.push(authorization.id);
    }
    store.create_authorization(authorization_of(account.id, "not-begun.example")).await.unwrap();
    let until = start + Duration::minutes(1);
    assert_eq!(store.claim_attempts(start, until, 9).await.unwrap(), []);
    // Several at once get different ones; those that are due later stay.
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = store.clone();
        calls.spawn(async move { store.claim_attempts(start + Duration::seconds(8), until, 3).await.unwrap() });
    }
    let mut claimed: Vec<_> = calls.join_all().await.into_iter().flatten().collect();
    assert!(claimed.iter().all(|authorization| authorization.attempt_at == Some(until)));
    while let Some(authorization) =
        store.claim_attempts(start + Duration::seconds(8), until, 1).await.unwrap().into_iter().next()
    {
        claimed.push(authorization);
    }
    let mut ids: Vec<_> = claimed.iter().map(|authorization| authorization.id).collect();
    ids.sort();
    assert_eq!(ids, due[..8]);
    // Whoever claimed them died.
    assert_eq!(store.claim_attempts(until + Duration::seconds(1), until, 99).await.unwrap().len(), 10);
}

async fn remembers_caa(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let (asked, other) = (authorization_of(account.id, "a.example"), authorization_of(account.id, "b.example"));
    for made in [&asked, &other] {
        store.create_authorization(made.clone()).await.unwrap();
    }
    let at = now();
    store.caa_checked(vec![asked.id], at).await.unwrap();
    assert_eq!(store.authorization(asked.id).await.unwrap().unwrap().caa_checked_at, Some(at));
    assert_eq!(store.authorization(other.id).await.unwrap().unwrap().caa_checked_at, None);
}
