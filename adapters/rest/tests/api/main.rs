//! The REST door over the real core, a SQLite store and the built-in authority.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

mod house;

mod acme;
mod approval;
mod certificate;
mod crmf;
mod operation;
mod profile;
mod shape;
