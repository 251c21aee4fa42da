//! The domain over the real store and the real authority, with a clock that the tests move.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod approval;
mod audit;
mod bench;
mod issue;
mod refusal;
mod renew;
mod revoke;
mod token;
