//! Lists of keys that others know.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::PublicKey;
use crate::public_key::Material;
use crate::serial::{hex, unhex};

/// Keys that are refused by name: by the SHA-256 of their SubjectPublicKeyInfo, or as Debian's openssl-blacklist
/// (CVE-2008-0166) lists them.
#[derive(Clone, Debug, Default)]
pub struct BlockedKeys {
    spki: HashSet<[u8; 32]>,
    debian: HashSet<[u8; 10]>,
}

/// A line of a list that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} of the list of blocked keys is {text:?}; write 64 hexadecimal digits (SHA-256 of the \
     SubjectPublicKeyInfo), 20 (Debian's openssl-blacklist), or a comment after #"
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
    /// `Modulus=HEX` and a line feed.
    ///
    /// # Errors
    /// The first line that is neither; nothing is added then.
    pub fn load(&mut self, text: &str) -> Result<(), BlockedKeysError> {
        let mut spki = Vec::new();
        let mut debian = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                continue;
            }
            let bytes = unhex(entry).unwrap_or_default();
            if let Ok(hash) = <[u8; 32]>::try_from(bytes.as_slice()) {
                spki.push(hash);
            } else if let Ok(hash) = <[u8; 10]>::try_from(bytes.as_slice()) {
                debian.push(hash);
            } else {
                return Err(BlockedKeysError { line: at + 1, text: line.chars().take(80).collect() });
            }
        }
        self.spki.extend(spki);
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
        self.spki.insert(key_hash);
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.spki.len() + self.debian.len()
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
        if self.spki.contains(&key.key_hash()) {
            return Some("list of blocked keys");
        }
        let Material::Rsa { modulus, .. } = key.material() else { return None };
        if self.debian.is_empty() {
            return None;
        }
        self.debian.contains(&debian_hash(modulus)).then_some("Debian weak keys, CVE-2008-0166")
    }
}

/// What `openssl rsa -noout -modulus | sha1sum | cut -c 21-40` gives.
fn debian_hash(modulus: &[u8]) -> [u8; 10] {
    let line = format!("Modulus={}\n", hex(modulus).to_ascii_uppercase());
    let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, line.as_bytes());
    sum.as_ref()[10..].try_into().expect("SHA-1 has 20 bytes")
}
