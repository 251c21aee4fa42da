//! RFC 4514, both ways.

use std::iter::Peekable;
use std::str::Chars;

use const_oid::ObjectIdentifier;

use super::attribute::{AttributeKind, is_one_element};
use super::{Draft, Name, NameAttribute};
use crate::NameError;
use crate::serial::unhex;

/// The most specific RDN first, each attribute by its short name or object identifier.
pub(super) fn display(name: &Name) -> String {
    let rdn = |rdn: &Vec<NameAttribute>| {
        let parts = rdn.iter().map(|attribute| {
            let label = attribute.kind().map_or_else(|| attribute.oid.to_string(), |kind| kind.name().to_owned());
            let value = if attribute.is_text { escape(&attribute.value) } else { attribute.value.clone() };
            format!("{label}={value}")
        });
        parts.collect::<Vec<_>>().join("+")
    };
    name.rdns().iter().rev().map(rdn).collect::<Vec<_>>().join(",")
}

/// RFC 4514 section 2.4.
fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.extend(['\\', c]),
            ' ' if at == 0 || at == last => out.push_str("\\ "),
            '#' if at == 0 => out.push_str("\\#"),
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    out.push_str(&format!("\\{byte:02X}"));
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// Order and types as in the DER, values prepared after RFC 4518.
pub(super) fn normalised(name: &Name) -> String {
    let rdn = |rdn: &Vec<NameAttribute>| {
        let mut parts: Vec<String> = rdn
            .iter()
            .map(|attribute| {
                let value =
                    if attribute.is_text { escape(&prepare(&attribute.value)) } else { attribute.value.clone() };
                format!("{}={value}", attribute.oid)
            })
            .collect();
        parts.sort();
        parts.join("+")
    };
    name.rdns().iter().map(rdn).collect::<Vec<_>>().join(",")
}

/// RFC 4518 section 2: map to nothing or to space (2.2), fold case, squeeze spaces (2.6.1).
fn prepare(value: &str) -> String {
    let ignored = |c: &char| {
        matches!(c, '\u{ad}' | '\u{34f}' | '\u{1806}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{fffc}')
            || (c.is_control() && !c.is_whitespace())
    };
    let mapped: String = value.chars().filter(|c| !ignored(c)).collect();
    let words: Vec<&str> = mapped.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// The RDNs in the order of the DER.
pub(super) fn parse(text: &str) -> Result<Vec<Vec<(ObjectIdentifier, Draft)>>, NameError> {
    let mut cursor = Cursor { rest: text.chars().peekable(), position: 1 };
    cursor.spaces();
    let mut rdns = Vec::new();
    if cursor.rest.peek().is_none() {
        return Ok(rdns);
    }
    let mut rdn = Vec::new();
    loop {
        let oid = cursor.kind()?;
        rdn.push((oid, cursor.value()?));
        match cursor.next() {
            Some('+') => {}
            Some(_) => rdns.push(std::mem::take(&mut rdn)),
            None => break,
        }
    }
    rdns.push(rdn);
    rdns.reverse();
    Ok(rdns)
}

struct Cursor<'a> {
    rest: Peekable<Chars<'a>>,
    position: usize,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.next();
        self.position += usize::from(c.is_some());
        c
    }

    fn fault<T>(&self, why: impl Into<String>) -> Result<T, NameError> {
        Err(NameError::Text { position: self.position, why: why.into() })
    }

    fn spaces(&mut self) {
        while self.rest.peek() == Some(&' ') {
            self.next();
        }
    }

    /// An attribute type with its equals sign.
    fn kind(&mut self) -> Result<ObjectIdentifier, NameError> {
        self.spaces();
        let mut label = String::new();
        while let Some(&c) = self.rest.peek() {
            if !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.')) {
                break;
            }
            label.push(c);
            self.next();
        }
        self.spaces();
        if self.rest.peek() != Some(&'=') {
            return self.fault("an attribute type and '=' must stand here");
        }
        let known = AttributeKind::by_name(&label).map(AttributeKind::oid);
        let dots = || ObjectIdentifier::new(label.strip_prefix("OID.").unwrap_or(&label)).ok();
        let Some(oid) = known.or_else(dots) else {
            return self.fault(format!("the attribute type {label:?} is not known; write its object identifier"));
        };
        self.next();
        Ok(oid)
    }

    /// A value up to an unescaped separator, which stays.
    fn value(&mut self) -> Result<Draft, NameError> {
        self.spaces();
        if self.rest.peek() == Some(&'#') {
            return self.der();
        }
        // Bytes, for escapes may be pieces of UTF-8; unescaped spaces at the end do not count.
        let mut bytes = Vec::new();
        let mut end = 0;
        while let Some(&c) = self.rest.peek() {
            match c {
                ',' | ';' | '+' => break,
                '"' | '<' | '>' | '\0' => return self.fault(format!("{c:?} must be escaped by a backslash")),
                '\\' => {
                    self.next();
                    bytes.push(self.escaped()?);
                    end = bytes.len();
                }
                c => {
                    self.next();
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    if c != ' ' {
                        end = bytes.len();
                    }
                }
            }
        }
        bytes.truncate(end);
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Draft::Text(text)),
            Err(_) => self.fault("the escaped bytes before it are not UTF-8"),
        }
    }

    fn escaped(&mut self) -> Result<u8, NameError> {
        match self.next() {
            Some(c @ ('"' | '+' | ',' | ';' | '<' | '>' | '\\' | ' ' | '#' | '=')) => Ok(c as u8),
            Some(high) if high.is_ascii_hexdigit() => {
                match self.next().and_then(|low| unhex(&format!("{high}{low}"))) {
                    Some(byte) => Ok(byte[0]),
                    None => self.fault("a backslash needs two hexadecimal digits"),
                }
            }
            _ => self.fault("this character cannot be escaped by a backslash"),
        }
    }

    fn der(&mut self) -> Result<Draft, NameError> {
        self.next();
        let mut digits = String::new();
        while let Some(&c) = self.rest.peek() {
            if !c.is_ascii_hexdigit() {
                break;
            }
            digits.push(c);
            self.next();
        }
        self.spaces();
        if !matches!(self.rest.peek(), None | Some(',' | ';' | '+')) {
            return self.fault("after '#' only hexadecimal digits may stand; escape a '#' that is part of the value");
        }
        match unhex(&digits).filter(|der| is_one_element(der)) {
            Some(der) => Ok(Draft::Der(der)),
            None => self.fault("the hexadecimal digits before it are not one DER value"),
        }
    }
}
