//! Structures of the TPM library specification, part 2.

use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use chancery_pki::{ObjectIdentifier, PublicKey, SignatureAlgorithm};
use der::asn1::{Any, BitString, UintRef};
use der::{Encode, Sequence};
use spki::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use crate::attest::Wrong;

/// TPM_GENERATED_VALUE, and TPM_ST_ATTEST_CERTIFY (sections 6.2 and 6.9).
const GENERATED: u32 = 0xff54_4347;
const CERTIFY: u16 = 0x8017;
/// TPM_ALG_ID (section 6.3).
const RSA: u16 = 0x0001;
const SHA_256: u16 = 0x000b;
const SHA_384: u16 = 0x000c;
const SHA_512: u16 = 0x000d;
const NULL: u16 = 0x0010;
const RSASSA: u16 = 0x0014;
const RSAES: u16 = 0x0015;
const RSAPSS: u16 = 0x0016;
const ECDSA: u16 = 0x0018;
const ECDAA: u16 = 0x001a;
const ECC: u16 = 0x0023;
/// TPMA_OBJECT (section 8.3): fixedTPM, fixedParent, sensitiveDataOrigin.
const MADE_AND_KEPT: u32 = 1 << 1 | 1 << 4 | 1 << 5;
/// A restricted key signs only what the TPM made: no certificate request.
const RESTRICTED: u32 = 1 << 16;

/// Octets that are read from the front, big-endian.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// TPM2B: a length and as many octets.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let count = self.u16()?;
        self.take(usize::from(count))
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// TPMS_ATTEST of a certified key (section 10.12.8).
pub(in crate::attest) struct Certified<'a> {
    pub extra_data: &'a [u8],
    pub name: &'a [u8],
}

impl<'a> Certified<'a> {
    pub fn parse(octets: &'a [u8]) -> Result<Self, Wrong> {
        let read = || {
            let mut at = Cursor(octets);
            let generated = at.u32()? == GENERATED;
            let certify = at.u16()? == CERTIFY;
            if !generated || !certify {
                return None;
            }
            let _qualified_signer = at.sized()?;
            let extra_data = at.sized()?;
            // clock, resetCount, restartCount, safe; firmwareVersion.
            at.take(8 + 4 + 4 + 1 + 8)?;
            let name = at.sized()?;
            let _qualified_name = at.sized()?;
            at.end()?;
            Some(Self { extra_data, name })
        };
        read().ok_or_else(|| "certInfo is no TPMS_ATTEST of a certified key, made by a TPM".to_owned())
    }
}

/// TPMT_PUBLIC (section 12.2.4).
pub(in crate::attest) struct Public {
    name_algorithm: u16,
    attributes: u32,
    /// The key, SubjectPublicKeyInfo DER.
    pub spki: Vec<u8>,
}

impl Public {
    pub fn parse(octets: &[u8]) -> Result<Self, Wrong> {
        let read = || {
            let mut at = Cursor(octets);
            let kind = at.u16()?;
            let name_algorithm = at.u16()?;
            let attributes = at.u32()?;
            let _policy = at.sized()?;
            // TPMT_SYM_DEF_OBJECT: of keys that encrypt.
            if at.u16()? != NULL {
                at.take(4)?;
            }
            scheme(&mut at)?;
            let spki = match kind {
                RSA => rsa(&mut at)?,
                ECC => ecc(&mut at)?,
                _ => return None,
            };
            at.end()?;
            // The points of a curve, and nothing else.
            PublicKey::from_spki_der(&spki).ok()?;
            Some(Self { name_algorithm, attributes, spki })
        };
        read().ok_or_else(|| "pubArea is no TPMT_PUBLIC of an RSA key, or one on P-256, P-384 or P-521".to_owned())
    }

    /// The name of the object (part 1, section 16): its algorithm and the hash of the public area; empty for an algorithm
    /// that is not taken.
    pub fn name(&self, area: &[u8]) -> Vec<u8> {
        let algorithm = match self.name_algorithm {
            SHA_256 => &SHA256,
            SHA_384 => &SHA384,
            SHA_512 => &SHA512,
            _ => return Vec::new(),
        };
        [&self.name_algorithm.to_be_bytes(), digest(algorithm, area).as_ref()].concat()
    }

    /// Made by the TPM, never to leave it, and free to sign a certificate request.
    pub fn check_attributes(&self) -> Result<(), Wrong> {
        if self.attributes & MADE_AND_KEPT != MADE_AND_KEPT {
            return Err("the key was not made by the TPM, or may leave it".to_owned());
        }
        if self.attributes & RESTRICTED != 0 {
            return Err("the key is a restricted one, which signs no certificate request".to_owned());
        }
        Ok(())
    }
}

/// TPMT_RSA_SCHEME, TPMT_ECC_SCHEME.
fn scheme(at: &mut Cursor<'_>) -> Option<()> {
    match at.u16()? {
        NULL | RSAES => Some(()),
        ECDAA => at.take(4).map(|_| ()),
        _ => at.take(2).map(|_| ()),
    }
}

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

