use super::*;
use crate::tlv::{Writer, constructed};
use crate::{KeyType, PrivateKey};

fn spki(algorithm: impl FnOnce(&mut Writer), key: &[u8]) -> Result<PublicKey, ParseError> {
    let mut writer = Writer::default();
    writer.nest(SEQUENCE, |w| _ = w.nest(SEQUENCE, algorithm).bits(key));
    PublicKey::from_spki_der(&writer.finish())
}

fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, ParseError> {
    let mut key = Writer::default();
    key.nest(SEQUENCE, |w| _ = w.value(INTEGER, modulus).value(INTEGER, exponent));
    spki(|w| _ = w.oid(&oid::RSA_ENCRYPTION).value(NULL, &[]), &key.finish())
}

#[test]
fn hashes_and_identifiers() {
    let key = PrivateKey::generate(KeyType::P256).unwrap().public_key().clone();
    assert_eq!(key.key_hash(), sha256(key.spki_der()));
    assert_eq!(key.key_id(), sha256(&key.spki_der()[26..])[..20]);
    assert_eq!((key.name(), key.bits()), ("ECDSA", 256));
    assert!(key.to_pem().starts_with("-----BEGIN PUBLIC KEY-----"));
}

#[test]
fn rsa_numbers_must_be_der() {
    assert_eq!(rsa_key(&[1; 256], &[3]).unwrap().bits(), 2041);
    for (modulus, word) in [
        (&[0xff, 1][..], "negative"),
        (&[0, 1], "longer than needed"),
        (&[], "empty"),
        (&[0], "zero"),
        (&[1; 2049], "16384"),
    ] {
        let error = rsa_key(modulus, &[3]).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn an_rsa_key_is_its_modulus() {
    let key = |modulus: u8, exponent: &[u8]| rsa_key(&[modulus; 256], exponent).unwrap();
    assert_eq!(key(1, &[1, 0, 1]).identity(), key(1, &[1, 0, 3]).identity());
    assert_ne!(key(1, &[1, 0, 1]).key_hash(), key(1, &[1, 0, 3]).key_hash());
    assert_ne!(key(1, &[1, 0, 1]).identity(), key(3, &[1, 0, 1]).identity());
    let ec = PrivateKey::generate(KeyType::P256).unwrap().public_key().clone();
    assert_eq!(ec.identity(), ec.key_hash());
}

#[test]
fn an_rsa_key_has_one_encoding() {
    let good = rsa_key(&[1; 256], &[1, 0, 1]).unwrap();
    let error = spki(|w| _ = w.oid(&oid::RSA_ENCRYPTION), good.key_bits()).unwrap_err().to_string();
    assert!(error.contains("write NULL"), "{error}");
    assert!(spki(|w| _ = w.oid(&oid::RSA_ENCRYPTION).value(NULL, &[0]), good.key_bits()).is_err());
}

#[test]
fn other_keys_are_refused_by_name() {
    let error = spki(|w| _ = w.oid(&oid::RSASSA_PSS), &[0]).unwrap_err().to_string();
    assert!(error.contains("1.2.840.113549.1.1.10"), "{error}");
    let x25519 = ObjectIdentifier::new_unwrap("1.3.101.110");
    assert!(spki(|w| _ = w.oid(&x25519), &[1; 32]).unwrap_err().to_string().contains("X25519"));
    assert!(spki(|w| _ = w.oid(&oid::ED25519), &[1; 31]).unwrap_err().to_string().contains("32 octets"));
    assert!(spki(|w| _ = w.oid(&oid::ED25519).value(NULL, &[]), &[1; 32]).is_err());
    assert!(spki(|w| _ = w.oid(&oid::EC_PUBLIC_KEY), &[4; 65]).unwrap_err().to_string().contains("no curve"));
    let error = spki(|w| _ = w.oid(&oid::EC_PUBLIC_KEY).nest(SEQUENCE, |_| {}), &[4; 65]).unwrap_err().to_string();
    assert!(error.contains("name the curve"), "{error}");
    assert!(spki(|w| _ = w.oid(&oid::EC_PUBLIC_KEY).oid(&oid::SECP384R1), &[4; 65]).is_err());
    assert!(spki(|w| _ = w.oid(&oid::EC_PUBLIC_KEY).oid(&oid::SECP256R1), &[6; 65]).is_err());
    assert!(spki(|w| _ = w.oid(&oid::RSA_ENCRYPTION).nest(constructed(0), |_| {}), &[]).is_err());
}

#[test]
fn the_parts_make_the_same_key() {
    for key_type in [KeyType::P256, KeyType::P384, KeyType::P521] {
        let key = PrivateKey::generate(key_type).unwrap().public_key().clone();
        let (x, y) = key.key_bits()[1..].split_at(key.key_bits().len() / 2);
        assert_eq!(PublicKey::from_point(key.algorithm(), x, y).unwrap(), key);
        assert!(PublicKey::from_point(key.algorithm(), &x[1..], y).is_err());
    }
    let key = PrivateKey::generate(KeyType::Ed25519).unwrap().public_key().clone();
    assert_eq!(PublicKey::from_ed25519(key.key_bits()).unwrap(), key);
    assert!(PublicKey::from_ed25519(&key.key_bits()[1..]).is_err());
    assert!(PublicKey::from_point(KeyAlgorithm::Ed25519, &[1; 32], &[1; 32]).is_err());
    let key = PrivateKey::generate(KeyType::Rsa(2048)).unwrap().public_key().clone();
    let Material::Rsa { modulus, exponent } = key.material() else { panic!("an RSA key") };
    assert_eq!(PublicKey::from_rsa(modulus, exponent).unwrap(), key);
    assert!(PublicKey::from_rsa(&[0, 0], exponent).is_err());
    assert!(PublicKey::from_rsa(&[1; 2049], exponent).is_err());
}
