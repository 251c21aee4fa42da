//! Attribute types that have a short name, their string types and bounds, and values in DER.

use std::fmt;

use const_oid::ObjectIdentifier;

use super::{Draft, WHAT};
use crate::tlv::{
    BMP_STRING, IA5_STRING, NUMERIC_STRING, PRINTABLE_STRING, Reader, SEQUENCE, TELETEX_STRING, Tlv, UNIVERSAL_STRING,
    UTF8_STRING, VISIBLE_STRING, Writer,
};
use crate::{NameError, ParseError};

macro_rules! attribute_kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal $oid:literal $bound:literal;)*) => {
        /// An attribute type with a short name in RFC 4514 text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AttributeKind {
            $($(#[$doc])* $kind,)*
        }

        impl AttributeKind {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The short name that is written.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// The object identifier.
            pub fn oid(self) -> ObjectIdentifier {
                match self {
                    $(Self::$kind => const { ObjectIdentifier::new_unwrap($oid) },)*
                }
            }

            /// The longest value in characters: RFC 5280 appendix A, or X.520 where that says nothing.
            pub fn longest(self) -> usize {
                match self {
                    $(Self::$kind => $bound,)*
                }
            }
        }
    };
}

attribute_kinds! {
    /// commonName.
    CommonName "CN" "2.5.4.3" 64;
    /// organizationName.
    Organization "O" "2.5.4.10" 64;
    /// organizationalUnitName.
    OrganizationalUnit "OU" "2.5.4.11" 64;
    /// countryName: two letters.
    Country "C" "2.5.4.6" 2;
    /// stateOrProvinceName.
    State "ST" "2.5.4.8" 128;
    /// localityName.
    Locality "L" "2.5.4.7" 128;
    /// streetAddress.
    Street "STREET" "2.5.4.9" 128;
    /// domainComponent.
    DomainComponent "DC" "0.9.2342.19200300.100.1.25" 63;
    /// userId.
    UserId "UID" "0.9.2342.19200300.100.1.1" 256;
    /// serialNumber, of a device or person.
    SerialNumber "serialNumber" "2.5.4.5" 64;
    /// emailAddress of PKCS#9.
    EmailAddress "E" "1.2.840.113549.1.9.1" 255;
    /// title.
    Title "title" "2.5.4.12" 64;
    /// surname.
    Surname "SN" "2.5.4.4" 32768;
    /// givenName.
    GivenName "givenName" "2.5.4.42" 32768;
    /// initials.
    Initials "initials" "2.5.4.43" 32768;
    /// generationQualifier.
    GenerationQualifier "generationQualifier" "2.5.4.44" 32768;
    /// dnQualifier.
    DnQualifier "dnQualifier" "2.5.4.46" 64;
    /// pseudonym.
    Pseudonym "pseudonym" "2.5.4.65" 128;
    /// postalCode.
    PostalCode "postalCode" "2.5.4.17" 40;
    /// businessCategory.
    BusinessCategory "businessCategory" "2.5.4.15" 128;
    /// organizationIdentifier.
    OrganizationIdentifier "organizationIdentifier" "2.5.4.97" 256;
}

/// Other spellings that are read.
const ALIASES: [(&str, AttributeKind); 14] = [
    ("emailAddress", AttributeKind::EmailAddress),
    ("email", AttributeKind::EmailAddress),
    ("S", AttributeKind::State),
    ("SP", AttributeKind::State),
    ("T", AttributeKind::Title),
    ("GN", AttributeKind::GivenName),
    ("surname", AttributeKind::Surname),
    ("commonName", AttributeKind::CommonName),
    ("organizationName", AttributeKind::Organization),
    ("organizationalUnitName", AttributeKind::OrganizationalUnit),
    ("countryName", AttributeKind::Country),
    ("stateOrProvinceName", AttributeKind::State),
    ("localityName", AttributeKind::Locality),
    ("userId", AttributeKind::UserId),
];

impl AttributeKind {
    /// By its object identifier.
    pub fn from_oid(oid: &ObjectIdentifier) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.oid() == *oid)
    }

    /// By its short name or another common spelling; case does not matter.
    pub fn by_name(name: &str) -> Option<Self> {
        let known = Self::ALL.iter().copied().find(|kind| kind.name().eq_ignore_ascii_case(name));
        known.or_else(|| ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind))
    }

    fn tag(self) -> u8 {
        match self {
            Self::Country | Self::SerialNumber | Self::DnQualifier => PRINTABLE_STRING,
            Self::EmailAddress | Self::DomainComponent => IA5_STRING,
            _ => UTF8_STRING,
        }
    }
}

