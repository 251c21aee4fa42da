//! Private keys in software, and the trait by which any key signs.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair, RsaSignatureEncoding,
};
use zeroize::Zeroizing;

use crate::algorithm::read_identifier;
use crate::tlv::{NULL, OID, Reader, SEQUENCE, Writer, whole};
use crate::{KeyError, KeyType, ParseError, PublicKey, SignError, SignatureAlgorithm, armour, oid};

mod encrypted;

const WHAT: &str = "the private key";

/// Something that signs: a key in software, or one that lives elsewhere.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// What [`Signer::sign`] makes.
    fn signature_algorithm(&self) -> SignatureAlgorithm;

    /// The signature over a message, in the form that certificates carry.
    ///
    /// # Errors
    /// The key could not be used.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;

    /// Whether [`Signer::sign_with`] makes this signature too.
    fn signs_with(&self, algorithm: SignatureAlgorithm) -> bool {
        algorithm == self.signature_algorithm()
    }

    /// A signature by another algorithm than the usual one.
    ///
    /// # Errors
    /// The key makes no such signatures ([`Signer::signs_with`]), or could not be used.
    fn sign_with(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        if algorithm == self.signature_algorithm() {
            self.sign(message)
        } else {
            Err(SignError(format!("the key does not sign with {algorithm}")))
        }
    }
}

