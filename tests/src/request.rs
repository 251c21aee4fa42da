//! Certificate requests without a foreign tool.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_core::{Clock, SystemClock};
use chancery_pki::{
    CertificateTemplate, Csr, CsrTemplate, GeneralName, Issuer, KeyType, KeyUsage, PrivateKey, SerialNumber, Validity,
    oid,
};

/// A key pair that can ask for certificates.
pub struct Key(PrivateKey);

impl Key {
    /// A new one.
    pub fn new(kind: KeyType) -> Self {
        Self(PrivateKey::generate(kind).expect("a key"))
    }

    /// Its PKCS#8, DER.
    pub fn pkcs8(&self) -> Vec<u8> {
        self.0.to_pkcs8_der().to_vec()
    }

    /// A certificate of its own by itself, DER, for a year around now.
    pub fn self_signed(&self, subject: &str) -> Vec<u8> {
        let now = SystemClock.now();
        let year = time::Duration::days(365);
        let template = CertificateTemplate {
            subject: subject.parse().expect("a subject"),
            subject_alt_names: Vec::new(),
            validity: Validity { not_before: now - year / 2, not_after: now + year / 2 },
            key_usage: Some(KeyUsage::DIGITAL_SIGNATURE),
            extended_key_usage: vec![oid::CLIENT_AUTH],
            public_key: self.0.public_key().clone(),
            serial: SerialNumber::from_random([7; 16]),
            basic_constraints: None,
            crl_distribution_points: Vec::new(),
            aia_issuers: Vec::new(),
            aia_ocsp: Vec::new(),
            policies: Vec::new(),
            must_staple: false,
        };
        let issuer = Issuer { name: &template.subject, key_id: &self.0.public_key().key_id() };
        template.sign(&issuer, &self.0).expect("a certificate").der().to_vec()
    }

    /// Ask for a certificate with this subject (RFC 4514 text) and these names (`dns:host.example`).
    pub fn request(&self, subject: &str, names: &[&str]) -> Request {
        Request(template(subject, names).sign(&self.0).expect("a request"))
    }

    /// The same as CRMF (RFC 4211).
    pub fn request_message(&self, subject: &str, names: &[&str]) -> Request {
        Request(template(subject, names).sign_crmf(&self.0).expect("a request"))
    }

    /// Ask for a TLS server certificate for one host.
    pub fn host(&self, host: &str) -> Request {
        self.request(&format!("CN={host}"), &[&format!("dns:{host}")])
    }
}

fn template(subject: &str, names: &[&str]) -> CsrTemplate {
    CsrTemplate {
        subject: Some(subject.parse().expect("a subject")),
        subject_alt_names: names.iter().map(|name| name.parse::<GeneralName>().expect("a name")).collect(),
        ..CsrTemplate::default()
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
