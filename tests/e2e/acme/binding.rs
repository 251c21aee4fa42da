//! RFC 8555 section 7.3.4: external account binding.

use std::sync::Arc;

use chancery_tests::{AcmeClient, Lab, Request, base64url};
use serde_json::{Value, json};

use super::lab;

/// A new EAB key by the command line: its kid, its key and the note for people.
fn eab(lab: &Lab, arguments: &[&str]) -> (String, String) {
    let all = ["acme", "eab", "create", "--profile", "tls-server", "--json"].iter().chain(arguments).copied();
    let made: Value = serde_json::from_str(&lab.server.cli(all).ok()).unwrap();
    (made["kid"].as_str().unwrap().to_owned(), made["key"].as_str().unwrap().to_owned())
}

fn required(lab: &Lab) {
    lab.server.cli(["acme", "profile", "edit", "default", "--set", "eab=required"]).ok();
}

async fn bound(client: &mut AcmeClient, kid: &str, key: &str) -> Value {
    let binding = client.binding(kid, key);
    let answer = client.post(&client.url("newAccount"), &json!({"externalAccountBinding": binding})).await;
    let account = answer.json(201);
    assert_eq!(account["externalAccountBinding"], binding, "a verified binding is shown again");
    client.kid = Some(answer.location());
    account
}

/// AC-38.
#[tokio::test]
async fn rfc8555_7_3_4_where_a_binding_is_required_it_must_come() {
    let lab = lab();
    required(&lab);
    let mut client = lab.client().await;
    assert_eq!(client.directory()["meta"]["externalAccountRequired"], true);
    client.post(&client.url("newAccount"), &json!({})).await.problem(403, "externalAccountRequired");
    let (kid, key) = eab(&lab, &["--names", "=bound.test,.lab.test", "--uses", "1"]);
    bound(&mut client, &kid, &key).await;
    // Its names and no others.
    client.order(&["bound.test"]).await;
    client.order(&["a.lab.test"]).await;
    let new_order = client.url("newOrder");
    let identifiers = json!([{"type": "dns", "value": "other.test"}]);
    let answer = client.post(&new_order, &json!({"identifiers": identifiers})).await;
    answer.problem(400, "rejectedIdentifier");
    // Used up.
    let second = lab.client().await;
    let binding = second.binding(&kid, &key);
    let answer = second.post(&second.url("newAccount"), &json!({"externalAccountBinding": binding})).await;
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    // The account that is bound goes on without a binding.
    client.kid = None;
    let again = client.post(&client.url("newAccount"), &json!({"onlyReturnExisting": true})).await;
    assert_eq!(again.status, 200, "{}", again.text());
}

#[tokio::test]
async fn the_command_says_what_a_key_may_ask_for() {
    let lab = lab();
    let made = lab.server.cli(["acme", "eab", "create", "--profile", "tls-server"]);
    assert!(made.stderr.contains("every name that RA profile tls-server"), "{}", made.stderr);
    let printed = made.ok();
    assert!(printed.starts_with("kid ") && printed.contains("\nkey "), "{printed}");
    let refused = lab.server.cli(["acme", "eab", "create", "--profile", "nobody"]).refused();
    assert!(refused.contains("nobody"), "{refused}");
    lab.server.cli(["acme", "eab", "create", "--profile", "tls-server", "--names", "a..b"]).refused();
    let listed: Value = serde_json::from_str(&lab.server.cli(["acme", "eab", "list", "--json"]).ok()).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert!(listed[0].get("key").is_none() && listed[0]["used"] == 0, "{listed}");
}

