//! Renew with the same key, rekey with another.

use chancery_pki::KeyType;
use chancery_tests::{Key, Request};
use serde_json::json;

use crate::start;

#[tokio::test]
async fn renew_takes_the_same_key_and_makes_a_successor() {
    let server = start();
    let api = server.api();
    let key = Key::new(KeyType::P256);
    let request = key.host("renew.example");
    let (old, first) = api.issue("tls-server", &request).await;
    let path = format!("{}/certificates/{old}/renew", api.operations("tls-server").await);

    let (new, second) = api.post(&path, &json!({"request": request.pem()})).await.issued();
    assert_ne!(old, new);
    assert_ne!(first.serial(), second.serial());
    assert_eq!(first.public_key().key_hash(), second.public_key().key_hash());
    assert!(first.subject().matches(second.subject()));
    assert_eq!(api.certificate(&old).await["state"], "issued", "the old one stays");
    assert_eq!(api.certificate(&new).await["sourceCertificateUuid"], old);

    // Without a request, the stored one serves.
    let (_, third) = api.post(&path, &json!({})).await.issued();
    assert_eq!(first.public_key().key_hash(), third.public_key().key_hash());

    let history = api.get(&format!("/api/v1/certificates/{new}/history")).await.json(200);
    assert!(history.to_string().contains("Renew Certificate"), "{history}");
}

#[tokio::test]
async fn renew_with_another_key_is_refused_and_leaves_nothing() {
    let server = start();
    let api = server.api();
    let (old, _) = api.issue("tls-server", &Request::host("renew.example")).await;
    let path = format!("{}/certificates/{old}/renew", api.operations("tls-server").await);
    let faults = api.post(&path, &json!({"request": Request::host("renew.example").pem()})).await.faults();
    assert!(faults.join(" ").to_lowercase().contains("key"), "{faults:?}");
    let listed = api.post("/api/v1/certificates", &json!({"filters": [
        {"fieldSource": "property", "fieldIdentifier": "COMMON_NAME", "condition": "EQUALS", "value": "renew.example"}
    ]})).await.json(200);
    assert_eq!(listed["totalItems"], 1);
}

#[tokio::test]
async fn rekey_takes_another_key_and_the_same_subject() {
    let server = start();
    let api = server.api();
    let names = ["dns:rekey.example"];
    let subject = "CN=rekey.example";
    let key = Key::new(KeyType::P256);
    let (old, first) = api.issue("tls-server", &key.request(subject, &names)).await;
    let path = format!("{}/certificates/{old}/rekey", api.operations("tls-server").await);

    let faults = api.post(&path, &json!({"request": key.request(subject, &names).pem()})).await.faults();
    assert!(faults.join(" ").to_lowercase().contains("key"), "same key: {faults:?}");
    let other = Key::new(KeyType::P384);
    let foreign = other.request("CN=other.example", &["dns:other.example"]);
    let faults = api.post(&path, &json!({"request": foreign.pem()})).await.faults();
    assert!(faults.join(" ").to_lowercase().contains("subject"), "other subject: {faults:?}");

    let (new, second) = api.post(&path, &json!({"request": other.request(subject, &names).pem()})).await.issued();
    assert_ne!(first.public_key().key_hash(), second.public_key().key_hash());
    assert!(first.subject().matches(second.subject()));
    assert_eq!(api.certificate(&new).await["sourceCertificateUuid"], old);
}

#[tokio::test]
async fn the_subject_is_compared_normalised() {
    let server = start();
    let api = server.api();
    let (old, _) = api.issue("device", &Key::new(KeyType::P256).request("CN=Sensor 7,O=Works", &["dns:s7"])).await;
    let path = format!("{}/certificates/{old}/rekey", api.operations("device").await);
    let spelled = Key::new(KeyType::P256).request("cn=sensor  7, o=WORKS", &["dns:s7"]);
    api.post(&path, &json!({"request": spelled.pem()})).await.issued();
}

#[tokio::test]
async fn a_revoked_certificate_is_neither_renewed_nor_rekeyed() {
    let server = start();
    let api = server.api();
    let request = Request::host("dead.example");
    let (uuid, _) = api.issue("tls-server", &request).await;
    let path = format!("{}/certificates/{uuid}", api.operations("tls-server").await);
    api.post(&format!("{path}/revoke"), &json!({"reason": "keyCompromise", "attributes": []})).await.empty(204);
    api.post(&format!("{path}/renew"), &json!({"request": request.pem()})).await.faults();
    api.post(&format!("{path}/rekey"), &json!({"request": Request::host("dead.example").pem()})).await.faults();
}

#[tokio::test]
async fn a_certificate_of_another_profile_in_the_path_is_refused() {
    let server = start();
    let api = server.api();
    let request = Request::host("mine.example");
    let (uuid, _) = api.issue("tls-server", &request).await;
    let path = format!("{}/certificates/{uuid}/renew", api.operations("device").await);
    api.post(&path, &json!({"request": request.pem()})).await.faults();
    // Outside the caller's reach it is as good as unknown.
    let api = server.api_as(&server.token("requester", &["device"]));
    assert_eq!(api.post(&path, &json!({"request": request.pem()})).await.status, 404);
}
