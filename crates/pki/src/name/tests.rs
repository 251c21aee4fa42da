use proptest::prelude::*;

use super::*;
use crate::tlv::{BMP_STRING, PRINTABLE_STRING, UTF8_STRING, encode};

fn name(text: &str) -> Name {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn with_value(tag: u8, value: &[u8]) -> Name {
    let mut writer = Writer::default();
    writer.nest(SEQUENCE, |w| {
        w.nest(SET, |w| {
            w.nest(SEQUENCE, |w| _ = w.oid(&AttributeKind::CommonName.oid()).value(tag, value));
        });
    });
    Name::from_der(&writer.finish()).unwrap()
}

#[test]
fn the_examples_of_rfc_4514() {
    for text in [
        "UID=jsmith,DC=example,DC=net",
        "CN=J.  Smith+OU=Sales,DC=example,DC=net",
        "CN=James \\\"Jim\\\" Smith\\, III,DC=example,DC=net",
        "CN=Before\\0DAfter,DC=example,DC=net",
        "CN=Lu\\C4\\8Di\\C4\\87",
    ] {
        if text.contains("\\0D") {
            // We do not build names with control characters.
            assert!(text.parse::<Name>().is_err());
            continue;
        }
        let shown = name(text).to_string();
        assert_eq!(name(&shown), name(text), "{text} and {shown}");
    }
    assert_eq!(name("CN=Lu\\C4\\8Di\\C4\\87").common_name().unwrap(), "Lučić");
    assert_eq!(name("1.3.6.1.4.1.1466.0=#04024869").to_string(), "1.3.6.1.4.1.1466.0=#04024869");
    assert_eq!(with_value(UTF8_STRING, b"Before\rAfter").to_string(), "CN=Before\\0DAfter");
}

#[test]
fn order_is_reversed_and_attributes_stand_in_the_order_of_the_der() {
    let name = name("CN=a, OU=b ; O=c,C=CZ");
    let kinds: Vec<_> = name.rdns().iter().map(|rdn| rdn[0].kind().unwrap()).collect();
    use AttributeKind::*;
    assert_eq!(kinds, [Country, Organization, OrganizationalUnit, CommonName]);
    assert_eq!(name.to_string(), "CN=a,OU=b,O=c,C=CZ");
    assert_eq!(name.attributes().last().unwrap().1, "a");
}

#[test]
fn escapes() {
    assert_eq!(name("CN=\\#x\\ ").common_name().unwrap(), "#x ");
    assert_eq!(name("CN=\\ x y ").common_name().unwrap(), " x y");
    assert_eq!(name("CN=\\#x\\ ").to_string(), "CN=\\#x\\ ");
    assert_eq!(name("CN=a\\=b").common_name().unwrap(), "a=b");
    assert_eq!(name("CN=a=b").common_name().unwrap(), "a=b");
}

#[test]
fn bad_text_is_refused_with_its_place() {
    for (text, position, word) in [
        ("CN", 3, "'='"),
        ("foo=bar", 4, "not known"),
        ("CN=a,", 6, "'='"),
        ("CN=a\"b", 5, "escaped"),
        ("CN=a\\", 6, "backslash"),
        ("CN=a\\zz", 7, "backslash"),
        ("CN=\\ff", 7, "UTF-8"),
        ("CN=#zz", 5, "hexadecimal"),
        ("CN=#04", 7, "one DER"),
        ("=a", 1, "not known"),
    ] {
        match text.parse::<Name>() {
            Err(NameError::Text { position: at, why }) => {
                assert_eq!(at, position, "{text}: {why}");
                assert!(why.contains(word), "{text}: {why}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn bounds_and_character_sets_of_rfc_5280() {
    let cn = |length: usize| Name::from_common_name(&"x".repeat(length));
    assert!(cn(64).is_ok());
    assert!(cn(65).unwrap_err().to_string().contains("more than the 64"));
    assert!(cn(0).is_err());
    assert!(Name::from_common_name(&"é".repeat(64)).is_ok());
    for text in ["C=CZE", "C=C1", "serialNumber=a_b", "DC=é", "E=é@example.com", "CN=a\\00b"] {
        assert!(matches!(text.parse::<Name>(), Err(NameError::Value { .. })), "{text}");
    }
    assert!(Name::from_rdns::<AttributeKind>(vec![vec![]]).is_err());
    assert!(name("").is_empty());
    assert_eq!(Name::empty().der(), [0x30, 0]);
}

#[test]
fn string_types_in_the_der() {
    let built = name("CN=a,C=CZ,E=a@b.c,serialNumber=1");
    let tags: Vec<u8> =
        built.der().windows(2).filter(|pair| pair[1] == 1 || pair[1] == 2).map(|pair| pair[0]).collect();
    for tag in [0x0c, 0x13] {
        assert!(tags.contains(&tag), "{tags:?}");
    }
    assert!(built.der().windows(2).any(|pair| pair == [0x16, 5]));
}

#[test]
fn comparison_ignores_string_type_case_spacing_and_spelling() {
    let utf8 = with_value(UTF8_STRING, b"Example  Host");
    let printable = with_value(PRINTABLE_STRING, b" example host ");
    let bmp = with_value(BMP_STRING, b"\0E\0x\0a\0m\0p\0l\0e\0 \0H\0o\0s\0t");
    let teletex = with_value(0x14, b"EXAMPLE HOST");
    let universal =
        with_value(0x1c, &"example host".chars().flat_map(|c| (c as u32).to_be_bytes()).collect::<Vec<_>>());
    for other in [&printable, &bmp, &teletex, &universal] {
        assert_ne!(&utf8, other);
        assert!(utf8.matches(other));
    }
    assert!(name("emailAddress=A@b.c,CN=x").matches(&name("E=a@B.C, 2.5.4.3=X")));
    assert!(name("CN=x+OU=y").matches(&name("OU=Y+CN=X")));
    assert!(!name("CN=x,OU=y").matches(&name("OU=y,CN=x")));
    assert!(!name("CN=x,OU=y").matches(&name("CN=x+OU=y")));
    assert!(!name("CN=a\\,O=b").matches(&name("CN=a,O=b")));
    assert!(name("CN=soft\u{ad}hyphen").matches(&name("CN=softhyphen")));
    assert!(!with_value(UTF8_STRING, b"#0500").matches(&with_value(0x05, b"")));
}

#[test]
fn bad_der_is_refused() {
    for der in [
        &[][..],
        &[0x30, 1],
        &[0x30, 2, 0x31, 0],
        &[0x31, 0],
        &[0x30, 0, 0],
        &[0x30, 0x80, 0, 0],
        &encode(SEQUENCE, &encode(SET, &encode(SEQUENCE, &[6, 3, 0x55, 4, 3, 0x0c, 1, 0xff]))),
        &encode(SEQUENCE, &encode(SET, &encode(SEQUENCE, &[6, 3, 0x55, 4, 3, 0x1e, 1, 0]))),
    ] {
        assert!(Name::from_der(der).is_err(), "{der:?}");
    }
    let one = encode(SET, &encode(SEQUENCE, &[6, 3, 0x55, 4, 3, 0x0c, 1, b'a']));
    assert!(Name::from_der(&encode(SEQUENCE, &one.repeat(129))).unwrap_err().to_string().contains("128"));
}

proptest! {
    #[test]
    fn text_goes_both_ways(values in prop::collection::vec("[^\\p{C}]{1,20}", 1..5)) {
        let kinds = [AttributeKind::CommonName, AttributeKind::Organization, AttributeKind::Locality, AttributeKind::Title];
        let rdns: Vec<_> = values.iter().zip(kinds).map(|(value, kind)| vec![(kind, value.clone())]).collect();
        let built = Name::from_rdns(rdns).unwrap();
        let read: Name = built.to_string().parse().unwrap();
        prop_assert_eq!(&read, &built);
        prop_assert!(read.matches(&built));
        prop_assert_eq!(Name::from_der(built.der()).unwrap(), built);
    }

    #[test]
    fn text_never_panics(text in "\\PC{0,40}|[CNO=,+\\\\# \"a-f0-9;]{0,40}") {
        if let Ok(name) = text.parse::<Name>() {
            prop_assert_eq!(name.to_string().parse::<Name>().unwrap(), name);
        }
    }
}

/// Found by fuzzing.
#[test]
fn hexadecimal_is_no_way_around_the_rules() {
    assert_eq!(name("CN=#130161").to_string(), "CN=a");
    for (text, word) in [
        ("1.2.3.4=#0c011a", "control"),
        ("CN=#0c00", "empty"),
        ("C=#0c03616263", "two letters"),
        ("serialNumber=#0c02c3a4", "letters, digits"),
    ] {
        let error = text.parse::<Name>().unwrap_err().to_string();
        assert!(error.contains(word), "{text}: {error}");
    }
}
