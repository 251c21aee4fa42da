//! The wire shapes of the published documents, by noun. Every required key is always written, typed; optional keys
//! without a value are left out.

pub mod acme_account;
pub mod acme_profile;
pub mod approval;
pub mod authority;
pub mod certificate;
pub mod connector;
pub mod info;
pub mod operation;
pub mod profile;
pub mod search;
pub mod user;

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};
use uuid::Uuid;

const DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+00:00");

/// `YYYY-MM-DDThh:mm:ss.SSS+00:00`, as `java.util.Date` is rendered.
pub fn date(instant: OffsetDateTime) -> String {
    instant.to_offset(UtcOffset::UTC).format(DATE).expect("a UTC instant has all parts of the format")
}

/// A JSON object and nothing else: serde alone would read a struct from an array too.
#[derive(Clone, Debug, Default)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// The inner values of an optional list of objects; absent and `null` mean none.
pub fn inner<T>(list: Option<Vec<Object<T>>>) -> Vec<T> {
    list.unwrap_or_default().into_iter().map(|Object(item)| item).collect()
}

/// `UuidDto`: what creating answers.
#[derive(Clone, Debug, Serialize)]
pub struct UuidDto {
    /// The new object.
    pub uuid: Uuid,
}

/// `NameAndUuidDto`.
#[derive(Clone, Debug, Serialize)]
pub struct NameAndUuidDto {
    /// Identifier.
    pub uuid: Uuid,
    /// Name.
    pub name: String,
}
