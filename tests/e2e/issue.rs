//! Issuing by the native REST API.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_pki::{Certificate, GeneralName, KeyType};
use chancery_tests::{Key, Request};
use serde_json::{Value, json};

use crate::start;

/// The issuers of a certificate, the signing one first.
async fn chain(api: &chancery_tests::Api, uuid: &str) -> Vec<Certificate> {
    let chain = api.get(&format!("/api/v1/certificates/{uuid}/chain")).await.json(200);
    assert_eq!(chain["completeChain"], true);
    let certificates = chain["certificates"].as_array().unwrap().iter();
    let der = certificates.map(|c| STANDARD.decode(c["certificateContent"].as_str().unwrap()).unwrap());
    der.map(|der| Certificate::from_der(&der).unwrap()).collect()
}

#[tokio::test]
async fn every_key_type_gets_a_certificate_whose_chain_ends_in_the_root() {
    let server = start();
    let api = server.api();
    let root = Certificate::parse(&std::fs::read(&server.ready().root_pem).unwrap()).unwrap();
    for kind in [KeyType::Rsa(3072), KeyType::P256, KeyType::P384, KeyType::Ed25519] {
        let host = format!("{}.example", kind.to_string().to_lowercase());
        let (dns, ip) = (format!("dns:{host}"), "ip:192.0.2.7");
        let request = Key::new(kind).request(&format!("CN={host}"), &[&dns, ip]);
        let (uuid, certificate) = api.issue("tls-server", &request).await;

        assert_eq!(certificate.public_key().key_hash(), request.csr().public_key().key_hash(), "{kind}");
        let names: HashSet<GeneralName> = certificate.subject_alt_names().iter().cloned().collect();
        assert_eq!(names, HashSet::from([dns.parse().unwrap(), ip.parse().unwrap()]), "{kind}");
        assert!(!certificate.basic_constraints().is_some_and(|constraints| constraints.ca));
        assert!(certificate.serial().as_bytes().len() >= 8, "{kind}");
        let usage = certificate.key_usage().unwrap().to_string();
        assert!(usage.contains("digitalSignature"), "{usage}");
        let eku: Vec<_> = certificate.extended_key_usage().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(eku, ["1.3.6.1.5.5.7.3.1"], "{kind}");
        let lifetime = certificate.validity().not_after - certificate.validity().not_before;
        assert!((89..=91).contains(&lifetime.whole_days()), "{lifetime}");

        let issuers = chain(&api, &uuid).await;
        certificate.verify_signed_by(issuers[0].public_key()).unwrap();
        assert_eq!(certificate.authority_key_id(), issuers[0].subject_key_id());
        for pair in issuers.windows(2) {
            pair[0].verify_signed_by(pair[1].public_key()).unwrap();
        }
        assert_eq!(issuers.last().unwrap().fingerprint(), root.fingerprint());
    }
}

