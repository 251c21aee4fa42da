use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::tlv::Writer;
use crate::{KeyAlgorithm, KeyType, PrivateKey, key_check::KeyFault};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../fixtures/", $name))
    };
}

fn parse(text: &str) -> Csr {
    Csr::parse(text.as_bytes()).expect("a good request")
}

fn refuse(text: &str) -> CsrError {
    Csr::parse(text.as_bytes()).expect_err("a bad request")
}

fn der_of(text: &str) -> Vec<u8> {
    armour::blocks(WHAT, text).unwrap().remove(0).1
}

fn malformed(error: CsrError) -> String {
    match error {
        CsrError::Malformed(error) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_supported_key_and_signature() {
    for (text, algorithm, signature) in [
        (fixture!("rsa3072.csr"), KeyAlgorithm::Rsa { bits: 3072 }, "SHA256withRSA"),
        (fixture!("pss.csr"), KeyAlgorithm::Rsa { bits: 3072 }, "SHA256withRSAandMGF1"),
        (fixture!("p256.csr"), KeyAlgorithm::P256, "SHA256withECDSA"),
        (fixture!("p384.csr"), KeyAlgorithm::P384, "SHA256withECDSA"),
        (fixture!("p521.csr"), KeyAlgorithm::P521, "SHA256withECDSA"),
        (fixture!("ed25519.csr"), KeyAlgorithm::Ed25519, "Ed25519"),
    ] {
        let csr = parse(text);
        assert_eq!(csr.public_key().algorithm(), algorithm);
        assert_eq!(csr.signature_algorithm().name(), signature);
        assert_eq!(csr.subject().to_string(), "CN=host.example.com,OU=A \\+ B,O=Example\\, Inc.,C=CZ");
        assert_eq!(csr.subject_alt_names(), [GeneralName::Dns("host.example.com".into())]);
        assert_eq!(csr.challenge_password(), Some("s3cret-Word"));
        assert_eq!(csr.to_pem().trim(), text.trim());
    }
}

#[test]
fn every_kind_of_name_and_extension() {
    let csr = parse(fixture!("all-names.csr"));
    let names: Vec<String> = csr.subject_alt_names().iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "dns:host.example.com",
            "dns:*.example.com",
            "ip:192.0.2.7",
            "ip:2001:db8::7",
            "email:ops@example.com",
            "uri:spiffe://example.com/x",
            "rid:1.2.3.4",
            "dn:CN=Directory",
            "other:1.3.6.1.4.1.311.20.2.3:0c1075736572406578616d706c652e636f6d",
        ]
    );
    assert_eq!(csr.key_usage(), Some(KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT));
    assert_eq!(csr.extended_key_usage(), Some(&[oid::SERVER_AUTH, oid::CLIENT_AUTH][..]));
    assert!(csr.must_staple());
    assert_eq!(csr.extension_oids().len(), 4);
    let empty = parse(fixture!("empty-subject.csr"));
    assert!(empty.subject().is_empty());
}

#[test]
fn every_form_is_read() {
    let pem = fixture!("p256.csr");
    let der = der_of(pem);
    let base64 = STANDARD.encode(&der);
    let wrapped =
        base64.as_bytes().chunks(76).map(|c| std::str::from_utf8(c).unwrap()).collect::<Vec<_>>().join("\r\n");
    let forms: [Vec<u8>; 12] = [
        pem.into(),
        format!("\u{feff}Certificate request for host\n\n{pem}\ntrailing words\n").into(),
        pem.replace('\n', "\r\n").into(),
        pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST").into(),
        base64.clone().into(),
        base64.trim_end_matches('=').into(),
        wrapped.clone().into(),
        STANDARD.encode(pem).into(),
        STANDARD.encode(&base64).into(),
        STANDARD.encode(&wrapped).into(),
        format!("{}{pem}", fixture!("ca.crt")).into(),
        der.clone(),
    ];
    for form in forms {
        assert_eq!(Csr::parse(&form).unwrap().der(), der);
    }
}

#[test]
fn other_forms_are_refused() {
    let pem = fixture!("p256.csr");
    assert!(malformed(refuse(&format!("{pem}{pem}"))).contains("2 PEM blocks"));
    assert!(malformed(refuse(fixture!("ca.crt"))).contains("no PEM block"));
    assert!(malformed(refuse("")).contains("empty"));
    assert!(malformed(refuse("hello world!")).contains("Base64"));
    assert!(malformed(refuse(pem.split_once("-----END").unwrap().0)).contains("is missing"));
    assert!(malformed(refuse(&"A".repeat(65 * 1024))).contains("65536"));
    assert!(malformed(Csr::parse(&[0xff, 0xfe]).unwrap_err()).contains("neither"));
    let mut trailing = der_of(pem);
    trailing.push(0);
    assert!(malformed(Csr::from_der(&trailing).unwrap_err()).contains("1 bytes are left"));
}

