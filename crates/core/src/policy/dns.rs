//! DNS names: syntax (RFC 1034 section 3.5, RFC 5890) and the form that is certified.

use std::net::Ipv4Addr;

/// The longest name, RFC 1035 section 2.3.4, without the root's dot.
const LONGEST: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A name in lower case and in A-labels, without a wildcard; or what is wrong with it.
pub(super) fn normalise(text: &str) -> Result<String, String> {
    let name = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii_strict(text).map_err(|_| "it is not a valid internationalised name".to_owned())?
    };
    if name.is_empty() {
        return Err("it is empty".into());
    }
    if name.len() > LONGEST {
        return Err(format!("it has {} characters, more than {LONGEST}", name.len()));
    }
    if name.ends_with('.') {
        return Err("it ends with a dot; leave the dot out".into());
    }
    if name.parse::<Ipv4Addr>().is_ok() || name.contains(':') {
        return Err("it is an IP address; ask for it as an IP address instead".into());
    }
    name.split('.').try_for_each(check_label)?;
    // WHATWG URL: a name whose last label is a number is taken for an IPv4 address by browsers.
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("its last label is a number, as only in IP addresses".into());
    }
    Ok(name)
}

/// A DNS name in the form that is certified: lower case, A-labels that are such, no final dot, no address. It may begin with
/// the wildcard label `*`: the base without it, and whether it was there.
///
/// # Errors
/// What is wrong with it.
pub fn normalise_wildcard(text: &str) -> Result<(String, bool), String> {
    match text.strip_prefix("*.") {
        Some(base) if base.contains('*') => Err("it has more than one wildcard".into()),
        Some(base) => {
            let base = normalise(base)?;
            if base.len() + 2 > LONGEST {
                return Err(format!("it has more than {LONGEST} characters"));
            }
            Ok((base, true))
        }
        None if text.contains('*') => Err("a wildcard must be the whole of the leftmost label".into()),
        None => normalise(text).map(|name| (name, false)),
    }
}

fn check_label(label: &str) -> Result<(), String> {
    if label.is_empty() {
        return Err("it has an empty label".into());
    }
    if label.len() > LONGEST_LABEL {
        return Err(format!("it has a label of {} characters, more than {LONGEST_LABEL}", label.len()));
    }
    if let Some(wrong) = label.chars().find(|c| !c.is_ascii_lowercase() && !c.is_ascii_digit() && *c != '-') {
        return Err(format!("it has the character {wrong:?}; names are made of letters, digits and hyphens"));
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(format!("its label {label:?} begins or ends with a hyphen"));
    }
    if label.get(2..4) != Some("--") {
        return Ok(());
    }
    // RFC 5890 section 2.3.1: of the labels with hyphens in third and fourth place only A-labels are in use.
    if !label.starts_with("xn--") {
        return Err(format!("its label {label:?} is reserved (hyphens in third and fourth place)"));
    }
    let (unicode, result) = idna::domain_to_unicode(label);
    let back = result.ok().and_then(|()| idna::domain_to_ascii_strict(&unicode).ok());
    if unicode.is_ascii() || back.as_deref() != Some(label) {
        return Err(format!("its label {label:?} is not a valid internationalised label"));
    }
    Ok(())
}
