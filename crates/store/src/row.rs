//! Between rows and the domain's types: identifiers, JSON columns, and rows that do not read.

use chancery_core::StoreError;
use chancery_core::attribute::RequestAttribute;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// An identifier as its column keeps it.
pub(crate) fn bytes(id: &Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// An identifier from its column.
pub(crate) fn id(column: &[u8]) -> Result<Uuid, StoreError> {
    Uuid::from_slice(column).map_err(|error| unreadable("id", error))
}

/// An identifier that may be missing.
pub(crate) fn optional_id(column: Option<Vec<u8>>) -> Result<Option<Uuid>, StoreError> {
    column.map(|column| id(&column)).transpose()
}

/// A SHA-256 from its column.
pub(crate) fn hash(column: &[u8]) -> Result<[u8; 32], StoreError> {
    column.try_into().map_err(|error| unreadable("hash", error))
}

/// A code from its column: a state, a door, a role.
pub(crate) fn code<T: std::str::FromStr>(what: &str, column: &str) -> Result<T, StoreError>
where
    T::Err: std::fmt::Display,
{
    column.parse().map_err(|error| unreadable(what, error))
}

/// A JSON column.
pub(crate) fn to_text(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Internal(format!("a value does not serialise: {error}")))
}

/// A value from its JSON column.
pub(crate) fn from_text<T: DeserializeOwned>(what: &str, column: &str) -> Result<T, StoreError> {
    serde_json::from_str(column).map_err(|error| unreadable(what, error))
}

/// An attribute list; NULL when empty, because most are.
pub(crate) fn attributes_to_text(attributes: &[RequestAttribute]) -> Result<Option<String>, StoreError> {
    if attributes.is_empty() { Ok(None) } else { to_text(&attributes).map(Some) }
}

/// An attribute list from its column.
pub(crate) fn attributes(column: Option<&str>) -> Result<Vec<RequestAttribute>, StoreError> {
    column.map_or(Ok(Vec::new()), |column| from_text("attributes", column))
}

/// The names (kind, value) of an object that is not issued yet.
pub(crate) fn pending_names(column: Option<&str>) -> Result<Vec<(String, String)>, StoreError> {
    column.map_or(Ok(Vec::new()), |column| from_text("pending_names", column))
}

/// A row that this version does not understand, or that was edited by hand.
pub(crate) fn unreadable(what: &str, why: impl std::fmt::Display) -> StoreError {
    StoreError::Internal(format!("a stored {what} does not read: {why}"))
}
