use std::time::Instant;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::*;
use crate::tlv::{SEQUENCE, Writer};
use crate::{KeyType, PrivateKey, armour, oid};

macro_rules! key {
    ($name:literal) => {
        pem(include_str!(concat!("../../fixtures/", $name)))
    };
}

fn pem(text: &str) -> PublicKey {
    PublicKey::from_spki_der(&armour::blocks("key", text).unwrap().remove(0).1).unwrap()
}

fn fault(key: &PublicKey) -> KeyFault {
    KeyChecks::default().check(key).expect_err("a bad key")
}

#[test]
fn good_keys_pass() {
    assert_eq!(KeyChecks::default().check(&key!("rsa-good.pem")), Ok(()));
    for kind in [KeyType::Rsa(2048), KeyType::P256, KeyType::P384, KeyType::P521, KeyType::Ed25519] {
        for _ in 0..3 {
            let key = PrivateKey::generate(kind).unwrap();
            assert_eq!(KeyChecks::default().check(key.public_key()), Ok(()), "{kind}");
        }
    }
}

#[test]
fn each_rsa_rule() {
    assert_eq!(fault(&key!("size-2047.pem")), KeyFault::Size { bits: 2047 });
    assert_eq!(fault(&key!("even-modulus.pem")), KeyFault::EvenModulus);
    assert_eq!(fault(&key!("small-factor-751.pem")), KeyFault::SmallFactor { prime: 751 });
    assert_eq!(fault(&key!("roca.pem")), KeyFault::Roca);
    assert_eq!(fault(&key!("roca-2.pem")), KeyFault::Roca);
    assert_eq!(fault(&key!("close-primes.pem")), KeyFault::ClosePrimes);
    assert_eq!(fault(&key!("close-primes-late.pem")), KeyFault::ClosePrimes);
    assert_eq!(KeyChecks::default().check(&key!("close-primes-beyond.pem")), Ok(()));
    for (key, shown) in [
        (key!("exponent-1.pem"), "1"),
        (key!("exponent-3.pem"), "3"),
        (key!("exponent-65536.pem"), "65536"),
        (key!("exponent-2e32plus1.pem"), "4294967297"),
        (key!("exponent-2e256plus1.pem"), "a number of 257 bits"),
    ] {
        assert_eq!(fault(&key), KeyFault::Exponent { exponent: shown.into() });
    }
    for (exponent, good) in [(65537u64, true), (65539, true), ((1 << 32) - 1, true), (1 << 32, false)] {
        assert_eq!(check_exponent(&exponent.to_be_bytes()).is_ok(), good, "{exponent}");
    }
}

#[test]
fn debian_weak_keys_are_blocked() {
    let list = include_str!("../../fixtures/debian.blacklist");
    let checks = KeyChecks { blocked: Some(Arc::new(BlockedKeys::parse(list).unwrap())) };
    for key in [key!("debian-a.pem"), key!("debian-b.pem"), key!("debian-c.pem")] {
        assert!(matches!(checks.check(&key), Err(KeyFault::Blocked { list }) if list.contains("Debian")));
    }
    assert_eq!(checks.check(&key!("rsa-good.pem")), Ok(()));
}

#[test]
fn keys_are_blocked_by_the_hash_of_their_spki() {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let text = format!("# known to others\n\n {} # this one\n", crate::serial::hex(&key.public_key().key_hash()));
    let blocked = BlockedKeys::parse(&text).unwrap();
    assert_eq!(blocked.len(), 1);
    assert!(blocked.contains(key.public_key()));
    let checks = KeyChecks { blocked: Some(Arc::new(blocked)) };
    assert!(matches!(checks.check(key.public_key()), Err(KeyFault::Blocked { .. })));
}

/// Another exponent is no other key: who can factor the modulus has both.
#[test]
fn rsa_keys_are_blocked_by_their_modulus() {
    let key = key!("rsa-good.pem");
    let Material::Rsa { modulus, exponent } = key.material() else { panic!("it is an RSA key") };
    assert_eq!(exponent, &[1, 0, 1]);
    let mut pkcs1 = Writer::default();
    pkcs1.nest(SEQUENCE, |w| _ = w.unsigned(modulus).unsigned(&[1, 0, 3]));
    let other = PublicKey::from_spki_der(&crate::private_key::rsa_spki(&pkcs1.finish())).unwrap();
    assert_ne!(key.key_hash(), other.key_hash());
    let line = format!("Modulus={}\n", crate::serial::hex(modulus).to_ascii_uppercase());
    let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, line.as_bytes());
    let sha1 = crate::serial::hex(sha1.as_ref());
    for entry in [crate::serial::hex(&key.key_hash()), crate::serial::hex(&key.identity()), sha1[20..].to_owned(), sha1]
    {
        let blocked = BlockedKeys::parse(&entry).unwrap();
        assert!(blocked.contains(&key) && blocked.contains(&other), "{entry}");
        assert!(!blocked.contains(&key!("debian-a.pem")), "{entry}");
    }
}

