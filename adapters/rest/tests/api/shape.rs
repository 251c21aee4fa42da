use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::http::Method;
use actix_web::test::TestRequest;
use async_trait::async_trait;
use chancery_core::port::Database;
use chancery_core::{Actor, Origin, Ports, Ra, Role, StoreError};
use serde_json::json;

use crate::house::{House, csr, key};

#[actix_web::test]
async fn without_a_credential_nothing_is_said() {
    let house = House::new().await;
    let bearer = |text: &str| format!("Bearer {text}");
    let expired = house.token(Role::Administrator, &[]).await;
    house.clock.advance(time::Duration::days(2));
    let revoked = house.token(Role::Administrator, &[]).await;
    let tokens = house.ra.tokens(&Actor::system(), &Origin::system()).await.unwrap();
    house.ra.revoke_token(&Actor::system(), &Origin::system(), tokens[0].id).await.unwrap();
    for headers in [
        vec![],
        vec!["Basic YTpi".to_owned()],
        vec![bearer("unknown")],
        vec![bearer(&expired)],
        vec![bearer(&revoked)],
        vec![bearer("a"), bearer("b")],
    ] {
        let mut request = TestRequest::post().uri("/api/v1/certificates").set_payload("not json");
        for header in &headers {
            request = request.append_header(("authorization", header.as_str()));
        }
        let answer = house.ask(request).await;
        assert_eq!((answer.status, answer.text.as_str()), (401, ""), "{headers:?}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
}

#[actix_web::test]
async fn unknown_paths_methods_and_identifiers() {
    let house = House::new().await;
    for path in ["/api/v1/nothing", "/api/", "/api/v3/operations", "/api/v1/operations/x/endentity"] {
        house.get(path).await.refused(404);
    }
    let wrong = house.with(&house.administrator, Method::DELETE, "/api/v1/certificates", None).await;
    wrong.refused(405);
    assert_eq!(wrong.header("allow"), "POST");
    let wrong = house.with(&house.administrator, Method::POST, "/api/v1/info", None).await;
    wrong.refused(405);
    assert!(wrong.header("allow").contains("GET") && wrong.header("allow").contains("HEAD"));
    assert_eq!(house.with(&house.administrator, Method::HEAD, "/api/v1/info", None).await.status, 200);

    let long = "a".repeat(7000);
    for id in ["x", "%00", "1", "urn:uuid:0193ffb6-5c00-7000-8000-000000000000", &long] {
        house.get(&format!("/api/v1/certificates/{id}")).await.refused(400);
        house.get(&format!("/api/v1/authorities/{id}")).await.refused(400);
    }
    house.get("/api/v1/certificates/%2e%2e%2f").await.refused(400);
    // Older scripts build addresses with two slashes.
    assert_eq!(house.get("//api//v1/info").await.status, 200);
}

#[actix_web::test]
async fn bodies_that_cannot_be_read() {
    let house = House::new().await;
    let path = house.at("tls-server", "/certificates").await;
    let send = |kind: Option<&'static str>, body: Vec<u8>| {
        let mut request = TestRequest::post().uri(&path).set_payload(body);
        request = request.insert_header(("authorization", format!("Bearer {}", house.administrator)));
        if let Some(kind) = kind {
            request = request.insert_header(("content-type", kind));
        }
        house.ask(request)
    };
    for body in [
        &b"{"[..],
        b"[]",
        b"",
        b"{\"request\":1}",
        b"{\"request\":\"a\",\"request\":\"b\"}",
        b"\xef\xbb\xbf{}",
        b"{\"format\":\"x509\"}",
    ] {
        send(Some("application/json"), body.to_vec()).await.refused(400);
    }
    send(Some("application/json"), vec![b' '; 1024 * 1024 + 1]).await.refused(413);
    send(Some("application/x-www-form-urlencoded"), b"{}".to_vec()).await.refused(415);
    send(Some("text/xml"), b"<a/>".to_vec()).await.refused(415);
    let request = json!({ "request": csr(&key(), "CN=a.example", "a.example"), "attributes": [] });
    for kind in [None, Some("application/json; charset=UTF-8"), Some("application/vnd.x+json")] {
        assert_eq!(send(kind, request.to_string().into_bytes()).await.status, 200, "{kind:?}");
    }
}

#[actix_web::test]
async fn names_from_outside_stay_data() {
    let house = House::new().await;
    let hostile = "CN=\\<script\\>{{7*7}}";
    let id = house.issue("device", &csr(&key(), hostile, "a.example")).await;
    let detail = house.get(&format!("/api/v1/certificates/{id}")).await;
    assert_eq!(detail.header("content-type"), "application/json");
    assert_eq!(detail.header("x-content-type-options"), "nosniff");
    assert_eq!(detail.header("cache-control"), "no-store");
    assert!(!detail.text.contains('\r') && !detail.text.contains('\n'));
}

#[actix_web::test]
async fn who_am_i_and_what_runs_here() {
    let house = House::new().await;
    let token = house.token(Role::Requester, &["device"]).await;
    let me = house.with(&token, Method::GET, "/api/v1/auth/profile", None).await.ok();
    for required in ["uuid", "username", "groups", "enabled", "systemUser", "roles", "permissions"] {
        assert!(!me[required].is_null(), "{required}");
    }
    assert_eq!(me["username"], "a requester");
    assert_eq!(me["roles"][0]["name"], "requester");
    let info = house.get("/api/v1/info").await.ok();
    assert_eq!((&info["app"]["name"], &info["db"]["system"]), (&json!("Chancery"), &json!("SQLite")));
    assert!(info["app"]["version"].is_string() && info["db"]["version"].is_string());

    let open = async |path: &str| house.ask(TestRequest::get().uri(path)).await;
    for path in ["/api/v1/health", "/api/v1/health/liveness", "/api/v1/health/readiness"] {
        assert_eq!(open(path).await.ok(), json!({ "status": "UP" }), "{path}");
    }
    house.stop();
    assert_eq!(open("/api/v1/health/liveness").await.status, 200);
    let readiness = open("/api/v1/health/readiness").await;
    assert_eq!((readiness.status, readiness.header("retry-after")), (503, "5"));
}

/// Counts the questions.
#[derive(Default)]
struct Asked(AtomicUsize);

#[async_trait]
impl Database for Asked {
    async fn describe(&self) -> Result<(String, String), StoreError> {
        Ok(("SQLite".into(), "3".into()))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[actix_web::test]
async fn health_costs_the_database_nothing_however_often_it_is_asked() {
    let mut house = House::new().await;
    let database = Arc::new(Asked::default());
    house.ra = Ra::new(Ports { database: database.clone(), ..house.ra.ports().clone() });
    let ask = async |path: &str| assert_eq!(house.ask(TestRequest::get().uri(path)).await.status, 200, "{path}");
    for _ in 0..10 {
        ask("/api/v1/health/liveness").await;
    }
    assert_eq!(database.0.load(Ordering::Relaxed), 0, "the process alone");
    for _ in 0..10 {
        ask("/api/v1/health").await;
        ask("/api/v1/health/readiness").await;
    }
    assert_eq!(database.0.load(Ordering::Relaxed), 1);
    house.clock.advance(time::Duration::SECOND);
    ask("/api/v1/health/readiness").await;
    assert_eq!(database.0.load(Ordering::Relaxed), 2);
}
