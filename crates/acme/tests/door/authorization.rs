//! RFC 8555 sections 7.4.1, 7.5, 7.5.1, 7.5.2 and 8.2.

use std::sync::atomic::Ordering;

use chancery_acme::port::{AttemptFailed, Proof};
use chancery_acme::{ChallengeType, Problem, ProblemType, Resource};
use serde_json::{Value, json};
use time::Duration;

use crate::house::{Client, House, object};
use crate::path::{csr, dns, resource};

fn failed(worth_retrying: bool) -> Result<Proof, AttemptFailed> {
    Err(AttemptFailed { problem: Problem::new(ProblemType::Connection, "refused"), worth_retrying, at_most: None })
}

/// The URL of the first challenge of an order's first authorization.
async fn challenge(client: &Client<'_>, order: &Value) -> (Resource, Resource) {
    let url = order["authorizations"][0].as_str().unwrap();
    let authorization = client.read(url).await;
    (resource(url), resource(authorization["challenges"][0]["url"].as_str().unwrap()))
}

#[tokio::test]
async fn rfc8555_7_5_1_a_challenge_is_tried_once_it_is_answered() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (_, order) = client.order_for(&["a.example.com"]).await;
    let (authorization, challenge) = challenge(&client, &order).await;
    // Reading it begins nothing.
    for _ in 0..2 {
        let read = client.ask(challenge.clone(), None).await.unwrap();
        assert_eq!(object(&read)["status"], "pending");
    }
    house.acme.attempts_ended().await;
    assert!(house.prober.attempts().is_empty());
    let old = json!({ "keyAuthorization": "x", "resource": "challenge" });
    let begun = client.ask(challenge.clone(), Some(old)).await.unwrap();
    assert_eq!((begun.status, &object(&begun)["status"]), (200, &json!("processing")));
    let directory = house.directory("tls-server").await;
    assert_eq!(begun.links, [(directory.url(&authorization), "up")]);
    assert_eq!(begun.retry_after, Some(std::time::Duration::from_secs(3)));
    house.acme.attempts_ended().await;
    let done = client.ask(challenge, None).await.unwrap();
    assert_eq!((&object(&done)["status"], done.retry_after), (&json!("valid"), None));
    assert_eq!(object(&done)["validated"], "2026-11-24T12:00:00Z");
    let authorization = client.ask(authorization, None).await.unwrap();
    assert_eq!((&object(&authorization)["status"], authorization.retry_after), (&json!("valid"), None));
    assert_eq!(object(&authorization)["expires"], "2026-11-25T12:00:00Z");
    assert_eq!(object(&authorization)["challenges"].as_array().unwrap().len(), 1);
    let attempt = &house.prober.attempts()[0];
    let (token, thumbprint) = attempt.key_authorization.split_once('.').unwrap();
    assert_eq!((token, thumbprint.len()), (attempt.token.as_str(), 43));
    assert_eq!(Some(&attempt.account_url), client.account.as_ref());
}

#[tokio::test]
async fn fifty_answers_at_once_are_one_validation() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (_, order) = client.order_for(&["a.example.com"]).await;
    let (_, challenge) = challenge(&client, &order).await;
    let answers = (0..50).map(|_| client.ask(challenge.clone(), Some(json!({}))));
    for answer in crate::house::join(answers.collect()).await {
        assert_eq!(answer.unwrap().status, 200);
    }
    house.acme.attempts_ended().await;
    assert_eq!(house.prober.attempts().len(), 1);
}

#[tokio::test]
async fn one_challenge_of_an_authorization_is_tried_at_a_time() {
    let house = House::new().await;
    house.prober.answer([failed(true)]);
    let client = house.client().registered().await;
    let (_, order) = client.order_for(&["a.example.com"]).await;
    client.prove(&order).await;
    let Resource::Authorization(id) = resource(order["authorizations"][0].as_str().unwrap()) else { panic!() };
    let other = client.ask(Resource::Challenge(id, ChallengeType::TlsAlpn01), Some(json!({}))).await.unwrap();
    assert_eq!(object(&other)["status"], "pending");
    house.acme.attempts_ended().await;
    assert_eq!(house.prober.attempts().len(), 1);
}

