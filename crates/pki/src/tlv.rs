//! Reading of foreign DER, slice by slice, and writing of the few things that x509-cert has no type for.
//!
//! Requests, certificates and lists are read here and not by x509-cert's types, which own a decoded copy and can only
//! encode it again: a signature is checked over the bytes as received, a certificate is stored and handed on as
//! received, and what a slightly careless sender wrote (`critical FALSE` spelled out, attributes of an RDN out of order)
//! must survive. Errors here name the part and the rule, for the person who has to mend it.
//!
//! The reader refuses what DER forbids in lengths and integers (indefinite or longer than needed, X.690 section 10.1)
//! and bounds depth by never recursing on its own.

use const_oid::ObjectIdentifier;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use crate::ParseError;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const NUMERIC_STRING: u8 = 0x12;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const TELETEX_STRING: u8 = 0x14;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const VISIBLE_STRING: u8 = 0x1a;
pub(crate) const UNIVERSAL_STRING: u8 = 0x1c;
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// `[number]`, primitive.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// `[number]`, constructed.
pub(crate) const fn constructed(number: u8) -> u8 {
    0xa0 | number
}

/// One element as received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tlv<'a> {
    pub tag: u8,
    pub value: &'a [u8],
    /// Tag, length and value.
    pub raw: &'a [u8],
}

/// Walks over the elements of one constructed value.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { rest: bytes, what }
    }

    pub fn error(&self, why: impl Into<String>) -> ParseError {
        ParseError::new(self.what, why)
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What is left to read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The tag that comes next.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever it is.
    pub fn any(&mut self) -> Result<Tlv<'a>, ParseError> {
        let bytes = self.rest;
        let [tag, first, ..] = *bytes else {
            return Err(self.error("it ends where another element must come"));
        };
        if tag & 0x1f == 0x1f {
            return Err(self.error("it has a tag number above 30"));
        }
        let (length, header) = match first {
            0..0x80 => (usize::from(first), 2),
            0x80 => return Err(self.error("it has an indefinite length, which is BER and not DER")),
            0x81..=0x84 => {
                let count = usize::from(first & 0x7f);
                let Some(digits) = bytes.get(2..2 + count) else {
                    return Err(self.error("it ends inside a length"));
                };
                let length = digits.iter().fold(0usize, |sum, &digit| sum << 8 | usize::from(digit));
                if digits[0] == 0 || length < 0x80 {
                    return Err(self.error("it has a length longer than needed, which is BER and not DER"));
                }
                (length, 2 + count)
            }
            _ => return Err(self.error("it has a length above four bytes")),
        };
        let Some(end) = header.checked_add(length).filter(|&end| end <= bytes.len()) else {
            return Err(self.error("an element is longer than what holds it"));
        };
        let (raw, rest) = bytes.split_at(end);
        self.rest = rest;
        Ok(Tlv { tag, value: &raw[header..], raw })
    }

    /// The next element, which must have this tag.
    pub fn expect(&mut self, tag: u8, name: &str) -> Result<Tlv<'a>, ParseError> {
        match self.peek() {
            None => Err(self.error(format!("the {name} is missing"))),
            Some(other) if other != tag => {
                Err(self.error(format!("where the {name} must be (tag {tag:#04x}) there is tag {other:#04x}")))
            }
            Some(_) => self.any(),
        }
    }

    /// The next element if it has this tag.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, ParseError> {
        if self.peek() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// Into the next element, which must be constructed with this tag.
    pub fn enter(&mut self, tag: u8, name: &str) -> Result<Reader<'a>, ParseError> {
        Ok(Reader::new(self.what, self.expect(tag, name)?.value))
    }

    /// Nothing may be left.
    pub fn end(&self) -> Result<(), ParseError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.error(format!("{} bytes are left after its end", self.rest.len())))
        }
    }

    pub fn oid(&mut self, name: &str) -> Result<ObjectIdentifier, ParseError> {
        let value = self.expect(OID, name)?.value;
        ObjectIdentifier::from_bytes(value)
            .map_err(|_| self.error(format!("the {name} is no object identifier, or one longer than 39 bytes")))
    }

    pub fn boolean(&mut self, name: &str) -> Result<bool, ParseError> {
        match self.expect(BOOLEAN, name)?.value {
            [0x00] => Ok(false),
            [0xff] => Ok(true),
            _ => Err(self.error(format!("the {name} is neither 00 nor FF"))),
        }
    }

    /// The content octets of a minimal INTEGER.
    pub fn integer(&mut self, name: &str) -> Result<&'a [u8], ParseError> {
        let value = self.expect(INTEGER, name)?.value;
        match *value {
            [] => Err(self.error(format!("the {name} is an empty integer"))),
            [0, next, ..] if next < 0x80 => Err(self.error(format!("the {name} is an integer longer than needed"))),
            [0xff, next, ..] if next >= 0x80 => Err(self.error(format!("the {name} is an integer longer than needed"))),
            _ => Ok(value),
        }
    }

    /// The magnitude of an INTEGER that must not be negative; empty for zero.
    pub fn unsigned(&mut self, name: &str) -> Result<&'a [u8], ParseError> {
        let value = self.integer(name)?;
        match value {
            [first, ..] if *first >= 0x80 => Err(self.error(format!("the {name} is negative"))),
            [0, rest @ ..] => Ok(rest),
            _ => Ok(value),
        }
    }

    /// A small non-negative INTEGER.
    pub fn small(&mut self, name: &str) -> Result<u32, ParseError> {
        let magnitude = self.unsigned(name)?;
        if magnitude.len() > 4 {
            return Err(self.error(format!("the {name} is too large")));
        }
        Ok(magnitude.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
    }

    /// The octets of a BIT STRING without unused bits.
    pub fn bit_string(&mut self, name: &str) -> Result<&'a [u8], ParseError> {
        match self.expect(BIT_STRING, name)?.value {
            [0, bits @ ..] => Ok(bits),
            _ => Err(self.error(format!("the {name} is not a whole number of octets"))),
        }
    }

    /// A UTCTime or GeneralizedTime in the form of RFC 5280 section 4.1.2.5: UTC, whole seconds.
    pub fn time(&mut self, name: &str) -> Result<OffsetDateTime, ParseError> {
        let tlv = self.any()?;
        if tlv.tag != UTC_TIME && tlv.tag != GENERALIZED_TIME {
            return Err(self.error(format!("the {name} is not a time")));
        }
        parse_time(&tlv).ok_or_else(|| self.error(format!("the {name} is not a UTC time of whole seconds")))
    }
}

