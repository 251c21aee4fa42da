//! simplereenroll.

use super::{PASSWORD, csr, enrolled, est, key, refused, user};
use crate::start;

#[test]
fn rfc7030_4_2_2_a_certificate_is_renewed_and_rekeyed() {
    let server = start();
    let (holder, old) = enrolled(&server, "gw-7.example");
    let client = est(&server).identity(std::slice::from_ref(&old), &holder);
    // Another key.
    let new = key();
    let rekeyed = client.reenrol(csr(&new, "CN=gw-7.example", &["dns:gw-7.example"]).der()).certificate();
    assert_eq!((rekeyed.subject(), rekeyed.subject_alt_names()), (old.subject(), old.subject_alt_names()));
    assert_eq!(rekeyed.public_key(), new.public_key());
    // The same key.
    let renewed = client.reenrol(csr(&holder, "CN=gw-7.example", &["dns:gw-7.example"]).der()).certificate();
    assert_ne!(renewed.serial(), old.serial());
    assert_eq!(renewed.public_key(), old.public_key());
    // The new one renews in turn.
    let client = est(&server).identity(&[rekeyed], &new);
    client.reenrol(csr(&key(), "CN=gw-7.example", &["dns:gw-7.example"]).der()).certificate();
}

#[test]
fn es_14_subject_and_names_stay() {
    let server = start();
    let (holder, old) = enrolled(&server, "gw-7.example");
    let client = est(&server).identity(&[old], &holder);
    for (subject, names) in [
        ("CN=gw-8.example", vec!["dns:gw-7.example"]),
        ("CN=gw-7.example,O=Example", vec!["dns:gw-7.example"]),
        ("CN=gw-7.example", vec![]),
        ("CN=gw-7.example", vec!["dns:gw-7.example", "dns:gw-8.example"]),
        ("CN=gw-7.example", vec!["dns:gw-8.example"]),
        ("", vec!["dns:gw-7.example"]),
    ] {
        let answer = client.reenrol(csr(&key(), subject, &names).der());
        assert_eq!(answer.status, 403, "{subject} {names:?} {}", answer.text());
        refused(&server, "RFC 7030 section 4.2.2");
    }
}

#[test]
fn es_16_without_a_certificate_nothing_is_renewed() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    let request = csr(&key(), "CN=gw-7.example", &["dns:gw-7.example"]);
    assert_eq!(est(&server).basic("gw-7.example", PASSWORD).reenrol(request.der()).status, 403);
    refused(&server, "re-enrolment without a certificate");
    assert_eq!(est(&server).reenrol(request.der()).status, 403);
}

#[test]
fn a_certificate_is_renewed_at_its_own_profile_only() {
    let server = start();
    let (holder, old) = enrolled(&server, "gw-7.example");
    server.cli(["est", "profile", "activate", "default", "--ra-profile", "tls-client"]).ok();
    let client = est(&server).identity(&[old], &holder).label("tls-client");
    let request = csr(&key(), "CN=gw-7.example", &["dns:gw-7.example"]);
    let answer = client.reenrol(request.der());
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("another RA profile"), "{}", answer.text());
    assert_eq!(client.enrol(request.der()).status, 403);
    refused(&server, "another RA profile");
}

#[test]
fn names_can_be_demanded_byte_for_byte() {
    let server = start();
    let (holder, old) = enrolled(&server, "gw-7.example");
    let client = est(&server).identity(&[old], &holder);
    let other_case = csr(&key(), "CN=GW-7.example", &["dns:gw-7.example"]);
    assert_eq!(client.reenrol(other_case.der()).status, 200, "the same name by RFC 5280 section 7.1");
    super::set(&server, "exactNames=true");
    let other_case = csr(&key(), "CN=GW-7.example", &["dns:gw-7.example"]);
    assert_eq!(client.reenrol(other_case.der()).status, 403);
    assert_eq!(client.reenrol(csr(&key(), "CN=gw-7.example", &["dns:gw-7.example"]).der()).status, 200);
}
