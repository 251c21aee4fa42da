//! Messages of our own, in DER.

use const_oid::ObjectIdentifier;

use super::attribute::set_of;
use super::cipher::{Encryption, no_randomness, random};
use super::key_encryption::KeyEncryptionRecipient;
use super::password::PasswordRecipient;
use super::{Attribute, ContentCipher, DigestAlgorithm, EnclosedCertificate, KeyTransport, WHAT};
use crate::tlv::{NULL, OCTET_STRING, SEQUENCE, SET, Writer, constructed, context};
use crate::{BuildError, KeyAlgorithm, SignatureAlgorithm, Signer, oid};

/// A SignedData with one signature (RFC 5652 section 5).
pub struct Signed<'a> {
    /// The type of the content.
    pub content_type: ObjectIdentifier,
    /// The content; `None` leaves it out, and the digest is that of no octets.
    pub content: Option<&'a [u8]>,
    /// Signed attributes beside contentType and messageDigest, which are added.
    pub attributes: &'a [Attribute],
    /// The digest that is wished for: taken when the key can sign with it, else the key's own. SHA-1 is never written.
    pub digest: DigestAlgorithm,
    /// The key.
    pub signer: &'a dyn Signer,
    /// The key's certificate, by which the signature names it. Not put into the message: see `certificates`.
    pub certificate: &'a EnclosedCertificate,
    /// The certificates in the message, each in DER, in this order.
    pub certificates: &'a [&'a [u8]],
}

impl Signed<'_> {
    /// Sign, and put into a ContentInfo.
    ///
    /// # Errors
    /// The signer refused or failed.
    pub fn sign(&self) -> Result<Vec<u8>, BuildError> {
        let (digest, algorithm) = choose(self.signer, self.digest);
        let content_digest = digest.digest(self.content.unwrap_or_default());
        let mut attributes = vec![
            Attribute::oid(oid::CONTENT_TYPE, &self.content_type).to_der(),
            Attribute::octets(oid::MESSAGE_DIGEST, &content_digest).to_der(),
        ];
        attributes.extend(self.attributes.iter().map(Attribute::to_der));
        let mut signed = Writer::default();
        set_of(&mut signed, SET, &attributes);
        let signature = self.signer.sign_with(algorithm, &signed.finish())?;
        let version = if self.content_type == oid::DATA { 1 } else { 3 };
        Ok(content_info(&oid::SIGNED_DATA, |out| {
            out.unsigned(&[version]);
            out.nest(SET, |out| digest.write(out));
            encapsulated(out, &self.content_type, self.content);
            if !self.certificates.is_empty() {
                list(out, 0, self.certificates);
            }
            out.nest(SET, |out| {
                out.nest(SEQUENCE, |out| {
                    out.unsigned(&[1]);
                    self.certificate.id().write(out);
                    digest.write(out);
                    set_of(out, constructed(0), &attributes);
                    signature_algorithm(out, algorithm);
                    out.value(OCTET_STRING, &signature);
                });
            });
        }))
    }
}

/// Certificates and CRLs without a content or a signature (RFC 5652 section 5.1), each in DER, in the order given: many
/// clients take the first certificate for theirs. [`crate::certs_only`] has them in the order of DER.
pub fn degenerate(certificates: &[&[u8]], crls: &[&[u8]]) -> Vec<u8> {
    content_info(&oid::SIGNED_DATA, |out| {
        out.unsigned(&[1]);
        out.nest(SET, |_| ());
        encapsulated(out, &oid::DATA, None);
        if !certificates.is_empty() || crls.is_empty() {
            list(out, 0, certificates);
        }
        if !crls.is_empty() {
            list(out, 1, crls);
        }
        out.nest(SET, |_| ());
    })
}

