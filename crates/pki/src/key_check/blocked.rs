//! Lists of keys that others know.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::PublicKey;
use crate::private_key::rsa_spki;
use crate::public_key::Material;
use crate::serial::{hex, sha256, unhex};
use crate::tlv::{SEQUENCE, Writer};

/// Keys that are refused by name: by the SHA-256 of their SubjectPublicKeyInfo, or as Debian's openssl-blacklist
/// (CVE-2008-0166) lists them. RSA keys are known by their modulus: whoever knows the private key for one exponent knows
/// it for all.
#[derive(Clone, Debug, Default)]
pub struct BlockedKeys {
    sha256: HashSet<[u8; 32]>,
    /// The last 10 octets of the SHA-1 of `Modulus=HEX` and a line feed.
    debian: HashSet<[u8; 10]>,
}

/// A line of a list that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} of the list of blocked keys is {text:?}; write 64 hexadecimal digits (SHA-256 of the \
     SubjectPublicKeyInfo), 20 (Debian's openssl-blacklist) or 40 (the whole SHA-1 of it), or a comment after #"
)]
pub struct BlockedKeysError {
    /// Counted from 1.
    pub line: usize,
    /// What stands there, at most 80 characters of it.
    pub text: String,
}

impl BlockedKeys {
    /// No key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add the keys of a text: one a line, `#` begins a comment. 64 hexadecimal digits are the SHA-256 of a
    /// SubjectPublicKeyInfo; 20 are the form of Debian's openssl-blacklist, the last 20 digits of the SHA-1 of
    /// `Modulus=HEX` and a line feed, and 40 the whole of that SHA-1.
    ///
    /// # Errors
    /// The first line that is none of them; nothing is added then.
    pub fn load(&mut self, text: &str) -> Result<(), BlockedKeysError> {
        let mut sha256 = Vec::new();
        let mut debian = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            let bytes = unhex(entry).unwrap_or_default();
            if let Ok(hash) = <[u8; 32]>::try_from(bytes.as_slice()) {
                sha256.push(hash);
            } else if let Ok(hash) = <[u8; 10]>::try_from(bytes.as_slice()) {
                debian.push(hash);
            } else if bytes.len() == 20 {
                debian.push(last_ten(&bytes));
            } else {
                return Err(BlockedKeysError { line: at + 1, text: line.chars().take(80).collect() });
            }
        }
        self.sha256.extend(sha256);
        self.debian.extend(debian);
        Ok(())
    }

    /// A list from one text.
    ///
    /// # Errors
    /// As [`BlockedKeys::load`].
    pub fn parse(text: &str) -> Result<Self, BlockedKeysError> {
        let mut keys = Self::new();
        keys.load(text)?;
        Ok(keys)
    }

    /// Add one key by the SHA-256 of its SubjectPublicKeyInfo.
    pub fn insert(&mut self, key_hash: [u8; 32]) {
        self.sha256.insert(key_hash);
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.sha256.len() + self.debian.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this key is listed.
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.find(key).is_some()
    }

    /// Which list has the key.
    pub(super) fn find(&self, key: &PublicKey) -> Option<&'static str> {
        const LIST: &str = "list of blocked keys";
        if self.sha256.contains(&key.key_hash()) {
            return Some(LIST);
        }
        let Material::Rsa { modulus, .. } = key.material() else { return None };
        if !self.sha256.is_empty()
            && [key.identity(), usual_hash(modulus)].iter().any(|hash| self.sha256.contains(hash))
        {
            return Some(LIST);
        }
        if self.debian.is_empty() {
            return None;
        }
        self.debian.contains(&debian_hash(modulus)).then_some("Debian weak keys, CVE-2008-0166")
    }
}

/// The hash under which a list has an RSA key of this modulus: nearly every one has this exponent.
fn usual_hash(modulus: &[u8]) -> [u8; 32] {
    let mut key = Writer::with_capacity(modulus.len() + 16);
    key.nest(SEQUENCE, |w| _ = w.unsigned(modulus).unsigned(&[1, 0, 1]));
    sha256(&rsa_spki(&key.finish()))
}

/// What `openssl rsa -noout -modulus | sha1sum | cut -c 21-40` gives.
fn debian_hash(modulus: &[u8]) -> [u8; 10] {
    let line = format!("Modulus={}\n", hex(modulus).to_ascii_uppercase());
    last_ten(digest(&SHA1_FOR_LEGACY_USE_ONLY, line.as_bytes()).as_ref())
}

fn last_ten(sha1: &[u8]) -> [u8; 10] {
    sha1[10..].try_into().expect("SHA-1 has 20 bytes")
}
