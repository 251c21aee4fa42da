use super::*;
use crate::tlv::encode;
use crate::{GeneralName, KeyAlgorithm, KeyType, PrivateKey};

const P256: &[u8] = include_bytes!("../../fixtures/crmf/p256.crmf");
const RSA: &[u8] = include_bytes!("../../fixtures/crmf/rsa2048.crmf");
const RA_VERIFIED: &[u8] = include_bytes!("../../fixtures/crmf/ra-verified.crmf");
const NO_PROOF: &[u8] = include_bytes!("../../fixtures/crmf/no-proof.crmf");

fn template() -> CsrTemplate {
    CsrTemplate {
        subject: Some("CN=host.example,O=Example".parse().unwrap()),
        subject_alt_names: vec![GeneralName::Dns("host.example".into())],
        must_staple: true,
        ..CsrTemplate::default()
    }
}

#[test]
fn requests_made_by_openssl() {
    for (der, algorithm, signature) in
        [(P256, KeyAlgorithm::P256, "SHA256withECDSA"), (RSA, KeyAlgorithm::Rsa { bits: 2048 }, "SHA256withRSA")]
    {
        let message = from_der(der).unwrap();
        assert_eq!(message.proof(), Proof::Signature);
        let csr = message.into_request().unwrap();
        assert_eq!((csr.format(), csr.der()), (RequestFormat::Crmf, der));
        assert_eq!(csr.subject().to_string(), "O=Example,CN=host.example");
        assert_eq!(csr.subject_alt_names(), [GeneralName::Dns("host.example".into())]);
        assert_eq!((csr.public_key().algorithm(), csr.signature_algorithm().name()), (algorithm, signature));
        assert_eq!(csr.challenge_password(), None);
        assert_eq!(Csr::from_stored(der).unwrap(), csr);
        assert_eq!(parse(csr.to_pem().as_bytes()).unwrap().into_request().unwrap(), csr);
        // Neither format is taken for the other.
        assert!(matches!(Csr::from_der(der), Err(CsrError::Malformed(_))));
    }
    let pkcs10 = template().sign(&PrivateKey::generate(KeyType::P256).unwrap()).unwrap();
    assert_eq!(pkcs10.format(), RequestFormat::Pkcs10);
    assert_eq!(Csr::from_stored(pkcs10.der()).unwrap(), pkcs10);
    assert!(matches!(from_der(pkcs10.der()), Err(CsrError::Malformed(_))));
}

#[test]
fn every_key_there_and_back() {
    for kind in [KeyType::Rsa(2048), KeyType::P256, KeyType::P384, KeyType::P521, KeyType::Ed25519] {
        let key = PrivateKey::generate(kind).unwrap();
        let csr = template().sign_crmf(&key).unwrap();
        assert_eq!((csr.public_key(), csr.must_staple()), (key.public_key(), true));
        assert_eq!(csr.subject(), template().subject.as_ref().unwrap());
    }
    let bare = CsrTemplate::default().sign_crmf(&PrivateKey::generate(KeyType::P256).unwrap()).unwrap();
    assert!(bare.subject().is_empty() && bare.extension_oids().is_empty());
}

#[test]
fn only_a_signature_makes_a_request() {
    for (der, proof, why) in [
        (RA_VERIFIED, Proof::RaVerified, "word of an RA"),
        (NO_PROOF, Proof::Absent, "is not in it"),
        (&with_proof(&encode(constructed(2), &[])), Proof::Exchange, "another exchange"),
        (&with_proof(&encode(constructed(3), &[])), Proof::Exchange, "another exchange"),
    ] {
        let message = from_der(der).unwrap();
        assert_eq!(message.proof(), proof);
        assert_eq!(message.subject().to_string(), "O=Example,CN=host.example");
        assert_eq!(message.public_key().algorithm(), KeyAlgorithm::P256);
        let error = message.into_request().unwrap_err();
        assert!(matches!(error, CsrError::Unproved(_)) && error.to_string().contains(why), "{error}");
        assert!(Csr::from_stored(der).is_err());
    }
    let odd = from_der(&with_proof(&encode(context(0), &[1]))).unwrap_err().to_string();
    assert!(odd.contains("raVerified is not empty"), "{odd}");
    let odd = from_der(&with_proof(&encode(context(5), &[]))).unwrap_err().to_string();
    assert!(odd.contains("tag 0x85"), "{odd}");
    let input = encode(constructed(1), &encode(constructed(0), &[]));
    let odd = from_der(&with_proof(&input)).unwrap_err().to_string();
    assert!(odd.contains("poposkInput"), "{odd}");
}

/// The request of `NO_PROOF` with this proof.
fn with_proof(proof: &[u8]) -> Vec<u8> {
    let mut messages = whole(WHAT, NO_PROOF, SEQUENCE).unwrap();
    let mut message = messages.enter(SEQUENCE, "message").unwrap();
    let request = message.expect(SEQUENCE, "request").unwrap().raw;
    encode(SEQUENCE, &encode(SEQUENCE, &[request, proof].concat()))
}

#[test]
fn no_bit_of_a_request_can_change() {
    let key = PrivateKey::generate(KeyType::Ed25519).unwrap();
    let csr = template().sign_crmf(&key).unwrap();
    for at in 0..csr.der().len() * 8 {
        let mut changed = csr.der().to_vec();
        changed[at / 8] ^= 1 << (at % 8);
        let read = from_der(&changed).and_then(CertReqMsg::into_request);
        assert!(read.is_err(), "bit {at}");
    }
    for cut in 0..csr.der().len() {
        assert!(from_der(&csr.der()[..cut]).is_err());
    }
}

#[test]
fn a_template_may_not_ask_for_what_is_the_ca_s() {
    let refused = |fields: &[Vec<u8>], why: &str| {
        let request = encode(SEQUENCE, &[encode(0x02, &[0]), encode(SEQUENCE, &fields.concat())].concat());
        let error = from_der(&encode(SEQUENCE, &encode(SEQUENCE, &request))).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    refused(&[encode(context(1), &[5])], "asks for a serialNumber");
    refused(&[encode(constructed(2), &[])], "asks for a signingAlg");
    refused(&[], "no public key");
    refused(&[encode(constructed(6), &[])], "key algorithm is missing");
}

#[test]
fn several_at_once_are_refused() {
    let one = &whole(WHAT, P256, SEQUENCE).unwrap().rest().to_vec();
    let error = from_der(&encode(SEQUENCE, &[one.as_slice(), one].concat())).unwrap_err().to_string();
    assert!(error.contains("several requests in it; send one at a time"), "{error}");
    assert!(from_der(&encode(SEQUENCE, &[])).is_err());
}

#[test]
fn a_bad_signature_tells_the_cause() {
    // The last octets are the signature's.
    let mut changed = P256.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(from_der(&changed).unwrap_err(), CsrError::BadSignature);
    // A point off the curve: any change of a coordinate.
    let at = P256.windows(2).position(|two| two == [0x00, 0x04]).unwrap() + 2;
    let mut changed = P256.to_vec();
    changed[at] ^= 1;
    let error = from_der(&changed).unwrap_err();
    assert!(matches!(error, CsrError::Key(_)), "{error}");
}
