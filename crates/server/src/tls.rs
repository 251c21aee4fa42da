//! TLS of the `https` and `mtls` listeners, and the server's own certificate: made, renewed and reloaded by itself.

pub mod mutual;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chancery_authority::SoftwareKeys;
use chancery_core::{Error, Ra};
use chancery_pki::{
    Certificate, CertificateTemplate, GeneralName, KeyType, KeyUsage, Name, PrivateKey, SerialNumber, Validity,
};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::data_folder::DataFolder;

/// The file of the certificate and its chain; the key is in the database, encrypted.
const FILE: &str = "tls.pem";
/// The certificate begins this long before it is made, for clients whose clock is slow.
const BACKDATE: time::Duration = time::Duration::hours(1);
/// How often it is looked whether the certificate is due, or revoked.
const LOOK: Duration = Duration::from_secs(60);

/// A certificate with chain and key, as each of the listeners takes it.
#[derive(Debug)]
pub struct Credential {
    https: Arc<CertifiedKey>,
    mtls: mutual::Credential,
}

/// The certificate that handshakes show now. A change holds from the next handshake on.
#[derive(Debug)]
pub struct ShownCertificate(ArcSwap<Credential>);

impl ShownCertificate {
    /// Show this one.
    pub fn new(certificate: Credential) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(certificate)))
    }

    /// Show this one from now on.
    pub fn show(&self, certificate: Credential) {
        self.0.store(Arc::new(certificate));
    }
}

impl ResolvesServerCert for ShownCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load().https.clone())
    }
}

/// Why the server's own certificate cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// On the `https` listener.
    #[error("the server's certificate does not fit the https listener: {0}")]
    Https(#[from] rustls::Error),
    /// On the `mtls` listener.
    #[error("the server's certificate does not fit the mtls listener: {0}")]
    Mtls(#[from] openssl::error::ErrorStack),
}

/// TLS 1.2 and 1.3 on aws-lc-rs, no client certificates, resumption by tickets. ALPN (`http/1.1` alone) is actix's to add.
pub fn server_config(shown: Arc<ShownCertificate>) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    config.max_early_data_size = 0;
    Ok(config)
}

/// Certificate, chain and key as the listeners take them.
pub fn certified(chain: &[Certificate], key: &PrivateKey) -> Result<Credential, CredentialError> {
    let mtls = mutual::Credential::new(chain, key)?;
    let pkcs8 = key.to_pkcs8_der();
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(&pkcs8[..]));
    let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der)?;
    let chain = chain.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect();
    let certified = CertifiedKey::new(chain, signing);
    certified.keys_match()?;
    Ok(Credential { https: Arc::new(certified), mtls })
}

/// What the server's own certificate is made of.
pub struct OwnCertificate {
    /// Signs and records it.
    pub ra: Ra,
    /// Keeps its key.
    pub keys: Arc<SoftwareKeys>,
    /// The authority that signs it.
    pub authority: Uuid,
    /// The node whose certificate it is.
    pub node: Uuid,
    /// Keeps the certificate.
    pub folder: DataFolder,
    /// Its names.
    pub names: Vec<GeneralName>,
    /// How long it lives.
    pub lifetime: time::Duration,
}

impl OwnCertificate {
    /// The certificate to show: the kept one while it fits and is not due, a new one otherwise.
    pub async fn current(&self) -> Result<Credential, Error> {
        if let Some((chain, key)) = self.kept().await? {
            return certified(&chain, &key).map_err(Error::internal);
        }
        self.issue().await
    }

