//! BER to definite lengths (X.690 section 8), for messages of senders that write them piece by piece.

use super::WHAT;
use crate::ParseError;
use crate::tlv::{BIT_STRING, OCTET_STRING, SEQUENCE, SET, Writer};

/// How much of a foreign message is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the whole message.
    pub size: usize,
    /// Elements within elements.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Iterations of PBKDF2 that a password recipient may ask for.
    pub iterations: u32,
}

impl Default for Limits {
    /// 64 KiB, 32 levels, 10 000 elements, 200 000 iterations.
    fn default() -> Self {
        Self { size: 64 * 1024, depth: 32, elements: 10_000, iterations: 200_000 }
    }
}

/// One BER element with every length definite and minimal, and every constructed string of a universal type in one
/// piece. The order of elements is kept, and the octets of primitive elements are not touched, so DER comes back as it
/// was, and values with BER inside them (a message within a message) wait for their own turn.
///
/// A constructed string under a context tag cannot be told from other constructed elements without knowing what it
/// is; such stay constructed, and the reader of the field joins them.
///
/// # Errors
/// [`ParseError::TooLarge`], and bytes that are no BER, are cut short, go on after the element, or exceed `limits`.
pub fn normalise(ber: &[u8], limits: &Limits) -> Result<Vec<u8>, ParseError> {
    if ber.len() > limits.size {
        return Err(ParseError::TooLarge { what: WHAT, size: ber.len(), limit: limits.size });
    }
    let mut input = ber;
    let mut out = Writer::with_capacity(ber.len());
    let mut transcoder = Transcoder { limits, elements: 0 };
    transcoder.element(&mut input, 0, &mut out)?;
    if !input.is_empty() {
        return Err(error(format!("{} bytes are left after its end", input.len())));
    }
    Ok(out.finish())
}

fn error(why: impl Into<String>) -> ParseError {
    ParseError::new(WHAT, why)
}

struct Transcoder<'l> {
    limits: &'l Limits,
    elements: usize,
}

/// Identifier and length octets; no length is indefinite.
struct Header {
    tag: u8,
    length: Option<usize>,
}

/// What is done with each element of a constructed one; it takes the element off the input.
type Each<'e, T> = dyn FnMut(&mut T, &mut &[u8]) -> Result<(), ParseError> + 'e;

const CONSTRUCTED: u8 = 0x20;
const END_OF_CONTENTS: [u8; 2] = [0, 0];

