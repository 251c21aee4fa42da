//! The published form of a definition: one flat object for all five types.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    AttributeType, Body, Callback, Constraint, ContentItem, ContentType, Custom, Data, Definition, Group, Info, Meta,
    Version,
};

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wire {
    uuid: Uuid,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(rename = "type")]
    attribute_type: AttributeType,
    #[serde(default)]
    version: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema_version: Option<Version>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<ContentType>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<Vec<Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    properties: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    constraints: Option<Vec<Constraint>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attribute_callback: Option<Callback>,
}

impl Wire {
    fn of(definition: &Definition) -> Self {
        Self {
            uuid: definition.uuid,
            name: definition.name.clone(),
            description: definition.description.clone(),
            attribute_type: definition.attribute_type(),
            version: Some(match definition.version {
                Version::V2 => 2,
                Version::V3 => 3,
            }),
            schema_version: (definition.version == Version::V3).then_some(Version::V3),
            content_type: definition.content_type(),
            content: None,
            properties: None,
            constraints: None,
            attribute_callback: None,
        }
    }
}

impl From<Definition> for Wire {
    fn from(definition: Definition) -> Self {
        let mut wire = Self::of(&definition);
        let version = definition.version;
        match definition.body {
            Body::Data(data) => {
                wire.content = some(data.content.into_iter().map(|item| item_json(item, data.content_type, version)));
                wire.properties = Some(json(&data.properties));
                wire.constraints = Some(data.constraints).filter(|list| !list.is_empty());
                wire.attribute_callback = data.callback;
            }
            Body::Group(group) => {
                wire.content = some(group.content.into_iter().map(|member| json(&member)));
                wire.attribute_callback = Some(group.callback);
            }
            Body::Info(info) => {
                wire.content = some(info.content.into_iter().map(|item| item_json(item, info.content_type, version)));
                wire.properties = Some(json(&info.properties));
            }
            Body::Meta(meta) => {
                wire.content = some(meta.content.into_iter().map(|item| item_json(item, meta.content_type, version)));
                wire.properties = Some(json(&meta.properties));
            }
            Body::Custom(custom) => {
                let items = custom.content.into_iter().map(|item| item_json(item, custom.content_type, version));
                wire.content = some(items);
                wire.properties = Some(json(&custom.properties));
            }
        }
        wire
    }
}

impl TryFrom<Wire> for Definition {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let name = wire.name;
        let fault = |why: String| format!("attribute definition {name:?}: {why}");
        let version = match (wire.version, wire.schema_version) {
            (None | Some(2), None | Some(Version::V2)) => Version::V2,
            (None | Some(3), Some(Version::V3)) | (Some(3), None) => Version::V3,
            (Some(version @ (2 | 3)), Some(_)) => {
                return Err(fault(format!("version {version} contradicts schemaVersion")));
            }
            (Some(version), _) => return Err(fault(format!("version is {version}; known are 2 and 3"))),
        };
        let content_type =
            wire.content_type.ok_or_else(|| fault(format!("contentType is missing in a {:?}", wire.attribute_type)));
        let content = wire.content.unwrap_or_default();
        let properties = wire.properties.unwrap_or(Value::Null);
        let body = match wire.attribute_type {
            AttributeType::Data => Body::Data(Data {
                content_type: content_type?,
                content: read_all(content).map_err(fault)?,
                properties: read(properties).map_err(fault)?,
                constraints: wire.constraints.unwrap_or_default(),
                callback: wire.attribute_callback,
            }),
            AttributeType::Group => Body::Group(Group {
                content: read_all(content).map_err(fault)?,
                callback: wire
                    .attribute_callback
                    .ok_or_else(|| fault("a group needs an attributeCallback".to_owned()))?,
            }),
            AttributeType::Info => Body::Info(Info {
                content_type: content_type?,
                content: read_all(content).map_err(fault)?,
                properties: read(properties).map_err(fault)?,
            }),
            AttributeType::Meta => Body::Meta(Meta {
                content_type: content_type?,
                content: read_all(content).map_err(fault)?,
                properties: read(properties).map_err(fault)?,
            }),
            AttributeType::Custom => Body::Custom(Custom {
                content_type: content_type?,
                content: read_all(content).map_err(fault)?,
                properties: read(properties).map_err(fault)?,
            }),
        };
        Ok(Self { uuid: wire.uuid, name, description: wire.description, version, body })
    }
}

/// Version 3 items carry their type, version 2 items do not.
fn item_json(mut item: ContentItem, content_type: ContentType, version: Version) -> Value {
    item.content_type = (version == Version::V3).then_some(content_type);
    json(&item)
}

fn some(items: impl Iterator<Item = Value>) -> Option<Vec<Value>> {
    let items: Vec<_> = items.collect();
    Some(items).filter(|items| !items.is_empty())
}

fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("these shapes have string keys and no fallible serializer")
}

fn read<T: for<'de> Deserialize<'de>>(value: Value) -> Result<T, String> {
    match value {
        Value::Null => Err("properties are missing".into()),
        value => serde_json::from_value(value).map_err(|why| why.to_string()),
    }
}

fn read_all<T: for<'de> Deserialize<'de>>(items: Vec<Value>) -> Result<Vec<T>, String> {
    items.into_iter().map(|item| serde_json::from_value(item).map_err(|why| why.to_string())).collect()
}
