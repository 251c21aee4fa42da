//! Content types and content items.

use serde::{Deserialize, Deserializer, Serialize};

/// The fourteen content types. Read case-insensitively, as the platform does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say all")]
pub enum ContentType {
    String,
    Text,
    Integer,
    Boolean,
    Float,
    Date,
    Time,
    Datetime,
    Secret,
    File,
    Credential,
    Codeblock,
    Object,
    Resource,
}

/// One value. `contentType` stands inside the item in version 3 only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentItem {
    /// A label for people, or the key of a list entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The value itself, in the JSON form of its content type.
    #[serde(default)]
    pub data: serde_json::Value,
    /// Version 3 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
}

impl<'de> Deserialize<'de> for ContentType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl std::str::FromStr for ContentType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "string" => Self::String,
            "text" => Self::Text,
            "integer" => Self::Integer,
            "boolean" => Self::Boolean,
            "float" => Self::Float,
            "date" => Self::Date,
            "time" => Self::Time,
            "datetime" => Self::Datetime,
            "secret" => Self::Secret,
            "file" => Self::File,
            "credential" => Self::Credential,
            "codeblock" => Self::Codeblock,
            "object" => Self::Object,
            "resource" => Self::Resource,
            _ => return Err(format!("unknown attribute content type {text:?}")),
        })
    }
}
