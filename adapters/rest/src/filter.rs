//! The filters of certificate lists: the basic properties, every fault told at once.

use chancery_core::{CertificateField, CertificateFilter, Condition, RaProfile, Rejection};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use crate::dto::search::{FieldDto, FieldGroupDto, FieldSource, Filter, Operator};

/// Longest text to compare with, in bytes.
const LONGEST: usize = 1024;
/// Most values of one filter, and most filters.
const MOST: usize = 100;
/// Most filters for parts of a text: no index answers them, so each may look at every certificate.
const MOST_PATTERNS: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    List,
    Instant,
}

/// Identifier, label, field, kind, and the enumeration that its values come from.
type Known = (&'static str, &'static str, CertificateField, Kind, Option<&'static str>);

const KNOWN: [Known; 10] = [
    ("COMMON_NAME", "Common Name", CertificateField::CommonName, Kind::Text, None),
    ("SUBJECTDN", "Subject DN", CertificateField::Subject, Kind::Text, None),
    ("SUBJECT_ALTERNATIVE_NAMES", "Subject Alternative Name", CertificateField::SubjectAltName, Kind::Text, None),
    ("SERIAL_NUMBER", "Serial number", CertificateField::SerialNumber, Kind::Text, None),
    ("FINGERPRINT", "Fingerprint", CertificateField::Fingerprint, Kind::Text, None),
    ("CERTIFICATE_STATE", "State", CertificateField::State, Kind::List, Some("CertificateState")),
    ("RA_PROFILE_NAME", "RA Profile", CertificateField::Profile, Kind::List, None),
    ("OWNER", "Owner", CertificateField::Owner, Kind::Text, None),
    ("NOT_BEFORE", "Valid From", CertificateField::NotBefore, Kind::Instant, None),
    ("NOT_AFTER", "Expires At", CertificateField::NotAfter, Kind::Instant, None),
];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::List => "list",
            Self::Instant => "datetime",
        }
    }

    fn operators(self) -> Vec<Operator> {
        match self {
            Self::Text => vec![
                Operator::Equals,
                Operator::NotEquals,
                Operator::Contains,
                Operator::NotContains,
                Operator::StartsWith,
                Operator::EndsWith,
                Operator::Empty,
                Operator::NotEmpty,
            ],
            Self::List => vec![Operator::Equals, Operator::NotEquals, Operator::Empty, Operator::NotEmpty],
            Self::Instant => vec![
                Operator::Greater,
                Operator::GreaterOrEqual,
                Operator::Lesser,
                Operator::LesserOrEqual,
                Operator::InNext,
                Operator::InPast,
                Operator::Empty,
                Operator::NotEmpty,
            ],
        }
    }
}

/// What can be filtered by.
pub(crate) fn fields() -> FieldGroupDto {
    let field = |&(field_identifier, field_label, field, kind, platform_enum): &Known| FieldDto {
        field_identifier,
        field_label,
        kind: kind.name(),
        conditions: kind.operators(),
        platform_enum,
        value: (field == CertificateField::State)
            .then(|| chancery_core::CertificateState::ALL.iter().map(|state| state.as_str().to_owned()).collect()),
        multi_value: kind == Kind::List,
    };
    FieldGroupDto { filter_field_source: FieldSource::Property, search_field_data: KNOWN.iter().map(field).collect() }
}

/// The domain's filters; what cannot be answered is added to `faults`. Profile names are resolved among `profiles`.
pub(crate) fn read(
    filters: Vec<Filter>,
    profiles: &[RaProfile],
    now: OffsetDateTime,
    faults: &mut Vec<Rejection>,
) -> Vec<CertificateFilter> {
    if filters.len() > MOST {
        faults.push(Rejection::State(format!("more than {MOST} filters")));
        return Vec::new();
    }
    if filters.iter().filter(|filter| is_pattern(filter.condition)).count() > MOST_PATTERNS {
        faults.push(Rejection::State(format!(
            "more than {MOST_PATTERNS} filters with CONTAINS, NOT_CONTAINS, STARTS_WITH or ENDS_WITH: use EQUALS where \
             the whole value is known"
        )));
        return Vec::new();
    }
    let mut read = Vec::new();
    for filter in filters {
        let name = filter.field_identifier.clone();
        match one(filter, profiles, now) {
            Ok(filters) => read.extend(filters),
            Err(why) => {
                let shown: String = name.chars().take(64).collect();
                faults.push(Rejection::Unsupported { field: format!("filter {shown}"), why });
            }
        }
    }
    read
}

fn is_pattern(operator: Operator) -> bool {
    matches!(operator, Operator::Contains | Operator::NotContains | Operator::StartsWith | Operator::EndsWith)
}

