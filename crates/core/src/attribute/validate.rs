//! The rules between the parts of a definition (rest-api: definition rules).

use std::collections::HashSet;

use super::{Body, Callback, ContentType, Definition, Properties, value};
use crate::Rejection;

/// Names and labels may have this many bytes.
const LONGEST_NAME: usize = 256;

impl Definition {
    /// Hold the definition against the rules of definitions; every broken one is told.
    pub fn validate(&self) -> Result<(), Vec<Rejection>> {
        let mut faults = Vec::new();
        if self.uuid.is_nil() {
            faults.push("uuid is missing".to_owned());
        }
        for (what, text) in [("name", self.name.as_str()), ("label", self.label())] {
            if text.trim().is_empty() {
                faults.push(format!("{what} is blank"));
            }
            if text.len() > LONGEST_NAME {
                faults.push(format!("{what} is longer than {LONGEST_NAME} bytes"));
            }
        }
        if let Some(content_type) = self.content_type() {
            self.check_content(content_type, &mut faults);
        }
        match &self.body {
            Body::Data(data) => {
                check_properties(self, &data.properties, data.callback.as_ref(), &mut faults);
                if data.content_type == ContentType::Resource
                    && (data.properties.resource.is_none() || data.callback.is_none())
                {
                    faults.push("content type resource needs properties.resource and a callback".into());
                }
                if let Some(callback) = &data.callback {
                    check_callback(callback, data.content_type == ContentType::Resource, &mut faults);
                }
            }
            Body::Custom(custom) => {
                check_properties(self, &custom.properties, None, &mut faults);
                if custom.properties.resource.is_some() {
                    faults.push("a custom attribute has no properties.resource".into());
                }
            }
            Body::Group(group) => {
                check_callback(&group.callback, false, &mut faults);
                for member in &group.content {
                    if let Err(rejections) = member.validate() {
                        faults.extend(rejections.iter().map(ToString::to_string));
                    }
                }
            }
            Body::Info(info) if info.content.is_empty() => faults.push("an info attribute needs content".into()),
            Body::Info(_) | Body::Meta(_) => {}
        }
        if faults.is_empty() {
            return Ok(());
        }
        Err(faults.into_iter().map(|why| Rejection::Attribute { name: self.name.clone(), why }).collect())
    }

    fn check_content(&self, content_type: ContentType, faults: &mut Vec<String>) {
        if !content_type.exists_in(self.version) {
            faults.push(format!("content type {content_type} does not exist in version {}", self.version));
        }
        for constraint in self.constraints() {
            faults.extend(constraint.fits(content_type).err());
        }
        for item in self.content() {
            match value::check(content_type, &item.data) {
                Err(why) => faults.push(format!("content: {why}")),
                Ok(()) => {
                    let broken = self.constraints().iter().filter_map(|c| c.check(content_type, &item.data).err());
                    faults.extend(broken.map(|why| format!("content: {why}")));
                }
            }
            if item.content_type.is_some_and(|own| own != content_type) {
                faults.push("content: an item has another contentType than the attribute".into());
            }
        }
    }
}

/// Every definition of a set against the rules, and no name or uuid twice.
pub fn validate_definitions(definitions: &[Definition]) -> Result<(), Vec<Rejection>> {
    let mut faults: Vec<_> = definitions.iter().filter_map(|d| d.validate().err()).flatten().collect();
    let (mut names, mut uuids) = (HashSet::new(), HashSet::new());
    for definition in definitions {
        if !names.insert(&definition.name) || !uuids.insert(definition.uuid) {
            let why = "its name or uuid is used by another definition too".to_owned();
            faults.push(Rejection::Attribute { name: definition.name.clone(), why });
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn check_properties(
    definition: &Definition,
    properties: &Properties,
    callback: Option<&Callback>,
    faults: &mut Vec<String>,
) {
    if properties.multi_select && !properties.list {
        faults.push("multiSelect needs list".into());
    }
    if properties.extensible_list && !properties.list {
        faults.push("extensibleList needs list".into());
    }
    if properties.read_only {
        if definition.content().is_empty() {
            faults.push("readOnly needs content".into());
        }
        if callback.is_some() {
            faults.push("readOnly excludes a callback".into());
        }
        if properties.list {
            faults.push("readOnly excludes list".into());
        }
    }
}

fn check_callback(callback: &Callback, resource: bool, faults: &mut Vec<String>) {
    let blank = |text: &Option<String>| text.as_ref().is_none_or(|text| text.trim().is_empty());
    if !resource && blank(&callback.callback_context) {
        faults.push("the callback has no callbackContext".into());
    }
    if !resource && blank(&callback.callback_method) {
        faults.push("the callback has no callbackMethod".into());
    }
    for mapping in &callback.mappings {
        if mapping.from.is_none() == mapping.value.is_none() {
            faults.push(format!("the callback's mapping to {:?} needs either from or value", mapping.to));
        }
        if mapping.to.trim().is_empty() || mapping.targets.is_empty() {
            faults.push("a mapping of the callback has no to or no targets".into());
        }
    }
}