/// One element that is all of the bytes.
pub(crate) fn whole<'a>(what: &'static str, bytes: &'a [u8], tag: u8) -> Result<Reader<'a>, ParseError> {
    let mut outer = Reader::new(what, bytes);
    let inner = outer.enter(tag, "outer element")?;
    outer.end()?;
    Ok(inner)
}

fn parse_time(tlv: &Tlv<'_>) -> Option<OffsetDateTime> {
    let text = std::str::from_utf8(tlv.value).ok()?.strip_suffix('Z')?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match (tlv.tag, text.len()) {
        (UTC_TIME, 12) => {
            let short: i32 = text[..2].parse().ok()?;
            (if short >= 50 { 1900 + short } else { 2000 + short }, &text[2..])
        }
        (GENERALIZED_TIME, 14) => (text[..4].parse().ok()?, &text[4..]),
        _ => return None,
    };
    let pair = |at: usize| rest[at..at + 2].parse::<u8>().ok();
    let date = Date::from_calendar_date(year, Month::try_from(pair(0)?).ok()?, pair(2)?).ok()?;
    let time = Time::from_hms(pair(4)?, pair(6)?, pair(8)?).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc())
}

/// Appends DER.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes) }
    }

    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Bytes that are DER already.
    pub fn raw(&mut self, der: &[u8]) -> &mut Self {
        self.out.extend_from_slice(der);
        self
    }

    /// A primitive element.
    pub fn value(&mut self, tag: u8, value: &[u8]) -> &mut Self {
        self.out.push(tag);
        push_length(&mut self.out, value.len());
        self.out.extend_from_slice(value);
        self
    }

    /// A constructed element around what `inner` writes.
    pub fn nest(&mut self, tag: u8, inner: impl FnOnce(&mut Self)) -> &mut Self {
        self.out.push(tag);
        self.close_after(inner);
        self
    }

    /// A BIT STRING without unused bits around what `inner` writes.
    pub fn bits(&mut self, bits: &[u8]) -> &mut Self {
        self.out.push(BIT_STRING);
        push_length(&mut self.out, bits.len() + 1);
        self.out.push(0);
        self.out.extend_from_slice(bits);
        self
    }

    pub fn oid(&mut self, oid: &ObjectIdentifier) -> &mut Self {
        self.value(OID, oid.as_bytes())
    }

    /// A non-negative INTEGER from its magnitude.
    pub fn unsigned(&mut self, magnitude: &[u8]) -> &mut Self {
        let zeros = magnitude.iter().take_while(|&&byte| byte == 0).count();
        let digits = &magnitude[zeros..];
        let pad = digits.first().is_none_or(|&first| first >= 0x80);
        self.out.push(INTEGER);
        push_length(&mut self.out, digits.len() + usize::from(pad));
        if pad {
            self.out.push(0);
        }
        self.out.extend_from_slice(digits);
        self
    }

    /// RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime outside of 1950-2049.
    pub fn time(&mut self, at: OffsetDateTime) -> &mut Self {
        let at = at.to_offset(time::UtcOffset::UTC);
        if (1950..2050).contains(&at.year()) {
            self.digits(UTC_TIME, at, at.year() % 100, 2)
        } else {
            self.generalized_time(at)
        }
    }

    /// GeneralizedTime whatever the year (RFC 5280 section 5.3.2).
    pub fn generalized_time(&mut self, at: OffsetDateTime) -> &mut Self {
        let at = at.to_offset(time::UtcOffset::UTC);
        self.digits(GENERALIZED_TIME, at, at.year(), 4)
    }

    fn digits(&mut self, tag: u8, at: OffsetDateTime, year: i32, width: u8) -> &mut Self {
        self.out.push(tag);
        self.out.push(width + 11);
        let mut power = 10i32.pow(u32::from(width) - 1);
        while power > 0 {
            // A year outside 0-9999 is refused by `Validity` and the CRL template.
            self.out.push(b'0' + u8::try_from(year.unsigned_abs() / power.unsigned_abs() % 10).unwrap_or(0));
            power /= 10;
        }
        for part in [u8::from(at.month()), at.day(), at.hour(), at.minute(), at.second()] {
            self.out.push(b'0' + part / 10);
            self.out.push(b'0' + part % 10);
        }
        self.out.push(b'Z');
        self
    }

    fn close_after(&mut self, inner: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.out.push(0);
        inner(self);
        let length = self.out.len() - start - 1;
        if length < 0x80 {
            // Below 0x80, so the cast loses nothing.
            self.out[start] = length as u8;
            return;
        }
        let mut header = Vec::with_capacity(5);
        push_length(&mut header, length);
        self.out.splice(start..=start, header);
    }
}

/// The length octets of DER.
pub(crate) fn push_length(out: &mut Vec<u8>, length: usize) {
    if length < 0x80 {
        out.push(length as u8);
        return;
    }
    let digits = length.to_be_bytes();
    let digits = &digits[length.leading_zeros() as usize / 8..];
    out.push(0x80 | digits.len() as u8);
    out.extend_from_slice(digits);
}

/// One element from its parts.
#[cfg(test)]
pub(crate) fn encode(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut writer = Writer::with_capacity(value.len() + 6);
    writer.value(tag, value);
    writer.finish()
}

/// The value of one element that is all of the bytes.
pub(crate) fn whole_value<'a>(what: &'static str, bytes: &'a [u8], tag: u8) -> Result<&'a [u8], ParseError> {
    let mut outer = Reader::new(what, bytes);
    let value = outer.expect(tag, "value")?.value;
    outer.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests;
