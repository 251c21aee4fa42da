//! A profile's attributes, read into its policy.

use std::str::FromStr;

use chancery_pki::oid::{SERVER_AUTH, eku_by_name};
use chancery_pki::{AttributeKind, KeyUsage, Name, ObjectIdentifier};
use time::Duration;

use super::definition::*;
use super::subject::attribute_type;
use super::{
    CommonNameRule, IssuerEnd, KeyKind, KeyRules, LifetimeRules, NameKind, NameRules, Policy, RenewalRules,
    SubjectRules, UsageRules, definitions, duration, pattern,
};
use crate::Rejection;
use crate::attribute::{AttributeSet, RequestAttribute, check};
use crate::error::{bounded, cut};

const NONE: &str = "none";

impl Policy {
    /// Read a policy from a profile's attributes; every fault is told. No attributes at all are the preset `tls-server`.
    pub fn from_attributes(attributes: &[RequestAttribute]) -> Result<Self, Vec<Rejection>> {
        let set = check(&definitions(), attributes)?;
        let mut reader = Reader { set: &set, faults: Vec::new() };
        let policy = Self {
            keys: reader.keys(),
            subject: reader.subject(),
            names: reader.names(),
            usages: reader.usages(),
            lifetime: reader.lifetime(),
            renewal: reader.renewal(),
            approval_required: reader.flag(APPROVAL_REQUIRED),
            revocation_approval_required: reader.flag(REVOCATION_APPROVAL_REQUIRED),
            certificate_policies: reader.certificate_policies(),
        };
        if reader.faults.is_empty() { Ok(policy) } else { Err(bounded(reader.faults)) }
    }
}

struct Reader<'a> {
    set: &'a AttributeSet,
    faults: Vec<Rejection>,
}

impl Reader<'_> {
    fn keys(&mut self) -> KeyRules {
        let kinds = self.list(KEY_TYPES, |text| {
            KeyKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| format!("{text:?} is unknown"))
        });
        let default = [KeyKind::Rsa, KeyKind::P256, KeyKind::P384, KeyKind::Ed25519];
        let (least, most) = (self.number(RSA_MINIMUM_BITS), self.number(RSA_MAXIMUM_BITS));
        if least > most {
            self.fault(RSA_MINIMUM_BITS, format!("{least} is more than {RSA_MAXIMUM_BITS}, {most}"));
        }
        let kinds = if kinds.is_empty() { default.into() } else { kinds.into_iter().collect() };
        KeyRules { kinds, rsa_bits: least..=most }
    }

    fn subject(&mut self) -> SubjectRules {
        let taken = self.list(SUBJECT_ATTRIBUTES, attribute_type);
        let fixed = self.list(SUBJECT_FIXED, fixed_attribute);
        let required = self.list(SUBJECT_REQUIRED, attribute_type);
        let taken = if taken.is_empty() { vec![AttributeKind::CommonName.oid()] } else { taken };
        let common_name = match self.set.string(COMMON_NAME) {
            Some("free") => CommonNameRule::Free,
            Some("nameOrRefused") => CommonNameRule::NameOrRefused,
            Some("dropped") => CommonNameRule::Dropped,
            _ => CommonNameRule::NameOrDropped,
        };
        for oid in &required {
            if !taken.contains(oid) && !fixed.iter().any(|(there, _)| there == oid) {
                self.fault(
                    SUBJECT_REQUIRED,
                    format!("{oid} is neither in {SUBJECT_ATTRIBUTES} nor in {SUBJECT_FIXED}"),
                );
            }
        }
        SubjectRules { taken, fixed, required, common_name }
    }

    fn names(&mut self) -> NameRules {
        let kinds = self.list(NAME_KINDS, |text| {
            let kind = NameKind::ALL.into_iter().find(|kind| kind.as_str() == text);
            if text == NONE { Ok(None) } else { kind.map(Some).ok_or_else(|| format!("{text:?} is unknown")) }
        });
        if kinds.len() > 1 && kinds.contains(&None) {
            self.fault(NAME_KINDS, "none excludes the others".into());
        }
        let kinds = match kinds.is_empty() {
            true => [NameKind::Dns, NameKind::Ip].into(),
            false => kinds.into_iter().flatten().collect(),
        };
        let rules = NameRules {
            kinds,
            required: self.flag(NAMES_REQUIRED),
            maximum: self.number(MAXIMUM_NAMES) as usize,
            dns_allowed: self.list(DNS_ALLOWED, parse),
            dns_denied: self.list(DNS_DENIED, parse),
            wildcards: self.flag(DNS_WILDCARDS),
            single_label: self.flag(DNS_SINGLE_LABEL),
            ip_allowed: self.list(IP_ALLOWED, range),
            ip_denied: self.list(IP_DENIED, range),
            email_allowed: self.list(EMAIL_ALLOWED, parse),
            email_denied: self.list(EMAIL_DENIED, parse),
            uri_schemes: self.list(URI_SCHEMES, |text| Ok(text.to_ascii_lowercase())),
            uri_allowed: self.list(URI_ALLOWED, parse),
            uri_denied: self.list(URI_DENIED, parse),
            other_types: self.list(OTHER_NAME_TYPES, object_identifier),
        };
        if rules.required && rules.kinds.is_empty() {
            self.fault(NAMES_REQUIRED, format!("a name is required, and {NAME_KINDS} allows none"));
        }
        if rules.kinds.contains(&NameKind::Other) && rules.other_types.is_empty() {
            self.fault(OTHER_NAME_TYPES, format!("{NAME_KINDS} allows other names; say of which types"));
        }
        rules
    }

    fn usages(&mut self) -> UsageRules {
        let key = self.list(KEY_USAGES, |text| KeyUsage::by_name(text).ok_or_else(|| format!("{text:?} is unknown")));
        let key = match key.is_empty() {
            true => KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT,
            false => key.into_iter().collect(),
        };
        let extended = self.list(EXTENDED_KEY_USAGES_SET, |text| {
            if text == NONE { Ok(None) } else { extended_key_usage(text).map(Some) }
        });
        if extended.len() > 1 && extended.contains(&None) {
            self.fault(EXTENDED_KEY_USAGES_SET, "none excludes the others".into());
        }
        let extended = match extended.is_empty() {
            true => vec![SERVER_AUTH],
            false => extended.into_iter().flatten().collect(),
        };
        let on_request = self.list(EXTENDED_KEY_USAGES_CHOICE, extended_key_usage);
        UsageRules { key, extended, on_request, must_staple: self.flag(MUST_STAPLE) }
    }

    fn lifetime(&mut self) -> LifetimeRules {
        let default = self.duration(VALIDITY).unwrap_or(Duration::days(90));
        let maximum = self.duration(MAXIMUM_VALIDITY).unwrap_or(Duration::days(398));
        if default > maximum {
            let maximum = duration::format(maximum);
            self.fault(VALIDITY, format!("{} is more than {MAXIMUM_VALIDITY}, {maximum}", duration::format(default)));
        }
        let issuer_end = match self.set.string(ISSUER_END) {
            Some("refuse") => IssuerEnd::Refuse,
            _ => IssuerEnd::Shorten,
        };
        LifetimeRules {
            default,
            maximum,
            requested_start: self.flag(REQUESTED_START),
            requested_end: self.flag(REQUESTED_END),
            issuer_end,
        }
    }

    fn renewal(&mut self) -> RenewalRules {
        let key = self.set.string(RENEWAL_KEY);
        RenewalRules {
            key_reuse: key != Some("other"),
            key_change: key != Some("same"),
            subject_change: self.flag(RENEWAL_SUBJECT_CHANGE),
            window: self.duration(RENEWAL_WINDOW),
        }
    }

    fn certificate_policies(&mut self) -> Vec<chancery_pki::Policy> {
        let policies = self.list(CERTIFICATE_POLICIES, certificate_policy);
        for (at, policy) in policies.iter().enumerate() {
            // RFC 5280 section 4.2.1.4.
            if policies[..at].iter().any(|earlier| earlier.oid == policy.oid) {
                self.fault(
                    CERTIFICATE_POLICIES,
                    format!("{} is given twice, with other addresses; give one", policy.oid),
                );
            }
        }
        policies
    }

    fn fault(&mut self, name: &str, why: String) {
        self.faults.push(Rejection::Attribute { name: name.into(), why });
    }

    fn flag(&self, name: &str) -> bool {
        self.set.boolean(name).unwrap_or_default()
    }

    fn number(&self, name: &str) -> u32 {
        self.set.integer(name).and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
    }

    fn duration(&mut self, name: &str) -> Option<Duration> {
        let text = self.set.string(name)?;
        let duration = duration::parse(text);
        if duration.is_none() {
            self.fault(name, format!("{text:?} is zero, or longer than a hundred years"));
        }
        duration
    }

    /// The values without doubles.
    fn list<T: PartialEq>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let mut values = Vec::new();
        for text in self.set.strings(name) {
            match read(text) {
                Ok(value) if values.contains(&value) => {}
                Ok(value) => values.push(value),
                Err(why) => self.faults.push(Rejection::Attribute { name: name.into(), why }),
            }
        }
        values
    }
}

