//! Public keys as certificates and requests carry them.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature as lc;
use aws_lc_rs::signature::VerificationAlgorithm;
use const_oid::ObjectIdentifier;

use crate::algorithm::read_identifier;
use crate::serial::{hex, sha256};
use crate::tlv::{INTEGER, NULL, Reader, SEQUENCE, Writer, whole};
use crate::{KeyAlgorithm, ParseError, SignatureAlgorithm, SignatureError, oid};

const WHAT: &str = "the public key";
const SUPPORTED: &str = "use RSA, ECDSA on P-256, P-384 or P-521, or Ed25519";
/// The largest RSA modulus that is read at all, in octets; what is allowed is less.
const MODULUS_LIMIT: usize = 2048;

/// A public key with its SubjectPublicKeyInfo as received. It is well-formed; whether it is a good key is for
/// [`crate::key_check`]. Cheap to clone.
#[derive(Clone)]
pub struct PublicKey(Arc<Parts>);

struct Parts {
    spki: Vec<u8>,
    algorithm: KeyAlgorithm,
    /// The BIT STRING's octets.
    key: Vec<u8>,
    material: Material,
}

/// What the key checks look at.
pub(crate) enum Material {
    /// Magnitudes, big-endian.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// An uncompressed point, or the single zero octet of the point at infinity.
    Ec,
    /// An encoded point.
    Ed25519,
}

impl PublicKey {
    /// From a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
    ///
    /// # Errors
    /// Not DER, or a kind of key that is not supported (the error names its object identifier). Points must be
    /// uncompressed, curves named (RFC 5480 section 2).
    pub fn from_spki_der(der: &[u8]) -> Result<Self, ParseError> {
        let mut spki = whole(WHAT, der, SEQUENCE)?;
        let (id, parameters) = read_identifier(&mut spki, "key algorithm")?;
        let key = spki.bit_string("key")?;
        spki.end()?;
        let (algorithm, material) = if id == oid::RSA_ENCRYPTION {
            // Without this one key would have two encodings, and pass as another.
            if parameters != Some(&[NULL, 0]) {
                return Err(ParseError::Malformed {
                    what: WHAT,
                    why: "its RSA parameters are not NULL".to_owned(),
                    mend: "write NULL after the rsaEncryption identifier (RFC 3279 section 2.3.1)",
                });
            }
            rsa(key)?
        } else if id == oid::EC_PUBLIC_KEY {
            (ec(parameters, key)?, Material::Ec)
        } else if id == oid::ED25519 {
            if parameters.is_some() {
                return Err(ParseError::new(WHAT, "Ed25519 takes no parameters (RFC 8410 section 3)"));
            }
            if key.len() != 32 {
                return Err(ParseError::new(WHAT, "an Ed25519 key has 32 octets"));
            }
            (KeyAlgorithm::Ed25519, Material::Ed25519)
        } else {
            return Err(unsupported(&id));
        };
        Ok(Self(Arc::new(Parts { spki: der.to_vec(), algorithm, key: key.to_vec(), material })))
    }

    /// An RSA key from its numbers, big-endian (a JSON Web Key: RFC 7518 section 6.3.1).
    ///
    /// # Errors
    /// A number that is zero or too large to be read at all.
    pub fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, ParseError> {
        let mut key = Writer::with_capacity(modulus.len() + exponent.len() + 16);
        key.nest(SEQUENCE, |key| _ = key.unsigned(modulus).unsigned(exponent));
        Self::from_parts(|id| _ = id.oid(&oid::RSA_ENCRYPTION).value(NULL, &[]), &key.finish())
    }

    /// A key on a NIST curve from its point's coordinates, each as long as the field (RFC 7518 section 6.2.1). Whether the
    /// point is on the curve is for [`crate::key_check`].
    ///
    /// # Errors
    /// Coordinates of another length, or an algorithm that has no points.
    pub fn from_point(curve: KeyAlgorithm, x: &[u8], y: &[u8]) -> Result<Self, ParseError> {
        let (curve, width) = match curve {
            KeyAlgorithm::P256 => (oid::SECP256R1, 32),
            KeyAlgorithm::P384 => (oid::SECP384R1, 48),
            KeyAlgorithm::P521 => (oid::SECP521R1, 66),
            KeyAlgorithm::Rsa { .. } | KeyAlgorithm::Ed25519 => {
                return Err(ParseError::new(WHAT, "only keys on NIST curves have coordinates"));
            }
        };
        if x.len() != width || y.len() != width {
            return Err(ParseError::new(WHAT, "a coordinate has not the length of its curve's field"));
        }
        Self::from_parts(|id| _ = id.oid(&oid::EC_PUBLIC_KEY).oid(&curve), &[&[4], x, y].concat())
    }

