//! What travels in HTTP bodies: Base64 of DER (RFC 8951 section 3), whatever Content-Transfer-Encoding says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Largest body that is read, in bytes: a request by ML-DSA-87 is an eighth of it.
pub const LARGEST: usize = 64 * 1024;

const BEGIN: &str = "-----BEGIN ";
/// What a request's PEM block is called (RFC 7468 section 7), and what it was called before.
const LABELS: [&str; 2] = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];

/// Why a body is none. The texts are for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Nothing but white space.
    #[error("the body is empty; send the certificate request in DER, encoded in Base64")]
    Empty,
    /// More than [`LARGEST`].
    #[error("the body is larger than {LARGEST} bytes")]
    TooLarge,
    /// RFC 4648 section 4 has no such form.
    #[error("the body is not Base64: {0}; send the certificate request in DER, encoded in Base64 (RFC 8951 section 3)")]
    Base64(String),
    /// PEM armour that does not hold one request, or that this EST profile does not take.
    #[error("the body is PEM that cannot be taken: {0}; send the certificate request in DER, encoded in Base64")]
    Pem(&'static str),
}

/// The DER of a request body: spaces, tabs and line breaks anywhere are passed over (RFC 8951 section 3), anything else
/// outside of the alphabet is refused. With `lenient`, PEM armour around a request and raw DER are taken too.
///
/// # Errors
/// Any other form.
pub fn decode(body: &[u8], lenient: bool) -> Result<Vec<u8>, BodyError> {
    if body.len() > LARGEST {
        return Err(BodyError::TooLarge);
    }
    // No Base64 has a byte above 0x7f, and no request is shorter than 128 bytes.
    if lenient && matches!(body, [0x30, 0x80..=0xff, ..]) {
        return Ok(body.to_vec());
    }
    let text = match std::str::from_utf8(body) {
        Ok(text) if lenient && text.contains(BEGIN) => unarmoured(text)?.as_bytes(),
        _ => body,
    };
    base64(text)
}

fn base64(text: &[u8]) -> Result<Vec<u8>, BodyError> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let packed: Vec<u8> = text.iter().copied().filter(|byte| !blank(byte)).collect();
    if packed.is_empty() {
        return Err(BodyError::Empty);
    }
    STANDARD.decode(packed).map_err(|why| BodyError::Base64(why.to_string()))
}

/// What stands between the lines of the one block.
fn unarmoured(text: &str) -> Result<&str, BodyError> {
    let Some((_, rest)) = text.split_once(BEGIN) else { return Err(BodyError::Pem("it has no BEGIN line")) };
    let Some(label) = LABELS.into_iter().find(|label| rest.strip_prefix(label).is_some_and(|r| r.starts_with("-----")))
    else {
        return Err(BodyError::Pem("its block is not called CERTIFICATE REQUEST"));
    };
    let rest = &rest[label.len() + 5..];
    let Some((content, after)) = rest.split_once("-----END ") else {
        return Err(BodyError::Pem("its END line is missing"));
    };
    if !after.strip_prefix(label).is_some_and(|rest| rest.starts_with("-----")) {
        return Err(BodyError::Pem("its END line has another name than its BEGIN line"));
    }
    if after.contains(BEGIN) {
        return Err(BodyError::Pem("it has several blocks"));
    }
    Ok(content)
}

/// How answers are wrapped: in one line, which every client but libest reads, or in lines of 64 or 76 characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    /// One line without an end.
    #[default]
    One,
    /// Lines of this many characters, each ended by LF.
    Of(usize),
}

impl Lines {
    /// By the setting's number: 0 is one line.
    pub fn of(length: u32) -> Self {
        match usize::try_from(length) {
            Ok(length @ 1..) => Self::Of(length),
            _ => Self::One,
        }
    }

    /// What this client reads: libest decodes through a filter that finds nothing in one long line.
    pub fn for_client(self, user_agent: Option<&str>) -> Self {
        let libest = user_agent.is_some_and(|agent| agent.contains("Cisco EST client") || agent.contains("libest"));
        if self == Self::One && libest { Self::Of(64) } else { self }
    }
}

