//! The JSON form of each content type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use time::format_description::well_known::Iso8601;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};
use uuid::Uuid;

use super::ContentType;

/// The languages of a code block.
const LANGUAGES: [&str; 41] = [
    "apacheconf",
    "bash",
    "basic",
    "c",
    "csharp",
    "cpp",
    "css",
    "docker",
    "fsharp",
    "gherkin",
    "git",
    "go",
    "graphql",
    "html",
    "http",
    "ini",
    "java",
    "javascript",
    "json",
    "kotlin",
    "latex",
    "lisp",
    "makefile",
    "markdown",
    "matlab",
    "nginx",
    "objectivec",
    "perl",
    "php",
    "powershell",
    "properties",
    "python",
    "ruby",
    "rust",
    "smalltalk",
    "sql",
    "typescript",
    "vbnet",
    "xquery",
    "xml",
    "yaml",
];

/// The kinds of secret that a resource of `secrets` can be.
const SECRETS: [&str; 8] =
    ["basicAuth", "apiKey", "jwtToken", "privateKey", "secretKey", "keyStore", "keyValue", "generic"];

/// Whether `data` is a value of this type; the fault says what is expected, and never shows a secret.
pub(super) fn check(content_type: ContentType, data: &Value) -> Result<(), String> {
    if data.is_null() {
        return Err("data is missing or null; give a value, or leave the item out".into());
    }
    if has_nul(data) {
        return Err("the character U+0000 is not allowed".into());
    }
    let expect = |held: bool, what: &str| {
        if held { Ok(()) } else { Err(format!("expected {what}, got {}", show(data))) }
    };
    let text = |held: fn(&str) -> bool, what: &str| expect(data.as_str().is_some_and(held), what);
    match content_type {
        ContentType::String | ContentType::Text => text(|_| true, "a string"),
        ContentType::Integer => expect(integer(data).is_some(), "a whole number of 32 bits"),
        ContentType::Boolean => expect(data.is_boolean(), "true or false"),
        ContentType::Float => {
            let held = data.as_f64().is_some_and(|number| number.abs() <= f64::from(f32::MAX));
            expect(held, "a number within the range of 32-bit floating point")
        }
        ContentType::Date => text(is_date, "a date like 2026-12-31"),
        ContentType::Time => text(is_time, "a time like 23:59:59"),
        ContentType::Datetime => {
            text(|text| parse_datetime(text).is_some(), "a datetime like 2026-12-31T23:59:59.000Z")
        }
        ContentType::Object => Ok(()),
        ContentType::Secret => secret(data),
        ContentType::File => object(data, "content, fileName and mimeType").and_then(file),
        ContentType::Codeblock => object(data, "language and code").and_then(code_block),
        ContentType::Credential => object(data, "uuid, name, kind and attributes").and_then(credential),
        ContentType::Resource => object(data, "resource, uuid and name").and_then(resource),
    }
}

/// A value for an error text: short, with control characters escaped, and nothing of structured data.
pub(super) fn show(data: &Value) -> String {
    const LONGEST: usize = 80;
    match data {
        Value::Object(_) => "an object".into(),
        Value::Array(_) => "an array".into(),
        Value::String(text) if text.chars().count() > LONGEST => {
            format!("{:?}…", text.chars().take(LONGEST).collect::<String>())
        }
        Value::String(text) => format!("{text:?}"),
        Value::Null => "null".into(),
        scalar => scalar.to_string(),
    }
}

