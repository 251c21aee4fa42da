//! With a stand-in attester: a maker with a root of its own, whose devices say what a test wants.

mod android_key;
mod apple;
mod step;
mod tpm;

use chancery_acme::ChallengeType;
use chancery_pki::PrivateKey;
use ciborium::Value;
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::TrustAnchor;
use serde_json::json;

use super::*;
use crate::testing::{KEY_AUTHORIZATION, TOKEN, attempt, now};

/// A maker: a root, and a CA below it.
struct Maker {
    root: Vec<u8>,
    intermediate: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Maker {
    fn new() -> Self {
        let ca = |name: &str| {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, name);
            params
        };
        let root_key = KeyPair::generate().unwrap();
        let root = ca("Root").self_signed(&root_key).unwrap().der().to_vec();
        let root_issuer = Issuer::new(ca("Root"), root_key);
        let key = KeyPair::generate().unwrap();
        let intermediate = ca("Maker").signed_by(&key, &root_issuer).unwrap().der().to_vec();
        Self { root, intermediate, issuer: Issuer::new(ca("Maker"), key) }
    }

    /// A device's certificate with these extensions.
    fn issue(&self, key: &KeyPair, extensions: Vec<CustomExtension>) -> Vec<u8> {
        self.issue_with(key, |params| params.custom_extensions = extensions)
    }

    fn issue_with(&self, key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        change(&mut params);
        params.signed_by(key, &self.issuer).unwrap().der().to_vec()
    }

    fn anchors(&self) -> Vec<TrustAnchor<'static>> {
        vec![webpki::anchor_from_trusted_cert(&self.root.as_slice().into()).unwrap().to_owned()]
    }

    /// Only one format's roots have this maker's.
    fn roots(&self, format: &str) -> Roots {
        let of = |other: &str| if other == format { self.anchors() } else { Vec::new() };
        Roots { apple: of("apple"), tpm: of("tpm"), android_key: of("android-key"), step: of("step") }
    }

    fn x5c(&self, leaf: &[u8]) -> Value {
        Value::Array(vec![bytes(leaf), bytes(&self.intermediate)])
    }
}

fn bytes(octets: &[u8]) -> Value {
    Value::Bytes(octets.to_vec())
}

fn object_of(format: &str, statement: Vec<(&str, Value)>) -> Vec<u8> {
    let text = |text: &str| Value::Text(text.to_owned());
    let statement = statement.into_iter().map(|(name, value)| (text(name), value)).collect();
    encode(&Value::Map(vec![
        (text("fmt"), text(format)),
        (text("attStmt"), Value::Map(statement)),
        (text("authData"), bytes(b"ignored")),
    ]))
}

fn encode(value: &Value) -> Vec<u8> {
    let mut octets = Vec::new();
    ciborium::ser::into_writer(value, &mut octets).unwrap();
    octets
}

/// A DER element with a tag of one octet.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match u8::try_from(content.len()) {
        Ok(short @ 0..=127) => vec![short],
        Ok(long) => vec![0x81, long],
        Err(_) => [&[0x82], &u16::try_from(content.len()).unwrap().to_be_bytes()[..]].concat(),
    };
    [&[tag], &length[..], content].concat()
}

fn sign(key: &KeyPair, message: &[u8]) -> Vec<u8> {
    PrivateKey::from_pkcs8_der(&key.serialize_der()).unwrap().sign(message).unwrap()
}

fn spki(key: &KeyPair) -> Vec<u8> {
    PrivateKey::from_pkcs8_der(&key.serialize_der()).unwrap().public_key().spki_der().to_vec()
}

fn extension(oid: &[u64], content: &[u8]) -> CustomExtension {
    CustomExtension::from_oid_content(oid, content.to_vec())
}

/// What is said of an object by which `identifier` is to be proved.
fn verdict(roots: &Roots, object: &[u8], identifier: &str) -> Result<Proof, AttemptFailed> {
    let mut attempt = attempt(ChallengeType::DeviceAttest01, "unused");
    attempt.identifier = Identifier::PermanentIdentifier(identifier.to_owned());
    attempt.payload = Some(json!({ "attObj": URL_SAFE_NO_PAD.encode(object) }));
    validate(roots, &attempt, now())
}

fn refused(roots: &Roots, object: &[u8]) -> String {
    let failed = verdict(roots, object, "C02XG0FHJG5H").unwrap_err();
    assert_eq!((failed.problem.kind, failed.worth_retrying), (ProblemType::BadAttestationStatement, false));
    failed.problem.detail
}

#[test]
fn the_built_in_roots_are_read() {
    let roots = Roots::load(&AttestationConfig::default()).unwrap();
    let counts = [&roots.apple, &roots.tpm, &roots.android_key, &roots.step].map(Vec::len);
    assert_eq!(counts, [1, 0, 2, 2]);
}

