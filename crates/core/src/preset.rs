//! The RA profiles that a first start makes.
