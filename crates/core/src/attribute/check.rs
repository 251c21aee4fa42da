//! The check of what was told against what can be told.

use std::collections::HashSet;

use super::set::Checked;
use super::{AttributeSet, ContentItem, ContentType, Definition, Properties, RequestAttribute, Version, value};
use crate::Rejection;
use crate::error::{bounded, cut};

/// A request may have this many attributes.
pub const MAX_ATTRIBUTES: usize = 200;
/// All attributes of a request together may have this many values.
pub const MAX_ITEMS: usize = 2000;
/// One value may have about this many bytes; files and code blocks are meant to be large.
pub const MAX_BYTES: usize = 1 << 20;
/// A value that is one line for people may have this many bytes.
pub const MAX_STRING: usize = 16 << 10;

/// Hold values against definitions. Every fault of every value is told, in the order of the request, then what is
/// missing, in the order of the definitions; 50 of them at most.
pub fn check(definitions: &[Definition], values: &[RequestAttribute]) -> Result<AttributeSet, Vec<Rejection>> {
    let mut set = AttributeSet::default();
    let mut faults = limits(values);
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut seen = HashSet::new();
    // What is known is listed once.
    let mut strangers = false;
    for given in values {
        if !seen.insert(given.name.as_str()) {
            faults.push(fault(&given.name, "it is given more than once"));
            continue;
        }
        let Some(definition) = definitions.iter().find(|definition| definition.name == given.name) else {
            faults.push(fault(&given.name, if strangers { STRANGER.into() } else { unknown(definitions) }));
            strangers = true;
            continue;
        };
        let before = faults.len();
        check_one(definition, given, &mut |why| faults.push(fault(&given.name, why)));
        if faults.len() == before && !given.content.is_empty() {
            let checked = Checked { given: true, content: given.content.clone() };
            set.values.insert(given.name.clone(), checked);
        }
    }
    for definition in definitions {
        let Some(properties) = definition.properties() else { continue };
        if properties.required && !seen.contains(definition.name.as_str()) {
            faults.push(fault(&definition.name, "it is required; give a value"));
        }
        let default = definition.default_content();
        if !default.is_empty() && !set.values.contains_key(&definition.name) {
            set.values.insert(definition.name.clone(), Checked { given: false, content: default.to_vec() });
        }
    }
    if faults.is_empty() { Ok(set) } else { Err(bounded(faults)) }
}

fn limits(values: &[RequestAttribute]) -> Vec<Rejection> {
    let mut faults = Vec::new();
    if values.len() > MAX_ATTRIBUTES {
        let why = format!("{} were given; at most {MAX_ATTRIBUTES} are allowed", values.len());
        faults.push(fault("(all)", why));
    }
    let items: usize = values.iter().map(|given| given.content.len()).sum();
    if items > MAX_ITEMS {
        faults.push(fault("(all)", format!("{items} values were given; at most {MAX_ITEMS} are allowed")));
    }
    faults
}

fn check_one(definition: &Definition, given: &RequestAttribute, fault: &mut dyn FnMut(String)) {
    let (Some(properties), Some(content_type)) = (definition.properties(), definition.content_type()) else {
        return fault("it is shown only and cannot be set; leave it out".into());
    };
    if given.version != definition.version {
        fault(format!("version {} was sent, the attribute is of version {}", given.version, definition.version));
    }
    if given.content_type.is_some_and(|own| own != content_type) {
        fault(format!("its contentType is {content_type}"));
    }
    if given.content.is_empty() {
        if properties.required {
            fault("it is required; give a value".into());
        }
        return;
    }
    if given.content.len() > 1 && !properties.multi_select {
        fault(format!("{} values were given; it takes one", given.content.len()));
    }
    for item in &given.content {
        if let Err(why) = check_item(definition, properties, content_type, item) {
            fault(why);
        }
    }
    let fixed = definition.content();
    if properties.read_only && !fixed.iter().map(|item| &item.data).eq(given.content.iter().map(|item| &item.data)) {
        fault("it is read-only; send the value of its definition, or leave it out".into());
    }
}

fn check_item(
    definition: &Definition,
    properties: &Properties,
    content_type: ContentType,
    item: &ContentItem,
) -> Result<(), String> {
    if definition.version == Version::V3 && item.content_type != Some(content_type) {
        return Err(match item.content_type {
            None => format!("an item of version v3 needs its contentType, {content_type}"),
            Some(own) => format!("an item has contentType {own}, the attribute {content_type}"),
        });
    }
    let longest = match content_type {
        ContentType::String => MAX_STRING,
        _ => MAX_BYTES,
    };
    let reference = item.reference.as_deref().unwrap_or_default();
    if value::size(&item.data) > longest || reference.len() > MAX_STRING {
        return Err(format!("a value is larger than {longest} bytes"));
    }
    if reference.contains('\0') {
        return Err("the character U+0000 is not allowed".into());
    }
    value::check(content_type, &item.data)?;
    if content_type == ContentType::Resource {
        let wanted = properties.resource.and_then(|resource| serde_json::to_value(resource).ok());
        if wanted.is_some_and(|wanted| item.data.get("resource") != Some(&wanted)) {
            return Err("it points at another kind of resource than the attribute is for".into());
        }
    }
    let choices = definition.content();
    if properties.list && !properties.extensible_list && !choices.is_empty() {
        let chosen = choices
            .iter()
            .any(|choice| choice.data == item.data && (item.reference.is_none() || item.reference == choice.reference));
        if !chosen {
            return Err(format!("{} is not one of {}", value::show(&item.data), listed(choices)));
        }
    }
    definition.constraints().iter().try_for_each(|constraint| constraint.check(content_type, &item.data))
}

fn listed(choices: &[ContentItem]) -> String {
    const SHOWN: usize = 20;
    let mut text = choices.iter().take(SHOWN).map(|c| value::show(&c.data)).collect::<Vec<_>>().join(", ");
    if choices.len() > SHOWN {
        text.push_str(", …");
    }
    text
}

const STRANGER: &str = "it is not known here either; leave it out";

fn unknown(definitions: &[Definition]) -> String {
    let names: Vec<_> = definitions.iter().filter(|d| d.properties().is_some()).map(|d| d.name.as_str()).collect();
    if names.is_empty() {
        return "it is not known here, where no attributes can be set; leave it out".into();
    }
    format!("it is not known here; known are {}", names.join(", "))
}

fn fault(name: &str, why: impl Into<String>) -> Rejection {
    // Names come from outside too: cut, and control characters escaped.
    let name: String = cut(name).chars().flat_map(char::escape_debug).collect();
    Rejection::Attribute { name, why: why.into() }
}
