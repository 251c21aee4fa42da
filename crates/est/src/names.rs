//! Which names a requester may ask for: every credential says so, whatever the RA profile would certify.

use std::net::IpAddr;
use std::str::FromStr;

use chancery_core::policy::{AddressPattern, HostPattern, SubjectRules, dns_name, mailbox_domain};
use chancery_pki::{AttributeKind, Certificate, Csr, GeneralName, ObjectIdentifier};

/// A set of names. Text:
/// - `example.com` is the domain and all below it, `.example.com` only what is below it, `=example.com` that name alone,
///   `*.example.com` that wildcard name alone, `192.0.2.0/24` a range of addresses;
/// - `email:user@example.com` an address, `email:example.com` all of a domain;
/// - `uri:…`, `dn:…`, `rid:…`, `other:…` that name alone;
/// - `O=Example` that attribute of the subject, `serialNumber=*` whatever its value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Hosts(HostPattern),
    /// The name with its `*.`.
    Wildcard(String),
    Mailboxes(AddressPattern),
    Exactly(GeneralName),
    Attribute(ObjectIdentifier, Option<String>),
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("*.") {
            let (base, _) = dns_name(text).map_err(|why| format!("{text:?} is not a wildcard name: {why}"))?;
            return Ok(Self::Wildcard(format!("*.{base}")));
        }
        if let Some((left, right)) = text.split_once('=')
            && let Some(oid) = attribute(left)
        {
            return match right {
                "" => Err(format!("{text:?} has no value; write {left}=* for any")),
                "*" => Ok(Self::Attribute(oid, None)),
                value => Ok(Self::Attribute(oid, Some(value.to_owned()))),
            };
        }
        match text.split_once(':') {
            Some(("email", address)) => address.parse().map(Self::Mailboxes),
            Some(("uri" | "dn" | "rid" | "other", _)) => {
                text.parse().map(Self::Exactly).map_err(|why| format!("{text:?}: {why}"))
            }
            Some(("dns" | "ip", host)) => host.parse().map(Self::Hosts),
            _ => text.parse().map(Self::Hosts),
        }
    }
}

/// An attribute type of a subject by its short name or object identifier.
fn attribute(text: &str) -> Option<ObjectIdentifier> {
    AttributeKind::by_name(text).map(AttributeKind::oid).or_else(|| ObjectIdentifier::new(text).ok())
}

impl Pattern {
    fn allows_host(&self, name: &str, ip: Option<IpAddr>) -> bool {
        match (self, ip) {
            (Self::Hosts(HostPattern::Range(range)), Some(ip)) => range.contains(&ip.to_canonical()),
            // Nothing is proved here: a wildcard name must be listed as such.
            (Self::Hosts(HostPattern::Domain(domain)), None) => !name.starts_with("*.") && domain.contains(name),
            (Self::Wildcard(wildcard), None) => wildcard == name,
            _ => false,
        }
    }

    fn allows_mailbox(&self, address: &str) -> bool {
        let (Self::Mailboxes(pattern), Ok(domain)) = (self, mailbox_domain(address)) else { return false };
        let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
        pattern.contains(local, &domain)
    }

    fn allows_name(&self, name: &GeneralName) -> bool {
        match name {
            GeneralName::Dns(name) => host(name).is_some_and(|name| self.allows_host(&name, None)),
            GeneralName::Ip(ip) => self.allows_host("", Some(*ip)),
            GeneralName::Email(address) => self.allows_mailbox(address),
            other => matches!(self, Self::Exactly(exactly) if exactly == other),
        }
    }

    fn allows_attribute(&self, oid: ObjectIdentifier, value: &str) -> bool {
        if matches!(self, Self::Attribute(own, wanted) if *own == oid && wanted.as_deref().is_none_or(|w| w == value)) {
            return true;
        }
        oid == AttributeKind::CommonName.oid()
            && (value.parse().is_ok_and(|ip| self.allows_host("", Some(ip)))
                || host(value).is_some_and(|name| self.allows_host(&name, None))
                || self.allows_mailbox(value))
    }
}

/// A DNS name as it would be certified, with its `*.`.
fn host(text: &str) -> Option<String> {
    if text.parse::<IpAddr>().is_ok() {
        return None;
    }
    let (base, wildcard) = dns_name(text).ok()?;
    Some(if wildcard { format!("*.{base}") } else { base })
}

/// The names that somebody may ask for.
#[derive(Clone, Debug)]
pub struct AllowedNames(Rule);

#[derive(Clone, Debug)]
enum Rule {
    /// Whatever the RA profile certifies.
    Any,
    /// This one: as common name, DNS name, address or mailbox.
    Own(String),
    /// What one of these allows.
    Listed(Vec<Pattern>),
    /// The names of this certificate.
    Certificate(Box<Certificate>),
    /// What any of these allows.
    Either(Vec<AllowedNames>),
    /// What all of these allow.
    Both(Vec<AllowedNames>),
}

impl AllowedNames {
    /// Whatever the RA profile certifies.
    pub fn any() -> Self {
        Self(Rule::Any)
    }

    /// The requester's own name: as common name, and as DNS name, IP address or mailbox among the alternative names.
    pub fn own(name: &str) -> Self {
        Self(Rule::Own(name.to_owned()))
    }

    /// The names of a certificate.
    pub fn of(certificate: &Certificate) -> Self {
        Self(Rule::Certificate(Box::new(certificate.clone())))
    }

    /// What both allow.
    pub fn and(self, other: Self) -> Self {
        Self(Rule::Both(vec![self, other]))
    }