fn rsa(at: &mut Cursor<'_>) -> Option<Vec<u8>> {
    let _bits = at.u16()?;
    // Zero stands for the default.
    let exponent = match at.u32()? {
        0 => 65537,
        exponent => exponent,
    };
    let modulus = at.sized()?;
    let exponent = exponent.to_be_bytes();
    let key = RsaPublicKey { modulus: UintRef::new(modulus).ok()?, exponent: UintRef::new(&exponent).ok()? };
    spki(ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1"), Any::null(), &key.to_der().ok()?)
}

fn ecc(at: &mut Cursor<'_>) -> Option<Vec<u8>> {
    let (curve, width) = match at.u16()? {
        3 => ("1.2.840.10045.3.1.7", 32),
        4 => ("1.3.132.0.34", 48),
        5 => ("1.3.132.0.35", 66),
        _ => return None,
    };
    // TPMT_KDF_SCHEME.
    if at.u16()? != NULL {
        at.take(2)?;
    }
    let mut point = vec![4];
    for _ in 0..2 {
        let coordinate = at.sized()?;
        // Leading zeros may be left out.
        point.resize(point.len() + usize::checked_sub(width, coordinate.len())?, 0);
        point.extend_from_slice(coordinate);
    }
    let curve = Any::encode_from(&ObjectIdentifier::new_unwrap(curve)).ok()?;
    spki(ObjectIdentifier::new_unwrap("1.2.840.10045.2.1"), curve, &point)
}

fn spki(oid: ObjectIdentifier, parameters: Any, key: &[u8]) -> Option<Vec<u8>> {
    let algorithm = AlgorithmIdentifier { oid, parameters: Some(parameters) };
    SubjectPublicKeyInfo { algorithm, subject_public_key: BitString::from_bytes(key).ok()? }.to_der().ok()
}

/// TPMT_SIGNATURE (section 11.3.4), in the form in which signatures are verified.
pub(in crate::attest) struct Signature {
    pub algorithm: SignatureAlgorithm,
    pub octets: Vec<u8>,
}

impl Signature {
    /// `alg` is the statement's COSE algorithm: it must say the same.
    pub fn parse(octets: &[u8], alg: i64) -> Result<Self, Wrong> {
        let read = || {
            let mut at = Cursor(octets);
            let (scheme, hash) = (at.u16()?, at.u16()?);
            let algorithm = algorithm(scheme, hash)?;
            let octets = if scheme == ECDSA {
                let (r, s) = (UintRef::new(at.sized()?).ok()?, UintRef::new(at.sized()?).ok()?);
                EcdsaSignature { r, s }.to_der().ok()?
            } else {
                at.sized()?.to_vec()
            };
            at.end()?;
            Some(Self { algorithm, octets })
        };
        let signature = read().ok_or("sig is no TPMT_SIGNATURE by RSASSA, RSAPSS or ECDSA with SHA-256 or longer")?;
        if cose(signature.algorithm) != Some(alg) {
            return Err("alg is another algorithm than that of sig".to_owned());
        }
        Ok(signature)
    }
}

#[derive(Sequence)]
struct EcdsaSignature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// SHA-1, which older TPMs use, is not among them.
fn algorithm(scheme: u16, hash: u16) -> Option<SignatureAlgorithm> {
    Some(match (scheme, hash) {
        (RSASSA, SHA_256) => SignatureAlgorithm::RsaPkcs1Sha256,
        (RSASSA, SHA_384) => SignatureAlgorithm::RsaPkcs1Sha384,
        (RSASSA, SHA_512) => SignatureAlgorithm::RsaPkcs1Sha512,
        (RSAPSS, SHA_256) => SignatureAlgorithm::RsaPssSha256,
        (RSAPSS, SHA_384) => SignatureAlgorithm::RsaPssSha384,
        (RSAPSS, SHA_512) => SignatureAlgorithm::RsaPssSha512,
        (ECDSA, SHA_256) => SignatureAlgorithm::EcdsaSha256,
        (ECDSA, SHA_384) => SignatureAlgorithm::EcdsaSha384,
        (ECDSA, SHA_512) => SignatureAlgorithm::EcdsaSha512,
        _ => return None,
    })
}

/// The IANA registry "COSE Algorithms".
fn cose(algorithm: SignatureAlgorithm) -> Option<i64> {
    Some(match algorithm {
        SignatureAlgorithm::EcdsaSha256 => -7,
        SignatureAlgorithm::EcdsaSha384 => -35,
        SignatureAlgorithm::EcdsaSha512 => -36,
        SignatureAlgorithm::RsaPssSha256 => -37,
        SignatureAlgorithm::RsaPssSha384 => -38,
        SignatureAlgorithm::RsaPssSha512 => -39,
        SignatureAlgorithm::RsaPkcs1Sha256 => -257,
        SignatureAlgorithm::RsaPkcs1Sha384 => -258,
        SignatureAlgorithm::RsaPkcs1Sha512 => -259,
        SignatureAlgorithm::Ed25519 => return None,
    })
}
