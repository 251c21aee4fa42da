//! Other names whose form is known.

use chancery_pki::ObjectIdentifier;

/// id-on-hardwareModuleName, RFC 4108 section 5.
pub(super) const HARDWARE_MODULE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.4");
/// Microsoft's user principal name.
pub(super) const USER_PRINCIPAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.3");

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
const UTF8_STRING: u8 = 0x0c;

/// What is wrong with the DER value of an other name, where its type is known.
pub(super) fn check(oid: ObjectIdentifier, value: &[u8]) -> Result<(), String> {
    if oid == HARDWARE_MODULE {
        return hardware_module(value)
            .ok_or_else(|| "it is not a HardwareModuleName: a type (object identifier) and a serial number".into());
    }
    if oid == USER_PRINCIPAL {
        return user_principal(value).ok_or_else(|| "it is not a user principal name like user@EXAMPLE.COM".into());
    }
    Ok(())
}

/// HardwareModuleName ::= SEQUENCE { hwType OBJECT IDENTIFIER, hwSerialNum OCTET STRING }
fn hardware_module(value: &[u8]) -> Option<()> {
    let (inside, []) = element(value, SEQUENCE)? else { return None };
    let (kind, rest) = element(inside, OBJECT_IDENTIFIER)?;
    let (serial, []) = element(rest, OCTET_STRING)? else { return None };
    ObjectIdentifier::from_bytes(kind).ok()?;
    (!serial.is_empty()).then_some(())
}

fn user_principal(value: &[u8]) -> Option<()> {
    let (text, []) = element(value, UTF8_STRING)? else { return None };
    let (user, realm) = std::str::from_utf8(text).ok()?.rsplit_once('@')?;
    let printable = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_control() || c.is_whitespace());
    (printable(user) && printable(realm)).then_some(())
}

/// One DER element with this tag, of less than 64 KiB: its content and what follows.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match bytes {
        [first, length @ 0..=0x7f, rest @ ..] if *first == tag => (usize::from(*length), rest),
        [first, 0x81, length @ 0x80..=0xff, rest @ ..] if *first == tag => (usize::from(*length), rest),
        [first, 0x82, high @ 1..=0xff, low, rest @ ..] if *first == tag => {
            (usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
