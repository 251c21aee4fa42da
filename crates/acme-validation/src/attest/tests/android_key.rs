use super::*;

const KEY_DESCRIPTION: &[u64] = &[1, 3, 6, 1, 4, 1, 11129, 2, 1, 17];

/// What a KeyDescription says.
struct Says {
    level: u8,
    mint_level: u8,
    challenge: Vec<u8>,
    software: Vec<Vec<u8>>,
    hardware: Vec<Vec<u8>>,
}

/// An explicit tag of more than 30.
fn tagged(number: u16, content: &[u8]) -> Vec<u8> {
    let high = [0xbf, 0x80 | u8::try_from(number >> 7).unwrap(), u8::try_from(number & 0x7f).unwrap()];
    [&high[..], &der(0, content)[1..]].concat()
}

fn generated() -> Vec<u8> {
    tagged(702, &der(2, &[0]))
}

fn serial(text: &str) -> Vec<u8> {
    tagged(713, &der(4, text.as_bytes()))
}

impl Says {
    fn good() -> Self {
        Self {
            level: 1,
            mint_level: 2,
            challenge: KEY_AUTHORIZATION.as_bytes().to_vec(),
            // A creation time, with a low tag number after high ones elsewhere.
            software: vec![tagged(701, &der(2, &[1]))],
            hardware: vec![der(0xa1, &der(0x31, &der(2, &[2]))), generated(), serial("C02XG0FHJG5H")],
        }
    }

    fn extension(&self) -> CustomExtension {
        let fields = [
            der(2, &[100]),
            der(0x0a, &[self.level]),
            der(2, &[100]),
            der(0x0a, &[self.mint_level]),
            der(4, &self.challenge),
            der(4, b""),
            der(0x30, &self.software.concat()),
            der(0x30, &self.hardware.concat()),
        ];
        extension(KEY_DESCRIPTION, &der(0x30, &fields.concat()))
    }
}

fn attest(maker: &Maker, says: CustomExtension) -> Vec<u8> {
    let key = KeyPair::generate().unwrap();
    let leaf = maker.issue(&key, vec![says]);
    statement(maker, &leaf, &sign(&key, KEY_AUTHORIZATION.as_bytes()))
}

fn statement(maker: &Maker, leaf: &[u8], signature: &[u8]) -> Vec<u8> {
    object_of("android-key", vec![("alg", Value::from(-7)), ("sig", bytes(signature)), ("x5c", maker.x5c(leaf))])
}

#[test]
fn a_serial_number_is_proved() {
    let maker = Maker::new();
    let key = KeyPair::generate().unwrap();
    let leaf = maker.issue(&key, vec![Says::good().extension()]);
    let object = statement(&maker, &leaf, &sign(&key, KEY_AUTHORIZATION.as_bytes()));
    let proof = verdict(&maker.roots("android-key"), &object, "C02XG0FHJG5H").unwrap();
    assert_eq!(proof.attested_key, Some(spki(&key)));
    assert!(verdict(&maker.roots("android-key"), &object, "other").is_err());
}

#[test]
fn what_the_description_must_say() {
    let maker = Maker::new();
    let roots = maker.roots("android-key");
    for (why, change) in [
        ("attestation is not kept by hardware", (|says| says.level = 0) as fn(&mut Says)),
        ("attestation is not kept by hardware", |says| says.level = 3),
        ("key is not kept by hardware", |says| says.mint_level = 0),
        ("challenge is not", |says| says.challenge = TOKEN.as_bytes().to_vec()),
        ("challenge is not", |says| says.challenge.clear()),
        ("all applications", |says| says.software.push(tagged(600, &[5, 0]))),
        ("all applications", |says| says.hardware.push(tagged(600, &[5, 0]))),
        ("not generated", |says| says.hardware = vec![serial("C02XG0FHJG5H")]),
        ("not generated", |says| says.hardware[1] = tagged(702, &der(2, &[2]))),
        // What only software says of it does not count.
        ("not generated", |says| {
            says.software.push(says.hardware.remove(1));
        }),
        ("nothing that identifies", |says| {
            says.software.push(says.hardware.pop().unwrap());
        }),
        ("serial number is no text", |says| says.hardware[2] = tagged(713, &der(2, b"1"))),
        ("serial number is no text", |says| says.hardware[2] = tagged(713, &der(4, &[0xff]))),
        ("DER that Android documents", |says| says.hardware[2] = tagged(713, b"")),
        ("DER that Android documents", |says| says.hardware.push(vec![0xbf])),
    ] {
        let mut says = Says::good();
        change(&mut says);
        let told = refused(&roots, &attest(&maker, says.extension()));
        assert!(told.contains(why), "{why:?}: {told}");
    }
    for (content, why) in [
        (Vec::new(), "DER that Android documents"),
        (der(0x30, &[]), "eight fields"),
        (der(0x30, &[2, 1]), "DER that Android documents"),
    ] {
        let told = refused(&roots, &attest(&maker, extension(KEY_DESCRIPTION, &content)));
        assert!(told.contains(why), "{why:?}: {told}");
    }
    assert!(refused(&roots, &attest(&maker, extension(&[1, 2, 3], b""))).contains("no key description"));
}

#[test]
fn the_key_must_sign_for_this_challenge() {
    let maker = Maker::new();
    let roots = maker.roots("android-key");
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let leaf = maker.issue(&key, vec![Says::good().extension()]);
    for signature in [sign(&other, KEY_AUTHORIZATION.as_bytes()), sign(&key, TOKEN.as_bytes()), Vec::new()] {
        assert!(refused(&roots, &statement(&maker, &leaf, &signature)).contains("does not verify"));
    }
}

/// A key that was attested must not attest further ones.
#[test]
fn only_one_description_may_stand_in_the_chain() {
    let maker = Maker::new();
    let ca_key = KeyPair::generate().unwrap();
    let authority = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "attested");
        params.custom_extensions = vec![Says::good().extension()];
    };
    let ca = maker.issue_with(&ca_key, authority);
    let mut params = CertificateParams::default();
    authority(&mut params);
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.custom_extensions = vec![Says::good().extension()];
    let leaf = params.signed_by(&key, &issuer).unwrap().der().to_vec();
    let chain = Value::Array(vec![bytes(&leaf), bytes(&ca), bytes(&maker.intermediate)]);
    let signature = bytes(&sign(&key, KEY_AUTHORIZATION.as_bytes()));
    let object = object_of("android-key", vec![("sig", signature), ("x5c", chain)]);
    assert!(refused(&maker.roots("android-key"), &object).contains("more than one certificate"));
}
