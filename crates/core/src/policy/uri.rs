//! URIs: syntax (RFC 3986, RFC 5280 section 4.2.1.6), SPIFFE ids, and where schemes without an authority keep the host.

use std::net::{IpAddr, Ipv6Addr};

use super::{dns, email};
use crate::error::cut;

const LONGEST: usize = 2048;
/// Schemes whose URIs always have an authority. Many clients read `https:host` and `https:/host` as if it were there.
const WITH_AUTHORITY: [&str; 7] = ["http", "https", "ws", "wss", "ftp", "ldap", "ldaps"];

/// What the rules look at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts {
    /// In lower case.
    pub scheme: String,
    /// `None` when the URI names none (`urn:uuid:…`).
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
        return Err(format!("{:?} is not a scheme; write it like https://host/path", cut(&scheme)));
    }
    if rest.is_empty() {
        return Err("there is nothing after its scheme".into());
    }
    if scheme == "spiffe" {
        return spiffe(text, rest).map(|host| Parts { scheme, host: Some(host) });
    }
    let host = match (scheme.as_str(), rest.strip_prefix("//")) {
        ("sip" | "sips", _) => Some(sip(rest)?),
        ("mailto", _) => Some(mailto(rest)?),
        (_, Some(rest)) => Some(host(rest.split(['/', '?', '#']).next().unwrap_or_default())?),
        (known, None) if WITH_AUTHORITY.contains(&known) => {
            return Err(format!("it has no host; write it like {scheme}://host/path"));
        }
        (_, None) => None,
    };
    Ok(Parts { scheme, host })
}

/// RFC 3261 section 25.1: `sip:user:password@host:port;parameters?headers`, where only the user's part may hold an @.
fn sip(rest: &str) -> Result<Host, String> {
    let after = match rest.split_once('@') {
        Some((_, after)) if after.contains('@') => return Err("it has more than one @".into()),
        Some((_, after)) => after,
        None => rest,
    };
    host(after.split([';', '?', '#']).next().unwrap_or_default())
}

/// RFC 6068, cut down to one address: header fields and escapes could hide more of them.
fn mailto(rest: &str) -> Result<Host, String> {
    if rest.contains(['?', '#', '%', ',']) {
        return Err("it is more than one plain address; write it like mailto:user@example.com".into());
    }
    email::domain(rest).map(Host::Name)
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
            let ip: Ipv6Addr = host.parse().map_err(|_| format!("{:?} is not an IPv6 address", cut(host)))?;
            (Host::Ip(ip.into()), port)
        }
        None => {
            let (host, port) = host_port.find(':').map_or((host_port, ""), |colon| host_port.split_at(colon));
            match host.parse::<IpAddr>() {
                Ok(ip) => (Host::Ip(ip), port),
                Err(_) => {
                    let name = dns::normalise(host).map_err(|why| format!("its host {:?}: {why}", cut(host)))?;
                    (Host::Name(name), port)
                }
            }
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(host),
        Some(digits) if digits.is_empty() || digits.parse::<u16>().is_ok() => Ok(host),
        _ => Err(format!("{:?} is not a port", cut(port))),
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
