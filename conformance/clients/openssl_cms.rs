//! `openssl cms` against chancery-pki: each reads what the other writes.

use std::path::Path;

use chancery_pki::cms::build::{Signed, To, auth_enveloped, degenerate, enveloped};
use chancery_pki::cms::{
    Attribute, ContentCipher, DecryptionKey, DigestAlgorithm, EnclosedCertificate, EnvelopedData, KeyTransport, Legacy,
    Limits, RecipientKey, SignedData,
};
use chancery_pki::{Certificate, PrivateKey, oid};
use tempfile::TempDir;

use crate::shell::sh;

/// Longer than one piece of a stream, and with line ends of every kind.
fn content() -> Vec<u8> {
    let mut content: Vec<u8> = (0..=255u8).cycle().take(9000).collect();
    content.extend_from_slice(b"\r\n\n\r\0");
    content
}

/// Certificates that sign and receive, by `openssl req`, and `content`.
struct Bench(TempDir);

const KEYS: [(&str, &str); 3] = [
    ("rsa", "-newkey rsa:2048"),
    ("p256", "-newkey ec -pkeyopt ec_paramgen_curve:P-256"),
    ("p384", "-newkey ec -pkeyopt ec_paramgen_curve:P-384"),
];

impl Bench {
    fn new() -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        std::fs::write(this.path().join("content"), content()).unwrap();
        for (name, key) in KEYS {
            this.run(&format!(
                "openssl req -x509 {key} -nodes -keyout {name}.key -out {name}.crt -days 2 -subj /CN={name} \
                 -set_serial 0x80000001 2>&1"
            ));
        }
        this
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, script: &str) -> String {
        sh(self.path(), script).ok()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).unwrap()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).unwrap();
    }

    fn certificate(&self, name: &str) -> EnclosedCertificate {
        EnclosedCertificate::from(&Certificate::parse(&self.read(&format!("{name}.crt"))).unwrap())
    }

    fn key(&self, name: &str) -> PrivateKey {
        PrivateKey::from_pkcs8_pem(std::str::from_utf8(&self.read(&format!("{name}.key"))).unwrap()).unwrap()
    }
}

fn limits() -> Limits {
    Limits { size: 1 << 20, ..Limits::default() }
}

const CIPHERS: [(ContentCipher, &str); 7] = [
    (ContentCipher::Aes128Cbc, "-aes128"),
    (ContentCipher::Aes192Cbc, "-aes192"),
    (ContentCipher::Aes256Cbc, "-aes256"),
    (ContentCipher::TripleDesCbc, "-des3"),
    (ContentCipher::Aes128Gcm, "-aes-128-gcm"),
    (ContentCipher::Aes192Gcm, "-aes-192-gcm"),
    (ContentCipher::Aes256Gcm, "-aes-256-gcm"),
];

#[test]
fn openssl_verifies_what_we_sign() {
    let bench = Bench::new();
    for (name, _) in KEYS {
        let (certificate, key) = (bench.certificate(name), bench.key(name));
        for digest in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
            let transaction = "2.16.840.1.113733.1.9.7".parse().unwrap();
            let message = Signed {
                content_type: oid::DATA,
                content: Some(&content()),
                attributes: &[Attribute::printable(transaction, "a transaction")],
                digest,
                signer: &key,
                certificate: &certificate,
                certificates: &[certificate.der()],
            };
            bench.write("signed.der", &message.sign().unwrap());
            bench.run(&format!(
                "openssl cms -verify -binary -inform DER -in signed.der -CAfile {name}.crt -purpose any -out out && cmp out content"
            ));
            let printed = bench.run("openssl cms -cmsout -print -inform DER -in signed.der");
            assert!(printed.contains("a transaction"), "{printed}");
        }
    }
}

#[test]
fn openssl_decrypts_what_we_encrypt() {
    let bench = Bench::new();
    let certificate = bench.certificate("rsa");
    let seal = |cipher: ContentCipher, to: &To<'_>| {
        let message = match cipher.is_authenticated() {
            true => auth_enveloped(&oid::DATA, &content(), cipher, to),
            false => enveloped(&oid::DATA, &content(), cipher, to),
        };
        bench.write("enveloped.der", &message.unwrap());
    };
    let decrypt = |how: &str| {
        bench.run(&format!(
            "rm -f out; openssl cms -decrypt -binary -inform DER -in enveloped.der {how} -out out && cmp out content"
        ))
    };
    for (cipher, _) in CIPHERS {
        for transport in [
            KeyTransport::RsaPkcs1,
            KeyTransport::RsaOaep(DigestAlgorithm::Sha1),
            KeyTransport::RsaOaep(DigestAlgorithm::Sha256),
        ] {
            seal(cipher, &To::Certificate { certificate: &certificate, transport });
            decrypt("-recip rsa.crt -inkey rsa.key");
        }
        seal(cipher, &To::KeyEncryption { id: &[1, 2], key: &[7; 16] });
        decrypt(&format!("-secretkey {} -secretkeyid 0102", "07".repeat(16)));
        seal(cipher, &To::Password { password: b"a password", iterations: 3000 });
        decrypt("-pwri_password 'a password'");
    }
}

