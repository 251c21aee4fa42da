//! Clauses that belong to no single resource: RFC 8555 sections 5, 8.1, 8.3 and 11.3, and RFC 9444.

use std::collections::BTreeSet;

use chancery_tests::{AcmeKey, Key, base64url, challenge};
use serde_json::{Value, json};

use super::lab;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

#[tokio::test]
async fn rfc8555_5_what_is_not_utf_8_is_malformed() {
    let lab = lab();
    let client = lab.account().await;
    let url = client.url("newOrder");
    let protected = base64url(client.protected(&url).await.to_string());
    let payload = base64url(b"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"\xff.test\"}]}");
    let signature = base64url(client.key.signature(format!("{protected}.{payload}").as_bytes()));
    let body = json!({"protected": protected, "payload": payload, "signature": signature}).to_string();
    client.post_body(&url, body).await.problem(400, "malformed");
    client.post_body(&url, b"{\"protected\":\"\xc3\x28\"}".to_vec()).await.problem(400, "malformed");
}

#[tokio::test]
async fn rfc8555_8_1_the_key_authorization_is_token_dot_thumbprint() {
    let lab = lab();
    let client = lab.account().await;
    for wrong in ["token alone", "another key", "another token"] {
        let (_, order) = client.order(&["key.test"]).await;
        let url = text(&order["authorizations"][0]);
        let offered = challenge(&client.read(&url).await.json(200), "http-01");
        let token = text(&offered["token"]);
        let body = match wrong {
            "token alone" => token.clone(),
            "another key" => AcmeKey::new().authorization(&token),
            _ => client.key.authorization("another"),
        };
        lab.challenges.put(&token, &body);
        client.post(&text(&offered["url"]), &json!({})).await.json(200);
        assert_eq!(client.settled(&url).await["status"], "invalid", "{wrong}");
    }
    let (_, order) = client.order(&["key.test"]).await;
    client.authorize(&order, "http-01", &lab.challenges).await;
}

#[tokio::test]
async fn rfc8555_8_3_a_token_has_128_bits() {
    let lab = lab();
    let client = lab.account().await;
    let (_, order) = client.order(&["token.test"]).await;
    let authorization = client.read(&text(&order["authorizations"][0])).await.json(200);
    for offered in authorization["challenges"].as_array().unwrap() {
        let token = text(&offered["token"]);
        // Six bits to a character.
        assert!(token.len() * 6 >= 128, "{token}");
        assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{token}");
    }
}

#[tokio::test]
async fn rfc8555_11_3_no_token_is_given_twice() {
    let lab = lab();
    let client = lab.account().await;
    let mut tokens = BTreeSet::new();
    for number in 0..10 {
        let (_, order) = client.order(&[&format!("t{number}.test")]).await;
        let authorization = client.read(&text(&order["authorizations"][0])).await.json(200);
        for offered in authorization["challenges"].as_array().unwrap() {
            assert!(tokens.insert(text(&offered["token"])), "{offered}");
        }
    }
}

#[tokio::test]
async fn rfc9444_4_4_the_directory_says_whether_subdomains_are_offered() {
    let lab = lab();
    let client = lab.client().await;
    assert_ne!(client.directory()["meta"]["subdomainAuthAllowed"], true);
    lab.server.cli(["acme", "profile", "edit", "default", "--set", "subdomains=true"]).ok();
    let client = lab.client().await;
    assert_eq!(client.directory()["meta"]["subdomainAuthAllowed"], true);
}

#[tokio::test]
async fn rfc9444_4_1_one_proof_for_an_ancestor_serves_its_subdomains() {
    let lab = lab();
    lab.server.cli(["acme", "profile", "edit", "default", "--set", "subdomains=true"]).ok();
    let client = lab.account().await;
    let body = json!({"identifiers": [
        {"type": "dns", "value": "a.b.sub.test", "ancestorDomain": "sub.test"},
        {"type": "dns", "value": "c.sub.test", "ancestorDomain": "sub.test"},
    ]});
    let order = client.post(&client.url("newOrder"), &body).await.json(201);
    let authorizations = order["authorizations"].as_array().unwrap();
    for url in authorizations {
        let shown = client.read(&text(url)).await.json(200);
        assert_eq!(shown["identifier"]["value"], "sub.test", "{shown}");
        assert_eq!(shown["subdomainAuthAllowed"], true, "{shown}");
        if shown["status"] == "pending" {
            let offered = challenge(&shown, "dns-01");
            lab.dns.txt("_acme-challenge.sub.test", &client.key.dns_authorization(&text(&offered["token"])));
            client.post(&text(&offered["url"]), &json!({})).await.json(200);
            assert_eq!(client.settled(&text(url)).await["status"], "valid");
        }
    }
    let request = Key::new(chancery_pki::KeyType::P256).request("", &["dns:a.b.sub.test", "dns:c.sub.test"]);
    assert_eq!(client.finalize(&order, &request).await.json(200)["status"], "valid");
}

#[tokio::test]
async fn rfc9444_4_2_new_authz_serves_subdomains_later() {
    let lab = lab();
    lab.server
        .cli(["acme", "profile", "edit", "default", "--set", "subdomains=true", "--set", "preAuthorization=true"])
        .ok();
    let client = lab.account().await;
    let body = json!({"identifier": {"type": "dns", "value": "early.test", "subdomainAuthAllowed": true}});
    let answer = client.post(&client.url("newAuthz"), &body).await;
    let shown = answer.json(201);
    assert_eq!(shown["subdomainAuthAllowed"], true, "{shown}");
    let offered = challenge(&shown, "dns-01");
    lab.dns.txt("_acme-challenge.early.test", &client.key.dns_authorization(&text(&offered["token"])));
    client.post(&text(&offered["url"]), &json!({})).await.json(200);
    assert_eq!(client.settled(&answer.location()).await["status"], "valid");
    let body = json!({"identifiers": [{"type": "dns", "value": "x.early.test", "ancestorDomain": "early.test"}]});
    assert_eq!(client.post(&client.url("newOrder"), &body).await.json(201)["status"], "ready");
}
