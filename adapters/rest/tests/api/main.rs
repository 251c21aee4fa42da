//! The REST door over the real core, a SQLite store and the built-in authority.

mod house;

mod certificate;
mod operation;
mod profile;
mod shape;