#[tokio::test]
async fn rfc8555_8_2_what_failed_is_told_and_tried_again_by_a_schedule() {
    let house = House::new().await;
    house.prober.answer([failed(true), failed(true)]);
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["a.example.com"]).await;
    let (authorization, challenge) = challenge(&client, &order).await;
    client.prove(&order).await;
    let tried = client.ask(challenge.clone(), None).await.unwrap();
    assert_eq!(
        (&object(&tried)["status"], &object(&tried)["error"]["detail"]),
        (&json!("processing"), &json!("refused"))
    );
    assert!(tried.retry_after.is_some());
    let waits = client.ask(authorization.clone(), None).await.unwrap();
    assert_eq!((&object(&waits)["status"], waits.retry_after.is_some()), (&json!("pending"), true));
    for (after, begun) in [(1, 0), (1, 1), (4, 0), (1, 1)] {
        house.clock.advance(Duration::seconds(after));
        assert_eq!(house.acme.attempt_due().await.unwrap(), begun);
        house.acme.attempts_ended().await;
    }
    let done = object(&client.ask(challenge, None).await.unwrap());
    assert_eq!((&done["status"], done.get("error")), (&json!("valid"), None));
    assert_eq!(client.status(id).await, "ready");
}

#[tokio::test]
async fn what_fails_for_good_or_too_often_is_invalid() {
    let house = House::new().await;
    let client = house.client().registered().await;
    house.prober.answer([failed(false)]);
    let (id, order) = client.order_for(&["a.example.com"]).await;
    client.prove(&order).await;
    let read = object(&client.ask(Resource::Order(id), None).await.unwrap());
    assert_eq!(read["status"], "invalid");
    assert_eq!(read["error"]["type"], "urn:ietf:params:acme:error:connection");
    assert_eq!(read["error"]["subproblems"][0]["identifier"]["value"], "a.example.com");
    let authorization = client.ask(resource(order["authorizations"][0].as_str().unwrap()), None).await.unwrap();
    assert_eq!((&object(&authorization)["status"], authorization.retry_after), (&json!("invalid"), None));
    let problem = client.finalize(id, &csr(&["a.example.com"])).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::OrderNotReady, 403));

    house.prober.answer((0..9).map(|_| failed(true)));
    let (id, order) = client.order_for(&["b.example.com"]).await;
    client.prove(&order).await;
    let mut tries = 1;
    while client.status(id).await == "pending" {
        house.clock.advance(Duration::minutes(5));
        assert_eq!(house.acme.attempt_due().await.unwrap(), 1);
        house.acme.attempts_ended().await;
        tries += 1;
    }
    assert_eq!((client.status(id).await.as_str(), tries), ("invalid", crate::house::ATTEMPTS));
}

#[tokio::test]
async fn what_a_dead_node_left_is_tried_again() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["a.example.com"]).await;
    house.prober.dies.store(true, Ordering::SeqCst);
    client.prove(&order).await;
    house.prober.dies.store(false, Ordering::SeqCst);
    assert_eq!(client.status(id).await, "pending");
    assert_eq!(house.acme.attempt_due().await.unwrap(), 0, "it may be running yet");
    house.clock.advance(Duration::minutes(3));
    assert_eq!(house.acme.attempt_due().await.unwrap(), 1);
    house.acme.attempts_ended().await;
    assert_eq!(client.status(id).await, "ready");
}

#[tokio::test]
async fn rfc8555_7_5_2_its_holder_deactivates_an_authorization() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["a.example.com"]).await;
    client.prove(&order).await;
    let authorization = resource(order["authorizations"][0].as_str().unwrap());
    for wrong in [json!({}), json!({ "status": "valid" }), json!({ "status": "revoked" })] {
        let problem = client.ask(authorization.clone(), Some(wrong)).await.unwrap_err();
        assert_eq!(problem.kind, ProblemType::Malformed);
    }
    for _ in 0..2 {
        let ended = client.ask(authorization.clone(), Some(json!({ "status": "deactivated" }))).await.unwrap();
        assert_eq!((ended.status, &object(&ended)["status"]), (200, &json!("deactivated")));
    }
    assert_eq!(client.status(id).await, "invalid");
    let problem = client.finalize(id, &csr(&["a.example.com"])).await.unwrap_err();
    assert_eq!(problem.kind, ProblemType::OrderNotReady);
    assert_eq!(client.order_for(&["a.example.com"]).await.1["status"], "pending");
}

#[tokio::test]
async fn rfc8555_7_4_1_authorizations_ahead_of_an_order() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let new = |value: &str| Some(json!({ "identifier": { "type": "dns", "value": value } }));
    let made = client.ask(Resource::NewAuthorization, new("a.example.com")).await.unwrap();
    assert_eq!((made.status, &object(&made)["status"]), (201, &json!("pending")));
    let url = made.location.unwrap();
    client.prove(&json!({ "authorizations": [url] })).await;
    assert_eq!(client.order_for(&["a.example.com"]).await.1["status"], "ready");
    for (value, kind) in [
        ("*.example.com", ProblemType::Malformed),
        ("a..b", ProblemType::Malformed),
        ("192.0.2.1", ProblemType::Malformed),
    ] {
        assert_eq!(client.ask(Resource::NewAuthorization, new(value)).await.unwrap_err().kind, kind, "{value}");
    }
    let below = json!({ "identifier": { "type": "dns", "value": "example.com", "subdomainAuthAllowed": true } });
    let problem = client.ask(Resource::NewAuthorization, Some(below.clone())).await.unwrap_err();
    assert_eq!(problem.kind, ProblemType::Malformed);
    house.set(|settings| settings.subdomains = true).await;
    let made = client.ask(Resource::NewAuthorization, Some(below)).await.unwrap();
    assert_eq!(object(&made)["subdomainAuthAllowed"], true);
    house.set(|settings| settings.pre_authorization = false).await;
    let problem = client.ask(Resource::NewAuthorization, new("b.example.com")).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 404));
}

