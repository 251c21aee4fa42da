use const_oid::ObjectIdentifier;

use super::{Limits, WHAT, normalise};
use crate::ParseError;
use crate::tlv::{Reader, SEQUENCE, constructed, whole};

/// The outermost part of every message (RFC 5652 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentInfo {
    content_type: ObjectIdentifier,
    content: Vec<u8>,
}

impl ContentInfo {
    /// From BER or DER.
    ///
    /// # Errors
    /// What [`normalise`] refuses, and anything that is no ContentInfo with a content.
    pub fn parse(ber: &[u8], limits: &Limits) -> Result<Self, ParseError> {
        let der = normalise(ber, limits)?;
        let mut info = whole(WHAT, &der, SEQUENCE)?;
        let content_type = info.oid("content type")?;
        let mut explicit = info.enter(constructed(0), "content")?;
        let content = explicit.any()?.raw.to_vec();
        explicit.end()?;
        info.end()?;
        Ok(Self { content_type, content })
    }

    /// What the content is: [`crate::oid::SIGNED_DATA`], [`crate::oid::ENVELOPED_DATA`] and so on.
    pub fn content_type(&self) -> ObjectIdentifier {
        self.content_type
    }

    /// The content's element, lengths definite.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Into the content, which must be a SEQUENCE of one of these types.
    pub(super) fn enter(&self, types: &[ObjectIdentifier], name: &str) -> Result<Reader<'_>, ParseError> {
        if !types.contains(&self.content_type) {
            return Err(ParseError::new(WHAT, format!("it is not {name} but of the type {}", self.content_type)));
        }
        whole(WHAT, &self.content, SEQUENCE)
    }
}
