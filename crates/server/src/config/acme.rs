//! The ACME door: what holds for the whole installation. How a directory behaves is its ACME profile's matter.

use std::net::{IpAddr, SocketAddr};

use chancery_acme_validation::NAT64_LENGTHS;
use ipnet::{IpNet, Ipv6Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

use super::{Span, list, network, optional, seconds};

/// The ACME door.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Acme {
    pub cluster: bool,
    pub validation: Validation,
}

/// How control of names is proved.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "documented key by key in example.toml")]
pub struct Validation {
    pub http_port: u16,
    pub tls_port: u16,
    #[serde(with = "optional")]
    pub resolver: Option<Resolver>,
    #[serde(deserialize_with = "list")]
    pub allow: Vec<String>,
    #[serde(deserialize_with = "list")]
    pub deny: Vec<String>,
    #[serde(deserialize_with = "list")]
    pub nat64: Vec<String>,
    pub timeout: Span,
    pub attempts: u32,
    pub at_once: usize,
    #[serde(deserialize_with = "perspectives")]
    pub perspectives: Vec<Perspective>,
    pub quorum: usize,
    pub attestation: Attestation,
}

/// Whose device attestations are believed: PEM files, for each format of its own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attestation {
    #[serde(deserialize_with = "list")]
    pub apple: Vec<String>,
    #[serde(deserialize_with = "list")]
    pub tpm: Vec<String>,
    #[serde(deserialize_with = "list")]
    pub android_key: Vec<String>,
    #[serde(deserialize_with = "list")]
    pub step: Vec<String>,
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            http_port: 80,
            tls_port: 443,
            resolver: None,
            allow: Vec::new(),
            deny: Vec::new(),
            nat64: Vec::new(),
            timeout: seconds(10),
            attempts: 6,
            at_once: 64,
            perspectives: Vec::new(),
            quorum: 0,
            attestation: Attestation::default(),
        }
    }
}

impl Validation {
    /// The networks of `allow`, an address being a network of one.
    ///
    /// # Errors
    /// The first text that is neither, or has bits behind its prefix.
    pub fn allowed(&self) -> Result<Vec<IpNet>, String> {
        networks("acme.validation.allow", &self.allow)
    }

    /// The networks of `deny`.
    ///
    /// # Errors
    /// As for [`Validation::allowed`].
    pub fn denied(&self) -> Result<Vec<IpNet>, String> {
        networks("acme.validation.deny", &self.deny)
    }

    /// The prefixes of `nat64`.
    ///
    /// # Errors
    /// The first text that is no IPv6 network of a length that RFC 6052 section 2.2 knows.
    pub fn translated(&self) -> Result<Vec<Ipv6Net>, String> {
        let key = "acme.validation.nat64";
        let prefix = |range: IpNet| match range {
            IpNet::V6(six) if NAT64_LENGTHS.contains(&six.prefix_len()) => Ok(six),
            other => {
                let why = "is no IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits (RFC 6052 section 2.2)";
                Err(format!("{key}: \"{other}\" {why}"))
            }
        };
        networks(key, &self.nat64)?.into_iter().map(prefix).collect()
    }
}

impl Acme {
    /// Every rule between values that the types do not hold.
    pub(super) fn faults(&self, rule: &mut dyn FnMut(bool, &str)) {
        let validation = &self.validation;
        rule(validation.http_port != 0, "acme.validation.http_port: from 1 to 65535");
        rule(validation.tls_port != 0, "acme.validation.tls_port: from 1 to 65535");
        rule((1..=100).contains(&validation.attempts), "acme.validation.attempts: from 1 to 100");
        rule((1..=10_000).contains(&validation.at_once), "acme.validation.at_once: from 1 to 10000");
        rule(
            validation.quorum <= validation.perspectives.len(),
            "acme.validation.quorum: at most the number of acme.validation.perspectives",
        );
        rule((seconds(1)..=seconds(60)).contains(&validation.timeout), "acme.validation.timeout: from 1 s to 60 s");
        let networks = [validation.allowed(), validation.denied()].map(|networks| networks.map(drop));
        for checked in networks.into_iter().chain([validation.translated().map(drop)]) {
            if let Err(why) = checked {
                rule(false, &why);
            }
        }
    }
}

fn networks(key: &str, texts: &[String]) -> Result<Vec<IpNet>, String> {
    texts.iter().map(|text| network(text).map_err(|why| format!("{key}: {text:?} {why}"))).collect()
}

/// A DNS server: `127.0.0.1:8053`, `[::1]:53`, `192.0.2.53` (port 53), or by a name that the machine itself knows,
/// `dns.example:53`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// By address.
    Address(SocketAddr),
    /// By name, looked up at the start.
    Name(String, u16),
}

impl std::str::FromStr for Resolver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Address((address, 53).into()));
        }
        let name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        };
        match text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?))) {
            Some((host, port)) if port != 0 && name(host) => Ok(Self::Name(host.to_owned(), port)),
            _ => {
                Err("is not the address of a DNS server: write \"127.0.0.1:8053\", \"[::1]:53\" or \"dns.example:53\""
                    .into())
            }
        }
    }
}

impl std::fmt::Display for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

/// Another place to look from: `far resolver=192.0.2.53:53 proxy=http://10.0.0.1:3128`, one or both of the two.
#[derive(Clone, PartialEq, Eq)]
pub struct Perspective {
    /// For people: told in errors.
    pub name: String,
    /// Its DNS server.
    pub resolver: Option<Resolver>,
    /// An HTTP proxy that takes CONNECT.
    pub proxy: Option<Url>,
}

impl std::str::FromStr for Perspective {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let how = "write \"NAME resolver=ADDRESS:PORT proxy=http://HOST:PORT\", one or both of the two";
        let mut words = text.split_whitespace();
        let name = words.next().filter(|name| !name.contains('=')).ok_or_else(|| format!("it has no name: {how}"))?;
        let mut perspective = Self { name: name.to_owned(), resolver: None, proxy: None };
        for word in words {
            match word.split_once('=') {
                Some(("resolver", value)) => perspective.resolver = Some(value.parse()?),
                Some(("proxy", value)) => {
                    let proxy = value.parse::<Url>().ok().filter(|url| url.scheme() == "http" && url.has_host());
                    perspective.proxy = Some(proxy.ok_or_else(|| format!("its proxy is not http://host:port: {how}"))?);
                }
                _ => return Err(format!("{name} has something else than resolver and proxy: {how}")),
            }
        }
        if perspective.resolver.is_none() && perspective.proxy.is_none() {
            return Err(format!("{name} looks from nowhere else: {how}"));
        }
        Ok(perspective)
    }
}

impl std::fmt::Display for Perspective {
    /// Without the proxy's password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        if let Some(resolver) = &self.resolver {
            write!(f, " resolver={resolver}")?;
        }
        if let Some(proxy) = &self.proxy {
            let mut shown = proxy.clone();
            if shown.password().is_some() {
                // Refused only for URLs without a host.
                let _ = shown.set_password(Some("***"));
            }
            write!(f, " proxy={shown}")?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Perspective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Serialize for Perspective {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn perspectives<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Perspective>, D::Error> {
    let texts = list(deserializer)?;
    let each =
        texts.iter().map(|text| text.parse().map_err(|why| serde::de::Error::custom(format!("{text:?}: {why}"))));
    each.collect()
}
