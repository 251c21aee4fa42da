//! What real SCEP clients send: see fixtures/cms/README.md.

use super::*;
use crate::Csr;

const MESSAGE_TYPE: const_oid::ObjectIdentifier = const_oid::ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.2");
const TRANSACTION: const_oid::ObjectIdentifier = const_oid::ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.7");

struct Capture {
    name: &'static str,
    bytes: &'static [u8],
    digest: DigestAlgorithm,
    cipher: ContentCipher,
}

const CAPTURES: [Capture; 5] = [
    Capture {
        name: "scepclient",
        bytes: include_bytes!("../../../fixtures/cms/go_req.der"),
        digest: DigestAlgorithm::Sha1,
        cipher: ContentCipher::DesCbc,
    },
    Capture {
        name: "jscep",
        bytes: include_bytes!("../../../fixtures/cms/j_req.der"),
        digest: DigestAlgorithm::Sha256,
        cipher: ContentCipher::Aes128Cbc,
    },
    Capture {
        name: "strongSwan, AES",
        bytes: include_bytes!("../../../fixtures/cms/ss_aes.der"),
        digest: DigestAlgorithm::Sha256,
        cipher: ContentCipher::Aes128Cbc,
    },
    Capture {
        name: "strongSwan, Triple DES",
        bytes: include_bytes!("../../../fixtures/cms/ss_req.der"),
        digest: DigestAlgorithm::Sha512,
        cipher: ContentCipher::TripleDesCbc,
    },
    Capture {
        name: "sscep",
        bytes: include_bytes!("../../../fixtures/cms/sscep_req.der"),
        digest: DigestAlgorithm::Sha256,
        cipher: ContentCipher::Aes128Cbc,
    },
];

fn read(capture: &Capture) -> (SignedData, EnvelopedData) {
    let limits = Limits::default();
    let signed = SignedData::parse(capture.bytes, &limits).unwrap();
    let enveloped = EnvelopedData::parse(signed.content().unwrap(), &limits).unwrap();
    (signed, enveloped)
}

fn open(enveloped: &EnvelopedData, legacy: Legacy) -> Result<zeroize::Zeroizing<Vec<u8>>, CmsError> {
    let (certificate, key) = registration_authority();
    enveloped.decrypt(&[RecipientKey::Certificate { certificate: &certificate, key: &key }], legacy)
}

#[test]
fn every_one_verifies_and_decrypts_to_a_request() {
    for capture in &CAPTURES {
        let name = capture.name;
        let (signed, enveloped) = read(capture);
        let signer = signed.only_signer().unwrap();
        assert_eq!(signer.digest_algorithm().unwrap(), capture.digest, "{name}");
        assert_eq!(enveloped.cipher().unwrap(), capture.cipher, "{name}");
        let certificate = signed.certificate_of(signer).unwrap();
        let key = certificate.public_key().unwrap();
        let attributes = signer.verify(&key, signed.content().unwrap(), Legacy::ALL).unwrap();
        assert_eq!(attributes.require(&MESSAGE_TYPE, "messageType").unwrap().text().unwrap(), "19", "{name}");
        assert!(!attributes.require(&TRANSACTION, "transactionID").unwrap().text().unwrap().is_empty(), "{name}");
        let csr = Csr::from_der(&open(&enveloped, Legacy::ALL).unwrap()).unwrap();
        assert_eq!(csr.public_key(), &key, "{name}");
        assert!(csr.challenge_password().is_some(), "{name}");
    }
}

#[test]
fn outdated_algorithms_are_refused_by_name() {
    let (signed, enveloped) = read(&CAPTURES[0]);
    let signer = signed.only_signer().unwrap();
    let key = signed.certificate_of(signer).unwrap().public_key().unwrap();
    let refused = signer.verify(&key, signed.content().unwrap(), Legacy::default()).unwrap_err();
    assert!(matches!(refused, CmsError::Outdated { algorithm: "SHA-1", .. }), "{refused}");
    let refused = open(&enveloped, Legacy::default()).unwrap_err();
    assert!(matches!(refused, CmsError::Outdated { algorithm: "single DES", .. }), "{refused}");
    let (_, enveloped) = read(&CAPTURES[3]);
    let refused = open(&enveloped, Legacy::default()).unwrap_err();
    assert!(matches!(refused, CmsError::Outdated { algorithm: "Triple DES", .. }), "{refused}");
}

#[test]
fn a_changed_octet_is_noticed() {
    for capture in &CAPTURES {
        let (signed, _) = read(capture);
        let signer = signed.only_signer().unwrap();
        let key = signed.certificate_of(signer).unwrap().public_key().unwrap();
        let content = signed.content().unwrap();
        for at in [0, content.len() / 2, content.len() - 1] {
            let mut changed = content.to_vec();
            changed[at] ^= 1;
            assert_eq!(signer.verify(&key, &changed, Legacy::ALL), Err(CmsError::Digest), "{}", capture.name);
        }
        assert_eq!(
            signer.verify(rsa().public_key(), content, Legacy::ALL),
            Err(CmsError::Signature),
            "{}",
            capture.name
        );
        // The transaction's name is signed: another one does not verify.
        let name = signer.unverified_attributes().require(&TRANSACTION, "transactionID").unwrap().der.to_vec();
        let mut other = name.clone();
        *other.last_mut().unwrap() ^= 1;
        let forged = SignedData::parse(&replaced(capture.bytes, &name, &other), &Limits::default()).unwrap();
        let signer = forged.only_signer().unwrap();
        assert_eq!(signer.verify(&key, content, Legacy::ALL), Err(CmsError::Signature), "{}", capture.name);
    }
}
