//! Encryption of contents: AES and DES in CBC mode (RFC 3370 section 5, RFC 3565), AES in GCM (RFC 5084).

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use const_oid::ObjectIdentifier;
use subtle::{Choice, ConstantTimeEq, ConstantTimeGreater};
use zeroize::Zeroizing;

use super::{CmsError, Legacy, WHAT};
use crate::algorithm::read_identifier;
use crate::tlv::{OCTET_STRING, Reader, SEQUENCE, Writer, whole};
use crate::{BuildError, ParseError, oid};

const PART: &str = "the encrypted content";
const MEND: &str = "use AES-128-CBC, AES-256-CBC or AES-GCM";
/// Octets of a GCM tag and of a GCM nonce: the library has no others, and neither has any sender known.
const TAG: usize = 16;
const NONCE: usize = 12;

/// How a content is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentCipher {
    /// AES-128-CBC.
    Aes128Cbc,
    /// AES-192-CBC.
    Aes192Cbc,
    /// AES-256-CBC.
    Aes256Cbc,
    /// AES-128-GCM.
    Aes128Gcm,
    /// AES-192-GCM.
    Aes192Gcm,
    /// AES-256-GCM.
    Aes256Gcm,
    /// Triple DES with three keys in CBC mode, outdated.
    TripleDesCbc,
    /// Single DES in CBC mode, broken: read where [`Legacy::des`] says so, never written.
    DesCbc,
}

/// The library failed, or bytes do not fit: the caller says what that means.
#[derive(Debug)]
pub(super) struct Failed;

impl ContentCipher {
    const ALL: [Self; 8] = [
        Self::Aes128Cbc,
        Self::Aes192Cbc,
        Self::Aes256Cbc,
        Self::Aes128Gcm,
        Self::Aes192Gcm,
        Self::Aes256Gcm,
        Self::TripleDesCbc,
        Self::DesCbc,
    ];

    /// `AES-128-CBC` and so on.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aes128Cbc => "AES-128-CBC",
            Self::Aes192Cbc => "AES-192-CBC",
            Self::Aes256Cbc => "AES-256-CBC",
            Self::Aes128Gcm => "AES-128-GCM",
            Self::Aes192Gcm => "AES-192-GCM",
            Self::Aes256Gcm => "AES-256-GCM",
            Self::TripleDesCbc => "Triple DES",
            Self::DesCbc => "single DES",
        }
    }

    /// Its object identifier.
    pub fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::Aes128Cbc => "2.16.840.1.101.3.4.1.2",
            Self::Aes128Gcm => "2.16.840.1.101.3.4.1.6",
            Self::Aes192Cbc => "2.16.840.1.101.3.4.1.22",
            Self::Aes192Gcm => "2.16.840.1.101.3.4.1.26",
            Self::Aes256Cbc => "2.16.840.1.101.3.4.1.42",
            Self::Aes256Gcm => "2.16.840.1.101.3.4.1.46",
            Self::TripleDesCbc => "1.2.840.113549.3.7",
            Self::DesCbc => "1.3.14.3.2.7",
        })
    }

    /// Octets of its key.
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128Cbc | Self::Aes128Gcm => 16,
            Self::Aes192Cbc | Self::Aes192Gcm | Self::TripleDesCbc => 24,
            Self::Aes256Cbc | Self::Aes256Gcm => 32,
            Self::DesCbc => 8,
        }
    }

    /// Whether it also proves that the content was not changed.
    pub fn is_authenticated(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes192Gcm | Self::Aes256Gcm)
    }

    pub(super) fn allowed(self, legacy: Legacy) -> Result<Self, CmsError> {
        match self {
            Self::TripleDesCbc if !legacy.triple_des => {
                Err(CmsError::Outdated { what: PART, algorithm: "Triple DES", mend: MEND })
            }
            Self::DesCbc if !legacy.des => Err(CmsError::Outdated { what: PART, algorithm: "single DES", mend: MEND }),
            _ => Ok(self),
        }
    }

    /// Octets of a block in CBC mode, and of its initialization vector.
    pub(super) fn block(self) -> usize {
        match self {
            Self::TripleDesCbc | Self::DesCbc => 8,
            _ => 16,
        }
    }

    fn iv_length(self) -> usize {
        if self.is_authenticated() { NONCE } else { self.block() }
    }
}

/// A cipher with its initialization vector or nonce, as its AlgorithmIdentifier has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Encryption {
    pub cipher: ContentCipher,
    iv: Vec<u8>,
}

