//! Which subject alternative names are certified, and in which form.

use std::collections::BTreeSet;
use std::net::IpAddr;

use chancery_pki::{GeneralName, ObjectIdentifier};
use ipnet::IpNet;

use super::operation::SUBJECT_ALTERNATIVE_NAMES;
use super::pattern::{AddressPattern, DomainPattern, HostPattern};
use super::uri::Host;
use super::{dns, email, other_name, uri};
use crate::Rejection;
use crate::attribute::AttributeSet;
use crate::error::cut;

/// A kind of subject alternative name. X.400 addresses and EDI party names are never certified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say all")]
pub enum NameKind {
    Dns,
    Ip,
    Email,
    Uri,
    Directory,
    RegisteredId,
    Other,
}

impl NameKind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Dns, Self::Ip, Self::Email, Self::Uri, Self::Directory, Self::RegisteredId, Self::Other];

    /// As the attribute `nameKinds` and the text of a name have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Ip => "ip",
            Self::Email => "email",
            Self::Uri => "uri",
            Self::Directory => "dn",
            Self::RegisteredId => "rid",
            Self::Other => "other",
        }
    }

    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Dns => "dns:host.example.com",
            Self::Ip => "ip:192.0.2.1",
            Self::Email => "email:user@example.com",
            Self::Uri => "uri:https://host.example.com/",
            Self::Directory => "dn:CN=name,O=Example",
            Self::RegisteredId => "rid:1.2.3.4",
            Self::Other => "other:1.2.3.4:hexadecimal DER",
        }
    }

    fn of(name: &GeneralName) -> Option<Self> {
        Some(match name {
            GeneralName::Dns(_) => Self::Dns,
            GeneralName::Ip(_) => Self::Ip,
            GeneralName::Email(_) => Self::Email,
            GeneralName::Uri(_) => Self::Uri,
            GeneralName::Directory(_) => Self::Directory,
            GeneralName::RegisteredId(_) => Self::RegisteredId,
            GeneralName::OtherName { .. } => Self::Other,
            GeneralName::X400(_) | GeneralName::EdiParty(_) => return None,
        })
    }
}

/// Allowed names. An empty allow list allows any, except that of other names, which allows none; deny lists win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRules {
    /// Allowed kinds.
    pub kinds: BTreeSet<NameKind>,
    /// There must be at least one name.
    pub required: bool,
    /// There may be this many.
    pub maximum: usize,
    /// DNS names, and the bases of wildcards.
    pub dns_allowed: Vec<DomainPattern>,
    /// DNS names, and wildcards that cover one of them.
    pub dns_denied: Vec<DomainPattern>,
    /// Names like `*.example.com`.
    pub wildcards: bool,
    /// Names without a dot.
    pub single_label: bool,
    /// Ranges of addresses.
    pub ip_allowed: Vec<IpNet>,
    /// Ranges of addresses.
    pub ip_denied: Vec<IpNet>,
    /// E-mail addresses and domains.
    pub email_allowed: Vec<AddressPattern>,
    /// E-mail addresses and domains.
    pub email_denied: Vec<AddressPattern>,
    /// Schemes in lower case.
    pub uri_schemes: Vec<String>,
    /// Hosts of URIs.
    pub uri_allowed: Vec<HostPattern>,
    /// Hosts of URIs.
    pub uri_denied: Vec<HostPattern>,
    /// Types of other names.
    pub other_types: Vec<ObjectIdentifier>,
}

impl NameRules {
    /// The names of the request, then those told beside it, in the form that is certified and none twice.
    pub(super) fn decide(
        &self,
        requested: &[GeneralName],
        attributes: &AttributeSet,
        faults: &mut Vec<Rejection>,
    ) -> Vec<GeneralName> {
        let before = faults.len();
        let mut wanted: Vec<GeneralName> = requested.to_vec();
        for text in attributes.strings(SUBJECT_ALTERNATIVE_NAMES) {
            match read(text) {
                Ok(name) => wanted.push(name),
                Err(why) => faults.push(Rejection::Attribute { name: SUBJECT_ALTERNATIVE_NAMES.into(), why }),
            }
        }
        if wanted.len() > self.maximum {
            let why = format!("{} names are asked for; this RA profile allows {}", wanted.len(), self.maximum);
            faults.push(Rejection::Name { name: "subjectAltName".into(), why });
            return Vec::new();
        }
        let mut names: Vec<GeneralName> = Vec::with_capacity(wanted.len());
        for name in wanted {
            let text = cut(&name.to_string());
            match self.check(name) {
                Ok(name) if names.contains(&name) => {}
                Ok(name) => names.push(name),
                Err(why) => faults.push(Rejection::Name { name: text, why }),
            }
        }
        let spiffe = |name: &&GeneralName| matches!(name, GeneralName::Uri(uri) if uri.starts_with("spiffe:"));
        let uris = names.iter().filter(|name| matches!(name, GeneralName::Uri(_))).count();
        if let (Some(id), 2..) = (names.iter().find(spiffe), uris) {
            // X509-SVID standard, section 2: exactly one URI, or validators refuse the certificate.
            let why = "a certificate with a SPIFFE id has no other URI beside it; ask for them apart";
            faults.push(Rejection::Name { name: cut(&id.to_string()), why: why.into() });
        }
        if self.required && names.is_empty() && faults.len() == before {
            let why = "the request has no subject alternative name and this RA profile requires one; make the request \
                       with one (the common name does not count)";
            faults.push(Rejection::Name { name: "subjectAltName".into(), why: why.into() });
        }
        names
    }

