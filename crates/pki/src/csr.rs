//! PKCS#10 certification requests (RFC 2986).

use std::fmt;
use std::sync::Arc;

use const_oid::ObjectIdentifier;
use der::Encode;
use der::asn1::SetOfVec;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::DirectoryString;
use x509_cert::request::attributes::{AsAttribute, ChallengePassword};
use x509_cert::request::{CertReqInfo, ExtensionReq, Version};

use crate::error::SIZE_LIMIT;
use crate::extension::{Extensions, build};
use crate::key_check::KeyChecks;
use crate::tlv::{
    BMP_STRING, IA5_STRING, PRINTABLE_STRING, Reader, SEQUENCE, SET, TELETEX_STRING, UNIVERSAL_STRING, UTF8_STRING,
    constructed, whole,
};
use crate::{
    BuildError, CsrError, Fingerprint, GeneralName, KeyUsage, Name, ParseError, PublicKey, SignatureAlgorithm, Signer,
    armour, crmf, general_name, oid, x509,
};

mod attribute;

const WHAT: &str = "the certificate request";

/// The form of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestFormat {
    /// PKCS#10 (RFC 2986).
    Pkcs10,
    /// CertReqMessages of one message (RFC 4211).
    Crmf,
}

/// A request whose signature by its own key verified: to have one is to have proof of possession of the private key.
/// PKCS#10, or CRMF by [`crate::crmf`]. Cheap to clone.
#[derive(Clone)]
pub struct Csr(Arc<Parts>);

pub(crate) struct Parts {
    pub format: RequestFormat,
    pub der: Vec<u8>,
    pub subject: Name,
    pub public_key: PublicKey,
    pub signature_algorithm: SignatureAlgorithm,
    pub extensions: Extensions,
    pub challenge_password: Option<String>,
}

impl Csr {
    /// From any form that clients send: PEM with text around it (`CERTIFICATE REQUEST` or `NEW CERTIFICATE REQUEST`),
    /// Base64 of DER (wrapped or not), Base64 of either text once more, raw DER; at most 64 KiB.
    ///
    /// # Errors
    /// Another form, two requests at once, and what [`Csr::from_der`] refuses.
    pub fn parse(bytes: &[u8]) -> Result<Self, CsrError> {
        Self::from_der(&armour::strip(WHAT, bytes, &["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"])?)
    }

    /// From DER, whole.
    ///
    /// # Errors
    /// [`CsrError::Malformed`] for other bytes, trailing ones included; [`CsrError::UnsupportedAlgorithm`] for keys and
    /// signatures that are not supported (MD5 and SHA-1 among them); [`CsrError::BadSignature`] when the self-signature
    /// does not verify, or [`CsrError::Key`] when that is because the key itself breaks a rule.
    pub fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        if der.len() > SIZE_LIMIT {
            return Err(ParseError::TooLarge { what: WHAT, size: der.len(), limit: SIZE_LIMIT }.into());
        }
        let mut outer = whole(WHAT, der, SEQUENCE)?;
        let info = outer.expect(SEQUENCE, "request information")?;
        let algorithm = outer.expect(SEQUENCE, "signature algorithm")?.raw;
        let signature = outer.bit_string("signature")?;
        outer.end()?;

        let mut reader = Reader::new(WHAT, info.value);
        // RFC 2986 has version 0 alone, but old ACME clients (certbot before 2.0) write 2.
        if reader.small("version")? > 2 {
            return Err(reader.error("its version is not 0").into());
        }
        let subject = Name::from_der(reader.expect(SEQUENCE, "subject")?.raw)?;
        let public_key = PublicKey::from_spki_der(reader.expect(SEQUENCE, "public key")?.raw)?;
        let signature_algorithm = SignatureAlgorithm::from_der(algorithm)?;
        // Mandatory in RFC 2986 even when empty; left out by some devices.
        let attributes = match reader.optional(constructed(0))? {
            Some(set) => Attributes::read(set.value)?,
            None => Attributes::default(),
        };
        reader.end()?;

