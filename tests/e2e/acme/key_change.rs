//! RFC 8555 section 7.3.5: another key for an account, with each of its checks.

use chancery_tests::{AcmeClient, AcmeKey, Request};
use serde_json::{Value, json};

use super::lab;

/// The inner JWS of a change to `new`.
fn inner(client: &AcmeClient, new: &AcmeKey) -> Value {
    let protected = json!({"alg": "ES256", "jwk": new.jwk(), "url": client.url("keyChange")});
    new.sign(&protected, &payload(client).to_string())
}

fn payload(client: &AcmeClient) -> Value {
    json!({"account": client.kid, "oldKey": client.key.jwk()})
}

#[tokio::test]
async fn rfc8555_7_3_5_the_account_goes_on_with_the_new_key() {
    let lab = lab();
    let mut client = lab.account().await;
    let (order, body) = client.order(&["rollover.test"]).await;
    let new = AcmeKey::new();
    client.post(&client.url("keyChange"), &inner(&client, &new)).await.json(200);
    let url = client.kid.clone().unwrap();
    let answer = client.read(&url).await;
    assert!((400..500).contains(&answer.status), "the old key still signs: {}", answer.text());
    client.key = new;
    client.read(&url).await.json(200);
    // Open orders go on.
    assert_eq!(client.read(&order).await.json(200)["status"], "pending");
    client.authorize(&body, "http-01", &lab.challenges).await;
    client.finalize(&body, &Request::host("rollover.test")).await.json(200);
}

/// AC-41, and the platform's hole (b).
#[tokio::test]
async fn rfc8555_7_3_5_every_check_holds() {
    let lab = lab();
    let client = lab.account().await;
    let other = lab.account().await;
    let url = client.url("keyChange");
    let new = AcmeKey::new();
    let protected = json!({"alg": "ES256", "jwk": new.jwk(), "url": url});
    let with = |change: &dyn Fn(&mut Value)| {
        let mut protected = protected.clone();
        change(&mut protected);
        new.sign(&protected, &payload(&client).to_string())
    };
    let saying = |payload: Value| new.sign(&protected, &payload.to_string());
    let mut unsigned = inner(&client, &new);
    unsigned["signature"] = json!(chancery_tests::base64url([0; 64]));
    let mut empty = inner(&client, &new);
    empty["signature"] = json!("");
    let by_old = client.key.sign(&protected, &payload(&client).to_string());
    for (what, body) in [
        ("an unsigned inner JWS", unsigned),
        ("an empty inner signature", empty),
        ("signed by the old key", by_old),
        ("no jwk", with(&|it| drop(it.as_object_mut().unwrap().remove("jwk")))),
        ("kid in place of jwk", with(&|it| it["kid"] = json!("x"))),
        ("another url", with(&|it| it["url"] = json!(client.url("newOrder")))),
        ("no url", with(&|it| drop(it.as_object_mut().unwrap().remove("url")))),
        ("a nonce", with(&|it| it["nonce"] = json!("AAAA"))),
        ("alg none", with(&|it| it["alg"] = json!("none"))),
        ("another's account", saying(json!({"account": other.kid, "oldKey": client.key.jwk()}))),
        ("another's old key", saying(json!({"account": client.kid, "oldKey": other.key.jwk()}))),
        ("another's account and key", saying(json!({"account": other.kid, "oldKey": other.key.jwk()}))),
        ("no account", saying(json!({"oldKey": client.key.jwk()}))),
        ("no old key", saying(json!({"account": client.kid}))),
        ("an old key that is none", saying(json!({"account": client.kid, "oldKey": {"kty": "oct", "k": "AA"}}))),
        ("an empty payload", new.sign(&protected, "")),
        ("no JWS", json!({})),
        ("a payload of another kind", json!({"account": client.kid, "oldKey": client.key.jwk()})),
    ] {
        let answer = client.post(&url, &body).await;
        assert!([400, 401, 403].contains(&answer.status), "{what}: {}", answer.text());
        let kinds = ["malformed", "unauthorized", "badSignatureAlgorithm", "badPublicKey"];
        assert!(kinds.contains(&&*answer.kind()), "{what}: {}", answer.text());
    }
    for client in [&client, &other] {
        client.read(&client.kid.clone().unwrap()).await.json(200);
    }
}

#[tokio::test]
async fn rfc8555_7_3_5_a_key_in_use_is_409_with_its_account() {
    let lab = lab();
    let (client, other) = (lab.account().await, lab.account().await);
    let answer = client.post(&client.url("keyChange"), &inner(&client, &other.key)).await;
    assert_eq!(answer.status, 409, "{}", answer.text());
    assert_eq!(Some(answer.location()), other.kid);
    // Its own key again changes nothing either.
    let answer = client.post(&client.url("keyChange"), &inner(&client, &client.key)).await;
    assert!([400, 409].contains(&answer.status), "{}", answer.text());
    client.read(&client.kid.clone().unwrap()).await.json(200);
}

#[tokio::test]
async fn rfc8555_7_3_5_a_weak_new_key_is_a_bad_public_key() {
    let lab = lab();
    let client = lab.account().await;
    let mut weak = vec![0xc5; 128];
    weak[127] = 0xb5;
    let jwk = json!({"kty": "RSA", "n": chancery_tests::base64url(weak), "e": "AQAB"});
    let protected = json!({"alg": "RS256", "jwk": jwk, "url": client.url("keyChange")});
    let body = AcmeKey::new().sign(&protected, &payload(&client).to_string());
    let answer = client.post(&client.url("keyChange"), &body).await;
    answer.problem(400, "badPublicKey");
}