    /// An Ed25519 key from its encoded point (RFC 8037 section 2).
    ///
    /// # Errors
    /// Not 32 octets.
    pub fn from_ed25519(point: &[u8]) -> Result<Self, ParseError> {
        Self::from_parts(|id| _ = id.oid(&oid::ED25519), point)
    }

    fn from_parts(algorithm: impl FnOnce(&mut Writer), key: &[u8]) -> Result<Self, ParseError> {
        let mut spki = Writer::with_capacity(key.len() + 32);
        spki.nest(SEQUENCE, |spki| _ = spki.nest(SEQUENCE, algorithm).bits(key));
        Self::from_spki_der(&spki.finish())
    }

    /// The SubjectPublicKeyInfo as received.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki
    }

    /// Kind and size.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.0.algorithm
    }

    /// `RSA`, `ECDSA` or `Ed25519`.
    pub fn name(&self) -> &'static str {
        self.0.algorithm.name()
    }

    /// Size in bits: of the modulus, or of the curve's field.
    pub fn bits(&self) -> u32 {
        self.0.algorithm.bits()
    }

    /// What a key is known by when it is compared with others or blocked: for RSA a SHA-256 over the modulus alone, since
    /// whoever knows one private exponent of it knows them all; for the others [`PublicKey::key_hash`].
    pub fn identity(&self) -> [u8; 32] {
        match &self.0.material {
            Material::Rsa { modulus, .. } => sha256(&[b"RSA modulus\0", modulus.as_slice()].concat()),
            Material::Ec | Material::Ed25519 => self.key_hash(),
        }
    }

    /// SHA-256 of the SubjectPublicKeyInfo, as lists of compromised keys have it; [`PublicKey::identity`] tells keys
    /// apart.
    pub fn key_hash(&self) -> [u8; 32] {
        sha256(&self.0.spki)
    }

    /// RFC 7093 section 2 method 1: the leftmost 160 bits of the SHA-256 of the BIT STRING's octets.
    pub fn key_id(&self) -> [u8; 20] {
        sha256(&self.0.key)[..20].try_into().expect("20 of 32 bytes")
    }

    /// SubjectPublicKeyInfo in PEM.
    pub fn to_pem(&self) -> String {
        crate::armour::pem("PUBLIC KEY", &self.0.spki)
    }

    /// Check a signature by this key.
    ///
    /// # Errors
    /// [`SignatureError::WrongKey`] when a key of this kind makes no such signatures, [`SignatureError::Invalid`] when
    /// it does not verify.
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let verifier = verifier(algorithm, self.0.algorithm)
            .ok_or(SignatureError::WrongKey { algorithm: algorithm.name(), key: self.name() })?;
        verifier.verify_sig(&self.0.key, message, signature).map_err(|_| SignatureError::Invalid)
    }

    /// Check an RSA signature with SHA-1 (RFC 8017 section 8.2), which no [`SignatureAlgorithm`] is: only messages of old
    /// SCEP clients may have one.
    pub(crate) fn verify_rsa_sha1(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        let KeyAlgorithm::Rsa { bits } = self.0.algorithm else {
            return Err(SignatureError::WrongKey { algorithm: "SHA1withRSA", key: self.name() });
        };
        let verifier = match bits {
            1024..2048 => &lc::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            _ => &lc::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        };
        verifier.verify_sig(&self.0.key, message, signature).map_err(|_| SignatureError::Invalid)
    }

    /// The octets inside the SubjectPublicKeyInfo's BIT STRING.
    pub fn key_bits(&self) -> &[u8] {
        &self.0.key
    }

    pub(crate) fn material(&self) -> &Material {
        &self.0.material
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.spki == other.0.spki
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.0.algorithm, hex(&self.key_hash()[..8]))
    }
}

fn unsupported(id: &ObjectIdentifier) -> ParseError {
    ParseError::UnsupportedAlgorithm { what: WHAT, algorithm: oid::describe(id), mend: SUPPORTED }
}

