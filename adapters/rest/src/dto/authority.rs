//! Authority instances.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// `AuthorityInstanceDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct AuthorityInstanceDto {
    pub uuid: Uuid,
    pub name: String,
    pub attributes: Vec<Value>,
    pub custom_attributes: Vec<Value>,
    pub status: &'static str,
    pub connector_uuid: Uuid,
    pub connector_name: &'static str,
    pub kind: &'static str,
}
