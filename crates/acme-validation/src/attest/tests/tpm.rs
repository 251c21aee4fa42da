use aws_lc_rs::digest::{SHA256, digest};
use chancery_pki::SignatureAlgorithm;
use rcgen::ExtendedKeyUsagePurpose;

use super::*;

const AK_USAGE: &[u64] = &[2, 23, 133, 8, 3];
const SAN: &[u64] = &[2, 5, 29, 17];

fn sized(octets: &[u8]) -> Vec<u8> {
    [&u16::try_from(octets.len()).unwrap().to_be_bytes(), octets].concat()
}

fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A TPM whose attestation key says what a test wants.
struct Tpm {
    ak: KeyPair,
    key: KeyPair,
    attributes: u32,
    magic: u32,
    kind: u16,
    extra_data: Vec<u8>,
    name: Option<Vec<u8>>,
    alg: i64,
    ver: &'static str,
}

impl Tpm {
    fn new() -> Self {
        Self {
            ak: KeyPair::generate().unwrap(),
            key: KeyPair::generate().unwrap(),
            // fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, sign.
            attributes: 0x0004_0072,
            magic: 0xff54_4347,
            kind: 0x8017,
            extra_data: digest(&SHA256, KEY_AUTHORIZATION.as_bytes()).as_ref().to_vec(),
            name: None,
            alg: -7,
            ver: "2.0",
        }
    }

    /// TPMT_PUBLIC of a key on P-256.
    fn area(&self) -> Vec<u8> {
        let spki = spki(&self.key);
        let point = &spki[spki.len() - 64..];
        [
            words(&[0x0023, 0x000b]),
            self.attributes.to_be_bytes().to_vec(),
            sized(b""),
            // No symmetric algorithm; ECDSA with SHA-256 on P-256; no KDF.
            words(&[0x0010, 0x0018, 0x000b, 0x0003, 0x0010]),
            sized(&point[..32]),
            sized(&point[32..]),
        ]
        .concat()
    }

    fn info(&self) -> Vec<u8> {
        let name = self
            .name
            .clone()
            .unwrap_or_else(|| [words(&[0x000b]), digest(&SHA256, &self.area()).as_ref().to_vec()].concat());
        [
            self.magic.to_be_bytes().to_vec(),
            words(&[self.kind]),
            sized(b"signer"),
            sized(&self.extra_data),
            vec![0; 25],
            sized(&name),
            sized(b"qualified"),
        ]
        .concat()
    }

    /// TPMT_SIGNATURE by ECDSA.
    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let der = sign(&self.ak, message);
        let r = &der[4..4 + usize::from(der[3])];
        let s = &der[4 + r.len() + 2..];
        [words(&[0x0018, 0x000b]), sized(r), sized(s)].concat()
    }

    fn object(&self, maker: &Maker, certificate: &[u8]) -> Vec<u8> {
        let info = self.info();
        self.object_with(maker, certificate, &info, &self.signature(&info), &self.area())
    }

    fn object_with(&self, maker: &Maker, certificate: &[u8], info: &[u8], signature: &[u8], area: &[u8]) -> Vec<u8> {
        object_of(
            "tpm",
            vec![
                ("ver", Value::Text(self.ver.to_owned())),
                ("alg", Value::from(self.alg)),
                ("x5c", maker.x5c(certificate)),
                ("sig", bytes(signature)),
                ("certInfo", bytes(info)),
                ("pubArea", bytes(area)),
            ],
        )
    }
}

fn oid(octets: &[u8]) -> Vec<u8> {
    der(6, octets)
}

/// The directoryName of a TPM's make, less those attributes.
fn make(without: Option<u8>) -> Vec<u8> {
    let attribute = |last: u8| {
        let value = [oid(&[0x67, 0x81, 0x05, 0x02, last]), der(0x0c, b"id:41424344")].concat();
        der(0x31, &der(0x30, &value))
    };
    let rdns: Vec<u8> = (1..=3).filter(|last| Some(*last) != without).flat_map(attribute).collect();
    der(0xa4, &der(0x30, &rdns))
}

fn other_name(last: u8, content: &[u8]) -> Vec<u8> {
    der(0xa0, &[oid(&[0x2b, 6, 1, 5, 5, 7, 8, last]), der(0xa0, content)].concat())
}

