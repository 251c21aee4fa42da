use actix_web::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_pki::Certificate;
use serde_json::json;

use crate::house::{House, csr, key};

#[actix_web::test]
async fn issue_answers_with_the_certificate_at_once() {
    let house = House::new().await;
    let key = key();
    let request = csr(&key, "CN=a.example", "a.example");
    let path = house.at("tls-server", "/certificates").await;
    let base64_of_pem = STANDARD.encode(&request);
    let base64_of_der: String = request.lines().filter(|line| !line.starts_with('-')).collect();
    for form in [&request, &base64_of_pem, &base64_of_der] {
        // Older clients always send keyUuid and tokenProfileUuid.
        let body = json!({ "request": form, "attributes": [], "keyUuid": "0b0a7c52-3d1e-4c55-9a57-1f0e3d2c4b5a",
                           "tokenProfileUuid": "x", "format": null, "customAttributes": null, "status": "issued" });
        let answer = house.post(&path, body).await.ok();
        assert_eq!(answer.as_object().unwrap().len(), 2);
        let der = STANDARD.decode(answer["certificateData"].as_str().unwrap()).unwrap();
        let certificate = Certificate::from_der(&der).unwrap();
        assert_eq!(certificate.public_key().key_hash(), key_hash(&request));
        let detail = house.get(&format!("/api/v1/certificates/{}", answer["uuid"].as_str().unwrap())).await.ok();
        assert_eq!(detail["certificateContent"], answer["certificateData"]);
        assert_eq!((&detail["state"], &detail["validationStatus"]), (&json!("issued"), &json!("valid")));
    }
}

fn key_hash(request: &str) -> [u8; 32] {
    chancery_pki::Csr::parse(request.as_bytes()).unwrap().public_key().key_hash()
}

#[actix_web::test]
async fn requests_that_are_none_are_refused() {
    let house = House::new().await;
    let path = house.at("tls-server", "/certificates").await;
    for wrong in ["!!!", "aGVsbG8=", "-----BEGIN CERTIFICATE REQUEST-----\nMII\n-----END CERTIFICATE REQUEST-----"] {
        house.post(&path, json!({ "request": wrong, "attributes": [] })).await.refused(400);
    }
    let two = csr(&key(), "CN=a.example", "a.example") + &csr(&key(), "CN=b.example", "b.example");
    house.post(&path, json!({ "request": two, "attributes": [] })).await.refused(400);
    // A signature by another key.
    let request = csr(&key(), "CN=a.example", "a.example");
    let mut der = chancery_pki::Csr::parse(request.as_bytes()).unwrap().der().to_vec();
    let last = der.len() - 1;
    der[last] ^= 1;
    let forged = house.post(&path, json!({ "request": STANDARD.encode(der), "attributes": [] })).await;
    assert!(matches!(forged.status, 400 | 422), "{forged:?}");
}

#[actix_web::test]
async fn fields_without_a_feature_are_named() {
    let house = House::new().await;
    let request = csr(&key(), "CN=a.example", "a.example");
    let attribute = json!([{ "name": "x", "content": [{ "data": "y" }] }]);
    let path = house.at("tls-server", "/certificates").await;
    for (field, body) in [
        ("request", json!({ "attributes": [] })),
        ("keyUuid", json!({ "keyUuid": "k", "tokenProfileUuid": "t" })),
        ("csrAttributes", json!({ "csrAttributes": attribute })),
        ("altKeyUuid", json!({ "request": request, "altKeyUuid": "k" })),
        ("customAttributes", json!({ "request": request, "customAttributes": attribute })),
    ] {
        let faults = house.post(&path, body).await.faults();
        assert!(faults.iter().any(|fault| fault.starts_with(&format!("{field}: "))), "{field}: {faults:?}");
    }
    let id = house.issue("tls-server", &request).await;
    for (tail, field, body) in [
        ("renew", "replaceInLocations", json!({ "replaceInLocations": true })),
        ("rekey", "request", json!({})),
        ("rekey", "replaceInLocations", json!({ "request": request, "replaceInLocations": true })),
        ("revoke", "destroyKey", json!({ "attributes": [], "destroyKey": true })),
    ] {
        let path = house.at("tls-server", &format!("/certificates/{id}/{tail}")).await;
        let faults = house.post(&path, body).await.faults();
        assert!(faults.iter().any(|fault| fault.starts_with(&format!("{field}: "))), "{tail}: {faults:?}");
    }
}

