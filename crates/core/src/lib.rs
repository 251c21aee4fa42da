//! The domain of Chancery: RA profiles, operations, attributes, policy, inventory and audit, and the ports that
//! `store` and `authority` implement. It knows no HTTP and no SQL.

pub mod attribute;
pub mod audit;
pub mod policy;
pub mod port;
pub mod preset;

mod actor;
mod approval;
mod authorization;
mod certificate;
mod clock;
mod error;
mod health;
mod inventory;
mod operation;
mod pool;
mod profile;
mod ra;
mod token;
mod user;

pub use actor::*;
pub use approval::*;
pub use authorization::{Authorization, ProfileRef};
pub use certificate::*;
pub use clock::*;
pub use error::*;
pub use health::{Health, Unwell};
pub use operation::{IssueRequest, Outcome, RevokeRequest};
pub use policy::Policy;
pub use pool::Pool;
pub use profile::{LoadedProfile, NewProfile, ProfileEdit, RaProfile};
pub use ra::{Ports, Ra};
pub use token::{NewToken, TokenRecord};
pub use user::{Grant, Identified, NewUser, OidcSubject, UserCertificate, UserRecord};

/// Microseconds since 1970, the form in which instants are stored and hashed.
pub fn micros(instant: time::OffsetDateTime) -> i64 {
    i64::try_from(instant.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

/// The instant of a stored number of microseconds; out-of-range numbers give the nearest end.
pub fn instant(micros: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}