impl Encryption {
    /// From the fields of an AlgorithmIdentifier in DER.
    pub fn read(algorithm: &[u8]) -> Result<Self, CmsError> {
        let (id, parameters) = read_identifier(&mut Reader::new(WHAT, algorithm), "content encryption algorithm")?;
        let unsupported = |algorithm| CmsError::UnsupportedAlgorithm { what: PART, algorithm, mend: MEND };
        let Some(cipher) = ContentCipher::ALL.into_iter().find(|known| known.oid() == id) else {
            let dots = id.to_string();
            return Err(unsupported(match dots.as_str() {
                "1.2.840.113549.3.2" => format!("RC2 ({dots})"),
                _ => format!("the cipher {dots}"),
            }));
        };
        let parameters = parameters.ok_or_else(|| ParseError::new(WHAT, "its cipher has no initialization vector"))?;
        let iv = if cipher.is_authenticated() {
            let mut gcm = whole(WHAT, parameters, SEQUENCE)?;
            let nonce = gcm.expect(OCTET_STRING, "nonce")?.value;
            // RFC 5084 section 3.2: aes-ICVlen DEFAULT 12.
            let tag = if gcm.is_empty() { 12 } else { gcm.small("length of the tag")? };
            gcm.end()?;
            if nonce.len() != NONCE || tag as usize != TAG {
                let shape = format!("{} with a nonce of {} and a tag of {tag} octets", cipher.name(), nonce.len());
                return Err(unsupported(shape));
            }
            nonce
        } else {
            whole_octets(parameters)?
        };
        if iv.len() != cipher.iv_length() {
            return Err(ParseError::new(WHAT, "its initialization vector has not the length of a block").into());
        }
        Ok(Self { cipher, iv: iv.to_vec() })
    }

    /// With a new vector or nonce.
    pub fn fresh(cipher: ContentCipher) -> Result<Self, BuildError> {
        Ok(Self { cipher, iv: random(cipher.iv_length()).map_err(|_| no_randomness())?.to_vec() })
    }

    pub fn write(&self, out: &mut Writer) {
        out.nest(SEQUENCE, |out| {
            out.oid(&self.cipher.oid());
            if self.cipher.is_authenticated() {
                out.nest(SEQUENCE, |out| _ = out.value(OCTET_STRING, &self.iv).unsigned(&[TAG as u8]));
            } else {
                out.value(OCTET_STRING, &self.iv);
            }
        });
    }

    /// The content, padded or followed by the tag. `aad` counts for GCM alone.
    pub fn encrypt(&self, key: &[u8], content: &[u8], aad: &[u8]) -> Result<Vec<u8>, Failed> {
        let mut text = content.to_vec();
        if self.cipher.is_authenticated() {
            gcm(self.cipher, key)?
                .seal_in_place_append_tag(self.nonce()?, Aad::from(aad), &mut text)
                .map_err(|_| Failed)?;
            return Ok(text);
        }
        let block = self.cipher.block();
        let padding = block - text.len() % block;
        // RFC 5652 section 6.3; a block has at most 16 octets.
        text.resize(text.len() + padding, padding as u8);
        encrypt_blocks(self.cipher, key, &self.iv, &mut text)?;
        Ok(text)
    }

    /// Back. Takes as long for every padding, right or wrong.
    pub fn decrypt(&self, key: &[u8], ciphertext: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failed> {
        let mut text = Zeroizing::new(ciphertext.to_vec());
        let length = if self.cipher.is_authenticated() {
            let opened = gcm(self.cipher, key)?.open_in_place(self.nonce()?, Aad::from(aad), &mut text);
            opened.map_err(|_| Failed)?.len()
        } else {
            decrypt_blocks(self.cipher, key, &self.iv, &mut text)?;
            text.len() - padding(&text, self.cipher.block())?
        };
        text.truncate(length);
        Ok(text)
    }

    fn nonce(&self) -> Result<Nonce, Failed> {
        Nonce::try_assume_unique_for_key(&self.iv).map_err(|_| Failed)
    }

    pub fn iv(&self) -> &[u8] {
        &self.iv
    }
}

/// How many octets of padding there are (RFC 5652 section 6.3), looking at as many whatever they say.
fn padding(text: &[u8], block: usize) -> Result<usize, Failed> {
    let Some(&count) = text.last() else { return Err(Failed) };
    // A block has at most 16 octets.
    let size = block as u8;
    let mut good = !count.ct_eq(&0) & !count.ct_gt(&size);
    for (at, octet) in (1..=size).zip(text.iter().rev()) {
        let inside: Choice = !at.ct_gt(&count);
        good &= !inside | octet.ct_eq(&count);
    }
    if good.into() { Ok(usize::from(count)) } else { Err(Failed) }
}

fn gcm(cipher: ContentCipher, key: &[u8]) -> Result<LessSafeKey, Failed> {
    let algorithm = match cipher {
        ContentCipher::Aes128Gcm => &AES_128_GCM,
        ContentCipher::Aes192Gcm => &AES_192_GCM,
        _ => &AES_256_GCM,
    };
    Ok(LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(|_| Failed)?))
}

