//! What clients send.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ContentItem, ContentType, Definition};

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

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
        })
    }
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
    #[serde(default, deserialize_with = "null_is_default")]
    pub version: Version,
    /// The values.
    #[serde(default, deserialize_with = "null_is_default")]
    pub content: Vec<ContentItem>,
}

impl RequestAttribute {
    /// Values for a definition.
    pub fn new<T: Into<ContentItem>>(definition: &Definition, values: impl IntoIterator<Item = T>) -> Self {
        let content_type = definition.content_type();
        let item = |value: T| {
            let mut item = value.into();
            item.content_type = content_type.filter(|_| definition.version == Version::V3);
            item
        };
        Self {
            uuid: Some(definition.uuid),
            name: definition.name.clone(),
            content_type,
            version: definition.version,
            content: values.into_iter().map(item).collect(),
        }
    }
}

/// The platform writes absent values as `null`; clients send them back so.
fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
