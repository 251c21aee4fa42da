//! The domain over the real store and the real authority, with a clock that the tests move.

mod audit;
mod bench;
mod issue;
mod refusal;
mod renew;
mod revoke;
mod token;
