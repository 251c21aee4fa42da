//! Certificate requests without a foreign tool.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_pki::{Csr, CsrTemplate, GeneralName, KeyType, PrivateKey};

/// A key pair that can ask for certificates.
pub struct Key(PrivateKey);

impl Key {
    /// A new one.
    pub fn new(kind: KeyType) -> Self {
        Self(PrivateKey::generate(kind).expect("a key"))
    }

    /// Ask for a certificate with this subject (RFC 4514 text) and these names (`dns:host.example`).
    pub fn request(&self, subject: &str, names: &[&str]) -> Request {
        let template = CsrTemplate {
            subject: Some(subject.parse().expect("a subject")),
            subject_alt_names: names.iter().map(|name| name.parse::<GeneralName>().expect("a name")).collect(),
            ..CsrTemplate::default()
        };
        Request(template.sign(&self.0).expect("a request"))
    }

    /// Ask for a TLS server certificate for one host.
    pub fn host(&self, host: &str) -> Request {
        self.request(&format!("CN={host}"), &[&format!("dns:{host}")])
    }
}

/// A certificate request.
pub struct Request(Csr);

impl Request {
    /// A new P-256 key's request for one host.
    pub fn host(host: &str) -> Self {
        Key::new(KeyType::P256).host(host)
    }

    /// As PEM.
    pub fn pem(&self) -> String {
        self.0.to_pem()
    }

    /// As Base64 of DER, on one line.
    pub fn base64(&self) -> String {
        STANDARD.encode(self.0.der())
    }

    /// As DER.
    pub fn der(&self) -> &[u8] {
        self.0.der()
    }

    /// Itself.
    pub fn csr(&self) -> &Csr {
        &self.0
    }
}
