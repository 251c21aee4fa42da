use chancery_acme::port::{AcmeStore, Ordered, Settled, Unfinished};
use chancery_acme::{AuthorizationStatus, ChallengeStatus, ChallengeType, Identifier, Problem, ProblemType};
use time::Duration;

use super::{authorization_of, challenge, id, now, order_of, proved, stored_account};
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
    accounts_take_turns,
    looks_for_what_is_due_without_writing,
    pending_ones_are_counted,
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
        assert!(store.create_authorization(authorization.clone(), 99).await.unwrap());
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
        assert!(store.create_authorization(made.clone(), 99).await.unwrap());
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
    assert!(store.create_authorization(authorization.clone(), 99).await.unwrap());
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
    assert!(store.create_authorization(authorization.clone(), 99).await.unwrap());
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
    assert!(store.create_authorization(authorization.clone(), 99).await.unwrap());
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
    assert!(store.create_authorization(authorization.clone(), 99).await.unwrap());
    let (next, error) = (now() + Duration::seconds(2), Problem::new(ProblemType::Connection, "refused"));
    let mut again = processing(ChallengeType::Http01);
    (again.attempts, again.error) = (1, Some(error.clone()));
    let settled = Settled {
        at: now(),
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

    // The outcome of an attempt that another overtook, and of one that came too late, is written nowhere.
    let mut valid = proved(&authorization);
    valid.caa_checked_at = Some(now());
    assert!(!store.settle_challenge(authorization.id, valid.clone()).await.unwrap());
    valid.challenge.attempts = 2;
    let late = Settled { at: authorization.expires_at, ..valid.clone() };
    assert!(!store.settle_challenge(authorization.id, late).await.unwrap());
    assert!(store.settle_challenge(authorization.id, valid.clone()).await.unwrap());
    let kept = store.authorization(authorization.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.attempt_at), (AuthorizationStatus::Valid, None));
    assert_eq!((Some(kept.expires_at), kept.caa_checked_at), (valid.expires_at, valid.caa_checked_at));
    assert_eq!(kept.challenges[0], valid.challenge);
    // What is decided stays.
    assert!(!store.settle_challenge(authorization.id, settled.clone()).await.unwrap());
    assert!(!store.settle_challenge(id(), settled).await.unwrap());

    let failing = authorization_of(account.id, "b.example");
    assert!(store.create_authorization(failing.clone(), 99).await.unwrap());
    let mut failed = processing(ChallengeType::Http01);
    (failed.status, failed.error, failed.attempts) = (ChallengeStatus::Invalid, Some(error), 1);
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
        assert!(store.create_authorization(made.clone(), 99).await.unwrap());
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
        assert!(store.create_authorization(authorization.clone(), 99).await.unwrap());
        let at = start + Duration::seconds(seconds);
        let begun = processing(ChallengeType::Http01);
        assert!(store.begin_challenge(authorization.id, begun, start, at).await.unwrap());
        due.push(authorization.id);
    }
    assert!(store.create_authorization(authorization_of(account.id, "not-begun.example"), 99).await.unwrap());
    let until = start + Duration::minutes(1);
    assert_eq!(store.claim_attempts(start, until, 9, vec![]).await.unwrap(), []);
    // Several at once get different ones; those that are due later stay.
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = store.clone();
        calls.spawn(async move { store.claim_attempts(start + Duration::seconds(8), until, 3, vec![]).await.unwrap() });
    }
    let mut claimed: Vec<_> = calls.join_all().await.into_iter().flatten().collect();
    assert!(claimed.iter().all(|authorization| authorization.attempt_at == Some(until)));
    while let Some(authorization) =
        store.claim_attempts(start + Duration::seconds(8), until, 1, vec![]).await.unwrap().into_iter().next()
    {
        claimed.push(authorization);
    }
    let mut ids: Vec<_> = claimed.iter().map(|authorization| authorization.id).collect();
    ids.sort();
    assert_eq!(ids, due[..8]);
    // Whoever claimed them died.
    assert_eq!(store.claim_attempts(until + Duration::seconds(1), until, 99, vec![]).await.unwrap().len(), 10);
}

