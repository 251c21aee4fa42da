//! URIs: syntax (RFC 3986, RFC 5280 section 4.2.1.6) and SPIFFE ids.

use std::net::{IpAddr, Ipv6Addr};

use super::dns;

const LONGEST: usize = 2048;

/// What the rules look at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// In lower case.
    pub scheme: String,
    /// `None` when the URI has no authority (`urn:uuid:…`).
    pub host: Option<Host>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// In lower case, in A-labels.
    Name(String),
    Ip(IpAddr),
}

/// The parts of an absolute URI; or what is wrong with it.
pub(super) fn parse(text: &str) -> Result<Parts, String> {
    if text.len() > LONGEST {
        return Err(format!("it has {} characters, more than {LONGEST}", text.len()));
    }
    check_characters(text)?;
    let (scheme, rest) = text.split_once(':').ok_or("it has no scheme; write it like https://host/path")?;
    let scheme = scheme.to_ascii_lowercase();
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    if !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.bytes().all(known) {
        return Err(format!("{scheme:?} is not a scheme; write it like https://host/path"));
    }
    if rest.is_empty() {
        return Err("there is nothing after its scheme".into());
    }
    if scheme == "spiffe" {
        return spiffe(text, rest).map(|host| Parts { scheme, host: Some(host) });
    }
    let Some(rest) = rest.strip_prefix("//") else { return Ok(Parts { scheme, host: None }) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host(authority)?;
    Ok(Parts { scheme, host: Some(host) })
}

fn check_characters(text: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    if let Some(wrong) = text.chars().find(|c| !c.is_ascii() || !allowed(*c as u8)) {
        return Err(format!("it has the character {wrong:?}; write such characters as %XX"));
    }
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        if !after.get(..2).is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            return Err("it has a % that is not followed by two hexadecimal digits".into());
        }
        rest = after;
    }
    Ok(())
}

/// RFC 5280 section 4.2.1.6: an authority names a host, by a full name or an address.
fn host(authority: &str) -> Result<Host, String> {
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match host_port.strip_prefix('[') {
        Some(bracketed) => {
            let (host, port) = bracketed.split_once(']').ok_or("its [ is never closed")?;
            let ip: Ipv6Addr = host.parse().map_err(|_| format!("{host:?} is not an IPv6 address"))?;
            (Host::Ip(ip.into()), port)
        }
        None => {
            let (host, port) = host_port.find(':').map_or((host_port, ""), |colon| host_port.split_at(colon));
            match host.parse::<IpAddr>() {
                Ok(ip) => (Host::Ip(ip), port),
                Err(_) => (Host::Name(dns::normalise(host).map_err(|why| format!("its host {host:?}: {why}"))?), port),
            }
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(host),
        Some(digits) if digits.is_empty() || digits.parse::<u16>().is_ok() => Ok(host),
        _ => Err(format!("{port:?} is not a port")),
    }
}

/// SPIFFE-ID standard, section 2: `spiffe://trust-domain/path`.
fn spiffe(text: &str, rest: &str) -> Result<Host, String> {
    let fault = |why: &str| Err(format!("it is not a SPIFFE id: {why}"));
    let Some(rest) = rest.strip_prefix("//").filter(|_| text.starts_with("spiffe:")) else {
        return fault("it begins with spiffe:// in lower case");
    };
    let (domain, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let in_domain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    if domain.is_empty() || domain.len() > 255 || !domain.bytes().all(in_domain) {
        return fault("its trust domain has 1 to 255 lower-case letters, digits, dots, hyphens and underscores");
    }
    let in_path = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let segment = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(in_path);
    if !path.is_empty() && !path[1..].split('/').all(segment) {
        return fault("its path has segments of letters, digits, dots, hyphens and underscores, none empty, . or ..");
    }
    Ok(Host::Name(domain.to_owned()))
}