#[tokio::test]
async fn caa_is_asked_when_a_name_was_proved() {
    let house = House::new().await;
    house
        .set(|settings| {
            settings.caa = true;
            settings.caa_identities = vec!["ca.example".into()];
        })
        .await;
    let client = house.client().registered().await;
    house.prober.forbid("b.example.com");
    let (id, order) = client.order_for(&["a.example.com", "b.example.com"]).await;
    client.prove(&order).await;
    let read = object(&client.ask(Resource::Order(id), None).await.unwrap());
    assert_eq!(
        (&read["status"], &read["error"]["type"]),
        (&json!("invalid"), &json!("urn:ietf:params:acme:error:caa"))
    );
    let asked = house.prober.questions();
    assert_eq!(asked.len(), 2);
    assert_eq!(
        (asked[0].method, asked[0].issuer_domains.clone()),
        (ChallengeType::Http01, vec!["ca.example".to_owned()])
    );
    assert_eq!(Some(&asked[0].account_url), client.account.as_ref());
}

/// An authorization of the client, begun.
async fn begun(client: &Client<'_>, name: &str) -> String {
    let new = json!({ "identifier": { "type": "dns", "value": name } });
    let url = client.ask(Resource::NewAuthorization, Some(new)).await.unwrap().location.unwrap();
    let authorization = client.read(&url).await;
    let challenge = authorization["challenges"][0]["url"].as_str().unwrap();
    client.ask(resource(challenge), Some(json!({}))).await.unwrap();
    url
}

#[tokio::test]
async fn one_account_keeps_nobody_from_being_tried() {
    let house = House::new().await;
    let (greedy, other) = (house.client().registered().await, house.client().registered().await);
    // Nothing that is asked of the greedy one's names is ever answered.
    house.prober.hang("greedy.example");
    for number in 0..40 {
        begun(&greedy, &format!("h{number}.greedy.example")).await;
    }
    let url = begun(&other, "a.example.com").await;
    let mut looks = 0;
    while other.read(&url).await["status"] != "valid" {
        looks += 1;
        assert!(looks < 1_000, "it waits behind the others");
        tokio::task::yield_now().await;
    }
    let held = house.prober.attempts().iter().filter(|tried| tried.identifier.value().contains("greedy")).count();
    assert_eq!(held, 4, "a quarter of the places");
}

#[tokio::test]
async fn an_account_leaves_so_much_unfinished_and_no_more() {
    let house = House::new().await;
    house.set(|settings| settings.most_pending_authorizations = 3).await;
    let client = house.client().registered().await;
    let (_, order) = client.order_for(&["a.example.com", "b.example.com"]).await;
    let problem = client.order(json!({ "identifiers": dns(&["c.example.com", "d.example.com"]) })).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::RateLimited, 429));
    assert!(problem.retry_after.is_some() && problem.detail.contains("3 pending"), "{problem}");
    client.order_for(&["c.example.com"]).await;
    let new = json!({ "identifier": { "type": "dns", "value": "e.example.com" } });
    let problem = client.ask(Resource::NewAuthorization, Some(new.clone())).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::RateLimited, 429));
    // What is proved is not pending.
    client.prove(&order).await;
    client.ask(Resource::NewAuthorization, Some(new)).await.unwrap();
}

#[tokio::test]
async fn what_fails_is_counted_for_the_account_whatever_the_name() {
    let house = House::new().await;
    house.set(|settings| settings.account_failures_per_hour = 3).await;
    let (client, other) = (house.client().registered().await, house.client().registered().await);
    for number in 0..3 {
        house.prober.answer([failed(false)]);
        let (_, order) = client.order_for(&[&format!("h{number}.example.com")]).await;
        client.prove(&order).await;
    }
    let problem = client.order(json!({ "identifiers": dns(&["another.example"]) })).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::RateLimited, 429));
    assert!(problem.detail.contains("failed validations of this account"), "{problem}");
    other.order_for(&["another.example"]).await;
}

