use super::*;
use crate::tlv::{INTEGER, OCTET_STRING, SEQUENCE, Writer, constructed};
use crate::{Certificate, Name, PrivateKey, PublicKey, oid};

mod captures;
mod enveloped;
mod signed;

/// The key and the certificate of the captures' recipient.
fn registration_authority() -> (EnclosedCertificate, DecryptionKey) {
    let certificate = Certificate::from_pem(include_str!("../../fixtures/cms/ra.crt.pem")).unwrap();
    (EnclosedCertificate::from(&certificate), DecryptionKey::new(&rsa()).unwrap())
}

/// 2048 bits.
fn rsa() -> PrivateKey {
    PrivateKey::from_pkcs8_pem(include_str!("../../fixtures/cms/ra.key.pem")).unwrap()
}

/// 3072 bits.
fn other_rsa() -> PrivateKey {
    PrivateKey::from_pkcs8_pem(include_str!("../../fixtures/rsa.key")).unwrap()
}

fn p256() -> PrivateKey {
    PrivateKey::from_pkcs8_pem(include_str!("../../fixtures/p256.key")).unwrap()
}

/// As clients make them: self-issued, with a serial number and a key identifier of any length, and signed by nobody.
fn certificate(key: &PublicKey, serial: &[u8], key_id: Option<&[u8]>) -> EnclosedCertificate {
    let name = "CN=client".parse::<Name>().unwrap();
    let mut out = Writer::default();
    out.nest(SEQUENCE, |out| {
        out.nest(SEQUENCE, |out| {
            out.nest(constructed(0), |out| _ = out.unsigned(&[2]));
            out.value(INTEGER, serial);
            out.nest(SEQUENCE, |out| _ = out.oid(&oid::SHA1_WITH_RSA));
            out.raw(name.der()).nest(SEQUENCE, |_| ()).raw(name.der()).raw(key.spki_der());
            if let Some(id) = key_id {
                let mut value = Writer::default();
                value.value(OCTET_STRING, id);
                let value = value.finish();
                out.nest(constructed(3), |out| {
                    out.nest(SEQUENCE, |out| {
                        out.nest(SEQUENCE, |out| _ = out.oid(&oid::SUBJECT_KEY_IDENTIFIER).value(OCTET_STRING, &value));
                    });
                });
            }
        });
        out.nest(SEQUENCE, |out| _ = out.oid(&oid::SHA1_WITH_RSA)).bits(&[0; 8]);
    });
    EnclosedCertificate::parse(&out.finish()).unwrap()
}

/// `bytes` with the first occurrence of `old` replaced by something of the same length.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let at = bytes.windows(old.len()).position(|window| window == old).expect("it is there");
    [&bytes[..at], new, &bytes[at + old.len()..]].concat()
}
