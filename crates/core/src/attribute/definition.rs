//! Definitions: what can be told, of which type, and within which limits.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::wire::Wire;
use super::{Callback, Constraint, ContentItem, ContentType, Version};

/// A definition, read and written in the published shape (`BaseAttribute`): numeric `version` 2 or 3, and
/// `schemaVersion` in version 3. Reading checks the shape; [`Definition::validate`] checks the rules between the parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
pub struct Definition {
    /// Stable identifier.
    pub uuid: Uuid,
    /// Values are matched by it.
    pub name: String,
    /// For people: what is expected.
    pub description: Option<String>,
    /// Of the shapes.
    pub version: Version,
    /// What depends on the attribute's type.
    pub body: Body,
}

/// The attribute types, each with what it has.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Edited and sent by clients.
    Data(Data),
    /// Yields further definitions through its callback.
    Group(Group),
    /// Display only.
    Info(Info),
    /// Written by connectors about objects.
    Meta(Meta),
    /// Made by users, sent by clients.
    Custom(Custom),
}

/// The attribute types' codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "as in Body")]
pub enum AttributeType {
    Data,
    Group,
    Info,
    Meta,
    Custom,
}

/// A data attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// The type of every value.
    pub content_type: ContentType,
    /// The default value; the choices of a list; the fixed value of a read-only attribute.
    pub content: Vec<ContentItem>,
    /// How it behaves.
    pub properties: Properties,
    /// Hold for every value.
    pub constraints: Vec<Constraint>,
    /// Where the choices come from.
    pub callback: Option<Callback>,
}

/// A group of definitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The definitions, once the callback has given them.
    pub content: Vec<Definition>,
    /// Gives the definitions.
    pub callback: Callback,
}

/// A text to show.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// The type of every value.
    pub content_type: ContentType,
    /// What is shown.
    pub content: Vec<ContentItem>,
    /// How it is shown.
    pub properties: InfoProperties,
}

/// What a connector says of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// The type of every value.
    pub content_type: ContentType,
    /// What it says.
    pub content: Vec<ContentItem>,
    /// How it is kept.
    pub properties: MetaProperties,
}

/// A user-defined attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Custom {
    /// The type of every value.
    pub content_type: ContentType,
    /// The default value, or the choices of a list.
    pub content: Vec<ContentItem>,
    /// How it behaves; `resource` stays empty.
    pub properties: Properties,
}

/// How a data or custom attribute behaves (`DataAttributeProperties`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    /// For people.
    pub label: String,
    /// Shown to people.
    #[serde(default = "yes")]
    pub visible: bool,
    /// Puts fields together on a form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// A value must be given.
    #[serde(default)]
    pub required: bool,
    /// A value, when given, must be the definition's own.
    #[serde(default)]
    pub read_only: bool,
    /// The content is a list of choices.
    #[serde(default)]
    pub list: bool,
    /// More than one value may be given.
    #[serde(default)]
    pub multi_select: bool,
    /// Values outside the list of choices may be given.
    #[serde(default)]
    pub extensible_list: bool,
    /// At rest.
    #[serde(default)]
    pub protection_level: ProtectionLevel,
    /// The kind of object, for content type resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
}

/// How an info attribute is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InfoProperties {
    /// For people.
    pub label: String,
    /// Shown to people.
    #[serde(default = "yes")]
    pub visible: bool,
    /// Puts fields together on a form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// How a meta attribute is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetaProperties {
    /// For people.
    pub label: String,
    /// Shown to people.
    #[serde(default = "yes")]
    pub visible: bool,
    /// Puts fields together on a form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Known across connectors.
    #[serde(default)]
    pub global: bool,
    /// A new value replaces the old instead of joining it.
    #[serde(default)]
    pub overwrite: bool,
    /// At rest.
    #[serde(default)]
    pub protection_level: ProtectionLevel,
}

/// Protection of a value at rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProtectionLevel {
    /// As it is.
    #[default]
    None,
    /// Encrypted.
    Encrypted,
}

/// What an attribute of content type resource can point at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say all")]
pub enum Resource {
    Certificates,
    Credentials,
    Authorities,
    Entities,
    Locations,
    Secrets,
}

fn yes() -> bool {
    true
}

impl Properties {
    /// The published defaults: visible, and nothing else.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            visible: true,
            group: None,
            required: false,
            read_only: false,
            list: false,
            multi_select: false,
            extensible_list: false,
            protection_level: ProtectionLevel::None,
            resource: None,
        }
    }
}

impl Definition {
    /// The attribute's type.
    pub fn attribute_type(&self) -> AttributeType {
        match self.body {
            Body::Data(_) => AttributeType::Data,
            Body::Group(_) => AttributeType::Group,
            Body::Info(_) => AttributeType::Info,
            Body::Meta(_) => AttributeType::Meta,
            Body::Custom(_) => AttributeType::Custom,
        }
    }

    /// The type of its values; a group has none.
    pub fn content_type(&self) -> Option<ContentType> {
        match &self.body {
            Body::Data(data) => Some(data.content_type),
            Body::Group(_) => None,
            Body::Info(info) => Some(info.content_type),
            Body::Meta(meta) => Some(meta.content_type),
            Body::Custom(custom) => Some(custom.content_type),
        }
    }

    /// The default value, the choices of a list, the fixed value, or what is shown.
    pub fn content(&self) -> &[ContentItem] {
        match &self.body {
            Body::Data(data) => &data.content,
            Body::Group(_) => &[],
            Body::Info(info) => &info.content,
            Body::Meta(meta) => &meta.content,
            Body::Custom(custom) => &custom.content,
        }
    }

    /// The label; a group, having none, gives its name.
    pub fn label(&self) -> &str {
        match &self.body {
            Body::Data(data) => &data.properties.label,
            Body::Group(_) => &self.name,
            Body::Info(info) => &info.properties.label,
            Body::Meta(meta) => &meta.properties.label,
            Body::Custom(custom) => &custom.properties.label,
        }
    }

    /// How clients may set it; `None` when they may not.
    pub fn properties(&self) -> Option<&Properties> {
        match &self.body {
            Body::Data(data) => Some(&data.properties),
            Body::Custom(custom) => Some(&custom.properties),
            Body::Group(_) | Body::Info(_) | Body::Meta(_) => None,
        }
    }

    /// The constraints; only data attributes have any.
    pub fn constraints(&self) -> &[Constraint] {
        match &self.body {
            Body::Data(data) => &data.constraints,
            _ => &[],
        }
    }

    /// The value that stands when none is given: a list's content is choices, not a default.
    pub fn default_content(&self) -> &[ContentItem] {
        match self.properties() {
            Some(properties) if !properties.list => self.content(),
            _ => &[],
        }
    }
}
