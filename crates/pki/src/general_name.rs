//! Names in subjectAltName.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use const_oid::ObjectIdentifier;

use crate::serial::{hex, unhex};
use crate::tlv::{Reader, SEQUENCE, Writer, constructed, context, whole};
use crate::{BuildError, Name, ParseError};

const WHAT: &str = "the alternative name";

/// A GeneralName (RFC 5280 section 4.2.1.6). Text is `dns:example.com`, `ip:192.0.2.1`, `email:..`, `uri:..`, `dn:..`,
/// `rid:1.2.3`, `other:OID:hex`, `x400:hex`, `edi:hex`, both ways.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GeneralName {
    /// dNSName, ASCII, as received (case and all).
    Dns(String),
    /// rfc822Name, ASCII.
    Email(String),
    /// uniformResourceIdentifier, ASCII.
    Uri(String),
    /// iPAddress.
    Ip(IpAddr),
    /// directoryName.
    Directory(Name),
    /// otherName.
    OtherName {
        /// Its type.
        oid: ObjectIdentifier,
        /// Its value in DER, without the explicit tag around it.
        value: Vec<u8>,
    },
    /// registeredID.
    RegisteredId(ObjectIdentifier),
    /// x400Address: the octets inside its tag.
    X400(Vec<u8>),
    /// ediPartyName: the octets inside its tag.
    EdiParty(Vec<u8>),
}

impl GeneralName {
    /// The word before the colon of the text.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dns(_) => "dns",
            Self::Email(_) => "email",
            Self::Uri(_) => "uri",
            Self::Ip(_) => "ip",
            Self::Directory(_) => "dn",
            Self::OtherName { .. } => "other",
            Self::RegisteredId(_) => "rid",
            Self::X400(_) => "x400",
            Self::EdiParty(_) => "edi",
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let tlv = reader.any()?;
        let text = |kind: &str| {
            ascii(tlv.value).ok_or_else(|| {
                ParseError::new(WHAT, format!("a {kind} name is empty or has bytes other than printable ASCII"))
            })
        };
        Ok(match tlv.tag {
            tag if tag == constructed(0) => {
                let mut inner = Reader::new(WHAT, tlv.value);
                let oid = inner.oid("type of an otherName")?;
                let mut explicit = inner.enter(constructed(0), "value of an otherName")?;
                inner.end()?;
                let value = explicit.any()?.raw.to_vec();
                explicit.end()?;
                Self::OtherName { oid, value }
            }
            tag if tag == context(1) => Self::Email(text("email")?),
            tag if tag == context(2) => Self::Dns(text("dns")?),
            tag if tag == constructed(3) => Self::X400(tlv.value.to_vec()),
            tag if tag == constructed(4) => Self::Directory(Name::from_der(tlv.value)?),
            tag if tag == constructed(5) => Self::EdiParty(tlv.value.to_vec()),
            tag if tag == context(6) => Self::Uri(text("uri")?),
            tag if tag == context(7) => Self::Ip(
                address(tlv.value).ok_or_else(|| ParseError::new(WHAT, "an IP address has neither 4 nor 16 octets"))?,
            ),
            tag if tag == context(8) => Self::RegisteredId(
                ObjectIdentifier::from_bytes(tlv.value)
                    .map_err(|_| ParseError::new(WHAT, "a registered id is no object identifier"))?,
            ),
            tag => return Err(ParseError::new(WHAT, format!("tag {tag:#04x} is no kind of name"))),
        })
    }

    pub(crate) fn write(&self, w: &mut Writer) -> Result<(), BuildError> {
        let checked = |value: &str| match ascii(value.as_bytes()) {
            Some(_) => Ok(()),
            None => Err(BuildError::new(
                WHAT,
                format!("{} name {value:?} is empty or has characters other than printable ASCII", self.kind()),
            )),
        };
        match self {
            Self::Dns(value) => {
                checked(value)?;
                w.value(context(2), value.as_bytes());
            }
            Self::Email(value) => {
                checked(value)?;
                w.value(context(1), value.as_bytes());
            }
            Self::Uri(value) => {
                checked(value)?;
                w.value(context(6), value.as_bytes());
            }
            Self::Ip(IpAddr::V4(ip)) => _ = w.value(context(7), &ip.octets()),
            Self::Ip(IpAddr::V6(ip)) => _ = w.value(context(7), &ip.octets()),
            Self::Directory(name) => _ = w.value(constructed(4), name.der()),
            Self::OtherName { oid, value } => {
                let mut reader = Reader::new(WHAT, value);
                let one = reader.any().is_ok() && reader.is_empty();
                if !one {
                    return Err(BuildError::new(WHAT, "the value of an otherName is not one DER element"));
                }
                w.nest(constructed(0), |w| {
                    w.oid(oid).value(constructed(0), value);
                });
            }
            Self::RegisteredId(oid) => _ = w.value(context(8), oid.as_bytes()),
            Self::X400(value) => _ = w.value(constructed(3), value),
            Self::EdiParty(value) => _ = w.value(constructed(5), value),
        }
        Ok(())
    }
}

