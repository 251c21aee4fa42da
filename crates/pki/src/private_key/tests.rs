use super::*;
use crate::SignatureError;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name))
    };
}

#[test]
fn generated_keys_sign_and_come_back() {
    for kind in [KeyType::Rsa(2048), KeyType::P256, KeyType::P384, KeyType::P521, KeyType::Ed25519] {
        let key = PrivateKey::generate(kind).unwrap();
        assert_eq!(key.public_key().algorithm().key_type(), kind);
        let again = PrivateKey::from_pkcs8_der(&key.to_pkcs8_der()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(PrivateKey::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap().public_key(), key.public_key());
        let signature = again.sign(b"message").unwrap();
        let algorithm = key.default_signature_algorithm();
        assert_eq!(key.public_key().verify(algorithm, b"message", &signature), Ok(()));
        assert_eq!(key.public_key().verify(algorithm, b"massage", &signature), Err(SignatureError::Invalid));
        let other =
            if kind == KeyType::Ed25519 { SignatureAlgorithm::EcdsaSha256 } else { SignatureAlgorithm::Ed25519 };
        assert!(matches!(key.public_key().verify(other, b"message", &signature), Err(SignatureError::WrongKey { .. })));
    }
}

#[test]
fn rsa_keys_sign_by_other_algorithms_too() {
    let key = PrivateKey::from_pkcs8_pem(fixture!("rsa.key")).unwrap();
    for algorithm in [
        SignatureAlgorithm::RsaPkcs1Sha256,
        SignatureAlgorithm::RsaPkcs1Sha384,
        SignatureAlgorithm::RsaPkcs1Sha512,
        SignatureAlgorithm::RsaPssSha256,
        SignatureAlgorithm::RsaPssSha384,
        SignatureAlgorithm::RsaPssSha512,
    ] {
        assert!(key.signs_with(algorithm));
        let signature = key.sign_with(algorithm, b"m").unwrap();
        assert_eq!(key.public_key().verify(algorithm, b"m", &signature), Ok(()));
    }
    let curve = PrivateKey::from_pkcs8_pem(fixture!("p384.key")).unwrap();
    for (key, other) in [(&key, SignatureAlgorithm::EcdsaSha256), (&curve, SignatureAlgorithm::EcdsaSha256)] {
        assert!(!key.signs_with(other));
        assert!(key.sign_with(other, b"m").unwrap_err().0.contains("does not sign with SHA256withECDSA"));
    }
    assert!(curve.signs_with(SignatureAlgorithm::EcdsaSha384));
    assert!(curve.sign_with(SignatureAlgorithm::EcdsaSha384, b"m").is_ok());
}

#[test]
fn keys_made_by_openssl() {
    for (pem, kind) in [
        (fixture!("rsa.key"), KeyType::Rsa(3072)),
        (fixture!("p256.key"), KeyType::P256),
        (fixture!("p384.key"), KeyType::P384),
        (fixture!("p521.key"), KeyType::P521),
        (fixture!("ed25519.key"), KeyType::Ed25519),
    ] {
        let key = PrivateKey::from_pkcs8_pem(pem).unwrap();
        assert_eq!(key.public_key().algorithm().key_type(), kind);
        let signature = key.sign(b"m").unwrap();
        key.public_key().verify(key.default_signature_algorithm(), b"m", &signature).unwrap();
    }
    let csr = crate::Csr::parse(fixture!("p256.csr").as_bytes()).unwrap();
    assert_eq!(PrivateKey::from_pkcs8_pem(fixture!("p256.key")).unwrap().public_key(), csr.public_key());
}

#[test]
fn encrypted_keys() {
    let plain = PrivateKey::from_pkcs8_pem(fixture!("p256.key")).unwrap();
    for pem in [fixture!("pbkdf2.key"), fixture!("scrypt.key")] {
        let key = PrivateKey::from_encrypted_pkcs8_pem(pem, b"hunter2").unwrap();
        assert_eq!(key.public_key(), plain.public_key());
    }
    assert_eq!(
        PrivateKey::from_encrypted_pkcs8_pem(fixture!("pbkdf2.key"), b"hunter3").unwrap_err(),
        KeyError::WrongPassword
    );
    let sealed = plain.to_encrypted_pkcs8_pem(b"own").unwrap();
    assert_eq!(PrivateKey::from_encrypted_pkcs8_pem(&sealed, b"own").unwrap().public_key(), plain.public_key());
    assert_ne!(sealed, plain.to_encrypted_pkcs8_pem(b"own").unwrap());
}

#[test]
fn costly_files_are_refused_before_any_work() {
    let costly = PrivateKey::from_encrypted_pkcs8_pem(fixture!("pbkdf2-costly.key"), b"hunter2").unwrap_err();
    assert!(costly.to_string().contains("3000000 iterations"), "{costly}");
    // N of the scrypt fixture (02 02 40 00) made 2^30.
    let der = armour::blocks(WHAT, fixture!("scrypt.key")).unwrap().remove(0).1;
    let at = der.windows(4).position(|window| window == [2, 2, 0x40, 0]).unwrap();
    let mut parts = der.clone();
    parts.splice(at..at + 4, [2, 4, 0x40, 0, 0, 0]);
    // The lengths around it grow by two: outer, algorithm, parameters, derivation, scrypt.
    let mut fixed = parts.clone();
    fn grow(bytes: &mut [u8], at: usize) {
        let length = match bytes[at + 1] {
            0x81 => at + 2,
            0x82 => at + 3,
            _ => at + 1,
        };
        bytes[length] += 2;
    }
    let header = |bytes: &[u8], at: usize| match bytes[at + 1] {
        0x81 => 3,
        0x82 => 4,
        _ => 2,
    };
    let mut position = 0;
    grow(&mut fixed, position);
    position += header(&fixed, position);
    grow(&mut fixed, position);
    position += header(&fixed, position);
    position += 2 + usize::from(fixed[position + 1]);
    for _ in 0..2 {
        grow(&mut fixed, position);
        position += header(&fixed, position);
    }
    position += 2 + usize::from(fixed[position + 1]);
    grow(&mut fixed, position);
    let pem = armour::pem("ENCRYPTED PRIVATE KEY", &fixed);
    let costly = PrivateKey::from_encrypted_pkcs8_pem(&pem, b"hunter2").unwrap_err();
    assert!(matches!(costly, KeyError::TooCostly { .. }), "{costly}");
}

#[test]
fn what_is_no_key_is_refused() {
    let refused = |pem: &str| PrivateKey::from_pkcs8_pem(pem).unwrap_err().to_string();
    assert!(refused("").contains("0 PEM blocks"));
    assert!(refused(fixture!("pbkdf2.key")).contains("0 PEM blocks"));
    assert!(refused(&fixture!("p256.key").repeat(2)).contains("2 PEM blocks"));
    let pbes1 = PrivateKey::from_encrypted_pkcs8_pem(fixture!("pbes1.key"), b"hunter2").unwrap_err();
    assert!(pbes1.to_string().contains("openssl pkcs8"), "{pbes1}");
    assert!(PrivateKey::from_pkcs8_der(&[0x30, 0]).is_err());
    let key = PrivateKey::from_pkcs8_pem(fixture!("p256.key")).unwrap();
    let mut der = key.to_pkcs8_der();
    // The public half inside does not belong to the private one any more.
    *der.last_mut().unwrap() ^= 1;
    assert!(matches!(PrivateKey::from_pkcs8_der(&der), Err(KeyError::Rejected(_))));
    assert!(matches!(PrivateKey::generate(KeyType::Rsa(2500)), Err(KeyError::Unsupported(_))));
}

#[test]
fn nothing_secret_is_shown() {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let shown = format!("{key:?}");
    assert!(shown.contains("not shown"));
    assert!(!shown.contains(&crate::serial::hex(&key.to_pkcs8_der()[36..68])));
}

#[test]
fn keys_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<PrivateKey>();
}
