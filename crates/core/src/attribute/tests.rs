use uuid::Uuid;

use super::*;
use crate::Rejection;

mod definition;
mod foreign;
mod response;
mod rule;
mod value;

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn define(content_type: ContentType) -> DefinitionBuilder {
    Definition::data(id(1), "a", content_type)
}

fn given(content_type: ContentType, values: &[serde_json::Value]) -> RequestAttribute {
    RequestAttribute {
        uuid: None,
        name: "a".into(),
        content_type: Some(content_type),
        version: Version::V2,
        content: values.iter().cloned().map(ContentItem::new).collect(),
    }
}

/// The faults as text; none is an empty list.
fn faults(definition: &Definition, value: RequestAttribute) -> Vec<String> {
    texts(check(std::slice::from_ref(definition), &[value]).map(drop))
}

fn texts(result: Result<(), Vec<Rejection>>) -> Vec<String> {
    result.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}