/// GeneralNames, as subjectAltName has them.
pub(crate) fn read_all(der: &[u8]) -> Result<Vec<GeneralName>, ParseError> {
    let mut reader = whole("the subjectAltName extension", der, SEQUENCE)?;
    let mut names = Vec::new();
    while !reader.is_empty() {
        names.push(GeneralName::read(&mut reader)?);
    }
    if names.is_empty() {
        return Err(reader.error("it has no name in it"));
    }
    Ok(names)
}

pub(crate) fn write_all(names: &[GeneralName]) -> Result<Vec<u8>, BuildError> {
    let mut result = Ok(());
    let mut writer = Writer::with_capacity(128);
    writer.nest(SEQUENCE, |w| result = names.iter().try_for_each(|name| name.write(w)));
    result.map(|()| writer.finish())
}

/// Printable ASCII, not empty: control characters, NUL first of all, have fooled many readers of certificates.
fn ascii(value: &[u8]) -> Option<String> {
    if value.is_empty() || !value.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        return None;
    }
    Some(value.iter().map(|&byte| char::from(byte)).collect())
}

fn address(value: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(value) {
        return Some(IpAddr::V4(Ipv4Addr::from(four)));
    }
    <[u8; 16]>::try_from(value).ok().map(|sixteen| IpAddr::V6(Ipv6Addr::from(sixteen)))
}

impl fmt::Display for GeneralName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.kind())?;
        match self {
            Self::Dns(value) | Self::Email(value) | Self::Uri(value) => f.write_str(value),
            Self::Ip(ip) => ip.fmt(f),
            Self::Directory(name) => name.fmt(f),
            Self::OtherName { oid, value } => write!(f, "{oid}:{}", hex(value)),
            Self::RegisteredId(oid) => oid.fmt(f),
            Self::X400(value) | Self::EdiParty(value) => f.write_str(&hex(value)),
        }
    }
}

impl FromStr for GeneralName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fault = |why: String| ParseError::Malformed {
            what: WHAT,
            why,
            mend: "write dns:, ip:, email:, uri:, dn:, rid: or other:OID:hex before the value",
        };
        let (kind, value) = text.split_once(':').ok_or_else(|| fault(format!("{text:?} has no kind")))?;
        let printable = || ascii(value.as_bytes()).ok_or_else(|| fault(format!("{value:?} is not printable ASCII")));
        let oid =
            |dots: &str| ObjectIdentifier::new(dots).map_err(|_| fault(format!("{dots:?} is no object identifier")));
        let octets = |digits: &str| unhex(digits).ok_or_else(|| fault(format!("{digits:?} is not hexadecimal")));
        Ok(match kind.to_ascii_lowercase().as_str() {
            "dns" => Self::Dns(printable()?),
            "email" => Self::Email(printable()?),
            "uri" => Self::Uri(printable()?),
            "ip" => Self::Ip(value.parse().map_err(|_| fault(format!("{value:?} is no IP address")))?),
            "dn" => Self::Directory(value.parse().map_err(|error| fault(format!("{error}")))?),
            "rid" => Self::RegisteredId(oid(value)?),
            "other" => {
                let (dots, digits) = value.split_once(':').ok_or_else(|| fault("other: needs OID:hex".to_owned()))?;
                let value = octets(digits)?;
                let mut reader = Reader::new(WHAT, &value);
                if reader.any().is_err() || !reader.is_empty() {
                    return Err(fault("the hexadecimal value of other: is not one DER element".to_owned()));
                }
                Self::OtherName { oid: oid(dots)?, value }
            }
            "x400" => Self::X400(octets(value)?),
            "edi" => Self::EdiParty(octets(value)?),
            _ => return Err(fault(format!("{kind:?} is no kind of name"))),
        })
    }
}

#[cfg(test)]
mod tests;
