//! Definitions: what can be told.

/// A definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {}
