//! Attributes and extensions of a request that are looked for by their identifiers, whether this crate knows them or not.

use const_oid::ObjectIdentifier;

use super::{Csr, WHAT, read_string};
use crate::extension;
use crate::tlv::{Reader, SEQUENCE, SET, Tlv, constructed, whole};
use crate::{ParseError, oid};

/// id-aa-otpChallenge (RFC 7894 section 3.1): a one-time password.
const OTP_CHALLENGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.56");
/// id-aa-estIdentityLinking (RFC 7894 section 3.3): what links the request to its TLS session.
const EST_IDENTITY_LINKING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.58");

impl Csr {
    /// The value of the estIdentityLinking attribute (RFC 7894 section 3.3).
    ///
    /// # Errors
    /// It comes twice, with several values, or is no string.
    pub fn est_identity_linking(&self) -> Result<Option<String>, ParseError> {
        self.text_attribute(EST_IDENTITY_LINKING)
    }

    /// The value of the otpChallenge attribute (RFC 7894 section 3.1).
    ///
    /// # Errors
    /// As [`Csr::est_identity_linking`].
    pub fn otp_challenge(&self) -> Result<Option<String>, ParseError> {
        self.text_attribute(OTP_CHALLENGE)
    }

    /// The value of an attribute that holds one DirectoryString.
    fn text_attribute(&self, kind: ObjectIdentifier) -> Result<Option<String>, ParseError> {
        let mut found = None;
        for (oid, values) in self.attributes()? {
            if oid != kind {
                continue;
            }
            let mut values = Reader::new(WHAT, values);
            if found.is_some() {
                return Err(values.error(format!("it has the attribute {kind} twice")));
            }
            found = Some(read_string(&mut values, "attribute's value")?);
            values.end()?;
        }
        Ok(found)
    }

    /// The octets of a requested extension's value, whether this crate knows it or not.
    pub fn extension_value(&self, wanted: ObjectIdentifier) -> Option<&[u8]> {
        let mut list = whole(WHAT, self.requested_extensions()?, SEQUENCE).ok()?;
        while !list.is_empty() {
            let raw = extension::read_one(&mut list).ok()?;
            if raw.oid == wanted {
                return Some(raw.value);
            }
        }
        None
    }

    /// The requested extensions in DER, all together; none when there is no such attribute.
    pub fn requested_extensions(&self) -> Option<&[u8]> {
        let attributes = self.attributes().ok()?;
        let asked = [oid::EXTENSION_REQUEST, oid::MS_EXTENSION_REQUEST];
        attributes.into_iter().find(|(oid, _)| asked.contains(oid)).map(|(_, values)| values)
    }

    /// Every attribute: its type, and its values in DER.
    fn attributes(&self) -> Result<Vec<(ObjectIdentifier, &[u8])>, ParseError> {
        let mut outer = whole(WHAT, self.der(), SEQUENCE)?;
        let mut info = outer.enter(SEQUENCE, "request information")?;
        let mut last: Option<Tlv<'_>> = None;
        while !info.is_empty() {
            last = Some(info.any()?);
        }
        let mut found = Vec::new();
        let Some(set) = last.filter(|element| element.tag == constructed(0)) else { return Ok(found) };
        let mut set = Reader::new(WHAT, set.value);
        while !set.is_empty() {
            let mut attribute = set.enter(SEQUENCE, "attribute")?;
            let kind = attribute.oid("attribute type")?;
            found.push((kind, attribute.expect(SET, "attribute's values")?.value));
        }
        Ok(found)
    }
}