#[test]
fn configured_roots_take_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    std::fs::write(&file, include_str!("../../roots/yubico.pem")).unwrap();
    let config = AttestationConfig { apple: vec![file.clone()], tpm: vec![file], ..AttestationConfig::default() };
    let roots = Roots::load(&config).unwrap();
    assert_eq!((roots.apple.len(), roots.tpm.len(), roots.android_key.len()), (2, 2, 2));
    let missing = AttestationConfig { apple: vec![folder.path().join("none.pem")], ..AttestationConfig::default() };
    assert!(Roots::load(&missing).err().unwrap().to_string().contains("none.pem"));
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    assert!(Roots::load(&AttestationConfig { step: vec![empty], ..AttestationConfig::default() }).is_err());
}

#[test]
fn an_answer_without_an_attestation_is_refused() {
    let roots = Maker::new().roots("apple");
    let mut attempt = attempt(ChallengeType::DeviceAttest01, "unused");
    attempt.identifier = Identifier::PermanentIdentifier("C02XG0FHJG5H".to_owned());
    for payload in [
        None,
        Some(json!({})),
        Some(json!({ "attObj": 1 })),
        Some(json!({ "attObj": "" })),
        Some(json!({ "attObj": "e30" })),
        Some(json!({ "attObj": "not base64" })),
        Some(json!({ "attObj": "oA==" })),
        Some(json!({ "error": "no attestation" })),
    ] {
        attempt.payload = payload.clone();
        let failed = validate(&roots, &attempt, now()).unwrap_err();
        assert_eq!(failed.problem.kind, ProblemType::BadAttestationStatement, "{payload:?}");
    }
    attempt.identifier = Identifier::Dns("www.example.com".to_owned());
    let failed = validate(&roots, &attempt, now()).unwrap_err();
    assert_eq!(failed.problem.kind, ProblemType::UnsupportedIdentifier);
}

#[test]
fn broken_objects_are_refused() {
    let roots = Maker::new().roots("apple");
    let text = |text: &str| Value::Text(text.to_owned());
    let map = |members: &[(&str, Value)]| {
        encode(&Value::Map(members.iter().map(|(name, value)| (text(name), value.clone())).collect()))
    };
    let empty = Value::Map(Vec::new());
    let mut deep = empty.clone();
    for _ in 0..20 {
        deep = Value::Array(vec![deep]);
    }
    for (object, why) in [
        (encode(&Value::Null), "no map"),
        (map(&[("attStmt", empty.clone())]), "no fmt"),
        (map(&[("fmt", bytes(b"apple")), ("attStmt", empty.clone())]), "no fmt"),
        (map(&[("fmt", text("apple"))]), "no attStmt"),
        (map(&[("fmt", text("apple")), ("attStmt", Value::Null)]), "no attStmt"),
        (map(&[("fmt", text("apple")), ("fmt", text("tpm")), ("attStmt", empty.clone())]), "fmt comes twice"),
        (map(&[("fmt", text("packed")), ("attStmt", empty.clone())]), "none of apple"),
        (map(&[("fmt", text("none")), ("attStmt", empty.clone())]), "none of apple"),
        (map(&[("fmt", text("apple")), ("attStmt", empty.clone())]), "no x5c"),
        (map(&[("fmt", text("apple")), ("attStmt", empty), ("authData", deep)]), "well-formed"),
        ([map(&[("fmt", text("apple"))]), vec![0]].concat(), "behind its end"),
        // An array that says to have 2^63 elements.
        (vec![0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0], "well-formed"),
        (vec![0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0], "well-formed"),
        (object_of("apple", vec![("x5c", Value::Array(Vec::new()))]), "no x5c"),
        (object_of("apple", vec![("x5c", Value::Array(vec![Value::Null]))]), "no x5c"),
        (object_of("apple", vec![("x5c", Value::Array(vec![bytes(&[0x30, 0]); 9]))]), "no x5c"),
        (object_of("apple", vec![("x5c", Value::Array(vec![bytes(&[0x30, 0])]))]), "first certificate"),
    ] {
        let told = refused(&roots, &object);
        assert!(told.contains(why), "{why:?}: {told}");
    }
}

proptest! {
    #[test]
    fn no_object_panics(object in proptest::collection::vec(any::<u8>(), 0..128)) {
        let roots = Roots::load(&AttestationConfig::default()).unwrap();
        let asked = Asked { token: TOKEN, key_authorization: KEY_AUTHORIZATION, now: now() };
        prop_assert!(judge(&roots, &object, asked).is_err());
    }
}
