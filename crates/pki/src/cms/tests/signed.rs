use time::macros::datetime;

use super::*;
use crate::cms::attribute::set_of;
use crate::cms::build::{Signed, degenerate};
use crate::tlv::{NULL, PRINTABLE_STRING, SET};
use crate::{ObjectIdentifier, ParseError, SignatureAlgorithm, Signer};

const KIND: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.113733.1.9.2");
const CONTENT: &[u8] = b"a content";

fn keys() -> [PrivateKey; 6] {
    [
        rsa(),
        other_rsa(),
        p256(),
        PrivateKey::from_pkcs8_pem(include_str!("../../../fixtures/p384.key")).unwrap(),
        PrivateKey::from_pkcs8_pem(include_str!("../../../fixtures/p521.key")).unwrap(),
        PrivateKey::from_pkcs8_pem(include_str!("../../../fixtures/ed25519.key")).unwrap(),
    ]
}

fn parse(bytes: &[u8]) -> SignedData {
    SignedData::parse(bytes, &Limits::default()).unwrap()
}

fn verify(message: &SignedData, key: &PublicKey) -> Result<SignedAttributes, CmsError> {
    message.only_signer()?.verify(key, message.content().unwrap_or_default(), Legacy::default())
}

fn sign(key: &PrivateKey, digest: DigestAlgorithm, content: Option<&[u8]>, attributes: &[Attribute]) -> Vec<u8> {
    let certificate = certificate(key.public_key(), &[1], None);
    let certificates: [&[u8]; 1] = [certificate.der()];
    let content_type = oid::DATA;
    Signed {
        content_type,
        content,
        attributes,
        digest,
        signer: key,
        certificate: &certificate,
        certificates: &certificates,
    }
    .sign()
    .unwrap()
}

#[test]
fn every_key_with_every_digest() {
    for key in keys() {
        for digest in DigestAlgorithm::ALL {
            let attributes =
                [Attribute::printable(KIND, "19"), Attribute::signing_time(datetime!(2026-11-24 12:00 UTC))];
            let message = parse(&sign(&key, digest, Some(CONTENT), &attributes));
            assert_eq!((message.content_type(), message.content()), (oid::DATA, Some(CONTENT)));
            let signer = message.only_signer().unwrap();
            // The wish is granted to RSA, but not for SHA-1.
            if key.public_key().name() == "RSA" && digest != DigestAlgorithm::Sha1 {
                assert_eq!(signer.digest_algorithm(), Ok(digest));
            }
            assert_ne!(signer.digest_algorithm(), Ok(DigestAlgorithm::Sha1));
            let public = message.certificate_of(signer).unwrap().public_key().unwrap();
            assert_eq!(&public, key.public_key());
            let attributes = verify(&message, &public).unwrap();
            assert_eq!(attributes.require(&KIND, "kind").unwrap().text(), Ok("19"));
            let at = attributes.get(&oid::SIGNING_TIME).unwrap().unwrap().time();
            assert_eq!(at, Ok(datetime!(2026-11-24 12:00 UTC)));
            // Another content, another key.
            assert_eq!(signer.verify(&public, b"another", Legacy::ALL), Err(CmsError::Digest));
            for other in keys().iter().filter(|other| other.public_key() != &public) {
                assert_eq!(verify(&message, other.public_key()), Err(CmsError::Signature));
            }
        }
    }
}

#[test]
fn an_absent_content_is_not_an_empty_one() {
    let key = p256();
    let absent = parse(&sign(&key, DigestAlgorithm::Sha256, None, &[]));
    let empty = parse(&sign(&key, DigestAlgorithm::Sha256, Some(b""), &[]));
    assert_eq!((absent.content(), empty.content()), (None, Some(&b""[..])));
    // Both sign the digest of nothing (RFC 8894 section 3.2.2 has PENDING and FAILURE like this).
    assert!(verify(&absent, key.public_key()).is_ok() && verify(&empty, key.public_key()).is_ok());
}

