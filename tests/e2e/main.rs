//! Stories of the running binary, each from an empty folder.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod acme;
mod architecture;
mod attribute;
mod bad_input;
mod blocked;
mod config;
mod disk;
mod doctor;
mod est;
mod first_start;
mod issue;
mod kill;
mod listener;
mod mutual;
mod oidc;
mod renew;
mod requested;
mod revoke;
mod stop;

use chancery_tests::{Builder, Server};

/// The binary under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_chancery-under-test");

/// A server to be started.
fn server() -> Builder {
    Builder::new(PROGRAM)
}

/// A running server with nothing special about it.
fn start() -> Server {
    server().start()
}