#[tokio::test]
async fn rfc9444_a_domain_that_failed_is_not_asked_for_by_names_below_it() {
    let house = House::new().await;
    house
        .set(|settings| {
            settings.subdomains = true;
            settings.failed_validations_per_hour = 2;
            settings.challenges = [ChallengeType::Dns01].into();
        })
        .await;
    let client = house.client().registered().await;
    let new = |number: u32| {
        let name = format!("h{number}.example.com");
        json!({ "identifiers": [{ "type": "dns", "value": name, "ancestorDomain": "example.com" }] })
    };
    for number in 0..2 {
        house.prober.answer([failed(false)]);
        let (_, order) = client.order(new(number)).await.unwrap();
        client.prove(&order).await;
    }
    let problem = client.order(new(3)).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::RateLimited, 429));
    assert!(problem.detail.contains("failed validations of example.com"), "{problem}");
}

#[tokio::test]
async fn what_is_begun_keeps_nobody_from_being_tried_again() {
    let house = House::new().await;
    let other = house.client().registered().await;
    house.prober.answer([failed(true)]);
    let url = begun(&other, "a.example.com").await;
    house.acme.attempts_ended().await;
    // Four accounts have all places, and much that waits for them.
    house.prober.hang("greedy.example");
    for account in 0..4 {
        let greedy = house.client().registered().await;
        for number in 0..6 {
            begun(&greedy, &format!("h{number}.a{account}.greedy.example")).await;
        }
    }
    let tried = |count: usize| {
        let house = &house;
        async move {
            let mut looks = 0;
            while house.prober.attempts().len() < count {
                looks += 1;
                assert!(looks < 10_000, "{} were tried where {count} should be", house.prober.attempts().len());
                tokio::task::yield_now().await;
            }
        }
    };
    tried(1 + 16).await;
    house.clock.advance(Duration::seconds(2));
    assert_eq!(house.acme.attempt_due().await.unwrap(), 0, "no place is free");
    let waiting = house.prober.attempts().len();
    house.prober.let_one_go();
    let mut looks = 0;
    while other.read(&url).await["status"] != "valid" {
        looks += 1;
        assert!(looks < 100, "the place was given to what was begun");
        house.acme.attempt_due().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(house.prober.attempts()[waiting].identifier.value(), "a.example.com", "it was the next");
}

#[tokio::test]
async fn who_gives_up_what_was_begun_has_failed() {
    let house = House::new().await;
    house.set(|settings| settings.account_failures_per_hour = 2).await;
    let client = house.client().registered().await;
    let new = |name: &str| Some(json!({ "identifier": { "type": "dns", "value": name } }));
    let deactivated = || Some(json!({ "status": "deactivated" }));
    // What was not begun, and what was proved, did not fail.
    let untouched = client.ask(Resource::NewAuthorization, new("u.example.com")).await.unwrap().location.unwrap();
    let proved = begun(&client, "p.example.com").await;
    house.acme.attempts_ended().await;
    let stock = client.ask(Resource::NewAuthorization, new("s.example.com")).await.unwrap().location.unwrap();
    for url in [untouched, proved] {
        client.ask(resource(&url), deactivated()).await.unwrap();
    }
    for number in 0..2 {
        house.prober.answer([failed(true)]);
        let url = begun(&client, &format!("h{number}.example.com")).await;
        house.acme.attempts_ended().await;
        for _ in 0..2 {
            client.ask(resource(&url), deactivated()).await.unwrap();
        }
    }
    let problem = client.ask(Resource::NewAuthorization, new("a.example.com")).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::RateLimited, 429));
    // What was made before the limit is not begun beyond it; it stays as it is, and can be read.
    let tried = house.prober.attempts().len();
    let challenge = client.read(&stock).await["challenges"][0]["url"].as_str().unwrap().to_owned();
    let problem = client.ask(resource(&challenge), Some(json!({}))).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::RateLimited, 429));
    assert!(problem.retry_after.is_some());
    assert_eq!(client.read(&challenge).await["status"], "pending");
    assert_eq!(house.prober.attempts().len(), tried);
    house.clock.advance(Duration::hours(1));
    client.ask(resource(&challenge), Some(json!({}))).await.unwrap();
}

#[tokio::test]
async fn a_failure_can_have_fewer_attempts() {
    let house = House::new().await;
    let few = |_| failed(true).map_err(|failed| AttemptFailed { at_most: Some(3), ..failed });
    house.prober.answer((0..9).map(few));
    let client = house.client().registered().await;
    let url = begun(&client, "a.example.com").await;
    house.acme.attempts_ended().await;
    for (seconds, status) in [(2, "pending"), (5, "invalid")] {
        house.clock.advance(Duration::seconds(seconds));
        assert_eq!(house.acme.attempt_due().await.unwrap(), 1);
        house.acme.attempts_ended().await;
        assert_eq!(client.read(&url).await["status"], status);
    }
}
