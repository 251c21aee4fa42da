//! The keyUsage extension.

use std::fmt;
use std::ops::{BitAnd, BitOr};

use crate::ParseError;
use crate::tlv::{BIT_STRING, whole_value};

/// What a key may be used for (RFC 5280 section 4.2.1.3): a set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// Signatures on anything but certificates and CRLs.
    pub const DIGITAL_SIGNATURE: Self = Self(1 << 0);
    /// `nonRepudiation`, renamed contentCommitment by X.509.
    pub const NON_REPUDIATION: Self = Self(1 << 1);
    /// Transport of keys.
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// Encryption of data itself.
    pub const DATA_ENCIPHERMENT: Self = Self(1 << 3);
    /// Key agreement.
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    /// Signatures on certificates.
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    /// Signatures on CRLs.
    pub const CRL_SIGN: Self = Self(1 << 6);
    /// With key agreement: for encryption only.
    pub const ENCIPHER_ONLY: Self = Self(1 << 7);
    /// With key agreement: for decryption only.
    pub const DECIPHER_ONLY: Self = Self(1 << 8);

    /// Every flag with its name in RFC 5280, by bit.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::DIGITAL_SIGNATURE, "digitalSignature"),
        (Self::NON_REPUDIATION, "nonRepudiation"),
        (Self::KEY_ENCIPHERMENT, "keyEncipherment"),
        (Self::DATA_ENCIPHERMENT, "dataEncipherment"),
        (Self::KEY_AGREEMENT, "keyAgreement"),
        (Self::KEY_CERT_SIGN, "keyCertSign"),
        (Self::CRL_SIGN, "cRLSign"),
        (Self::ENCIPHER_ONLY, "encipherOnly"),
        (Self::DECIPHER_ONLY, "decipherOnly"),
    ];

    /// No flag.
    pub const fn empty() -> Self {
        Self(0)
    }

    /// Whether no flag is set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every flag of `other` is set here.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags of `self` that are not in `other`.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The names of RFC 5280, by bit.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::ALL.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }

    /// One flag by its name in RFC 5280; `contentCommitment` is known too.
    pub fn by_name(name: &str) -> Option<Self> {
        let name = if name == "contentCommitment" { "nonRepudiation" } else { name };
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(flag, _)| flag)
    }

    /// The flags as one number, bit 0 being digitalSignature.
    pub fn bits(self) -> u16 {
        self.0
    }

    pub(crate) fn from_der(der: &[u8]) -> Result<Self, ParseError> {
        const WHAT: &str = "the keyUsage extension";
        let value = whole_value(WHAT, der, BIT_STRING)?;
        let [unused @ 0..=7, bytes @ ..] = value else {
            return Err(ParseError::new(WHAT, "it is not a bit string"));
        };
        if bytes.is_empty() && *unused != 0 || bytes.last().is_some_and(|last| last & ((1u8 << unused) - 1) != 0) {
            return Err(ParseError::new(WHAT, "its unused bits are not zero"));
        }
        let set = |bit: usize| bytes.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0);
        if (9..bytes.len() * 8).any(set) {
            return Err(ParseError::new(WHAT, "it has a bit that RFC 5280 does not know"));
        }
        Ok(Self((0..9).filter(|&bit| set(bit)).fold(0, |sum, bit| sum | 1 << bit)))
    }
}

impl BitOr for KeyUsage {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for KeyUsage {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl FromIterator<Self> for KeyUsage {
    fn from_iter<I: IntoIterator<Item = Self>>(flags: I) -> Self {
        flags.into_iter().fold(Self::empty(), BitOr::bitor)
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.names().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
