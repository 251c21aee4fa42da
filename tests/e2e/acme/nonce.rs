//! RFC 8555 section 6.5: nonces.

use std::sync::Arc;

use serde_json::json;

use super::lab;

#[tokio::test]
async fn rfc8555_6_5_nonce_is_spent_once() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let protected = client.protected(&url).await;
    client.post_signed(&url, &protected, "").await.json(200);
    // Another signature over the same nonce, and the same bytes again.
    for payload in ["", "{}"] {
        let problem = client.post_signed(&url, &protected, payload).await.problem(400, "badNonce");
        // acme.sh knows it by these words.
        assert!(problem["detail"].as_str().unwrap().starts_with("JWS has an invalid anti-replay nonce"), "{problem}");
    }
    // Section 6.5: the refusal brings a nonce that works.
    client.read(&url).await.json(200);
}

#[tokio::test]
async fn rfc8555_6_5_a_nonce_is_spent_even_when_the_request_fails() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let protected = client.protected(&url).await;
    let mut jws = client.key.sign(&protected, "");
    jws["signature"] = json!(chancery_tests::base64url([1; 64]));
    let refused = client.post_body(&url, jws.to_string()).await;
    assert!((400..500).contains(&refused.status) && refused.kind() != "badNonce", "{}", refused.text());
    client.post_signed(&url, &protected, "").await.problem(400, "badNonce");
}

/// AC-23: one nonce from 64 connections.
#[tokio::test]
async fn rfc8555_6_5_of_64_parallel_uses_one_succeeds() {
    let lab = lab();
    let client = Arc::new(lab.account().await);
    let url = client.kid.clone().unwrap();
    for _ in 0..3 {
        let jws = client.key.sign(&client.protected(&url).await, "").to_string();
        let all = (0..64).map(|_| {
            let (client, url, jws) = (client.clone(), url.clone(), jws.clone());
            tokio::spawn(async move { client.post_body(&url, jws).await.status })
        });
        let mut good = 0;
        for one in all.collect::<Vec<_>>() {
            match one.await.unwrap() {
                200 => good += 1,
                400 => {}
                other => panic!("status {other}"),
            }
        }
        assert_eq!(good, 1);
    }
}

/// AC-22.
#[tokio::test]
async fn rfc8555_6_5_what_is_no_nonce_is_refused_with_a_fresh_one() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let kid = client.kid.clone();
    let long = "A".repeat(10_240);
    for (nonce, kinds) in [
        (json!("A"), &["badNonce", "malformed"] as &[&str]),
        (json!("AAAA"), &["badNonce"]),
        (json!(long), &["badNonce"]),
        (json!("not base64url!"), &["malformed", "badNonce"]),
        (json!("AAAA=="), &["malformed", "badNonce"]),
        (json!(""), &["badNonce", "malformed"]),
        (json!(7), &["malformed", "badNonce"]),
        (json!(null), &["malformed", "badNonce"]),
    ] {
        let protected = json!({"alg": "ES256", "kid": kid, "nonce": nonce, "url": url});
        let answer = client.post_signed(&url, &protected, "").await;
        assert_eq!(answer.status, 400, "{nonce}: {}", answer.text());
        assert!(kinds.contains(&&*answer.kind()), "{nonce}: {}", answer.text());
        client.read(&url).await.json(200);
    }
    // None in the protected header, one in an HTTP header.
    let protected = json!({"alg": "ES256", "kid": kid, "url": url});
    let request = client.request(reqwest::Method::POST, &url).header("content-type", "application/jose+json");
    let request = request.header("replay-nonce", client.nonce().await);
    let answer = client.send(request.body(client.key.sign(&protected, "").to_string())).await;
    answer.problem(400, "badNonce");
}

/// AC-24: another boot's nonce is none, and the client goes on with the one that it is given.
#[tokio::test]
async fn rfc8555_6_5_a_nonce_from_before_a_restart_is_refused_with_a_fresh_one() {
    let mut lab = super::lab_with(|builder| builder.argument("--https").argument(free_address()));
    let mut client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let protected = client.protected(&url).await;
    assert!(lab.server.stop().success());
    lab.server.start();
    client.reconnect(lab.server.ready());
    client.post_signed(&url, &protected, "").await.problem(400, "badNonce");
    client.read(&url).await.json(200);
}

/// A port that is free now, so that a restarted server has the URLs that it had.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// RFC 8555 section 6.5.1: unpredictable and unique.
#[tokio::test]
async fn rfc8555_6_5_1_nonces_are_unique() {
    let lab = lab();
    let client = lab.client().await;
    let url = client.url("newNonce");
    let mut seen = std::collections::HashSet::new();
    for _ in 0..300 {
        let nonce = client.get(&url).await.header("replay-nonce").unwrap().to_owned();
        assert!(nonce.len() >= 22, "fewer than 128 bits: {nonce}");
        assert!(seen.insert(nonce));
    }
}
