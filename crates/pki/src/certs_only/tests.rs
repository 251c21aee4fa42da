use ::cms::content_info::ContentInfo;
use der::{Decode, Encode};

use super::*;

fn certificates() -> Vec<Certificate> {
    [include_str!("../../fixtures/ca.crt"), include_str!("../../fixtures/leaf.crt")]
        .map(|pem| Certificate::from_pem(pem).unwrap())
        .into()
}

#[test]
fn there_and_back() {
    let certificates = certificates();
    let message = certs_only(&certificates);
    let mut read = parse_certs_only(&message).unwrap();
    read.sort_by_key(|certificate| certificate.serial().clone());
    let mut expected = certificates.clone();
    expected.sort_by_key(|certificate| certificate.serial().clone());
    assert_eq!(read, expected);
    // The order of the input does not matter, and a double comes once.
    let again = [&certificates[1..], &certificates[..]].concat();
    assert_eq!(certs_only(&again), message);
    assert_eq!(parse_certs_only(&certs_only(&[])).unwrap(), []);
}

#[test]
fn the_cms_crate_agrees() {
    let message = certs_only(&certificates());
    let info = ContentInfo::from_der(&message).unwrap();
    let signed: ::cms::signed_data::SignedData = info.content.decode_as().unwrap();
    assert_eq!(signed.certificates.as_ref().unwrap().0.len(), 2);
    assert_eq!(signed.signer_infos.0.len(), 0);
    assert_eq!(info.to_der().unwrap(), message);
    assert_eq!(signed.to_der().unwrap(), info.content.to_der().unwrap());
}

#[test]
fn a_message_made_by_openssl() {
    assert_eq!(parse_certs_only(include_bytes!("../../fixtures/certs-only.p7")).unwrap().len(), 2);
}

#[test]
fn others_are_refused() {
    assert!(parse_certs_only(&[]).is_err());
    assert!(parse_certs_only(certificates()[0].der()).is_err());
    let message = certs_only(&certificates());
    for cut in 0..message.len() {
        assert!(parse_certs_only(&message[..cut]).is_err());
    }
}
