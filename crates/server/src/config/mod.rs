//! What the operator can set: one TOML file, every key overridable by the environment and the command line.
//!
//! `example.toml` is the documentation; a test holds it equal to the defaults here, key by key.

mod acme;
mod load;
mod oidc;
mod secret;
mod span;
mod suggest;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use chancery_pki::{KeyType, Name};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

pub use acme::{Acme, Perspective, Resolver, Validation};
pub use load::{ConfigError, Inspected, Loaded, Overrides, inspect, load};
pub use oidc::{OidcIssuer, OidcRule};
pub use secret::{DatabaseUrl, Secret, shown};
pub use span::Span;

/// The commented configuration file, with every key at its default.
pub const EXAMPLE: &str = include_str!("example.toml");

/// Everything that can be set. `example.toml` says what each key means.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Settings {
    pub data: PathBuf,
    #[serde(with = "optional")]
    pub base_url: Option<Url>,
    #[serde(with = "optional")]
    pub status_url: Option<Url>,
    #[serde(deserialize_with = "oidc::issuers")]
    pub oidc: Vec<OidcIssuer>,
    pub listen: Listen,
    pub database: Database,
    pub keys: Keys,
    pub authority: Authority,
    pub crl: Crl,
    pub tls: Tls,
    pub audit: Audit,
    pub limits: Limits,
    pub log: Log,
    pub proxies: Proxies,
    pub acme: Acme,
    pub scep: Scep,
}

/// The SCEP door.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Scep {
    pub default_profile: String,
}

impl Default for Scep {
    fn default() -> Self {
        Self { default_profile: "device".into() }
    }
}

/// The listeners.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Listen {
    #[serde(with = "text")]
    pub https: SocketAddr,
    #[serde(with = "text")]
    pub mtls: SocketAddr,
    #[serde(with = "text")]
    pub http: SocketAddr,
    #[serde(with = "optional")]
    pub metrics: Option<SocketAddr>,
}

/// The database.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Database {
    pub url: DatabaseUrl,
    pub readers: usize,
}

/// What the private keys are encrypted with, and which keys of others are refused.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Keys {
    pub passphrase: Secret,
    #[serde(with = "optional")]
    pub passphrase_file: Option<PathText>,
    #[serde(deserialize_with = "list")]
    pub blocked: Vec<String>,
}

/// How the first start makes its CA.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Authority {
    pub name: String,
    #[serde(with = "text")]
    pub key_type: KeyType,
    #[serde(with = "optional")]
    pub root_subject: Option<Name>,
    #[serde(with = "optional")]
    pub issuing_subject: Option<Name>,
    pub root_lifetime: Span,
    pub issuing_lifetime: Span,
}

/// Certificate revocation lists.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Crl {
    pub lifetime: Span,
    pub remake_after: Span,
}

/// The server's own certificate.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Tls {
    pub lifetime: Span,
    #[serde(deserialize_with = "list")]
    pub names: Vec<String>,
}

/// The audit trail.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Audit {
    pub checkpoint_every: Span,
}

/// What a client may use up.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Limits {
    pub workers: usize,
    pub connections: usize,
    pub handshake_timeout: Span,
    pub head_timeout: Span,
    pub body_timeout: Span,
    pub keep_alive: Span,
    pub stop_timeout: Span,
}

/// The log.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Log {
    #[serde(with = "text")]
    pub format: LogFormat,
    pub level: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl std::str::FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("write \"text\" or \"json\""),
        }
    }
}

impl std::fmt::Display for LogFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// Reverse proxies in front.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Proxies {
    #[serde(deserialize_with = "list")]
    pub trusted: Vec<String>,
    #[serde(deserialize_with = "list")]
    pub client_certificates: Vec<String>,
    #[serde(with = "text")]
    pub client_certificate_header: CertificateHeader,
}

/// In which header a proxy tells what its client showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateHeader {
    /// RFC 9440.
    #[default]
    ClientCert,
    /// nginx's escaped PEM.
    SslClientCert,
}

