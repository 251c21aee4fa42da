//! The issuance policy of an RA profile.

/// A profile's policy, read from its attributes.
#[derive(Clone, Debug)]
pub struct Policy {}