#[tokio::test]
async fn what_was_issued_is_recorded_shown_found_and_told() {
    let server = start();
    let api = server.api();
    let request = Request::host("recorded.example");
    let (uuid, certificate) = api.issue("tls-server", &request).await;

    let shown = api.certificate(&uuid).await;
    assert_eq!(shown["uuid"], uuid);
    assert_eq!(shown["state"], "issued");
    assert_eq!(shown["validationStatus"], "valid");
    assert_eq!(shown["commonName"], "recorded.example");
    assert_eq!(shown["serialNumber"], certificate.serial().to_hex());
    assert_eq!(shown["fingerprint"], certificate.fingerprint().to_hex());
    assert_eq!(shown["publicKeyAlgorithm"], "ECDSA");
    assert_eq!(shown["keySize"], 256);
    assert_eq!(shown["subjectAlternativeNames"]["dNSName"], json!(["recorded.example"]));
    assert_eq!(STANDARD.decode(shown["certificateContent"].as_str().unwrap()).unwrap(), certificate.der());
    assert_eq!(STANDARD.decode(shown["certificateRequest"]["content"].as_str().unwrap()).unwrap(), request.der());

    let history = api.get(&format!("/api/v1/certificates/{uuid}/history")).await.json(200);
    let events: Vec<_> = history.as_array().unwrap().iter().map(|e| (&e["event"], &e["status"])).collect();
    assert_eq!(events, [(&json!("Issue Certificate"), &json!("SUCCESS"))], "{history}");

    for (field, condition, value) in [
        ("COMMON_NAME", "EQUALS", json!("recorded.example")),
        ("SUBJECT_ALTERNATIVE_NAMES", "CONTAINS", json!("recorded")),
        ("SERIAL_NUMBER", "EQUALS", json!(certificate.serial().to_hex())),
        ("FINGERPRINT", "EQUALS", json!(certificate.fingerprint().to_hex())),
    ] {
        let filter =
            json!({"fieldSource": "property", "fieldIdentifier": field, "condition": condition, "value": value});
        let found = api.post("/api/v1/certificates", &json!({"filters": [filter]})).await.json(200);
        assert_eq!(found["totalItems"], 1, "{field}: {found}");
        assert_eq!(found["certificates"][0]["uuid"], uuid, "{field}");
    }
    server.cli(["audit", "verify"]).ok();
}

#[tokio::test]
async fn downloads_are_what_was_issued() {
    let server = start();
    let api = server.api();
    let (uuid, certificate) = api.issue("tls-server", &Request::host("download.example")).await;
    let download = async |what: &str| {
        let answer = api.get(&format!("/api/v1/certificates/{uuid}/{what}")).await.json(200);
        STANDARD.decode(answer["content"].as_str().unwrap()).unwrap()
    };
    assert_eq!(download("raw?encoding=der").await, certificate.der());
    assert_eq!(Certificate::parse(&download("raw?encoding=pem").await).unwrap().der(), certificate.der());
    let bag = chancery_pki::parse_certs_only(&download("pkcs7?encoding=der").await).unwrap();
    assert!(bag.iter().any(|c| c.der() == certificate.der()));
    let chain = download("chain/raw?encoding=pem").await;
    assert!(String::from_utf8(chain).unwrap().matches("BEGIN CERTIFICATE").count() >= 2);
    api.get(&format!("/api/v1/certificates/{uuid}/chain/raw?encoding=der")).await.faults();
}

#[tokio::test]
async fn a_request_is_taken_in_every_form_that_clients_send() {
    let server = start();
    let api = server.api();
    let path = format!("{}/certificates", api.operations("tls-server").await);
    let request = Request::host("forms.example");
    let wrapped: String = request
        .base64()
        .as_bytes()
        .chunks(64)
        .map(|line| format!("{}\r\n", std::str::from_utf8(line).unwrap()))
        .collect();
    for form in [
        request.pem(),
        request.pem().replace('\n', "\r\n"),
        request.pem().replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
        format!("Certificate Request:\n    Data:\n{}", request.pem()),
        request.base64(),
        wrapped,
        STANDARD.encode(request.pem()),
    ] {
        let (_, certificate) = api.post(&path, &json!({"request": form, "attributes": []})).await.issued();
        assert_eq!(certificate.public_key().key_hash(), request.csr().public_key().key_hash());
    }
}

