//! Fermat's method: n = a^2 - b^2 is found fast when the primes lie close together.

use num_bigint::BigUint;

/// Baseline Requirements section 6.1.1.3 asks for 100.
const ROUNDS: u32 = 100;

/// Squares are rare modulo these: a number that is no square survives all of them once in some hundred times.
const SIEVES: [u32; 8] = [64, 63, 65, 11, 17, 19, 23, 31];

/// Whether 100 rounds factor the odd number.
pub(super) fn finds(n: &BigUint) -> bool {
    let mut root = n.sqrt();
    if &root * &root < *n {
        root += 1u32;
    }
    let first = &root * &root - n;
    // Only remainders are kept per round; big numbers are made for the few candidates that pass the sieves.
    let mut sieves = SIEVES.map(|modulus| Sieve {
        modulus,
        squares: squares(modulus),
        root: rest(&root, modulus),
        candidate: rest(&first, modulus),
    });
    for round in 0..ROUNDS {
        if sieves.iter().all(Sieve::may_be_square) {
            let a = &root + round;
            let candidate = &a * &a - n;
            let b = candidate.sqrt();
            if &b * &b == candidate {
                return true;
            }
        }
        sieves.iter_mut().for_each(Sieve::step);
    }
    false
}

struct Sieve {
    modulus: u32,
    squares: u128,
    root: u32,
    candidate: u32,
}

impl Sieve {
    fn may_be_square(&self) -> bool {
        self.squares >> self.candidate & 1 == 1
    }

    /// (a + 1)^2 - n = a^2 - n + 2a + 1.
    fn step(&mut self) {
        self.candidate = (self.candidate + 2 * self.root + 1) % self.modulus;
        self.root = (self.root + 1) % self.modulus;
    }
}

/// Bit i is set when i is a square modulo `modulus`.
fn squares(modulus: u32) -> u128 {
    (0..modulus).fold(0, |set, x| set | 1 << (x * x % modulus))
}

fn rest(n: &BigUint, modulus: u32) -> u32 {
    u32::try_from(n % modulus).expect("a remainder is below its modulus")
}
