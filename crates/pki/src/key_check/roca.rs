//! The fingerprint of CVE-2017-15361: Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, section 2.3.
//!
//! The flawed generator makes primes of the form k * M + (65537^a mod M), so its moduli are powers of 65537 modulo every
//! small prime that divides M. A random modulus is so for all of these primes once in about 2^27 times.

use super::remainder;

/// The odd primes up to 167, which divide M for every key size of the generator that is in use.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Per prime, which remainders are powers of 65537.
const POWERS: [[bool; 168]; 38] = powers();

const fn powers() -> [[bool; 168]; 38] {
    let mut table = [[false; 168]; 38];
    let mut at = 0;
    while at < PRIMES.len() {
        let mut power = 1;
        while !table[at][power as usize] {
            table[at][power as usize] = true;
            power = power * (65537 % PRIMES[at]) % PRIMES[at];
        }
        at += 1;
    }
    table
}

/// Whether the modulus has the fingerprint.
pub(super) fn fingerprint(modulus: &[u8]) -> bool {
    PRIMES.iter().zip(&POWERS).all(|(prime, powers)| powers[remainder(modulus, *prime) as usize])
}
