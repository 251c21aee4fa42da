//! JSON from outside, read strictly: no member twice, no deep nesting, and faults told with what and where.

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::{Problem, ProblemType};

/// Deepest nesting: ACME's own objects need five.
const DEPTH: u8 = 16;

/// A JSON text as a value.
///
/// # Errors
/// `malformed`: not JSON in UTF-8, a member twice in an object, nested too deep, or something behind it. `what` names the
/// text in the fault.
pub(crate) fn value(what: &str, text: &[u8]) -> Result<Value, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict { depth: DEPTH }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|fault| malformed(what, &fault.to_string()))
}

/// A JSON text as what it must be.
///
/// # Errors
/// As [`value`]; and a member that is missing or of another type, with its place.
pub(crate) fn read<T: DeserializeOwned>(what: &str, text: &[u8]) -> Result<T, Problem> {
    shape(what, value(what, text)?)
}

/// A value as what it must be.
///
/// # Errors
/// `malformed`: a member that is missing or of another type, with its place.
pub(crate) fn shape<T: DeserializeOwned>(what: &str, value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|fault| {
        let place = fault.path().to_string();
        let place = if place == "." { String::new() } else { format!(" at {place}") };
        malformed(&format!("{what}{place}"), &fault.inner().to_string())
    })
}

fn malformed(what: &str, why: &str) -> Problem {
    Problem::new(ProblemType::Malformed, format!("{what} cannot be read: {}", crate::problem::shown(why)))
}

#[derive(Clone, Copy)]
struct Strict {
    depth: u8,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1);
        depth.map(|depth| Self { depth }).ok_or_else(|| E::custom(format!("nested deeper than {DEPTH} levels")))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("the member {name:?} is there twice")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;
