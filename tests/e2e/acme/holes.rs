//! Holes of other servers, each as a test that it is none of ours (the platform's by letter, as they were read there; the
//! others by their advisories). Those that a clause covers are with that clause:
//!
//! (a) an unsigned newAccount: here; an unsigned revocation by the certificate's key: `revoke`.
//! (b) keyChange by any account: `key_change`. (d) more names in the CSR than in the order: `finalize`.
//! (e) wildcards by http-01: `authorization`. (g) nonces that can be used again: `nonce`.

use chancery_tests::{AcmeKey, Request, base64url, challenge};
use serde_json::json;

use super::lab;

#[tokio::test]
async fn hole_a_an_account_is_made_for_who_holds_the_key() {
    let lab = lab();
    let client = lab.client().await;
    let url = client.url("newAccount");
    let victim = AcmeKey::new();
    let protected = json!({"alg": "ES256", "jwk": victim.jwk(), "nonce": client.nonce().await, "url": url});
    let answer = client.post_body(&url, client.key.sign(&protected, "{}").to_string()).await;
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    let mut jws =
        victim.sign(&json!({"alg": "ES256", "jwk": victim.jwk(), "nonce": client.nonce().await, "url": url}), "{}");
    jws["signature"] = json!("");
    let answer = client.post_body(&url, jws.to_string()).await;
    assert!((400..500).contains(&answer.status), "{}", answer.text());
}

#[tokio::test]
async fn hole_c_one_proof_does_not_make_an_order_ready() {
    let lab = lab();
    let client = lab.account().await;
    let (url, order) = client.order(&["one.test", "two.test"]).await;
    let first = order["authorizations"][0].as_str().unwrap();
    let offered = challenge(&client.read(first).await.json(200), "http-01");
    let token = offered["token"].as_str().unwrap();
    lab.challenges.put(token, &client.key.authorization(token));
    client.post(offered["url"].as_str().unwrap(), &json!({})).await.json(200);
    assert_eq!(client.settled(first).await["status"], "valid");
    assert_eq!(client.read(&url).await.json(200)["status"], "pending");
    let request =
        chancery_tests::Key::new(chancery_pki::KeyType::P256).request("CN=one.test", &["dns:one.test", "dns:two.test"]);
    client.finalize(&order, &request).await.problem(403, "orderNotReady");
}

#[tokio::test]
async fn hole_f_every_resource_asks_for_a_signature_of_its_owner() {
    let lab = lab();
    let client = lab.account().await;
    let (url, order, _) = client.issue(&["owner.test"], &Request::host("owner.test"), &lab.challenges).await;
    let authorization = order["authorizations"][0].as_str().unwrap().to_owned();
    let offered = client.read(&authorization).await.json(200)["challenges"][0]["url"].as_str().unwrap().to_owned();
    let account = client.kid.clone().unwrap();
    let certificate = order["certificate"].as_str().unwrap().to_owned();
    let stranger = AcmeKey::new();
    for url in [url, authorization, offered, certificate, format!("{account}/orders"), account.clone()] {
        let protected = client.protected(&url).await;
        // Another's signature under this account's name, and none at all.
        let answer = client.post_body(&url, stranger.sign(&protected, "").to_string()).await;
        assert!([400, 401, 403].contains(&answer.status), "{url}: {}", answer.text());
        let mut jws = client.key.sign(&client.protected(&url).await, "");
        jws["signature"] = json!("");
        let answer = client.post_body(&url, jws.to_string()).await;
        assert!([400, 401, 403].contains(&answer.status), "{url}: {}", answer.text());
        let answer = client.post_body(&url, "{}").await;
        answer.problem(400, "malformed");
    }
}

/// step-ca CVE-2025-44005: what one door's identity may not do at another's. An ACME account's key is no REST identity, and
/// a REST token none of ACME's.
#[tokio::test]
async fn identities_of_one_door_are_none_at_another() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.kid.clone().unwrap();
    let token = lab.server.token("administrator", &[]);
    let request = client.request(reqwest::Method::POST, &url).header("content-type", "application/jose+json");
    let answer = client.send(request.bearer_auth(&token).body("{}")).await;
    answer.problem(400, "malformed");
    let jws = client.key.sign(&client.protected(&url).await, "").to_string();
    for credential in [base64url(&jws), client.key.thumbprint(), url.rsplit('/').next().unwrap().to_owned()] {
        let answer = lab.server.api_as(&credential).get("/api/v1/raProfiles").await;
        assert_eq!(answer.status, 401, "{}", answer.text());
    }
}

/// ultimate-ca-manager PR 191: an order made by a bare key.
#[tokio::test]
async fn an_order_is_made_by_an_account_and_not_by_a_key() {
    let lab = lab();
    let mut client = lab.account().await;
    client.kid = None;
    let body = json!({"identifiers": [{"type": "dns", "value": "a.test"}]});
    client.post(&client.url("newOrder"), &body).await.problem(400, "malformed");
}

/// Dogtag issue 5407, ietf-wg-acme issue 136: nothing is connected to that the operator has not allowed.
#[tokio::test]
async fn rfc8555_10_4_special_addresses_are_not_connected_to() {
    // Without `allow`: 127.0.0.1 is special.
    let (dns, challenges) = (chancery_tests::Dns::start(), chancery_tests::Challenges::start());
    let server = crate::server()
        .environment("CHANCERY__ACME__VALIDATION__HTTP_PORT", &challenges.address().port().to_string())
        .environment("CHANCERY__ACME__VALIDATION__RESOLVER", &dns.address().to_string())
        .start();
    let client = chancery_tests::AcmeClient::registered(server.ready(), "/acme/tls-server/directory").await;
    dns.addresses("meta.test", &["169.254.169.254".parse().unwrap()]);
    dns.cname("alias.test", "localhost");
    dns.addresses("localhost", &["127.0.0.1".parse().unwrap()]);
    for name in ["internal.test", "meta.test", "alias.test"] {
        let (_, order) = client.order(&[name]).await;
        let url = order["authorizations"][0].as_str().unwrap();
        let offered = challenge(&client.read(url).await.json(200), "http-01");
        let token = offered["token"].as_str().unwrap();
        challenges.put(token, &client.key.authorization(token));
        client.post(offered["url"].as_str().unwrap(), &json!({})).await.json(200);
        let shown = chancery_tests::eventually("it was tried", std::time::Duration::from_secs(30), || async {
            Some(challenge(&client.read(url).await.json(200), "http-01")).filter(|it| it.get("error").is_some())
        })
        .await;
        let kind = shown["error"]["type"].as_str().unwrap();
        assert!(["connection", "dns", "unauthorized"].iter().any(|it| kind.ends_with(it)), "{shown}");
    }
    assert!(challenges.requests().is_empty(), "{:?}", challenges.requests());
}
