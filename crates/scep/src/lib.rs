//! The SCEP door without HTTP: RFC 8894 over the RA-profile operations of `chancery-core`. Adapters hand in bytes and write
//! out what comes back; `store` keeps the state by [`port::ScepStore`].
//!
//! A message goes its way in this order: read, verified, and only then decrypted, so that nobody without a signature costs a
//! private-key operation for decryption; then the transaction is looked up, so that nothing is issued twice; then what lets
//! the request in is judged: a certificate of ours, or a challenge.

pub mod port;

/// Entrances for fuzzing: foreign bytes to verdict, without a database.
#[doc(hidden)]
pub mod fuzzing;

mod answer;
mod base64;
mod ca;
mod challenge;
mod door;
mod enrol;
mod envelope;
mod failure;
mod keeper;
mod limit;
mod lookup;
mod management;
mod message;
mod message_type;
mod profile;
mod ra_certificate;
mod service;
mod signer;

pub use base64::message as decode_message;
pub use challenge::{Challenge, MOST_MISMATCHES};
pub use door::{Door, DoorPath};
pub use management::*;
pub use message::LARGEST;
pub use message_type::{FailInfo, MessageType, oid};
pub use profile::{Activation, DoorId, ScepProfile, ScepSettings};
pub use service::{Scep, ScepConfig, ScepPorts};
