use der::{Decode, Encode};
use time::macros::datetime;

use super::*;
use crate::{KeyType, PrivateKey, SignError, SignatureAlgorithm, oid};

fn template(key: &PublicKey) -> CertificateTemplate {
    CertificateTemplate {
        subject: "CN=host.example.com,O=Example".parse().unwrap(),
        subject_alt_names: vec!["dns:host.example.com".parse().unwrap(), "ip:192.0.2.1".parse().unwrap()],
        public_key: key.clone(),
        validity: Validity::new(datetime!(2026-01-02 3:04:05.678 UTC), datetime!(2050-06-07 8:09:10 UTC)),
        serial: SerialNumber::from_random([0x9a; 16]),
        key_usage: Some(KeyUsage::DIGITAL_SIGNATURE),
        extended_key_usage: vec![oid::SERVER_AUTH],
        basic_constraints: Some(BasicConstraints { ca: false, path_len: None }),
        crl_distribution_points: vec!["http://s.example/a.crl".into()],
        aia_issuers: vec!["http://s.example/a.cer".into()],
        aia_ocsp: vec!["http://s.example/ocsp".into()],
        policies: vec![
            Policy { oid: ObjectIdentifier::new_unwrap("2.23.140.1.2.1"), cps: None },
            Policy {
                oid: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1"),
                cps: Some("https://s.example/cps".into()),
            },
        ],
        must_staple: true,
    }
}

fn root(key: &PrivateKey) -> CertificateTemplate {
    CertificateTemplate {
        subject: "CN=Root".parse().unwrap(),
        subject_alt_names: vec![],
        key_usage: Some(KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN),
        extended_key_usage: vec![],
        basic_constraints: Some(BasicConstraints { ca: true, path_len: Some(0) }),
        crl_distribution_points: vec![],
        aia_issuers: vec![],
        aia_ocsp: vec![],
        policies: vec![],
        must_staple: false,
        ..template(key.public_key())
    }
}

#[test]
fn everything_is_read_back() {
    for kind in [KeyType::P256, KeyType::P384, KeyType::P521, KeyType::Ed25519, KeyType::Rsa(2048)] {
        let ca_key = PrivateKey::generate(kind).unwrap();
        let key = PrivateKey::generate(KeyType::P256).unwrap();
        let name: Name = "CN=Issuing,O=Example".parse().unwrap();
        let wanted = template(key.public_key());
        let made = wanted.sign(&Issuer { name: &name, key_id: &ca_key.public_key().key_id() }, &ca_key).unwrap();
        assert_eq!(made.verify_signed_by(ca_key.public_key()), Ok(()));
        assert_eq!(made.signature_algorithm(), ca_key.default_signature_algorithm());
        assert_eq!((made.subject(), made.issuer()), (&wanted.subject, &name));
        assert_eq!(made.subject_alt_names(), wanted.subject_alt_names);
        assert_eq!((made.serial(), made.validity()), (&wanted.serial, wanted.validity));
        assert_eq!(made.validity().not_before, datetime!(2026-01-02 3:04:05 UTC));
        assert_eq!(made.public_key(), &wanted.public_key);
        assert_eq!(made.key_usage(), wanted.key_usage);
        assert_eq!(made.extended_key_usage(), Some(&wanted.extended_key_usage[..]));
        assert_eq!(made.basic_constraints(), wanted.basic_constraints);
        assert_eq!(made.crl_distribution_points(), wanted.crl_distribution_points);
        assert_eq!(made.aia_issuers(), wanted.aia_issuers);
        assert_eq!(made.aia_ocsp(), wanted.aia_ocsp);
        assert_eq!(made.subject_key_id(), Some(&key.public_key().key_id()[..]));
        assert_eq!(made.authority_key_id(), Some(&ca_key.public_key().key_id()[..]));
        assert!(made.must_staple());
        assert_eq!(made.critical_extensions(), [oid::KEY_USAGE]);
    }
}

/// Every part is in DER: what x509-cert reads in it, it writes as the same bytes.
#[test]
fn decoding_and_encoding_changes_nothing() {
    use x509_cert::ext::pkix;
    let ca_key = PrivateKey::generate(KeyType::P256).unwrap();
    let name: Name = "CN=Issuing".parse().unwrap();
    let made = template(ca_key.public_key()).sign(&Issuer { name: &name, key_id: &[7; 20] }, &ca_key).unwrap();
    let read = x509_cert::Certificate::from_der(made.der()).unwrap();
    assert_eq!(read.to_der().unwrap(), made.der());
    let mut seen = 0;
    for extension in read.tbs_certificate().extensions().unwrap() {
        let value = extension.extn_value.as_bytes();
        macro_rules! same {
            ($kind:ty) => {
                assert_eq!(<$kind>::from_der(value).unwrap().to_der().unwrap(), value)
            };
        }
        match extension.extn_id {
            oid::SUBJECT_ALT_NAME => same!(pkix::SubjectAltName),
            oid::KEY_USAGE => same!(pkix::KeyUsage),
            oid::EXTENDED_KEY_USAGE => same!(pkix::ExtendedKeyUsage),
            oid::BASIC_CONSTRAINTS => same!(pkix::BasicConstraints),
            oid::SUBJECT_KEY_IDENTIFIER => same!(pkix::SubjectKeyIdentifier),
            oid::AUTHORITY_KEY_IDENTIFIER => same!(pkix::AuthorityKeyIdentifier),
            oid::CRL_DISTRIBUTION_POINTS => same!(pkix::CrlDistributionPoints),
            oid::AUTHORITY_INFO_ACCESS => same!(pkix::AuthorityInfoAccessSyntax),
            oid::CERTIFICATE_POLICIES => same!(pkix::CertificatePolicies),
            _ => continue,
        }
        seen += 1;
    }
    assert_eq!(seen, 9);
}

