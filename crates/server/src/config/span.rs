//! Durations and sizes as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A length of time: `10 s`, `1 h 30 min`, `90 d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

/// Unit names, the first of each length being the one that is written.
const UNITS: [(&str, u64); 16] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("min", 60_000),
    ("s", 1000),
    ("ms", 1),
    ("years", 365 * 86_400_000),
    ("year", 365 * 86_400_000),
    ("weeks", 7 * 86_400_000),
    ("days", 86_400_000),
    ("day", 86_400_000),
    ("hours", 3_600_000),
    ("m", 60_000),
    ("minutes", 60_000),
    ("seconds", 1000),
];

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a duration: write a number and a unit (ms, s, min, h, d, w, y), for example \"90 d\""
            )
        };
        let mut rest = text.trim();
        let mut millis: u64 = 0;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let (number, after) = split(rest, |c: char| c.is_ascii_digit());
            let (unit, after) = split(after.trim_start(), |c: char| c.is_ascii_alphabetic());
            let number: u64 = number.parse().map_err(|_| wrong())?;
            let (_, length) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            millis = number.checked_mul(*length).and_then(|add| millis.checked_add(add)).ok_or_else(wrong)?;
            rest = after.trim_start();
        }
        // A thousand years: beyond it the arithmetic on dates fails, and so does reason.
        if millis > 1000 * UNITS[0].1 {
            return Err(format!("{text:?} is longer than a thousand years"));
        }
        Ok(Self(Duration::from_millis(millis)))
    }
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        // Weeks are read and not written: 60 d says more than 8 w 4 d.
        let exact = UNITS.iter().take(7).filter(|(name, _)| *name != "w");
        match exact.into_iter().find(|(_, length)| millis >= *length && millis.is_multiple_of(*length)) {
            Some((name, length)) => write!(f, "{} {name}", millis / length),
            None => f.write_str("0 s"),
        }
    }
}

impl Span {
    /// The same for arithmetic on dates.
    pub fn signed(self) -> time::Duration {
        time::Duration::try_from(self.0).expect("a span is at most a thousand years")
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}