/// About the number of bytes that a value takes.
pub(super) fn size(data: &Value) -> usize {
    match data {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(|item| 2 + size(item)).sum(),
        Value::Object(map) => map.iter().map(|(key, value)| 4 + key.len() + size(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

/// A whole number of 32 bits.
pub(super) fn integer(data: &Value) -> Option<i32> {
    data.as_i64().and_then(|number| i32::try_from(number).ok())
}

/// Any ISO 8601 form with an offset, or a local one, which is taken as UTC; given in UTC, within years 0 to 9999.
pub(super) fn parse_datetime(text: &str) -> Option<OffsetDateTime> {
    if text.len() > 64 || !text.is_ascii() {
        return None;
    }
    OffsetDateTime::parse(text, &Iso8601::PARSING)
        .or_else(|_| PrimitiveDateTime::parse(text, &Iso8601::PARSING).map(PrimitiveDateTime::assume_utc))
        .ok()
        .and_then(|instant| instant.checked_to_offset(UtcOffset::UTC))
        .filter(|instant| (0..=9999).contains(&instant.year()))
}

/// `yyyy-MM-ddTHH:mm:ss.SSSXXX`, in UTC.
pub(super) fn format_datetime(instant: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    instant.to_offset(UtcOffset::UTC).format(format).expect("every instant of four-digit years has this form")
}

/// `yyyy-MM-ddTHH:mm:ss`, in UTC.
pub(super) fn format_local(instant: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    instant.to_offset(UtcOffset::UTC).format(format).expect("every instant of four-digit years has this form")
}

fn is_date(text: &str) -> bool {
    Date::parse(text, format_description!("[year]-[month]-[day]")).is_ok()
}

fn is_time(text: &str) -> bool {
    Time::parse(text, format_description!("[hour]:[minute]:[second]")).is_ok()
}

/// Databases refuse it in text.
fn has_nul(data: &Value) -> bool {
    match data {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn object<'a>(data: &'a Value, what: &str) -> Result<&'a Map<String, Value>, String> {
    data.as_object().ok_or_else(|| format!("expected an object with {what}"))
}

fn field<'a>(data: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    match data.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(Value::String(_)) => Err(format!("{name} is empty")),
        Some(Value::Null) | None => Err(format!("{name} is missing")),
        Some(_) => Err(format!("{name} is not a string")),
    }
}

fn base64(data: &Map<String, Value>, name: &str) -> Result<(), String> {
    let text = field(data, name)?;
    STANDARD.decode(text).map(drop).map_err(|_| format!("{name} is not Base64"))
}

fn uuid(data: &Map<String, Value>) -> Result<(), String> {
    Uuid::try_parse(field(data, "uuid")?).map(drop).map_err(|_| "uuid is not a uuid".into())
}

fn secret(data: &Value) -> Result<(), String> {
    let data = object(data, "secret")?;
    match data.get("protectionLevel") {
        None | Some(Value::Null) => {}
        Some(Value::String(level)) if level == "none" || level == "encrypted" => {}
        Some(_) => return Err("protectionLevel is neither none nor encrypted".into()),
    }
    field(data, "secret").map(drop)
}

fn file(data: &Map<String, Value>) -> Result<(), String> {
    base64(data, "content")?;
    field(data, "fileName")?;
    field(data, "mimeType").map(drop)
}

fn code_block(data: &Map<String, Value>) -> Result<(), String> {
    let language = field(data, "language")?;
    if !LANGUAGES.contains(&language) {
        return Err(format!("the language {language:?} is unknown"));
    }
    base64(data, "code")
}

fn credential(data: &Map<String, Value>) -> Result<(), String> {
    uuid(data)?;
    field(data, "name")?;
    field(data, "kind")?;
    match data.get("attributes") {
        Some(Value::Array(_)) => Ok(()),
        _ => Err("attributes is not an array".into()),
    }
}

fn resource(data: &Map<String, Value>) -> Result<(), String> {
    let kind = field(data, "resource")?;
    uuid(data)?;
    field(data, "name")?;
    match kind {
        "certificates" => match data.get("certificateType") {
            None | Some(Value::Null) => Ok(()),
            Some(Value::String(kind)) if kind == "X.509" || kind == "SSH" => Ok(()),
            Some(_) => Err("certificateType is neither X.509 nor SSH".into()),
        },
        "secrets" => match data.get("content") {
            None | Some(Value::Null) => Ok(()),
            Some(Value::Object(content)) if SECRETS.contains(&field(content, "type")?) => Ok(()),
            Some(_) => Err("content is not one of the kinds of secret".into()),
        },
        "authorities" | "entities" | "locations" | "credentials" => match data.get("attributes") {
            None | Some(Value::Null | Value::Array(_)) => Ok(()),
            Some(_) => Err("attributes is not an array".into()),
        },
        other => Err(format!("the resource {other:?} is unknown")),
    }
}
