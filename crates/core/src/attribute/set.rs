//! Checked values, to read from.

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;

use super::{ContentItem, value};

/// Values that passed [`super::check`], defaults filled in. What is read is there and of its type, or it is absent.
#[derive(Clone, Default, Debug, PartialEq)]
pub struct AttributeSet {
    pub(super) values: BTreeMap<String, Checked>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checked {
    pub given: bool,
    pub content: Vec<ContentItem>,
}

impl AttributeSet {
    /// No values at all: what a door without attributes asks with.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Whether the request itself gave a value (a default does not count).
    pub fn given(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|checked| checked.given)
    }

    /// Every value of this attribute.
    pub fn items(&self, name: &str) -> &[ContentItem] {
        self.values.get(name).map_or(&[], |checked| &checked.content)
    }

    /// The names that have a value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The first value, whatever its type.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.items(name).first().map(|item| &item.data)
    }

    /// The value of a string, text, date or time.
    pub fn string(&self, name: &str) -> Option<&str> {
        self.value(name)?.as_str()
    }

    /// All values of a string attribute.
    pub fn strings(&self, name: &str) -> Vec<&str> {
        self.items(name).iter().filter_map(|item| item.data.as_str()).collect()
    }

    /// The value of an integer.
    pub fn integer(&self, name: &str) -> Option<i32> {
        value::integer(self.value(name)?)
    }

    /// The value of a boolean.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.value(name)?.as_bool()
    }

    /// The value of a float.
    pub fn float(&self, name: &str) -> Option<f64> {
        self.value(name)?.as_f64()
    }

    /// The value of a datetime; one without an offset is UTC.
    pub fn datetime(&self, name: &str) -> Option<OffsetDateTime> {
        self.string(name).and_then(value::parse_datetime)
    }
}
