//! Which public keys are certified.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chancery_pki::{KeyAlgorithm, PublicKey};

use crate::Rejection;

/// A kind of public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say all")]
pub enum KeyKind {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

impl KeyKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rsa, Self::P256, Self::P384, Self::P521, Self::Ed25519];

    /// As the attribute `keyTypes` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Ed25519 => "Ed25519",
        }
    }

    fn of(key: &PublicKey) -> Self {
        match key.algorithm() {
            KeyAlgorithm::Rsa { .. } => Self::Rsa,
            KeyAlgorithm::P256 => Self::P256,
            KeyAlgorithm::P384 => Self::P384,
            KeyAlgorithm::P521 => Self::P521,
            KeyAlgorithm::Ed25519 => Self::Ed25519,
        }
    }
}

/// Kinds and sizes of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRules {
    /// Allowed kinds.
    pub kinds: BTreeSet<KeyKind>,
    /// Allowed lengths of an RSA modulus in bits.
    pub rsa_bits: RangeInclusive<u32>,
}

impl KeyRules {
    pub(super) fn check(&self, key: &PublicKey, faults: &mut Vec<Rejection>) {
        let kind = KeyKind::of(key);
        if !self.kinds.contains(&kind) {
            let allowed: Vec<_> = self.kinds.iter().map(|kind| kind.as_str()).collect();
            let why = format!("this RA profile takes no {} key; use {}", kind.as_str(), allowed.join(", "));
            return faults.push(Rejection::Key(why));
        }
        if kind == KeyKind::Rsa && !self.rsa_bits.contains(&key.bits()) {
            let (least, most) = (self.rsa_bits.start(), self.rsa_bits.end());
            let why = format!("this RA profile takes RSA keys of {least} to {most} bits, not of {}", key.bits());
            faults.push(Rejection::Key(why));
        }
    }
}
