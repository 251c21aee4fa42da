//! PKCS#8 under a password: PBES2 (RFC 8018 section 6.2).

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use const_oid::ObjectIdentifier;
use der::{Decode, Encode};
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{EncryptionScheme as Cipher, Kdf, PBES2_OID, Parameters, Salt, ScryptParams};
use zeroize::Zeroizing;

use super::WHAT;
use crate::error::SIZE_LIMIT;
use crate::tlv::{SEQUENCE, whole};
use crate::{KeyError, ParseError};

/// About a second of PBKDF2 with HMAC-SHA-256.
const ITERATION_LIMIT: u32 = 2_000_000;
/// 128 * N * r bytes of memory.
const SCRYPT_MEMORY_LIMIT: u64 = 256 << 20;
const SCRYPT_PARALLEL_LIMIT: u16 = 16;

pub(super) fn open(der: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if der.len() > SIZE_LIMIT {
        return Err(ParseError::TooLarge { what: WHAT, size: der.len(), limit: SIZE_LIMIT }.into());
    }
    let mut outer = whole(WHAT, der, SEQUENCE)?;
    let algorithm = outer.enter(SEQUENCE, "encryption algorithm")?.oid("encryption algorithm")?;
    if algorithm != PBES2_OID {
        return Err(unsupported(&algorithm));
    }
    let info = EncryptedPrivateKeyInfoRef::from_der(der)
        .map_err(|error| ParseError::new(WHAT, format!("it is not an encrypted PKCS#8 key ({error})")))?;
    let EncryptionScheme::Pbes2(parameters) = &info.encryption_algorithm else {
        return Err(unsupported(&algorithm));
    };
    afford(parameters)?;
    parameters.decrypt(password, info.encrypted_data.as_bytes()).map(Zeroizing::new).map_err(|error| match error {
        pkcs8::pkcs5::Error::UnsupportedAlgorithm { oid } => unsupported(&oid),
        _ => KeyError::WrongPassword,
    })
}

fn unsupported(algorithm: &ObjectIdentifier) -> KeyError {
    KeyError::Malformed(ParseError::UnsupportedAlgorithm {
        what: WHAT,
        algorithm: crate::oid::describe(algorithm),
        mend: "encrypt it again with `openssl pkcs8 -topk8 -v2 aes256`",
    })
}

/// The file is foreign: it may not choose how long we work.
fn afford(parameters: &Parameters) -> Result<(), KeyError> {
    match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) if pbkdf2.iteration_count > ITERATION_LIMIT => Err(KeyError::TooCostly {
            asked: format!("{} iterations of PBKDF2", pbkdf2.iteration_count),
            limit: format!("{ITERATION_LIMIT}"),
        }),
        Kdf::Scrypt(scrypt) => {
            let memory = scrypt.cost_parameter.saturating_mul(u64::from(scrypt.block_size)).saturating_mul(128);
            if memory > SCRYPT_MEMORY_LIMIT || scrypt.parallelization > SCRYPT_PARALLEL_LIMIT {
                return Err(KeyError::TooCostly {
                    asked: format!("scrypt with {memory} bytes of memory, {} times", scrypt.parallelization),
                    limit: format!("{SCRYPT_MEMORY_LIMIT} bytes, {SCRYPT_PARALLEL_LIMIT} times"),
                });
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

pub(super) fn seal(pkcs8: &[u8], password: &[u8]) -> Result<Vec<u8>, KeyError> {
    let failed = KeyError::Library("encrypt the key");
    let mut salt = [0; 16];
    let mut iv = [0; 16];
    let random = SystemRandom::new();
    random.fill(&mut salt).and_then(|()| random.fill(&mut iv)).map_err(|_| failed.clone())?;
    // OpenSSL 3 refuses more than 32 MiB of scrypt memory by default: this takes 16.
    let kdf = ScryptParams {
        salt: Salt::new(salt).map_err(|_| failed.clone())?,
        cost_parameter: 1 << 14,
        block_size: 8,
        parallelization: 1,
        key_length: None,
    };
    let parameters = Parameters { kdf: kdf.into(), encryption: Cipher::Aes256Cbc { iv } };
    let encrypted_data = parameters.encrypt(password, pkcs8).map_err(|_| failed.clone())?;
    let encrypted_data = der::asn1::OctetStringRef::new(&encrypted_data).map_err(|_| failed.clone())?;
    EncryptedPrivateKeyInfoRef { encryption_algorithm: parameters.into(), encrypted_data }.to_der().map_err(|_| failed)
}
