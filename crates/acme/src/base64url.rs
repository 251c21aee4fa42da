//! RFC 4648 section 5, as RFC 8555 section 6.1 wants it.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, PAD, URL_SAFE_NO_PAD};

const PADDED_TOO: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// Without padding.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// None when it has padding, another alphabet's characters, or bits behind its last octet that are not zero.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The same, with padding or without (`AcmeSettings::padded_base64`).
pub(crate) fn decode_padded(text: &str) -> Option<Vec<u8>> {
    PADDED_TOO.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_one_spelling() {
        assert_eq!(encode([0xfb, 0xff]), "-_8");
        assert_eq!(decode("-_8"), Some(vec![0xfb, 0xff]));
        for wrong in ["-_8=", "+/8", "-_9", "-_8 ", "-", "-_8\n"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
        assert_eq!(decode_padded("-_8="), Some(vec![0xfb, 0xff]));
        assert_eq!(decode_padded("-_8"), Some(vec![0xfb, 0xff]));
        assert_eq!(decode_padded("+/8="), None);
    }
}