    /// Whether a name would be certified.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub fn allows(&self, name: GeneralName) -> Result<(), String> {
        self.check(name).map(drop)
    }

    /// A text outside of the alternative names that a TLS client may take for a host's name or address, held against
    /// the same rules.
    pub(super) fn check_host(&self, text: &str) -> Result<(), String> {
        let name = match text.trim_matches(['[', ']']).parse() {
            Ok(ip) => GeneralName::Ip(ip),
            Err(_) => GeneralName::Dns(text.to_owned()),
        };
        self.check(name).map(drop)
    }

    fn check(&self, name: GeneralName) -> Result<GeneralName, String> {
        let kind = NameKind::of(&name).ok_or("names of this kind are not certified")?;
        if !self.kinds.contains(&kind) {
            let kinds: Vec<_> = self.kinds.iter().map(|kind| kind.as_str()).collect();
            let kinds = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
            return Err(format!("this RA profile allows no names of this kind; it allows {kinds}"));
        }
        match name {
            GeneralName::Dns(name) => self.dns(&name).map(GeneralName::Dns),
            GeneralName::Ip(ip) => self.ip(ip).map(|()| GeneralName::Ip(ip)),
            GeneralName::Email(address) => self.email(&address).map(|()| GeneralName::Email(address)),
            GeneralName::Uri(uri) => self.uri(&uri).map(|()| GeneralName::Uri(uri)),
            GeneralName::Directory(name) if name.is_empty() => Err("it is empty".into()),
            GeneralName::OtherName { oid, value } => {
                if !self.other_types.contains(&oid) {
                    return Err(format!("this RA profile allows no other names of type {oid}"));
                }
                other_name::check(oid, &value)?;
                Ok(GeneralName::OtherName { oid, value })
            }
            name => Ok(name),
        }
    }

    fn dns(&self, text: &str) -> Result<String, String> {
        let (base, wildcard) = dns::normalise_wildcard(text)?;
        if wildcard && !self.wildcards {
            return Err("this RA profile allows no wildcards; ask for each name".into());
        }
        if !self.single_label && !base.contains('.') {
            return Err("this RA profile allows no names without a domain; ask for the full name".into());
        }
        let name = if wildcard { format!("*.{base}") } else { base.clone() };
        let denied = |pattern: &DomainPattern| {
            if wildcard { pattern.touches_wildcard(&base) } else { pattern.contains(&name) }
        };
        allow(&self.dns_allowed, &self.dns_denied, |pattern| pattern.contains(&name), denied)?;
        Ok(name)
    }

    fn ip(&self, ip: IpAddr) -> Result<(), String> {
        let ip = ip.to_canonical();
        let within = |range: &IpNet| range.contains(&ip);
        allow(&self.ip_allowed, &self.ip_denied, within, within)
    }

    /// An address, wherever it stands.
    pub(super) fn email(&self, text: &str) -> Result<(), String> {
        let domain = email::domain(text)?;
        let local = text.rsplit_once('@').map_or(text, |(local, _)| local);
        let within = |pattern: &AddressPattern| pattern.contains(local, &domain);
        allow(&self.email_allowed, &self.email_denied, within, within)
    }

    fn uri(&self, text: &str) -> Result<(), String> {
        let uri::Parts { scheme, host } = uri::parse(text)?;
        if !self.uri_schemes.is_empty() && !self.uri_schemes.contains(&scheme) {
            let schemes = self.uri_schemes.join(", ");
            return Err(format!("this RA profile does not allow the scheme {scheme}; it allows {schemes}"));
        }
        let Some(host) = host else {
            if !self.uri_allowed.is_empty() {
                return Err("this RA profile allows certain hosts only, and the URI names none".into());
            }
            // What such a URI leads to is for its scheme to say; a urn leads nowhere (RFC 8141).
            if !self.uri_denied.is_empty() && scheme != "urn" {
                return Err("this RA profile denies some hosts, and where this URI leads cannot be told".into());
            }
            return Ok(());
        };
        let within = |pattern: &HostPattern| match (pattern, &host) {
            (HostPattern::Domain(pattern), Host::Name(name)) => pattern.contains(name),
            (HostPattern::Range(range), Host::Ip(ip)) => range.contains(&ip.to_canonical()),
            _ => false,
        };
        allow(&self.uri_allowed, &self.uri_denied, within, within)
    }
}

fn allow<P>(
    allowed: &[P],
    denied: &[P],
    within: impl Fn(&P) -> bool,
    touched: impl Fn(&P) -> bool,
) -> Result<(), String> {
    if denied.iter().any(touched) {
        return Err("this RA profile denies it".into());
    }
    if allowed.is_empty() || allowed.iter().any(within) {
        return Ok(());
    }
    Err("it is not among the names that this RA profile allows".into())
}

/// The text of a name; DNS names may be internationalised there.
fn read(text: &str) -> Result<GeneralName, String> {
    match text.split_once(':') {
        Some((kind, name)) if kind.eq_ignore_ascii_case("dns") => Ok(GeneralName::Dns(name.to_owned())),
        _ => text.parse().map_err(|why| format!("{why}")),
    }
}
