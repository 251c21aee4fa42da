//! Callbacks: where a connector's choices or further definitions come from.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AttributeType, ContentType};

/// `AttributeCallback`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    /// The URL part on the connector, with its path variables: `/v1/…/{var}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_context: Option<String>,
    /// The HTTP method, in upper case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_method: Option<String>,
    /// What is sent.
    #[serde(default)]
    pub mappings: Vec<Mapping>,
}

/// One value that a callback sends: either another attribute's or a static one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mapping {
    /// The other attribute's name, or `name.path.in.data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The other attribute's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute_type: Option<AttributeType>,
    /// The other attribute's content type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute_content_type: Option<ContentType>,
    /// The name under which it is sent.
    pub to: String,
    /// Where it is sent.
    pub targets: Vec<Target>,
    /// A static value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// Where a mapped value goes (`AttributeValueTarget`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say all")]
pub enum Target {
    PathVariable,
    RequestParameter,
    Body,
    Filter,
}
