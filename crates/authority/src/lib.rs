//! The built-in certification authority: keys encrypted at rest, issuing, CRLs.
//!
//! [`Vault`] opens the installation's data key with a passphrase, [`SoftwareKeys`] keeps private keys under it, and
//! [`BuiltInAuthority`] implements the domain's [`Authority`](chancery_core::port::Authority) with them: it makes
//! authorities ([`BuiltInAuthority::create`]), signs, and keeps a fresh CRL for every CA ([`BuiltInAuthority::run_crls`]).

mod authority;
mod create;
mod crl;
mod issuer;
mod key;
mod sign;
#[cfg(test)]
mod testkit;
mod vault;

pub use authority::{BuiltInAuthority, Config, LoadError, Ports};
pub use create::{CaSpec, NewAuthorityRequest, Root};
pub use crl::Schedule;
pub use issuer::BrokenChain;
pub use key::{KeyError, SoftwareKeys};
pub use vault::{Cost, DATA_KEY, Vault, VaultError};

use uuid::Uuid;

/// Where the CRL of a CA certificate is found: what its certificates carry as CRL distribution point.
pub fn crl_url(status_url: &str, issuer: Uuid) -> String {
    format!("{status_url}/crl/{issuer}.crl")
}

/// Where a CA certificate is found: what its certificates carry as authority information access.
pub fn ca_url(status_url: &str, issuer: Uuid) -> String {
    format!("{status_url}/ca/{issuer}.cer")
}
