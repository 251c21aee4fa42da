use super::*;

#[test]
fn identifiers_go_both_ways() {
    for algorithm in SignatureAlgorithm::ALL {
        assert_eq!(SignatureAlgorithm::from_der(&algorithm.to_der()).unwrap(), algorithm);
    }
    assert_eq!(SignatureAlgorithm::Ed25519.to_der(), [0x30, 5, 6, 3, 0x2b, 0x65, 0x70]);
}

#[test]
fn spellings_that_are_taken() {
    // RFC 4055: RSA without NULL, and PSS digests without NULL.
    let mut writer = Writer::default();
    writer.nest(SEQUENCE, |w| _ = w.oid(&oid::SHA256_WITH_RSA));
    assert_eq!(SignatureAlgorithm::from_der(&writer.finish()), Ok(SignatureAlgorithm::RsaPkcs1Sha256));
    let short = &pss_spellings(SignatureAlgorithm::RsaPssSha512)[1];
    assert_eq!(SignatureAlgorithm::from_der(short), Ok(SignatureAlgorithm::RsaPssSha512));
}

#[test]
fn others_are_refused() {
    let with = |oid: &str, rest: &[u8]| {
        let mut writer = Writer::default();
        writer.nest(SEQUENCE, |w| _ = w.oid(&ObjectIdentifier::new_unwrap(oid)).raw(rest));
        SignatureAlgorithm::from_der(&writer.finish()).unwrap_err().to_string()
    };
    assert!(with("1.2.840.113549.1.1.5", &[5, 0]).contains("SHA-1"));
    assert!(with("1.2.840.113549.1.1.4", &[5, 0]).contains("MD5"));
    assert!(with("1.2.840.113549.1.1.10", &[]).contains("RSASSA-PSS"));
    assert!(with("1.2.840.10045.4.3.2", &[5, 0]).contains("left after"));
    assert!(with("1.3.101.112", &[5, 0]).contains("left after"));
    assert!(with("2.16.840.1.101.3.4.3.18", &[]).contains("ML-DSA-65"));
}

#[test]
fn key_types_by_name() {
    for (text, kind) in [
        ("rsa-2048", KeyType::Rsa(2048)),
        ("RSA4096", KeyType::Rsa(4096)),
        ("p-256", KeyType::P256),
        ("P384", KeyType::P384),
        ("ecdsa-p256", KeyType::P256),
        ("ecdsa-p-521", KeyType::P521),
        ("secp384r1", KeyType::P384),
        ("prime256v1", KeyType::P256),
        ("Ed25519", KeyType::Ed25519),
    ] {
        assert_eq!(text.parse::<KeyType>(), Ok(kind), "{text}");
        assert_eq!(kind.to_string().parse::<KeyType>(), Ok(kind));
    }
    for text in ["", "rsa", "rsa-1024", "rsa-9000", "p-224", "ed448", "rsa-x"] {
        assert!(text.parse::<KeyType>().unwrap_err().to_string().contains("use rsa-2048"), "{text}");
    }
}
