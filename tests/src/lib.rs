//! A harness around the running binary: start it in a folder of its own on free ports, drive it as a client would, stop
//! it. What was started is stopped by its process id, also when a test fails.
//!
//! Every test starts from nothing. With `TEST_DATABASE_URL` set, each server gets a PostgreSQL database of its own
//! there; without, SQLite in its data folder.

mod acme;
mod api;
mod database;
mod dns;
mod est;
mod process;
mod raw;
mod relay;
mod request;
mod server;

pub use acme::{AcmeAnswer, AcmeClient, AcmeKey, Challenges, Lab, base64url, challenge, mac};
pub use api::{Answer, Api, fetch, showing, trusting};
pub use database::ScratchDatabase;
pub use dns::{Dns, Fault, Question};
pub use est::{EstAnswer, EstClient, EstConnection};
pub use process::{Ran, eventually, run, signal};
pub use raw::{Raw, send_mtls, send_plain, send_tls};
pub use relay::Relay;
pub use request::{Key, Request};
pub use server::{Builder, Ready, Server};