#[test]
fn openssl_reads_our_certificates_without_a_signature() {
    let bench = Bench::new();
    let all = [bench.certificate("rsa"), bench.certificate("p256"), bench.certificate("p384")];
    let elements: Vec<&[u8]> = all.iter().map(EnclosedCertificate::der).collect();
    bench.write("bundle.p7", &degenerate(&elements, &[]));
    let printed = bench.run("openssl pkcs7 -inform DER -in bundle.p7 -print_certs -noout");
    let names: Vec<&str> = printed.lines().filter(|line| line.starts_with("subject")).collect();
    assert_eq!(names, ["subject=CN = rsa", "subject=CN = p256", "subject=CN = p384"]);
}

#[test]
fn we_verify_what_openssl_signs() {
    let bench = Bench::new();
    for (name, options, attributes) in [
        ("rsa", "", true),
        ("rsa", "-md sha512", true),
        ("rsa", "-keyid", true),
        ("rsa", "-noattr", false),
        ("rsa", "-stream", true),
        ("rsa", "-stream -md sha384 -keyid", true),
        // OpenSSL 3.0 itself fails with RSASSA-PSS and -stream.
        ("rsa", "-keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:digest", true),
        ("rsa", "-md sha512 -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:digest", true),
        ("p256", "", true),
        ("p256", "-md sha512 -stream", true),
        ("p384", "-md sha384", true),
    ] {
        bench.run(&format!(
            "openssl cms -sign -nodetach -binary -in content -signer {name}.crt -inkey {name}.key -outform DER {options} -out signed.der"
        ));
        let message = SignedData::parse(&bench.read("signed.der"), &limits()).unwrap();
        assert_eq!(message.content(), Some(content().as_slice()), "{options}");
        let signer = message.only_signer().unwrap();
        let certificate = message.certificate_of(signer).unwrap();
        assert_eq!(certificate, bench.certificate(name), "{options}");
        let key = certificate.public_key().unwrap();
        let verified =
            signer.verify(&key, &content(), Legacy::default()).unwrap_or_else(|error| panic!("{options}: {error}"));
        assert_eq!(!verified.all().is_empty(), attributes, "{options}");
        assert!(signer.verify(&key, b"another content", Legacy::default()).is_err(), "{options}");
    }
    // What is refused: SHA-1 where it is not allowed, MD5 always.
    let sign = |digest: &str| {
        bench.run(&format!(
            "openssl cms -sign -nodetach -binary -in content -signer rsa.crt -inkey rsa.key -outform DER -md {digest} -out signed.der"
        ));
        let message = SignedData::parse(&bench.read("signed.der"), &limits()).unwrap();
        let key = bench.certificate("rsa").public_key().unwrap();
        [Legacy::default(), Legacy::ALL]
            .map(|legacy| message.only_signer().unwrap().verify(&key, &content(), legacy).is_ok())
    };
    assert_eq!(sign("sha1"), [false, true]);
    assert_eq!(sign("md5"), [false, false]);
}

#[test]
fn we_decrypt_what_openssl_encrypts() {
    let bench = Bench::new();
    let (certificate, key) = (bench.certificate("rsa"), DecryptionKey::new(&bench.key("rsa")).unwrap());
    let secret = "07".repeat(32);
    let recipients = [
        "-recip rsa.crt".to_owned(),
        "-recip rsa.crt -keyid".to_owned(),
        "-recip rsa.crt -keyopt rsa_padding_mode:oaep".to_owned(),
        "-recip rsa.crt -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256".to_owned(),
        "-pwri_password 'a password'".to_owned(),
        format!("-secretkey {secret} -secretkeyid 0102"),
    ];
    for (cipher, option) in CIPHERS {
        // OpenSSL 3.0 itself fails with a password and AES-GCM.
        let passwords = !cipher.is_authenticated();
        for recipient in recipients.iter().filter(|recipient| passwords || !recipient.contains("pwri")) {
            for stream in ["", "-stream"] {
                bench.run(&format!(
                    "openssl cms -encrypt -binary -in content -outform DER -out enveloped.der {option} {stream} {recipient}"
                ));
                let what = format!("{option} {stream} {recipient}");
                let message = EnvelopedData::parse(&bench.read("enveloped.der"), &limits()).unwrap();
                assert_eq!(message.cipher(), Ok(cipher), "{what}");
                let keys = [
                    RecipientKey::Certificate { certificate: &certificate, key: &key },
                    RecipientKey::Password(b"a password"),
                    RecipientKey::KeyEncryption { id: &[1, 2], key: &[7; 32] },
                ];
                let opened = message.decrypt(&keys, Legacy::ALL).unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(opened.as_slice(), content(), "{what}");
            }
        }
    }
}
