use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_core::Role;
use chancery_pki::{Certificate, parse_certs_only};
use serde_json::{Value, json};

use crate::house::{House, csr, key};
use actix_web::http::Method;

/// The keys of a detail that the published document or a known client requires.
const REQUIRED: [&str; 15] = [
    "uuid",
    "commonName",
    "subjectDn",
    "publicKeyAlgorithm",
    "hybridCertificate",
    "keySize",
    "state",
    "validationStatus",
    "certificateType",
    "complianceStatus",
    "privateKeyAvailability",
    "signatureAlgorithm",
    "trustedCa",
    "keyUsage",
    "subjectType",
];

#[actix_web::test]
async fn detail_of_an_issued_certificate() {
    let house = House::new().await;
    let id = house.issue("tls-server", &csr(&key(), "CN=a.example", "a.example")).await;
    let detail = house.get(&format!("/api/v1/certificates/{id}")).await.ok();
    for required in REQUIRED {
        assert!(!detail[required].is_null(), "{required}");
    }
    let der = STANDARD.decode(detail["certificateContent"].as_str().unwrap()).unwrap();
    let certificate = Certificate::from_der(&der).unwrap();
    assert_eq!(detail["serialNumber"], certificate.serial().to_hex());
    assert_eq!(detail["fingerprint"], certificate.fingerprint().to_hex());
    assert_eq!(detail["issuerDn"], certificate.issuer().to_string());
    assert_eq!(detail["raProfile"]["name"], "tls-server");
    assert_eq!(detail["raProfile"]["authorityInstanceUuid"], house.authority.to_string());
    assert_eq!(detail["extendedKeyUsage"], json!(["1.3.6.1.5.5.7.3.1"]));
    assert_eq!(detail["keyUsage"], json!(["digitalSignature"]));
    assert_eq!(detail["subjectAlternativeNames"].as_object().unwrap().len(), 9);
    assert_eq!(detail["subjectAlternativeNames"]["dNSName"], json!(["a.example"]));
    assert_eq!(detail["subjectAlternativeNames"]["ediPartyName"], json!([]));
    assert!(detail["notAfter"].as_str().unwrap().ends_with(".000+00:00"));

    house.clock.advance(time::Duration::days(70));
    let admin = house.token(Role::Auditor, &[]).await;
    let later = house.with(&admin, Method::GET, &format!("/api/v1/certificates/{id}"), None).await.ok();
    assert_eq!(later["validationStatus"], "expiring");
}

