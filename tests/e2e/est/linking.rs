//! Proof-of-possession linking (RFC 7030 section 3.5, RFC 9266).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_pki::CsrTemplate;

use super::{PASSWORD, est, key, refused, set, template, user};
use crate::start;

fn linked(value: Option<String>) -> Vec<u8> {
    let template = CsrTemplate { challenge_password: value, ..template("CN=gw-7.example", &[]) };
    template.sign(&key()).unwrap().der().to_vec()
}

#[test]
fn rfc7030_3_5_tls_unique_links_on_tls_1_2() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    let client = est(&server).basic("gw-7.example", PASSWORD).tls12();
    let mut connection = client.connect().unwrap();
    let unique = connection.tls_unique();
    assert_eq!(unique.len(), 12);
    connection.enrol("simpleenroll", &linked(Some(STANDARD.encode(&unique)))).certificate();
    // Another connection's value is wrong here.
    let answer = client.connect().unwrap().enrol("simpleenroll", &linked(Some(STANDARD.encode(&unique))));
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("not the channel binding"), "{}", answer.text());
    refused(&server, "not the channel binding");
}

#[test]
fn rfc9266_2_tls_exporter_links_on_tls_1_3() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    let client = est(&server).basic("gw-7.example", PASSWORD);
    let mut connection = client.connect().unwrap();
    let exporter = connection.exporter();
    connection.enrol("simpleenroll", &linked(Some(STANDARD.encode(exporter)))).certificate();
    assert_eq!(client.connect().unwrap().enrol("simpleenroll", &linked(Some(STANDARD.encode(exporter)))).status, 400);
    // RFC 9266 section 1: tls-unique is not defined for TLS 1.3, whatever a library gives.
    let mut connection = client.connect().unwrap();
    let unique = connection.tls_unique();
    assert_eq!(connection.enrol("simpleenroll", &linked(Some(STANDARD.encode(unique)))).status, 400);
}

#[test]
fn es_17_a_value_that_is_present_must_be_right() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    for client in [est(&server), est(&server).tls12()] {
        let client = client.basic("gw-7.example", PASSWORD);
        for wrong in ["a password".to_owned(), STANDARD.encode([0; 12]), STANDARD.encode([0; 32])] {
            let answer = client.enrol(&linked(Some(wrong)));
            assert_eq!(answer.status, 400, "{}", answer.text());
            refused(&server, "channel binding");
        }
        client.enrol(&linked(None)).certificate();
    }
}

#[test]
fn rfc7030_3_5_a_profile_can_demand_it() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    set(&server, "linking=required");
    for client in [est(&server), est(&server).tls12()] {
        let client = client.basic("gw-7.example", PASSWORD);
        let answer = client.enrol(&linked(None));
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("demands"), "{}", answer.text());
        refused(&server, "demands that the request is linked");
    }
    let mut connection = est(&server).basic("gw-7.example", PASSWORD).tls12().connect().unwrap();
    let unique = STANDARD.encode(connection.tls_unique());
    connection.enrol("simpleenroll", &linked(Some(unique.clone()))).certificate();
    // The same connection serves another request, linked by the same value.
    connection.enrol("simpleenroll", &linked(Some(unique))).certificate();
}
