//! ACME profiles, accounts, EAB keys and marks, in the shapes of the published documents.

use actix_web::http::Method;
use chancery_core::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::house::{Answer, House};

const PROFILES: &str = "/api/v1/acmeProfiles";

impl House {
    async fn patch(&self, path: &str, body: Option<Value>) -> Answer {
        self.with(&self.administrator, Method::PATCH, path, body).await
    }

    async fn put(&self, path: &str, body: Value) -> Answer {
        self.with(&self.administrator, Method::PUT, path, Some(body)).await
    }

    async fn delete(&self, path: &str, body: Option<Value>) -> Answer {
        self.with(&self.administrator, Method::DELETE, path, body).await
    }

    /// A new ACME profile; its path.
    async fn acme_profile(&self, name: &str) -> (String, String) {
        let body = json!({
            "name": name, "issueCertificateAttributes": [], "revokeCertificateAttributes": [],
        });
        let made = self.post(PROFILES, body).await;
        assert_eq!(made.status, 201, "{made:?}");
        let id = made.json()["uuid"].as_str().unwrap().to_owned();
        (format!("{PROFILES}/{id}"), id)
    }

    /// The path of an RA profile's ACME door.
    async fn door(&self, ra_profile: &str) -> String {
        format!("{}/protocols/acme", self.managed(ra_profile, "").await)
    }
}

#[actix_web::test]
async fn a_profile_is_made_disabled_and_shown_in_the_published_shape() {
    let house = House::new().await;
    let body = json!({
        "name": "web", "description": "for the web", "termsOfServiceUrl": "https://ca.example/terms",
        "websiteUrl": "https://ca.example/", "dnsResolverIp": "192.0.2.53", "dnsResolverPort": "5353",
        "retryInterval": 5, "validity": 7200, "requireContact": true, "requireTermsOfService": true,
        "issueCertificateAttributes": [], "revokeCertificateAttributes": [],
        "eab": "required", "challenges": ["dns-01"], "mostIdentifiers": 3,
    });
    let made = house.post(PROFILES, body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["uuid"].as_str().unwrap().to_owned();
    let one = format!("{PROFILES}/{id}");
    assert_eq!(made.header("location"), one);
    let shown = house.get(&one).await.ok();
    let expected = json!({
        "uuid": id, "name": "web", "enabled": false, "description": "for the web",
        "directoryUrl": "https://ca.example/api/v1/protocols/acme/web/directory",
        "termsOfServiceUrl": "https://ca.example/terms", "websiteUrl": "https://ca.example/",
        "dnsResolverIp": "192.0.2.53", "dnsResolverPort": "5353", "retryInterval": 5,
        "termsOfServiceChangeDisable": false, "validity": 7200, "requireContact": true,
        "requireTermsOfService": true, "issueCertificateAttributes": [], "revokeCertificateAttributes": [],
        "customAttributes": [], "eab": "required", "challenges": ["dns-01"], "mostIdentifiers": 3,
    });
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(&shown[member], value, "{member}");
    }
    let list = house.get(PROFILES).await.ok();
    assert_eq!(list[0]["uuid"], json!(id));
    assert_eq!(house.post(PROFILES, json!({ "name": "web" })).await.status, 409);
}

#[actix_web::test]
async fn an_edit_leaves_what_it_does_not_name() {
    let house = House::new().await;
    let (one, _) = house.acme_profile("web").await;
    let set = json!({ "retryInterval": 7, "challenges": ["http-01"], "websiteUrl": "https://ca.example/" });
    let edited = house.put(&one, set).await.ok();
    assert_eq!((&edited["retryInterval"], &edited["challenges"]), (&json!(7), &json!(["http-01"])));
    assert_eq!(edited["validity"], 36_000);
    let edited = house.put(&one, json!({ "description": "new", "websiteUrl": "" })).await.ok();
    assert_eq!((&edited["retryInterval"], &edited["description"]), (&json!(7), &json!("new")));
    assert!(edited.get("websiteUrl").is_none());
    let stale = house
        .ask(
            actix_web::test::TestRequest::put()
                .uri(&one)
                .insert_header(("authorization", format!("Bearer {}", house.administrator)))
                .insert_header(("if-match", "\"1\""))
                .set_json(json!({})),
        )
        .await;
    assert_eq!(stale.status, 412, "{stale:?}");
}

#[actix_web::test]
async fn faults_of_a_profile_are_told_together() {
    let house = House::new().await;
    let faults = house.post(PROFILES, json!({ "name": "a/b", "retryInterval": 0, "validity": 1 })).await.faults();
    assert_eq!(faults.len(), 3, "{faults:?}");
    house.post(PROFILES, json!({})).await.faults();
    house.post(PROFILES, json!({ "name": "x", "customAttributes": [{ "name": "a", "content": [] }] })).await.faults();
    house.post(PROFILES, json!({ "name": "x", "certificateAssociations": { "ownerUuid": "1" } })).await.faults();
    house.post(PROFILES, json!({ "name": "x", "dnsResolverIp": "dns.example" })).await.faults();
    house.post(PROFILES, json!({ "name": "x", "retryInterval": "5" })).await.refused(400);
    house.post(PROFILES, json!({ "name": "x", "challenges": ["smoke-signal-01"] })).await.refused(400);
    let unknown = json!({ "name": "x", "raProfileUuid": Uuid::from_u128(1).to_string() });
    house.post(PROFILES, unknown).await.faults();
    house.get(&format!("{PROFILES}/{}", Uuid::from_u128(1))).await.refused(404);
    house.get(&format!("{PROFILES}/x")).await.refused(400);
}