impl std::str::FromStr for CertificateHeader {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "client-cert" => Ok(Self::ClientCert),
            "ssl-client-cert" => Ok(Self::SslClientCert),
            _ => Err("write \"client-cert\" or \"ssl-client-cert\""),
        }
    }
}

impl std::fmt::Display for CertificateHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ClientCert => "client-cert",
            Self::SslClientCert => "ssl-client-cert",
        })
    }
}

impl Proxies {
    /// The trusted addresses and networks, an address being a network of one.
    ///
    /// # Errors
    /// Every text that is neither, or has bits behind its prefix.
    pub fn networks(&self) -> Result<Vec<IpNet>, Vec<String>> {
        networks("proxies.trusted", &self.trusted)
    }

    /// The addresses and networks of proxies that tell client certificates.
    ///
    /// # Errors
    /// As [`Proxies::networks`].
    pub fn certificate_networks(&self) -> Result<Vec<IpNet>, Vec<String>> {
        networks("proxies.client_certificates", &self.client_certificates)
    }
}

fn networks(key: &str, texts: &[String]) -> Result<Vec<IpNet>, Vec<String>> {
    let mut networks = Vec::new();
    let mut faults = Vec::new();
    for text in texts {
        match network(text) {
            Ok(network) => networks.push(network),
            Err(why) => faults.push(format!("{key}: {text:?} {why}")),
        }
    }
    if faults.is_empty() { Ok(networks) } else { Err(faults) }
}

fn network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let network: IpNet = text
        .parse()
        .map_err(|_| "is neither an IP address nor a network: write \"192.0.2.1\" or \"192.0.2.0/24\"".to_owned())?;
    if network != network.trunc() {
        return Err(format!("has bits behind its prefix: write \"{}\"", network.trunc()));
    }
    Ok(network)
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: "./chancery-data".into(),
            base_url: None,
            status_url: None,
            oidc: Vec::new(),
            listen: Listen::default(),
            database: Database::default(),
            keys: Keys::default(),
            authority: Authority::default(),
            crl: Crl::default(),
            tls: Tls::default(),
            audit: Audit::default(),
            limits: Limits::default(),
            log: Log::default(),
            proxies: Proxies::default(),
            acme: Acme::default(),
            scep: Scep::default(),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            https: SocketAddr::from(([127, 0, 0, 1], 8443)),
            mtls: SocketAddr::from(([127, 0, 0, 1], 8444)),
            http: SocketAddr::from(([127, 0, 0, 1], 8080)),
            metrics: None,
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self { url: DatabaseUrl::default(), readers: 4 }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self {
            name: "default".into(),
            key_type: KeyType::P256,
            root_subject: None,
            issuing_subject: None,
            root_lifetime: days(20 * 365),
            issuing_lifetime: days(10 * 365),
        }
    }
}

