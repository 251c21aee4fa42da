//! The `message` of a GET (RFC 8894 section 4.1), which clients write and proxies damage in many ways.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The message of the query's raw value: `+`, `/` and `=` raw or percent-encoded (macOS leaves them as they are), a blank
/// where a `+` was, the URL-safe alphabet, line breaks (sscep writes %0A), padding or none. `None` when it is no Base64.
pub fn message(raw: &str) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let byte = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                rest = after;
                let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit(*high)? << 4 | digit(*low)?
            }
            _ => *first,
        };
        match byte {
            b' ' | b'-' => text.push(b'+'),
            b'_' => text.push(b'/'),
            b'\r' | b'\n' | b'\t' => {}
            byte => text.push(byte),
        }
    }
    LENIENT.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_messages_are_repaired() {
        let bytes: Vec<u8> = (0..=255).collect();
        let plain = base64::engine::general_purpose::STANDARD.encode(&bytes);
        assert!(plain.contains('+') && plain.contains('/') && plain.ends_with('='));
        let encoded = plain.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D");
        let broken: String =
            plain.as_bytes().chunks(64).map(|l| format!("{}%0A", str::from_utf8(l).unwrap())).collect();
        for text in [
            plain.clone(),
            encoded,
            plain.replace('+', " "),
            plain.replace('+', "%20"),
            plain.trim_end_matches('=').to_owned(),
            plain.replace('+', "-").replace('/', "_"),
            broken,
        ] {
            assert_eq!(message(&text).as_deref(), Some(&bytes[..]), "{text}");
        }
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["", "====", "%", "%4", "%zz", "a*b", "%00", "ä"] {
            assert_eq!(message(text), None, "{text:?}");
        }
    }
}