/// DER as answers carry it.
pub fn encode(der: &[u8], lines: Lines) -> Vec<u8> {
    let text = STANDARD.encode(der);
    match lines {
        Lines::One => text.into_bytes(),
        Lines::Of(length) => {
            let mut wrapped = Vec::with_capacity(text.len() + text.len() / length.max(1) + 1);
            for line in text.as_bytes().chunks(length.max(1)) {
                wrapped.extend_from_slice(line);
                wrapped.push(b'\n');
            }
            wrapped
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DER: &[u8] = &[0x30, 0x82, 0x01, 0x02, 0xff, 0x00, 0x10];

    fn refused(body: &[u8], lenient: bool) -> String {
        decode(body, lenient).unwrap_err().to_string()
    }

    #[test]
    fn rfc8951_3_1_white_space_anywhere_is_passed_over() {
        for text in ["MIIBAv8AEA==", "MIIBAv8AEA==\n", " MI IB\tAv\r\n8A\nEA=\r\n=\r\n"] {
            assert_eq!(decode(text.as_bytes(), false).unwrap(), DER, "{text:?}");
        }
    }

    #[test]
    fn rfc8951_3_1_anything_else_is_refused() {
        for (text, says) in [
            ("", "empty"),
            (" \r\n\t", "empty"),
            ("MIIB*v8AEA==", "not Base64"),
            ("MIIBAv8AEA", "not Base64"),
            ("MIIBAv8AEA===", "not Base64"),
            ("MIIBAv8AEB==", "not Base64"),
            ("MIIBAv8AEA==MIIB", "not Base64"),
            ("MIIB-v8_EA==", "not Base64"),
            ("MIIB\u{a0}Av8AEA==", "not Base64"),
            ("MIIB\0Av8AEA==", "not Base64"),
        ] {
            for lenient in [false, true] {
                let why = refused(text.as_bytes(), lenient);
                assert!(why.contains(says), "{text:?}: {why}");
            }
        }
        assert_eq!(decode(&vec![b'A'; LARGEST + 1], true), Err(BodyError::TooLarge));
        assert!(decode(&[0x30, 0x82, 1, 2], false).is_err(), "raw DER is a leniency");
    }

    #[test]
    fn pem_and_raw_der_are_taken_where_the_profile_says_so() {
        assert_eq!(decode(DER, true).unwrap(), DER);
        let pem =
            "text\r\n-----BEGIN CERTIFICATE REQUEST-----\r\nMIIBAv8AEA==\r\n-----END CERTIFICATE REQUEST-----\r\n";
        assert_eq!(decode(pem.as_bytes(), true).unwrap(), DER);
        assert!(decode(pem.as_bytes(), false).is_err());
        assert_eq!(
            decode(pem.replace("BEGIN C", "BEGIN NEW C").replace("END C", "END NEW C").as_bytes(), true).unwrap(),
            DER
        );
        for (wrong, says) in [
            (pem.replace("REQUEST", "LIST"), "not called"),
            (pem.replacen("REQUEST", "LIST", 1), "not called"),
            (pem.replace("END CERTIFICATE", "END"), "another name"),
            (pem.replace("-----END", ""), "END line"),
            (format!("{pem}{pem}"), "several"),
        ] {
            let why = refused(wrong.as_bytes(), true);
            assert!(why.contains(says), "{wrong}: {why}");
        }
    }

    #[test]
    fn answers_have_one_form_and_libest_gets_lines() {
        assert_eq!(encode(DER, Lines::One), b"MIIBAv8AEA==");
        assert_eq!(encode(&[0; 50], Lines::Of(64)).iter().filter(|byte| **byte == b'\n').count(), 2);
        assert_eq!(Lines::of(0), Lines::One);
        assert_eq!(Lines::of(76).for_client(Some("Cisco EST client 1.0")), Lines::Of(76));
        assert_eq!(Lines::One.for_client(Some("Cisco EST client 2.0 with BRSKI")), Lines::Of(64));
        assert_eq!(Lines::One.for_client(Some("curl/7.88.1")), Lines::One);
        assert_eq!(Lines::One.for_client(None), Lines::One);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(der in proptest::collection::vec(any::<u8>(), 1..300), length in 0u32..80) {
            prop_assert_eq!(decode(&encode(&der, Lines::of(length)), false).unwrap(), der);
        }

        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&body, true);
            let _ = decode(&body, false);
        }
    }
}
