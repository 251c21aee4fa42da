//! Requests in the Certificate Request Message Format (RFC 4211).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_pki::{Certificate, Csr, CsrTemplate, GeneralName, PrivateKey};
use serde_json::{Value, json};

use crate::house::{House, csr, key};

fn crmf(key: &PrivateKey) -> Csr {
    let template = CsrTemplate {
        subject: Some("CN=a.example".parse().unwrap()),
        subject_alt_names: vec![GeneralName::Dns("a.example".into())],
        ..Default::default()
    };
    template.sign_crmf(key).unwrap()
}

fn body(der: &[u8]) -> Value {
    json!({ "request": STANDARD.encode(der), "format": "crmf", "attributes": [] })
}

#[actix_web::test]
async fn every_operation_takes_one() {
    let house = House::new().await;
    let (old, new) = (key(), key());
    let request = crmf(&old);
    let answer = house.post(&house.at("tls-server", "/certificates").await, body(request.der())).await.ok();
    let der = STANDARD.decode(answer["certificateData"].as_str().unwrap()).unwrap();
    assert_eq!(Certificate::from_der(&der).unwrap().public_key(), old.public_key());
    let id = answer["uuid"].as_str().unwrap().to_owned();
    let detail = house.get(&format!("/api/v1/certificates/{id}")).await.ok();
    let shown = &detail["certificateRequest"];
    assert_eq!(shown["certificateRequestFormat"], "crmf");
    assert_eq!(shown["content"], STANDARD.encode(request.der()));
    assert_eq!(shown["signatureAlgorithm"], "SHA256withECDSA");

    // Renewed by the request that is stored, and by one that is sent.
    let at = async |tail: &str| house.at("tls-server", &format!("/certificates/{id}/{tail}")).await;
    house.post(&at("renew").await, json!({})).await.ok();
    house.post(&at("renew").await, body(request.der())).await.ok();
    let rekeyed = house.post(&at("rekey").await, body(crmf(&new).der())).await.ok();
    let der = STANDARD.decode(rekeyed["certificateData"].as_str().unwrap()).unwrap();
    assert_eq!(Certificate::from_der(&der).unwrap().public_key(), new.public_key());

    // Kept, and issued later.
    let profile = house.profile("tls-server").await;
    let kept = json!({ "request": STANDARD.encode(crmf(&key()).der()), "format": "crmf", "raProfileUuid": profile });
    let kept = house.post("/api/v1/certificates/create", kept).await.ok();
    let path = house.at("tls-server", &format!("/certificates/{}/issue", kept["uuid"].as_str().unwrap())).await;
    house.post(&path, json!({})).await.ok();
}

#[actix_web::test]
async fn only_a_signature_proves_possession() {
    let house = House::new().await;
    let path = house.at("tls-server", "/certificates").await;
    for (der, why) in [
        (&include_bytes!("../../../../crates/pki/fixtures/crmf/ra-verified.crmf")[..], "only the word of an RA"),
        (include_bytes!("../../../../crates/pki/fixtures/crmf/no-proof.crmf"), "proof of possession is not in it"),
    ] {
        let faults = house.post(&path, body(der)).await.faults();
        assert!(faults.iter().any(|fault| fault.contains(why)), "{faults:?}");
    }
    let mut forged = crmf(&key()).der().to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let forged = house.post(&path, body(&forged)).await;
    assert!(matches!(forged.status, 400 | 422), "{forged:?}");
}

#[actix_web::test]
async fn a_request_of_the_other_format_is_refused() {
    let house = House::new().await;
    let path = house.at("tls-server", "/certificates").await;
    let pkcs10 = Csr::parse(csr(&key(), "CN=a.example", "a.example").as_bytes()).unwrap();
    house.post(&path, body(pkcs10.der())).await.refused(400);
    let other = json!({ "request": STANDARD.encode(crmf(&key()).der()), "format": "pkcs10", "attributes": [] });
    house.post(&path, other).await.refused(400);
    // Nothing is made by the platform in either format.
    let faults = house.post(&path, json!({ "format": "crmf", "attributes": [] })).await.faults();
    assert!(faults.iter().any(|fault| fault.starts_with("request: ")), "{faults:?}");
}
