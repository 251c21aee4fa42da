//! Content keys encrypted to RSA keys: RSAES-PKCS1-v1_5 and RSAES-OAEP (RFC 3370 section 4.2.1, RFC 3560).

use std::fmt;

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
    OaepPrivateDecryptingKey, OaepPublicEncryptingKey, Pkcs1PrivateDecryptingKey, Pkcs1PublicEncryptingKey,
    PrivateDecryptingKey, PublicEncryptingKey,
};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use super::cipher::{Failed, describe, random, whole_octets};
use super::{CmsError, DigestAlgorithm, WHAT};
use crate::algorithm::read_identifier;
use crate::tlv::{NULL, Reader, SEQUENCE, Writer, constructed, whole};
use crate::{BuildError, KeyAlgorithm, KeyError, PrivateKey, PublicKey, oid};

const PART: &str = "the encrypted key";
const MEND: &str = "use RSA with PKCS#1 v1.5 padding, or OAEP with one digest for itself and for MGF1";

/// How a content key is encrypted to an RSA key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyTransport {
    /// RSAES-PKCS1-v1_5 (RFC 8017 section 7.2).
    RsaPkcs1,
    /// RSAES-OAEP (RFC 8017 section 7.1) with this digest, for MGF1 too. SHA-1 is safe there and the default of many.
    RsaOaep(DigestAlgorithm),
}

/// The algorithm with OAEP's label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transport {
    pub algorithm: KeyTransport,
    label: Vec<u8>,
}

impl Transport {
    /// From an AlgorithmIdentifier in DER.
    pub fn read(algorithm: &[u8]) -> Result<Self, CmsError> {
        let (id, parameters) = read_identifier(&mut Reader::new(WHAT, algorithm), "key encryption algorithm")?;
        if id == oid::RSA_ENCRYPTION {
            return Ok(Self { algorithm: KeyTransport::RsaPkcs1, label: Vec::new() });
        }
        let unsupported = |algorithm| CmsError::UnsupportedAlgorithm { what: PART, algorithm, mend: MEND };
        if id != oid::RSAES_OAEP {
            return Err(unsupported(describe(&id)));
        }
        // Some leave the parameters out instead of writing empty ones.
        let mut fields = match parameters {
            Some(parameters) => whole(WHAT, parameters, SEQUENCE)?,
            None => Reader::new(WHAT, &[]),
        };
        let digest = match fields.optional(constructed(0))? {
            Some(explicit) => {
                DigestAlgorithm::known(&read_identifier(&mut Reader::new(WHAT, explicit.value), PART)?.0)?
            }
            None => DigestAlgorithm::Sha1,
        };
        let mask = match fields.optional(constructed(1))? {
            Some(explicit) => {
                let (id, hash) = read_identifier(&mut Reader::new(WHAT, explicit.value), PART)?;
                match hash {
                    Some(hash) if id == oid::MGF1 => {
                        DigestAlgorithm::known(&read_identifier(&mut Reader::new(WHAT, hash), PART)?.0)?
                    }
                    _ => return Err(unsupported(format!("OAEP with the mask generation {id}"))),
                }
            }
            None => DigestAlgorithm::Sha1,
        };
        let label = match fields.optional(constructed(2))? {
            Some(explicit) => {
                let (id, label) = read_identifier(&mut Reader::new(WHAT, explicit.value), PART)?;
                match label {
                    Some(label) if id == oid::P_SPECIFIED => whole_octets(label)?.to_vec(),
                    _ => return Err(unsupported(format!("OAEP with a label from {id}"))),
                }
            }
            None => Vec::new(),
        };
        fields.end()?;
        if digest != mask {
            return Err(unsupported(format!("OAEP with {} and MGF1 with {}", digest.name(), mask.name())));
        }
        Ok(Self { algorithm: KeyTransport::RsaOaep(digest), label })
    }
}

impl KeyTransport {
    pub(super) fn write(self, out: &mut Writer) {
        out.nest(SEQUENCE, |out| match self {
            Self::RsaPkcs1 => _ = out.oid(&oid::RSA_ENCRYPTION).value(NULL, &[]),
            // RFC 4055 section 4.1: what is the default is left out.
            Self::RsaOaep(DigestAlgorithm::Sha1) => _ = out.oid(&oid::RSAES_OAEP).nest(SEQUENCE, |_| ()),
            Self::RsaOaep(digest) => {
                let hash = |out: &mut Writer| {
                    out.nest(SEQUENCE, |out| _ = out.oid(&digest.oid()).value(NULL, &[]));
                };
                out.oid(&oid::RSAES_OAEP).nest(SEQUENCE, |out| {
                    out.nest(constructed(0), hash);
                    out.nest(constructed(1), |out| {
                        out.nest(SEQUENCE, |out| {
                            out.oid(&oid::MGF1);
                            hash(out);
                        });
                    });
                });
            }
        });
    }

