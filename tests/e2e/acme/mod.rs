//! The ACME door: one test for each clause, named after it, and the holes of others as tests of their own.

mod account;
mod authorization;
mod binding;
mod clause;
mod cluster;
mod directory;
mod finalize;
mod holes;
mod key_change;
mod nonce;
mod order;
mod profile;
mod renewal;
mod request;
mod resource;
mod revoke;

use chancery_pki::Certificate;
use chancery_tests::{Builder, Lab};

use crate::server;

/// A server whose world is this machine.
fn lab() -> Lab {
    Lab::start(server())
}

/// The same with more to be said about the server.
fn lab_with(builder: impl FnOnce(Builder) -> Builder) -> Lab {
    Lab::start(builder(server()))
}

/// The first certificate of a chain.
fn leaf(chain: &str) -> Certificate {
    Certificate::all_from_pem(chain).unwrap().remove(0)
}
