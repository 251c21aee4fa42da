//! The door over the real store and the real authority, by a client of our own. Tests are named after the clauses of
//! RFC 8894, or after the incident that they would have caught.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod challenge;
mod enrol;
mod house;
mod incident;
mod lookup;
mod message;
mod renew;
