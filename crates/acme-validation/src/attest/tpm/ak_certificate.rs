//! The certificate of an attestation key: WebAuthn section 8.3.1, and whom it identifies.

use chancery_acme::Identifier;
use chancery_pki::{Certificate, GeneralName, ObjectIdentifier};
use der::asn1::AnyRef;
use der::{Decode, Tag, Tagged};

use crate::attest::Wrong;
use crate::attest::elements::elements;

/// tcg-kp-AIKCertificate.
const AK_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.8.3");
/// tcg-at-tpmManufacturer, -Model, -Version.
const MAKE: [ObjectIdentifier; 3] = [
    ObjectIdentifier::new_unwrap("2.23.133.2.1"),
    ObjectIdentifier::new_unwrap("2.23.133.2.2"),
    ObjectIdentifier::new_unwrap("2.23.133.2.3"),
];
/// id-on-permanentIdentifier (RFC 4043).
const PERMANENT_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.3");
/// id-on-hardwareModuleName (RFC 4108 section 5).
const HARDWARE_MODULE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.4");

/// Whom it identifies. A certificate that names nobody proves nobody, whatever the order asks for.
pub(super) fn check(certificate: &Certificate) -> Result<Vec<Identifier>, Wrong> {
    let rule =
        |holds: bool, why: &str| if holds { Ok(()) } else { Err(format!("the attestation key's certificate {why}")) };
    rule(certificate.subject().is_empty(), "has a subject, which must be empty")?;
    rule(!certificate.is_ca(), "is a CA's")?;
    let usages = certificate.extended_key_usage().unwrap_or_default();
    rule(usages.contains(&AK_USAGE), "does not have the usage tcg-kp-AIKCertificate, 2.23.133.8.3")?;
    let names = certificate.subject_alt_names();
    let made = |oid: &ObjectIdentifier| {
        names.iter().any(|name| match name {
            GeneralName::Directory(name) => name.values(*oid).any(|value| !value.is_empty()),
            _ => false,
        })
    };
    rule(MAKE.iter().all(made), "does not name the TPM's manufacturer, model and version")?;
    names.iter().filter_map(identifier).collect::<Option<_>>().ok_or_else(|| {
        "the attestation key's certificate has a permanent identifier or hardware module name that is malformed"
            .to_owned()
    })
}

/// Of an alternative name that identifies a device; the inner none is a malformed one.
fn identifier(name: &GeneralName) -> Option<Option<Identifier>> {
    match name {
        GeneralName::OtherName { oid: PERMANENT_IDENTIFIER, value } => Some(permanent(value)),
        GeneralName::OtherName { oid: HARDWARE_MODULE_NAME, value } => Some(hardware(value)),
        _ => None,
    }
}

/// PermanentIdentifier ::= SEQUENCE { identifierValue UTF8String OPTIONAL, assigner OBJECT IDENTIFIER OPTIONAL }.
fn permanent(der: &[u8]) -> Option<Identifier> {
    let fields = fields(der)?;
    let (Tag::Utf8String, value) = *fields.first()? else { return None };
    Some(Identifier::PermanentIdentifier(std::str::from_utf8(value).ok()?.to_owned()))
}

/// HardwareModuleName ::= SEQUENCE { hwType OBJECT IDENTIFIER, hwSerialNum OCTET STRING }; the serial number in hexadecimal.
fn hardware(der: &[u8]) -> Option<Identifier> {
    let [(Tag::ObjectIdentifier, _), (Tag::OctetString, serial)] = fields(der)?[..] else { return None };
    Some(Identifier::HardwareModule(serial.iter().map(|octet| format!("{octet:02x}")).collect()))
}

fn fields(der: &[u8]) -> Option<Vec<(Tag, &[u8])>> {
    let outer = AnyRef::from_der(der).ok().filter(|outer| outer.tag() == Tag::Sequence)?;
    elements(outer.value()).ok()
}