/// AC-39: every broken binding, and the key stays unused.
#[tokio::test]
async fn rfc8555_7_3_4_a_broken_binding_binds_nothing() {
    let lab = lab();
    required(&lab);
    let (kid, key) = eab(&lab, &["--uses", "1"]);
    let (other_kid, _) = eab(&lab, &[]);
    let client = lab.client().await;
    let url = client.url("newAccount");
    let secret = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &key).unwrap();
    let jwk = client.key.jwk().to_string();
    let protected = json!({"alg": "HS256", "kid": kid, "url": url});
    let mac = |protected: &Value, payload: &str| chancery_tests::mac(&secret, protected, payload);
    let with = |name: &str, value: Value| {
        let mut changed = protected.clone();
        changed[name] = value;
        mac(&changed, &jwk)
    };
    let good = mac(&protected, &jwk);
    let changed = |name: &str, value: Value| {
        let mut jws = good.clone();
        jws[name] = value;
        jws
    };
    let unkeyed = |secret: &[u8]| chancery_tests::mac(secret, &protected, &jwk);
    let stranger = chancery_tests::AcmeKey::new();
    let es256 = client.key.sign(&json!({"alg": "ES256", "kid": kid, "url": url}), &jwk);
    for (what, binding) in [
        ("wrong MAC", changed("signature", json!(base64url([0; 32])))),
        ("no MAC", changed("signature", json!(""))),
        ("cut MAC", changed("signature", json!(base64url([0; 8])))),
        ("another's secret", unkeyed(&[7; 32])),
        ("an empty secret", unkeyed(&[])),
        ("unknown kid", with("kid", json!("0190a2c4-0000-7000-8000-000000000000"))),
        ("another's kid", with("kid", json!(other_kid))),
        ("kid that is none", with("kid", json!("nobody"))),
        ("kid of another type", with("kid", json!(7))),
        ("another url", with("url", json!(client.url("newOrder")))),
        ("a nonce", with("nonce", json!("AAAA"))),
        ("alg none", with("alg", json!("none"))),
        ("alg ES256", es256),
        ("another key", mac(&protected, &stranger.jwk().to_string())),
        ("no key", mac(&protected, "{}")),
        ("a jwk header", with("jwk", client.key.jwk())),
        ("an unprotected header", changed("header", json!({"kid": kid}))),
        ("several signatures", changed("signatures", json!([]))),
        ("another type", json!("binding")),
        ("an empty object", json!({})),
    ] {
        let answer = client.post(&url, &json!({"externalAccountBinding": binding})).await;
        assert!([400, 401, 403].contains(&answer.status), "{what}: {}", answer.text());
        let kinds = ["malformed", "unauthorized", "externalAccountRequired", "badSignatureAlgorithm"];
        assert!(kinds.contains(&&*answer.kind()), "{what}: {}", answer.text());
    }
    let listed: Value = serde_json::from_str(&lab.server.cli(["acme", "eab", "list", "--json"]).ok()).unwrap();
    assert!(listed.as_array().unwrap().iter().all(|key| key["used"] == 0), "{listed}");
    // Compared as keys, not as bytes: Vault compares bytes.
    let reordered = format!(
        "{{ \"y\":{}, \"kty\":\"EC\", \"x\":{}, \"crv\":\"P-256\" }}",
        client.key.jwk()["y"],
        client.key.jwk()["x"]
    );
    let answer = client.post(&url, &json!({"externalAccountBinding": mac(&protected, &reordered)})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// A single use, raced for.
#[tokio::test]
async fn rfc8555_7_3_4_a_single_use_is_used_once_by_ten_at_a_time() {
    let lab = lab();
    let (kid, key) = eab(&lab, &["--uses", "1"]);
    let mut all = Vec::new();
    for _ in 0..10 {
        let client = Arc::new(lab.client().await);
        let body = json!({"externalAccountBinding": client.binding(&kid, &key)});
        all.push(tokio::spawn(async move { client.post(&client.url("newAccount"), &body).await.status }));
    }
    let mut made = 0;
    for one in all {
        made += usize::from(one.await.unwrap() == 201);
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn rfc8555_7_3_4_ended_keys_bind_nobody() {
    let lab = lab();
    let (revoked, revoked_key) = eab(&lab, &[]);
    lab.server.cli(["acme", "eab", "revoke", &revoked]).ok();
    lab.server.cli(["acme", "eab", "revoke", &revoked]).refused();
    let (short, short_key) = eab(&lab, &["--expires", "1 s"]);
    chancery_tests::eventually("a second passes", std::time::Duration::from_secs(20), || async {
        let listed: Value = serde_json::from_str(&lab.server.cli(["acme", "eab", "list", "--json"]).ok()).unwrap();
        listed.as_array().unwrap().iter().find(|key| key["kid"] == *short && key["valid"] == false).map(|_| ())
    })
    .await;
    // Keys are bound to their RA profile.
    let device = ["acme", "eab", "create", "--profile", "device", "--json"];
    let device: Value = serde_json::from_str(&lab.server.cli(device).ok()).unwrap();
    let (device, device_key) = (device["kid"].as_str().unwrap(), device["key"].as_str().unwrap());
    for (kid, key) in [(&*revoked, &*revoked_key), (&short, &short_key), (device, device_key)] {
        let client = lab.client().await;
        let body = json!({"externalAccountBinding": client.binding(kid, key)});
        let answer = client.post(&client.url("newAccount"), &body).await;
        assert!((400..500).contains(&answer.status), "{}", answer.text());
    }
}

#[tokio::test]
async fn an_eab_keys_quota_holds() {
    let lab = lab();
    let (kid, key) = eab(&lab, &["--quota", "1"]);
    let mut client = lab.client().await;
    bound(&mut client, &kid, &key).await;
    client.issue(&["quota.test"], &Request::host("quota.test"), &lab.challenges).await;
    let identifiers = json!([{"type": "dns", "value": "quota.test"}]);
    let answer = client.post(&client.url("newOrder"), &json!({"identifiers": identifiers})).await;
    answer.problem(403, "unauthorized");
}

/// rulings.md: names only from the EAB key, no wildcard unless it lists one.
#[tokio::test]
async fn the_trusted_mode_gives_the_names_of_the_eab_key_and_no_others() {
    let lab = lab();
    lab.server.cli(["acme", "profile", "edit", "default", "--set", "trustedWithoutChallenges=true"]).ok();
    // A key that names no directory is not taken where names need no proof.
    let (kid, key) = eab(&lab, &["--names", "trusted.test"]);
    let stranger = lab.client().await;
    let binding = stranger.binding(&kid, &key);
    let answer = stranger.post(&stranger.url("newAccount"), &json!({"externalAccountBinding": binding})).await;
    answer.problem(403, "unauthorized");
    let (kid, key) = eab(&lab, &["--acme-profile", "default", "--names", "trusted.test"]);
    let mut client = lab.client().await;
    bound(&mut client, &kid, &key).await;
    let (_, order) = client.order(&["trusted.test"]).await;
    assert_eq!(order["status"], "ready", "{order}");
    let answer = client.finalize(&order, &Request::host("trusted.test")).await;
    assert_eq!(answer.json(200)["status"], "valid");
    let identifiers = json!([{"type": "dns", "value": "other.test"}]);
    let answer = client.post(&client.url("newOrder"), &json!({"identifiers": identifiers})).await;
    answer.problem(400, "rejectedIdentifier");
    // A wildcard below a domain of the key may be asked for, and is proved as by anybody.
    assert_eq!(client.order(&["*.trusted.test"]).await.1["status"], "pending");
    // Whoever is not bound proves control as ever.
    let stranger = lab.account().await;
    assert_eq!(stranger.order(&["trusted.test"]).await.1["status"], "pending");
    // And with the key the trust ends.
    lab.server.cli(["acme", "eab", "revoke", &kid]).ok();
    let identifiers = json!([{"type": "dns", "value": "trusted.test"}]);
    let answer = client.post(&client.url("newOrder"), &json!({"identifiers": identifiers})).await;
    answer.problem(403, "unauthorized");
}
