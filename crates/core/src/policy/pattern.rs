//! Patterns of domains, hosts and e-mail addresses.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::dns;

/// A set of domain names. Text: `example.com` is the domain and all below it, `.example.com` only what is below it,
/// `=example.com` that name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainPattern {
    domain: String,
    reach: Reach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Itself,
    Below,
    Both,
}

impl DomainPattern {
    /// Whether a name in lower case, in A-labels, is within. For a wildcard name, that of its base is asked: `below`.
    pub fn contains(&self, name: &str) -> bool {
        let below = || name.strip_suffix(self.domain.as_str()).is_some_and(|front| front.ends_with('.'));
        match self.reach {
            Reach::Itself => name == self.domain,
            Reach::Below => below(),
            Reach::Both => name == self.domain || below(),
        }
    }

    /// Whether some name that the wildcard name `*.base` stands for is within: what a deny rule asks.
    pub(super) fn touches_wildcard(&self, base: &str) -> bool {
        if self.contains(&format!("*.{base}")) {
            return true;
        }
        // A rule for one host, or for what is below it, denies the wildcard one level above it too.
        self.reach != Reach::Below && self.domain.split_once('.').is_some_and(|(_, parent)| parent == base)
    }
}

impl FromStr for DomainPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (reach, domain) = match (text.strip_prefix('='), text.strip_prefix('.')) {
            (Some(domain), _) => (Reach::Itself, domain),
            (_, Some(domain)) => (Reach::Below, domain),
            _ => (Reach::Both, text),
        };
        if domain.contains('*') {
            return Err(format!("{text:?} has a wildcard; write `.example.com` for everything below a domain"));
        }
        let domain = dns::normalise(domain).map_err(|why| format!("{text:?} is not a domain: {why}"))?;
        Ok(Self { domain, reach })
    }
}

/// A set of hosts: a domain pattern, or a range of IP addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// By name.
    Domain(DomainPattern),
    /// By address.
    Range(IpNet),
}

impl FromStr for HostPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match range(text) {
            Some(range) => Ok(Self::Range(range)),
            None => text.parse().map(Self::Domain),
        }
    }
}

/// A set of e-mail addresses: one address, or all in a set of domains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressPattern {
    /// One address, its domain in lower case.
    Address(String),
    /// By domain.
    Domain(DomainPattern),
}

impl AddressPattern {
    /// Whether an address, its domain in lower case, is within.
    pub fn contains(&self, local: &str, domain: &str) -> bool {
        match self {
            // The local part is the mail server's to interpret; rules compare it without case, so none is evaded by it.
            Self::Address(address) => {
                address.rsplit_once('@').is_some_and(|(own, at)| own.eq_ignore_ascii_case(local) && at == domain)
            }
            Self::Domain(pattern) => pattern.contains(domain),
        }
    }
}

impl FromStr for AddressPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.rsplit_once('@') {
            None => text.parse().map(Self::Domain),
            Some(("", domain)) => domain.parse().map(Self::Domain),
            Some((local, _)) => {
                let domain = super::email::domain(text).map_err(|why| format!("{text:?}: {why}"))?;
                Ok(Self::Address(format!("{local}@{domain}")))
            }
        }
    }
}

/// `10.0.0.0/8`, or a single address.
pub(super) fn range(text: &str) -> Option<IpNet> {
    let range: IpNet = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    Some(range.trunc())
}