#[test]
fn a_bad_line_is_told_and_nothing_is_loaded() {
    let mut keys = BlockedKeys::new();
    let error = keys.load(&format!("{}\nnonsense", "ab".repeat(32))).unwrap_err();
    assert_eq!(error.line, 2);
    assert!(keys.is_empty());
    assert!(BlockedKeys::parse("abcd").is_err());
}

fn ec(curve: &const_oid::ObjectIdentifier, point: &[u8]) -> PublicKey {
    let mut writer = Writer::default();
    writer.nest(SEQUENCE, |w| {
        w.nest(SEQUENCE, |w| _ = w.oid(&oid::EC_PUBLIC_KEY).oid(curve)).bits(point);
    });
    PublicKey::from_spki_der(&writer.finish()).unwrap()
}

#[test]
fn points_off_the_curve() {
    for (kind, curve, name) in [
        (KeyType::P256, oid::SECP256R1, "P-256"),
        (KeyType::P384, oid::SECP384R1, "P-384"),
        (KeyType::P521, oid::SECP521R1, "P-521"),
    ] {
        let good = PrivateKey::generate(kind).unwrap().public_key().key_bits().to_vec();
        let mut off = good.clone();
        *off.last_mut().unwrap() ^= 1;
        assert_eq!(fault(&ec(&curve, &off)), KeyFault::NotOnCurve { curve: name });
        let zero = [&[4], &vec![0; good.len() - 1][..]].concat();
        assert_eq!(fault(&ec(&curve, &zero)), KeyFault::NotOnCurve { curve: name });
        // Coordinates that are no field elements.
        let large = [&[4], &vec![0xff; good.len() - 1][..]].concat();
        assert_eq!(fault(&ec(&curve, &large)), KeyFault::NotOnCurve { curve: name });
        assert_eq!(fault(&ec(&curve, &[0])), KeyFault::Infinity { curve: name });
    }
}

fn ed25519(point: &str) -> PublicKey {
    let mut writer = Writer::default();
    writer.nest(SEQUENCE, |w| {
        w.nest(SEQUENCE, |w| _ = w.oid(&oid::ED25519)).bits(&crate::serial::unhex(point).unwrap());
    });
    PublicKey::from_spki_der(&writer.finish()).unwrap()
}

/// The points of small order and the non-canonical encodings of Chalkias et al., "Taming the many EdDSAs", SSR 2020.
#[test]
fn ed25519_points_of_small_order() {
    for point in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ] {
        assert_eq!(fault(&ed25519(point)), KeyFault::SmallOrder, "{point}");
    }
    for point in [
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ] {
        assert_eq!(fault(&ed25519(point)), KeyFault::NotCanonical, "{point}");
    }
    let off = "0200000000000000000000000000000000000000000000000000000000000000";
    assert_eq!(fault(&ed25519(off)), KeyFault::NotOnCurve { curve: "Ed25519" });
}

#[test]
fn small_primes_end_at_751() {
    assert_eq!(SMALL_PRIMES.first(), Some(&3));
    assert_eq!(SMALL_PRIMES.last(), Some(&751));
    for prime in SMALL_PRIMES {
        let product = BigUint::from(prime) * BigUint::parse_bytes(&[b'7'; 300], 10).unwrap();
        let first = small_factor(&product.to_bytes_be()).unwrap();
        assert!(first <= prime && (&product % first) == BigUint::ZERO);
    }
}

/// reliability A7 wants 1 ms for RSA-2048; a debug build on a busy machine gets ten times that.
#[test]
fn the_checks_are_fast() {
    let key = key!("rsa-good.pem");
    let checks = KeyChecks::default();
    let best = (0..20)
        .map(|_| {
            let start = Instant::now();
            checks.check(&key).unwrap();
            start.elapsed()
        })
        .min()
        .unwrap();
    assert!(best.as_micros() < 10_000, "{best:?}");
}