fn parse<T: FromStr<Err = String>>(text: &str) -> Result<T, String> {
    text.parse()
}

fn range(text: &str) -> Result<ipnet::IpNet, String> {
    pattern::range(text).ok_or_else(|| format!("{text:?} is no range like 10.0.0.0/8 or 2001:db8::/32, nor an address"))
}

fn object_identifier(text: &str) -> Result<ObjectIdentifier, String> {
    ObjectIdentifier::new(text).map_err(|_| format!("{text:?} is no object identifier like 1.2.3.4"))
}

fn extended_key_usage(text: &str) -> Result<ObjectIdentifier, String> {
    eku_by_name(text).ok_or_else(|| format!("{text:?} is neither a known extended key usage nor an object identifier"))
}

/// `O=Example Ltd`, held against the bounds of the type.
fn fixed_attribute(text: &str) -> Result<(ObjectIdentifier, String), String> {
    let (kind, value) = text.split_once('=').ok_or_else(|| format!("{text:?}: write it as `O=Example Ltd`"))?;
    let (oid, value) = (attribute_type(kind.trim())?, value.trim().to_owned());
    Name::from_rdns(vec![vec![(oid, value.clone())]]).map_err(|why| format!("{text:?}: {why}"))?;
    Ok((oid, value))
}

fn certificate_policy(text: &str) -> Result<chancery_pki::Policy, String> {
    let (oid, cps) = text.split_once(' ').map_or((text, None), |(oid, cps)| (oid, Some(cps.to_owned())));
    // It becomes an IA5String.
    if cps.as_ref().is_some_and(|cps| !cps.bytes().all(|byte| (0x21..0x7f).contains(&byte))) {
        let text = cut(text);
        return Err(format!("{text:?}: its address has other characters than printable ASCII; write them as %XX"));
    }
    Ok(chancery_pki::Policy { oid: object_identifier(oid)?, cps })
}