/// A private key in memory; its bytes are wiped when it goes.
pub struct PrivateKey {
    pkcs8: Zeroizing<Vec<u8>>,
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// Make a new key. The randomness is the cryptographic library's own.
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] for RSA sizes other than 2048, 3072, 4096 and 8192.
    pub fn generate(kind: KeyType) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Library("make a key");
        let pkcs8 = match kind {
            KeyType::Rsa(bits) => {
                let size = match bits {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    4096 => KeySize::Rsa4096,
                    8192 => KeySize::Rsa8192,
                    _ => {
                        return Err(KeyError::Unsupported(format!(
                            "no RSA key of {bits} bits can be made; use 2048, 3072, 4096 or 8192"
                        )));
                    }
                };
                let pair = RsaKeyPair::generate(size).map_err(failed)?;
                let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(failed)?;
                Zeroizing::new(der.as_ref().to_vec())
            }
            KeyType::P256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?,
            KeyType::P384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING).map_err(failed)?,
            KeyType::P521 => ecdsa(&ECDSA_P521_SHA512_ASN1_SIGNING).map_err(failed)?,
            KeyType::Ed25519 => {
                // Version 1, as RFC 8410 section 7 has it first and OpenSSL reads it.
                let document = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).map_err(failed)?;
                Zeroizing::new(document.as_ref().to_vec())
            }
        };
        Self::from_pkcs8_der(&pkcs8)
    }

    /// From an unencrypted PKCS#8 PrivateKeyInfo (RFC 5958).
    ///
    /// # Errors
    /// Not DER, an unsupported kind, RSA outside of 2048 to 8192 bits, or halves that do not belong together.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let mut info = whole(WHAT, der, SEQUENCE)?;
        if info.small("version")? > 1 {
            return Err(ParseError::new(WHAT, "its PKCS#8 version is neither 0 nor 1").into());
        }
        let (id, parameters) = read_identifier(&mut info, "key algorithm")?;
        let rejected = |error: aws_lc_rs::error::KeyRejected| KeyError::Rejected(error.to_string());
        let (pair, public) = if id == oid::RSA_ENCRYPTION {
            let pair = RsaKeyPair::from_pkcs8(der).map_err(rejected)?;
            let public = rsa_spki(pair.public_key().as_ref());
            (Pair::Rsa(Box::new(pair)), public)
        } else if id == oid::EC_PUBLIC_KEY {
            let parameters = parameters.filter(|raw| raw[0] == OID);
            let parameters = parameters.ok_or_else(|| ParseError::new(WHAT, "it names no curve"))?;
            let curve = Reader::new(WHAT, parameters).oid("curve")?;
            let signing = signing_algorithm(&curve)?;
            let pair = EcdsaKeyPair::from_pkcs8(signing, der).map_err(rejected)?;
            let public = ec_spki(&curve, pair.public_key().as_ref());
            (Pair::Ec(pair), public)
        } else if id == oid::ED25519 {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(rejected)?;
            let public = ed25519_spki(pair.public_key().as_ref());
            (Pair::Ed25519(pair), public)
        } else {
            return Err(unsupported(&id));
        };
        Ok(Self { pkcs8: Zeroizing::new(der.to_vec()), pair, public: PublicKey::from_spki_der(&public)? })
    }

    /// From a PEM block `PRIVATE KEY`; text around it and other blocks (certificates) are ignored.
    ///
    /// # Errors
    /// No such block or more than one, and what [`Self::from_pkcs8_der`] refuses.
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, KeyError> {
        let der = Zeroizing::new(one_block(pem, "PRIVATE KEY")?);
        Self::from_pkcs8_der(&der)
    }

    /// From a PEM block `ENCRYPTED PRIVATE KEY` (PBES2 with PBKDF2 or scrypt, AES).
    ///
    /// # Errors
    /// [`KeyError::TooCostly`] before anything is derived when the file asks for too much work,
    /// [`KeyError::WrongPassword`], and what [`Self::from_pkcs8_der`] refuses.
    pub fn from_encrypted_pkcs8_pem(pem: &str, password: &[u8]) -> Result<Self, KeyError> {
        let der = one_block(pem, "ENCRYPTED PRIVATE KEY")?;
        Self::from_pkcs8_der(&encrypted::open(&der, password)?)
    }

    /// The PKCS#8 PrivateKeyInfo, unencrypted.
    pub fn to_pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        self.pkcs8.clone()
    }

    /// The PKCS#8 PrivateKeyInfo as a PEM block `PRIVATE KEY`, unencrypted.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(armour::pem("PRIVATE KEY", &self.pkcs8))
    }

    /// A PEM block `ENCRYPTED PRIVATE KEY`: PBES2 with scrypt (N 16384, r 8, p 1) and AES-256-CBC, which OpenSSL reads.
    ///
    /// # Errors
    /// The library gave no random salt.
    pub fn to_encrypted_pkcs8_pem(&self, password: &[u8]) -> Result<String, KeyError> {
        Ok(armour::pem("ENCRYPTED PRIVATE KEY", &encrypted::seal(&self.pkcs8, password)?))
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// What this key signs with.
    pub fn default_signature_algorithm(&self) -> SignatureAlgorithm {
        self.public.algorithm().default_signature_algorithm()
    }

    /// Sign with the default algorithm.
    ///
    /// # Errors
    /// The library failed.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let failed = |_| SignError("the cryptographic library could not sign".to_owned());
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => rsa_sign(pair, &RSA_PKCS1_SHA256, message),
            Pair::Ec(pair) => Ok(pair.sign(&random, message).map_err(failed)?.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.try_sign(message).map_err(failed)?.as_ref().to_vec()),
        }
    }
}

impl Signer for PrivateKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.default_signature_algorithm()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        Self::sign(self, message)
    }

    fn signs_with(&self, algorithm: SignatureAlgorithm) -> bool {
        match &self.pair {
            Pair::Rsa(_) => rsa_encoding(algorithm).is_some(),
            Pair::Ec(_) | Pair::Ed25519(_) => algorithm == self.default_signature_algorithm(),
        }
    }

    fn sign_with(&self, algorithm: SignatureAlgorithm, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match (&self.pair, rsa_encoding(algorithm)) {
            (Pair::Rsa(pair), Some(encoding)) => rsa_sign(pair, encoding, message),
            _ if algorithm == self.default_signature_algorithm() => Self::sign(self, message),
            _ => Err(SignError(format!("a key of type {} does not sign with {algorithm}", self.public.algorithm()))),
        }
    }
}

