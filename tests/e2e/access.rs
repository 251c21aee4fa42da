//! Who may do what: tokens, roles, reach.

use std::time::Duration;

use chancery_tests::{Api, Request, send_tls};
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

#[tokio::test]
async fn without_a_good_token_there_is_nothing() {
    let server = start();
    let good = server.token("auditor", &[]);
    let path = "/api/v1/raProfiles";
    for credentials in [
        None,
        Some("Bearer".to_owned()),
        Some("Bearer ".to_owned()),
        Some("Bearer not-a-token".to_owned()),
        Some(format!("Bearer {good} {good}")),
        Some(format!("Bearer {}", &good[..good.len() - 1])),
        Some(format!("Bearer {good}x")),
        Some(format!("Basic {good}")),
        Some(good.clone()),
    ] {
        let mut request = server.api_anonymous().request(Method::GET, path);
        if let Some(credentials) = &credentials {
            request = request.header("authorization", credentials);
        }
        let answer = Api::read(request).await.unwrap();
        assert_eq!(answer.status, 401, "{credentials:?}: {}", answer.text());
    }
    // Two of them at once, both good: still no.
    let bytes = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {good}\r\nAuthorization: Bearer {good}\r\n\
         Connection: close\r\n\r\n"
    );
    let raw = send_tls(server.ready(), bytes.as_bytes(), Duration::from_secs(10)).await;
    assert_eq!(raw.status(), Some(401), "{}", raw.text);
    assert_eq!(server.api_as(&good).get(path).await.status, 200);
    // The failures are in the trail.
    let latest = server.cli(["audit", "verify"]).ok();
    assert!(!latest.is_empty());
}

#[tokio::test]
async fn a_revoked_token_is_dead_at_once() {
    let server = start();
    let token = server.token("auditor", &[]);
    let api = server.api_as(&token);
    assert_eq!(api.get("/api/v1/raProfiles").await.status, 200);
    let listed: Value = serde_json::from_str(&server.cli(["token", "list", "--json"]).ok()).unwrap();
    assert!(!listed.to_string().contains(&token), "a list of tokens has a token");
    let id = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["role"] == "auditor")
        .and_then(|t| t["id"].as_str().or(t["uuid"].as_str()))
        .unwrap_or_else(|| panic!("{listed}"));
    server.cli(["token", "revoke", id]).ok();
    assert_eq!(api.get("/api/v1/raProfiles").await.status, 401);
}

#[tokio::test]
async fn every_role_does_its_own_and_no_more() {
    let server = start();
    let admin = server.api();
    let profile = admin.profile("tls-server").await;
    let operations = admin.operations("tls-server").await;
    let managed = operations.replace("/v2/operations", "/v1");
    let (certificate, _) = admin.issue("tls-server", &Request::host("role.example")).await;

    let issue = format!("{operations}/certificates");
    let body = json!({"request": Request::host("role.example").pem(), "attributes": []});
    let authority = profile["authorityInstanceUuid"].as_str().unwrap();
    let administration: Vec<(Method, String, Option<Value>)> = vec![
        (Method::PATCH, format!("{managed}/disable"), None),
        (Method::PATCH, format!("{managed}/enable"), None),
        (Method::PUT, managed.clone(), Some(json!({"description": "mine", "attributes": []}))),
        (Method::DELETE, managed.clone(), None),
        (
            Method::POST,
            format!("/api/v1/authorities/{authority}/raProfiles"),
            Some(json!({"name": "sneaked-in", "attributes": []})),
        ),
    ];
    for role in ["requester", "auditor"] {
        let api = server.api_as(&server.token(role, &[]));
        for (method, path, body) in &administration {
            let answer = api.try_send(method.clone(), path, body.as_ref()).await.unwrap();
            assert_eq!(answer.status, 403, "{role} {method} {path}: {}", answer.text());
        }
    }
    // An auditor looks at everything and changes nothing.
    let auditor = server.api_as(&server.token("auditor", &[]));
    assert_eq!(auditor.certificate(&certificate).await["state"], "issued");
    assert_eq!(auditor.post(&issue, &body).await.status, 403);
    let revoke = format!("{operations}/certificates/{certificate}/revoke");
    let reason = json!({"reason": "superseded", "attributes": []});
    assert_eq!(auditor.post(&revoke, &reason).await.status, 403);
    // A requester asks.
    server.api_as(&server.token("requester", &[])).post(&issue, &body).await.issued();
    // Nothing of all that changed the profile.
    assert_eq!(admin.profile("tls-server").await, profile);
    assert!(!admin.get("/api/v1/raProfiles").await.text().contains("sneaked-in"));
}

