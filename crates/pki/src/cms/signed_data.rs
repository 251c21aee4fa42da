use const_oid::ObjectIdentifier;

use super::{ContentInfo, EnclosedCertificate, Limits, SignerInfo, WHAT};
use crate::tlv::{OCTET_STRING, Reader, SEQUENCE, SET, constructed};
use crate::{ParseError, oid};

/// A content with signatures over it, or certificates and CRLs without either (RFC 5652 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedData {
    content_type: ObjectIdentifier,
    content: Option<Vec<u8>>,
    certificates: Vec<Vec<u8>>,
    crls: Vec<Vec<u8>>,
    signers: Vec<SignerInfo>,
}

impl SignedData {
    /// From a ContentInfo in BER or DER. Nothing is verified yet.
    ///
    /// # Errors
    /// What [`ContentInfo::parse`] refuses, and another content than SignedData.
    pub fn parse(ber: &[u8], limits: &Limits) -> Result<Self, ParseError> {
        Self::from_content_info(&ContentInfo::parse(ber, limits)?)
    }

    /// From the outer part, read before.
    ///
    /// # Errors
    /// Another content than SignedData.
    pub fn from_content_info(info: &ContentInfo) -> Result<Self, ParseError> {
        let mut data = info.enter(&[oid::SIGNED_DATA], "SignedData")?;
        data.small("version")?;
        data.expect(SET, "set of digest algorithms")?;
        let mut encapsulated = data.enter(SEQUENCE, "encapsulated content")?;
        let content_type = encapsulated.oid("type of the signed content")?;
        let content = match encapsulated.optional(constructed(0))? {
            Some(explicit) => {
                let mut explicit = Reader::new(WHAT, explicit.value);
                let content = explicit.expect(OCTET_STRING, "signed content")?.value.to_vec();
                explicit.end()?;
                Some(content)
            }
            None => None,
        };
        encapsulated.end()?;
        let certificates = elements(data.optional(constructed(0))?.map(|set| set.value))?;
        let crls = elements(data.optional(constructed(1))?.map(|set| set.value))?;
        let mut set = data.enter(SET, "set of signers")?;
        data.end()?;
        let mut signers = Vec::new();
        while !set.is_empty() {
            signers.push(SignerInfo::read(&mut set, content_type)?);
        }
        Ok(Self { content_type, content, certificates, crls, signers })
    }

    /// The type of the signed content.
    pub fn content_type(&self) -> ObjectIdentifier {
        self.content_type
    }

    /// The signed content; `None` when it is not in the message, which is not the same as an empty one.
    pub fn content(&self) -> Option<&[u8]> {
        self.content.as_deref()
    }

    /// The certificates, each as received, in their order.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// The CRLs, each as received, in their order.
    pub fn crls(&self) -> &[Vec<u8>] {
        &self.crls
    }

    /// The signatures.
    pub fn signers(&self) -> &[SignerInfo] {
        &self.signers
    }

    /// The signature of a message that must have exactly one.
    ///
    /// # Errors
    /// It has none or several.
    pub fn only_signer(&self) -> Result<&SignerInfo, ParseError> {
        match self.signers.as_slice() {
            [one] => Ok(one),
            all => Err(ParseError::new(WHAT, format!("it has {} signatures and must have exactly one", all.len()))),
        }
    }

    /// The certificate that the signer names, among those in the message. Others may be there and need not be readable.
    ///
    /// # Errors
    /// It is not there.
    pub fn certificate_of(&self, signer: &SignerInfo) -> Result<EnclosedCertificate, ParseError> {
        let readable = self.certificates.iter().filter_map(|der| EnclosedCertificate::parse(der).ok());
        readable
            .into_iter()
            .find(|certificate| signer.id().names(certificate))
            .ok_or_else(|| ParseError::new(WHAT, format!("the signer's certificate ({:?}) is not in it", signer.id())))
    }
}

/// The elements of a set of certificates or CRLs that are such: the other choices are tagged, and left out.
fn elements(set: Option<&[u8]>) -> Result<Vec<Vec<u8>>, ParseError> {
    let mut reader = Reader::new(WHAT, set.unwrap_or_default());
    let mut found = Vec::new();
    while !reader.is_empty() {
        let tlv = reader.any()?;
        if tlv.tag == SEQUENCE {
            found.push(tlv.raw.to_vec());
        }
    }
    Ok(found)
}
