//! The ACME door over the real store and the real authority, with a clock that the tests move.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod account;
mod approval;
mod authorization;
mod certificate;
mod eab;
mod finalize;
mod house;
mod key_change;
mod management;
mod order;
mod path;
mod renewal_info;
mod revoke;
mod trusted;