impl Transcoder<'_> {
    fn header(&mut self, input: &mut &[u8], depth: usize) -> Result<Header, ParseError> {
        if depth > self.limits.depth {
            return Err(error(format!("its elements are nested more than {} deep", self.limits.depth)));
        }
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(error(format!("it has more than {} elements", self.limits.elements)));
        }
        let &[tag, first, ref rest @ ..] = *input else {
            return Err(error("it ends where another element must come"));
        };
        if tag & 0x1f == 0x1f {
            return Err(error("it has a tag number above 30"));
        }
        if tag == 0 {
            return Err(error("it has an end of contents where an element must come"));
        }
        *input = rest;
        let length = match first {
            0..0x80 => Some(usize::from(first)),
            0x80 if tag & CONSTRUCTED == 0 => return Err(error("a primitive element has an indefinite length")),
            0x80 => None,
            0xff => return Err(error("it has a length of the reserved form FF")),
            _ => Some(long_length(input, usize::from(first & 0x7f))?),
        };
        if length.is_some_and(|length| length > input.len()) {
            return Err(error("an element is longer than what holds it"));
        }
        Ok(Header { tag, length })
    }

    fn element(&mut self, input: &mut &[u8], depth: usize, out: &mut Writer) -> Result<(), ParseError> {
        let Header { tag, length } = self.header(input, depth)?;
        if tag & CONSTRUCTED == 0 {
            out.value(tag, take(input, length.unwrap_or_default()));
            return Ok(());
        }
        if let Some(primitive) = string(tag) {
            let mut joined = Joined::default();
            self.contents(input, length, &mut |this, input| this.piece(input, depth + 1, primitive, &mut joined))?;
            out.value(primitive, &joined.finish(primitive));
            return Ok(());
        }
        let mut result = Ok(());
        out.nest(tag, |out| {
            result = self.contents(input, length, &mut |this, input| this.element(input, depth + 1, out));
        });
        result
    }

    /// One piece of a constructed string, which may be in pieces itself (X.690 section 8.7.3).
    fn piece(&mut self, input: &mut &[u8], depth: usize, string: u8, joined: &mut Joined) -> Result<(), ParseError> {
        let Header { tag, length } = self.header(input, depth)?;
        let kind = tag & !CONSTRUCTED;
        // X.690 section 8.23: the pieces of a character string are octet strings.
        if kind != string && (kind != OCTET_STRING || string == BIT_STRING) {
            return Err(error(format!("a string of tag {string:#04x} has a piece of tag {tag:#04x}")));
        }
        if tag & CONSTRUCTED == 0 {
            return joined.push(string, take(input, length.unwrap_or_default()));
        }
        self.contents(input, length, &mut |this, input| this.piece(input, depth + 1, string, joined))
    }

    /// What is inside a constructed element, up to its length or its end of contents.
    fn contents(
        &mut self,
        input: &mut &[u8],
        length: Option<usize>,
        each: &mut Each<'_, Self>,
    ) -> Result<(), ParseError> {
        if let Some(length) = length {
            let mut inner = take(input, length);
            while !inner.is_empty() {
                each(self, &mut inner)?;
            }
            return Ok(());
        }
        while !input.starts_with(&END_OF_CONTENTS) {
            each(self, input)?;
        }
        take(input, END_OF_CONTENTS.len());
        Ok(())
    }
}

/// At most four octets that count; zeros may lead (X.690 section 8.1.3.5).
fn long_length(input: &mut &[u8], count: usize) -> Result<usize, ParseError> {
    if count > input.len() {
        return Err(error("it ends inside a length"));
    }
    let digits = take(input, count);
    let zeros = digits.iter().take_while(|&&digit| digit == 0).count();
    if count - zeros > 4 {
        return Err(error("it has a length above four bytes"));
    }
    Ok(digits[zeros..].iter().fold(0, |sum, &digit| sum << 8 | usize::from(digit)))
}

/// The length was checked to be there.
fn take<'a>(input: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(length.min(input.len()));
    *input = rest;
    taken
}

/// The primitive tag of a constructed string of a universal type.
fn string(tag: u8) -> Option<u8> {
    const CHARACTERS: [u8; 13] = [0x0c, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1e];
    if tag == SEQUENCE || tag == SET || tag & 0xc0 != 0 {
        return None;
    }
    let primitive = tag & !CONSTRUCTED;
    (primitive == OCTET_STRING || primitive == BIT_STRING || CHARACTERS.contains(&primitive)).then_some(primitive)
}

/// The pieces of a string put together.
#[derive(Default)]
struct Joined {
    octets: Vec<u8>,
    /// Bits of the last octet that do not count (BIT STRING only).
    unused: u8,
}

impl Joined {
    fn push(&mut self, string: u8, piece: &[u8]) -> Result<(), ParseError> {
        if string != BIT_STRING {
            self.octets.extend_from_slice(piece);
            return Ok(());
        }
        let [unused @ 0..=7, bits @ ..] = piece else {
            return Err(error("a piece of a bit string has no count of unused bits"));
        };
        if self.unused != 0 {
            return Err(error("a piece of a bit string that is not the last has unused bits"));
        }
        self.unused = *unused;
        self.octets.extend_from_slice(bits);
        Ok(())
    }

    fn finish(mut self, string: u8) -> Vec<u8> {
        if string == BIT_STRING {
            self.octets.insert(0, self.unused);
        }
        self.octets
    }
}

#[cfg(test)]
mod tests;
