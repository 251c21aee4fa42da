use proptest::prelude::*;
use time::macros::datetime;

use super::*;

#[test]
fn lengths_are_those_of_der() {
    for (bytes, word) in [
        (&[][..], "ends"),
        (&[4], "ends"),
        (&[4, 1], "longer than what holds it"),
        (&[4, 0x80, 0, 0], "indefinite"),
        (&[4, 0x81, 0x7f], "longer than needed"),
        (&[4, 0x82, 0, 0x80], "longer than needed"),
        (&[4, 0x82, 1], "inside a length"),
        (&[4, 0x85, 1, 0, 0, 0, 0], "four bytes"),
        (&[4, 0x84, 0xff, 0xff, 0xff, 0xff], "longer than what holds it"),
        (&[0x1f, 0x81, 0, 0], "tag number"),
    ] {
        let error = Reader::new("it", bytes).any().unwrap_err().to_string();
        assert!(error.contains(word), "{bytes:?}: {error}");
    }
}

#[test]
fn times_of_rfc_5280() {
    for (at, der) in [
        (datetime!(1949-12-31 23:59:59 UTC), "\u{18}\u{f}19491231235959Z"),
        (datetime!(1950-01-01 0:00 UTC), "\u{17}\u{d}500101000000Z"),
        (datetime!(2049-12-31 23:59:59 UTC), "\u{17}\u{d}491231235959Z"),
        (datetime!(2050-01-01 0:00 UTC), "\u{18}\u{f}20500101000000Z"),
        (datetime!(2026-07-08 9:10:11.5 +2), "\u{17}\u{d}260708071011Z"),
    ] {
        let mut writer = Writer::default();
        writer.time(at);
        let bytes = writer.finish();
        assert_eq!(bytes, der.as_bytes());
        let read = Reader::new("it", &bytes).time("time").unwrap();
        assert_eq!(read, at.replace_nanosecond(0).unwrap());
    }
    for text in [
        "\u{17}\u{d}260230000000Z",
        "\u{17}\u{b}2601010000Z",
        "\u{18}\u{11}20260101000000.5Z",
        "\u{17}\u{d}2601010000+1Z",
    ] {
        assert!(Reader::new("it", text.as_bytes()).time("time").is_err(), "{text:?}");
    }
}

#[test]
fn integers() {
    for (magnitude, der) in [
        (&[][..], &[2u8, 1, 0][..]),
        (&[0, 0], &[2, 1, 0]),
        (&[0x7f], &[2, 1, 0x7f]),
        (&[0x80], &[2, 2, 0, 0x80]),
        (&[0, 1, 2], &[2, 2, 1, 2]),
    ] {
        let mut writer = Writer::default();
        writer.unsigned(magnitude);
        assert_eq!(writer.finish(), der);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..5)) {
        let mut writer = Writer::default();
        writer.nest(SEQUENCE, |w| {
            for content in &contents {
                w.nest(SET, |w| _ = w.value(OCTET_STRING, content));
            }
        });
        let bytes = writer.finish();
        let mut reader = whole("it", &bytes, SEQUENCE).unwrap();
        for content in &contents {
            let mut inner = reader.enter(SET, "set").unwrap();
            prop_assert_eq!(inner.expect(OCTET_STRING, "string").unwrap().value, &content[..]);
            inner.end().unwrap();
        }
        reader.end().unwrap();
    }
}
