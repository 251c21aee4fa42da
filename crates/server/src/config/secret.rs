//! Values that are read and never shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands in the place of a secret.
const HIDDEN: &str = "(hidden)";

/// A secret text; the empty text is none.
#[derive(Clone, Default)]
pub struct Secret(Option<SecretString>);

impl Secret {
    /// The secret, when one is set.
    pub fn get(&self) -> Option<&SecretString> {
        self.0.as_ref()
    }

    /// Whether one is set.
    pub fn is_set(&self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { HIDDEN } else { "(none)" })
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.get().map(ExposeSecret::expose_secret) == other.get().map(ExposeSecret::expose_secret)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self(Some(text).filter(|text| !text.is_empty()).map(SecretString::from)))
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.is_set() { HIDDEN } else { "" })
    }
}

/// A database URL, whose password is never shown. The empty text is none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DatabaseUrl(Option<String>);

impl DatabaseUrl {
    /// The whole URL with its password, when one is set.
    pub fn get(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// This URL.
    pub fn of(url: impl Into<String>) -> Self {
        Self(Some(url.into()).filter(|url| !url.is_empty()))
    }

    /// Whether a password is written in it.
    pub fn has_password(&self) -> bool {
        self.get().is_some_and(|url| shown(url) != url)
    }
}

/// A database URL without its password, for people, logs and `ready.json`. A password that should have been
/// percent-encoded and was not may hold anything, so the last `@` ends it, wherever that stands: rather too much is
/// hidden than too little.
pub fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        // No URL: what is a password in it cannot be told.
        return if url.contains(['@', '=']) { HIDDEN.to_owned() } else { url.to_owned() };
    };
    if scheme == "sqlite" {
        return url.to_owned();
    }
    let hidden = rest.rsplit_once('@').and_then(|(user, tail)| {
        let (name, password) = user.split_once(':')?;
        // The `@` belongs to a password parameter: what follows it does too.
        let tail = match password.contains(['?', '&']) && names_password(password) {
            true => tail.find('&').map_or("", |end| &tail[end..]),
            false => tail,
        };
        Some(format!("{name}:***@{tail}"))
    });
    let rest = hidden.as_deref().unwrap_or(rest);
    // libpq takes the password as a parameter too.
    let Some((place, query)) = rest.split_once('?') else { return format!("{scheme}://{rest}") };
    let query: Vec<_> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            // An encoded name may spell anything.
            Some((key, _)) if names_password(key) || key.contains('%') => format!("{key}=***"),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{scheme}://{place}?{}", query.join("&"))
}

fn names_password(text: &str) -> bool {
    text.to_ascii_lowercase().contains("password")
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(self.get().unwrap_or_default()))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(String::deserialize(deserializer)?))
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
