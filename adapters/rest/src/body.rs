//! JSON bodies, read strictly: UTF-8, no byte order mark, no key twice, no deep nesting, nothing behind the end.

use std::collections::HashSet;
use std::fmt;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use serde::Deserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::Error;

/// Largest body in bytes.
pub(crate) const LIMIT: usize = 1024 * 1024;
/// Deepest nesting of arrays and objects.
const DEPTH: usize = 32;

/// Read and decode a body.
pub(crate) async fn read<T: DeserializeOwned>(request: &HttpRequest, payload: Payload) -> Result<T, Error> {
    media_type(request)?;
    decode(&bytes(request, payload).await?)
}

/// A missing type is taken for JSON, as several hand-written clients leave it out; another one is refused.
fn media_type(request: &HttpRequest) -> Result<(), Error> {
    let Some(header) = request.headers().get(CONTENT_TYPE) else { return Ok(()) };
    let text = String::from_utf8_lossy(header.as_bytes()).to_ascii_lowercase();
    let kind = text.split(';').next().unwrap_or_default().trim();
    if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) {
        return Ok(());
    }
    let shown: String = kind.chars().filter(|c| !c.is_control()).take(100).collect();
    Err(Error::MediaType(shown))
}

async fn bytes(request: &HttpRequest, payload: Payload) -> Result<Bytes, Error> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > LIMIT) {
        return Err(Error::TooLarge { limit: LIMIT });
    }
    let mut request_payload = payload;
    let payload = actix_web::web::Payload::from_request(request, &mut request_payload)
        .await
        .map_err(|_| Error::malformed("the body broke off"))?;
    match payload.to_bytes_limited(LIMIT).await {
        Err(_) => Err(Error::TooLarge { limit: LIMIT }),
        Ok(Err(error)) => Err(match error.as_error::<PayloadError>() {
            Some(PayloadError::Io(io)) if io.kind() == std::io::ErrorKind::TimedOut => Error::Slow,
            _ => Error::malformed("the body broke off"),
        }),
        Ok(Ok(bytes)) => Ok(bytes),
    }
}

/// Decode JSON text.
pub(crate) fn decode<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    if text.is_empty() {
        return Err(Error::malformed("the body is empty; a JSON document is expected"));
    }
    if text.starts_with(&[0xef, 0xbb, 0xbf]) || text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff]) {
        return Err(Error::malformed(
            "the body begins with a byte order mark; send plain UTF-8 (RFC 8259 section 8.1)",
        ));
    }
    let mut strict = serde_json::Deserializer::from_slice(text);
    Strict { depth: 0 }.deserialize(&mut strict).and_then(|()| strict.end()).map_err(unreadable)?;
    serde_json::from_slice(text).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::malformed(format!("the body cannot be read as the expected JSON: {error}"))
}

/// Walks a document without keeping it, and refuses what readers are known to disagree about.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH {
            return Err(E::custom(format_args!("nested deeper than {DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON document")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        while items.next_element_seed(deeper)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let deeper = self.deeper()?;
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            entries.next_value_seed(deeper)?;
            if let Some(twice) = seen.replace(key) {
                return Err(A::Error::custom(format_args!("the key {twice:?} stands twice in one object")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
