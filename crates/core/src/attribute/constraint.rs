//! The three constraints that a data attribute can put on its values.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::{ContentType, value};

/// A compiled pattern may take this many bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// One constraint (`BaseAttributeConstraint`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Constraint {
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Told instead of our own words when a value breaks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// What is demanded.
    #[serde(flatten)]
    pub rule: Rule,
}

/// What a constraint demands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "camelCase")]
pub enum Rule {
    /// The whole of a string matches.
    RegExp(Pattern),
    /// An integer or float lies within.
    Range(Range),
    /// A datetime lies within.
    DateTime(DateTimeRange),
}

/// A regular expression, compiled at its first use. Matching is linear in the text: no pattern can be slow.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern for the whole text: it needs no anchors.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), compiled: OnceLock::new() }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole text matches; `None` when the pattern itself is wrong or too large.
    pub fn matches(&self, text: &str) -> Option<bool> {
        let compiled = self.compiled.get_or_init(|| {
            // Alone first: `a)|(?:b` is no pattern, but would become one between the anchors.
            compile(&self.text)?;
            compile(&format!("^(?:{})$", self.text))
        });
        compiled.as_ref().map(|regex| regex.is_match(text))
    }
}

fn compile(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE).build().ok()
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

/// Bounds of a number, both inclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Not less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i32>,
    /// Not more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<i32>,
}

/// Bounds of an instant, both inclusive: written without offset, meant as UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateTimeRange {
    /// Not earlier.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "local")]
    pub from: Option<OffsetDateTime>,
    /// Not later.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "local")]
    pub to: Option<OffsetDateTime>,
}

impl Constraint {
    /// The whole of every value matches; `message` is told when it does not.
    pub fn pattern(pattern: impl Into<String>, message: impl Into<String>) -> Self {
        let rule = Rule::RegExp(Pattern::new(pattern));
        Self { description: None, error_message: Some(message.into()), rule }
    }

    /// Every value lies within, ends included.
    pub fn range(from: impl Into<Option<i32>>, to: impl Into<Option<i32>>) -> Self {
        let rule = Rule::Range(Range { from: from.into(), to: to.into() });
        Self { description: None, error_message: None, rule }
    }

    /// Every value lies within, ends included.
    pub fn between(from: impl Into<Option<OffsetDateTime>>, to: impl Into<Option<OffsetDateTime>>) -> Self {
        let rule = Rule::DateTime(DateTimeRange { from: from.into(), to: to.into() });
        Self { description: None, error_message: None, rule }
    }

    /// Whether values of this type can be held against it, and the pattern is one.
    pub(super) fn fits(&self, content_type: ContentType) -> Result<(), String> {
        match &self.rule {
            Rule::RegExp(pattern) if content_type == ContentType::String => match pattern.matches("") {
                Some(_) => Ok(()),
                None => Err(format!("the pattern {:?} is not a regular expression, or is too large", pattern.text)),
            },
            Rule::RegExp(_) => Err("a regExp constraint is for content type string only".into()),
            Rule::Range(range) => match (range.from, range.to) {
                _ if !matches!(content_type, ContentType::Integer | ContentType::Float) => {
                    Err("a range constraint is for content types integer and float only".into())
                }
                (Some(from), Some(to)) if from > to => Err(format!("the range from {from} to {to} is empty")),
                _ => Ok(()),
            },
            Rule::DateTime(range) => match (range.from, range.to) {
                _ if content_type != ContentType::Datetime => {
                    Err("a dateTime constraint is for content type datetime only".into())
                }
                (Some(from), Some(to)) if from > to => Err("the range of dateTime is empty".into()),
                _ => Ok(()),
            },
        }
    }

    /// Hold a value of the right type against it.
    pub(super) fn check(&self, content_type: ContentType, data: &Value) -> Result<(), String> {
        self.fits(content_type)?;
        let (held, why) = match &self.rule {
            Rule::RegExp(pattern) => {
                let held = data.as_str().and_then(|text| pattern.matches(text)).unwrap_or(false);
                (held, format!("{} does not match the pattern {}", value::show(data), pattern.text))
            }
            Rule::Range(range) => {
                let held = data.as_f64().is_some_and(|number| {
                    range.from.is_none_or(|from| number >= f64::from(from))
                        && range.to.is_none_or(|to| number <= f64::from(to))
                });
                (held, format!("{} is not {}", value::show(data), bounds(range.from, range.to)))
            }
            Rule::DateTime(range) => {
                let held = data.as_str().and_then(value::parse_datetime).is_some_and(|instant| {
                    range.from.is_none_or(|from| instant >= from) && range.to.is_none_or(|to| instant <= to)
                });
                let text = |end: Option<OffsetDateTime>| end.map(value::format_datetime);
                (held, format!("{} is not {}", value::show(data), bounds(text(range.from), text(range.to))))
            }
        };
        if held { Ok(()) } else { Err(self.error_message.clone().unwrap_or(why)) }
    }
}

fn bounds<T: std::fmt::Display>(from: Option<T>, to: Option<T>) -> String {
    match (from, to) {
        (Some(from), Some(to)) => format!("between {from} and {to}"),
        (Some(from), None) => format!("{from} or more"),
        (None, Some(to)) => format!("{to} or less"),
        (None, None) => "a number".into(),
    }
}

mod local {
    use serde::{Deserialize, Deserializer, Serializer};
    use time::OffsetDateTime;

    use crate::attribute::value;

    pub fn serialize<S: Serializer>(instant: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match instant {
            Some(instant) => serializer.serialize_str(&value::format_local(*instant)),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OffsetDateTime>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let instant = value::parse_datetime(&text);
        instant.map(Some).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not a datetime")))
    }
}
