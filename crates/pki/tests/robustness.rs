//! No foreign bytes make a public parse function panic: random ones, and good ones with bytes changed, cut or doubled.

use chancery_pki::cms::{EnvelopedData, Legacy, Limits, SignedData, normalise};
use chancery_pki::{
    Certificate, Crl, Csr, GeneralName, Name, PrivateKey, PublicKey, SignatureAlgorithm, parse_certs_only,
};
use proptest::prelude::*;

const SEEDS: [&[u8]; 12] = [
    include_bytes!("../fixtures/p256.csr"),
    include_bytes!("../fixtures/all-names.csr"),
    include_bytes!("../fixtures/pss.csr"),
    include_bytes!("../fixtures/ca.crt"),
    include_bytes!("../fixtures/leaf.crt"),
    include_bytes!("../fixtures/openssl.crl"),
    include_bytes!("../fixtures/p256.key"),
    include_bytes!("../fixtures/certs-only.p7"),
    include_bytes!("../fixtures/cms/j_req.der"),
    include_bytes!("../fixtures/cms/go_req.der"),
    include_bytes!("../fixtures/cms/sscep_req.der"),
    include_bytes!("../fixtures/rsa-good.pem"),
];

/// A seed without its PEM, so that changes reach the DER.
fn der(seed: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let Ok(text) = std::str::from_utf8(seed) else { return seed.to_vec() };
    let body: String =
        text.lines().skip_while(|line| !line.starts_with("-----B")).filter(|line| !line.starts_with("--")).collect();
    base64::engine::general_purpose::STANDARD.decode(body).expect("the fixtures are PEM")
}

fn feed(bytes: &[u8]) {
    if let Ok(csr) = Csr::parse(bytes) {
        assert_eq!(Csr::parse(csr.to_pem().as_bytes()).expect("what was read once is read again"), csr);
    }
    let _ = Csr::from_der(bytes);
    if let Ok(certificate) = Certificate::parse(bytes) {
        let _ = certificate.verify_signed_by(certificate.public_key());
        let _ = (certificate.subject().to_string(), certificate.subject().normalised());
        assert_eq!(Certificate::parse(certificate.to_pem().as_bytes()).expect("read once"), certificate);
    }
    if let Ok(crl) = Crl::parse(bytes) {
        assert_eq!(crl.entries().count(), crl.len());
    }
    if let Ok(name) = Name::from_der(bytes) {
        let _ = (name.to_string(), name.normalised());
    }
    let _ = SignatureAlgorithm::from_der(bytes);
    let _ = parse_certs_only(bytes);
    feed_cms(bytes);
    let _ = PrivateKey::from_pkcs8_der(bytes);
    if let Ok(key) = PublicKey::from_spki_der(bytes) {
        let _ = chancery_pki::key_check::KeyChecks::default().check(&key);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Certificate::all_from_pem(text);
        let _ = PrivateKey::from_pkcs8_pem(text);
        let _ = (text.parse::<Name>(), text.parse::<GeneralName>());
    }
}

fn feed_cms(bytes: &[u8]) {
    let limits = Limits::default();
    if let Ok(der) = normalise(bytes, &limits) {
        assert_eq!(normalise(&der, &limits), Ok(der));
    }
    let _ = EnvelopedData::parse(bytes, &limits);
    let Ok(signed) = SignedData::parse(bytes, &limits) else { return };
    for signer in signed.signers() {
        if let Ok(key) = signed.certificate_of(signer).and_then(|certificate| certificate.public_key()) {
            let _ = signer.verify(&key, signed.content().unwrap_or_default(), Legacy::ALL);
        }
    }
    if let Some(content) = signed.content() {
        let _ = EnvelopedData::parse(content, &limits);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        feed(&bytes);
    }

    #[test]
    fn random_bytes_in_a_sequence(bytes in prop::collection::vec(any::<u8>(), 128..600)) {
        let length = u16::try_from(bytes.len()).expect("below 600").to_be_bytes();
        feed(&[&[0x30, 0x82], &length[..], &bytes].concat());
    }

    #[test]
    fn changed_bytes(
        seed in prop::sample::select(SEEDS.to_vec()),
        raw in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6),
    ) {
        let mut bytes = if raw { seed.to_vec() } else { der(seed) };
        for (at, value, kind) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = value,
                1 => _ = bytes.remove(at),
                _ => bytes.insert(at, value),
            }
        }
        feed(&bytes);
    }

    #[test]
    fn cut_bytes(seed in prop::sample::select(SEEDS.to_vec()), at in any::<prop::sample::Index>()) {
        let bytes = der(seed);
        feed(&bytes[..at.index(bytes.len())]);
    }
}