#[actix_web::test]
async fn renew_rekey_revoke() {
    let house = House::new().await;
    let (old, new) = (key(), key());
    let subject = "CN=a.example";
    let id = house.issue("tls-server", &csr(&old, subject, "a.example")).await;
    let at = |tail: &str| format!("/certificates/{id}/{tail}");
    let renew = house.at("tls-server", &at("renew")).await;
    let rekey = house.at("tls-server", &at("rekey")).await;
    let revoke = house.at("tls-server", &at("revoke")).await;

    let renewed = house.post(&renew, json!({})).await.ok();
    assert_ne!(renewed["uuid"], id.as_str());
    house.post(&renew, json!({ "request": csr(&old, subject, "a.example") })).await.ok();
    house.post(&renew, json!({ "request": csr(&new, subject, "a.example") })).await.faults();

    house.post(&rekey, json!({ "request": csr(&old, subject, "a.example") })).await.faults();
    house.post(&rekey, json!({ "request": csr(&new, "CN=b.example", "b.example") })).await.faults();
    let rekeyed = house.post(&rekey, json!({ "request": csr(&new, subject, "a.example") })).await.ok();

    let relations = house.get(&format!("/api/v1/certificates/{id}/relations")).await.ok();
    let kinds: Vec<_> = relations["successorCertificates"].as_array().unwrap().iter().collect();
    assert_eq!(kinds.len(), 3);
    let kind = |uuid: &serde_json::Value| {
        kinds.iter().find(|after| after["uuid"] == *uuid).unwrap()["relationType"].as_str().unwrap().to_owned()
    };
    assert_eq!(kind(&renewed["uuid"]), "renewal");
    assert_eq!(kind(&rekeyed["uuid"]), "rekey");
    let after = house.get(&format!("/api/v1/certificates/{}", rekeyed["uuid"].as_str().unwrap())).await.ok();
    assert_eq!(after["sourceCertificateUuid"], id.as_str());

    house.post(&revoke, json!({ "attributes": [], "reason": "SUPERSEDED" })).await.refused(400);
    let done = house.post(&revoke, json!({ "attributes": null, "reason": "superseded", "destroyKey": false })).await;
    assert_eq!((done.status, done.text.as_str()), (204, ""));
    house.post(&revoke, json!({ "attributes": [] })).await.faults();
    house.post(&renew, json!({})).await.faults();
    house.post(&rekey, json!({ "request": csr(&key(), subject, "a.example") })).await.faults();
    let detail = house.get(&format!("/api/v1/certificates/{id}")).await.ok();
    assert_eq!((&detail["state"], &detail["validationStatus"]), (&json!("revoked"), &json!("revoked")));
    assert_eq!(detail["relatedCertificates"].as_array().unwrap().len(), 3);

    let history = house.get(&format!("/api/v1/certificates/{id}/history")).await.ok();
    let events: Vec<_> = history.as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert!(events.contains(&"Issue Certificate") && events.contains(&"Revoke Certificate"), "{events:?}");
    let unspecified = house.issue("tls-server", &csr(&key(), subject, "a.example")).await;
    let path = house.at("tls-server", &format!("/certificates/{unspecified}/revoke")).await;
    assert_eq!(house.post(&path, json!({ "attributes": [], "reason": "UNSPECIFIED" })).await.status, 204);
}