fn one(filter: Filter, profiles: &[RaProfile], now: OffsetDateTime) -> Result<Vec<CertificateFilter>, String> {
    if filter.field_source != FieldSource::Property {
        return Err("only property fields can be filtered by".into());
    }
    let Some(&(_, _, field, kind, _)) = KNOWN.iter().find(|(name, ..)| *name == filter.field_identifier) else {
        let names: Vec<_> = KNOWN.iter().map(|(name, ..)| *name).collect();
        return Err(format!("is not known here; use one of {}", names.join(", ")));
    };
    if !kind.operators().contains(&filter.condition) {
        return Err("does not take this condition; GET /v1/certificates/search lists what it takes".into());
    }
    let with = |condition| CertificateFilter { field, condition };
    if let Operator::Empty = filter.condition {
        return Ok(vec![with(Condition::Empty)]);
    }
    if let Operator::NotEmpty = filter.condition {
        return Ok(vec![with(Condition::NotEmpty)]);
    }
    if kind == Kind::Instant {
        return instants(filter.condition, &first(texts(filter.value)?)?, now)
            .map(|conditions| conditions.into_iter().map(with).collect());
    }
    let mut texts = texts(filter.value)?;
    if field == CertificateField::Profile {
        // A name that no reachable profile has matches nothing.
        let id = |name: &String| profiles.iter().find(|p| p.name == *name).map_or(Uuid::nil(), |p| p.id);
        texts = texts.iter().map(|name| id(name).to_string()).collect();
    }
    Ok(vec![with(match filter.condition {
        Operator::Equals => Condition::Equals(texts),
        Operator::NotEquals => Condition::NotEquals(texts),
        Operator::Contains => Condition::Contains(first(texts)?),
        Operator::NotContains => Condition::NotContains(first(texts)?),
        Operator::StartsWith => Condition::StartsWith(first(texts)?),
        Operator::EndsWith => Condition::EndsWith(first(texts)?),
        _ => return Err("does not take this condition".into()),
    })])
}

fn texts(value: Value) -> Result<Vec<String>, String> {
    let items = match value {
        Value::Array(items) => items,
        Value::Null => return Err("needs a value".into()),
        single => vec![single],
    };
    if items.is_empty() || items.len() > MOST {
        return Err(format!("takes from 1 to {MOST} values"));
    }
    let text = |item| match item {
        Value::String(text) if text.len() > LONGEST => Err(format!("has a value longer than {LONGEST} bytes")),
        Value::String(text) if text.contains('\0') => Err("has a value with a NUL character".to_owned()),
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err("has a value that is no text".into()),
    };
    items.into_iter().map(text).collect()
}

/// Conditions of one value use the first.
fn first(texts: Vec<String>) -> Result<String, String> {
    texts.into_iter().next().ok_or_else(|| "needs a value".to_owned())
}

fn instants(operator: Operator, text: &str, now: OffsetDateTime) -> Result<Vec<Condition>, String> {
    Ok(match operator {
        Operator::Greater => vec![Condition::After(instant(text)?)],
        Operator::GreaterOrEqual => vec![Condition::NotBefore(instant(text)?)],
        Operator::Lesser => vec![Condition::Before(instant(text)?)],
        Operator::LesserOrEqual => vec![Condition::NotAfter(instant(text)?)],
        Operator::InNext => {
            let end = now.checked_add(duration(text)?).ok_or("reaches past the end of time")?;
            vec![Condition::NotBefore(now), Condition::NotAfter(end)]
        }
        Operator::InPast => {
            let start = now.checked_sub(duration(text)?).ok_or("reaches before the beginning of time")?;
            vec![Condition::NotBefore(start), Condition::NotAfter(now)]
        }
        _ => return Err("does not take this condition".into()),
    })
}

/// An instant with offset, a local one (taken as UTC), or a date (its first moment in UTC).
fn instant(text: &str) -> Result<OffsetDateTime, String> {
    let local = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    let date = format_description!("[year]-[month]-[day]");
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| PrimitiveDateTime::parse(text, local).map(PrimitiveDateTime::assume_utc))
        .or_else(|_| Date::parse(text, date).map(|date| date.midnight().assume_utc()))
        .map_err(|_| "needs a date or an instant such as 2027-01-31T00:00:00Z".into())
}

/// An ISO 8601 duration of days and smaller parts, such as `P30D` or `PT12H`.
fn duration(text: &str) -> Result<Duration, String> {
    const WHY: &str = "needs a duration such as P30D or PT12H";
    let body = text.strip_prefix('P').ok_or(WHY)?;
    let (days, clock) = match body.split_once('T') {
        Some((days, clock)) if !clock.is_empty() => (days, clock),
        Some(_) => return Err(WHY.into()),
        None => (body, ""),
    };
    if days.is_empty() && clock.is_empty() {
        return Err(WHY.into());
    }
    let mut seconds = 0_i64;
    for (part, units) in
        [(days, &[('W', 604_800), ('D', 86_400)][..]), (clock, &[('H', 3600), ('M', 60), ('S', 1)][..])]
    {
        let mut rest = part;
        let mut units = units.iter();
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or(WHY)?;
            let (number, tail) = rest.split_at(end);
            let mut tail = tail.chars();
            let unit = tail.next();
            let (_, length) = units.by_ref().find(|(letter, _)| unit == Some(*letter)).ok_or(WHY)?;
            let number: i64 = number.parse().map_err(|_| WHY)?;
            seconds = number.checked_mul(*length).and_then(|part| seconds.checked_add(part)).ok_or(WHY)?;
            rest = tail.as_str();
        }
    }
    Ok(Duration::seconds(seconds))
}

#[cfg(test)]
mod tests;
