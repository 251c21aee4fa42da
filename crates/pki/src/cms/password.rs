//! Content keys encrypted under a password (RFC 5652 section 6.2.4, RFC 3211).

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::cipher::{Encryption, Failed, decrypt_blocks, describe, encrypt_blocks, no_randomness, random};
use super::{CmsError, ContentCipher, Legacy, Limits, WHAT};
use crate::algorithm::read_identifier;
use crate::tlv::{INTEGER, NULL, OCTET_STRING, Reader, SEQUENCE, Writer, constructed};
use crate::{BuildError, ParseError, oid};

const PART: &str = "the key encrypted under a password";
const MEND: &str = "use PBKDF2 with HMAC of SHA-1 or SHA-2, and id-alg-PWRI-KEK with AES in CBC mode";
/// Octets of the longest salt that is read.
const SALT_LIMIT: usize = 256;

/// The pseudorandom function of PBKDF2 (RFC 8018 section B.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prf {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// PasswordRecipientInfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PasswordRecipient {
    prf: Prf,
    salt: Vec<u8>,
    iterations: NonZeroU32,
    wrap: Encryption,
    encrypted_key: Vec<u8>,
}

impl PasswordRecipient {
    pub fn read(info: &mut Reader<'_>, limits: &Limits) -> Result<Self, CmsError> {
        info.small("recipient's version")?;
        let Some(derivation) = info.optional(constructed(0))? else {
            return Err(unsupported("no key derivation at all".to_owned()));
        };
        // The [0] stands in place of the SEQUENCE of the AlgorithmIdentifier.
        let mut derivation = Reader::new(WHAT, derivation.value);
        let id = derivation.oid("key derivation algorithm")?;
        if id != oid::PBKDF2 {
            return Err(unsupported(format!("the key derivation {id}")));
        }
        let mut parameters = derivation.enter(SEQUENCE, "parameters of PBKDF2")?;
        derivation.end()?;
        let salt = parameters.expect(OCTET_STRING, "salt of PBKDF2")?.value.to_vec();
        let iterations = parameters.small("iterations of PBKDF2")?;
        let length =
            if parameters.peek() == Some(INTEGER) { Some(parameters.small("length of the key")?) } else { None };
        let prf = if parameters.is_empty() {
            Prf::Sha1
        } else {
            let (id, _) = read_identifier(&mut parameters, "pseudorandom function of PBKDF2")?;
            Prf::known(&id)?
        };
        parameters.end()?;
        if iterations > limits.iterations || salt.len() > SALT_LIMIT {
            let why = format!(
                "its password derivation asks for {iterations} iterations and a salt of {} octets, and {} and {SALT_LIMIT} \
                 are granted",
                salt.len(),
                limits.iterations
            );
            return Err(ParseError::new(WHAT, why).into());
        }
        let iterations =
            NonZeroU32::new(iterations).ok_or_else(|| ParseError::new(WHAT, "PBKDF2 has no iterations"))?;

        let (id, wrap) = read_identifier(info, "key encryption algorithm")?;
        let wrap = wrap.filter(|_| id == oid::PWRI_KEK).ok_or_else(|| unsupported(describe(&id)))?;
        let wrap = Encryption::read(wrap)?;
        if wrap.cipher.is_authenticated() {
            return Err(unsupported(wrap.cipher.name().to_owned()));
        }
        if length.is_some_and(|length| length as usize != wrap.cipher.key_length()) {
            return Err(ParseError::new(WHAT, "PBKDF2 makes a key of another length than its cipher takes").into());
        }
        let encrypted_key = info.expect(OCTET_STRING, "encrypted key")?.value.to_vec();
        info.end()?;
        Ok(Self { prf, salt, iterations, wrap, encrypted_key })
    }

    pub fn allowed(&self, legacy: Legacy) -> Result<(), CmsError> {
        self.wrap.cipher.allowed(legacy).map(|_| ())
    }

    fn derive(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut key = Zeroizing::new(vec![0; self.wrap.cipher.key_length()]);
        let algorithm = match self.prf {
            Prf::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Prf::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Prf::Sha384 => pbkdf2::PBKDF2_HMAC_SHA384,
            Prf::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        };
        pbkdf2::derive(algorithm, self.iterations, &self.salt, password, &mut key);
        key
    }