#[test]
fn ber_is_refused() {
    let der = der_of(fixture!("p256.csr"));
    // 30 82 hh ll -> 30 83 00 hh ll, and 30 80 ... 00 00.
    let long = [&[0x30, 0x83, 0x00, der[2], der[3]], &der[4..]].concat();
    assert!(malformed(Csr::from_der(&long).unwrap_err()).contains("longer than needed"));
    let indefinite = [&[0x30, 0x80], &der[4..], &[0, 0]].concat();
    assert!(malformed(Csr::from_der(&indefinite).unwrap_err()).contains("indefinite"));
}

#[test]
fn a_changed_bit_is_a_bad_signature() {
    let der = der_of(fixture!("p256.csr"));
    let at = der.windows(4).position(|window| window == b"host").unwrap();
    let mut changed = der.clone();
    changed[at] = b'g';
    assert_eq!(Csr::from_der(&changed).unwrap_err(), CsrError::BadSignature);
    let mut signature = der;
    *signature.last_mut().unwrap() ^= 1;
    assert_eq!(Csr::from_der(&signature).unwrap_err(), CsrError::BadSignature);
}

#[test]
fn weak_and_unknown_algorithms_are_named() {
    for (text, word) in [
        (fixture!("sha1.csr"), "SHA-1"),
        (fixture!("md5.csr"), "MD5"),
        (fixture!("sha224.csr"), "SHA-224"),
        (fixture!("pss-longest-salt.csr"), "salt"),
        (fixture!("p224.csr"), "1.3.132.0.33"),
        (fixture!("secp256k1.csr"), "secp256k1"),
        (fixture!("ed448.csr"), "1.3.101.113"),
    ] {
        match refuse(text) {
            CsrError::UnsupportedAlgorithm { algorithm, .. } => assert!(algorithm.contains(word), "{algorithm}"),
            other => panic!("{word}: {other:?}"),
        }
    }
    assert!(malformed(refuse(fixture!("explicit-curve.csr"))).contains("by numbers"));
    assert!(malformed(refuse(fixture!("compressed-point.csr"))).contains("compressed"));
}

#[test]
fn small_keys_prove_possession_and_are_left_to_the_key_checks() {
    let csr = parse(fixture!("rsa1024.csr"));
    assert_eq!(KeyChecks::default().check(csr.public_key()), Err(KeyFault::Size { bits: 1024 }));
    let csr = parse(fixture!("rsa-e3.csr"));
    assert!(matches!(KeyChecks::default().check(csr.public_key()), Err(KeyFault::Exponent { .. })));
}

#[test]
fn a_key_that_cannot_verify_is_named_by_its_rule() {
    let der = der_of(fixture!("p256.csr"));
    let csr = Csr::from_der(&der).unwrap();
    let point = csr.public_key().key_bits().to_vec();
    let at = der.windows(point.len()).position(|window| window == point).unwrap();
    let mut off = der;
    off[at + 40] ^= 1;
    assert_eq!(Csr::from_der(&off).unwrap_err(), CsrError::Key(KeyFault::NotOnCurve { curve: "P-256" }));
}

fn attribute(kind: &ObjectIdentifier, value: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.nest(SEQUENCE, |w| _ = w.oid(kind).nest(SET, value));
    writer.finish()
}

/// Signs any request information with the fixture's key.
fn signed(info: impl FnOnce(&mut Writer, &PublicKey)) -> Vec<u8> {
    let key = PrivateKey::from_pkcs8_pem(fixture!("p256.key")).unwrap();
    let mut writer = Writer::default();
    writer.nest(SEQUENCE, |w| info(w, key.public_key()));
    x509::seal(&writer.finish(), &key).unwrap()
}

#[test]
fn what_old_clients_send_is_taken() {
    let no_attributes = signed(|w, key| _ = w.unsigned(&[0]).raw(&[SEQUENCE, 0]).raw(key.spki_der()));
    assert!(Csr::from_der(&no_attributes).is_ok());
    let version_two = signed(|w, key| _ = w.unsigned(&[2]).raw(&[SEQUENCE, 0]).raw(key.spki_der()).raw(&[0xa0, 0]));
    assert!(Csr::from_der(&version_two).is_ok());
    let version_three = signed(|w, key| _ = w.unsigned(&[3]).raw(&[SEQUENCE, 0]).raw(key.spki_der()).raw(&[0xa0, 0]));
    assert!(malformed(Csr::from_der(&version_three).unwrap_err()).contains("version"));
}

