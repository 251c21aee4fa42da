//! RFC 8555 section 7.3.5.

use chancery_acme::{ProblemType, Resource};
use serde_json::{Value, json};

use crate::house::{Client, House, object};

const URL: &str = "https://ca.example/acme/tls-server/key-change";

fn header(new: &Client<'_>) -> Value {
    json!({ "alg": "ES256", "jwk": new.jwk(), "url": URL })
}

fn payload(old: &Client<'_>) -> Value {
    json!({ "account": old.account, "oldKey": old.jwk() })
}

#[tokio::test]
async fn rfc8555_7_3_5_the_account_goes_on_with_the_new_key() {
    let house = House::new().await;
    let mut client = house.client().registered().await;
    let begun = json!({ "identifiers": [{ "type": "dns", "value": "a.example.com" }] });
    let order = client.ask(Resource::NewOrder, Some(begun)).await.unwrap().location.unwrap();
    let mut new = house.client();
    let mut change = payload(&client);
    // Another spelling of the same key.
    change["oldKey"]["use"] = json!("sig");
    let inner = new.sign(&header(&new), &change.to_string());
    let changed = client.ask(Resource::KeyChange, Some(inner)).await.unwrap();
    assert_eq!((changed.status, &object(&changed)["status"]), (200, &json!("valid")));
    let account = Resource::Account(client.id());
    assert!(client.ask(account.clone(), None).await.is_err(), "the old key signs nothing any more");
    new.account = client.account.clone();
    assert_eq!(new.ask(account, None).await.unwrap().status, 200);
    // What was begun goes on.
    let order = Resource::Order(order.rsplit('/').next().unwrap().parse().unwrap());
    assert_eq!(object(&new.ask(order, None).await.unwrap())["status"], "pending");
    // The old key is free.
    client.account = None;
    assert_eq!(client.register(json!({})).await.unwrap().status, 201);
    assert_eq!(house.told("acme.account.key-change").await.len(), 1);
}

#[tokio::test]
async fn rfc8555_7_3_5_each_of_its_checks() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let victim = house.client().registered().await;
    let new = house.client();
    let (good, change) = (header(&new), payload(&client).to_string());
    let with = |member: &str, value: Value| {
        let mut header = good.clone();
        header[member] = value;
        header
    };
    let without = |member: &str| {
        let mut header = good.clone();
        header.as_object_mut().unwrap().remove(member);
        header
    };
    let paid = |change: Value| new.sign(&good, &change.to_string());
    let mut by_kid = without("jwk");
    by_kid["kid"] = json!(client.account);
    let mut unsigned = new.sign(&good, &change);
    unsigned["signature"] = json!("");
    let cases = [
        ("no JWS", json!({ "account": client.account, "oldKey": client.jwk() })),
        ("no jwk", new.sign(&without("jwk"), &change)),
        ("kid instead of jwk", new.sign(&by_kid, &change)),
        ("both", new.sign(&with("kid", json!(client.account)), &change)),
        ("a nonce", new.sign(&with("nonce", json!(house.acme.nonce())), &change)),
        ("no url", new.sign(&without("url"), &change)),
        ("another url", new.sign(&with("url", json!("https://ca.example/acme/tls-server/new-order")), &change)),
        ("signed by another key", client.sign(&good, &change)),
        ("unsigned", unsigned),
        ("no object", new.sign(&good, "[]")),
        ("no account", paid(json!({ "oldKey": client.jwk() }))),
        ("no oldKey", paid(json!({ "account": client.account }))),
        ("another account", paid(json!({ "account": victim.account, "oldKey": client.jwk() }))),
        ("another account and its key", paid(payload(&victim))),
        ("another old key", paid(json!({ "account": client.account, "oldKey": victim.jwk() }))),
        ("a member twice", new.sign(&good, &format!("{{\"account\":{0},\"account\":{0}}}", json!(client.account)))),
    ];
    for (case, inner) in cases {
        let problem = client.ask(Resource::KeyChange, Some(inner)).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 400), "{case}: {problem}");
    }
    let weak = json!({ "kty": "RSA", "e": "AQAB", "n": crate::house::encode([0xff; 128]) });
    let inner = new.sign(&with("jwk", weak), &change);
    let problem = client.ask(Resource::KeyChange, Some(inner)).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::BadPublicKey, 400), "{problem}");
    let wrong_algorithm = client.ask(Resource::KeyChange, Some(new.sign(&with("alg", json!("HS256")), &change))).await;
    assert_eq!(wrong_algorithm.unwrap_err().kind, ProblemType::BadSignatureAlgorithm);
    let empty = client.ask(Resource::KeyChange, None).await.unwrap_err();
    assert_eq!(empty.kind, ProblemType::Malformed);
    // Both keys are as they were.
    for account in [&client, &victim] {
        assert_eq!(account.ask(Resource::Account(account.id()), None).await.unwrap().status, 200);
    }
}

#[tokio::test]
async fn rfc8555_7_3_5_a_key_in_use_answers_409_with_its_account() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let other = house.client().registered().await;
    for holder in [&other, &client] {
        let inner = holder.sign(&header(holder), &payload(&client).to_string());
        let problem = client.ask(Resource::KeyChange, Some(inner)).await.unwrap_err();
        assert_eq!((problem.status, problem.location.as_ref()), (409, holder.account.as_ref()), "{problem}");
    }
}

#[tokio::test]
async fn two_changes_of_one_account_at_once_are_one() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (one, two) = (house.client(), house.client());
    let inner = |new: &Client<'_>| Some(new.sign(&header(new), &payload(&client).to_string()));
    let (first, second) =
        tokio::join!(client.ask(Resource::KeyChange, inner(&one)), client.ask(Resource::KeyChange, inner(&two)));
    assert_eq!(u32::from(first.is_ok()) + u32::from(second.is_ok()), 1);
    let mut signing = 0;
    for key in [client.key, one.key, two.key] {
        let holder = Client { house: &house, key, account: client.account.clone(), at: "tls-server", accept: None };
        signing += u32::from(holder.ask(Resource::Account(holder.id()), None).await.is_ok());
    }
    assert_eq!(signing, 1);
}