/// The parts of a SignedData, to be put together wrongly.
struct Parts {
    content_type: ObjectIdentifier,
    attributes: Option<Vec<Attribute>>,
    sort_to_send: bool,
    sort_to_sign: bool,
    digest: ObjectIdentifier,
    algorithm: Vec<u8>,
    sign: SignatureAlgorithm,
    id: CertificateId,
    signers: usize,
}

impl Parts {
    fn of(key: &PrivateKey) -> Self {
        let algorithm = key.default_signature_algorithm();
        Self {
            content_type: oid::DATA,
            attributes: Some(vec![
                Attribute::octets(oid::MESSAGE_DIGEST, &DigestAlgorithm::Sha256.digest(CONTENT)),
                Attribute::oid(oid::CONTENT_TYPE, &oid::DATA),
            ]),
            sort_to_send: true,
            sort_to_sign: true,
            digest: oid::SHA256,
            algorithm: algorithm.to_der(),
            sign: algorithm,
            id: certificate(key.public_key(), &[1], None).id(),
            signers: 1,
        }
    }

    fn build(&self, key: &PrivateKey) -> SignedData {
        let attributes: Option<Vec<Vec<u8>>> =
            self.attributes.as_ref().map(|all| all.iter().map(Attribute::to_der).collect());
        let written = |tag: u8, sort: bool, attributes: &[Vec<u8>]| {
            let mut out = Writer::default();
            if sort {
                set_of(&mut out, tag, attributes);
            } else {
                out.nest(tag, |out| attributes.iter().for_each(|der| _ = out.raw(der)));
            }
            out.finish()
        };
        let signed = attributes.as_ref().map_or(CONTENT.to_vec(), |all| written(SET, self.sort_to_sign, all));
        let signature = key.sign_with(self.sign, &signed).unwrap();
        let mut out = Writer::default();
        out.nest(SEQUENCE, |out| {
            out.oid(&oid::SIGNED_DATA).nest(constructed(0), |out| {
                out.nest(SEQUENCE, |out| {
                    out.unsigned(&[1]).nest(SET, |_| ());
                    out.nest(SEQUENCE, |out| {
                        out.oid(&self.content_type);
                        out.nest(constructed(0), |out| _ = out.value(OCTET_STRING, CONTENT));
                    });
                    out.nest(SET, |out| {
                        for _ in 0..self.signers {
                            out.nest(SEQUENCE, |out| {
                                out.unsigned(&[1]);
                                self.id.write(out);
                                out.nest(SEQUENCE, |out| _ = out.oid(&self.digest).value(NULL, &[]));
                                if let Some(all) = &attributes {
                                    out.raw(&written(constructed(0), self.sort_to_send, all));
                                }
                                out.raw(&self.algorithm).value(OCTET_STRING, &signature);
                            });
                        }
                    });
                });
            });
        });
        parse(&out.finish())
    }
}

#[test]
fn attributes_verify_as_they_came_and_as_der_has_them() {
    let key = p256();
    let all = [true, false];
    for (sort_to_send, sort_to_sign) in all.into_iter().flat_map(|send| all.map(|sign| (send, sign))) {
        let message = Parts { sort_to_send, sort_to_sign, ..Parts::of(&key) }.build(&key);
        // Sent in order and signed out of order cannot be known; nobody does it.
        let good = !sort_to_send || sort_to_sign;
        assert_eq!(verify(&message, key.public_key()).is_ok(), good, "{sort_to_send} {sort_to_sign}");
    }
}

