//! The query: `operation` and `message`.

use chancery_scep::decode_message;

use crate::answer::Refusal;

/// What is asked for (RFC 8894 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    GetCaCaps,
    GetCaCert,
    GetNextCaCert,
    Message,
}

/// The raw values of a parameter.
fn values<'a>(query: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A POST may leave the operation out, as some clients do; it has but one. Case is passed over.
pub(crate) fn operation(query: &str, posted: bool) -> Result<Operation, Refusal> {
    let mut named = values(query, "operation");
    let known = |text: &str| {
        [
            ("GetCACaps", Operation::GetCaCaps),
            ("GetCACert", Operation::GetCaCert),
            ("GetNextCACert", Operation::GetNextCaCert),
            ("PKIOperation", Operation::Message),
        ]
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, operation)| operation)
    };
    match (named.next(), named.next()) {
        (None, _) if posted => Ok(Operation::Message),
        (None, _) => Err(Refusal::operation("the query has no operation")),
        (Some(_), Some(_)) => Err(Refusal::operation("the query has several operations")),
        (Some(text), None) => known(text).ok_or_else(|| Refusal::operation("the query's operation is not known")),
    }
}

/// The message of a GET; in a query, `&` ends it and everything else may be damaged.
pub(crate) fn message(query: &str) -> Result<Vec<u8>, Refusal> {
    let mut sent = values(query, "message");
    match (sent.next().and_then(decode_message), sent.next()) {
        (Some(message), None) => Ok(message),
        _ => Err(Refusal::operation("the query's message is missing, there twice, or no Base64")),
    }
}
