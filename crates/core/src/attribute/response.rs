//! What clients get back: stored values with their labels and without their secrets.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{AttributeType, ContentItem, ContentType, Definition, RequestAttribute, Version, value};

/// A stored value as it is shown (`ResponseAttribute`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseAttribute {
    /// The definition's id.
    pub uuid: Uuid,
    /// The definition's name.
    pub name: String,
    /// The definition's label.
    pub label: String,
    /// The definition's type.
    #[serde(rename = "type")]
    pub attribute_type: AttributeType,
    /// The type of the values.
    pub content_type: ContentType,
    /// Always written.
    pub version: Version,
    /// The values; nothing is written when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<ContentItem>,
}

/// Stored values, as they may be shown. A value whose definition is gone is shown under its own name.
pub fn to_response(definitions: &[Definition], values: &[RequestAttribute]) -> Vec<ResponseAttribute> {
    let shown = values.iter().map(|stored| {
        let definition = definitions.iter().find(|definition| definition.name == stored.name);
        let content_type = definition
            .and_then(Definition::content_type)
            .or(stored.content_type)
            .or_else(|| stored.content.iter().find_map(|item| item.content_type))
            .unwrap_or(ContentType::Object);
        let version = definition.map_or(stored.version, |definition| definition.version);
        ResponseAttribute {
            uuid: definition.map(|definition| definition.uuid).or(stored.uuid).unwrap_or_default(),
            name: stored.name.clone(),
            label: definition.map_or(stored.name.as_str(), Definition::label).to_owned(),
            attribute_type: definition.map_or(AttributeType::Data, Definition::attribute_type),
            content_type,
            version,
            content: stored.content.iter().map(|item| show(item, content_type, version)).collect(),
        }
    });
    shown.collect()
}

/// Values as they may stand in a log or in the audit trail: name and values, structured ones by their keys alone, since
/// they may hold secrets.
pub fn redacted(values: &[RequestAttribute]) -> Value {
    let data = |item: &ContentItem| match &item.data {
        Value::Object(map) => Value::Object(map.keys().map(|key| (key.clone(), json!("…"))).collect()),
        Value::Array(list) => json!(format!("{} values", list.len())),
        scalar => scalar.clone(),
    };
    let shown = values.iter().map(|value| {
        let content = Value::Array(value.content.iter().map(data).collect());
        (value.name.clone(), content)
    });
    Value::Object(shown.collect())
}

/// Where an update leaves out a secret that was masked when it was shown, the stored one stays: put it back before the
/// update is checked.
pub fn keep_secrets(stored: &[RequestAttribute], update: &mut [RequestAttribute]) {
    for new in update.iter_mut() {
        let Some(old) = stored.iter().find(|old| old.name == new.name) else { continue };
        for (item, old) in new.content.iter_mut().zip(&old.content) {
            let (Value::Object(data), Some(secret)) = (&mut item.data, old.data.get("secret")) else { continue };
            if data.keys().all(|key| key == "protectionLevel") {
                data.insert("secret".into(), secret.clone());
            }
        }
    }
}

fn show(item: &ContentItem, content_type: ContentType, version: Version) -> ContentItem {
    let data = match content_type {
        ContentType::Secret => json!({"protectionLevel": item.data.get("protectionLevel").unwrap_or(&json!("none"))}),
        ContentType::Datetime => match item.data.as_str().and_then(value::parse_datetime) {
            Some(instant) => Value::String(value::format_datetime(instant)),
            None => item.data.clone(),
        },
        ContentType::Credential => match &item.data {
            Value::Object(data) => {
                let shown = data.iter().filter(|(key, _)| *key != "attributes");
                let mut shown: serde_json::Map<_, _> = shown.map(|(k, v)| (k.clone(), v.clone())).collect();
                shown.insert("attributes".into(), json!([]));
                Value::Object(shown)
            }
            other => other.clone(),
        },
        ContentType::Resource if item.data.get("resource").is_some_and(|resource| resource == "secrets") => {
            let mut data = item.data.clone();
            if let Value::Object(data) = &mut data {
                data.remove("content");
            }
            data
        }
        _ => item.data.clone(),
    };
    ContentItem {
        reference: item.reference.clone(),
        data,
        content_type: (version == Version::V3).then_some(content_type),
    }
}
