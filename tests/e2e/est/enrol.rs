//! simpleenroll.

use chancery_pki::AttributeKind;

use super::{PASSWORD, csr, enrolled, est, key, refused, told, user};
use crate::start;

#[test]
fn rfc7030_4_2_1_a_user_gets_a_certificate_for_its_name() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    let client = est(&server).basic("gw-7.example", PASSWORD);
    let key = key();
    let answer = client.enrol(csr(&key, "CN=gw-7.example", &["dns:gw-7.example"]).der());
    let certificate = answer.certificate();
    assert_eq!(answer.header("content-type"), Some("application/pkcs7-mime; smime-type=certs-only"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(certificate.public_key(), key.public_key());
    assert_eq!(certificate.subject().values(AttributeKind::CommonName).collect::<Vec<_>>(), ["gw-7.example"]);
    let entries = told(&server);
    assert_eq!(entries[0]["event"], "certificate.issue", "{}", entries[0]);
    assert!(entries[0].to_string().contains("password"), "{}", entries[0]);
    // RFC 7030 section 4.2.3: the same request again is the same transaction.
    let again = client.label("device").enrol(csr(&key, "CN=gw-7.example", &["dns:gw-7.example"]).der());
    assert_eq!(again.certificate(), certificate);
}

#[test]
fn es_13_names_beyond_the_credential_are_refused() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    user(&server, "installer", &["--names", ".lab.example", "--names", "O=Example"]);
    let own = est(&server).basic("gw-7.example", PASSWORD);
    for (subject, names) in [
        ("CN=gw-8.example", vec![]),
        ("CN=gw-7.example", vec!["dns:gw-8.example"]),
        ("CN=gw-7.example", vec!["ip:192.0.2.1"]),
        ("CN=gw-7.example,O=Example", vec![]),
    ] {
        let answer = own.enrol(csr(&key(), subject, &names).der());
        assert_eq!(answer.status, 403, "{subject} {names:?}");
        assert!(answer.text().contains("may not ask for"), "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.text().matches('\n').count(), 1, "one line");
        refused(&server, "may not ask for");
    }
    let listed = est(&server).basic("installer", PASSWORD);
    listed.enrol(csr(&key(), "CN=a.lab.example,O=Example", &["dns:b.lab.example"]).der()).certificate();
    assert_eq!(listed.enrol(csr(&key(), "CN=lab.example", &[]).der()).status, 403);
    assert_eq!(listed.enrol(csr(&key(), "CN=installer", &[]).der()).status, 403);
}

#[test]
fn a_certificate_enrols_for_its_own_names() {
    let server = start();
    let (holder, certificate) = enrolled(&server, "gw-7.example");
    let client = est(&server).identity(&[certificate], &holder);
    let new = key();
    client.enrol(csr(&new, "CN=gw-7.example", &["dns:gw-7.example"]).der()).certificate();
    assert_eq!(client.enrol(csr(&key(), "CN=gw-8.example", &["dns:gw-7.example"]).der()).status, 403);
    refused(&server, "may not ask for");
    assert_eq!(client.enrol(csr(&key(), "CN=gw-7.example", &["dns:gw-8.example"]).der()).status, 403);
}

#[test]
fn a_bearer_token_enrols_within_its_scope() {
    let server = start();
    let wide = server.token("requester", &["device"]);
    let narrow = server.token("requester", &["tls-server"]);
    let reader = server.token("auditor", &[]);
    let ask = |token: &str| {
        est(&server).authorization(&format!("Bearer {token}")).enrol(csr(&key(), "CN=any.example", &[]).der()).status
    };
    assert_eq!(ask(&wide), 200);
    assert_eq!(ask(&narrow), 404);
    assert_eq!(ask(&reader), 403);
    assert_eq!(ask("chancery_wrong"), 401);
    super::set(&server, "tokens=false");
    assert_eq!(ask(&wide), 401);
}

#[test]
fn certificate_and_password_together_allow_what_both_do() {
    let server = start();
    let (holder, certificate) = enrolled(&server, "gw-7.example");
    user(&server, "installer", &["--names", ".example"]);
    super::set(&server, "certificateAndCredential=true");
    let by_certificate = est(&server).identity(&[certificate], &holder);
    let request = csr(&key(), "CN=gw-7.example", &["dns:gw-7.example"]);
    assert_eq!(by_certificate.enrol(request.der()).status, 401);
    assert_eq!(est(&server).basic("installer", PASSWORD).enrol(request.der()).status, 401);
    let both = by_certificate.basic("installer", PASSWORD);
    both.enrol(request.der()).certificate();
    assert_eq!(both.enrol(csr(&key(), "CN=gw-8.example", &[]).der()).status, 403);
}

#[test]
fn es_12_a_key_that_the_profile_does_not_take_is_refused_with_its_rule() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    let client = est(&server).basic("gw-7.example", PASSWORD);
    let ed25519 = chancery_pki::PrivateKey::generate(chancery_pki::KeyType::Ed25519).unwrap();
    let answer = client.enrol(csr(&ed25519, "CN=gw-7.example", &[]).der());
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("public key: "), "{}", answer.text());
    refused(&server, "Ed25519");
}
