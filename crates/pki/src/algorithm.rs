//! Kinds of keys and signatures.

use std::fmt;
use std::str::FromStr;

use const_oid::ObjectIdentifier;

use crate::tlv::{NULL, Reader, SEQUENCE, Writer, constructed};
use crate::{KeyError, ParseError, oid};

/// The kind and size of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// RSA (RFC 3279 section 2.3.1).
    Rsa {
        /// Length of the modulus in bits.
        bits: u32,
    },
    /// ECDSA on NIST P-256 (RFC 5480).
    P256,
    /// ECDSA on NIST P-384 (RFC 5480).
    P384,
    /// ECDSA on NIST P-521 (RFC 5480).
    P521,
    /// Ed25519 (RFC 8410).
    Ed25519,
}

impl KeyAlgorithm {
    /// `RSA`, `ECDSA` or `Ed25519`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa { .. } => "RSA",
            Self::P256 | Self::P384 | Self::P521 => "ECDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// Size in bits: of the modulus, or of the curve's field.
    pub fn bits(self) -> u32 {
        match self {
            Self::Rsa { bits } => bits,
            Self::P256 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
            Self::Ed25519 => 255,
        }
    }

    /// The type that makes such a key.
    pub fn key_type(self) -> KeyType {
        match self {
            Self::Rsa { bits } => KeyType::Rsa(bits),
            Self::P256 => KeyType::P256,
            Self::P384 => KeyType::P384,
            Self::P521 => KeyType::P521,
            Self::Ed25519 => KeyType::Ed25519,
        }
    }

    /// The signature made with such a key when nobody asks for another: the digest as strong as the curve.
    pub fn default_signature_algorithm(self) -> SignatureAlgorithm {
        match self {
            Self::Rsa { .. } => SignatureAlgorithm::RsaPkcs1Sha256,
            Self::P256 => SignatureAlgorithm::EcdsaSha256,
            Self::P384 => SignatureAlgorithm::EcdsaSha384,
            Self::P521 => SignatureAlgorithm::EcdsaSha512,
            Self::Ed25519 => SignatureAlgorithm::Ed25519,
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key_type().fmt(f)
    }
}

/// A kind of key that can be made or allowed; the number is the modulus in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyType {
    /// RSA; 2048, 3072, 4096 and 8192 can be made.
    Rsa(u32),
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// Ed25519.
    Ed25519,
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "rsa-{bits}"),
            Self::P256 => f.write_str("p-256"),
            Self::P384 => f.write_str("p-384"),
            Self::P521 => f.write_str("p-521"),
            Self::Ed25519 => f.write_str("ed25519"),
        }
    }
}

impl FromStr for KeyType {
    type Err = KeyError;

    /// `rsa-2048` to `rsa-8192`, `p-256`, `p-384`, `p-521`, `ed25519`; case does not matter, nor does the dash, and
    /// `ecdsa-p256`, `secp256r1`, `prime256v1` and their like are known too.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let packed: String = text.trim().to_ascii_lowercase().chars().filter(|c| !matches!(c, '-' | '_')).collect();
        let packed = packed.strip_prefix("ecdsa").or_else(|| packed.strip_prefix("ec")).unwrap_or(&packed);
        Ok(match packed {
            "p256" | "secp256r1" | "prime256v1" => Self::P256,
            "p384" | "secp384r1" => Self::P384,
            "p521" | "secp521r1" => Self::P521,
            "ed25519" | "25519" => Self::Ed25519,
            other => match other.strip_prefix("rsa").and_then(|bits| bits.parse().ok()) {
                Some(bits @ 2048..=8192) => Self::Rsa(bits),
                _ => {
                    return Err(KeyError::Unsupported(format!(
                        "unknown key type {text:?}; use rsa-2048 to rsa-8192, p-256, p-384, p-521 or ed25519"
                    )));
                }
            },
        })
    }
}

