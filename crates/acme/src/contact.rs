//! Contact URLs: RFC 8555 section 7.3.

use chancery_core::policy::mailbox_domain;

use crate::{AcmeSettings, Problem, ProblemType};

/// Contacts that an account may have, as they came.
///
/// # Errors
/// `unsupportedContact` for schemes other than `mailto`, `invalidContact` for what is no single address, for too many, and
/// for none where one is required.
pub(crate) fn check(contacts: &[String], settings: &AcmeSettings) -> Result<(), Problem> {
    let invalid = |why: String| Problem::new(ProblemType::InvalidContact, why);
    if contacts.is_empty() && settings.require_contact {
        return Err(invalid("this server asks for a contact: send one like \"mailto:admin@example.com\"".into()));
    }
    if contacts.len() > settings.most_contacts as usize {
        return Err(invalid(format!(
            "{} contacts, and an account may have {}: send fewer",
            contacts.len(),
            settings.most_contacts
        )));
    }
    contacts.iter().try_for_each(|contact| check_one(contact))
}

fn check_one(contact: &str) -> Result<(), Problem> {
    let invalid = |why: &str| Problem::new(ProblemType::InvalidContact, format!("contact {}: {why}", shown(contact)));
    let Some((scheme, address)) = contact.split_once(':') else {
        return Err(invalid("it is no URL; write it like mailto:admin@example.com"));
    };
    if !scheme.eq_ignore_ascii_case("mailto") {
        // RFC 3986 section 3.1.
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        return Err(if is_scheme {
            let why = format!("contact {}: only mailto URLs are taken", shown(contact));
            Problem::new(ProblemType::UnsupportedContact, why)
        } else {
            invalid("it is no URL; write it like mailto:admin@example.com")
        });
    }
    // RFC 8555 section 7.3: no hfields, and no more than one addr-spec.
    if address.contains('?') {
        return Err(invalid("a mailto URL with header fields (\"?...\") is not taken: leave them out"));
    }
    if address.contains(',') {
        return Err(invalid("it has more than one address: send one URL for each"));
    }
    let address = unescaped(address).ok_or_else(|| invalid("its percent-encoding is broken"))?;
    mailbox_domain(&address).map(|_| ()).map_err(|why| invalid(&why))
}

/// RFC 6068 section 2: percent-encoded octets stand for themselves. What is not ASCII is no address of RFC 5321.
fn unescaped(text: &str) -> Option<String> {
    let mut octets = text.bytes();
    let mut address = String::with_capacity(text.len());
    while let Some(octet) = octets.next() {
        let octet = if octet == b'%' {
            let digits = [octets.next()?, octets.next()?];
            let digit = |digit: u8| char::from(digit).to_digit(16);
            (digit(digits[0])? * 16 + digit(digits[1])?).try_into().ok()?
        } else {
            octet
        };
        if !octet.is_ascii() || octet.is_ascii_control() {
            return None;
        }
        address.push(octet.into());
    }
    Some(address)
}

/// As much of a foreign text as an error shows.
fn shown(text: &str) -> String {
    let cut: String = text.chars().take(80).collect();
    format!("{cut:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(contact: &str) -> Option<ProblemType> {
        check(&[contact.into()], &AcmeSettings::default()).err().map(|problem| problem.kind)
    }

    #[test]
    fn rfc8555_7_3_takes_mailto() {
        for contact in
            ["mailto:admin@example.com", "MAILTO:a.b+c@xn--bcher-kva.example", "mailto:gorby%25kremvax@example.com"]
        {
            assert_eq!(told(contact), None, "{contact}");
        }
    }

    #[test]
    fn rfc8555_7_3_refuses_other_schemes_as_unsupported() {
        for contact in ["tel:+12025551212", "javascript:alert(1)", "https://example.com/", "mailto2:a@b.example"] {
            assert_eq!(told(contact), Some(ProblemType::UnsupportedContact), "{contact}");
        }
    }

    #[test]
    fn rfc8555_7_3_refuses_header_fields_several_addresses_and_what_is_no_address() {
        for contact in [
            "",
            "admin@example.com",
            "ma il:a@b.example",
            "mailto:",
            "mailto:admin",
            "mailto:@example.com",
            "mailto:a@",
            "mailto:a@b@c d",
            "mailto:a@b.example,c@d.example",
            "mailto:a@b.example?subject=x",
            "mailto:a@b.example%0d%0aBcc:x",
            "mailto:a%4",
            "mailto:a%zz@b.example",
            "mailto:ä@b.example",
            "mailto:a@192.0.2.1",
            "mailto:a%2cb@c d",
        ] {
            assert_eq!(told(contact), Some(ProblemType::InvalidContact), "{contact}");
        }
    }

    #[test]
    fn counts_them() {
        let settings = AcmeSettings { most_contacts: 2, require_contact: true, ..AcmeSettings::default() };
        let contacts = |count| vec!["mailto:admin@example.com".to_owned(); count];
        assert!(check(&contacts(2), &settings).is_ok());
        assert_eq!(check(&contacts(3), &settings).unwrap_err().kind, ProblemType::InvalidContact);
        assert_eq!(check(&contacts(0), &settings).unwrap_err().kind, ProblemType::InvalidContact);
    }
}