    fn oaep(digest: DigestAlgorithm) -> &'static OaepAlgorithm {
        match digest {
            DigestAlgorithm::Sha1 => &OAEP_SHA1_MGF1SHA1,
            DigestAlgorithm::Sha256 => &OAEP_SHA256_MGF1SHA256,
            DigestAlgorithm::Sha384 => &OAEP_SHA384_MGF1SHA384,
            DigestAlgorithm::Sha512 => &OAEP_SHA512_MGF1SHA512,
        }
    }

    /// Encrypt a content key.
    pub(super) fn encrypt(self, recipient: &PublicKey, key: &[u8]) -> Result<Vec<u8>, BuildError> {
        if !matches!(recipient.algorithm(), KeyAlgorithm::Rsa { bits: 2048..=8192 }) {
            let why = format!(
                "nothing can be encrypted to a key of type {}; RSA of 2048 to 8192 bits can",
                recipient.algorithm()
            );
            return Err(BuildError::new("the recipient's key", why));
        }
        let failed = |why: &str| BuildError::new("the recipient's key", format!("the cryptographic library {why}"));
        let public = PublicEncryptingKey::from_der(recipient.spki_der())
            .map_err(|error| failed(&format!("refused it: {error}")))?;
        let mut encrypted = vec![0; public.key_size_bytes()];
        let done = match self {
            Self::RsaPkcs1 => {
                Pkcs1PublicEncryptingKey::new(public).and_then(|public| Ok(public.encrypt(key, &mut encrypted)?.len()))
            }
            Self::RsaOaep(digest) => OaepPublicEncryptingKey::new(public)
                .and_then(|public| Ok(public.encrypt(Self::oaep(digest), key, &mut encrypted, None)?.len())),
        };
        let length = done.map_err(|_| failed("could not encrypt to it"))?;
        encrypted.truncate(length);
        Ok(encrypted)
    }
}

/// An RSA private key for decryption of messages.
pub struct DecryptionKey {
    pkcs1: Pkcs1PrivateDecryptingKey,
    oaep: OaepPrivateDecryptingKey,
    public: PublicKey,
}

impl DecryptionKey {
    /// From a private key.
    ///
    /// # Errors
    /// It is not RSA, or not of 2048 to 8192 bits.
    pub fn new(key: &PrivateKey) -> Result<Self, KeyError> {
        if !matches!(key.public_key().algorithm(), KeyAlgorithm::Rsa { .. }) {
            let kind = key.public_key().algorithm();
            return Err(KeyError::Unsupported(format!("a key of type {kind} decrypts nothing; use an RSA key")));
        }
        let private = PrivateDecryptingKey::from_pkcs8(&key.to_pkcs8_der())
            .map_err(|error| KeyError::Rejected(error.to_string()))?;
        let failed = |_| KeyError::Library("take the key for decryption");
        Ok(Self {
            pkcs1: Pkcs1PrivateDecryptingKey::new(private.clone()).map_err(failed)?,
            oaep: OaepPrivateDecryptingKey::new(private).map_err(failed)?,
            public: key.public_key().clone(),
        })
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The content key, which has this length; and another of the same length, by chance, when the padding is wrong or the
    /// length is: who alters a message must not learn which (RFC 3218 section 2.3.2, RFC 8017 section 7.2.2). The choice
    /// between the two is made without a branch; that it was made shows when the content cannot be decrypted, as it does
    /// with every wrong key.
    pub(super) fn open(
        &self,
        transport: &Transport,
        encrypted: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let mut key = random(length)?;
        let mut opened = Zeroizing::new(vec![0; self.pkcs1.min_output_size().max(length)]);
        let result = match transport.algorithm {
            KeyTransport::RsaPkcs1 => self.pkcs1.decrypt(encrypted, &mut opened).map(|plain| plain.len()),
            KeyTransport::RsaOaep(digest) => {
                let label = (!transport.label.is_empty()).then_some(transport.label.as_slice());
                self.oaep.decrypt(KeyTransport::oaep(digest), encrypted, &mut opened, label).map(|plain| plain.len())
            }
        };
        // No plaintext has this length, so it stands for a failure.
        let found = result.unwrap_or(usize::MAX) as u64;
        let good: Choice = found.ct_eq(&(length as u64));
        for (octet, candidate) in key.iter_mut().zip(opened.iter()) {
            octet.conditional_assign(candidate, good);
        }
        Ok(key)
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecryptionKey({:?}, secret not shown)", self.public)
    }
}