impl Default for Crl {
    fn default() -> Self {
        Self { lifetime: days(7), remake_after: days(1) }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self { lifetime: days(60), names: Vec::new() }
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self { checkpoint_every: seconds(300) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            workers: 0,
            connections: 4096,
            handshake_timeout: seconds(5),
            head_timeout: seconds(8),
            body_timeout: seconds(12),
            keep_alive: seconds(15),
            stop_timeout: seconds(8),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".into() }
    }
}

const fn seconds(count: u64) -> Span {
    Span(std::time::Duration::from_secs(count))
}

const fn days(count: u64) -> Span {
    seconds(count * 86_400)
}

impl Settings {
    /// Every rule between values that the types do not hold, broken ones as text with the key first.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut rule = |holds: bool, text: &str| {
            if !holds {
                faults.push(text.to_owned());
            }
        };
        if let Some(url) = &self.base_url {
            rule(url.scheme() == "https", "base_url: must begin with https://, for the https listener speaks only TLS");
            rule(url.host_str().is_some(), "base_url: has no host");
            rule(bare(url), "base_url: give scheme, host and port only, without path, query or user");
        }
        if let Some(url) = &self.status_url {
            rule(
                matches!(url.scheme(), "http" | "https"),
                "status_url: must begin with http:// (or https://, which many clients do not fetch CRLs from)",
            );
            rule(url.host_str().is_some(), "status_url: has no host");
            rule(
                url.query().is_none() && url.fragment().is_none() && url.username().is_empty(),
                "status_url: give scheme, host, port and path only",
            );
        }
        if let Some(url) = self.database.url.get()
            && let Err(why) = chancery_store::check_url(url)
        {
            let shown = shown(url);
            rule(
                false,
                &format!(
                    "database.url: {shown:?}: {why}; write \"sqlite:///var/lib/chancery/chancery.db\" or \
                     \"postgres://user@host/name\""
                ),
            );
        }
        rule((1..=64).contains(&self.database.readers), "database.readers: from 1 to 64");
        rule(
            !(self.keys.passphrase.is_set() && self.keys.passphrase_file.is_some()),
            "keys.passphrase: keys.passphrase_file is set too; they are both set, leave one",
        );
        rule(!self.authority.name.trim().is_empty(), "authority.name: must not be empty");
        rule(
            self.authority.issuing_lifetime <= self.authority.root_lifetime,
            "authority.issuing_lifetime: must not be longer than authority.root_lifetime",
        );
        rule(self.authority.issuing_lifetime >= days(1), "authority.issuing_lifetime: at least 1 d");
        rule(
            self.crl.remake_after.0 * 2 <= self.crl.lifetime.0,
            "crl.remake_after: at most half of crl.lifetime, so that a CRL never grows old while its maker is away",
        );
        rule(self.crl.remake_after >= seconds(60), "crl.remake_after: at least 1 min");
        rule((days(30)..=days(90)).contains(&self.tls.lifetime), "tls.lifetime: from 30 d to 90 d");
        rule((seconds(1)..=days(1)).contains(&self.audit.checkpoint_every), "audit.checkpoint_every: from 1 s to 1 d");
        rule(self.limits.workers <= 256, "limits.workers: at most 256 (0: one per core)");
        rule((1..=1_000_000).contains(&self.limits.connections), "limits.connections: from 1 to 1000000");
        for (key, span, longest) in [
            ("limits.handshake_timeout", self.limits.handshake_timeout, 60),
            ("limits.head_timeout", self.limits.head_timeout, 60),
            ("limits.body_timeout", self.limits.body_timeout, 600),
            ("limits.keep_alive", self.limits.keep_alive, 3600),
            ("limits.stop_timeout", self.limits.stop_timeout, 600),
        ] {
            rule((seconds(1)..=seconds(longest)).contains(&span), &format!("{key}: from 1 s to {longest} s"));
        }
        self.acme.faults(&mut rule);
        for issuer in &self.oidc {
            issuer.faults(&mut rule);
        }
        faults.extend(self.proxies.networks().err().into_iter().flatten());
        faults.extend(self.proxies.certificate_networks().err().into_iter().flatten());
        if let Err(why) = self.log.level.parse::<tracing_subscriber::EnvFilter>() {
            faults.push(format!("log.level: {why}; write for example \"info\" or \"info,chancery_store=debug\""));
        }
        faults
    }
}

fn bare(url: &Url) -> bool {
    matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none() && url.username().is_empty()
}

/// A path that prints as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathText(pub PathBuf);

impl std::str::FromStr for PathText {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}

impl std::fmt::Display for PathText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.display().fmt(f)
    }
}

/// Values written as text.
mod text {
    use super::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, D, T>(deserializer: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|why| serde::de::Error::custom(format!("{text:?}: {why}")))
    }
}

/// Values written as text, the empty text being none.
mod optional {
    use super::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Option<impl std::fmt::Display>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_str(""),
        }
    }

    pub fn deserialize<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|why| serde::de::Error::custom(format!("{text:?}: {why}")))
    }
}

/// A list, or as the environment writes it: one text with commas.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum List {
        Items(Vec<String>),
        Text(String),
    }
    Ok(match List::deserialize(deserializer)? {
        List::Items(items) => items,
        List::Text(text) => text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Into::into).collect(),
    })
}
