//! The value of CAA's `issue` and `issuewild`, which dns-persist-01 uses as well: RFC 8659 section 4.2 with erratum 7139.

/// An issuer's domain name and what is said to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IssueValue {
    /// In lower case; none asks that nobody issues.
    pub issuer: Option<String>,
    /// Tags in lower case (they are matched so), values as they stand.
    pub parameters: Vec<(String, String)>,
}

/// Why a value is not of this form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("its issuer is no domain name of letters, digits and hyphens")]
    Issuer,
    #[error("a parameter is not tag=value")]
    Parameter,
    #[error("the parameter {0} comes twice")]
    Twice(&'static str),
}

impl IssueValue {
    /// From the octets of the property or record.
    ///
    /// # Errors
    /// They do not follow the grammar.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        let mut parts = value.split(|octet| *octet == b';');
        let issuer = trim(parts.next().unwrap_or_default());
        let issuer = match issuer {
            [] => None,
            name if name.split(|octet| *octet == b'.').all(is_label) => Some(lower(name)),
            _ => return Err(Malformed::Issuer),
        };
        let rest: Vec<&[u8]> = parts.map(trim).collect();
        let parameters = match rest.as_slice() {
            // A semicolon may stand there without parameters.
            [] | [[]] => Vec::new(),
            parameters => parameters.iter().map(|text| parameter(text)).collect::<Result<_, _>>()?,
        };
        Ok(Self { issuer, parameters })
    }

    /// Whether the issuer is one of these.
    pub fn names(&self, issuers: &[String]) -> bool {
        let Some(issuer) = &self.issuer else { return false };
        issuers.iter().any(|own| own.trim_end_matches('.').eq_ignore_ascii_case(issuer))
    }

    /// A parameter's value.
    ///
    /// # Errors
    /// It comes twice.
    pub fn parameter(&self, tag: &'static str) -> Result<Option<&str>, Malformed> {
        let mut found = self.parameters.iter().filter(|(name, _)| name.eq_ignore_ascii_case(tag));
        let first = found.next();
        if found.next().is_some() {
            return Err(Malformed::Twice(tag));
        }
        Ok(first.map(|(_, value)| value.as_str()))
    }
}

fn parameter(text: &[u8]) -> Result<(String, String), Malformed> {
    let at = text.iter().position(|octet| *octet == b'=').ok_or(Malformed::Parameter)?;
    let (tag, value) = (trim(&text[..at]), trim(&text[at + 1..]));
    let printable = value.iter().all(|octet| matches!(octet, 0x21..=0x3a | 0x3c..=0x7e));
    if !is_label(tag) || !printable {
        return Err(Malformed::Parameter);
    }
    Ok((lower(tag), String::from_utf8_lossy(value).into_owned()))
}

/// Letters, digits, and hyphens between them.
fn is_label(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-')
        && !text.starts_with(b"-")
        && !text.ends_with(b"-")
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

fn lower(ascii: &[u8]) -> String {
    String::from_utf8_lossy(ascii).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(value: &str) -> Result<IssueValue, Malformed> {
        IssueValue::parse(value.as_bytes())
    }

    #[test]
    fn what_the_grammar_takes() {
        for (value, issuer, parameters) in [
            ("", None, &[][..]),
            (";", None, &[]),
            (" ; ", None, &[]),
            ("CA.Example.net", Some("ca.example.net"), &[]),
            ("ca.example.net ;", Some("ca.example.net"), &[]),
            ("ca.example.net; account=230123", Some("ca.example.net"), &[("account", "230123")]),
            ("\tca-1.example ; Policy = ev ;a=", Some("ca-1.example"), &[("policy", "ev"), ("a", "")]),
            (
                "ca.example; accounturi=https://ca.example/acct/1?x=y",
                Some("ca.example"),
                &[("accounturi", "https://ca.example/acct/1?x=y")],
            ),
        ] {
            let parsed = parse(value).unwrap();
            assert_eq!(parsed.issuer.as_deref(), issuer, "{value:?}");
            let expected: Vec<_> = parameters.iter().map(|(tag, text)| (tag.to_string(), text.to_string())).collect();
            assert_eq!(parsed.parameters, expected, "{value:?}");
        }
    }

    #[test]
    fn what_it_refuses() {
        for value in ["ca_1.example", "ca.example.", "-ca.example", "ca .example", "ca..example", "%%%%%", "é.example"]
        {
            assert_eq!(parse(value), Err(Malformed::Issuer), "{value:?}");
        }
        for value in [
            "ca.example; account",
            "ca.example; =x",
            "ca.example; a=b c",
            "ca.example; a=b;",
            "ca.example;;a=b",
            ";a=é",
        ] {
            assert_eq!(parse(value), Err(Malformed::Parameter), "{value:?}");
        }
        let twice = parse("ca.example; accounturi=a; AccountURI=a").unwrap();
        assert_eq!(twice.parameter("accounturi"), Err(Malformed::Twice("accounturi")));
    }

    #[test]
    fn issuers_are_compared_as_domain_names() {
        let value = parse("CA.example").unwrap();
        assert!(value.names(&["other.example".into(), "ca.EXAMPLE.".into()]));
        assert!(!value.names(&["a.ca.example".into()]));
        assert!(!parse(";").unwrap().names(&[String::new()]));
    }

    proptest! {
        #[test]
        fn no_value_panics(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = IssueValue::parse(&value);
        }

        #[test]
        fn what_is_written_is_read(
            issuer in "[a-z0-9]{1,8}(\\.[a-z0-9]{1,8}){0,3}",
            parameters in proptest::collection::vec(("[a-z0-9]{1,9}", "[!-:<-~]{0,20}"), 0..4),
        ) {
            let mut text = issuer.clone();
            for (tag, value) in &parameters {
                text += &format!("; {tag}={value}");
            }
            prop_assert_eq!(parse(&text), Ok(IssueValue { issuer: Some(issuer), parameters }));
        }
    }
}