impl From<AttributeKind> for ObjectIdentifier {
    fn from(kind: AttributeKind) -> Self {
        kind.oid()
    }
}

impl fmt::Display for AttributeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An attribute in DER, its value checked.
pub(super) fn encode(oid: &ObjectIdentifier, draft: &Draft) -> Result<Vec<u8>, NameError> {
    let mut writer = Writer::with_capacity(64);
    match draft {
        Draft::Der(der) => {
            // What the attribute may not say as a string it may not say in hexadecimal either.
            let tlv = Reader::new(WHAT, der).any();
            if let Some(text) = tlv.ok().and_then(|tlv| decode(&tlv).ok()).flatten() {
                check(oid, &text)?;
            }
            writer.nest(SEQUENCE, |w| _ = w.oid(oid).raw(der))
        }
        Draft::Text(text) => {
            let tag = check(oid, text)?;
            writer.nest(SEQUENCE, |w| _ = w.oid(oid).value(tag, text.as_bytes()))
        }
    };
    Ok(writer.finish())
}

/// The string type for a value that keeps the rules of its attribute.
fn check(oid: &ObjectIdentifier, text: &str) -> Result<u8, NameError> {
    let kind = AttributeKind::from_oid(oid);
    let fault = |why: String| NameError::Value {
        attribute: kind.map_or_else(|| oid.to_string(), |kind| kind.name().to_owned()),
        why,
    };
    if text.is_empty() {
        return Err(fault("it is empty; leave the attribute out".to_owned()));
    }
    if text.chars().any(char::is_control) {
        return Err(fault("it has a control character".to_owned()));
    }
    let Some(kind) = kind else {
        return Ok(UTF8_STRING);
    };
    let length = text.chars().count();
    if kind == AttributeKind::Country && !(length == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic())) {
        return Err(fault(format!("{text:?} is not a country code of two letters")));
    }
    if length > kind.longest() {
        return Err(fault(format!("it has {length} characters, more than the {} of RFC 5280", kind.longest())));
    }
    let tag = kind.tag();
    if tag == PRINTABLE_STRING && !text.bytes().all(printable) {
        return Err(fault("it takes only letters, digits, space and '()+,-./:=?".to_owned()));
    }
    if tag == IA5_STRING && !text.is_ascii() {
        return Err(fault("it takes only ASCII (write an international domain in its xn-- form)".to_owned()));
    }
    Ok(tag)
}

fn printable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)
}

/// The text of a string value; none when it is not a string.
pub(super) fn decode(tlv: &Tlv<'_>) -> Result<Option<String>, ParseError> {
    let bad = |name: &str| ParseError::new(WHAT, format!("it has a {name} with bytes that are none"));
    let ascii = |allowed: fn(u8) -> bool, name: &str| {
        if tlv.value.iter().all(|&byte| allowed(byte)) {
            Ok(tlv.value.iter().map(|&byte| char::from(byte)).collect())
        } else {
            Err(bad(name))
        }
    };
    Ok(Some(match tlv.tag {
        UTF8_STRING => std::str::from_utf8(tlv.value).map_err(|_| bad("UTF8String"))?.to_owned(),
        // Real clients put @, * and _ into PrintableString; that harms nobody.
        PRINTABLE_STRING => ascii(|byte| byte.is_ascii(), "PrintableString")?,
        IA5_STRING => ascii(|byte| byte.is_ascii(), "IA5String")?,
        VISIBLE_STRING => ascii(|byte| (0x20..0x7f).contains(&byte), "VisibleString")?,
        NUMERIC_STRING => ascii(|byte| byte == b' ' || byte.is_ascii_digit(), "NumericString")?,
        // T.61 is read as Latin-1, as everybody writes it.
        TELETEX_STRING => tlv.value.iter().map(|&byte| char::from(byte)).collect(),
        BMP_STRING => {
            if !tlv.value.len().is_multiple_of(2) {
                return Err(bad("BMPString"));
            }
            let units = tlv.value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).collect::<Result<_, _>>().map_err(|_| bad("BMPString"))?
        }
        UNIVERSAL_STRING => {
            if !tlv.value.len().is_multiple_of(4) {
                return Err(bad("UniversalString"));
            }
            let units = tlv.value.chunks_exact(4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]));
            units.map(char::from_u32).collect::<Option<_>>().ok_or_else(|| bad("UniversalString"))?
        }
        _ => return Ok(None),
    }))
}

/// Whether these bytes are exactly one DER element.
pub(super) fn is_one_element(der: &[u8]) -> bool {
    let mut reader = Reader::new(WHAT, der);
    reader.any().is_ok_and(|tlv| decode(&tlv).is_ok()) && reader.is_empty()
}
