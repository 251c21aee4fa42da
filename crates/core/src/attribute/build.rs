//! Writing definitions in code.

use uuid::Uuid;

use super::{Body, Constraint, ContentItem, ContentType, Custom, Data, Definition, Properties, Version};

/// A data or custom definition being written.
#[derive(Clone, Debug)]
#[must_use]
pub struct DefinitionBuilder {
    uuid: Uuid,
    name: String,
    description: Option<String>,
    version: Version,
    custom: bool,
    data: Data,
}

impl Definition {
    /// Begin a data attribute, version 2.
    pub fn data(uuid: Uuid, name: &str, content_type: ContentType) -> DefinitionBuilder {
        let properties = Properties::new(name);
        let data = Data { content_type, content: Vec::new(), properties, constraints: Vec::new(), callback: None };
        DefinitionBuilder { uuid, name: name.to_owned(), description: None, version: Version::V2, custom: false, data }
    }

    /// Begin a custom attribute, which is always of version 3.
    pub fn custom(uuid: Uuid, name: &str, content_type: ContentType) -> DefinitionBuilder {
        DefinitionBuilder { version: Version::V3, custom: true, ..Self::data(uuid, name, content_type) }
    }
}

impl DefinitionBuilder {
    /// Of these shapes.
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// For people; the name when it is never called.
    pub fn label(mut self, label: &str) -> Self {
        self.data.properties.label = label.to_owned();
        self
    }

    /// What is expected, for people.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Put it with others on a form.
    pub fn group(mut self, group: &str) -> Self {
        self.data.properties.group = Some(group.to_owned());
        self
    }

    /// A value must be given.
    pub fn required(mut self) -> Self {
        self.data.properties.required = true;
        self
    }

    /// The value that stands when none is given.
    pub fn default(mut self, value: impl Into<ContentItem>) -> Self {
        self.data.content = vec![value.into()];
        self
    }

    /// The value cannot be another one.
    pub fn fixed(mut self, value: impl Into<ContentItem>) -> Self {
        self.data.properties.read_only = true;
        self.default(value)
    }

    /// One of these choices.
    pub fn choices<T: Into<ContentItem>>(mut self, choices: impl IntoIterator<Item = T>) -> Self {
        self.data.properties.list = true;
        self.data.content = choices.into_iter().map(Into::into).collect();
        self
    }

    /// Values outside the choices too.
    pub fn extensible(mut self) -> Self {
        self.data.properties.list = true;
        self.data.properties.extensible_list = true;
        self
    }

    /// Any number of values.
    pub fn multiple(mut self) -> Self {
        self.data.properties.list = true;
        self.data.properties.multi_select = true;
        self
    }

    /// One more rule for every value; custom attributes have none.
    pub fn constraint(mut self, constraint: Constraint) -> Self {
        self.data.constraints.push(constraint);
        self
    }

    /// Done.
    pub fn build(self) -> Definition {
        let Data { content_type, content, properties, .. } = self.data;
        let body = if self.custom {
            Body::Custom(Custom { content_type, content, properties })
        } else {
            Body::Data(Data { content_type, content, properties, ..self.data })
        };
        Definition { uuid: self.uuid, name: self.name, description: self.description, version: self.version, body }
    }
}
