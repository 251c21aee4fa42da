//! The only outbound prober of the house: whether an ACME client controls the identifiers that it asks for.
//!
//! It dials addresses that strangers choose, so it trusts nothing that it is told: it resolves names itself, holds every
//! address against [`AddressPolicy`] before it connects to exactly that address, bounds time, redirects and bytes, and
//! repeats nothing that it fetched.

mod address;
mod attest;
mod caa;
mod config;
mod dial;
mod dns_01;
mod dns_persist_01;
mod http;
mod http_01;
mod issue_value;
mod perspective;
mod prober;
mod resolver;
mod tls;
mod tls_alpn_01;

pub use address::{AddressPolicy, NAT64_LENGTHS, Reach, Refused};
pub use attest::AttestationConfig;
pub use config::{ConfigError, PerspectiveConfig, ValidationConfig};
pub use prober::Prober;

/// Entrances for fuzzing: foreign bytes to verdict, without a network.
#[doc(hidden)]
pub mod fuzzing;

#[cfg(test)]
mod testing;

use chancery_acme::port::AttemptFailed;
use chancery_acme::{Problem, ProblemType};

/// A failure that another attempt would meet again.
pub(crate) fn final_failure(kind: ProblemType, detail: impl Into<String>) -> AttemptFailed {
    AttemptFailed { problem: Problem::new(kind, detail), worth_retrying: false, at_most: None }
}

/// A failure that may be over by the next attempt.
pub(crate) fn passing_failure(kind: ProblemType, detail: impl Into<String>) -> AttemptFailed {
    AttemptFailed { problem: Problem::new(kind, detail), worth_retrying: true, at_most: None }
}
