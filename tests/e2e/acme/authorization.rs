//! RFC 8555 sections 7.1.4, 7.1.5, 7.4.1, 7.5 and 8: authorizations and their challenges.

use std::time::Duration;

use chancery_tests::{Request, challenge, eventually};
use serde_json::json;

use super::lab;

#[tokio::test]
async fn rfc8555_7_1_4_an_authorization_has_its_challenges() {
    let lab = lab();
    let client = lab.account().await;
    let (_, order) = client.order(&["a.test"]).await;
    let url = order["authorizations"][0].as_str().unwrap();
    let authorization = client.read(url).await.json(200);
    assert_eq!(authorization["status"], "pending");
    assert_eq!(authorization["identifier"], json!({"type": "dns", "value": "a.test"}));
    assert!(authorization["expires"].is_string());
    // Section 7.1.4: true or absent.
    assert!(authorization.get("wildcard").is_none());
    let mut kinds: Vec<_> =
        authorization["challenges"].as_array().unwrap().iter().map(|it| it["type"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["dns-01", "http-01", "tls-alpn-01"]);
}

#[tokio::test]
async fn rfc8555_7_1_5_a_challenge_has_what_the_rfc_says() {
    let lab = lab();
    let client = lab.account().await;
    let (_, order) = client.order(&["a.test"]).await;
    let url = order["authorizations"][0].as_str().unwrap();
    let authorization = client.read(url).await.json(200);
    for challenge in authorization["challenges"].as_array().unwrap() {
        assert_eq!(challenge["status"], "pending");
        assert!(challenge.get("error").is_none() && challenge.get("validated").is_none(), "{challenge}");
        let token = challenge["token"].as_str().unwrap();
        // Section 8: at least 128 bits, base64url without padding.
        assert!(token.len() >= 22 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{token}");
        let alone = client.read(challenge["url"].as_str().unwrap()).await;
        assert_eq!(&alone.json(200), challenge);
        // Section 7.5.1.
        assert_eq!(alone.links("up"), [url]);
    }
}

/// AC-48, and the platform's hole (e).
#[tokio::test]
async fn rfc8555_7_1_4_a_wildcard_is_proved_by_dns_alone() {
    let lab = lab();
    let client = lab.account().await;
    let (_, order) = client.order(&["*.wild.test", "wild.test"]).await;
    assert_eq!(order["identifiers"][0]["value"], "*.wild.test");
    let mut seen = 0;
    for url in order["authorizations"].as_array().unwrap() {
        let authorization = client.read(url.as_str().unwrap()).await.json(200);
        assert_eq!(authorization["identifier"]["value"], "wild.test");
        if authorization.get("wildcard").is_some() {
            assert_eq!(authorization["wildcard"], true);
            let offered = authorization["challenges"].as_array().unwrap();
            assert!(!offered.is_empty() && offered.iter().all(|it| it["type"] == "dns-01"), "{authorization}");
            // And no other is reached by writing its URL oneself.
            let url = offered[0]["url"].as_str().unwrap().replace("dns-01", "http-01");
            let answer = client.post(&url, &json!({})).await;
            assert!((400..500).contains(&answer.status), "{}", answer.text());
            seen += 1;
        }
    }
    assert_eq!(seen, 1);
}

#[tokio::test]
async fn rfc8555_8_4_dns_01_proves_a_wildcard() {
    let lab = lab();
    let client = lab.account().await;
    let (url, order) = client.order(&["*.dns.test"]).await;
    let authorization_url = order["authorizations"][0].as_str().unwrap();
    let offered = challenge(&client.read(authorization_url).await.json(200), "dns-01");
    // Section 8.4: aliases are followed.
    lab.dns.cname("_acme-challenge.dns.test", "delegated.test");
    lab.dns.txt("delegated.test", "another record");
    lab.dns.txt("delegated.test", &client.key.dns_authorization(offered["token"].as_str().unwrap()));
    client.post(offered["url"].as_str().unwrap(), &json!({})).await.json(200);
    assert_eq!(client.settled(authorization_url).await["status"], "valid");
    assert_eq!(client.read(&url).await.json(200)["status"], "ready");
    let request = chancery_tests::Key::new(chancery_pki::KeyType::P256).request("CN=*.dns.test", &["dns:*.dns.test"]);
    assert_eq!(client.finalize(&order, &request).await.json(200)["status"], "valid");
}

/// AC-32: step-ca begins a validation here.
#[tokio::test]
async fn rfc8555_7_5_1_reading_a_challenge_begins_nothing() {
    let lab = lab();
    let client = lab.account().await;
    let (_, order) = client.order(&["read.test"]).await;
    let url = order["authorizations"][0].as_str().unwrap();
    let offered = challenge(&client.read(url).await.json(200), "http-01");
    for _ in 0..3 {
        client.read(offered["url"].as_str().unwrap()).await.json(200);
    }
    // A validation of another order that was asked for later is done, so that one of this order would be too.
    client.issue(&["other.test"], &Request::host("other.test"), &lab.challenges).await;
    assert_eq!(challenge(&client.read(url).await.json(200), "http-01")["status"], "pending");
    let token = offered["token"].as_str().unwrap();
    assert!(lab.challenges.requests().iter().all(|path| !path.ends_with(token)));
}

#[tokio::test]
async fn rfc8555_7_5_1_a_response_is_an_object_and_what_is_in_it_is_ignored() {
    let lab = lab();
    let client = lab.account().await;
    let (_, order) = client.order(&["object.test"]).await;
    let url = order["authorizations"][0].as_str().unwrap();
    let offered = challenge(&client.read(url).await.json(200), "http-01");
    let challenge_url = offered["url"].as_str().unwrap();
    for payload in [json!([]), json!(null), json!("x")] {
        client.post(challenge_url, &payload).await.problem(400, "malformed");
    }
    let token = offered["token"].as_str().unwrap();
    lab.challenges.put(token, &client.key.authorization(token));
    // Old clients send their key authorization.
    let answer = client.post(challenge_url, &json!({"keyAuthorization": "old", "resource": "challenge"})).await;
    answer.json(200);
    assert_eq!(answer.links("up"), [url]);
    let settled = client.settled(url).await;
    assert_eq!(settled["status"], "valid");
    let proved = challenge(&settled, "http-01");
    assert_eq!(proved["status"], "valid");
    assert!(proved["validated"].is_string(), "required once it is valid: {proved}");
    // Asked again it stays as it is.
    client.post(challenge_url, &json!({})).await.json(200);
    assert_eq!(lab.challenges.requests().iter().filter(|path| path.ends_with(token)).count(), 1);
}

/// A wrong answer fails the challenge, the authorization and the order, with the reason where clients look for it; nothing
/// of what was fetched is in it.
#[tokio::test]
async fn rfc8555_7_1_6_a_failed_challenge_fails_its_order() {
    let lab = lab();
    let client = lab.account().await;
    let (order_url, order) = client.order(&["wrong.test", "good.test"]).await;
    let find = async |name: &str| {
        for url in order["authorizations"].as_array().unwrap() {
            let url = url.as_str().unwrap().to_owned();
            let authorization = client.read(&url).await.json(200);
            if authorization["identifier"]["value"] == name {
                return (url, authorization);
            }
        }
        panic!("no authorization of {name}");
    };
    let (url, authorization) = find("wrong.test").await;
    let offered = challenge(&authorization, "http-01");
    lab.challenges.put(offered["token"].as_str().unwrap(), "<script>alert('SECRET %s')</script>");
    client.post(offered["url"].as_str().unwrap(), &json!({})).await.json(200);
    let settled = client.settled(&url).await;
    assert_eq!(settled["status"], "invalid", "{settled}");
    let failed = challenge(&settled, "http-01");
    assert_eq!(failed["status"], "invalid");
    let kind = failed["error"]["type"].as_str().unwrap();
    assert!(["unauthorized", "incorrectResponse"].iter().any(|it| kind.ends_with(it)), "{failed}");
    assert!(!settled.to_string().contains("SECRET") && !settled.to_string().contains("script"), "{settled}");
    let order = client.read(&order_url).await.json(200);
    assert_eq!(order["status"], "invalid", "{order}");
    let answer = client.finalize(&order, &Request::host("wrong.test")).await;
    answer.problem(403, "orderNotReady");
}

#[tokio::test]
async fn rfc8555_7_5_1_a_validation_is_polled() {
    let lab = lab();
    let client = lab.account().await;
    let (_, order) = client.order(&["slow.test"]).await;
    let url = order["authorizations"][0].as_str().unwrap();
    lab.dns.fault("slow.test", chancery_tests::Fault::Silent);
    let offered = challenge(&client.read(url).await.json(200), "http-01");
    let challenge_url = offered["url"].as_str().unwrap();
    client.post(challenge_url, &json!({})).await.json(200);
    for url in [challenge_url, url] {
        let answer = client.read(url).await;
        assert!(["pending", "processing"].contains(&answer.json(200)["status"].as_str().unwrap()));
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        // acme.sh gives up beyond.
        assert!((1..=600).contains(&seconds), "{seconds}");
    }
}

/// RFC 8555 section 8.2: a try that may end otherwise later is repeated, and its error is shown meanwhile.
#[tokio::test]
async fn rfc8555_8_2_a_validation_is_tried_again() {
    let lab = lab();
    let client = lab.account().await;
    let (_, order) = client.order(&["later.test"]).await;
    let url = order["authorizations"][0].as_str().unwrap();
    lab.dns.fault("later.test", chancery_tests::Fault::ServFail);
    let offered = challenge(&client.read(url).await.json(200), "http-01");
    let challenge_url = offered["url"].as_str().unwrap();
    client.post(challenge_url, &json!({})).await.json(200);
    let waiting = eventually("the first try has failed", Duration::from_secs(30), || async {
        let answer = client.read(challenge_url).await;
        Some(answer).filter(|answer| answer.json(200).get("error").is_some())
    })
    .await;
    let now = waiting.json(200);
    assert_eq!(now["status"], "processing", "{now}");
    assert!(waiting.header("retry-after").is_some());
    lab.dns.clear("later.test");
    let token = offered["token"].as_str().unwrap();
    lab.challenges.put(token, &client.key.authorization(token));
    let settled = client.settled(url).await;
    assert_eq!(settled["status"], "valid", "{settled}");
    assert!(challenge(&settled, "http-01").get("error").is_none(), "{settled}");
}

/// Boulder: parallel validations. 30 requests, one look.
#[tokio::test]
async fn rfc8555_7_5_1_parallel_responses_are_validated_once() {
    let lab = lab();
    let client = std::sync::Arc::new(lab.account().await);
    let (_, order) = client.order(&["parallel.test"]).await;
    let url = order["authorizations"][0].as_str().unwrap();
    let offered = challenge(&client.read(url).await.json(200), "http-01");
    let token = offered["token"].as_str().unwrap();
    lab.challenges.put(token, &client.key.authorization(token));
    let challenge_url = offered["url"].as_str().unwrap();
    let mut all = Vec::new();
    for _ in 0..30 {
        let nonce = client.get(&client.url("newNonce")).await.header("replay-nonce").unwrap().to_owned();
        let protected = json!({"alg": "ES256", "kid": client.kid, "nonce": nonce, "url": challenge_url});
        let (client, url) = (client.clone(), challenge_url.to_owned());
        all.push(tokio::spawn(async move { client.post_signed(&url, &protected, "{}").await.status }));
    }
    for one in all {
        assert_eq!(one.await.unwrap(), 200);
    }
    assert_eq!(client.settled(url).await["status"], "valid");
    assert_eq!(lab.challenges.requests().iter().filter(|path| path.ends_with(token)).count(), 1);
}

#[tokio::test]
async fn rfc8555_7_5_2_an_authorization_can_be_given_up() {
    let lab = lab();
    let client = lab.account().await;
    let (order_url, order, _) = client.issue(&["up.test"], &Request::host("up.test"), &lab.challenges).await;
    let url = order["authorizations"][0].as_str().unwrap();
    for wrong in [json!({"status": "valid"}), json!({"status": "pending"}), json!({"status": 7})] {
        let answer = client.post(url, &wrong).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text());
    }
    assert_eq!(client.post(url, &json!({"status": "deactivated"})).await.json(200)["status"], "deactivated");
    assert_eq!(client.read(url).await.json(200)["status"], "deactivated");
    // What was issued stays; what is ordered next is proved anew.
    assert_eq!(client.read(&order_url).await.json(200)["status"], "valid");
    let (_, next) = client.order(&["up.test"]).await;
    assert_eq!(next["status"], "pending");
    assert_ne!(next["authorizations"][0], order["authorizations"][0]);
    // A pending one given up fails its order.
    let (next_url, next) = client.order(&["never.test"]).await;
    let pending = next["authorizations"][0].as_str().unwrap();
    client.post(pending, &json!({"status": "deactivated"})).await.json(200);
    assert_eq!(client.read(&next_url).await.json(200)["status"], "invalid");
}

#[tokio::test]
async fn rfc8555_7_4_1_pre_authorization() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.url("newAuthz");
    let answer = client.post(&url, &json!({"identifier": {"type": "dns", "value": "Pre.test"}})).await;
    let authorization = answer.json(201);
    assert_eq!(authorization["identifier"]["value"], "pre.test");
    let location = answer.location();
    assert_eq!(client.read(&location).await.json(200), authorization);
    for (wrong, kind) in [
        (
            json!({"identifier": {"type": "dns", "value": "*.pre.test"}}),
            &["malformed", "rejectedIdentifier"] as &[&str],
        ),
        (json!({"identifier": {"type": "email", "value": "a@b.test"}}), &["unsupportedIdentifier"]),
        (json!({"identifier": {"type": "dns", "value": "127.0.0.1"}}), &["malformed", "rejectedIdentifier"]),
        (json!({}), &["malformed"]),
    ] {
        let answer = client.post(&url, &wrong).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text());
        assert!(kind.contains(&&*answer.kind()), "{wrong}: {}", answer.text());
    }
    let offered = challenge(&authorization, "http-01");
    let token = offered["token"].as_str().unwrap();
    lab.challenges.put(token, &client.key.authorization(token));
    client.post(offered["url"].as_str().unwrap(), &json!({})).await.json(200);
    assert_eq!(client.settled(&location).await["status"], "valid");
    assert_eq!(client.order(&["pre.test"]).await.1["status"], "ready");
    assert_eq!(lab.account().await.order(&["pre.test"]).await.1["status"], "pending", "another account's proof");
}
