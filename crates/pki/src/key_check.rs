//! Is a public key from outside good enough? One set of rules for requests, account keys and imported CAs.
//!
//! CA/Browser Forum Baseline Requirements sections 6.1.1.3, 6.1.5 and 6.1.6; NIST SP 800-56A section 5.6.2.3 for
//! points; RFC 8032 for Ed25519.

use std::sync::Arc;

use num_bigint::BigUint;

use crate::public_key::Material;
use crate::{KeyAlgorithm, PublicKey};

mod blocked;
mod curve;
mod fermat;
mod roca;

pub use blocked::{BlockedKeys, BlockedKeysError};

/// Which rule a key breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// RSA modulus outside of 2048 to 8192 bits.
    #[error("the RSA key has {bits} bits; make one of 2048 to 8192 bits")]
    Size {
        /// Its size.
        bits: u32,
    },
    /// RSA public exponent even, below 65537 (Baseline Requirements section 6.1.6), or of more than 32 bits, which no
    /// generator of good keys makes and some verifiers cannot hold.
    #[error("the RSA public exponent is {exponent}; it must be odd, at least 65537 and below 2^32: make a new key")]
    Exponent {
        /// In decimal, or its size when it is long.
        exponent: String,
    },
    /// RSA modulus even.
    #[error("the RSA modulus is even, so it is no product of two large primes; make a new key")]
    EvenModulus,
    /// RSA modulus divisible by a small prime.
    #[error("the RSA modulus is divisible by {prime}, so it is no product of two large primes; make a new key")]
    SmallFactor {
        /// The prime.
        prime: u32,
    },
    /// RSA modulus with the fingerprint of Infineon's flawed generator (CVE-2017-15361).
    #[error(
        "the RSA key was made by the flawed generator of CVE-2017-15361 (ROCA) and can be factored; make a new key \
         with other hardware or software"
    )]
    Roca,
    /// RSA primes so close that Fermat's method finds them within 100 rounds.
    #[error("the RSA key's primes are so close together that Fermat's method finds them; make a new key")]
    ClosePrimes,
    /// A point that is not on its curve, or has a coordinate that is no field element.
    #[error("the public point is not on the curve {curve}; make a new key")]
    NotOnCurve {
        /// The curve.
        curve: &'static str,
    },
    /// The point at infinity.
    #[error("the public point is the point at infinity of {curve}; make a new key")]
    Infinity {
        /// The curve.
        curve: &'static str,
    },
    /// An Ed25519 point of order 1, 2, 4 or 8.
    #[error("the Ed25519 point has small order, so its signatures prove nothing; make a new key")]
    SmallOrder,
    /// An Ed25519 point not encoded as RFC 8032 section 5.1.3 wants it.
    #[error("the Ed25519 point is not in canonical form (RFC 8032 section 5.1.3); make a new key")]
    NotCanonical,
    /// The key is in a list of keys that are known to others.
    #[error("the key is blocked: it is known to others ({list}); make a new key")]
    Blocked {
        /// Which list has it.
        list: &'static str,
    },
}

/// The checks, with the keys that are blocked by name.
#[derive(Clone, Debug, Default)]
pub struct KeyChecks {
    /// Keys known to others.
    pub blocked: Option<Arc<BlockedKeys>>,
}

impl KeyChecks {
    /// The first rule that the key breaks, the cheap ones first.
    ///
    /// # Errors
    /// The broken rule.
    pub fn check(&self, key: &PublicKey) -> Result<(), KeyFault> {
        if let Some(list) = self.blocked.as_ref().and_then(|blocked| blocked.find(key)) {
            return Err(KeyFault::Blocked { list });
        }
        match key.material() {
            Material::Rsa { modulus, exponent } => rsa(key.bits(), modulus, exponent),
            Material::Ec => curve::check_weierstrass(key.algorithm(), key.key_bits()),
            Material::Ed25519 => curve::check_ed25519(key.key_bits()),
        }
    }
}

fn rsa(bits: u32, modulus: &[u8], exponent: &[u8]) -> Result<(), KeyFault> {
    check_exponent(exponent)?;
    if modulus.last().is_some_and(|last| last & 1 == 0) {
        return Err(KeyFault::EvenModulus);
    }
    if !(2048..=8192).contains(&bits) {
        return Err(KeyFault::Size { bits });
    }
    if let Some(prime) = small_factor(modulus) {
        return Err(KeyFault::SmallFactor { prime });
    }
    if roca::fingerprint(modulus) {
        return Err(KeyFault::Roca);
    }
    if fermat::finds(&BigUint::from_bytes_be(modulus)) {
        return Err(KeyFault::ClosePrimes);
    }
    Ok(())
}

fn check_exponent(exponent: &[u8]) -> Result<(), KeyFault> {
    let number = BigUint::from_bytes_be(exponent);
    let odd = number.bit(0);
    if odd && number >= BigUint::from(65537u32) && number.bits() <= 32 {
        return Ok(());
    }
    let exponent =
        if number.bits() <= 128 { number.to_string() } else { format!("a number of {} bits", number.bits()) };
    Err(KeyFault::Exponent { exponent })
}

/// The primes from 3 to 751: Boulder's bound, and more than the 752 of the Baseline Requirements asks.
const SMALL_PRIMES: [u32; 132] = small_primes();

const fn small_primes() -> [u32; 132] {
    let mut primes = [0; 132];
    let mut count = 0;
    let mut candidate = 3;
    while count < primes.len() {
        let mut divisor = 3;
        let mut is_prime = true;
        while divisor * divisor <= candidate {
            if candidate % divisor == 0 {
                is_prime = false;
                break;
            }
            divisor += 2;
        }
        if is_prime {
            primes[count] = candidate;
            count += 1;
        }
        candidate += 2;
    }
    primes
}

fn small_factor(modulus: &[u8]) -> Option<u32> {
    let (groups, _) = SMALL_PRIMES.as_chunks::<3>();
    groups.iter().find_map(|group| {
        // Three primes up to 751 make less than 2^29: one pass over the modulus serves three.
        let rest = remainder(modulus, group.iter().product());
        group.iter().copied().find(|prime| rest.is_multiple_of(*prime))
    })
}

/// A big-endian number modulo a small one.
fn remainder(number: &[u8], modulus: u32) -> u32 {
    let (head, words) = number.split_at(number.len() % 4);
    let words = words.chunks_exact(4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]));
    let head = head.iter().fold(0u32, |sum, &byte| sum << 8 | u32::from(byte));
    let rest =
        std::iter::once(head).chain(words).fold(0u64, |rest, word| (rest << 32 | u64::from(word)) % u64::from(modulus));
    u32::try_from(rest).expect("a remainder is below its modulus")
}

/// The curve's name, for messages.
fn curve_name(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::P256 => "P-256",
        KeyAlgorithm::P384 => "P-384",
        KeyAlgorithm::P521 => "P-521",
        KeyAlgorithm::Ed25519 => "Ed25519",
        KeyAlgorithm::Rsa { .. } => "RSA",
    }
}

#[cfg(test)]
mod tests;