fn permanent(value: &str) -> Vec<u8> {
    other_name(3, &der(0x30, &der(0x0c, value.as_bytes())))
}

fn names(names: &[Vec<u8>]) -> CustomExtension {
    let mut names = extension(SAN, &der(0x30, &names.concat()));
    names.set_criticality(true);
    names
}

fn ak_certificate(maker: &Maker, tpm: &Tpm, change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    maker.issue_with(&tpm.ak, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Other(AK_USAGE.to_vec())];
        params.custom_extensions = vec![names(&[make(None), permanent("C02XG0FHJG5H")])];
        change(params);
    })
}

fn told(change: impl FnOnce(&mut Tpm)) -> String {
    let (maker, mut tpm) = (Maker::new(), Tpm::new());
    change(&mut tpm);
    let certificate = ak_certificate(&maker, &tpm, |_| {});
    refused(&maker.roots("tpm"), &tpm.object(&maker, &certificate))
}

#[test]
fn a_key_of_the_tpm_is_proved() {
    let (maker, tpm) = (Maker::new(), Tpm::new());
    let certificate = ak_certificate(&maker, &tpm, |_| {});
    let object = tpm.object(&maker, &certificate);
    let proof = verdict(&maker.roots("tpm"), &object, "C02XG0FHJG5H").unwrap();
    assert_eq!(proof.attested_key, Some(spki(&tpm.key)));
    assert!(verdict(&maker.roots("tpm"), &object, "other").is_err());
}

#[test]
fn a_hardware_module_is_proved() {
    let (maker, tpm) = (Maker::new(), Tpm::new());
    let module = der(0x30, &[oid(&[0x2b, 6, 1]), der(4, &[0xab, 0x01])].concat());
    let certificate = ak_certificate(&maker, &tpm, |params| {
        params.custom_extensions = vec![names(&[make(None), other_name(4, &module)])];
    });
    let mut attempt = attempt(ChallengeType::DeviceAttest01, "unused");
    attempt.identifier = Identifier::HardwareModule("ab01".to_owned());
    let object = URL_SAFE_NO_PAD.encode(tpm.object(&maker, &certificate));
    attempt.payload = Some(json!({ "attObj": object }));
    validate(&maker.roots("tpm"), &attempt, now()).unwrap();
    attempt.identifier = Identifier::PermanentIdentifier("ab01".to_owned());
    assert!(validate(&maker.roots("tpm"), &attempt, now()).is_err());
}

#[test]
fn what_the_statement_must_say() {
    for (why, change) in [
        ("ver is not 2.0", (|tpm| tpm.ver = "1.2") as fn(&mut Tpm)),
        ("extraData", |tpm| tpm.extra_data = digest(&SHA256, TOKEN.as_bytes()).as_ref().to_vec()),
        ("extraData", |tpm| tpm.extra_data.clear()),
        ("another key than pubArea", |tpm| tpm.name = Some(Vec::new())),
        ("another key than pubArea", |tpm| tpm.name = Some([words(&[0x000b]), vec![0; 32]].concat())),
        ("no TPMS_ATTEST", |tpm| tpm.magic = 0),
        // A quote, by which a key of somebody's own making could be signed.
        ("no TPMS_ATTEST", |tpm| tpm.kind = 0x8018),
        ("not made by the TPM", |tpm| tpm.attributes &= !(1 << 1)),
        ("not made by the TPM", |tpm| tpm.attributes &= !(1 << 4)),
        ("not made by the TPM", |tpm| tpm.attributes &= !(1 << 5)),
        ("restricted", |tpm| tpm.attributes |= 1 << 16),
        ("alg is another", |tpm| tpm.alg = -257),
        ("alg is another", |tpm| tpm.alg = -65535),
    ] {
        let told = told(change);
        assert!(told.contains(why), "{why:?}: {told}");
    }
}

