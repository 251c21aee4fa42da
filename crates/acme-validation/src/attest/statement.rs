//! The attestation object of WebAuthn (section 6.5), as far as device-attest-01 uses it: CBOR (RFC 8949).

use ciborium::Value;

use super::Wrong;

/// Nesting of a statement; real ones have three levels.
const DEEPEST: usize = 8;
/// Real chains have at most five.
const LONGEST_CHAIN: usize = 8;

/// Format and statement. Everything else of the object (authData) is ignored, as the draft says.
pub(crate) struct Statement {
    format: String,
    members: Vec<(Value, Value)>,
}

impl Statement {
    pub fn parse(object: &[u8]) -> Result<Self, Wrong> {
        let Value::Map(outer) = read(object, "the attestation object")? else {
            return Err("the attestation object is no map".to_owned());
        };
        let Some(Value::Text(format)) = member(&outer, "fmt")? else {
            return Err("the attestation object has no fmt, a text".to_owned());
        };
        let Some(Value::Map(members)) = member(&outer, "attStmt")? else {
            return Err("the attestation object has no attStmt, a map".to_owned());
        };
        Ok(Self { format: format.chars().take(32).collect(), members: members.clone() })
    }

    pub fn format(&self) -> &str {
        &self.format
    }

    pub fn bytes(&self, name: &'static str) -> Result<&[u8], Wrong> {
        match member(&self.members, name)? {
            Some(Value::Bytes(bytes)) => Ok(bytes),
            _ => Err(format!("attStmt has no {name}, a byte string")),
        }
    }

    pub fn text(&self, name: &'static str) -> Result<&str, Wrong> {
        match member(&self.members, name)? {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(format!("attStmt has no {name}, a text")),
        }
    }

    /// A COSE algorithm identifier.
    pub fn integer(&self, name: &'static str) -> Result<i64, Wrong> {
        match member(&self.members, name)? {
            Some(Value::Integer(number)) => {
                i64::try_from(*number).map_err(|_| format!("{name} of attStmt is out of range"))
            }
            _ => Err(format!("attStmt has no {name}, an integer")),
        }
    }

    /// The certificates of `x5c`, the attested key's or attesting key's first.
    pub fn chain(&self) -> Result<Vec<&[u8]>, Wrong> {
        let wrong = || format!("attStmt has no x5c, a list of 1 to {LONGEST_CHAIN} byte strings");
        let Some(Value::Array(list)) = member(&self.members, "x5c")? else { return Err(wrong()) };
        if list.is_empty() || list.len() > LONGEST_CHAIN {
            return Err(wrong());
        }
        list.iter().map(|item| item.as_bytes().map(Vec::as_slice).ok_or_else(wrong)).collect()
    }
}

/// One CBOR item, and nothing behind it.
pub(crate) fn read(mut bytes: &[u8], what: &str) -> Result<Value, Wrong> {
    let value = ciborium::de::from_reader_with_recursion_limit(&mut bytes, DEEPEST);
    let value = value.map_err(|_| format!("{what} is no well-formed CBOR of at most {DEEPEST} levels"))?;
    if bytes.is_empty() { Ok(value) } else { Err(format!("{what} has {} bytes behind its end", bytes.len())) }
}

/// RFC 8949 section 5.6: a key that comes twice makes a map invalid, and is not left to chance.
fn member<'a>(map: &'a [(Value, Value)], name: &str) -> Result<Option<&'a Value>, Wrong> {
    let mut found = map.iter().filter(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value);
    let first = found.next();
    if found.next().is_some() { Err(format!("{name} comes twice")) } else { Ok(first) }
}