#[actix_web::test]
async fn profiles_are_switched_one_by_one_and_together() {
    let house = House::new().await;
    let (one, first) = house.acme_profile("one").await;
    let (two, second) = house.acme_profile("two").await;
    assert_eq!(house.patch(&format!("{one}/enable"), None).await.status, 204);
    house.patch(&format!("{one}/enable"), None).await.faults();
    let both = json!([first, second]);
    assert_eq!(house.patch(&format!("{PROFILES}/enable"), Some(both.clone())).await.status, 204);
    assert_eq!(house.get(&two).await.ok()["enabled"], true);
    assert_eq!(house.patch(&format!("{PROFILES}/disable"), Some(both.clone())).await.status, 204);
    assert_eq!(house.get(&one).await.ok()["enabled"], false);
    assert_eq!(house.patch(&format!("{two}/disable"), None).await.status, 422);
    let unknown = json!([first, Uuid::from_u128(1).to_string()]);
    house.patch(&format!("{PROFILES}/enable"), Some(unknown)).await.refused(404);
    assert_eq!(house.get(&one).await.ok()["enabled"], false);
    assert_eq!(house.delete(&one, None).await.status, 204);
    assert_eq!(house.delete(&format!("{PROFILES}/delete"), Some(json!([second]))).await.ok(), json!([]));
    assert_eq!(house.get(PROFILES).await.ok(), json!([]));
}

#[actix_web::test]
async fn an_ra_profiles_door_is_opened_shown_and_closed() {
    let house = House::new().await;
    let (one, id) = house.acme_profile("web").await;
    house.patch(&format!("{one}/enable"), None).await;
    let door = house.door("tls-server").await;
    assert_eq!(house.get(&door).await.ok()["acmeAvailable"], false);
    let attributes = json!({ "issueCertificateAttributes": [], "revokeCertificateAttributes": [] });
    let opened = house.patch(&format!("{door}/activate/{id}"), Some(attributes)).await.ok();
    let expected = json!({
        "uuid": id, "name": "web", "acmeAvailable": true,
        "directoryUrl": "https://ca.example/acme/tls-server/directory",
        "issueCertificateAttributes": [], "revokeCertificateAttributes": [],
    });
    assert_eq!(opened, expected);
    assert_eq!(house.get(&door).await.ok(), expected);
    let ra_profile = house.get(&house.managed("tls-server", "").await).await.ok();
    assert_eq!(ra_profile["enabledProtocols"], json!(["ACME"]));
    // It is in use now.
    house.delete(&one, None).await.faults();
    let kept = house.delete(&format!("{PROFILES}/delete"), Some(json!([id]))).await.ok();
    assert_eq!((&kept[0]["uuid"], &kept[0]["name"]), (&json!(id), &json!("web")));
    assert_eq!(house.patch(&format!("{door}/deactivate"), None).await.status, 204);
    assert_eq!(house.get(&door).await.ok()["acmeAvailable"], false);
    let unknown = json!({
        "issueCertificateAttributes": [{ "name": "no such attribute", "content": [{ "data": "x" }] }],
        "revokeCertificateAttributes": [],
    });
    house.patch(&format!("{door}/activate/{id}"), Some(unknown)).await.faults();
    let nowhere = format!("{door}/activate/{}", Uuid::from_u128(1));
    house.patch(&nowhere, Some(json!({}))).await.refused(404);
}

#[actix_web::test]
async fn a_profile_gets_an_ra_profile_of_its_own() {
    let house = House::new().await;
    let (one, _) = house.acme_profile("web").await;
    let ra_profile = house.profile("device").await;
    assert_eq!(house.patch(&format!("{one}/raprofile/{ra_profile}"), None).await.status, 204);
    let shown = house.get(&one).await.ok();
    assert_eq!(shown["raProfile"]["name"], "device");
    assert_eq!(house.get(&house.door("device").await).await.ok()["acmeAvailable"], true);
    let forced = format!("{PROFILES}/delete/force");
    let id = shown["uuid"].clone();
    assert_eq!(house.delete(&forced, Some(json!([id]))).await.ok(), json!([]));
    assert_eq!(house.get(&house.door("device").await).await.ok()["acmeAvailable"], false);
}

