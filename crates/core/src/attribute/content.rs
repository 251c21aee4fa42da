//! Content types and content items.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Version;

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

impl ContentType {
    /// All fourteen.
    pub const ALL: [Self; 14] = [
        Self::String,
        Self::Text,
        Self::Integer,
        Self::Boolean,
        Self::Float,
        Self::Date,
        Self::Time,
        Self::Datetime,
        Self::Secret,
        Self::File,
        Self::Credential,
        Self::Codeblock,
        Self::Object,
        Self::Resource,
    ];

    /// The code on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Float => "float",
            Self::Date => "date",
            Self::Time => "time",
            Self::Datetime => "datetime",
            Self::Secret => "secret",
            Self::File => "file",
            Self::Credential => "credential",
            Self::Codeblock => "codeblock",
            Self::Object => "object",
            Self::Resource => "resource",
        }
    }

    /// Whether this version of the shapes has the type: version 3 dropped secret and credential for resource.
    pub fn exists_in(self, version: Version) -> bool {
        match self {
            Self::Secret | Self::Credential => version == Version::V2,
            Self::Resource => version == Version::V3,
            _ => true,
        }
    }
}

impl std::fmt::Display for ContentType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
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
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("unknown attribute content type {text:?}"))
    }
}

/// One value. `contentType` stands inside the item in version 3 only.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContentItem {
    /// A label for people, or the key of a list entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The value itself, in the JSON form of its content type.
    #[serde(default)]
    pub data: Value,
    /// Version 3 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<ContentType>,
}

impl ContentItem {
    /// A bare value.
    pub fn new(data: impl Into<Value>) -> Self {
        Self { reference: None, data: data.into(), content_type: None }
    }

    /// The same value with a label for people.
    pub fn with_reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }
}

impl<T: Into<Value>> From<T> for ContentItem {
    fn from(data: T) -> Self {
        Self::new(data)
    }
}

/// Structured data may hold a secret or a credential, so only its keys are shown.
impl std::fmt::Debug for ContentItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("ContentItem");
        if let Some(reference) = &self.reference {
            out.field("reference", reference);
        }
        match &self.data {
            Value::Object(map) => out.field("data", &map.keys().map(|k| format!("{k}: …")).collect::<Vec<_>>()),
            Value::Array(list) => out.field("data", &format_args!("[{} values]", list.len())),
            scalar => out.field("data", &format_args!("{scalar}")),
        };
        if let Some(content_type) = self.content_type {
            out.field("content_type", &content_type);
        }
        out.finish()
    }
}