fn aes(cipher: ContentCipher, key: &[u8]) -> Result<UnboundCipherKey, Failed> {
    let algorithm = match cipher {
        ContentCipher::Aes128Cbc => &AES_128,
        ContentCipher::Aes192Cbc => &AES_192,
        ContentCipher::Aes256Cbc => &AES_256,
        _ => return Err(Failed),
    };
    UnboundCipherKey::new(algorithm, key).map_err(|_| Failed)
}

/// Whole blocks in CBC mode, without padding.
pub(super) fn encrypt_blocks(cipher: ContentCipher, key: &[u8], iv: &[u8], text: &mut [u8]) -> Result<(), Failed> {
    if !text.len().is_multiple_of(cipher.block()) {
        return Err(Failed);
    }
    let length = text.len();
    match cipher {
        ContentCipher::TripleDesCbc => {
            let mode = cbc::Encryptor::<des::TdesEde3>::new_from_slices(key, iv).map_err(|_| Failed)?;
            mode.encrypt_padded::<NoPadding>(text, length).map_err(|_| Failed)?;
        }
        ContentCipher::DesCbc => {
            let mode = cbc::Encryptor::<des::Des>::new_from_slices(key, iv).map_err(|_| Failed)?;
            mode.encrypt_padded::<NoPadding>(text, length).map_err(|_| Failed)?;
        }
        _ => {
            let key = EncryptingKey::cbc(aes(cipher, key)?).map_err(|_| Failed)?;
            let context = EncryptionContext::Iv128(iv.try_into().map_err(|_| Failed)?);
            key.less_safe_encrypt(text, context).map_err(|_| Failed)?;
        }
    }
    Ok(())
}

/// Back.
pub(super) fn decrypt_blocks(cipher: ContentCipher, key: &[u8], iv: &[u8], text: &mut [u8]) -> Result<(), Failed> {
    if !text.len().is_multiple_of(cipher.block()) {
        return Err(Failed);
    }
    match cipher {
        ContentCipher::TripleDesCbc => {
            let mode = cbc::Decryptor::<des::TdesEde3>::new_from_slices(key, iv).map_err(|_| Failed)?;
            mode.decrypt_padded::<NoPadding>(text).map_err(|_| Failed)?;
        }
        ContentCipher::DesCbc => {
            let mode = cbc::Decryptor::<des::Des>::new_from_slices(key, iv).map_err(|_| Failed)?;
            mode.decrypt_padded::<NoPadding>(text).map_err(|_| Failed)?;
        }
        _ => {
            let key = DecryptingKey::cbc(aes(cipher, key)?).map_err(|_| Failed)?;
            let context = DecryptionContext::Iv128(iv.try_into().map_err(|_| Failed)?);
            key.decrypt(text, context).map_err(|_| Failed)?;
        }
    }
    Ok(())
}

/// Octets by the cryptographic library's own generator.
pub(super) fn random(length: usize) -> Result<Zeroizing<Vec<u8>>, Failed> {
    let mut octets = Zeroizing::new(vec![0; length]);
    SystemRandom::new().fill(&mut octets).map_err(|_| Failed)?;
    Ok(octets)
}

pub(super) fn no_randomness() -> BuildError {
    BuildError::new(WHAT, "the cryptographic library gave no random numbers")
}

/// The octets of an OCTET STRING that is all of the bytes.
pub(super) fn whole_octets(der: &[u8]) -> Result<&[u8], ParseError> {
    crate::tlv::whole_value(WHAT, der, OCTET_STRING)
}

/// For messages.
pub(super) fn describe(id: &ObjectIdentifier) -> String {
    oid::describe(id)
}