        Self::check(WHAT, &public_key, signature_algorithm, info.raw, signature)?;
        Ok(Self::new(Parts {
            format: RequestFormat::Pkcs10,
            der: der.to_vec(),
            subject,
            public_key,
            signature_algorithm,
            extensions: attributes.extensions.unwrap_or_default(),
            challenge_password: attributes.challenge_password,
        }))
    }

    /// From the DER of a request of either format that was accepted before, as [`Csr::der`] has it. Which it is shows in
    /// the third octets: PKCS#10 begins with a version, CRMF with another SEQUENCE.
    ///
    /// # Errors
    /// As [`Csr::from_der`] and [`crate::crmf::from_der`].
    pub fn from_stored(der: &[u8]) -> Result<Self, CsrError> {
        let first = whole(WHAT, der, SEQUENCE)?.enter(SEQUENCE, "request information")?.peek();
        if first == Some(SEQUENCE) { crmf::from_der(der)?.into_request() } else { Self::from_der(der) }
    }

    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Whether the signature over these octets is by this key.
    pub(crate) fn check(
        what: &'static str,
        key: &PublicKey,
        algorithm: SignatureAlgorithm,
        octets: &[u8],
        signature: &[u8],
    ) -> Result<(), CsrError> {
        if !algorithm.fits(key.algorithm()) {
            let why = format!("a signature {algorithm} cannot come from a key of type {}", key.algorithm());
            return Err(ParseError::new(what, why).into());
        }
        if key.verify(algorithm, octets, signature).is_err() {
            // With a key outside of all rules (e = 1, a point off its curve) nothing verifies: say the cause.
            KeyChecks::default().check(key).map_err(CsrError::Key)?;
            return Err(CsrError::BadSignature);
        }
        Ok(())
    }

    /// Which form it came in.
    pub fn format(&self) -> RequestFormat {
        self.0.format
    }

    /// The DER as received.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// PEM with the label `CERTIFICATE REQUEST`; CRMF, for which RFC 7468 has no label, with `CRMF`.
    pub fn to_pem(&self) -> String {
        let label = match self.0.format {
            RequestFormat::Pkcs10 => "CERTIFICATE REQUEST",
            RequestFormat::Crmf => "CRMF",
        };
        armour::pem(label, &self.0.der)
    }

    /// The subject asked for; may be empty.
    pub fn subject(&self) -> &Name {
        &self.0.subject
    }

    /// The key, proved to be the requester's.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// The alternative names asked for, in their order; empty when there are none.
    pub fn subject_alt_names(&self) -> &[GeneralName] {
        &self.0.extensions.subject_alt_names
    }

    /// The key usage asked for.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.extensions.key_usage
    }

    /// The extended key usages asked for.
    pub fn extended_key_usage(&self) -> Option<&[ObjectIdentifier]> {
        self.0.extensions.extended_key_usage.as_deref()
    }

    /// The challengePassword attribute (RFC 2985 section 5.4.1).
    pub fn challenge_password(&self) -> Option<&str> {
        self.0.challenge_password.as_deref()
    }

    /// Whether the TLS feature status_request is asked for (RFC 7633).
    pub fn must_staple(&self) -> bool {
        self.0.extensions.must_staple
    }

    /// Every extension asked for, in order.
    pub fn extension_oids(&self) -> &[ObjectIdentifier] {
        &self.0.extensions.oids
    }

    /// How the request is signed.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.0.signature_algorithm
    }

    /// SHA-256 of the DER.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0.der)
    }
}

impl fmt::Debug for Csr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The challenge password stays out of logs.
        write!(f, "Csr({}, {:?})", self.0.subject, self.0.public_key)
    }
}

