//! Paging and filters.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Object;

/// `CertificateSearchRequestDto`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct SearchRequest {
    pub filters: Option<Vec<Object<Filter>>>,
    pub items_per_page: Option<i64>,
    pub page_number: Option<i64>,
    pub include_archived: Option<bool>,
    /// Ours: the uuid of the last certificate read, to read on behind it.
    pub cursor: Option<String>,
}

/// `SearchFilterRequestDto`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct Filter {
    pub field_source: FieldSource,
    pub field_identifier: String,
    pub condition: Operator,
    #[serde(default)]
    pub value: Value,
}

/// `FilterFieldSource`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say all")]
pub enum FieldSource {
    Meta,
    Custom,
    Data,
    Property,
}

/// `FilterConditionOperator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say all")]
pub enum Operator {
    Equals,
    NotEquals,
    Greater,
    GreaterOrEqual,
    Lesser,
    LesserOrEqual,
    Contains,
    NotContains,
    StartsWith,
    EndsWith,
    Empty,
    NotEmpty,
    InNext,
    InPast,
    Matches,
    NotMatches,
    CountEqual,
    CountNotEqual,
    CountGreaterThan,
    CountLessThan,
}

/// `SearchFieldDataByGroupDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct FieldGroupDto {
    pub filter_field_source: FieldSource,
    pub search_field_data: Vec<FieldDto>,
}

/// `SearchFieldDataDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct FieldDto {
    pub field_identifier: &'static str,
    pub field_label: &'static str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub conditions: Vec<Operator>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_enum: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Vec<String>>,
    pub multi_value: bool,
}
