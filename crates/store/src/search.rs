//! The filters of certificate lists as SQL. Every condition on names is a set of certificate ids found once, never a
//! look at every certificate's names.

use chancery_core::{CertificateField, CertificateFilter, CertificateQuery, Condition, SearchName, micros};
use chancery_pki::SerialNumber;
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};

use crate::connection::{AnyBackend, AnyConnection};
use crate::deadline;
use crate::row::bytes;
use crate::schema::{certificate_names, certificates};

type Certificates<'a> = certificates::BoxedQuery<'a, AnyBackend>;

/// The certificates that a query asks for, unordered. The connection only says which engine it is for.
pub(crate) fn matching<'a>(query: &CertificateQuery, connection: &AnyConnection) -> Certificates<'a> {
    let mut rows = certificates::table.into_boxed();
    if !query.filters.is_empty() || query.profiles.is_some() {
        rows = rows.filter(deadline::condition(connection));
    }
    if !query.include_archived {
        // A literal, not a parameter: only then is the partial index of the listed ones usable.
        rows = rows.filter(sql::<Bool>("archived = 0"));
    }
    if let Some(profiles) = &query.profiles {
        let reach: Vec<Option<Vec<u8>>> = profiles.iter().map(|id| Some(bytes(id))).collect();
        rows = rows.filter(certificates::profile.eq_any(reach));
    }
    query.filters.iter().fold(rows, |rows, filter| restrict(rows, filter, connection))
}

fn restrict<'a>(rows: Certificates<'a>, filter: &CertificateFilter, connection: &AnyConnection) -> Certificates<'a> {
    use CertificateField as Field;
    let condition = &filter.condition;
    match filter.field {
        Field::CommonName => names(rows, true, condition, connection),
        Field::SubjectAltName => names(rows, false, condition, connection),
        Field::Subject => text(rows, "subject", condition),
        Field::State => text(rows, "state", condition),
        Field::Owner => text(rows, "owner", condition),
        Field::Profile => identifiers(rows, condition),
        Field::SerialNumber => hex(rows, serial_text(connection), condition, serial_bytes, Column::Serial),
        Field::Fingerprint => hex(rows, fingerprint_text(connection), condition, from_hex, Column::Fingerprint),
        Field::NotBefore => instants(rows, "not_before", condition),
        Field::NotAfter => instants(rows, "not_after", condition),
    }
}

/// Nothing matches: the condition does not fit the field.
fn nothing(rows: Certificates<'_>) -> Certificates<'_> {
    rows.filter(sql::<Bool>("1 = 0"))
}

/// LIKE's own characters are escaped with a backslash.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// The LIKE pattern of a text condition.
fn pattern(condition: &Condition) -> Option<String> {
    Some(match condition {
        Condition::Contains(text) | Condition::NotContains(text) => format!("%{}%", escaped(text)),
        Condition::StartsWith(text) => format!("{}%", escaped(text)),
        Condition::EndsWith(text) => format!("%{}", escaped(text)),
        _ => return None,
    })
}

fn is_negative(condition: &Condition) -> bool {
    matches!(condition, Condition::NotEquals(_) | Condition::NotContains(_) | Condition::Empty)
}

/// The certificates that have such a name, or those that have none.
macro_rules! named {
    ($rows:expr, $names:expr, $condition:expr) => {{
        let ids = $names.select(certificate_names::certificate);
        if is_negative($condition) {
            $rows.filter(certificates::id.ne_all(ids))
        } else {
            $rows.filter(certificates::id.eq_any(ids))
        }
    }};
}

/// Conditions on the CN, or on any other name.
fn names<'a>(
    rows: Certificates<'a>,
    common: bool,
    condition: &Condition,
    connection: &AnyConnection,
) -> Certificates<'a> {
    let names = certificate_names::table
        .filter(deadline::condition(connection))
        .filter(certificate_names::kind.eq("cn").eq(common));
    match condition {
        Condition::Equals(values) | Condition::NotEquals(values) => {
            let values: Vec<String> = values.iter().map(|value| name_text(value)).collect();
            named!(rows, names.filter(certificate_names::value.eq_any(values)), condition)
        }
        Condition::Empty | Condition::NotEmpty => named!(rows, names, condition),
        _ => match pattern(&lowered(condition)) {
            Some(pattern) => {
                named!(rows, names.filter(certificate_names::value.like(pattern).escape('\\')), condition)
            }
            None => nothing(rows),
        },
    }
}

/// A name as its row keeps it: lower case, cut like [`SearchName`]'s.
fn name_text(value: &str) -> String {
    let mut value = value.to_lowercase();
    let mut end = value.len().min(SearchName::LONGEST);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value.truncate(end);
    value
}

fn lowered(condition: &Condition) -> Condition {
    match condition {
        Condition::Contains(text) => Condition::Contains(text.to_lowercase()),
        Condition::NotContains(text) => Condition::NotContains(text.to_lowercase()),
        Condition::StartsWith(text) => Condition::StartsWith(text.to_lowercase()),
        Condition::EndsWith(text) => Condition::EndsWith(text.to_lowercase()),
        other => other.clone(),
    }
}