    /// Renew it when it is due, for ever.
    pub async fn keep(&self, shown: &ShownCertificate) {
        loop {
            tokio::time::sleep(LOOK).await;
            match self.kept().await {
                Ok(Some(_)) => continue,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(
                        error = chancery_http::chain(&error),
                        "the server's certificate cannot be looked at"
                    );
                    continue;
                }
            }
            match self.issue().await {
                Ok(certificate) => shown.show(certificate),
                Err(error) => {
                    tracing::error!(error = chancery_http::chain(&error), "the server's certificate cannot be renewed");
                }
            }
        }
    }

    /// Of whose certificates the key is.
    fn label(&self) -> String {
        format!("TLS of node {}", self.node)
    }

    /// The kept certificate with its chain and key, while it can be shown.
    async fn kept(&self) -> Result<Option<(Vec<Certificate>, PrivateKey)>, Error> {
        let Some(text) = self.folder.read(FILE).map_err(Error::internal)? else { return Ok(None) };
        // Whatever cannot be read is replaced.
        let Some(chain) = chain(&text) else { return Ok(None) };
        let Some((_, key)) = self.keys.by_label(&self.label()).await? else { return Ok(None) };
        let issuer = self.ra.ports().authority.instance(self.authority).map(|authority| authority.issuer().1.clone());
        let fits = chain.get(1).map(Certificate::der) == issuer.as_ref().map(Certificate::der)
            && chain[0].public_key().spki_der() == key.public_key().spki_der()
            && covers(&chain[0], &self.names)
            && !is_due(chain[0].validity(), self.ra.ports().clock.now());
        if !fits || self.is_revoked(&chain[0]).await? {
            return Ok(None);
        }
        Ok(Some((chain, key)))
    }

    /// Whether somebody revoked it. One that the inventory does not know is not ours to show either.
    async fn is_revoked(&self, certificate: &Certificate) -> Result<bool, Error> {
        let ports = self.ra.ports();
        let Some(authority) = ports.authority.instance(self.authority) else { return Ok(true) };
        let known = ports.inventory.certificate_by_serial(authority.issuer().0, certificate.serial()).await?;
        Ok(known.is_none_or(|record| record.revocation.is_some()))
    }

    async fn issue(&self) -> Result<Credential, Error> {
        let (_, key) = self.keys.add(KeyType::P256, &self.label()).await?;
        let template = template(self.names.clone(), &key, self.ra.ports().clock.now(), self.lifetime);
        let record = self.ra.issue_own(self.authority, template).await?;
        let der = record.certificate.ok_or_else(|| Error::internal("an issued certificate has no content"))?;
        let mut chain = vec![Certificate::from_der(&der).map_err(Error::internal)?];
        let above = record.issuer.and_then(|issuer| self.ra.ports().authority.chain(issuer)).unwrap_or_default();
        chain.extend(above.into_iter().map(|(_, ca)| ca).filter(|ca| !ca.is_self_issued()));
        let text: String = chain.iter().map(Certificate::to_pem).collect();
        self.folder.write(FILE, text.as_bytes(), 0o644).map_err(Error::internal)?;
        tracing::info!(
            certificate = %record.id,
            until = %chain[0].validity().not_after,
            names = chain[0].subject_alt_names().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            "the server has a new TLS certificate"
        );
        certified(&chain, &key).map_err(Error::internal)
    }
}

fn chain(text: &[u8]) -> Option<Vec<Certificate>> {
    let chain = Certificate::all_from_pem(std::str::from_utf8(text).ok()?).ok()?;
    (!chain.is_empty()).then_some(chain)
}

/// Whether the certificate has all these names.
fn covers(certificate: &Certificate, names: &[GeneralName]) -> bool {
    names.iter().all(|name| certificate.subject_alt_names().contains(name))
}

/// Two thirds of its life are over, or it has not begun: the clock was moved.
fn is_due(validity: Validity, now: OffsetDateTime) -> bool {
    let life = validity.not_after - validity.not_before;
    now < validity.not_before || now >= validity.not_before + life * 2 / 3
}

fn template(
    names: Vec<GeneralName>,
    key: &PrivateKey,
    now: OffsetDateTime,
    lifetime: time::Duration,
) -> CertificateTemplate {
    let not_before = now - BACKDATE;
    CertificateTemplate {
        subject: "CN=Chancery".parse::<Name>().expect("a plain common name"),
        subject_alt_names: names,
        validity: Validity { not_before, not_after: not_before + lifetime },
        key_usage: Some(KeyUsage::DIGITAL_SIGNATURE),
        extended_key_usage: vec![chancery_pki::oid::SERVER_AUTH],
        public_key: key.public_key().clone(),
        // The authority gives it its own.
        serial: SerialNumber::from_random([1; 16]),
        basic_constraints: None,
        crl_distribution_points: Vec::new(),
        aia_issuers: Vec::new(),
        aia_ocsp: Vec::new(),
        policies: Vec::new(),
        must_staple: false,
    }
}

/// The names of the server: where clients find it, and this machine's own.
pub fn names(host: &str, bound: IpAddr, machine: Option<&str>, more: &[String]) -> Vec<GeneralName> {
    let loopback = ["localhost", "127.0.0.1", "::1"];
    let bound = Some(bound.to_string()).filter(|_| !bound.is_unspecified());
    let texts = std::iter::once(host)
        .chain(loopback)
        .chain(bound.as_deref())
        .chain(machine)
        .chain(more.iter().map(String::as_str));
    let mut names = Vec::new();
    for text in texts {
        let text = text.trim_start_matches('[').trim_end_matches(']');
        let name = match text.parse::<IpAddr>() {
            Ok(address) => GeneralName::Ip(address.to_canonical()),
            Err(_) if is_dns_name(text) => GeneralName::Dns(text.to_ascii_lowercase()),
            Err(_) => continue,
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn is_dns_name(text: &str) -> bool {
    text.len() <= 253
        && text.trim_start_matches("*.").split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

#[cfg(test)]
mod tests;
