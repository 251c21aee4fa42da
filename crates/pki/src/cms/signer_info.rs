use aws_lc_rs::constant_time::verify_slices_are_equal;
use const_oid::ObjectIdentifier;

use super::attribute::set_of;
use super::{CertificateId, CmsError, DigestAlgorithm, Legacy, SignedAttributes, WHAT};
use crate::algorithm::read_identifier;
use crate::tlv::{OCTET_STRING, Reader, SEQUENCE, SET, Writer, constructed};
use crate::{ParseError, PublicKey, SignatureAlgorithm, oid};

/// One signature of a SignedData (RFC 5652 section 5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignerInfo {
    id: CertificateId,
    content_type: ObjectIdentifier,
    digest: ObjectIdentifier,
    attributes: Option<SignedAttributes>,
    /// The attributes as a SET OF, in the order in which they came: what is signed.
    signed: Vec<u8>,
    signature_algorithm: Vec<u8>,
    signature: Vec<u8>,
}

/// What a signature turns out to be made with, once key and digest are known.
enum Scheme {
    Known(SignatureAlgorithm),
    RsaSha1,
}

impl SignerInfo {
    pub(super) fn read(reader: &mut Reader<'_>, content_type: ObjectIdentifier) -> Result<Self, ParseError> {
        let mut info = reader.enter(SEQUENCE, "signer")?;
        info.small("signer's version")?;
        let id = CertificateId::read(&mut info, "signer's issuer and serial number")?;
        let (digest, _) = read_identifier(&mut info, "signer's digest algorithm")?;
        let set = info.optional(constructed(0))?;
        let signature_algorithm = info.expect(SEQUENCE, "signature algorithm")?.raw.to_vec();
        let signature = info.expect(OCTET_STRING, "signature")?.value.to_vec();
        info.optional(constructed(1))?;
        info.end()?;
        let mut signed = Writer::default();
        let attributes = match &set {
            Some(set) => {
                // RFC 5652 section 5.4: signed is the SET OF, not the [0] under which it is sent.
                signed.value(SET, set.value);
                Some(SignedAttributes::read(set.value)?)
            }
            None => None,
        };
        Ok(Self { id, content_type, digest, attributes, signed: signed.finish(), signature_algorithm, signature })
    }

    /// Which certificate the signer has.
    pub fn id(&self) -> &CertificateId {
        &self.id
    }

    /// The digest of the content.
    ///
    /// # Errors
    /// Not one that is known.
    pub fn digest_algorithm(&self) -> Result<DigestAlgorithm, CmsError> {
        DigestAlgorithm::known(&self.digest)
    }

    /// The signed attributes before anything was verified; empty when there are none. For answering a message that
    /// cannot be accepted, and for nothing else.
    pub fn unverified_attributes(&self) -> SignedAttributes {
        self.attributes.clone().unwrap_or_default()
    }

    /// Verify the signature over this content (RFC 5652 section 5.4), and have the attributes that it covers. A content
    /// of type data may be signed without attributes; then there are none, and the signature covers it directly.
    ///
    /// The attributes are verified in the order in which they came, and, when that fails, in the order of DER, which is
    /// what senders sign who sort only for signing.
    ///
    /// # Errors
    /// [`CmsError::UnsupportedAlgorithm`] and [`CmsError::Outdated`] for algorithms, [`CmsError::Digest`] for another
    /// content, [`CmsError::Signature`] for another key or other attributes, [`CmsError::Malformed`] for attributes
    /// that are missing or there twice.
    pub fn verify(&self, key: &PublicKey, content: &[u8], legacy: Legacy) -> Result<SignedAttributes, CmsError> {
        let digest = self.digest_algorithm()?.allowed(legacy)?;
        let scheme = self.scheme(digest)?;
        if matches!(scheme, Scheme::RsaSha1) {
            DigestAlgorithm::Sha1.allowed(legacy)?;
        }
        let Some(attributes) = &self.attributes else {
            if self.content_type != oid::DATA {
                return Err(ParseError::new(WHAT, "it has no signed attributes (RFC 5652 section 5.3)").into());
            }
            check(&scheme, key, content, &self.signature)?;
            return Ok(SignedAttributes::default());
        };
        if attributes.require(&oid::CONTENT_TYPE, "contentType")?.oid()? != self.content_type {
            return Err(ParseError::new(WHAT, "its signed content type is not that of its content").into());
        }
        let signed_digest = attributes.require(&oid::MESSAGE_DIGEST, "messageDigest")?.octets()?;
        verify_slices_are_equal(signed_digest, &digest.digest(content)).map_err(|_| CmsError::Digest)?;
        match check(&scheme, key, &self.signed, &self.signature) {
            Err(CmsError::Signature) => {
                let sorted = self.sorted()?;
                if sorted == self.signed {
                    return Err(CmsError::Signature);
                }
                check(&scheme, key, &sorted, &self.signature)?;
            }
            other => other?,
        }
        Ok(attributes.clone())
    }

    /// The attributes in the order of DER.
    fn sorted(&self) -> Result<Vec<u8>, ParseError> {
        let mut set = Reader::new(WHAT, &self.signed).enter(SET, "signed attributes")?;
        let mut elements = Vec::new();
        while !set.is_empty() {
            elements.push(set.any()?.raw.to_vec());
        }
        let mut out = Writer::with_capacity(self.signed.len());
        set_of(&mut out, SET, &elements);
        Ok(out.finish())
    }

    /// Many senders name the key's algorithm alone, and the digest says the rest (RFC 3370 section 3.2).
    fn scheme(&self, digest: DigestAlgorithm) -> Result<Scheme, CmsError> {
        use SignatureAlgorithm as S;
        let id =
            Reader::new(WHAT, &self.signature_algorithm).enter(SEQUENCE, "signature algorithm")?.oid("its name")?;
        Ok(if id == oid::RSA_ENCRYPTION {
            match digest {
                DigestAlgorithm::Sha1 => Scheme::RsaSha1,
                DigestAlgorithm::Sha256 => Scheme::Known(S::RsaPkcs1Sha256),
                DigestAlgorithm::Sha384 => Scheme::Known(S::RsaPkcs1Sha384),
                DigestAlgorithm::Sha512 => Scheme::Known(S::RsaPkcs1Sha512),
            }
        } else if id == oid::SHA1_WITH_RSA {
            Scheme::RsaSha1
        } else if id == oid::EC_PUBLIC_KEY {
            match digest {
                DigestAlgorithm::Sha256 => Scheme::Known(S::EcdsaSha256),
                DigestAlgorithm::Sha384 => Scheme::Known(S::EcdsaSha384),
                DigestAlgorithm::Sha512 => Scheme::Known(S::EcdsaSha512),
                DigestAlgorithm::Sha1 => {
                    return Err(CmsError::UnsupportedAlgorithm {
                        what: "the message's signature",
                        algorithm: "ECDSA with SHA-1".to_owned(),
                        mend: "sign with SHA-256, SHA-384 or SHA-512",
                    });
                }
            }
        } else {
            Scheme::Known(S::from_der(&self.signature_algorithm)?)
        })
    }
}

fn check(scheme: &Scheme, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), CmsError> {
    let verified = match scheme {
        Scheme::Known(algorithm) => key.verify(*algorithm, message, signature),
        Scheme::RsaSha1 => key.verify_rsa_sha1(message, signature),
    };
    // A key of another kind did not make this signature either.
    verified.map_err(|_| CmsError::Signature)
}