impl PartialEq for Csr {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Csr {}

#[derive(Default)]
struct Attributes {
    extensions: Option<Extensions>,
    challenge_password: Option<String>,
}

impl Attributes {
    fn read(set: &[u8]) -> Result<Self, ParseError> {
        let mut reader = Reader::new(WHAT, set);
        let mut found = Self::default();
        while !reader.is_empty() {
            let mut attribute = reader.enter(SEQUENCE, "attribute")?;
            let kind = attribute.oid("attribute type")?;
            let mut values = attribute.enter(SET, "attribute's values")?;
            attribute.end()?;
            match kind {
                oid::EXTENSION_REQUEST | oid::MS_EXTENSION_REQUEST => {
                    if found.extensions.is_some() {
                        return Err(reader.error("it asks for extensions twice"));
                    }
                    let mut list = values.enter(SEQUENCE, "list of extensions")?;
                    found.extensions = Some(Extensions::read(&mut list)?);
                    values.end()?;
                }
                oid::CHALLENGE_PASSWORD => {
                    if found.challenge_password.is_some() {
                        return Err(reader.error("it has two challenge passwords"));
                    }
                    found.challenge_password = Some(read_string(&mut values, "challenge password")?);
                    values.end()?;
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

/// A DirectoryString; IA5String is seen too.
fn read_string(values: &mut Reader<'_>, name: &str) -> Result<String, ParseError> {
    let tlv = values.any()?;
    let text = match tlv.tag {
        UTF8_STRING | PRINTABLE_STRING | IA5_STRING => String::from_utf8(tlv.value.to_vec()).ok(),
        TELETEX_STRING => Some(tlv.value.iter().map(|&byte| char::from(byte)).collect()),
        BMP_STRING if tlv.value.len().is_multiple_of(2) => {
            let units = tlv.value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).collect::<Result<_, _>>().ok()
        }
        UNIVERSAL_STRING if tlv.value.len().is_multiple_of(4) => {
            let units = tlv.value.chunks_exact(4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]));
            units.map(char::from_u32).collect()
        }
        _ => None,
    };
    text.ok_or_else(|| values.error(format!("its {name} is no readable string")))
}

/// What to put into a request of our own.
#[derive(Clone, Debug, Default)]
pub struct CsrTemplate {
    /// The subject; may be empty.
    pub subject: Option<Name>,
    /// Alternative names.
    pub subject_alt_names: Vec<GeneralName>,
    /// Key usage.
    pub key_usage: Option<KeyUsage>,
    /// Extended key usages.
    pub extended_key_usage: Vec<ObjectIdentifier>,
    /// The TLS feature status_request (RFC 7633).
    pub must_staple: bool,
    /// The challengePassword attribute.
    pub challenge_password: Option<String>,
}

impl CsrTemplate {
    /// Build and sign a request for the signer's own key.
    ///
    /// # Errors
    /// A name that cannot be encoded, or the signer failed.
    pub fn sign(&self, signer: &dyn Signer) -> Result<Csr, BuildError> {
        let names = match self.subject_alt_names.as_slice() {
            [] => None,
            names => Some(general_name::write_all(names)?),
        };
        let info = self.encode(names, signer).map_err(|error| BuildError::der(WHAT, error))?;
        let der = x509::seal(&info, signer)?;
        Csr::from_der(&der).map_err(|error| BuildError::new(WHAT, error.to_string()))
    }

    /// The part to be signed. Not by x509-cert's `RequestBuilder`, which writes an extensionRequest even when there is
    /// nothing in it.
    fn encode(&self, names: Option<Vec<u8>>, signer: &dyn Signer) -> der::Result<Vec<u8>> {
        let mut attributes = SetOfVec::new();
        if let Some(password) = &self.challenge_password {
            attributes.insert(ChallengePassword(DirectoryString::Utf8String(password.clone())).to_attribute()?)?;
        }
        let extensions = self.extensions(names)?;
        if !extensions.is_empty() {
            attributes.insert(ExtensionReq(extensions).try_into()?)?;
        }
        CertReqInfo {
            version: Version::V1,
            subject: x509::name(&self.subject.clone().unwrap_or_else(Name::empty))?,
            public_key: x509::public_key(signer.public_key())?,
            attributes,
        }
        .to_der()
    }

    pub(crate) fn extensions(&self, names: Option<Vec<u8>>) -> der::Result<Vec<Extension>> {
        let mut all = Vec::new();
        if let Some(usage) = self.key_usage {
            all.push(build::key_usage(usage)?);
        }
        if !self.extended_key_usage.is_empty() {
            all.push(build::extended_key_usage(&self.extended_key_usage)?);
        }
        if let Some(names) = names {
            all.push(build::subject_alt_names(false, names)?);
        }
        if self.must_staple {
            all.push(build::must_staple()?);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
