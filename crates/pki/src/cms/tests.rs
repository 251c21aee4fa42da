use super::*;
use crate::{Certificate, PrivateKey};

mod captures;

/// The key and the certificate of the captures' recipient.
fn registration_authority() -> (EnclosedCertificate, DecryptionKey) {
    let certificate = Certificate::from_pem(include_str!("../../fixtures/cms/ra.crt.pem")).unwrap();
    let key = PrivateKey::from_pkcs8_pem(include_str!("../../fixtures/cms/ra.key.pem")).unwrap();
    (EnclosedCertificate::from(&certificate), DecryptionKey::new(&key).unwrap())
}
