//! Create a certificate object first, issue it later.

use chancery_tests::Request;
use serde_json::json;

use crate::start;

#[tokio::test]
async fn create_then_issue_the_requested_one_once() {
    let server = start();
    let api = server.api();
    let profile = api.profile("tls-server").await;
    let request = Request::host("later.example");
    let body = json!({"raProfileUuid": profile["uuid"], "request": request.pem(), "issueAttributes": []});
    let object = api.post("/api/v1/certificates/create", &body).await.json(200);
    assert_eq!(object["state"], "requested");
    assert_eq!(object["validationStatus"], "not_checked");
    assert_eq!(object["commonName"], "later.example");
    for absent in ["serialNumber", "fingerprint", "notBefore", "notAfter"] {
        assert!(object.get(absent).is_none_or(serde_json::Value::is_null), "{absent}: {object}");
    }
    let uuid = object["uuid"].as_str().unwrap();
    let path = format!("{}/certificates/{uuid}", api.operations("tls-server").await);

    // Not issued yet: nothing to renew, revoke or download.
    api.post(&format!("{path}/revoke"), &json!({"reason": "superseded", "attributes": []})).await.faults();
    api.post(&format!("{path}/renew"), &json!({"request": request.pem()})).await.faults();
    api.get(&format!("/api/v1/certificates/{uuid}/raw?encoding=pem")).await.faults();

    let racers: Vec<_> = (0..6)
        .map(|_| {
            let (api, path) = (api.clone(), format!("{path}/issue"));
            tokio::spawn(async move { api.post_nothing(&path).await })
        })
        .collect();
    let mut issued = Vec::new();
    for racer in racers {
        let answer = racer.await.unwrap();
        match answer.status {
            200 => issued.push(answer.issued()),
            status => assert!([409, 422].contains(&status), "{status}: {}", answer.text()),
        }
    }
    let [(same, certificate)] = issued.try_into().expect("one of six wins");
    assert_eq!(same, uuid);
    assert_eq!(certificate.public_key().key_hash(), request.csr().public_key().key_hash());
    let shown = api.certificate(uuid).await;
    assert_eq!(shown["state"], "issued");
    assert_eq!(shown["fingerprint"], certificate.fingerprint().to_hex());
    api.post_nothing(&format!("{path}/issue")).await.faults();

    let history = api.get(&format!("/api/v1/certificates/{uuid}/history")).await.json(200).to_string();
    assert!(history.contains("Request Certificate") && history.contains("Issue Certificate"), "{history}");
    server.cli(["audit", "verify"]).ok();
}

#[tokio::test]
async fn policy_is_asked_again_when_the_requested_one_is_issued() {
    let server = start();
    let api = server.api();
    let profile = api.profile("tls-server").await;
    let body = json!({
        "raProfileUuid": profile["uuid"],
        "request": Request::host("later.example").pem(),
        "issueAttributes": [],
    });
    let object = api.post("/api/v1/certificates/create", &body).await.json(200);
    let uuid = object["uuid"].as_str().unwrap();
    let path = format!("{}/certificates/{uuid}/issue", api.operations("tls-server").await);
    let managed = format!(
        "/api/v1/authorities/{}/raProfiles/{}",
        profile["authorityInstanceUuid"].as_str().unwrap(),
        profile["uuid"].as_str().unwrap()
    );
    api.patch(&format!("{managed}/disable")).await.empty(204);
    api.post_nothing(&path).await.faults();
    assert_eq!(api.certificate(uuid).await["state"], "requested");
    api.patch(&format!("{managed}/enable")).await.empty(204);
    api.post_nothing(&path).await.issued();
}

#[tokio::test]
async fn an_unknown_profile_is_not_found() {
    let server = start();
    let body = json!({
        "raProfileUuid": "11111111-1111-4111-8111-111111111111",
        "request": Request::host("x.example").pem(),
        "issueAttributes": [],
    });
    assert_eq!(server.api().post("/api/v1/certificates/create", &body).await.status, 404);
}