#[test]
fn broken_structures_are_refused() {
    let (maker, tpm) = (Maker::new(), Tpm::new());
    let roots = maker.roots("tpm");
    let certificate = ak_certificate(&maker, &tpm, |_| {});
    let (info, area) = (tpm.info(), tpm.area());
    let signature = tpm.signature(&info);
    let told = |info: &[u8], signature: &[u8], area: &[u8]| {
        refused(&roots, &tpm.object_with(&maker, &certificate, info, signature, area))
    };
    for cut in 0..info.len() {
        assert!(told(&info[..cut], &tpm.signature(&info[..cut]), &area).contains("no TPMS_ATTEST"), "{cut}");
    }
    let longer = [&info[..], &[0]].concat();
    assert!(told(&longer, &tpm.signature(&longer), &area).contains("no TPMS_ATTEST"));
    for cut in 0..area.len() {
        assert!(told(&info, &signature, &area[..cut]).contains("no TPMT_PUBLIC"), "{cut}");
    }
    for cut in 0..signature.len() {
        assert!(told(&info, &signature[..cut], &area).contains("no TPMT_SIGNATURE"), "{cut}");
    }
    // A point beside the curve.
    let mut beside = area.clone();
    *beside.last_mut().unwrap() ^= 1;
    assert!(
        told(&info, &signature, &beside).contains("TPMT_PUBLIC")
            || told(&info, &signature, &beside).contains("another key")
    );
    // SHA-1.
    let mut sha1 = signature.clone();
    sha1[3] = 0x04;
    assert!(told(&info, &sha1, &area).contains("no TPMT_SIGNATURE"));
    let other = Tpm::new();
    assert!(told(&info, &other.signature(&info), &area).contains("does not verify"));
}

#[test]
fn rsa_keys_are_read() {
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let private = PrivateKey::from_pkcs8_der(&key.serialize_der()).unwrap();
    let spki = private.public_key().spki_der();
    // SEQUENCE { INTEGER modulus, INTEGER 65537 } at the end.
    let modulus = &spki[spki.len() - 5 - 256..spki.len() - 5];
    let area = [
        words(&[0x0001, 0x000b]),
        0x0004_0072_u32.to_be_bytes().to_vec(),
        sized(b"policy"),
        words(&[0x0010, 0x0014, 0x000b, 2048]),
        vec![0; 4],
        sized(modulus),
    ]
    .concat();
    let public = crate::attest::tpm::structure::Public::parse(&area).unwrap();
    assert_eq!(public.spki, spki);
    let octets = [words(&[0x0014, 0x000b]), sized(&sign(&key, b"message"))].concat();
    let signature = crate::attest::tpm::structure::Signature::parse(&octets, -257).unwrap();
    assert_eq!(signature.algorithm, SignatureAlgorithm::RsaPkcs1Sha256);
    private.public_key().verify(signature.algorithm, b"message", &signature.octets).unwrap();
}

#[test]
fn what_the_attestation_keys_certificate_must_be() {
    let (maker, tpm) = (Maker::new(), Tpm::new());
    let roots = maker.roots("tpm");
    let told = |change: fn(&mut CertificateParams)| {
        refused(&roots, &tpm.object(&maker, &ak_certificate(&maker, &tpm, change)))
    };
    for (why, change) in [
        (
            "has a subject",
            (|params| params.distinguished_name.push(DnType::CommonName, "AK")) as fn(&mut CertificateParams),
        ),
        ("usage", |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
        ("usage", |params| params.extended_key_usages.clear()),
        // step-ca CVE-2026-40097: a list of usages that is empty.
        ("", |params| {
            params.extended_key_usages.clear();
            params.custom_extensions.push(extension(&[2, 5, 29, 37], &[0x30, 0]));
        }),
        ("manufacturer", |params| params.custom_extensions = vec![names(&[make(Some(1)), permanent("C02XG0FHJG5H")])]),
        ("manufacturer", |params| params.custom_extensions = vec![names(&[make(Some(3)), permanent("C02XG0FHJG5H")])]),
        ("manufacturer", |params| params.custom_extensions = vec![names(&[permanent("C02XG0FHJG5H")])]),
        ("nothing that identifies", |params| params.custom_extensions = vec![names(&[make(None)])]),
        ("malformed", |params| params.custom_extensions = vec![names(&[make(None), other_name(3, &[0x30, 0])])]),
        ("malformed", |params| {
            params.custom_extensions = vec![names(&[make(None), other_name(4, &der(0x30, &der(4, b"1")))])];
        }),
    ] {
        let told = told(change);
        assert!(told.contains(why), "{why:?}: {told}");
    }
}