    /// RFC 3211 section 2.3.2: the last block first, with the one before it as its vector; with the result as vector the
    /// whole; and that once more.
    pub fn open(&self, password: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let cipher = self.wrap.cipher;
        let block = cipher.block();
        let mut text = Zeroizing::new(self.encrypted_key.clone());
        if text.len() < 2 * block || !text.len().is_multiple_of(block) {
            return Err(Failed);
        }
        let key = self.derive(password);
        let last = text.len() - block;
        let mut vector = Zeroizing::new(text[last..].to_vec());
        decrypt_blocks(cipher, &key, &self.encrypted_key[last - block..last], &mut vector)?;
        let (head, tail) = text.split_at_mut(last);
        decrypt_blocks(cipher, &key, &vector, head)?;
        tail.copy_from_slice(&vector);
        decrypt_blocks(cipher, &key, self.wrap.iv(), &mut text)?;
        // One octet of length, the complement of the first three octets of the key, the key, padding.
        let key_octets = text.get(4..4 + length).ok_or(Failed)?;
        let first: Vec<u8> = key_octets[..3].iter().map(|octet| !octet).collect();
        let good = text[0].ct_eq(&(length as u8)) & text[1..4].ct_eq(&first);
        if good.into() { Ok(Zeroizing::new(key_octets.to_vec())) } else { Err(Failed) }
    }

    /// The recipient's part of an envelope whose content key is `key`, wrapped with the content's own cipher in CBC mode
    /// (RFC 3211 section 2.3.1).
    pub fn write(
        out: &mut Writer,
        cipher: ContentCipher,
        password: &[u8],
        iterations: u32,
        key: &[u8],
    ) -> Result<(), BuildError> {
        let iterations = NonZeroU32::new(iterations)
            .ok_or_else(|| BuildError::new("the key derivation", "it must have one iteration at least"))?;
        let salt = random(16).map_err(|_| no_randomness())?.to_vec();
        let wrap = Encryption::fresh(match cipher {
            ContentCipher::Aes128Gcm => ContentCipher::Aes128Cbc,
            ContentCipher::Aes192Gcm => ContentCipher::Aes192Cbc,
            ContentCipher::Aes256Gcm => ContentCipher::Aes256Cbc,
            cbc => cbc,
        })?;
        let mut this = Self { prf: Prf::Sha256, salt, iterations, wrap, encrypted_key: Vec::new() };
        this.encrypted_key = this.wrapped(password, key).map_err(|_| no_randomness())?;
        this.encode(out);
        Ok(())
    }

    fn wrapped(&self, password: &[u8], key: &[u8]) -> Result<Vec<u8>, Failed> {
        let cipher = self.wrap.cipher;
        let block = cipher.block();
        let whole = (4 + key.len()).next_multiple_of(block).max(2 * block);
        let mut text = random(whole)?;
        text[0] = u8::try_from(key.len()).map_err(|_| Failed)?;
        for (check, octet) in text[1..4].iter_mut().zip(key) {
            *check = !octet;
        }
        text[4..4 + key.len()].copy_from_slice(key);
        let wrapping = self.derive(password);
        encrypt_blocks(cipher, &wrapping, self.wrap.iv(), &mut text)?;
        let vector = text[whole - block..].to_vec();
        encrypt_blocks(cipher, &wrapping, &vector, &mut text)?;
        Ok(text.to_vec())
    }

    fn encode(&self, out: &mut Writer) {
        out.nest(constructed(3), |out| {
            out.unsigned(&[0]);
            out.nest(constructed(0), |out| {
                out.oid(&oid::PBKDF2).nest(SEQUENCE, |out| {
                    out.value(OCTET_STRING, &self.salt).unsigned(&self.iterations.get().to_be_bytes());
                    out.nest(SEQUENCE, |out| _ = out.oid(&self.prf.oid()).value(NULL, &[]));
                });
            });
            out.nest(SEQUENCE, |out| {
                out.oid(&oid::PWRI_KEK);
                self.wrap.write(out);
            });
            out.value(OCTET_STRING, &self.encrypted_key);
        });
    }
}

impl Prf {
    const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    fn oid(self) -> const_oid::ObjectIdentifier {
        match self {
            Self::Sha1 => oid::HMAC_SHA1,
            Self::Sha256 => oid::HMAC_SHA256,
            Self::Sha384 => oid::HMAC_SHA384,
            Self::Sha512 => oid::HMAC_SHA512,
        }
    }

    fn known(id: &const_oid::ObjectIdentifier) -> Result<Self, CmsError> {
        let known = Self::ALL.into_iter().find(|known| known.oid() == *id);
        known.ok_or_else(|| unsupported(format!("the pseudorandom function {id}")))
    }
}

fn unsupported(algorithm: String) -> CmsError {
    CmsError::UnsupportedAlgorithm { what: PART, algorithm, mend: MEND }
}