fn rsa(key: &[u8]) -> Result<(KeyAlgorithm, Material), ParseError> {
    let mut inner = whole("the RSA public key", key, SEQUENCE)?;
    let modulus = inner.unsigned("modulus")?.to_vec();
    let exponent = inner.unsigned("exponent")?.to_vec();
    inner.end()?;
    if modulus.is_empty() || modulus.len() > MODULUS_LIMIT || exponent.len() > MODULUS_LIMIT {
        return Err(ParseError::new("the RSA public key", "its modulus is zero, or a number has more than 16384 bits"));
    }
    let bits = modulus.len() as u32 * 8 - modulus[0].leading_zeros();
    Ok((KeyAlgorithm::Rsa { bits }, Material::Rsa { modulus, exponent }))
}

fn ec(parameters: Option<&[u8]>, key: &[u8]) -> Result<KeyAlgorithm, ParseError> {
    let parameters = parameters.ok_or_else(|| ParseError::new(WHAT, "it names no curve"))?;
    if parameters[0] == SEQUENCE || parameters[0] == INTEGER {
        return Err(ParseError::Malformed {
            what: WHAT,
            why: "it describes its curve by numbers".to_owned(),
            mend: "name the curve (RFC 5480 section 2.1.1: explicit parameters are forbidden)",
        });
    }
    let id = Reader::new(WHAT, parameters).oid("curve")?;
    let (algorithm, width) = if id == oid::SECP256R1 {
        (KeyAlgorithm::P256, 32)
    } else if id == oid::SECP384R1 {
        (KeyAlgorithm::P384, 48)
    } else if id == oid::SECP521R1 {
        (KeyAlgorithm::P521, 66)
    } else {
        return Err(unsupported(&id));
    };
    match key {
        [0] => Ok(algorithm),
        [4, point @ ..] if point.len() == 2 * width => Ok(algorithm),
        [2 | 3, x @ ..] if x.len() == width => Err(ParseError::Malformed {
            what: WHAT,
            why: "its point is compressed".to_owned(),
            mend: "send the uncompressed point (RFC 5480 section 2.2)",
        }),
        _ => Err(ParseError::new(WHAT, "its point has not the length of its curve")),
    }
}

fn verifier(algorithm: SignatureAlgorithm, key: KeyAlgorithm) -> Option<&'static dyn VerificationAlgorithm> {
    use KeyAlgorithm as K;
    use SignatureAlgorithm as S;
    Some(match (algorithm, key) {
        (S::RsaPkcs1Sha256, K::Rsa { bits: 1024..2048 }) => &lc::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        (S::RsaPkcs1Sha512, K::Rsa { bits: 1024..2048 }) => &lc::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        (S::RsaPkcs1Sha256, K::Rsa { .. }) => &lc::RSA_PKCS1_2048_8192_SHA256,
        (S::RsaPkcs1Sha384, K::Rsa { .. }) => &lc::RSA_PKCS1_2048_8192_SHA384,
        (S::RsaPkcs1Sha512, K::Rsa { .. }) => &lc::RSA_PKCS1_2048_8192_SHA512,
        (S::RsaPssSha256, K::Rsa { .. }) => &lc::RSA_PSS_2048_8192_SHA256,
        (S::RsaPssSha384, K::Rsa { .. }) => &lc::RSA_PSS_2048_8192_SHA384,
        (S::RsaPssSha512, K::Rsa { .. }) => &lc::RSA_PSS_2048_8192_SHA512,
        (S::EcdsaSha256, K::P256) => &lc::ECDSA_P256_SHA256_ASN1,
        (S::EcdsaSha384, K::P256) => &lc::ECDSA_P256_SHA384_ASN1,
        (S::EcdsaSha512, K::P256) => &lc::ECDSA_P256_SHA512_ASN1,
        (S::EcdsaSha256, K::P384) => &lc::ECDSA_P384_SHA256_ASN1,
        (S::EcdsaSha384, K::P384) => &lc::ECDSA_P384_SHA384_ASN1,
        (S::EcdsaSha512, K::P384) => &lc::ECDSA_P384_SHA512_ASN1,
        (S::EcdsaSha256, K::P521) => &lc::ECDSA_P521_SHA256_ASN1,
        (S::EcdsaSha384, K::P521) => &lc::ECDSA_P521_SHA384_ASN1,
        (S::EcdsaSha512, K::P521) => &lc::ECDSA_P521_SHA512_ASN1,
        (S::Ed25519, K::Ed25519) => &lc::ED25519,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
