//! The EST door without HTTP: RFC 7030 and the documents around it (RFC 8951, 7894, 9266, 9908), over the RA-profile
//! operations of `chancery-core`. Adapters hand in what came by HTTP and TLS and write out what comes back; `store` keeps
//! the state by [`port::EstStore`].

pub mod body;
pub mod port;

mod authenticate;
mod ca_certificates;
mod credential;
mod csr_attributes;
mod endpoint;
mod enrol;
mod holder;
mod linking;
mod management;
mod names;
mod password;
mod profile;
mod purge;
mod refusal;
mod service;

/// The path segments of EST's operations (RFC 7030 section 3.2.2): no label is called so.
pub const OPERATIONS: [&str; 6] = ["cacerts", "simpleenroll", "simplereenroll", "fullcmc", "serverkeygen", "csrattrs"];

pub use credential::{EstCode, EstUser, Grant, MOST_MISMATCHES};
pub use endpoint::Endpoint;
pub use linking::{Linked, LinkingError, Peer};
pub use management::*;
pub use names::{AllowedNames, AnchorNames};
pub use password::PasswordHash;
pub use profile::{Anchor, EstActivation, EstProfile, EstSettings, Linking};
pub use refusal::Refusal;
pub use service::{Answer, Call, Est, EstConfig};

/// SHA-256 of some bytes in hexadecimal: what names an answer.
pub fn fingerprint(bytes: &[u8]) -> String {
    chancery_pki::Fingerprint::of(bytes).to_hex()
}
