//! The ACME door without HTTP: RFC 8555 and the documents around it, over the RA-profile operations of
//! `chancery-core`. Adapters hand in bytes and write out what comes back; `store` keeps the state by [`port::AcmeStore`];
//! `acme-validation` proves control of identifiers by [`port::Validator`].

pub mod port;

/// Entrances for fuzzing: foreign bytes to verdict, without a database.
#[doc(hidden)]
pub mod fuzzing;

mod account;
mod attempt;
mod authorization;
mod base64url;
mod call;
mod certificate;
mod challenge;
mod contact;
mod directory;
mod eab;
mod finalize;
mod identifier;
mod json;
mod jwk;
mod jws;
mod key_change;
mod limit;
mod management;
mod names;
mod new_account;
mod nonce;
mod order;
mod orders;
mod problem;
mod profile;
mod purge;
mod renewal_info;
mod resource;
mod revoke;
mod service;

pub use account::{Account, AccountStatus};
pub use authorization::{Authorization, AuthorizationStatus};
pub use challenge::{Challenge, ChallengeStatus, ChallengeType};
pub use directory::{Directory, DirectoryPath};
pub use eab::EabKey;
pub use identifier::Identifier;
pub use jwk::AccountKey;
pub use management::*;
pub use names::AllowedNames;
pub use order::{Order, OrderStatus, StoredOrderStatus};
pub use problem::{Problem, ProblemType};
pub use profile::{AcmeProfile, AcmeSettings, Activation, DirectoryId, EabPolicy};
pub use resource::Resource;
pub use service::{Acme, AcmeConfig, AcmePorts, Body, Post, Reply};
