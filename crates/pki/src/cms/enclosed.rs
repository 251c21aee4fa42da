use std::fmt;

use super::WHAT;
use crate::tlv::{INTEGER, OCTET_STRING, Reader, SEQUENCE, Tlv, Writer, constructed, context, whole};
use crate::{Certificate, Name, ParseError, PublicKey, oid};

/// A certificate as a message has it, of which only what names it and its key are read.
///
/// Clients that have no certificate yet sign with one that they make themselves, and make them badly: sscep's serial
/// number has 32 octets, others sign with SHA-1 or write version 1. Whether it is a good certificate
/// ([`EnclosedCertificate::certificate`]) matters only to who trusts it for its signature.
#[derive(Clone, PartialEq, Eq)]
pub struct EnclosedCertificate {
    der: Vec<u8>,
    issuer: Vec<u8>,
    serial: Vec<u8>,
    subject: Vec<u8>,
    spki: Vec<u8>,
    key_id: Option<Vec<u8>>,
}

impl EnclosedCertificate {
    /// From DER.
    ///
    /// # Errors
    /// Not the shape of a certificate (RFC 5280 section 4.1).
    pub fn parse(der: &[u8]) -> Result<Self, ParseError> {
        const WHAT: &str = "the certificate in the message";
        let mut outer = whole(WHAT, der, SEQUENCE)?;
        let mut tbs = outer.enter(SEQUENCE, "part to be signed")?;
        tbs.optional(constructed(0))?;
        let serial = tbs.expect(INTEGER, "serial number")?.value.to_vec();
        tbs.expect(SEQUENCE, "signature algorithm")?;
        let issuer = tbs.expect(SEQUENCE, "issuer")?.raw.to_vec();
        tbs.expect(SEQUENCE, "validity")?;
        let subject = tbs.expect(SEQUENCE, "subject")?.raw.to_vec();
        let spki = tbs.expect(SEQUENCE, "public key")?.raw.to_vec();
        tbs.optional(context(1))?;
        tbs.optional(context(2))?;
        let key_id = match tbs.optional(constructed(3))? {
            Some(explicit) => key_id(&explicit)?,
            None => None,
        };
        Ok(Self { der: der.to_vec(), issuer, serial, subject, spki, key_id })
    }

    /// The DER as received.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The issuer's Name in DER.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer
    }

    /// The subject.
    ///
    /// # Errors
    /// It is no Name.
    pub fn subject(&self) -> Result<Name, ParseError> {
        Name::from_der(&self.subject)
    }

    /// The content octets of the serial number, whatever they are.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The subject's key.
    ///
    /// # Errors
    /// Not a kind of key that is supported.
    pub fn public_key(&self) -> Result<PublicKey, ParseError> {
        PublicKey::from_spki_der(&self.spki)
    }

    /// Whether issuer and subject are the same name.
    pub fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// The certificate in full.
    ///
    /// # Errors
    /// What [`Certificate::from_der`] refuses.
    pub fn certificate(&self) -> Result<Certificate, ParseError> {
        Certificate::from_der(&self.der)
    }

    /// How messages name it: by issuer and serial number.
    pub fn id(&self) -> CertificateId {
        CertificateId::IssuerAndSerial { issuer: self.issuer.clone(), serial: self.serial.clone() }
    }
}

impl From<&Certificate> for EnclosedCertificate {
    fn from(certificate: &Certificate) -> Self {
        Self::parse(certificate.der()).expect("it was read by stricter rules before")
    }
}

impl fmt::Debug for EnclosedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnclosedCertificate({:?})", self.id())
    }
}

/// subjectKeyIdentifier among the extensions.
fn key_id(explicit: &Tlv<'_>) -> Result<Option<Vec<u8>>, ParseError> {
    let mut list = whole(WHAT, explicit.value, SEQUENCE)?;
    while !list.is_empty() {
        let mut extension = list.enter(SEQUENCE, "extension")?;
        if extension.oid("extension's identifier")? != oid::SUBJECT_KEY_IDENTIFIER {
            continue;
        }
        extension.optional(crate::tlv::BOOLEAN)?;
        let value = extension.expect(OCTET_STRING, "extension's value")?.value;
        return Ok(Some(Reader::new(WHAT, value).expect(OCTET_STRING, "key identifier")?.value.to_vec()));
    }
    Ok(None)
}