#[test]
fn a_root_has_no_authority_key_identifier() {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let wanted = root(&key);
    let made = wanted.sign(&Issuer { name: &wanted.subject, key_id: &key.public_key().key_id() }, &key).unwrap();
    assert_eq!(made.authority_key_id(), None);
    assert_eq!(made.critical_extensions(), [oid::BASIC_CONSTRAINTS, oid::KEY_USAGE]);
    assert!(made.is_ca() && made.is_self_issued());
    // The same name with another key is a rollover, not a self-signature (RFC 5280 section 4.2.1.1).
    let old = PrivateKey::generate(KeyType::P256).unwrap();
    let rollover = wanted.sign(&Issuer { name: &wanted.subject, key_id: &[1; 20] }, &old).unwrap();
    assert_eq!(rollover.authority_key_id(), Some(&[1; 20][..]));
}

#[test]
fn names_are_critical_without_a_subject() {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let wanted = CertificateTemplate { subject: Name::empty(), ..template(key.public_key()) };
    let name: Name = "CN=Issuing".parse().unwrap();
    let made = wanted.sign(&Issuer { name: &name, key_id: &[7; 20] }, &key).unwrap();
    assert!(made.critical_extensions().contains(&oid::SUBJECT_ALT_NAME));
}

#[test]
fn what_rfc_5280_forbids_is_not_built() {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let good = template(key.public_key());
    let name: Name = "CN=Issuing".parse().unwrap();
    let cases: [(CertificateTemplate, &str); 10] = [
        (CertificateTemplate { subject: Name::empty(), subject_alt_names: vec![], ..good.clone() }, "nobody"),
        (CertificateTemplate { subject: Name::empty(), ..root(&key) }, "nobody"),
        (CertificateTemplate { key_usage: Some(KeyUsage::empty()), ..good.clone() }, "no bit"),
        (CertificateTemplate { key_usage: Some(KeyUsage::KEY_CERT_SIGN), ..good.clone() }, "for CAs"),
        (
            CertificateTemplate {
                basic_constraints: Some(BasicConstraints { ca: false, path_len: Some(0) }),
                ..good.clone()
            },
            "path length",
        ),
        (CertificateTemplate { crl_distribution_points: vec!["http://ä".into()], ..good.clone() }, "ASCII"),
        (CertificateTemplate { subject_alt_names: vec![GeneralName::Dns("ä".into())], ..good.clone() }, "ASCII"),
        (
            CertificateTemplate {
                validity: Validity::new(datetime!(2026-01-02 0:00 UTC), datetime!(2026-01-01 0:00 UTC)),
                ..good.clone()
            },
            "before it begins",
        ),
        (
            CertificateTemplate {
                validity: Validity::new(datetime!(1969-12-31 23:59:59 UTC), datetime!(2026-01-01 0:00 UTC)),
                ..good.clone()
            },
            "1970",
        ),
        (
            CertificateTemplate { subject_alt_names: vec![GeneralName::Dns("x".repeat(70_000))], ..good.clone() },
            "more than the 65536",
        ),
    ];
    for (wanted, word) in cases {
        let error = wanted.sign(&Issuer { name: &name, key_id: &[7; 20] }, &key).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    let error = good.sign(&Issuer { name: &Name::empty(), key_id: &[7; 20] }, &key).unwrap_err();
    assert!(error.to_string().contains("issuer"));
}

/// A foreign issuer's name may have its attributes in another order than DER's, and must be copied exactly or not at all;
/// a subject is put in order.
#[test]
fn a_name_that_is_not_der() {
    let name: Name = "CN=b+O=a".parse().unwrap();
    // 30 len, 31 len, then the two attributes.
    let (head, attributes) = name.der().split_at(4);
    let (first, second) = attributes.split_at(usize::from(attributes[1]) + 2);
    let swapped = Name::from_der(&[head, second, first].concat()).unwrap();
    assert_ne!(swapped, name);
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let wanted = template(key.public_key());
    assert!(wanted.sign(&Issuer { name: &name, key_id: &[7; 20] }, &key).is_ok());
    let error = wanted.sign(&Issuer { name: &swapped, key_id: &[7; 20] }, &key).unwrap_err();
    assert!(error.to_string().contains("not in DER"), "{error}");
    let wanted = CertificateTemplate { subject: swapped, ..wanted };
    let made = wanted.sign(&Issuer { name: &name, key_id: &[7; 20] }, &key).unwrap();
    assert_eq!(made.subject(), &name);
}

#[test]
fn a_signer_that_fails_is_told() {
    struct Broken(PublicKey);
    impl Signer for Broken {
        fn public_key(&self) -> &PublicKey {
            &self.0
        }
        fn signature_algorithm(&self) -> SignatureAlgorithm {
            SignatureAlgorithm::EcdsaSha256
        }
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
            Err(SignError("the token is gone".into()))
        }
    }
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let name: Name = "CN=Issuing".parse().unwrap();
    let issuer = Issuer { name: &name, key_id: &[7; 20] };
    let error = template(key.public_key()).sign(&issuer, &Broken(key.public_key().clone())).unwrap_err();
    assert!(error.to_string().contains("the token is gone"));
}
