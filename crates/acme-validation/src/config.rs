//! How the prober is set up.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use ipnet::{IpNet, Ipv6Net};
use serde::{Deserialize, Serialize};

use crate::AttestationConfig;
use crate::address::NAT64_LENGTHS;

/// What a server sets up once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidationConfig {
    /// The port of http-01: 80 (RFC 8555 section 8.3), another in tests and labs.
    pub http_port: u16,
    /// The port of tls-alpn-01: 443 (RFC 8737 section 3), another in tests and labs.
    pub tls_port: u16,
    /// The resolver, `host:port`; without one the system's, with its hosts file.
    pub resolver: Option<String>,
    /// Special address ranges that are dialled all the same.
    pub allow: Vec<IpNet>,
    /// Address ranges that are never dialled; wins over everything.
    pub deny: Vec<IpNet>,
    /// Prefixes that the network itself carries to IPv4 (RFC 6052): the address inside is judged.
    pub nat64: Vec<Ipv6Net>,
    /// The longest that one attempt takes, redirects and all; in whole seconds when read from a file.
    #[serde(with = "seconds")]
    pub timeout: Duration,
    /// The longest that one connection takes to come about; likewise.
    #[serde(with = "seconds")]
    pub connect_timeout: Duration,
    /// The longest that one try of a DNS question takes, of which there are two; likewise.
    #[serde(with = "seconds")]
    pub dns_timeout: Duration,
    /// Most redirects that http-01 follows.
    pub redirects: u32,
    /// Other places from which everything is looked at as well.
    pub perspectives: Vec<PerspectiveConfig>,
    /// How many of the perspectives must agree; without it all of up to five, and all but one of more (the CA/Browser
    /// Forum's Baseline Requirements, section 3.2.2.9, with room for one).
    pub quorum: Option<usize>,
    /// Whose device attestations are believed.
    pub attestation: AttestationConfig,
}

/// Another place to look from: another resolver, a way out through a proxy, or both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PerspectiveConfig {
    /// For people: told in errors.
    pub name: String,
    /// Its resolver, `host:port`; without one the server's.
    pub resolver: Option<String>,
    /// An HTTP proxy that takes CONNECT to addresses: `http://host:port`, with `user:password@` where it wants that.
    pub proxy: Option<String>,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self {
            http_port: 80,
            tls_port: 443,
            resolver: None,
            allow: Vec::new(),
            deny: Vec::new(),
            nat64: Vec::new(),
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(4),
            dns_timeout: Duration::from_secs(3),
            redirects: 10,
            perspectives: Vec::new(),
            quorum: None,
            attestation: AttestationConfig::default(),
        }
    }
}

impl ValidationConfig {
    /// How many perspectives must agree.
    pub fn needed(&self) -> usize {
        let count = self.perspectives.len();
        self.quorum.unwrap_or(if count > 5 { count - 1 } else { count })
    }

    /// What can be said without the network.
    ///
    /// # Errors
    /// A port of 0, a time of 0, a quorum that cannot be reached or asks for nobody, a perspective that is none.
    pub fn check(&self) -> Result<(), ConfigError> {
        let rule = |holds: bool, why: &str| if holds { Ok(()) } else { Err(ConfigError::Rule(why.to_owned())) };
        rule(self.http_port != 0, "http_port: from 1 to 65535")?;
        rule(self.tls_port != 0, "tls_port: from 1 to 65535")?;
        for (name, time) in
            [("timeout", self.timeout), ("connect_timeout", self.connect_timeout), ("dns_timeout", self.dns_timeout)]
        {
            rule(!time.is_zero(), &format!("{name}: more than 0"))?;
        }
        rule(
            self.nat64.iter().all(|prefix| NAT64_LENGTHS.contains(&prefix.prefix_len())),
            "nat64: a prefix has 32, 40, 48, 56, 64 or 96 bits (RFC 6052 section 2.2)",
        )?;
        rule(self.redirects <= 10, "redirects: at most 10")?;
        let count = self.perspectives.len();
        rule(
            self.quorum.is_none_or(|quorum| (1..=count).contains(&quorum)),
            &format!("quorum: from 1 to the number of perspectives, {count}"),
        )?;
        for perspective in &self.perspectives {
            rule(!perspective.name.is_empty(), "perspectives: each has a name")?;
            rule(
                perspective.resolver.is_some() || perspective.proxy.is_some(),
                &format!("perspectives: {:?} needs a resolver or a proxy", perspective.name),
            )?;
        }
        Ok(())
    }
}

/// Why a prober cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value outside of its bounds.
    #[error("acme.validation.{0}")]
    Rule(String),
    /// An address that cannot be understood or found.
    #[error("acme.validation: {what} {value:?} is not host:port with a host that is known here: {source}")]
    Address {
        /// What it is for.
        what: &'static str,
        /// As configured.
        value: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A proxy that cannot be used.
    #[error("acme.validation: proxy {0:?} is not http://host:port")]
    Proxy(String),
    /// The resolver or TLS could not be set up.
    #[error("acme.validation: {0}")]
    Setup(String),
}

/// The address of a configured `host:port`.
pub(crate) fn address_of(what: &'static str, value: &str) -> Result<SocketAddr, ConfigError> {
    let error = |source| ConfigError::Address { what, value: value.to_owned(), source };
    let mut found = value.to_socket_addrs().map_err(error)?;
    found.next().ok_or_else(|| error(std::io::Error::other("it has no address")))
}

mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_secs())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold() {
        assert!(ValidationConfig::default().check().is_ok());
    }

    #[test]
    fn each_rule_refuses() {
        let with = |change: fn(&mut ValidationConfig)| {
            let mut config = ValidationConfig::default();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert!(with(|config| config.http_port = 0).contains("http_port"));
        assert!(with(|config| config.tls_port = 0).contains("tls_port"));
        assert!(with(|config| config.timeout = Duration::ZERO).contains("timeout"));
        assert!(with(|config| config.nat64 = vec!["2001:db8::/33".parse().unwrap()]).contains("nat64"));
        assert!(with(|config| config.redirects = 11).contains("redirects"));
        assert!(with(|config| config.quorum = Some(1)).contains("quorum"));
        let nameless = |config: &mut ValidationConfig| config.perspectives = vec![PerspectiveConfig::default()];
        assert!(with(nameless).contains("name"));
        let idle: fn(&mut ValidationConfig) = |config| {
            config.perspectives = vec![PerspectiveConfig { name: "far".into(), ..PerspectiveConfig::default() }];
        };
        assert!(with(idle).contains("needs a resolver or a proxy"));
    }

    #[test]
    fn the_quorum_follows_the_number_of_perspectives() {
        let config = |count: usize| ValidationConfig {
            perspectives: vec![PerspectiveConfig::default(); count],
            ..ValidationConfig::default()
        };
        assert_eq!([0, 1, 5, 6, 9].map(|count| config(count).needed()), [0, 1, 5, 5, 8]);
        assert_eq!(ValidationConfig { quorum: Some(2), ..config(4) }.needed(), 2);
    }

    #[test]
    fn addresses_are_told_from_others() {
        assert_eq!(address_of("resolver", "127.0.0.1:8053").unwrap().port(), 8053);
        assert!(address_of("resolver", "127.0.0.1").unwrap_err().to_string().contains("\"127.0.0.1\""));
    }
}
