//! What clients send, and what they get back.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ContentItem, ContentType};

/// The version of the attribute shapes: a string in requests and responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// `contentType` beside the content.
    #[default]
    V2,
    /// `contentType` in every item too.
    V3,
}

/// An attribute value as clients send it and as profiles keep it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestAttribute {
    /// The definition's id; values are matched by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<Uuid>,
    /// The definition's name.
    pub name: String,
    /// The content type that the client believes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
    /// Missing means version 2.
    #[serde(default)]
    pub version: Version,
    /// The values.
    #[serde(default)]
    pub content: Vec<ContentItem>,
}