#[tokio::test]
async fn what_older_clients_always_send_is_taken_and_what_is_not_built_is_named() {
    let server = start();
    let api = server.api();
    let path = format!("{}/certificates", api.operations("tls-server").await);
    let nil = "00000000-0000-0000-0000-000000000000";
    let request = Request::host("older.example").pem();
    let taken = [
        json!({"request": request, "attributes": [], "keyUuid": nil, "tokenProfileUuid": nil}),
        json!({"request": request, "attributes": null, "format": null, "customAttributes": []}),
        json!({"request": request, "attributes": [], "status": "revoked", "serial": "1", "owner": "root", "x": {"y": 1}}),
    ];
    for body in taken {
        let (uuid, certificate) = api.post(&path, &body).await.issued();
        assert_ne!(certificate.serial().to_hex(), "1");
        assert_eq!(api.certificate(&uuid).await["state"], "issued");
    }
    let refused: [(&str, Value); 3] = [
        ("keyUuid", json!({"attributes": [], "keyUuid": nil, "tokenProfileUuid": nil})),
        ("altKeyUuid", json!({"request": request, "attributes": [], "altKeyUuid": nil, "altTokenProfileUuid": nil})),
        ("request", json!({"attributes": []})),
    ];
    for (field, body) in refused {
        let faults = api.post(&path, &body).await.faults();
        assert!(faults.iter().any(|fault| fault.contains(field)), "{field}: {faults:?}");
    }
}

#[tokio::test]
async fn certificate_request_messages_are_taken_too() {
    let server = start();
    let api = server.api();
    let path = format!("{}/certificates", api.operations("tls-server").await);
    let key = Key::new(KeyType::P256);
    let request = key.request_message("CN=crmf.example", &["dns:crmf.example"]);
    let body = json!({"request": request.base64(), "format": "crmf", "attributes": []});
    let (uuid, certificate) = api.post(&path, &body).await.issued();
    assert_eq!(certificate.public_key(), request.csr().public_key());
    assert_eq!(certificate.subject_alt_names(), request.csr().subject_alt_names());
    let shown = api.certificate(&uuid).await;
    assert_eq!(shown["certificateRequest"]["certificateRequestFormat"], "crmf");
    // The stored request renews.
    let (renewed, _) = api.post(&format!("{path}/{uuid}/renew"), &json!({})).await.issued();
    assert_ne!(renewed, uuid);
    // An RA's word for the key is nobody's word here.
    let word = STANDARD.encode(include_bytes!("../../crates/pki/fixtures/crmf/ra-verified.crmf"));
    let faults = api.post(&path, &json!({"request": word, "format": "crmf", "attributes": []})).await.faults();
    assert!(faults.iter().any(|fault| fault.contains("word of an RA")), "{faults:?}");
}

#[tokio::test]
async fn the_presets_refuse_what_they_do_not_allow_and_say_what() {
    let server = start();
    let api = server.api();
    let refuse = async |profile: &str, request: &Request| {
        let path = format!("{}/certificates", api.operations(profile).await);
        api.post(&path, &json!({"request": request.pem(), "attributes": []})).await.faults().join("; ")
    };
    let key = Key::new(KeyType::P256);
    let none = refuse("tls-server", &key.request("CN=no-san.example", &[])).await;
    assert!(none.to_lowercase().contains("subject alternative name"), "{none}");
    let email = refuse("tls-server", &key.request("CN=a.example", &["dns:a.example", "email:me@a.example"])).await;
    assert!(email.contains("me@a.example"), "{email}");
    let wildcard = refuse("device", &key.request("CN=d", &["dns:*.a.example"])).await;
    assert!(wildcard.contains("*.a.example"), "{wildcard}");
    let p521 = refuse("tls-server", &Key::new(KeyType::P521).host("big.example")).await;
    assert!(p521.to_lowercase().contains("p-521"), "{p521}");
    // P-521 is for e-mail.
    api.issue("email", &Key::new(KeyType::P521).request("CN=Me", &["email:me@a.example"])).await;
    // A CN that is none of the names is dropped, not refused; a wildcard and a single label are allowed.
    let (_, certificate) =
        api.issue("tls-server", &key.request("CN=Somebody", &["dns:*.a.example", "dns:printer"])).await;
    assert_eq!(certificate.subject().common_name(), None);
    // The refusals are told too.
    let report = server.cli(["audit", "verify", "--json"]).ok();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert!(report["entries"].as_u64().unwrap() >= 6, "{report}");
}
