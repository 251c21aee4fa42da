//! Taking off what transports put around DER: PEM, Base64, and Base64 around either of them.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::ParseError;
use crate::error::SIZE_LIMIT;

/// Padding may be left out, as many clients do.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The DER inside: raw, PEM with text around it, Base64 of DER (wrapped or not), or Base64 of either text. Exactly one
/// object.
pub(crate) fn strip(what: &'static str, bytes: &[u8], labels: &[&str]) -> Result<Vec<u8>, ParseError> {
    if bytes.len() > SIZE_LIMIT {
        return Err(ParseError::TooLarge { what, size: bytes.len(), limit: SIZE_LIMIT });
    }
    if is_der(bytes) {
        return Ok(bytes.to_vec());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ParseError::new(what, "it is neither DER nor PEM nor Base64"))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(ParseError::new(what, "it is empty"));
    }
    if text.contains(BEGIN) {
        return one_block(what, text, labels);
    }
    let inner = base64(what, text)?;
    match std::str::from_utf8(&inner) {
        Ok(text) if text.contains(BEGIN) => one_block(what, text, labels),
        // What is no Base64 either is told as what it is not: DER.
        Ok(text) if !is_der(&inner) => Ok(base64(what, text).unwrap_or(inner)),
        _ => Ok(inner),
    }
}

/// Every object here is a SEQUENCE of at least 128 bytes: 30 8x. No text begins so.
fn is_der(bytes: &[u8]) -> bool {
    matches!(bytes, [0x30, 0x80..=0xff, ..])
}

fn base64(what: &'static str, text: &str) -> Result<Vec<u8>, ParseError> {
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64.decode(packed).map_err(|error| ParseError::new(what, format!("its Base64 cannot be read ({error})")))
}

fn one_block(what: &'static str, text: &str, labels: &[&str]) -> Result<Vec<u8>, ParseError> {
    let mut blocks = blocks(what, text)?;
    blocks.retain(|(label, _)| labels.contains(&label.as_str()));
    match blocks.len() {
        0 => Err(ParseError::Malformed {
            what,
            why: format!("there is no PEM block \"{}\" in it", labels[0]),
            mend: "send the block with its BEGIN and END lines",
        }),
        1 => Ok(blocks.remove(0).1),
        n => Err(ParseError::Malformed {
            what,
            why: format!("there are {n} PEM blocks \"{}\" in it", labels[0]),
            mend: "send one at a time",
        }),
    }
}

/// Every PEM block with its label, in order; text before, between and after is ignored (RFC 7468 section 2).
pub(crate) fn blocks(what: &'static str, text: &str) -> Result<Vec<(String, Vec<u8>)>, ParseError> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        let after = &rest[start + BEGIN.len()..];
        let (label, body) =
            after.split_once(DASHES).ok_or_else(|| ParseError::new(what, "its BEGIN line does not end in dashes"))?;
        if label.contains(['\n', '\r']) {
            return Err(ParseError::new(what, "its BEGIN line does not end in dashes"));
        }
        let closing = format!("{END}{label}{DASHES}");
        let end = body.find(&closing).ok_or_else(|| ParseError::new(what, format!("the line {closing} is missing")))?;
        found.push((label.to_owned(), base64(what, strip_headers(&body[..end]))?));
        rest = &body[end + closing.len()..];
    }
    Ok(found)
}

/// RFC 1421 headers ("Name: value" lines, then an empty line) may stand before the Base64.
fn strip_headers(body: &str) -> &str {
    if !body.contains(':') {
        return body;
    }
    ["\r\n\r\n", "\n\n"].iter().find_map(|gap| body.split_once(gap)).map_or(body, |(_, rest)| rest)
}

/// Strict PEM with 64 columns (RFC 7468 section 3).
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, der)
        .expect("every label here is a constant without dashes, and the length fits memory")
}

#[cfg(test)]
mod tests;
