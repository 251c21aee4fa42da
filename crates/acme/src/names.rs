//! The names that an EAB key allows.

use std::str::FromStr;

use chancery_core::policy::{HostPattern, dns_name};

use crate::Identifier;

/// Names that accounts bound by an EAB key may ask for. Text: `example.com` is the domain and all below it, `.example.com`
/// only what is below it, `=example.com` that name alone, `*.example.com` that wildcard name alone, `192.0.2.0/24` a range
/// of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedNames(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Hosts(HostPattern),
    /// The name with its `*.`.
    Wildcard(String),
}

impl AllowedNames {
    /// Read them.
    ///
    /// # Errors
    /// The first that is none, and why.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let pattern = |text: &String| {
            if text.starts_with("*.") {
                let (base, _) = dns_name(text).map_err(|why| format!("{text:?} is not a wildcard name: {why}"))?;
                return Ok(Pattern::Wildcard(format!("*.{base}")));
            }
            HostPattern::from_str(text).map(Pattern::Hosts)
        };
        texts.iter().map(pattern).collect::<Result<_, String>>().map(Self)
    }

    /// Whether the identifier is within. A wildcard name is within a domain that reaches below its base.
    pub fn allows(&self, identifier: &Identifier) -> bool {
        self.0.iter().any(|pattern| match (pattern, identifier) {
            (Pattern::Hosts(HostPattern::Domain(domain)), Identifier::Dns(name)) => domain.contains(name),
            (Pattern::Hosts(HostPattern::Range(range)), Identifier::Ip(address)) => range.contains(address),
            (Pattern::Wildcard(wildcard), Identifier::Dns(name)) => wildcard == name,
            _ => false,
        })
    }

    /// The same where nothing is proved: a wildcard name must be listed as such.
    pub fn lists(&self, identifier: &Identifier) -> bool {
        match identifier {
            Identifier::Dns(name) if name.starts_with("*.") => {
                self.0.iter().any(|pattern| matches!(pattern, Pattern::Wildcard(wildcard) if wildcard == name))
            }
            _ => self.allows(identifier),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Result<AllowedNames, String> {
        AllowedNames::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    fn dns(name: &str) -> Identifier {
        Identifier::Dns(name.into())
    }

    #[test]
    fn allows_domains_addresses_and_listed_wildcards() {
        let allowed = names(&["example.com", "=one.test", ".below.test", "*.wild.test", "192.0.2.0/24"]).unwrap();
        for name in ["example.com", "a.example.com", "*.example.com", "one.test", "a.below.test", "*.wild.test"] {
            assert!(allowed.allows(&dns(name)), "{name}");
        }
        for name in ["anexample.com", "a.one.test", "below.test", "a.wild.test", "wild.test", "*.a.wild.test"] {
            assert!(!allowed.allows(&dns(name)), "{name}");
        }
        assert!(allowed.allows(&Identifier::Ip([192, 0, 2, 7].into())));
        assert!(!allowed.allows(&Identifier::Ip([192, 0, 3, 7].into())));
        assert!(!allowed.allows(&Identifier::PermanentIdentifier("example.com".into())));
        assert!(!names(&[]).unwrap().allows(&dns("example.com")));
    }

    #[test]
    fn without_a_proof_wildcards_must_be_listed() {
        let allowed = names(&["example.com", "*.wild.test"]).unwrap();
        assert!(allowed.lists(&dns("a.example.com")) && allowed.lists(&dns("*.wild.test")));
        assert!(!allowed.lists(&dns("*.example.com")));
    }

    #[test]
    fn refuses_what_is_no_pattern() {
        for wrong in ["", "*", "*.*.test", "a..b", "192.0.2.0/33", "bad name"] {
            assert!(names(&[wrong]).is_err(), "{wrong}");
        }
    }
}
