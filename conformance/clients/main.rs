//! Foreign clients and outside judges against the running binary, as a user would meet it.
//!
//! Needed: the ACME clients that `acme` names, the SCEP clients that `scep` names, the EST clients that `est` names, openssl, curl, certtool (GnuTLS), python3 with venv and pip (for pkilint), PostgreSQL's server programs. What
//! is missing is a failure.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod acme;
mod clauses;
mod curl;
mod est;
mod gnutls;
mod openssl;
mod openssl_cms;
mod pkilint;
mod postgres;
mod postgres_faults;
mod python;
mod scep;
mod shell;

use chancery_tests::{Builder, Server};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chancery-under-judgement");

/// A running server in a folder of its own.
fn start() -> Server {
    Builder::new(PROGRAM).start()
}
