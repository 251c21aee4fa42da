//! Serial numbers and fingerprints.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};

use crate::ParseError;

const WHAT: &str = "the serial number";

/// A certificate's serial number: positive, at most 20 octets (RFC 5280 section 4.1.2.2). Ordered by value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SerialNumber(Vec<u8>);

impl SerialNumber {
    /// From a big-endian magnitude; leading zeros are dropped.
    ///
    /// # Errors
    /// Zero, or more than 20 octets.
    pub fn from_bytes(magnitude: &[u8]) -> Result<Self, ParseError> {
        let zeros = magnitude.iter().take_while(|&&byte| byte == 0).count();
        match &magnitude[zeros..] {
            [] => Err(ParseError::new(WHAT, "it is zero")),
            digits if digits.len() > 20 => Err(ParseError::new(WHAT, "it has more than 20 octets")),
            digits => Ok(Self(digits.to_vec())),
        }
    }

    /// From 128 random bits: positive, never zero, always 16 octets long (so 126 of them stay random).
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[0] = bytes[0] & 0x7f | 0x40;
        Self(bytes.to_vec())
    }

    /// Hexadecimal digits of either case; colons and spaces between them, and a leading `0x`, are dropped.
    ///
    /// # Errors
    /// Other characters, zero, or more than 20 octets.
    pub fn from_hex(text: &str) -> Result<Self, ParseError> {
        let digits: String = text.trim().trim_start_matches("0x").chars().filter(|c| !matches!(c, ':' | ' ')).collect();
        let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits };
        Self::from_bytes(&unhex(&padded).ok_or_else(|| ParseError::new(WHAT, "it is not hexadecimal"))?)
    }

    /// The magnitude, big-endian, without leading zero octets: 1 to 20 octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Lower-case hexadecimal without leading zeros.
    pub fn to_hex(&self) -> String {
        hex(&self.0).trim_start_matches('0').to_owned()
    }
}

impl Ord for SerialNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for SerialNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({self})")
    }
}

impl FromStr for SerialNumber {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::from_hex(text)
    }
}

/// SHA-256 of an object's DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of these bytes.
    pub fn of(der: &[u8]) -> Self {
        Self(sha256(der))
    }

    /// 64 lower-case hexadecimal digits.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    /// 64 hexadecimal digits of either case; colons between them are dropped.
    ///
    /// # Errors
    /// Anything else.
    pub fn from_hex(text: &str) -> Result<Self, ParseError> {
        let digits = text.trim().replace(':', "");
        unhex(&digits)
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| ParseError::new("the fingerprint", "it is not 64 hexadecimal digits"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() % 2 == 1 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests;
