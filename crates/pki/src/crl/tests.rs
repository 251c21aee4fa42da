use der::{Decode, Encode};
use time::macros::datetime;

use super::*;
use crate::{Certificate, KeyType, PrivateKey};

fn template() -> CrlTemplate {
    CrlTemplate {
        issuer: "CN=Issuing,O=Example".parse().unwrap(),
        authority_key_id: vec![7; 20],
        number: 1 << 40,
        this_update: datetime!(2026-01-02 3:04:05 UTC),
        next_update: datetime!(2050-01-09 3:04:05 UTC),
        idp: Some(IssuingDistributionPoint { uris: vec!["http://s.example/a.crl".into()], ..Default::default() }),
    }
}

fn entries() -> Vec<RevokedEntry> {
    RevocationReason::ALL
        .into_iter()
        .map(Some)
        .chain([None])
        .enumerate()
        .map(|(at, reason)| RevokedEntry {
            serial: SerialNumber::from_bytes(&[0x80, at as u8]).unwrap(),
            revoked_at: datetime!(2026-01-01 0:00 UTC),
            reason,
            invalidity_date: (at % 2 == 0).then_some(datetime!(2025-12-31 23:59:59 UTC)),
        })
        .collect()
}

#[test]
fn everything_is_read_back() {
    for kind in [KeyType::P256, KeyType::Ed25519, KeyType::Rsa(2048)] {
        let key = PrivateKey::generate(kind).unwrap();
        let wanted = template();
        let crl = wanted.sign(entries(), &key).unwrap();
        assert_eq!(crl.verify_signed_by(key.public_key()), Ok(()));
        assert_eq!(crl.issuer(), &wanted.issuer);
        assert_eq!((crl.number(), crl.len()), (wanted.number, 10));
        assert_eq!((crl.this_update(), crl.next_update()), (wanted.this_update, wanted.next_update));
        assert_eq!(crl.authority_key_id(), Some(&[7; 20][..]));
        let mut expected = entries();
        // RFC 5280 section 5.3.1: unspecified is left out.
        expected[0].reason = None;
        assert_eq!(crl.entries().collect::<Vec<_>>(), expected);
        assert_eq!(crl.entry(&expected[3].serial).as_ref(), Some(&expected[3]));
        assert_eq!(Crl::parse(crl.to_pem().as_bytes()).unwrap(), crl);
        let other = PrivateKey::generate(kind).unwrap();
        assert_eq!(crl.verify_signed_by(other.public_key()), Err(SignatureError::Invalid));
    }
}

#[test]
fn another_implementation_agrees() {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let crl = template().sign(entries(), &key).unwrap();
    let read: x509_cert::crl::CertificateList = Decode::from_der(crl.der()).unwrap();
    assert_eq!(read.to_der().unwrap(), crl.der());
    let extensions = read.tbs_cert_list.crl_extensions.unwrap();
    let idp = extensions.iter().find(|extension| extension.extn_id == oid::ISSUING_DISTRIBUTION_POINT).unwrap();
    assert!(idp.critical);
    let value = idp.extn_value.as_bytes();
    let point = x509_cert::ext::pkix::IssuingDistributionPoint::from_der(value).unwrap();
    assert_eq!(point.to_der().unwrap(), value);
}

#[test]
fn an_empty_list_has_no_list() {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let crl = CrlTemplate { idp: None, ..template() }.sign([], &key).unwrap();
    assert!(crl.is_empty());
    let read: x509_cert::crl::CertificateList = Decode::from_der(crl.der()).unwrap();
    assert!(read.tbs_cert_list.revoked_certificates.is_none());
}

#[test]
fn a_list_made_by_openssl() {
    let ca = Certificate::from_pem(include_str!("../../fixtures/ca.crt")).unwrap();
    let crl = Crl::parse(include_bytes!("../../fixtures/openssl.crl")).unwrap();
    assert_eq!(crl.verify_signed_by(ca.public_key()), Ok(()));
    assert_eq!(crl.number(), 0x1000);
    assert_eq!(crl.issuer(), ca.subject());
    let reasons: Vec<_> = crl.entries().map(|entry| (entry.serial.to_hex(), entry.reason)).collect();
    assert!(reasons.contains(&("80ff01".into(), Some(RevocationReason::KeyCompromise))));
    assert!(reasons.contains(&("2".into(), None)));
    let lost = crl.entry(&SerialNumber::from_hex("0a").unwrap()).unwrap();
    assert_eq!(lost.invalidity_date, Some(datetime!(2024-12-24 0:00 UTC)));
}

#[test]
fn bad_lists_are_refused() {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let backwards = CrlTemplate { next_update: datetime!(2020-01-01 0:00 UTC), ..template() };
    assert!(backwards.sign([], &key).unwrap_err().to_string().contains("before it begins"));
    let nobody = CrlTemplate { issuer: Name::empty(), ..template() };
    assert!(nobody.sign([], &key).is_err());
    let crl = template().sign(entries(), &key).unwrap();
    for cut in 0..crl.der().len() {
        assert!(Crl::from_der(&crl.der()[..cut]).is_err());
    }
    // keyCompromise (0a 01 01) of an entry becomes removeFromCRL (8).
    let mut removed = crl.der().to_vec();
    let at = removed.windows(3).position(|window| window == [0x0a, 1, 1]).unwrap();
    removed[at + 2] = 8;
    assert!(Crl::from_der(&removed).unwrap_err().to_string().contains("reason"));
}

#[test]
fn an_entry_with_a_date_that_cannot_be_written_stops_no_list() {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let beyond = datetime!(9999-12-31 23:59:59 -1:00);
    let odd =
        [datetime!(1969-12-31 23:59:59 UTC), datetime!(0000-01-01 0:00 UTC), datetime!(-0001-01-01 0:00 UTC), beyond];
    let rows = odd.into_iter().enumerate().flat_map(|(at, date)| {
        let good = entries().remove(1);
        let serial = |n: u8| SerialNumber::from_bytes(&[1, at as u8, n]).unwrap();
        [
            RevokedEntry { serial: serial(1), invalidity_date: Some(date), ..good.clone() },
            RevokedEntry { serial: serial(2), revoked_at: date, ..good },
        ]
    });
    let crl = template().sign(rows, &key).unwrap();
    assert_eq!(crl.len(), 8);
    for (at, entry) in crl.entries().enumerate() {
        assert_eq!((entry.reason, entry.invalidity_date), (entries()[1].reason, None));
        let revoked_at = if at % 2 == 0 { entries()[1].revoked_at } else { template().this_update };
        assert_eq!(entry.revoked_at, revoked_at);
    }
}

#[test]
fn many_entries_are_built_quickly() {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let many = (1..=20_000u32).map(|at| RevokedEntry {
        serial: SerialNumber::from_bytes(&[&[0x55; 12][..], &at.to_be_bytes()].concat()).unwrap(),
        revoked_at: datetime!(2026-01-01 0:00 UTC),
        reason: Some(RevocationReason::Superseded),
        invalidity_date: None,
    });
    let crl = template().sign(many, &key).unwrap();
    assert_eq!(crl.len(), 20_000);
    assert!(crl.der().len() < 20_000 * 54);
}
