//! X.509 certificates (RFC 5280 section 4).

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use const_oid::ObjectIdentifier;

use crate::error::SIZE_LIMIT;
use crate::extension::{self, Extensions};
use crate::tlv::{Reader, SEQUENCE, constructed, context, whole};
use crate::{
    Fingerprint, GeneralName, KeyUsage, Name, ParseError, PublicKey, SerialNumber, SignatureAlgorithm, SignatureError,
    Validity, armour,
};

const WHAT: &str = "the certificate";

/// The basicConstraints extension (RFC 5280 section 4.2.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BasicConstraints {
    /// Whether the subject is a CA.
    pub ca: bool,
    /// How many CA certificates may follow below this one.
    pub path_len: Option<u8>,
}

/// An X.509 certificate, version 3, with its DER as received. Cheap to clone.
#[derive(Clone)]
pub struct Certificate(Arc<Parts>);

struct Parts {
    der: Vec<u8>,
    tbs: Range<usize>,
    signature: Vec<u8>,
    serial: SerialNumber,
    signature_algorithm: SignatureAlgorithm,
    issuer: Name,
    validity: Validity,
    subject: Name,
    public_key: PublicKey,
    extensions: Extensions,
}

impl Certificate {
    /// From PEM with text around it, Base64 of DER or of PEM, or raw DER; at most 64 KiB, exactly one certificate.
    ///
    /// # Errors
    /// Another form, two certificates at once, and what [`Certificate::from_der`] refuses.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        Self::from_der(&armour::strip(WHAT, bytes, &["CERTIFICATE", "X509 CERTIFICATE"])?)
    }

    /// From a PEM text with exactly one certificate.
    ///
    /// # Errors
    /// As [`Certificate::parse`].
    pub fn from_pem(pem: &str) -> Result<Self, ParseError> {
        Self::parse(pem.as_bytes())
    }

    /// Every certificate of a PEM text, in order; other blocks are ignored.
    ///
    /// # Errors
    /// What [`Certificate::from_der`] refuses; a text without any certificate.
    pub fn all_from_pem(pem: &str) -> Result<Vec<Self>, ParseError> {
        let blocks = armour::blocks(WHAT, pem)?;
        let found: Vec<Self> = blocks
            .iter()
            .filter(|(label, _)| label == "CERTIFICATE" || label == "X509 CERTIFICATE")
            .map(|(_, der)| Self::from_der(der))
            .collect::<Result<_, _>>()?;
        if found.is_empty() {
            return Err(ParseError::new(WHAT, "there is no PEM block \"CERTIFICATE\" in it"));
        }
        Ok(found)
    }

    /// From DER, whole. The signature is not checked: see [`Certificate::verify_signed_by`].
    ///
    /// # Errors
    /// Other bytes, trailing ones included; a version other than 3; an unsupported kind of key or signature; an
    /// extension twice.
    pub fn from_der(der: &[u8]) -> Result<Self, ParseError> {
        if der.len() > SIZE_LIMIT {
            return Err(ParseError::TooLarge { what: WHAT, size: der.len(), limit: SIZE_LIMIT });
        }
        let mut outer = whole(WHAT, der, SEQUENCE)?;
        let tbs = outer.expect(SEQUENCE, "part to be signed")?;
        let algorithm = outer.expect(SEQUENCE, "signature algorithm")?.raw;
        let signature = outer.bit_string("signature")?.to_vec();
        outer.end()?;

        let mut reader = Reader::new(WHAT, tbs.value);
        let version = match reader.optional(constructed(0))? {
            Some(explicit) => Reader::new(WHAT, explicit.value).small("version")?,
            None => 0,
        };
        if version != 2 {
            return Err(reader.error(format!("its version is {}, not 3", version + 1)));
        }
        let serial = SerialNumber::from_bytes(reader.unsigned("serial number")?)?;
        if reader.expect(SEQUENCE, "signature algorithm")?.raw != algorithm {
            return Err(reader.error("its two signature algorithms differ (RFC 5280 section 4.1.1.2)"));
        }
        let signature_algorithm = SignatureAlgorithm::from_der(algorithm)?;
        let issuer = Name::from_der(reader.expect(SEQUENCE, "issuer")?.raw)?;
        let mut times = reader.enter(SEQUENCE, "validity")?;
        let validity = Validity { not_before: times.time("notBefore")?, not_after: times.time("notAfter")? };
        times.end()?;
        let subject = Name::from_der(reader.expect(SEQUENCE, "subject")?.raw)?;
        let public_key = PublicKey::from_spki_der(reader.expect(SEQUENCE, "public key")?.raw)?;
        reader.optional(context(1))?;
        reader.optional(context(2))?;
        let extensions = match reader.optional(constructed(3))? {
            Some(explicit) => {
                let mut list = whole(WHAT, explicit.value, SEQUENCE)?;
                Extensions::read(&mut list)?
            }
            None => Extensions::default(),
        };
        reader.end()?;
        // The part to be signed comes first inside the outer SEQUENCE.
        let start = tbs.raw.as_ptr() as usize - der.as_ptr() as usize;
        Ok(Self(Arc::new(Parts {
            tbs: start..start + tbs.raw.len(),
            der: der.to_vec(),
            signature,
            serial,
            signature_algorithm,
            issuer,
            validity,
            subject,
            public_key,
            extensions,
        })))
    }

    /// The DER as received.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// PEM with the label `CERTIFICATE`.
    pub fn to_pem(&self) -> String {
        armour::pem("CERTIFICATE", &self.0.der)
    }

    /// Whom it names; may be empty.
    pub fn subject(&self) -> &Name {
        &self.0.subject
    }

    /// Who signed it.
    pub fn issuer(&self) -> &Name {
        &self.0.issuer
    }

    /// Its serial number.
    pub fn serial(&self) -> &SerialNumber {
        &self.0.serial
    }

    /// How long it holds.
    pub fn validity(&self) -> Validity {
        self.0.validity
    }

    /// The subject's key.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// SHA-256 of the DER.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0.der)
    }

    /// The alternative names, in their order.
    pub fn subject_alt_names(&self) -> &[GeneralName] {
        &self.0.extensions.subject_alt_names
    }

    /// The keyUsage extension.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.extensions.key_usage
    }

    /// The extKeyUsage extension.
    pub fn extended_key_usage(&self) -> Option<&[ObjectIdentifier]> {
        self.0.extensions.extended_key_usage.as_deref()
    }

    /// The basicConstraints extension.
    pub fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.0.extensions.basic_constraints
    }

    /// Whether basicConstraints say that the subject is a CA.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints().is_some_and(|constraints| constraints.ca)
    }

    /// The subjectKeyIdentifier extension.
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.extensions.subject_key_id.as_deref()
    }

    /// The key identifier of the authorityKeyIdentifier extension.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.0.extensions.authority_key_id.as_deref()
    }

    /// How it is signed.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.0.signature_algorithm
    }

    /// The URIs of the cRLDistributionPoints extension.
    pub fn crl_distribution_points(&self) -> Vec<String> {
        self.0.extensions.crl_distribution_points.clone()
    }

    /// The caIssuers URIs of the authorityInfoAccess extension.
    pub fn aia_issuers(&self) -> Vec<String> {
        self.0.extensions.aia_issuers.clone()
    }

    /// The OCSP URIs of the authorityInfoAccess extension.
    pub fn aia_ocsp(&self) -> Vec<String> {
        self.0.extensions.aia_ocsp.clone()
    }

    /// Whether the TLS feature status_request is demanded (RFC 7633).
    pub fn must_staple(&self) -> bool {
        self.0.extensions.must_staple
    }

    /// Every extension, in order.
    pub fn extension_oids(&self) -> &[ObjectIdentifier] {
        &self.0.extensions.oids
    }

    /// Those extensions that are marked critical.
    pub fn critical_extensions(&self) -> &[ObjectIdentifier] {
        &self.0.extensions.critical
    }

    /// The octets of an extension's value, whether this crate knows it or not.
    pub fn extension_value(&self, oid: ObjectIdentifier) -> Option<&[u8]> {
        let mut reader = whole(WHAT, self.tbs_der(), SEQUENCE).ok()?;
        while let Ok(element) = reader.any() {
            if element.tag == constructed(3) {
                let mut list = whole(WHAT, element.value, SEQUENCE).ok()?;
                while !list.is_empty() {
                    let raw = extension::read_one(&mut list).ok()?;
                    if raw.oid == oid {
                        return Some(raw.value);
                    }
                }
            }
        }
        None
    }

    /// Whether issuer and subject are the same name (RFC 5280 section 3.2).
    pub fn is_self_issued(&self) -> bool {
        self.0.issuer.matches(&self.0.subject)
    }

    /// Check the signature, and nothing else, with the issuer's key.
    ///
    /// # Errors
    /// It does not verify, or that kind of key makes no such signatures.
    pub fn verify_signed_by(&self, issuer: &PublicKey) -> Result<(), SignatureError> {
        issuer.verify(self.0.signature_algorithm, self.tbs_der(), &self.0.signature)
    }

    /// The signed part, as received.
    pub fn tbs_der(&self) -> &[u8] {
        &self.0.der[self.0.tbs.clone()]
    }

    /// The signature's octets.
    pub fn signature(&self) -> &[u8] {
        &self.0.signature
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, serial {}, by {})", self.0.subject, self.0.serial, self.0.issuer)
    }
}

#[cfg(test)]
mod tests;