/// How a message names the certificate of a signer or recipient (RFC 5652 sections 5.3 and 6.2.1).
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum CertificateId {
    /// By its issuer and its serial number.
    IssuerAndSerial {
        /// The Name in DER.
        issuer: Vec<u8>,
        /// The content octets of the INTEGER.
        serial: Vec<u8>,
    },
    /// By its subjectKeyIdentifier.
    SubjectKeyId(Vec<u8>),
}

impl CertificateId {
    pub(super) fn read(reader: &mut Reader<'_>, name: &str) -> Result<Self, ParseError> {
        if let Some(id) = reader.optional(context(0))? {
            return Ok(Self::SubjectKeyId(id.value.to_vec()));
        }
        let mut pair = reader.enter(SEQUENCE, name)?;
        let id = Self::read_pair(&mut pair)?;
        pair.end()?;
        Ok(id)
    }

    fn read_pair(pair: &mut Reader<'_>) -> Result<Self, ParseError> {
        let issuer = pair.expect(SEQUENCE, "issuer")?.raw.to_vec();
        let serial = pair.expect(INTEGER, "serial number")?.value.to_vec();
        Ok(Self::IssuerAndSerial { issuer, serial })
    }

    /// IssuerAndSerialNumber in DER (RFC 5652 section 10.2.4), which SCEP has as a message of its own (RFC 8894 sections
    /// 3.3.4 and 3.3.5).
    ///
    /// # Errors
    /// Other bytes.
    pub fn from_issuer_and_serial(der: &[u8]) -> Result<Self, ParseError> {
        let mut pair = whole(WHAT, der, SEQUENCE)?;
        let id = Self::read_pair(&mut pair)?;
        pair.end()?;
        Ok(id)
    }

    pub(super) fn write(&self, out: &mut Writer) {
        match self {
            Self::IssuerAndSerial { issuer, serial } => {
                out.nest(SEQUENCE, |out| _ = out.raw(issuer).value(INTEGER, serial));
            }
            Self::SubjectKeyId(id) => _ = out.value(context(0), id),
        }
    }

    /// IssuerAndSerialNumber in DER, if it is one.
    pub fn to_issuer_and_serial(&self) -> Option<Vec<u8>> {
        let Self::IssuerAndSerial { .. } = self else { return None };
        let mut out = Writer::default();
        self.write(&mut out);
        Some(out.finish())
    }

    /// Whether it names this certificate. Names are compared as they stand, and when they differ by the rules of
    /// RFC 5280 section 7.1: some senders write a name anew.
    pub fn names(&self, certificate: &EnclosedCertificate) -> bool {
        match self {
            Self::IssuerAndSerial { issuer, serial } => {
                magnitude(serial) == magnitude(&certificate.serial) && same_name(issuer, &certificate.issuer)
            }
            Self::SubjectKeyId(id) => match &certificate.key_id {
                Some(own) => own == id,
                None => false,
            },
        }
    }
}

impl fmt::Debug for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IssuerAndSerial { issuer, serial } => {
                let issuer = Name::from_der(issuer).map_or_else(|_| "?".to_owned(), |name| name.to_string());
                write!(f, "{issuer}, serial {}", crate::serial::hex(serial))
            }
            Self::SubjectKeyId(id) => write!(f, "key {}", crate::serial::hex(id)),
        }
    }
}

/// Leading zero octets dropped: they are written by some and left out by others.
fn magnitude(serial: &[u8]) -> &[u8] {
    let zeros = serial.iter().take_while(|&&octet| octet == 0).count();
    &serial[zeros..]
}

fn same_name(one: &[u8], other: &[u8]) -> bool {
    if one == other {
        return true;
    }
    match (Name::from_der(one), Name::from_der(other)) {
        (Ok(one), Ok(other)) => one.matches(&other),
        _ => false,
    }
}
