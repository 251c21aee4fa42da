use time::macros::datetime;

use super::*;
use crate::{KeyAlgorithm, oid};

const CA: &str = include_str!("../../fixtures/ca.crt");
const LEAF: &str = include_str!("../../fixtures/leaf.crt");

#[test]
fn a_ca_made_by_openssl() {
    let ca = Certificate::from_pem(CA).unwrap();
    assert_eq!(ca.subject().to_string(), "CN=Root,O=Example,C=CZ");
    assert!(ca.is_self_issued() && ca.is_ca());
    assert_eq!(ca.basic_constraints(), Some(BasicConstraints { ca: true, path_len: Some(1) }));
    assert_eq!(ca.key_usage(), Some(KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN));
    assert_eq!(ca.public_key().algorithm(), KeyAlgorithm::P384);
    assert_eq!(ca.subject_key_id().unwrap().len(), 20);
    assert_eq!(ca.verify_signed_by(ca.public_key()), Ok(()));
    assert_eq!(ca.to_pem().trim(), CA[CA.find("-----BEGIN").unwrap()..].trim());
    // 36500 days from today end after 2049: GeneralizedTime.
    assert!(ca.validity().not_after > datetime!(2100-01-01 0:00 UTC));
}

#[test]
fn a_leaf_made_by_openssl() {
    let ca = Certificate::from_pem(CA).unwrap();
    let leaf = Certificate::parse(LEAF.as_bytes()).unwrap();
    assert_eq!(leaf.serial().to_hex(), "80ff01");
    assert_eq!(leaf.verify_signed_by(ca.public_key()), Ok(()));
    assert_eq!(leaf.verify_signed_by(leaf.public_key()), Err(SignatureError::Invalid));
    assert_eq!(leaf.authority_key_id(), ca.subject_key_id());
    assert_eq!(leaf.extended_key_usage(), Some(&[oid::SERVER_AUTH][..]));
    assert_eq!(leaf.crl_distribution_points(), ["http://crl.example.com/a.crl", "http://crl.example.com/b.crl"]);
    assert_eq!(leaf.aia_ocsp(), ["http://ocsp.example.com"]);
    assert_eq!(leaf.aia_issuers(), ["http://aia.example.com/ca.cer"]);
    assert!(!leaf.is_ca() && !leaf.is_self_issued());
    assert_eq!(leaf.basic_constraints(), Some(BasicConstraints { ca: false, path_len: None }));
    assert_eq!(leaf.subject_alt_names(), [GeneralName::Dns("leaf.example.com".into())]);
}

#[test]
fn several_in_one_text() {
    let both = format!("{CA}{LEAF}");
    assert_eq!(Certificate::all_from_pem(&both).unwrap().len(), 2);
    assert!(Certificate::from_pem(&both).unwrap_err().to_string().contains("2 PEM blocks"));
    assert!(Certificate::all_from_pem("nothing").is_err());
}

#[test]
fn bad_certificates_are_refused() {
    let version1 = include_str!("../../fixtures/version1.crt");
    assert!(Certificate::from_pem(version1).unwrap_err().to_string().contains("version is 1"));
    let leaf = Certificate::from_pem(LEAF).unwrap();
    let mut trailing = leaf.der().to_vec();
    trailing.push(0);
    assert!(Certificate::from_der(&trailing).is_err());
    // The inner algorithm (ecdsa-with-SHA256, ...04.03.02) changed to SHA384.
    let mut differs = leaf.der().to_vec();
    let at = differs.windows(3).position(|window| window == [4, 3, 2]).unwrap();
    differs[at + 2] = 3;
    assert!(Certificate::from_der(&differs).unwrap_err().to_string().contains("differ"));
    for cut in 0..leaf.der().len() {
        assert!(Certificate::from_der(&leaf.der()[..cut]).is_err());
    }
}

#[test]
fn any_extension_can_be_read() {
    let leaf = Certificate::from_pem(LEAF).unwrap();
    let constraints = leaf.extension_value(oid::BASIC_CONSTRAINTS).unwrap();
    assert_eq!(constraints, [0x30, 0]);
    for known in leaf.extension_oids() {
        assert!(leaf.extension_value(*known).is_some(), "{known}");
    }
    assert_eq!(leaf.extension_value(oid::TLS_FEATURE), None);
}
