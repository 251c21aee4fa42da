use aws_lc_rs::digest::{SHA256, digest};

use super::*;

const SERIAL_NUMBER: &[u64] = &[1, 2, 840, 113635, 100, 8, 9, 1];
const UDID: &[u64] = &[1, 2, 840, 113635, 100, 8, 9, 2];
const FRESHNESS: &[u64] = &[1, 2, 840, 113635, 100, 8, 11, 1];

fn fresh(token: &str) -> CustomExtension {
    extension(FRESHNESS, digest(&SHA256, token.as_bytes()).as_ref())
}

fn good() -> Vec<CustomExtension> {
    vec![extension(SERIAL_NUMBER, b"C02XG0FHJG5H"), extension(UDID, b"00008030-001"), fresh(TOKEN)]
}

fn attest(maker: &Maker, extensions: Vec<CustomExtension>) -> Vec<u8> {
    let leaf = maker.issue(&KeyPair::generate().unwrap(), extensions);
    object_of("apple", vec![("x5c", maker.x5c(&leaf))])
}

#[test]
fn serial_number_and_udid_are_proved() {
    let maker = Maker::new();
    let key = KeyPair::generate().unwrap();
    let leaf = maker.issue(&key, good());
    let object = object_of("apple", vec![("x5c", maker.x5c(&leaf))]);
    let proof = verdict(&maker.roots("apple"), &object, "C02XG0FHJG5H").unwrap();
    assert_eq!(proof, Proof { attested_key: Some(spki(&key)), ..Proof::default() });
    verdict(&maker.roots("apple"), &object, "00008030-001").unwrap();
}

#[test]
fn another_device_is_refused() {
    let maker = Maker::new();
    for other in ["C02XG0FHJG5", "c02xg0fhjg5h", "", "C02XG0FHJG5H "] {
        let failed = verdict(&maker.roots("apple"), &attest(&maker, good()), other).unwrap_err();
        assert_eq!(failed.problem.kind, ProblemType::BadAttestationStatement);
        assert_eq!(failed.problem.subproblems[0].kind, ProblemType::RejectedIdentifier);
        assert_eq!(failed.problem.subproblems[0].identifier, Some(Identifier::PermanentIdentifier(other.to_owned())));
    }
    // Without any name, even that of the empty text.
    let nameless = attest(&maker, vec![extension(SERIAL_NUMBER, b""), fresh(TOKEN)]);
    assert!(
        verdict(&maker.roots("apple"), &nameless, "").unwrap_err().problem.detail.contains("nothing that identifies")
    );
}

#[test]
fn a_statement_for_another_challenge_is_refused() {
    let maker = Maker::new();
    let roots = maker.roots("apple");
    let named = || extension(SERIAL_NUMBER, b"C02XG0FHJG5H");
    for extensions in [
        vec![named()],
        vec![named(), fresh("another token")],
        vec![named(), fresh(KEY_AUTHORIZATION)],
        vec![named(), extension(FRESHNESS, b"")],
        vec![named(), extension(FRESHNESS, &der(4, digest(&SHA256, TOKEN.as_bytes()).as_ref()))],
    ] {
        assert!(refused(&roots, &attest(&maker, extensions)).contains("freshness code"));
    }
}

#[test]
fn only_the_formats_own_roots_count() {
    let (maker, other) = (Maker::new(), Maker::new());
    let object = attest(&maker, good());
    for roots in [other.roots("apple"), Roots::load(&AttestationConfig::default()).unwrap()] {
        assert!(refused(&roots, &object).contains("do not lead to a root"));
    }
    assert!(refused(&maker.roots("tpm"), &object).contains("trusts no root"));
}

#[test]
fn the_chain_must_hold() {
    let maker = Maker::new();
    let roots = maker.roots("apple");
    let key = KeyPair::generate().unwrap();
    let leaf = maker.issue(&key, good());
    // Without what leads to the root.
    let alone = object_of("apple", vec![("x5c", Value::Array(vec![bytes(&leaf)]))]);
    assert!(refused(&roots, &alone).contains("do not lead to a root"));
    let mut broken = leaf.clone();
    *broken.last_mut().unwrap() ^= 1;
    assert!(refused(&roots, &object_of("apple", vec![("x5c", maker.x5c(&broken))])).contains("do not lead to a root"));
    // Whoever has a certificate of a device is no CA.
    let device = Issuer::new(CertificateParams::default(), key);
    let mut params = CertificateParams::default();
    params.custom_extensions = good();
    let forged = params.signed_by(&KeyPair::generate().unwrap(), &device).unwrap().der().to_vec();
    let chain = Value::Array(vec![bytes(&forged), bytes(&leaf), bytes(&maker.intermediate)]);
    assert!(refused(&roots, &object_of("apple", vec![("x5c", chain)])).contains("do not lead to a root"));
    // Out of its time.
    let over = maker.issue_with(&KeyPair::generate().unwrap(), |params| {
        params.custom_extensions = good();
        params.not_after = rcgen::date_time_ymd(2026, 11, 23);
    });
    assert!(refused(&roots, &object_of("apple", vec![("x5c", maker.x5c(&over))])).contains("do not lead to a root"));
}
