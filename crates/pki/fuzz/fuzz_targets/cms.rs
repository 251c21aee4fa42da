#![no_main]

use std::sync::LazyLock;

use chancery_pki::cms::{
    CmsError, ContentInfo, DecryptionKey, EnclosedCertificate, EnvelopedData, Legacy, Limits, RecipientKey, SignedData,
};
use chancery_pki::{Certificate, Csr, PrivateKey};

/// Whom the seeds are for.
static RECIPIENT: LazyLock<(EnclosedCertificate, DecryptionKey)> = LazyLock::new(|| {
    let key = PrivateKey::from_pkcs8_pem(include_str!("../../fixtures/cms/ra.key.pem")).expect("a key");
    let certificate = Certificate::from_pem(include_str!("../../fixtures/cms/ra.crt.pem")).expect("a certificate");
    (EnclosedCertificate::from(&certificate), DecryptionKey::new(&key).expect("an RSA key"))
});

const LIMITS: Limits = Limits { size: 64 * 1024, depth: 32, elements: 10_000, iterations: 100 };

fn enveloped(bytes: &[u8]) {
    let Ok(message) = EnvelopedData::parse(bytes, &LIMITS) else { return };
    let (certificate, key) = &*RECIPIENT;
    let keys = [
        RecipientKey::Certificate { certificate, key },
        RecipientKey::Password(b"password"),
        RecipientKey::KeyEncryption { id: b"id", key: &[7; 16] },
    ];
    let _ = (message.recipient(certificate), message.cipher(), format!("{message:?}"));
    match message.decrypt(&keys, Legacy::ALL) {
        Ok(content) => _ = Csr::from_der(&content),
        Err(error) => assert!(!matches!(error, CmsError::Digest | CmsError::Signature)),
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = ContentInfo::parse(bytes, &LIMITS);
    enveloped(bytes);
    let Ok(signed) = SignedData::parse(bytes, &LIMITS) else { return };
    for signer in signed.signers() {
        let Ok(certificate) = signed.certificate_of(signer) else { continue };
        let Ok(key) = certificate.public_key() else { continue };
        if let Ok(attributes) = signer.verify(&key, signed.content().unwrap_or_default(), Legacy::ALL) {
            for attribute in attributes.all() {
                if let Ok(Some(value)) = attributes.get(&attribute.kind) {
                    let _ = (value.text(), value.octets(), value.time(), value.oid());
                }
            }
        }
    }
    if let Some(content) = signed.content() {
        enveloped(content);
    }
});