#[actix_web::test]
async fn downloads_and_chains() {
    let house = House::new().await;
    let id = house.issue("tls-server", &csr(&key(), "CN=a.example", "a.example")).await;
    let file = |answer: &Value| STANDARD.decode(answer["content"].as_str().unwrap()).unwrap();
    let at = |tail: &str| format!("/api/v1/certificates/{id}/{tail}");

    let der = house.get(&at("raw?encoding=der")).await.ok();
    let end = Certificate::from_der(&file(&der)).unwrap();
    assert_eq!((&der["format"], &der["encoding"]), (&json!("raw"), &json!("der")));
    let pem = file(&house.get(&at("raw?encoding=pem")).await.ok());
    assert_eq!(Certificate::parse(&pem).unwrap().fingerprint(), end.fingerprint());
    let pkcs7 = file(&house.get(&at("pkcs7?encoding=der")).await.ok());
    assert_eq!(parse_certs_only(&pkcs7).unwrap().len(), 1);
    let armoured = String::from_utf8(file(&house.get(&at("pkcs7?encoding=pem")).await.ok())).unwrap();
    assert!(armoured.starts_with("-----BEGIN PKCS7-----\n") && armoured.ends_with("-----END PKCS7-----\n"));

    let chain = house.get(&at("chain")).await.ok();
    assert_eq!(chain["completeChain"], true);
    let types = |chain: &Value| -> Vec<String> {
        let list = chain["certificates"].as_array().unwrap();
        list.iter().map(|one| one["subjectType"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(types(&chain), ["intermediateCa", "rootCa"]);
    let whole = house.get(&at("chain?withEndCertificate=true")).await.ok();
    assert_eq!(types(&whole), ["endEntity", "intermediateCa", "rootCa"]);
    let whole = file(&house.get(&at("chain/pkcs7?encoding=der&withEndCertificate=true")).await.ok());
    assert_eq!(parse_certs_only(&whole).unwrap().len(), 3);
    let text = String::from_utf8(file(&house.get(&at("chain/raw?encoding=pem")).await.ok())).unwrap();
    assert_eq!(text.matches("BEGIN CERTIFICATE").count(), 2);

    house.get(&at("chain/raw?encoding=der")).await.faults();
    for wrong in ["raw", "raw?encoding=ber", "zip?encoding=der", "chain?withEndCertificate=perhaps"] {
        house.get(&at(wrong)).await.refused(400);
    }
    for unbuilt in ["validate", "locations"] {
        house.get(&at(unbuilt)).await.refused(404);
    }
}

#[actix_web::test]
async fn lists_page_and_filter() {
    let house = House::new().await;
    for host in ["a.example", "b.example", "c.example"] {
        house.issue("tls-server", &csr(&key(), &format!("CN={host}"), host)).await;
        house.clock.advance(time::Duration::seconds(1));
    }
    house.issue("device", &csr(&key(), "CN=device-1", "d.example")).await;
    let list = |filters: Value| {
        let body = json!({ "filters": filters, "itemsPerPage": 2, "pageNumber": 1 });
        async { house.post("/api/v1/certificates", body).await.ok() }
    };
    let filter = |field: &str, condition: &str, value: Value| json!([{ "fieldSource": "property", "fieldIdentifier": field, "condition": condition, "value": value }]);
    let mine = list(filter("RA_PROFILE_NAME", "EQUALS", json!(["tls-server"]))).await;
    assert_eq!((&mine["totalItems"], &mine["totalPages"]), (&json!(3), &json!(2)));
    assert_eq!((&mine["itemsPerPage"], &mine["pageNumber"]), (&json!(2), &json!(1)));
    let names: Vec<_> =
        mine["certificates"].as_array().unwrap().iter().map(|one| one["commonName"].as_str().unwrap()).collect();
    assert_eq!(names, ["c.example", "b.example"], "newest first");
    for (field, condition, value, total) in [
        ("COMMON_NAME", "EQUALS", json!("a.example"), 1),
        ("COMMON_NAME", "STARTS_WITH", json!("device"), 1),
        ("COMMON_NAME", "CONTAINS", json!("%"), 0),
        ("COMMON_NAME", "EQUALS", json!("' OR 1=1--"), 0),
        ("SUBJECT_ALTERNATIVE_NAMES", "ENDS_WITH", json!(".example"), 4),
        ("CERTIFICATE_STATE", "EQUALS", json!(["revoked"]), 0),
    ] {
        let found = list(filter(field, condition, value.clone())).await;
        assert_eq!(found["totalItems"], total, "{field} {condition} {value}");
    }
    let everything = house.post("/api/v1/certificates", json!({})).await.ok();
    assert_eq!(everything["itemsPerPage"], 10);

    for wrong in [
        json!({ "itemsPerPage": 0 }),
        json!({ "itemsPerPage": -1 }),
        json!({ "itemsPerPage": 1_000_000_000 }),
        json!({ "pageNumber": 0 }),
        json!({ "itemsPerPage": 1000, "pageNumber": 2_000_000 }),
        json!({ "filters": filter("KEY_SIZE", "EQUALS", json!(1)) }),
    ] {
        let answer = house.post("/api/v1/certificates", wrong.clone()).await;
        assert!(matches!(answer.status, 400 | 422), "{wrong} gave {answer:?}");
    }
    house.post("/api/v1/certificates", json!({ "filters": filter("OWNER", "SORT", json!("x")) })).await.refused(400);
    let fields = house.get("/api/v1/certificates/search").await.ok();
    assert_eq!(fields[0]["filterFieldSource"], "property");
    assert_eq!(house.get("/api/v1/certificates/csr/attributes").await.ok(), json!([]));
}

#[actix_web::test]
async fn long_lists_are_read_by_cursor() {
    let house = House::new().await;
    for host in ["a.example", "b.example", "c.example"] {
        house.issue("tls-server", &csr(&key(), &format!("CN={host}"), host)).await;
        house.clock.advance(time::Duration::seconds(1));
    }
    let filters = json!([{ "fieldSource": "property", "fieldIdentifier": "RA_PROFILE_NAME", "condition": "EQUALS", "value": "tls-server" }]);
    let part = |cursor: Value| {
        let body = json!({ "filters": filters, "itemsPerPage": 2, "cursor": cursor });
        async { house.post("/api/v1/certificates", body).await }
    };
    let names = |list: &Value| -> Vec<String> {
        let list = list["certificates"].as_array().unwrap();
        list.iter().map(|one| one["commonName"].as_str().unwrap().to_owned()).collect()
    };
    let first = part(Value::Null).await;
    assert_eq!(names(&first.ok()), ["c.example", "b.example"]);
    let next = first.header("x-next-cursor");
    assert_eq!(json!(next), first.ok()["certificates"][1]["uuid"]);
    let last = part(json!(next)).await;
    assert_eq!(names(&last.ok()), ["a.example"]);
    assert_eq!((&last.ok()["totalItems"], &last.ok()["pageNumber"]), (&json!(3), &json!(1)));
    assert!(!last.headers.contains_key("x-next-cursor"), "there is no more");

    for wrong in [json!(""), json!("1"), json!(7)] {
        part(wrong).await.refused(400);
    }
    let both = json!({ "cursor": next, "pageNumber": 2 });
    assert!(house.post("/api/v1/certificates", both).await.faults()[0].contains("cursor"));
    house.post("/api/v1/certificates", json!({ "itemsPerPage": 1000, "pageNumber": 10 })).await.ok();
    for deep in [json!({ "itemsPerPage": 1000, "pageNumber": 11 }), json!({ "itemsPerPage": 7, "pageNumber": 1429 })] {
        let faults = house.post("/api/v1/certificates", deep).await.faults();
        assert!(faults[0].contains("10000") && faults[0].contains("cursor"), "{faults:?}");
    }
}

#[actix_web::test]
async fn out_of_scope_is_like_unknown() {
    let house = House::new().await;
    let id = house.issue("tls-server", &csr(&key(), "CN=a.example", "a.example")).await;
    let other = house.token(Role::Requester, &["device"]).await;
    let same_but_id = |text: String, id: &str| text.replace(id, "ID");
    for tail in ["", "/history", "/chain", "/relations", "/raw?encoding=pem"] {
        let hidden = house.with(&other, Method::GET, &format!("/api/v1/certificates/{id}{tail}"), None).await;
        let nobody = "0193ffb6-5c00-7000-8000-000000000000";
        let unknown = house.with(&other, Method::GET, &format!("/api/v1/certificates/{nobody}{tail}"), None).await;
        assert_eq!(same_but_id(hidden.refused(404), &id), same_but_id(unknown.refused(404), nobody), "{tail}");
    }
    let list = house.with(&other, Method::POST, "/api/v1/certificates", Some(json!({}))).await.ok();
    assert_eq!(list["totalItems"], 0);
    let issue = house.at("tls-server", "/certificates").await;
    let body = json!({ "request": csr(&key(), "CN=a.example", "a.example"), "attributes": [] });
    house.with(&other, Method::POST, &issue, Some(body)).await.refused(404);
    for tail in ["renew", "revoke"] {
        // The certificate of another profile, by way of the caller's own profile.
        let path = house.at("device", &format!("/certificates/{id}/{tail}")).await;
        house.with(&other, Method::POST, &path, Some(json!({ "attributes": [] }))).await.refused(404);
        house.with(&house.administrator, Method::POST, &path, Some(json!({ "attributes": [] }))).await.faults();
    }
    let profiles = house.with(&other, Method::GET, "/api/v1/raProfiles", None).await.ok();
    assert_eq!(profiles.as_array().unwrap().len(), 1);
}
