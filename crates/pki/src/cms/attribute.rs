//! Attributes of a signer (RFC 5652 section 5.3).

use const_oid::ObjectIdentifier;
use time::OffsetDateTime;

use super::WHAT;
use crate::ParseError;
use crate::tlv::{
    IA5_STRING, OCTET_STRING, OID, PRINTABLE_STRING, Reader, SEQUENCE, SET, TELETEX_STRING, UTF8_STRING,
    VISIBLE_STRING, Writer,
};

/// One attribute with its values, each in DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its type.
    pub kind: ObjectIdentifier,
    /// Its values.
    pub values: Vec<Vec<u8>>,
}

impl Attribute {
    /// With a PrintableString. The text must have no other characters than such a string can have.
    pub fn printable(kind: ObjectIdentifier, text: &str) -> Self {
        Self::element(kind, PRINTABLE_STRING, text.as_bytes())
    }

    /// With a UTF8String.
    pub fn utf8(kind: ObjectIdentifier, text: &str) -> Self {
        Self::element(kind, UTF8_STRING, text.as_bytes())
    }

    /// With an OCTET STRING.
    pub fn octets(kind: ObjectIdentifier, octets: &[u8]) -> Self {
        Self::element(kind, OCTET_STRING, octets)
    }

    /// With an object identifier.
    pub fn oid(kind: ObjectIdentifier, value: &ObjectIdentifier) -> Self {
        Self::element(kind, OID, value.as_bytes())
    }

    /// signingTime (RFC 5652 section 11.3).
    pub fn signing_time(at: OffsetDateTime) -> Self {
        let mut value = Writer::default();
        value.time(at);
        Self { kind: crate::oid::SIGNING_TIME, values: vec![value.finish()] }
    }

    /// With one value given as tag and content: for a string that is sent back with the tag it came with.
    pub fn element(kind: ObjectIdentifier, tag: u8, content: &[u8]) -> Self {
        let mut value = Writer::with_capacity(content.len() + 6);
        value.value(tag, content);
        Self { kind, values: vec![value.finish()] }
    }

    pub(super) fn to_der(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.nest(SEQUENCE, |out| {
            out.oid(&self.kind);
            set_of(out, SET, &self.values);
        });
        out.finish()
    }
}

/// A SET OF in DER: in the order of the encodings (X.690 section 11.6).
pub(super) fn set_of(out: &mut Writer, tag: u8, elements: &[Vec<u8>]) {
    let mut sorted: Vec<&Vec<u8>> = elements.iter().collect();
    sorted.sort();
    out.nest(tag, |out| {
        for element in sorted {
            out.raw(element);
        }
    });
}

/// The attributes of a signer, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedAttributes {
    attributes: Vec<Attribute>,
}

impl SignedAttributes {
    pub(super) fn read(set: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(WHAT, set);
        let mut attributes = Vec::new();
        while !reader.is_empty() {
            let mut attribute = reader.enter(SEQUENCE, "attribute")?;
            let kind = attribute.oid("attribute type")?;
            let mut set = attribute.enter(SET, "attribute's values")?;
            attribute.end()?;
            let mut values = Vec::new();
            while !set.is_empty() {
                values.push(set.any()?.raw.to_vec());
            }
            attributes.push(Attribute { kind, values });
        }
        Ok(Self { attributes })
    }

    /// All of them.
    pub fn all(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The one value of the attribute, if it is there.
    ///
    /// # Errors
    /// The attribute is there twice, or has no value or several: which one is meant cannot be known.
    pub fn get(&self, kind: &ObjectIdentifier) -> Result<Option<AttributeValue<'_>>, ParseError> {
        let mut found = self.attributes.iter().filter(|attribute| attribute.kind == *kind);
        let Some(attribute) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(ParseError::new(WHAT, format!("it has the attribute {kind} twice")));
        }
        let [der] = attribute.values.as_slice() else {
            let count = attribute.values.len();
            return Err(ParseError::new(WHAT, format!("its attribute {kind} has {count} values and must have one")));
        };
        let tlv = Reader::new(WHAT, der).any()?;
        Ok(Some(AttributeValue { tag: tlv.tag, content: tlv.value, der }))
    }

    /// The one value of an attribute that must be there.
    ///
    /// # Errors
    /// As [`Self::get`], and when it is missing; `name` says what is missing.
    pub fn require(&self, kind: &ObjectIdentifier, name: &str) -> Result<AttributeValue<'_>, ParseError> {
        self.get(kind)?.ok_or_else(|| ParseError::new(WHAT, format!("the signed attribute {name} is missing")))
    }
}

/// A value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttributeValue<'a> {
    /// The tag octet.
    pub tag: u8,
    /// The content octets.
    pub content: &'a [u8],
    /// Both and the length.
    pub der: &'a [u8],
}

impl<'a> AttributeValue<'a> {
    /// The characters of a PrintableString, UTF8String, IA5String, VisibleString or TeletexString (ASCII only in
    /// the last).
    ///
    /// # Errors
    /// It is another type, or its octets are no such characters.
    pub fn text(&self) -> Result<&'a str, ParseError> {
        match self.tag {
            UTF8_STRING => std::str::from_utf8(self.content).ok(),
            PRINTABLE_STRING | IA5_STRING | VISIBLE_STRING | TELETEX_STRING if self.content.is_ascii() => {
                std::str::from_utf8(self.content).ok()
            }
            _ => None,
        }
        .ok_or_else(|| ParseError::new(WHAT, "an attribute's value is no readable string"))
    }

    /// The octets of an OCTET STRING.
    ///
    /// # Errors
    /// It is another type.
    pub fn octets(&self) -> Result<&'a [u8], ParseError> {
        match self.tag {
            OCTET_STRING => Ok(self.content),
            tag => Err(ParseError::new(WHAT, format!("an attribute's value is no octet string but of tag {tag:#04x}"))),
        }
    }

    /// The time of a UTCTime or GeneralizedTime.
    ///
    /// # Errors
    /// It is another type.
    pub fn time(&self) -> Result<OffsetDateTime, ParseError> {
        Reader::new(WHAT, self.der).time("attribute's value")
    }

    /// An object identifier.
    ///
    /// # Errors
    /// It is another type.
    pub fn oid(&self) -> Result<ObjectIdentifier, ParseError> {
        Reader::new(WHAT, self.der).oid("attribute's value")
    }
}
