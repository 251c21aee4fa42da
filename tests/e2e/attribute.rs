//! Attributes: listed, validated right and wrong, and in effect.

use std::time::Duration;

use chancery_pki::Crl;
use chancery_tests::{Request, eventually, fetch};
use serde_json::{Value, json};

use crate::start;

/// A definition of the list by its name.
fn named<'a>(definitions: &'a Value, name: &str) -> &'a Value {
    let found = definitions.as_array().unwrap().iter().find(|definition| definition["name"] == name);
    found.unwrap_or_else(|| panic!("no attribute {name} in {definitions}"))
}

/// A value for it as a client sends it.
fn value(definition: &Value, data: Value) -> Value {
    json!({
        "uuid": definition["uuid"],
        "name": definition["name"],
        "contentType": definition["contentType"],
        "version": "v2",
        "content": [{"data": data}],
    })
}

#[tokio::test]
async fn definitions_have_the_published_shape() {
    let server = start();
    let api = server.api();
    let operations = api.operations("tls-server").await;
    for kind in ["issue", "revoke"] {
        let definitions = api.get(&format!("{operations}/attributes/{kind}")).await.json(200);
        assert!(!definitions.as_array().unwrap().is_empty());
        for definition in definitions.as_array().unwrap() {
            for key in ["uuid", "name", "type"] {
                assert!(definition[key].is_string(), "{key}: {definition}");
            }
            assert!([2, 3].contains(&definition["version"].as_i64().unwrap()), "{definition}");
            if definition["type"] == "data" {
                assert!(definition["contentType"].is_string(), "{definition}");
                let properties = &definition["properties"];
                assert!(properties["label"].as_str().is_some_and(|label| !label.is_empty()), "{definition}");
                for key in ["visible", "required", "readOnly", "list", "multiSelect", "extensibleList"] {
                    assert!(properties[key].is_boolean(), "{key}: {definition}");
                }
            }
        }
        // The RA-profile management answers the same.
        let managed = operations.replace("/v2/operations", "/v1");
        assert_eq!(api.get(&format!("{managed}/attributes/{kind}")).await.json(200), definitions);
    }
}

#[tokio::test]
async fn right_values_are_taken_and_every_wrong_one_is_told_at_once() {
    let server = start();
    let api = server.api();
    let path = format!("{}/attributes/revoke", api.operations("tls-server").await);
    let definitions = api.get(&path).await.json(200);
    let date = named(&definitions, "invalidityDate");
    let validate = format!("{path}/validate");
    assert_eq!(api.post(&validate, &json!([])).await.status, 200);
    let right = json!([value(date, json!("2026-01-02T03:04:05.000Z"))]);
    assert_eq!(api.post(&validate, &right).await.status, 200);

    let wrong = json!([
        value(date, json!(17)),
        {"uuid": "11111111-1111-4111-8111-111111111111", "name": "nobodyKnowsIt", "contentType": "string",
         "version": "v2", "content": [{"data": "x"}]},
    ]);
    let faults = api.post(&validate, &wrong).await.faults();
    assert!(faults.len() >= 2, "{faults:?}");
    assert!(faults.iter().any(|fault| fault.contains("invalidityDate")), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.contains("nobodyKnowsIt")), "{faults:?}");

    // What is no list of attributes at all is malformed.
    for body in [json!({}), json!("x"), json!([1]), json!([{"name": 5}])] {
        let status = api.post(&validate, &body).await.status;
        assert!([400, 422].contains(&status), "{body}: {status}");
    }
}

#[tokio::test]
async fn the_attributes_of_a_disabled_profile_are_not_found() {
    let server = start();
    let api = server.api();
    let operations = api.operations("email").await;
    let managed = operations.replace("/v2/operations", "/v1");
    api.patch(&format!("{managed}/disable")).await.empty(204);
    assert_eq!(api.get(&format!("{operations}/attributes/issue")).await.status, 404);
    assert_eq!(api.post(&format!("{operations}/attributes/issue/validate"), &json!([])).await.status, 404);
    api.post(&format!("{operations}/certificates"), &json!({"request": Request::host("x").pem(), "attributes": []}))
        .await
        .faults();
}

#[tokio::test]
async fn the_invalidity_date_is_in_the_crl() {
    let server = start();
    let api = server.api();
    let operations = api.operations("tls-server").await;
    let definitions = api.get(&format!("{operations}/attributes/revoke")).await.json(200);
    let (uuid, certificate) = api.issue("tls-server", &Request::host("lost.example")).await;
    let date = value(named(&definitions, "invalidityDate"), json!("2026-01-02T03:04:05.000Z"));
    let body = json!({"reason": "keyCompromise", "attributes": [date]});
    api.post(&format!("{operations}/certificates/{uuid}/revoke"), &body).await.empty(204);
    let date = eventually("the revocation is in the CRL", Duration::from_secs(5), || async {
        let crl = Crl::from_der(&fetch(&certificate.crl_distribution_points()[0]).await.body).unwrap();
        crl.entry(certificate.serial()).map(|entry| entry.invalidity_date)
    })
    .await;
    assert_eq!(date.unwrap().unix_timestamp(), 1_767_323_045);
}

#[tokio::test]
async fn the_command_line_revokes_with_an_invalidity_date() {
    let server = start();
    let (uuid, certificate) = server.api().issue("tls-server", &Request::host("lost.example")).await;
    let revoke = |date| server.cli(["cert", "revoke", &uuid, "--reason", "keyCompromise", "--invalidity-date", date]);
    for wrong in ["yesterday", "9999-01-01T00:00:00Z"] {
        let why = revoke(wrong).refused();
        assert!(why.contains("invalidityDate"), "{why}");
    }
    revoke("2026-01-02T03:04:05Z").ok();
    let date = eventually("the revocation is in the CRL", Duration::from_secs(5), || async {
        let crl = Crl::from_der(&fetch(&certificate.crl_distribution_points()[0]).await.body).unwrap();
        crl.entry(certificate.serial()).map(|entry| entry.invalidity_date)
    })
    .await;
    assert_eq!(date.unwrap().unix_timestamp(), 1_767_323_045);
}