async fn accounts_take_turns(place: Place) {
    let store = place.open().await;
    let start = now();
    let accounts = [stored_account(&store).await, stored_account(&store).await, stored_account(&store).await];
    // The first has twenty that are due, and long before those of the others.
    for (account, count, age) in [(0, 20, 60), (1, 2, 30), (2, 1, 10)] {
        for number in 0..count {
            let authorization = authorization_of(accounts[account].id, &format!("{number}.example"));
            assert!(store.create_authorization(authorization.clone(), 99).await.unwrap());
            let at = start - Duration::seconds(age - number);
            assert!(
                store.begin_challenge(authorization.id, processing(ChallengeType::Http01), start, at).await.unwrap()
            );
        }
    }
    let until = start + Duration::minutes(1);
    let claimed = store.claim_attempts(start, until, 5, vec![]).await.unwrap();
    let of = |account: usize| claimed.iter().filter(|claimed| claimed.account == accounts[account].id).count();
    assert_eq!((of(0), of(1), of(2)), (2, 2, 1));
    let others = store.claim_attempts(start, until, 99, vec![accounts[0].id]).await.unwrap();
    assert_eq!(others, [], "nothing of the others is left");
    assert_eq!(store.claim_attempts(start, until, 99, vec![accounts[1].id]).await.unwrap().len(), 18);
}

async fn pending_ones_are_counted(place: Place) {
    let store = place.open().await;
    let (account, other) = (stored_account(&store).await, stored_account(&store).await);
    let new = |name: &str| authorization_of(account.id, name);
    let first = new("a.example");
    assert!(store.create_authorization(first.clone(), 2).await.unwrap());
    assert!(store.create_authorization(new("b.example"), 2).await.unwrap());
    assert!(!store.create_authorization(new("c.example"), 2).await.unwrap());
    // An order counts all that it needs anew, and is made whole or not at all.
    let most = Unfinished { orders: 9, authorizations: 3 };
    let two = vec![new("c.example"), new("d.example")];
    let order = order_of(&account, &two);
    assert_eq!(store.create_order(order.clone(), two.clone(), most).await.unwrap(), Ordered::TooManyPending);
    assert_eq!(store.order(order.id).await.unwrap(), None);
    assert_eq!(store.authorization(two[0].id).await.unwrap(), None);
    // One that needs none is not held back; what is valid, over or of others is not counted.
    assert_eq!(store.create_order(order_of(&account, &[]), Vec::new(), most).await.unwrap(), Ordered::New);
    assert!(store.settle_challenge(first.id, proved(&first)).await.unwrap());
    let mut over = new("e.example");
    (over.created_at, over.expires_at) = (now() - Duration::hours(2), now() - Duration::hours(1));
    assert!(store.create_authorization(over, 2).await.unwrap());
    assert!(store.create_authorization(authorization_of(other.id, "a.example"), 2).await.unwrap());
    assert_eq!(store.create_order(order, two, most).await.unwrap(), Ordered::New);
}

async fn remembers_caa(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let (asked, other) = (authorization_of(account.id, "a.example"), authorization_of(account.id, "b.example"));
    for made in [&asked, &other] {
        assert!(store.create_authorization(made.clone(), 99).await.unwrap());
    }
    let at = now();
    store.caa_checked(vec![asked.id], at).await.unwrap();
    assert_eq!(store.authorization(asked.id).await.unwrap().unwrap().caa_checked_at, Some(at));
    assert_eq!(store.authorization(other.id).await.unwrap().unwrap().caa_checked_at, None);
}

async fn looks_for_what_is_due_without_writing(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let authorization = authorization_of(account.id, "a.example");
    assert!(store.create_authorization(authorization.clone(), 99).await.unwrap());
    let start = now();
    let begun = processing(ChallengeType::Http01);
    assert!(store.begin_challenge(authorization.id, begun, start, start).await.unwrap());
    // Nobody can write: what is over, and what is of others, is passed by without.
    let writer = place.hold_writes("acme_authorizations");
    let late = authorization.expires_at;
    assert_eq!(store.claim_attempts(late, late + Duration::minutes(1), 9, vec![]).await.unwrap(), []);
    let due = start + Duration::seconds(1);
    assert_eq!(store.claim_attempts(due, due + Duration::minutes(1), 9, vec![account.id]).await.unwrap(), []);
    drop(writer);
    assert_eq!(store.claim_attempts(due, due + Duration::minutes(1), 9, vec![]).await.unwrap().len(), 1);
}