#[actix_web::test]
async fn create_then_issue_the_requested_one() {
    let house = House::new().await;
    let profile = house.profile("tls-server").await;
    let request = csr(&key(), "CN=a.example", "a.example");
    let body = json!({ "raProfileUuid": profile, "issueAttributes": [], "request": request });
    let requested = house.post("/api/v1/certificates/create", body).await.ok();
    // What older clients demand before anything is issued.
    for (key, value) in [
        ("state", json!("requested")),
        ("validationStatus", json!("not_checked")),
        ("certificateContent", json!("")),
        ("keyUsage", json!([])),
        ("subjectType", json!("endEntity")),
        ("trustedCa", json!(false)),
        ("signatureAlgorithm", json!("SHA256withECDSA")),
        ("publicKeyAlgorithm", json!("ECDSA")),
        ("keySize", json!(256)),
        ("commonName", json!("a.example")),
    ] {
        assert_eq!(requested[key], value, "{key}");
    }
    for absent in ["serialNumber", "fingerprint", "notBefore", "notAfter", "issuerDn"] {
        assert!(requested.get(absent).is_none(), "{absent}");
    }
    assert_eq!(requested["certificateRequest"]["complianceStatus"], "not_checked");
    let id = requested["uuid"].as_str().unwrap();
    house.get(&format!("/api/v1/certificates/{id}/raw?encoding=pem")).await.faults();

    let issue = house.at("tls-server", &format!("/certificates/{id}/issue")).await;
    let issued = house.with(&house.administrator, Method::POST, &issue, None).await.ok();
    assert_eq!(issued["uuid"], id);
    assert_ne!(issued["certificateData"], "");
    house.with(&house.administrator, Method::POST, &issue, None).await.faults();

    house.post("/api/v1/certificates/create", json!({ "request": request })).await.faults();
    let unknown = json!({ "raProfileUuid": uuid::Uuid::nil(), "request": request, "issueAttributes": [] });
    house.post("/api/v1/certificates/create", unknown).await.refused(404);
    house.post("/api/v1/certificates/create", json!({ "raProfileUuid": "x" })).await.refused(400);
}

#[actix_web::test]
async fn attributes_are_listed_and_validated() {
    let house = House::new().await;
    for kind in ["issue", "revoke"] {
        let path = house.at("tls-server", &format!("/attributes/{kind}")).await;
        let definitions = house.get(&path).await.ok();
        for definition in definitions.as_array().unwrap() {
            assert!(definition["version"].is_number() && definition["uuid"].is_string(), "{definition}");
        }
        let validate = format!("{path}/validate");
        let right = house.post(&validate, json!([])).await;
        assert_eq!((right.status, right.text.as_str()), (200, ""));
        let wrong = json!([{ "name": "one", "contentType": "string", "version": "v2", "content": [{ "data": "x" }] },
                           { "name": "two", "content": [] }]);
        assert_eq!(house.post(&validate, wrong).await.faults().len(), 2, "all faults at once");
        house.post(&validate, json!({})).await.refused(400);
        let managed = house.managed("tls-server", &format!("/attributes/{kind}")).await;
        assert_eq!(house.get(&managed).await.ok(), definitions);
    }
}

/// What was refused, newest first: event and whether a certificate is named.
async fn refusals(house: &House) -> Vec<(String, bool)> {
    let entries = house.ra.ports().audit.latest(100).await.unwrap();
    let refused = entries.into_iter().filter(|entry| entry.body.contains(r#""result":"refused""#));
    refused.map(|entry| (entry.event, entry.certificate.is_some())).collect()
}

#[actix_web::test]
async fn what_the_door_refuses_is_told() {
    let house = House::new().await;
    let request = csr(&key(), "CN=a.example", "a.example");
    let id = house.issue("tls-server", &request).await;
    let issue = house.at("tls-server", "/certificates").await;
    let at = async |tail: &str| house.at("tls-server", &format!("/certificates/{id}/{tail}")).await;
    house.post(&issue, json!({ "request": request, "altKeyUuid": "k" })).await.faults();
    house.post(&at("renew").await, json!({ "replaceInLocations": true })).await.faults();
    house.post(&at("rekey").await, json!({})).await.faults();
    house.post(&at("revoke").await, json!({ "attributes": [], "destroyKey": true })).await.faults();
    house.post("/api/v1/certificates/create", json!({ "request": request })).await.faults();
    let mut told = refusals(&house).await;
    told.sort();
    let expected = [("issue", false), ("rekey", true), ("renew", true), ("request", false), ("revoke", true)]
        .map(|(event, about)| (format!("certificate.{event}"), about));
    assert_eq!(told, expected);
}