#[test]
fn nothing_may_come_twice() {
    let names = general_name::write_all(&[GeneralName::Dns("a.example".into())]).unwrap();
    let san = build::subject_alt_names(false, names).unwrap().to_der().unwrap();
    let twice = signed(|w, key| {
        w.unsigned(&[0]).raw(&[SEQUENCE, 0]).raw(key.spki_der());
        let both = [san.clone(), san.clone()].concat();
        w.nest(constructed(0), |w| _ = w.raw(&attribute(&oid::EXTENSION_REQUEST, |w| _ = w.value(SEQUENCE, &both))));
    });
    assert!(malformed(Csr::from_der(&twice).unwrap_err()).contains("comes twice"));
    let two_requests = signed(|w, key| {
        w.unsigned(&[0]).raw(&[SEQUENCE, 0]).raw(key.spki_der());
        let one = attribute(&oid::EXTENSION_REQUEST, |w| _ = w.value(SEQUENCE, &san));
        w.nest(constructed(0), |w| _ = w.raw(&one).raw(&one));
    });
    assert!(malformed(Csr::from_der(&two_requests).unwrap_err()).contains("extensions twice"));
}

#[test]
fn the_signature_must_fit_the_key() {
    // Ed25519's identifier over a P-256 request.
    let der = der_of(fixture!("p256.csr"));
    let mut outer = whole(WHAT, &der, SEQUENCE).unwrap();
    let info = outer.any().unwrap().raw;
    outer.any().unwrap();
    let signature = outer.any().unwrap().raw;
    let mut writer = Writer::default();
    writer.nest(SEQUENCE, |w| _ = w.raw(info).raw(&SignatureAlgorithm::Ed25519.to_der()).raw(signature));
    assert!(malformed(Csr::from_der(&writer.finish()).unwrap_err()).contains("cannot come from"));
}

#[test]
fn templates_are_read_back() {
    for kind in [KeyType::P256, KeyType::P384, KeyType::P521, KeyType::Ed25519, KeyType::Rsa(2048)] {
        let key = PrivateKey::generate(kind).unwrap();
        let template = CsrTemplate {
            subject: Some("CN=a.example,O=X".parse().unwrap()),
            subject_alt_names: vec!["dns:a.example".parse().unwrap(), "ip:::1".parse().unwrap()],
            key_usage: Some(KeyUsage::DIGITAL_SIGNATURE),
            extended_key_usage: vec![oid::CLIENT_AUTH],
            must_staple: true,
            challenge_password: Some("word".into()),
        };
        let csr = template.sign(&key).unwrap();
        assert_eq!(csr.public_key(), key.public_key());
        assert_eq!(csr.subject().to_string(), "CN=a.example,O=X");
        assert_eq!(csr.subject_alt_names(), template.subject_alt_names);
        assert_eq!(csr.key_usage(), template.key_usage);
        assert_eq!(csr.extended_key_usage(), Some(&template.extended_key_usage[..]));
        assert!(csr.must_staple());
        assert_eq!(csr.challenge_password(), Some("word"));
        use der::Decode;
        x509_cert::request::CertReq::from_der(csr.der()).expect("another reader takes it too");
    }
}

#[test]
fn the_password_is_not_in_the_debug_text() {
    assert!(!format!("{:?}", parse(fixture!("p256.csr"))).contains("s3cret"));
}

#[test]
fn a_challenge_password_of_every_string_type() {
    use crate::tlv::encode;
    let read = |tag: u8, value: &[u8]| {
        let set = encode(tag, value);
        read_string(&mut Reader::new(WHAT, &set), "challenge password").ok()
    };
    let word = Some("w\u{f6}rd".to_owned());
    assert_eq!(read(UTF8_STRING, "w\u{f6}rd".as_bytes()), word);
    assert_eq!(read(TELETEX_STRING, b"w\xf6rd"), word);
    assert_eq!(read(BMP_STRING, b"\0w\0\xf6\0r\0d"), word);
    assert_eq!(read(UNIVERSAL_STRING, b"\0\0\0w\0\0\0\xf6\0\0\0r\0\0\0d"), word);
    assert_eq!(read(PRINTABLE_STRING, b"word"), Some("word".to_owned()));
    assert_eq!(read(IA5_STRING, b"word"), Some("word".to_owned()));
    for (tag, value) in [
        (UTF8_STRING, &b"\xff"[..]),
        (BMP_STRING, b"\0w\0"),
        (BMP_STRING, b"\xd8\0"),
        (UNIVERSAL_STRING, b"\0\0\0"),
        (UNIVERSAL_STRING, b"\0\x11\0\0"),
        (0x04, b"word"),
    ] {
        assert_eq!(read(tag, value), None, "{tag:#04x}");
    }
}
