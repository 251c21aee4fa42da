//! Connectors.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// `ConnectorDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct ConnectorDto {
    pub uuid: Uuid,
    pub name: &'static str,
    pub function_groups: Vec<FunctionGroupDto>,
    pub url: &'static str,
    pub auth_type: &'static str,
    pub auth_attributes: Vec<Value>,
    pub status: &'static str,
    pub custom_attributes: Vec<Value>,
}

/// `FunctionGroupDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct FunctionGroupDto {
    pub function_group_code: &'static str,
    pub kinds: Vec<&'static str>,
    pub end_points: Vec<Value>,
    pub uuid: Uuid,
    pub name: &'static str,
}