/// Whom to encrypt for.
pub enum To<'a> {
    /// The RSA key of a certificate, which is named by issuer and serial number.
    Certificate {
        /// The certificate.
        certificate: &'a EnclosedCertificate,
        /// How the content key is encrypted.
        transport: KeyTransport,
    },
    /// Whoever has a password (RFC 3211), by PBKDF2 with HMAC-SHA-256.
    Password {
        /// The password.
        password: &'a [u8],
        /// How often it is hashed.
        iterations: u32,
    },
    /// Whoever has a key, by AES key wrap.
    KeyEncryption {
        /// By which the message names the key.
        id: &'a [u8],
        /// 16 or 32 octets.
        key: &'a [u8],
    },
}

/// EnvelopedData for one recipient (RFC 5652 section 6), the content in a ContentInfo.
///
/// # Errors
/// A cipher that belongs into [`auth_enveloped`], single DES, or a recipient whose key encrypts nothing.
pub fn enveloped(
    content_type: &ObjectIdentifier,
    content: &[u8],
    cipher: ContentCipher,
    to: &To<'_>,
) -> Result<Vec<u8>, BuildError> {
    if cipher.is_authenticated() || cipher == ContentCipher::DesCbc {
        return Err(BuildError::new(WHAT, format!("EnvelopedData is not written with {}", cipher.name())));
    }
    let (encryption, ciphertext, recipient) = envelop(content, cipher, to)?;
    // RFC 5652 section 6.1.
    let version = match to {
        To::Certificate { .. } => 0,
        To::Password { .. } => 3,
        To::KeyEncryption { .. } => 2,
    };
    Ok(content_info(&oid::ENVELOPED_DATA, |out| {
        out.unsigned(&[version]);
        out.nest(SET, |out| _ = out.raw(&recipient));
        encrypted_content(out, content_type, &encryption, &ciphertext);
    }))
}

/// AuthEnvelopedData for one recipient (RFC 5083, RFC 5084), the content in a ContentInfo.
///
/// # Errors
/// A cipher other than AES-GCM, or a recipient whose key encrypts nothing.
pub fn auth_enveloped(
    content_type: &ObjectIdentifier,
    content: &[u8],
    cipher: ContentCipher,
    to: &To<'_>,
) -> Result<Vec<u8>, BuildError> {
    if !cipher.is_authenticated() {
        return Err(BuildError::new(WHAT, format!("AuthEnvelopedData is not written with {}", cipher.name())));
    }
    // RFC 5083 section 2.1: attributes are needed for other contents than data alone.
    let attributes = [Attribute::oid(oid::CONTENT_TYPE, content_type).to_der()];
    let attributes: &[Vec<u8>] = if *content_type == oid::DATA { &[] } else { &attributes };
    let mut additional = Writer::default();
    if !attributes.is_empty() {
        set_of(&mut additional, SET, attributes);
    }
    let (encryption, ciphertext, recipient) = envelop_with(content, cipher, to, &additional.finish())?;
    let (ciphertext, tag) = ciphertext.split_at(ciphertext.len() - 16);
    Ok(content_info(&oid::AUTH_ENVELOPED_DATA, |out| {
        out.unsigned(&[0]);
        out.nest(SET, |out| _ = out.raw(&recipient));
        encrypted_content(out, content_type, &encryption, ciphertext);
        if !attributes.is_empty() {
            set_of(out, constructed(1), attributes);
        }
        out.value(OCTET_STRING, tag);
    }))
}

type Envelope = (Encryption, Vec<u8>, Vec<u8>);

fn envelop(content: &[u8], cipher: ContentCipher, to: &To<'_>) -> Result<Envelope, BuildError> {
    envelop_with(content, cipher, to, &[])
}