#[actix_web::test]
async fn eab_keys_are_made_shown_without_their_secret_and_revoked() {
    let house = House::new().await;
    let (one, id) = house.acme_profile("web").await;
    let keys = format!("{one}/eabKeys");
    house.post(&keys, json!({})).await.faults();
    house.patch(&format!("{}/activate/{id}", house.door("tls-server").await), Some(json!({}))).await.ok();
    let made = house
        .post(
            &keys,
            json!({ "description": "lab", "names": ["example.com"], "uses": 2, "expires": "2027-02-01T00:00:00Z" }),
        )
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    assert_eq!((&made["kid"], made["hmacKey"].as_str().unwrap().len()), (&made["uuid"], 43));
    let listed = house.get(&keys).await.ok();
    assert_eq!(listed[0]["names"], json!(["example.com"]));
    assert_eq!(listed[0]["expires"], "2027-02-01T00:00:00.000+00:00");
    assert!(!listed.to_string().contains(made["hmacKey"].as_str().unwrap()));
    house.post(&keys, json!({ "names": ["*.*.x"], "uses": 0 })).await.faults();
    house.post(&keys, json!({ "expires": "tomorrow" })).await.refused(400);
    let key = format!("{keys}/{}", made["uuid"].as_str().unwrap());
    assert_eq!(house.delete(&key, None).await.status, 204);
    house.delete(&key, None).await.faults();
    assert!(house.get("/api/v1/acmeEabKeys").await.ok()[0]["revoked"].is_string());
}

#[actix_web::test]
async fn accounts_that_are_not_there_answer_404_and_an_empty_list() {
    let house = House::new().await;
    let (one, _) = house.acme_profile("web").await;
    assert_eq!(house.get("/api/v1/acmeAccounts").await.ok(), json!([]));
    let account = format!("{one}/acmeAccounts/{}", Uuid::from_u128(1));
    house.get(&account).await.refused(404);
    house.post(&account, json!({})).await.refused(404);
    house.patch(&format!("{account}/disable"), None).await.refused(404);
    let bulk = json!([Uuid::from_u128(1).to_string()]);
    house.put("/api/v1/acmeAccounts/revoke", bulk.clone()).await.refused(404);
    house.patch("/api/v1/acmeAccounts/enable", Some(bulk)).await.refused(404);
}

#[actix_web::test]
async fn marks_name_certificates_or_an_ra_profile() {
    let house = House::new().await;
    const MARKS: &str = "/api/v1/acmeRenewalMarks";
    let certificate =
        house.issue("tls-server", &crate::house::csr(&crate::house::key(), "CN=a.example.com", "a.example.com")).await;
    let marked =
        house.put(MARKS, json!({ "certificateUuids": [certificate], "explanationUrl": "https://ca.example/i" })).await;
    assert_eq!(marked.ok(), json!({ "certificates": 1 }));
    let profile = house.profile("tls-server").await;
    let all = json!({ "raProfileUuid": profile });
    assert_eq!(house.put(MARKS, all.clone()).await.ok(), json!({ "certificates": 1 }));
    assert_eq!(house.delete(MARKS, Some(all)).await.ok(), json!({ "certificates": 1 }));
    house.put(MARKS, json!({})).await.faults();
    house.put(MARKS, json!({ "certificateUuids": [Uuid::from_u128(1).to_string()] })).await.refused(404);
    house.put(MARKS, json!({ "raProfileUuid": profile, "explanationUrl": "file:///etc/passwd" })).await.faults();
}

#[actix_web::test]
async fn only_operators_change_the_door() {
    let house = House::new().await;
    let (one, id) = house.acme_profile("web").await;
    let door = house.door("tls-server").await;
    // What serves nobody yet belongs to nobody who is limited.
    let token = house.token(Role::Requester, &["tls-server"]).await;
    assert_eq!(house.with(&token, Method::GET, &one, None).await.status, 404);
    house.patch(&format!("{door}/activate/{id}"), Some(json!({}))).await.ok();
    assert_eq!(house.with(&token, Method::GET, &one, None).await.status, 200);
    for role in [Role::Requester, Role::Auditor] {
        let token = house.token(role, &["tls-server"]).await;
        for (method, path, body) in [
            (Method::POST, PROFILES.to_owned(), Some(json!({ "name": "mine" }))),
            (Method::PUT, one.clone(), Some(json!({}))),
            (Method::DELETE, one.clone(), None),
            (Method::PATCH, format!("{one}/enable"), None),
            (Method::PATCH, format!("{door}/activate/{id}"), Some(json!({}))),
            (Method::PATCH, format!("{door}/deactivate"), None),
        ] {
            let answer = house.with(&token, method, &path, body).await;
            assert_eq!(answer.status, 403, "{role} {path}: {answer:?}");
        }
        assert_eq!(house.with(&token, Method::GET, PROFILES, None).await.status, 200);
    }
    let token = house.token(Role::Operator, &["device"]).await;
    let outside = house.with(&token, Method::PATCH, &format!("{door}/activate/{id}"), Some(json!({}))).await;
    assert_eq!(outside.status, 404, "{outside:?}");
    assert_eq!(house.with(&token, Method::GET, &one, None).await.status, 404, "its own door is not served by it");
    assert_eq!(house.with("no token", Method::GET, PROFILES, None).await.status, 401);
}