#[tokio::test]
async fn outside_the_reach_an_object_is_as_good_as_unknown() {
    let server = start();
    let admin = server.api();
    let (foreign, _) = admin.issue("tls-server", &Request::host("foreign.example")).await;
    let (own, _) = admin.issue("device", &Request::host("own.example")).await;
    let api = server.api_as(&server.token("operator", &["device"]));
    let unknown = "11111111-1111-4111-8111-111111111111";

    let operations = admin.operations("tls-server").await;
    let unknown_operations = operations.replace(operations.rsplit('/').next().unwrap(), unknown);
    let body = json!({"request": Request::host("x.example").pem(), "attributes": []});
    let reason = json!({"reason": "superseded", "attributes": []});
    for (foreign, unknown) in [
        (format!("/api/v1/certificates/{foreign}"), format!("/api/v1/certificates/{unknown}")),
        (format!("/api/v1/certificates/{foreign}/history"), format!("/api/v1/certificates/{unknown}/history")),
        (format!("/api/v1/certificates/{foreign}/chain"), format!("/api/v1/certificates/{unknown}/chain")),
        (format!("{operations}/attributes/issue"), format!("{unknown_operations}/attributes/issue")),
    ] {
        let (a, b) = (api.get(&foreign).await, api.get(&unknown).await);
        assert_eq!((a.status, b.status), (404, 404), "{foreign}");
        // The same words but for the identifier that the caller sent himself.
        assert_eq!(skeleton(&a.text()), skeleton(&b.text()));
    }
    assert_eq!(api.post(&format!("{operations}/certificates"), &body).await.status, 404);
    assert_eq!(api.post(&format!("{operations}/certificates/{foreign}/revoke"), &reason).await.status, 404);
    let device = admin.operations("device").await;
    assert_eq!(api.post(&format!("{device}/certificates/{foreign}/revoke"), &reason).await.status, 404);
    assert_eq!(admin.certificate(&foreign).await["state"], "issued");

    // Lists and counts end at the reach too.
    let listed = api.post("/api/v1/certificates", &json!({})).await.json(200);
    assert_eq!(listed["totalItems"], 1, "{listed}");
    assert_eq!(listed["certificates"][0]["uuid"], own);
    let profiles = api.get("/api/v1/raProfiles").await.json(200);
    assert_eq!(profiles.as_array().unwrap().len(), 1, "{profiles}");
    assert_eq!(profiles[0]["name"], "device");
}

/// A text without the identifiers in it.
fn skeleton(text: &str) -> String {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| word.len() != 36)
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test]
async fn a_profile_of_another_authority_in_the_path_is_not_found() {
    let server = start();
    let api = server.api();
    let operations = api.operations("tls-server").await;
    let authority = operations.split('/').nth(5).unwrap();
    let other = operations.replace(authority, "11111111-1111-4111-8111-111111111111");
    let body = json!({"request": Request::host("x.example").pem(), "attributes": []});
    assert_eq!(api.post(&format!("{other}/certificates"), &body).await.status, 404);
    assert_eq!(api.get(&format!("{other}/attributes/issue")).await.status, 404);
}

#[tokio::test]
async fn who_am_i() {
    let server = start();
    let me = server.api().get("/api/v1/auth/profile").await.json(200);
    for key in ["uuid", "username", "groups", "enabled", "systemUser", "roles", "permissions"] {
        assert!(me.get(key).is_some(), "{key}: {me}");
    }
    let info = server.api().get("/api/v1/info").await.json(200);
    assert!(info["app"]["name"].is_string() && info["app"]["version"].is_string(), "{info}");
    assert!(info["db"]["system"].is_string(), "{info}");
    assert_eq!(server.api_anonymous().get("/api/v1/info").await.status, 401);
}
