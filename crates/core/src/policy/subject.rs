//! What the subject of a certificate is made of.

use std::net::IpAddr;

use chancery_pki::{AttributeKind, GeneralName, Name, ObjectIdentifier};

use super::{NameRules, dns};
use crate::Rejection;
use crate::error::cut;

/// Which common name a certificate may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommonNameRule {
    /// As requested; one that reads as a host's name or address keeps the rules of alternative names where the
    /// certificate would do for a TLS server.
    Free,
    /// One of the subject alternative names, or it is left out.
    NameOrDropped,
    /// One of the subject alternative names, or the request is refused.
    NameOrRefused,
    /// It is left out.
    Dropped,
}

/// The subject template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectRules {
    /// Attributes that are taken from the request; the others are left out.
    pub taken: Vec<ObjectIdentifier>,
    /// Attributes of every subject, first and in this order, in place of requested ones of the same types.
    pub fixed: Vec<(ObjectIdentifier, String)>,
    /// Attributes without which the certificate is refused.
    pub required: Vec<ObjectIdentifier>,
    /// The common name.
    pub common_name: CommonNameRule,
}

/// What a subject is held against.
pub(super) struct Held<'a> {
    pub rules: &'a NameRules,
    /// The certified alternative names, `None` when there was a fault among them.
    pub names: Option<&'a [GeneralName]>,
    /// Whether the certificate will do for a TLS server.
    pub for_servers: bool,
}

/// The longest common name in characters (RFC 5280 appendix A, ub-common-name).
const LONGEST_COMMON_NAME: usize = 64;

impl SubjectRules {
    pub(super) fn decide(&self, requested: &Name, held: &Held<'_>, faults: &mut Vec<Rejection>) -> Name {
        let shown = cut(&requested.to_string());
        let fault = |why: String| Rejection::Name { name: format!("subject {shown}"), why };
        let before = faults.len();
        let email_address = AttributeKind::EmailAddress.oid();
        let common_name = AttributeKind::CommonName.oid();
        let mut rdns: Vec<Vec<(ObjectIdentifier, String)>> =
            self.fixed.iter().map(|(oid, value)| vec![(*oid, value.clone())]).collect();
        for requested in requested.rdns() {
            let mut rdn = Vec::new();
            for attribute in requested {
                let (oid, value) = (*attribute.oid(), attribute.value());
                if !self.taken.contains(&oid) || self.fixed.iter().any(|(fixed, _)| *fixed == oid) {
                    continue;
                }
                if !attribute.is_text() {
                    faults.push(fault(format!("its {} is not a string", label(&oid))));
                } else if oid == common_name {
                    match self.common_name(value, held) {
                        Ok(Some(value)) => rdn.push((oid, value)),
                        Ok(None) => {}
                        Err(why) => faults.push(fault(why)),
                    }
                } else if let (true, Err(why)) = (oid == email_address, held.rules.email(value)) {
                    faults.push(fault(format!("its e-mail address {:?}: {why}", cut(value))));
                } else {
                    rdn.push((oid, value.to_owned()));
                }
            }
            if !rdn.is_empty() {
                rdns.push(rdn);
            }
        }
        if faults.len() > before {
            return Name::empty();
        }
        for oid in &self.required {
            // The common name may be missing only because the names that it must be one of were refused.
            if !rdns.iter().flatten().any(|(there, _)| there == oid) && (held.names.is_some() || *oid != common_name) {
                let taken = if self.taken.contains(oid) { "" } else { " and the profile neither takes nor fixes it" };
                faults.push(fault(format!("this RA profile requires {}{taken}", label(oid))));
            }
        }
        if rdns.is_empty() {
            return Name::empty();
        }
        Name::from_rdns(rdns).unwrap_or_else(|why| {
            faults.push(fault(why.to_string()));
            Name::empty()
        })
    }

    fn common_name(&self, value: &str, held: &Held<'_>) -> Result<Option<String>, String> {
        let found = match (self.common_name, held.names) {
            (CommonNameRule::Free, _) => {
                if held.for_servers && reads_as_host(value) {
                    held.rules.check_host(value.trim()).map_err(|why| {
                        format!(
                            "its common name {:?} reads as a host, and this certificate would do for a TLS server: {why}",
                            cut(value)
                        )
                    })?;
                }
                return Ok(Some(value.to_owned()));
            }
            (CommonNameRule::Dropped, _) | (_, None) => return Ok(None),
            (_, Some(names)) => as_name(value, names),
        };
        match (found, self.common_name) {
            (Some(name), _) if name.chars().count() <= LONGEST_COMMON_NAME => Ok(Some(name)),
            (None, CommonNameRule::NameOrRefused) => Err(format!(
                "its common name {:?} is not one of the subject alternative names; add it to them or leave it out",
                cut(value)
            )),
            _ => Ok(None),
        }
    }
}

/// The common name as the alternative name has it that it equals.
fn as_name(value: &str, names: &[GeneralName]) -> Option<String> {
    let (base, wildcard) = dns::normalise_wildcard(value).unwrap_or_default();
    let host = if wildcard { format!("*.{base}") } else { base };
    let ip = value.parse().ok();
    names.iter().find_map(|name| match name {
        GeneralName::Dns(name) if !host.is_empty() && *name == host => Some(name.clone()),
        GeneralName::Ip(name) if Some(*name) == ip => Some(name.to_string()),
        GeneralName::Email(name) if name.eq_ignore_ascii_case(value) => Some(name.clone()),
        GeneralName::Uri(name) if name == value => Some(name.clone()),
        _ => None,
    })
}

/// An address, or a name with a dot or a wildcard; names of devices without one are not found in the DNS.
fn reads_as_host(value: &str) -> bool {
    let value = value.trim();
    let address = value.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    // U+3002 and its like are dots to IDNA (UTS 46).
    let marked = value.contains(['.', '*', '\u{3002}', '\u{ff0e}', '\u{ff61}']);
    let in_host =
        |c: char| if c.is_ascii() { c.is_ascii_alphanumeric() || "-_.*".contains(c) } else { !c.is_whitespace() };
    address || (marked && value.chars().all(in_host))
}

/// An attribute type by its short name or object identifier.
pub(super) fn attribute_type(text: &str) -> Result<ObjectIdentifier, String> {
    AttributeKind::by_name(text).map(AttributeKind::oid).or_else(|| ObjectIdentifier::new(text).ok()).ok_or_else(|| {
        format!("{text:?} is neither a subject attribute like CN, O, serialNumber nor an object identifier")
    })
}

fn label(oid: &ObjectIdentifier) -> String {
    AttributeKind::from_oid(oid).map_or_else(|| oid.to_string(), |kind| kind.name().to_owned())
}