/// Conditions on a text column (named by us, never by a caller) that is never NULL; empty text is no value.
fn text<'a>(rows: Certificates<'a>, column: &'static str, condition: &Condition) -> Certificates<'a> {
    let column = || sql::<Text>(column);
    match condition {
        Condition::Equals(values) => rows.filter(column().eq_any(values.clone())),
        Condition::NotEquals(values) => rows.filter(column().ne_all(values.clone())),
        Condition::Empty => rows.filter(column().eq("")),
        Condition::NotEmpty => rows.filter(column().ne("")),
        Condition::NotContains(_) => match pattern(condition) {
            Some(pattern) => rows.filter(column().not_like(pattern).escape('\\')),
            None => nothing(rows),
        },
        _ => match pattern(condition) {
            Some(pattern) => rows.filter(column().like(pattern).escape('\\')),
            None => nothing(rows),
        },
    }
}

/// Conditions on the RA profile, by id.
fn identifiers<'a>(rows: Certificates<'a>, condition: &Condition) -> Certificates<'a> {
    let ids = |values: &[String]| -> Vec<Option<Vec<u8>>> {
        values.iter().filter_map(|value| uuid::Uuid::parse_str(value).ok()).map(|id| Some(bytes(&id))).collect()
    };
    match condition {
        Condition::Equals(values) => rows.filter(certificates::profile.eq_any(ids(values))),
        Condition::NotEquals(values) => {
            rows.filter(certificates::profile.is_null().or(certificates::profile.ne_all(ids(values))))
        }
        Condition::Empty => rows.filter(certificates::profile.is_null()),
        Condition::NotEmpty => rows.filter(certificates::profile.is_not_null()),
        _ => nothing(rows),
    }
}

#[derive(Clone, Copy)]
enum Column {
    Serial,
    Fingerprint,
}

/// Conditions on a binary column that people write in hex: equality by its bytes, which an index finds; parts by its text.
fn hex<'a>(
    rows: Certificates<'a>,
    column: &'static str,
    condition: &Condition,
    read: fn(&str) -> Option<Vec<u8>>,
    which: Column,
) -> Certificates<'a> {
    let values = |values: &[String]| -> Vec<Option<Vec<u8>>> {
        values.iter().filter_map(|value| read(value)).map(Some).collect()
    };
    let as_text = || sql::<Nullable<Text>>(column);
    match (condition, which) {
        (Condition::Equals(wanted), Column::Serial) => rows.filter(certificates::serial.eq_any(values(wanted))),
        (Condition::Equals(wanted), Column::Fingerprint) => {
            rows.filter(certificates::fingerprint.eq_any(values(wanted)))
        }
        (Condition::NotEquals(unwanted), Column::Serial) => {
            rows.filter(certificates::serial.is_null().or(certificates::serial.ne_all(values(unwanted))))
        }
        (Condition::NotEquals(unwanted), Column::Fingerprint) => {
            rows.filter(certificates::fingerprint.is_null().or(certificates::fingerprint.ne_all(values(unwanted))))
        }
        (Condition::Empty, _) => rows.filter(as_text().is_null()),
        (Condition::NotEmpty, _) => rows.filter(as_text().is_not_null()),
        (Condition::NotContains(_), _) => match pattern(&lowered(condition)) {
            Some(pattern) => rows.filter(as_text().is_null().or(as_text().not_like(pattern).escape('\\'))),
            None => nothing(rows),
        },
        _ => match pattern(&lowered(condition)) {
            Some(pattern) => rows.filter(as_text().like(pattern).escape('\\')),
            None => nothing(rows),
        },
    }
}

fn serial_text(connection: &AnyConnection) -> &'static str {
    match connection {
        AnyConnection::Postgres(_) => "ltrim(encode(serial, 'hex'), '0')",
        AnyConnection::Sqlite(_) => "ltrim(lower(hex(serial)), '0')",
    }
}

fn fingerprint_text(connection: &AnyConnection) -> &'static str {
    match connection {
        AnyConnection::Postgres(_) => "encode(fingerprint, 'hex')",
        AnyConnection::Sqlite(_) => "lower(hex(fingerprint))",
    }
}

fn serial_bytes(text: &str) -> Option<Vec<u8>> {
    SerialNumber::from_hex(&text.to_lowercase()).ok().map(|serial| serial.as_bytes().to_vec())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Conditions on an instant, which may be missing.
fn instants<'a>(rows: Certificates<'a>, column: &'static str, condition: &Condition) -> Certificates<'a> {
    use diesel::sql_types::BigInt;
    let column: SqlLiteral<Nullable<BigInt>> = sql(column);
    match condition {
        Condition::After(limit) => rows.filter(column.gt(Some(micros(*limit)))),
        Condition::Before(limit) => rows.filter(column.lt(Some(micros(*limit)))),
        Condition::NotBefore(limit) => rows.filter(column.ge(Some(micros(*limit)))),
        Condition::NotAfter(limit) => rows.filter(column.le(Some(micros(*limit)))),
        Condition::Empty => rows.filter(column.is_null()),
        Condition::NotEmpty => rows.filter(column.is_not_null()),
        _ => nothing(rows),
    }
}