/// A signature over a certificate, request or CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 4055).
    RsaPkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RsaPkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RsaPkcs1Sha512,
    /// RSASSA-PSS with SHA-256, MGF1 of the same, salt of 32 octets (RFC 4055 section 3.1).
    RsaPssSha256,
    /// RSASSA-PSS with SHA-384, MGF1 of the same, salt of 48 octets.
    RsaPssSha384,
    /// RSASSA-PSS with SHA-512, MGF1 of the same, salt of 64 octets.
    RsaPssSha512,
    /// ECDSA with SHA-256 (RFC 5758 section 3.2).
    EcdsaSha256,
    /// ECDSA with SHA-384.
    EcdsaSha384,
    /// ECDSA with SHA-512.
    EcdsaSha512,
    /// Ed25519 (RFC 8410).
    Ed25519,
}

const SUPPORTED: &str =
    "sign with SHA-256, SHA-384 or SHA-512 by RSA or ECDSA, or with Ed25519; MD5 and SHA-1 are refused";

impl SignatureAlgorithm {
    const ALL: [Self; 10] = [
        Self::RsaPkcs1Sha256,
        Self::RsaPkcs1Sha384,
        Self::RsaPkcs1Sha512,
        Self::RsaPssSha256,
        Self::RsaPssSha384,
        Self::RsaPssSha512,
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
        Self::Ed25519,
    ];