fn envelop_with(content: &[u8], cipher: ContentCipher, to: &To<'_>, additional: &[u8]) -> Result<Envelope, BuildError> {
    let key = random(cipher.key_length()).map_err(|_| no_randomness())?;
    let encryption = Encryption::fresh(cipher)?;
    let failed = |_| BuildError::new(WHAT, "the cryptographic library could not encrypt");
    let ciphertext = encryption.encrypt(&key, content, additional).map_err(failed)?;
    let mut recipient = Writer::default();
    match to {
        To::Certificate { certificate, transport } => {
            let public = certificate.public_key().map_err(|error| BuildError::new(WHAT, error.to_string()))?;
            let encrypted = transport.encrypt(&public, &key)?;
            recipient.nest(SEQUENCE, |out| {
                out.unsigned(&[0]);
                certificate.id().write(out);
                transport.write(out);
                out.value(OCTET_STRING, &encrypted);
            });
        }
        To::Password { password, iterations } => {
            PasswordRecipient::write(&mut recipient, cipher, password, *iterations, &key)?;
        }
        To::KeyEncryption { id, key: wrapping } => {
            KeyEncryptionRecipient::write(&mut recipient, id, wrapping, &key)?;
        }
    }
    Ok((encryption, ciphertext, recipient.finish()))
}

fn encrypted_content(out: &mut Writer, content_type: &ObjectIdentifier, encryption: &Encryption, ciphertext: &[u8]) {
    out.nest(SEQUENCE, |out| {
        out.oid(content_type);
        encryption.write(out);
        out.value(context(0), ciphertext);
    });
}

fn content_info(content_type: &ObjectIdentifier, content: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut out = Writer::default();
    out.nest(SEQUENCE, |out| {
        out.oid(content_type).nest(constructed(0), |out| _ = out.nest(SEQUENCE, content));
    });
    out.finish()
}

fn encapsulated(out: &mut Writer, content_type: &ObjectIdentifier, content: Option<&[u8]>) {
    out.nest(SEQUENCE, |out| {
        out.oid(content_type);
        if let Some(content) = content {
            out.nest(constructed(0), |out| _ = out.value(OCTET_STRING, content));
        }
    });
}

fn list(out: &mut Writer, number: u8, elements: &[&[u8]]) {
    out.nest(constructed(number), |out| {
        for element in elements {
            out.raw(element);
        }
    });
}

/// The digest and the signature: as wished, or the key's own.
fn choose(signer: &dyn Signer, wished: DigestAlgorithm) -> (DigestAlgorithm, SignatureAlgorithm) {
    use SignatureAlgorithm as S;
    let algorithm = match (signer.public_key().algorithm(), wished) {
        (KeyAlgorithm::Rsa { .. }, DigestAlgorithm::Sha384) => S::RsaPkcs1Sha384,
        (KeyAlgorithm::Rsa { .. }, DigestAlgorithm::Sha512) => S::RsaPkcs1Sha512,
        (KeyAlgorithm::Rsa { .. }, _) => S::RsaPkcs1Sha256,
        _ => signer.signature_algorithm(),
    };
    let algorithm = if signer.signs_with(algorithm) { algorithm } else { signer.signature_algorithm() };
    let digest = match algorithm {
        S::RsaPkcs1Sha256 | S::RsaPssSha256 | S::EcdsaSha256 => DigestAlgorithm::Sha256,
        S::RsaPkcs1Sha384 | S::RsaPssSha384 | S::EcdsaSha384 => DigestAlgorithm::Sha384,
        // RFC 8419 section 3.1 for Ed25519.
        S::RsaPkcs1Sha512 | S::RsaPssSha512 | S::EcdsaSha512 | S::Ed25519 => DigestAlgorithm::Sha512,
    };
    (digest, algorithm)
}

/// RFC 3370 section 3.2: with RSA the key's algorithm is named, which every reader knows.
fn signature_algorithm(out: &mut Writer, algorithm: SignatureAlgorithm) {
    match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256
        | SignatureAlgorithm::RsaPkcs1Sha384
        | SignatureAlgorithm::RsaPkcs1Sha512 => {
            out.nest(SEQUENCE, |out| _ = out.oid(&oid::RSA_ENCRYPTION).value(NULL, &[]));
        }
        other => _ = out.raw(&other.to_der()),
    }
}