    /// Read a list of patterns.
    ///
    /// # Errors
    /// The first that is none, and why.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        texts.iter().map(|text| text.parse()).collect::<Result<_, String>>().map(|list| Self(Rule::Listed(list)))
    }

    /// What a request asks for beyond these names, as texts for people. Of the subject what the RA profile would take counts.
    pub fn beyond(&self, csr: &Csr, subject: &SubjectRules) -> Vec<String> {
        let mut beyond = Vec::new();
        for attribute in csr.subject().rdns().iter().flatten() {
            let (oid, value) = (*attribute.oid(), attribute.value());
            let fixed = subject.fixed.iter().any(|(fixed, _)| *fixed == oid);
            if subject.taken.contains(&oid) && !fixed && !self.allows_attribute(oid, value) {
                let kind = attribute.kind().map_or_else(|| oid.to_string(), |kind| kind.name().to_owned());
                beyond.push(format!("{kind}={}", shown(value)));
            }
        }
        let names = csr.subject_alt_names().iter().filter(|name| !self.allows_name(name));
        beyond.extend(names.map(|name| shown(&name.to_string())));
        beyond
    }

    fn allows_attribute(&self, oid: ObjectIdentifier, value: &str) -> bool {
        match &self.0 {
            Rule::Any => true,
            Rule::Own(own) => oid == AttributeKind::CommonName.oid() && own == value,
            Rule::Listed(patterns) => patterns.iter().any(|pattern| pattern.allows_attribute(oid, value)),
            Rule::Certificate(certificate) => certificate.subject().values(oid).any(|own| own == value),
            Rule::Either(rules) => rules.iter().any(|rule| rule.allows_attribute(oid, value)),
            Rule::Both(rules) => rules.iter().all(|rule| rule.allows_attribute(oid, value)),
        }
    }

    fn allows_name(&self, name: &GeneralName) -> bool {
        match &self.0 {
            Rule::Any => true,
            Rule::Own(own) => match name {
                // Its own name may be no DNS name at all; then nothing equals it.
                GeneralName::Dns(name) => {
                    !name.starts_with("*.") && host(name).is_some_and(|name| host(own).is_some_and(|own| own == name))
                }
                GeneralName::Ip(ip) => own.parse::<IpAddr>().is_ok_and(|own| own == *ip),
                GeneralName::Email(address) => own.contains('@') && own == address,
                _ => false,
            },
            Rule::Listed(patterns) => patterns.iter().any(|pattern| pattern.allows_name(name)),
            Rule::Certificate(certificate) => certificate.subject_alt_names().contains(name),
            Rule::Either(rules) => rules.iter().any(|rule| rule.allows_name(name)),
            Rule::Both(rules) => rules.iter().all(|rule| rule.allows_name(name)),
        }
    }
}

/// The part of a foreign text that an answer shows, on one line.
fn shown(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(80).collect();
    if line.len() < text.len() && text.chars().count() > 80 { format!("{line}…") } else { line }
}

/// From the certificates of a third party's CA to the names that they may ask for. Each text is a pattern as above, or
/// `{own}` (the certificate's own names), or a name with `{CN}` or `{serialNumber}` in it, in whose place the certificate's
/// value stands: such a name is meant exactly, whatever the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnchorNames(Vec<AnchorName>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum AnchorName {
    Own,
    Pattern(Pattern),
    /// What stands before and behind the value of an attribute.
    With(String, AttributeKind, String),
}

const OWN: &str = "{own}";
const PLACES: [(&str, AttributeKind); 2] =
    [("{CN}", AttributeKind::CommonName), ("{serialNumber}", AttributeKind::SerialNumber)];

impl AnchorNames {
    /// Read them.
    ///
    /// # Errors
    /// The first that is none, and why; none at all.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        if texts.is_empty() {
            return Err(
                "no name is listed, so its certificates could ask for nothing; write {own} for their own".into()
            );
        }
        texts.iter().map(|text| read_anchor_name(text)).collect::<Result<_, String>>().map(Self)
    }

    /// The names that one certificate may ask for.
    pub fn of(&self, certificate: &Certificate) -> AllowedNames {
        let mut listed = Vec::new();
        let mut rules = Vec::new();
        for name in &self.0 {
            match name {
                AnchorName::Own => rules.push(AllowedNames::of(certificate)),
                AnchorName::Pattern(pattern) => listed.push(pattern.clone()),
                // Of several values none is the one that is meant.
                AnchorName::With(before, kind, behind) => {
                    let mut values = certificate.subject().values(*kind);
                    if let (Some(value), None) = (values.next(), values.next())
                        && !value.is_empty()
                    {
                        rules.push(AllowedNames::own(&format!("{before}{value}{behind}")));
                    }
                }
            }
        }
        rules.push(AllowedNames(Rule::Listed(listed)));
        AllowedNames(Rule::Either(rules))
    }
}

fn read_anchor_name(text: &str) -> Result<AnchorName, String> {
    if text == OWN {
        return Ok(AnchorName::Own);
    }
    for (place, kind) in PLACES {
        if let Some((before, behind)) = text.split_once(place) {
            if before.contains(['{', '}']) || behind.contains(['{', '}']) {
                return Err(format!("{text:?} has two places for a value; write one"));
            }
            return Ok(AnchorName::With(before.to_owned(), kind, behind.to_owned()));
        }
    }
    if text.contains(['{', '}']) {
        return Err(format!("{text:?}: there are {OWN}, {{CN}} and {{serialNumber}}, and nothing else in braces"));
    }
    text.parse().map(AnchorName::Pattern)
}

#[cfg(test)]
mod tests;
