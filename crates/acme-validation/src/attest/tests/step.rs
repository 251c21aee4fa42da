use super::*;

const SERIAL_NUMBER: &[u64] = &[1, 3, 6, 1, 4, 1, 41482, 3, 7];

/// What a key signs of a challenge, in CBOR.
fn signed(key: &KeyPair, what: &str) -> Value {
    bytes(&encode(&bytes(&sign(key, what.as_bytes()))))
}

fn attest(maker: &Maker, key: &KeyPair, serial: &[u8], signature: Value) -> Vec<u8> {
    let leaf = maker.issue(key, vec![extension(SERIAL_NUMBER, serial)]);
    object_of("step", vec![("alg", Value::from(-7)), ("x5c", maker.x5c(&leaf)), ("sig", signature)])
}

#[test]
fn a_yubikeys_serial_number_is_proved() {
    let maker = Maker::new();
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let object = attest(&maker, &key, &der(2, &[0x00, 0xbc, 0x61, 0x4e]), signed(&key, KEY_AUTHORIZATION));
        let proof = verdict(&maker.roots("step"), &object, "12345678").unwrap();
        assert_eq!(proof.attested_key, Some(spki(&key)));
        assert!(verdict(&maker.roots("step"), &object, "12345679").is_err());
    }
}

#[test]
fn broken_statements_are_refused() {
    let maker = Maker::new();
    let roots = maker.roots("step");
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let serial = der(2, &[1]);
    for (signature, why) in [
        (signed(&other, KEY_AUTHORIZATION), "does not verify"),
        (signed(&key, TOKEN), "does not verify"),
        (bytes(&sign(&key, KEY_AUTHORIZATION.as_bytes())), "sig"),
        (bytes(b""), "sig"),
        (Value::Null, "no sig"),
    ] {
        let told = refused(&roots, &attest(&maker, &key, &serial, signature));
        assert!(told.contains(why), "{why:?}: {told}");
    }
    for serial in [der(2, &[0x80]), der(4, b"1"), der(2, &[1; 9]), Vec::new(), der(2, &[0, 1])] {
        let told = refused(&roots, &attest(&maker, &key, &serial, signed(&key, KEY_AUTHORIZATION)));
        assert!(told.contains("serial number"), "{told}");
    }
    let leaf = maker.issue(&key, Vec::new());
    let nameless = object_of("step", vec![("x5c", maker.x5c(&leaf)), ("sig", signed(&key, KEY_AUTHORIZATION))]);
    assert!(refused(&roots, &nameless).contains("nothing that identifies"));
}