fn rsa_encoding(algorithm: SignatureAlgorithm) -> Option<&'static RsaSignatureEncoding> {
    Some(match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => &RSA_PKCS1_SHA256,
        SignatureAlgorithm::RsaPkcs1Sha384 => &RSA_PKCS1_SHA384,
        SignatureAlgorithm::RsaPkcs1Sha512 => &RSA_PKCS1_SHA512,
        SignatureAlgorithm::RsaPssSha256 => &RSA_PSS_SHA256,
        SignatureAlgorithm::RsaPssSha384 => &RSA_PSS_SHA384,
        SignatureAlgorithm::RsaPssSha512 => &RSA_PSS_SHA512,
        _ => return None,
    })
}

fn rsa_sign(pair: &RsaKeyPair, encoding: &'static RsaSignatureEncoding, message: &[u8]) -> Result<Vec<u8>, SignError> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| SignError("the cryptographic library could not sign".to_owned()))?;
    Ok(signature)
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?}, secret not shown)", self.public)
    }
}

fn unsupported(id: &const_oid::ObjectIdentifier) -> KeyError {
    KeyError::Malformed(ParseError::UnsupportedAlgorithm {
        what: WHAT,
        algorithm: oid::describe(id),
        mend: "use RSA, ECDSA on P-256, P-384 or P-521, or Ed25519",
    })
}

fn one_block(pem: &str, label: &'static str) -> Result<Vec<u8>, KeyError> {
    let mut blocks = armour::blocks(WHAT, pem)?;
    blocks.retain(|(found, _)| found == label);
    match blocks.len() {
        1 => Ok(blocks.remove(0).1),
        n => Err(ParseError::Malformed {
            what: WHAT,
            why: format!("there are {n} PEM blocks \"{label}\" in it, and there must be one"),
            mend: "convert other forms with `openssl pkcs8 -topk8`",
        }
        .into()),
    }
}

fn signing_algorithm(curve: &const_oid::ObjectIdentifier) -> Result<&'static EcdsaSigningAlgorithm, KeyError> {
    match *curve {
        oid::SECP256R1 => Ok(&ECDSA_P256_SHA256_ASN1_SIGNING),
        oid::SECP384R1 => Ok(&ECDSA_P384_SHA384_ASN1_SIGNING),
        oid::SECP521R1 => Ok(&ECDSA_P521_SHA512_ASN1_SIGNING),
        _ => Err(unsupported(curve)),
    }
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> Result<Zeroizing<Vec<u8>>, aws_lc_rs::error::Unspecified> {
    let document = EcdsaKeyPair::generate(algorithm)?.to_pkcs8v1()?;
    Ok(Zeroizing::new(document.as_ref().to_vec()))
}

fn spki(algorithm: impl FnOnce(&mut Writer), key: &[u8]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(key.len() + 32);
    writer.nest(SEQUENCE, |w| {
        w.nest(SEQUENCE, algorithm).bits(key);
    });
    writer.finish()
}

/// SubjectPublicKeyInfo around an RSAPublicKey (RFC 8017 appendix A.1.1).
pub(crate) fn rsa_spki(key: &[u8]) -> Vec<u8> {
    spki(
        |w| {
            w.oid(&oid::RSA_ENCRYPTION).value(NULL, &[]);
        },
        key,
    )
}

fn ec_spki(curve: &const_oid::ObjectIdentifier, key: &[u8]) -> Vec<u8> {
    spki(
        |w| {
            w.oid(&oid::EC_PUBLIC_KEY).oid(curve);
        },
        key,
    )
}

fn ed25519_spki(key: &[u8]) -> Vec<u8> {
    spki(
        |w| {
            w.oid(&oid::ED25519);
        },
        key,
    )
}

#[cfg(test)]
mod tests;
