use actix_web::http::Method;
use actix_web::test::TestRequest;
use chancery_core::Role;
use serde_json::{Value, json};

use crate::house::{House, csr, key};

#[actix_web::test]
async fn a_profile_is_made_edited_disabled_and_deleted() {
    let house = House::new().await;
    let list = format!("/api/v1/authorities/{}/raProfiles", house.authority);
    let new = json!({ "name": "printers", "description": "in the cellar", "attributes": [], "enabled": true });
    let made = house.post(&list, new.clone()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["uuid"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("{list}/{id}"));
    assert!(house.post(&list, new).await.refused(409).contains("already exists"));
    house.post(&list, json!({ "attributes": [] })).await.faults();

    let shown = house.get(&format!("/api/v1/raProfiles/{id}")).await;
    let etag = shown.header("etag").to_owned();
    let profile = shown.ok();
    for (key, value) in [
        ("uuid", json!(id)),
        ("name", json!("printers")),
        ("description", json!("in the cellar")),
        ("authorityInstanceUuid", json!(house.authority)),
        ("authorityInstanceName", json!("default")),
        ("legacyAuthority", json!(false)),
        ("enabled", json!(true)),
        ("customAttributes", json!([])),
        ("enabledProtocols", json!([])),
    ] {
        assert_eq!(profile[key], value, "{key}");
    }
    let one = format!("{list}/{id}");
    let edit = |etag: Option<&str>, body: Value| {
        let mut request = TestRequest::put().uri(&one).set_json(body);
        request = request.insert_header(("authorization", format!("Bearer {}", house.administrator)));
        if let Some(etag) = etag {
            request = request.insert_header(("if-match", etag));
        }
        house.ask(request)
    };
    let edited = edit(Some(&etag), json!({ "description": "upstairs", "attributes": [] })).await;
    assert_eq!(edited.ok()["description"], "upstairs");
    edit(Some(&etag), json!({ "description": "stale", "attributes": [] })).await.refused(412);
    edit(None, json!({ "attributes": [{ "name": "nonsense", "content": [{ "data": 1 }] }] })).await.faults();
    assert_eq!(edit(Some("*"), json!({ "attributes": [] })).await.status, 200);

    let patch = async |tail: &str| house.with(&house.administrator, Method::PATCH, &format!("{one}{tail}"), None).await;
    assert_eq!(patch("/disable").await.status, 204);
    let disabled = house.get("/api/v1/raProfiles?enabled=false").await.ok();
    assert_eq!(disabled.as_array().unwrap().len(), 1);
    house.get("/api/v1/raProfiles?enabled=maybe").await.refused(400);
    let issue = house.at("printers", "/certificates").await;
    let request = json!({ "request": csr(&key(), "CN=a.example", "a.example"), "attributes": [] });
    house.post(&issue, request).await.faults();
    house.get(&house.at("printers", "/attributes/issue").await).await.refused(404);
    assert_eq!(patch("/enable").await.status, 204);

    for protocol in ["acme", "scep", "cmp"] {
        let answer = house.get(&format!("{one}/protocols/{protocol}")).await.ok();
        assert_eq!(answer[format!("{protocol}Available")], false);
    }
    let chain = house.get(&format!("{one}/caCertificates")).await.ok();
    assert_eq!(chain.as_array().unwrap().len(), 2);

    let delete = async |path: &str| house.with(&house.administrator, Method::DELETE, path, None).await;
    assert_eq!(delete(&one).await.status, 204);
    delete(&one).await.refused(404);
    house.get(&one).await.refused(404);
}

#[actix_web::test]
async fn bulk_requests_do_all_or_nothing() {
    let house = House::new().await;
    let (device, email) = (house.profile("device").await, house.profile("email").await);
    let bulk =
        async |method: Method, path: &str, ids: Value| house.with(&house.administrator, method, path, Some(ids)).await;
    let nobody = uuid::Uuid::nil();
    bulk(Method::PATCH, "/api/v1/raProfiles/disable", json!([device, nobody])).await.refused(404);
    assert_eq!(house.get(&format!("/api/v1/raProfiles/{device}")).await.ok()["enabled"], true);
    assert_eq!(bulk(Method::PATCH, "/api/v1/raProfiles/disable", json!([device, email])).await.status, 204);
    assert_eq!(house.get(&format!("/api/v1/raProfiles/{device}")).await.ok()["enabled"], false);
    assert_eq!(bulk(Method::PATCH, "/api/v1/raProfiles/enable", json!([device])).await.status, 204);
    assert_eq!(bulk(Method::DELETE, "/api/v1/raProfiles", json!([email, email])).await.status, 204);
    assert_eq!(house.get("/api/v1/raProfiles").await.ok().as_array().unwrap().len(), 3);
    bulk(Method::DELETE, "/api/v1/raProfiles", json!(["x"])).await.refused(400);
    bulk(Method::DELETE, "/api/v1/raProfiles", json!({})).await.refused(400);
}

#[actix_web::test]
async fn another_authority_has_no_such_profile() {
    let house = House::new().await;
    let profile = house.profile("device").await;
    let nobody = uuid::Uuid::nil();
    house.get(&format!("/api/v1/authorities/{nobody}/raProfiles/{profile}")).await.refused(404);
    let path = format!("/api/v2/operations/authorities/{nobody}/raProfiles/{profile}/certificates");
    house.post(&path, json!({ "request": csr(&key(), "CN=a", "a.example"), "attributes": [] })).await.refused(404);
}

#[actix_web::test]
async fn roles_bound_what_is_changed() {
    let house = House::new().await;
    let list = format!("/api/v1/authorities/{}/raProfiles", house.authority);
    let one = house.managed("device", "").await;
    let issue = house.at("device", "/certificates").await;
    let request = json!({ "request": csr(&key(), "CN=a", "a.example"), "attributes": [] });
    let id = house.profile("device").await;
    let ids = json!([id]);
    let new = json!({ "name": "x", "attributes": [] });
    let edit = json!({ "attributes": [] });
    let changes: Vec<(Method, String, Option<Value>)> = vec![
        (Method::POST, list, Some(new)),
        (Method::PUT, one.clone(), Some(edit)),
        (Method::PATCH, format!("{one}/enable"), None),
        (Method::PATCH, format!("{one}/disable"), None),
        (Method::DELETE, one.clone(), None),
        (Method::DELETE, format!("/api/v1/raProfiles/{id}"), None),
        (Method::DELETE, "/api/v1/raProfiles".into(), Some(ids.clone())),
        (Method::PATCH, "/api/v1/raProfiles/enable".into(), Some(ids.clone())),
        (Method::PATCH, "/api/v1/raProfiles/disable".into(), Some(ids)),
    ];
    for role in [Role::Requester, Role::Auditor] {
        let token = house.token(role, &[]).await;
        for (method, path, body) in &changes {
            let answer = house.with(&token, method.clone(), path, body.clone()).await;
            assert_eq!(answer.status, 403, "{role} {method} {path}: {answer:?}");
            assert_eq!(answer.header("content-type"), "application/problem+json");
            let body = answer.json();
            assert_eq!((&body["statusCode"], &body["code"]), (&json!(403), &json!("ACCESS_DENIED")));
        }
        let status = house.with(&token, Method::POST, &issue, Some(request.clone())).await.status;
        assert_eq!(status, if role == Role::Auditor { 403 } else { 200 });
    }
}

#[actix_web::test]
async fn authorities_and_connectors_are_read() {
    let house = House::new().await;
    let authorities = house.get("/api/v1/authorities").await.ok();
    assert_eq!(authorities.as_array().unwrap().len(), 1);
    let one = format!("/api/v1/authorities/{}", house.authority);
    let authority = house.get(&one).await.ok();
    assert_eq!(authority, authorities[0]);
    assert_eq!(authority["status"], "connected");
    let connectors = house.get("/api/v1/connectors").await.ok();
    assert_eq!(connectors[0]["uuid"], authority["connectorUuid"]);
    let connector = connectors[0]["uuid"].as_str().unwrap();
    assert_eq!(house.get(&format!("/api/v1/connectors/{connector}")).await.ok(), connectors[0]);
    house.get(&format!("/api/v1/connectors/{}", house.authority)).await.refused(404);
    house.get(&format!("/api/v1/authorities/{connector}")).await.refused(404);

    let definitions = house.get(&format!("{one}/attributes/raProfile")).await.ok();
    assert!(definitions.as_array().unwrap().len() > 5);
    let validate = format!("{one}/attributes/raProfile/validate");
    assert_eq!(house.post(&validate, json!([])).await.status, 200);
    house.post(&validate, json!([{ "name": "nonsense", "content": [] }])).await.faults();
}