#[test]
fn attributes_must_be_there_once() {
    let key = p256();
    let build = |change: &dyn Fn(&mut Vec<Attribute>)| {
        let mut parts = Parts::of(&key);
        change(parts.attributes.as_mut().unwrap());
        let message = parts.build(&key);
        verify(&message, key.public_key()).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(build(&|_| ()), Ok(()));
    type Change<'c> = &'c dyn Fn(&mut Vec<Attribute>);
    let refused: [(Change<'_>, &str); 7] = [
        (&|all| _ = all.remove(0), "attribute messageDigest is missing"),
        (&|all| _ = all.remove(1), "attribute contentType is missing"),
        (&|all| all.push(all[0].clone()), "twice"),
        (&|all| all[0].values.extend_from_within(..), "has 2 values"),
        (&|all| all[0].values.clear(), "has 0 values"),
        (&|all| all[1] = Attribute::oid(oid::CONTENT_TYPE, &oid::SIGNED_DATA), "content type is not that"),
        (&|all| all[0] = Attribute::printable(oid::MESSAGE_DIGEST, "x"), "no octet string"),
    ];
    for (change, why) in refused {
        let error = build(change).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn without_attributes_the_content_itself_is_signed() {
    let key = p256();
    let bare = Parts { attributes: None, ..Parts::of(&key) };
    let message = bare.build(&key);
    assert_eq!(verify(&message, key.public_key()), Ok(SignedAttributes::default()));
    let signer = message.only_signer().unwrap();
    assert_eq!(signer.verify(key.public_key(), b"another", Legacy::default()), Err(CmsError::Signature));
    // RFC 5652 section 5.3: other contents than data need them.
    let message = Parts { content_type: oid::ENVELOPED_DATA, ..bare }.build(&key);
    let error = verify(&message, key.public_key()).unwrap_err().to_string();
    assert!(error.contains("no signed attributes"), "{error}");
}

#[test]
fn the_names_of_algorithms_that_are_seen() {
    let mut short = Writer::default();
    short.nest(SEQUENCE, |out| _ = out.oid(&oid::EC_PUBLIC_KEY));
    let key = p256();
    let message = Parts { algorithm: short.finish(), ..Parts::of(&key) }.build(&key);
    assert!(verify(&message, key.public_key()).is_ok());
    // RSA with its digest in the name, and RSASSA-PSS.
    let key = rsa();
    for algorithm in
        [SignatureAlgorithm::RsaPkcs1Sha256, SignatureAlgorithm::RsaPssSha256, SignatureAlgorithm::RsaPssSha512]
    {
        let parts = Parts { algorithm: algorithm.to_der(), sign: algorithm, ..Parts::of(&key) };
        assert!(verify(&parts.build(&key), key.public_key()).is_ok(), "{algorithm}");
    }
}

#[test]
fn outdated_and_unknown_algorithms_are_told_apart() {
    let key = p256();
    let sha1 = Parts { digest: oid::SHA1, ..Parts::of(&key) }.build(&key);
    let error = verify(&sha1, key.public_key()).unwrap_err();
    assert!(matches!(error, CmsError::Outdated { algorithm: "SHA-1", .. }), "{error}");
    let md5 = ObjectIdentifier::new_unwrap("1.2.840.113549.2.5");
    let error = verify(&Parts { digest: md5, ..Parts::of(&key) }.build(&key), key.public_key()).unwrap_err();
    assert!(matches!(&error, CmsError::UnsupportedAlgorithm { algorithm, .. } if algorithm.contains("MD5")), "{error}");
    // A digest that is allowed does not let SHA-1 in by the signature's name.
    let mut outdated = Writer::default();
    outdated.nest(SEQUENCE, |out| _ = out.oid(&oid::SHA1_WITH_RSA).value(NULL, &[]));
    let message = Parts { algorithm: outdated.finish(), ..Parts::of(&key) }.build(&key);
    assert!(matches!(verify(&message, key.public_key()), Err(CmsError::Outdated { .. })));
    let signer = message.only_signer().unwrap();
    assert_eq!(signer.verify(key.public_key(), CONTENT, Legacy::ALL), Err(CmsError::Signature));
}

#[test]
fn the_signer_is_found_by_either_name() {
    let key = p256();
    let long = certificate(key.public_key(), &[7; 32], Some(b"its key"));
    let other = certificate(rsa().public_key(), &[8], None);
    let broken = &[0x30, 0x03, 0x02, 0x01, 0x01][..];
    let find = |id: CertificateId, certificates: &[&[u8]]| {
        let message = Parts { id, ..Parts::of(&key) }.build(&key);
        let bundle = parse(&degenerate(certificates, &[]));
        bundle.certificate_of(message.only_signer().unwrap())
    };
    // A broken certificate beside it does no harm.
    let all = [broken, other.der(), long.der()];
    assert_eq!(find(long.id(), &all), Ok(long.clone()));
    assert_eq!(find(CertificateId::SubjectKeyId(b"its key".to_vec()), &all), Ok(long.clone()));
    assert!(find(CertificateId::SubjectKeyId(b"another".to_vec()), &all).is_err());
    assert!(find(certificate(key.public_key(), &[9], None).id(), &all).is_err());
    // The same name written as another string type, and a serial number without its leading zero.
    let CertificateId::IssuerAndSerial { issuer, .. } = long.id() else { panic!() };
    let printable = replaced(&issuer, &[0x0c, 6], &[PRINTABLE_STRING, 6]);
    let spelled = CertificateId::IssuerAndSerial { issuer: printable, serial: [&[0][..], &[7; 32]].concat() };
    assert_eq!(find(spelled.clone(), &all), Ok(long));
    let der = spelled.to_issuer_and_serial().unwrap();
    assert_eq!(CertificateId::from_issuer_and_serial(&der), Ok(spelled));
}

#[test]
fn exactly_one_signature() {
    let key = p256();
    for (signers, why) in [(0, "has 0 signatures"), (2, "has 2 signatures")] {
        let error = Parts { signers, ..Parts::of(&key) }.build(&key).only_signer().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn no_bit_of_what_is_signed_can_change() {
    let key = p256();
    let message = sign(&key, DigestAlgorithm::Sha256, Some(CONTENT), &[Attribute::printable(KIND, "19")]);
    let whole = parse(&message);
    let signer = whole.only_signer().unwrap();
    let mut refused = 0;
    for at in 0..message.len() * 8 {
        let mut changed = message.clone();
        changed[at / 8] ^= 1 << (at % 8);
        let Ok(read) = SignedData::parse(&changed, &Limits::default()) else { continue };
        let Ok(one) = read.only_signer() else { continue };
        let verified = one.verify(key.public_key(), read.content().unwrap_or_default(), Legacy::default());
        match verified {
            // What may change: versions, the set of digests, the certificates, the names, all of them not signed.
            Ok(attributes) => {
                assert_eq!(read.content(), Some(CONTENT));
                assert_eq!(attributes, signer.unverified_attributes());
            }
            Err(_) => refused += 1,
        }
    }
    // Content, attributes and signature have about 180 octets; the other changes make no message at all.
    assert!(refused > 1_200, "{refused}");
}

#[test]
fn certificates_and_lists_keep_their_order() {
    let (one, two) = (certificate(p256().public_key(), &[2], None), certificate(p256().public_key(), &[1], None));
    let list = [0x30, 0x00];
    let message = degenerate(&[one.der(), two.der()], &[&list]);
    let read = parse(&message);
    assert_eq!(read.certificates(), [one.der(), two.der()]);
    assert_eq!(read.crls(), [list]);
    assert_eq!((read.content(), read.signers().len()), (None, 0));
    assert!(parse(&degenerate(&[], &[])).certificates().is_empty());
}

#[test]
fn other_messages_are_refused() {
    let limits = Limits::default();
    let (certificate, _) = registration_authority();
    let to = build::To::Certificate { certificate: &certificate, transport: KeyTransport::RsaPkcs1 };
    let enveloped = build::enveloped(&oid::DATA, CONTENT, ContentCipher::Aes128Cbc, &to).unwrap();
    let error = SignedData::parse(&enveloped, &limits).unwrap_err().to_string();
    assert!(error.contains("not SignedData but of the type 1.2.840.113549.1.7.3"), "{error}");
    let signed = sign(&p256(), DigestAlgorithm::Sha256, Some(CONTENT), &[]);
    assert!(EnvelopedData::parse(&signed, &limits).is_err());
    for cut in 0..signed.len() {
        assert!(SignedData::parse(&signed[..cut], &limits).is_err());
    }
    let small = Limits { size: signed.len() - 1, ..limits };
    assert!(matches!(SignedData::parse(&signed, &small), Err(ParseError::TooLarge { .. })));
}
