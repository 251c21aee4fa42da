//! E-mail addresses: the Mailbox of RFC 5321 section 4.1.2, in dot-string form (RFC 5280 section 4.2.1.6).

use super::dns;

/// RFC 5321 section 4.5.3.1 (a path has 256 octets, two of them brackets).
const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;

/// The domain of an e-mail address in lower case.
///
/// # Errors
/// What is wrong with the address.
pub fn domain(text: &str) -> Result<String, String> {
    if text.len() > LONGEST {
        return Err(format!("it has {} characters, more than {LONGEST}", text.len()));
    }
    if !text.is_ascii() {
        return Err("it has characters outside ASCII".into());
    }
    let (local, domain) = text.rsplit_once('@').ok_or("it has no @; write it like user@example.com")?;
    if local.is_empty() || local.len() > LONGEST_LOCAL {
        return Err(format!("what is before the @ has {} characters; 1 to {LONGEST_LOCAL} are allowed", local.len()));
    }
    let atom = |part: &str| !part.is_empty() && part.bytes().all(is_atext);
    if !local.split('.').all(atom) {
        return Err(format!("{local:?} is not a mailbox name of letters, digits, dots and !#$%&'*+-/=?^_`{{|}}~"));
    }
    dns::normalise(domain).map_err(|why| format!("its domain {domain:?}: {why}"))
}

/// RFC 5322 section 3.2.3.
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}