    /// The name that Java and the REST API use.
    pub fn name(self) -> &'static str {
        match self {
            Self::RsaPkcs1Sha256 => "SHA256withRSA",
            Self::RsaPkcs1Sha384 => "SHA384withRSA",
            Self::RsaPkcs1Sha512 => "SHA512withRSA",
            Self::RsaPssSha256 => "SHA256withRSAandMGF1",
            Self::RsaPssSha384 => "SHA384withRSAandMGF1",
            Self::RsaPssSha512 => "SHA512withRSAandMGF1",
            Self::EcdsaSha256 => "SHA256withECDSA",
            Self::EcdsaSha384 => "SHA384withECDSA",
            Self::EcdsaSha512 => "SHA512withECDSA",
            Self::Ed25519 => "Ed25519",
        }
    }

    /// The AlgorithmIdentifier in DER.
    pub fn to_der(self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(80);
        writer.nest(SEQUENCE, |w| match self {
            Self::RsaPkcs1Sha256 | Self::RsaPkcs1Sha384 | Self::RsaPkcs1Sha512 => {
                w.oid(&self.oid()).value(NULL, &[]);
            }
            Self::RsaPssSha256 => pss(w, &oid::SHA256, 32),
            Self::RsaPssSha384 => pss(w, &oid::SHA384, 48),
            Self::RsaPssSha512 => pss(w, &oid::SHA512, 64),
            Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512 | Self::Ed25519 => {
                w.oid(&self.oid());
            }
        });
        writer.finish()
    }

    /// From an AlgorithmIdentifier in DER.
    ///
    /// # Errors
    /// [`ParseError::UnsupportedAlgorithm`] for every other algorithm, MD5 and SHA-1 among them, and for RSASSA-PSS
    /// with parameters other than those of the three variants.
    pub fn from_der(der: &[u8]) -> Result<Self, ParseError> {
        const WHAT: &str = "the signature algorithm";
        let mut inner = crate::tlv::whole(WHAT, der, SEQUENCE)?;
        let id = inner.oid("algorithm's identifier")?;
        let unsupported =
            |algorithm: String| ParseError::UnsupportedAlgorithm { what: "the signature", algorithm, mend: SUPPORTED };
        if id == oid::RSASSA_PSS {
            return [Self::RsaPssSha256, Self::RsaPssSha384, Self::RsaPssSha512]
                .into_iter()
                .find(|known| pss_spellings(*known).iter().any(|spelling| spelling == der))
                .ok_or_else(|| {
                    unsupported(
                        "RSASSA-PSS with parameters other than SHA-256, SHA-384 or SHA-512, MGF1 of the same digest \
                         and a salt as long as the digest"
                            .to_owned(),
                    )
                });
        }
        let Some(known) = Self::ALL.into_iter().find(|known| known.oid() == id) else {
            return Err(unsupported(oid::describe(&id)));
        };
        // RFC 4055 section 5: NULL is written, and its absence accepted; RFC 5758 and RFC 8410: nothing may stand there.
        let rsa = matches!(known, Self::RsaPkcs1Sha256 | Self::RsaPkcs1Sha384 | Self::RsaPkcs1Sha512);
        if rsa && !inner.is_empty() {
            let null = inner.expect(NULL, "algorithm's NULL")?;
            if !null.value.is_empty() {
                return Err(ParseError::new(WHAT, "its NULL is not empty"));
            }
        }
        inner.end()?;
        Ok(known)
    }

    /// Whether a key of this kind can make it.
    pub fn fits(self, key: KeyAlgorithm) -> bool {
        match self {
            Self::Ed25519 => key == KeyAlgorithm::Ed25519,
            Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512 => {
                matches!(key, KeyAlgorithm::P256 | KeyAlgorithm::P384 | KeyAlgorithm::P521)
            }
            _ => matches!(key, KeyAlgorithm::Rsa { .. }),
        }
    }

    fn oid(self) -> ObjectIdentifier {
        match self {
            Self::RsaPkcs1Sha256 => oid::SHA256_WITH_RSA,
            Self::RsaPkcs1Sha384 => oid::SHA384_WITH_RSA,
            Self::RsaPkcs1Sha512 => oid::SHA512_WITH_RSA,
            Self::RsaPssSha256 | Self::RsaPssSha384 | Self::RsaPssSha512 => oid::RSASSA_PSS,
            Self::EcdsaSha256 => oid::ECDSA_WITH_SHA256,
            Self::EcdsaSha384 => oid::ECDSA_WITH_SHA384,
            Self::EcdsaSha512 => oid::ECDSA_WITH_SHA512,
            Self::Ed25519 => oid::ED25519,
        }
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn pss(w: &mut Writer, digest: &ObjectIdentifier, salt: u8) {
    pss_spelled(w, digest, salt, true);
}

fn pss_spelled(w: &mut Writer, digest: &ObjectIdentifier, salt: u8, null: bool) {
    let hash = |w: &mut Writer| {
        w.nest(SEQUENCE, |w| {
            w.oid(digest);
            if null {
                w.value(NULL, &[]);
            }
        });
    };
    w.oid(&oid::RSASSA_PSS).nest(SEQUENCE, |w| {
        w.nest(constructed(0), hash);
        w.nest(constructed(1), |w| {
            w.nest(SEQUENCE, |w| {
                w.oid(&oid::MGF1);
                hash(w);
            });
        });
        w.nest(constructed(2), |w| {
            w.unsigned(&[salt]);
        });
    });
}

/// RFC 4055 section 2.1 lets the NULL of a digest's parameters be left out.
fn pss_spellings(algorithm: SignatureAlgorithm) -> [Vec<u8>; 2] {
    let (digest, salt) = match algorithm {
        SignatureAlgorithm::RsaPssSha384 => (oid::SHA384, 48),
        SignatureAlgorithm::RsaPssSha512 => (oid::SHA512, 64),
        _ => (oid::SHA256, 32),
    };
    [true, false].map(|null| {
        let mut writer = Writer::with_capacity(80);
        writer.nest(SEQUENCE, |w| pss_spelled(w, &digest, salt, null));
        writer.finish()
    })
}

/// Reads the two fields of an AlgorithmIdentifier: the identifier, and the raw parameters if there are any.
pub(crate) fn read_identifier<'a>(
    reader: &mut Reader<'a>,
    name: &str,
) -> Result<(ObjectIdentifier, Option<&'a [u8]>), ParseError> {
    let mut inner = reader.enter(SEQUENCE, name)?;
    let id = inner.oid(name)?;
    let parameters = if inner.is_empty() { None } else { Some(inner.any()?.raw) };
    inner.end()?;
    Ok((id, parameters))
}

#[cfg(test)]
mod tests;
