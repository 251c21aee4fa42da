use proptest::prelude::*;

use super::*;

#[test]
fn headers_inside_a_block_are_skipped() {
    let text = "-----BEGIN X-----\nProc-Type: 4\nOther: b\n\nAQID\n-----END X-----\n";
    assert_eq!(blocks("it", text).unwrap(), [("X".to_owned(), vec![1, 2, 3])]);
}

#[test]
fn broken_blocks_are_told() {
    for text in
        ["-----BEGIN X\n-----", "-----BEGIN X-----\nAQID", "-----BEGIN X-----\n?\n-----END X-----", "-----BEGIN X"]
    {
        assert!(blocks("it", text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn pem_goes_both_ways(der in prop::collection::vec(any::<u8>(), 0..500)) {
        let text = pem("THING", &der);
        prop_assert_eq!(blocks("it", &text).unwrap(), [("THING".to_owned(), der)]);
    }

    #[test]
    fn nothing_panics(text in "(-----BEGIN [A-Z]{0,3}-----|-----END A-----|[A-Za-z0-9+/=: \\n-]|\\PC){0,30}") {
        let _ = strip("it", text.as_bytes(), &["A"]);
        let _ = blocks("it", &text);
    }
}
