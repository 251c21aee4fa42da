use proptest::prelude::*;

use super::*;
use crate::tlv::encode;

#[test]
fn text_goes_both_ways() {
    for text in [
        "dns:*.example.com",
        "email:a@example.com",
        "uri:https://example.com/?a:b",
        "ip:192.0.2.1",
        "ip:2001:db8::1",
        "dn:CN=a,O=b\\, c",
        "rid:1.2.840.113549",
        "other:1.3.6.1.4.1.311.20.2.3:0c0161",
        "x400:3000",
        "edi:a103",
    ] {
        let name: GeneralName = text.parse().unwrap();
        assert_eq!(name.to_string(), text);
        assert_eq!(name.kind(), text.split_once(':').unwrap().0);
        let der = write_all(std::slice::from_ref(&name)).unwrap();
        assert_eq!(read_all(&der).unwrap(), [name]);
    }
}

#[test]
fn wrong_text_is_refused() {
    for text in [
        "example.com",
        "dns:",
        "dns:exämple",
        "ip:300.1.1.1",
        "rid:x",
        "other:1.2.3",
        "other:1.2.3:05",
        "foo:a",
        "dn:x",
    ] {
        let error = text.parse::<GeneralName>().unwrap_err().to_string();
        assert!(error.contains("write dns:"), "{error}");
    }
}

#[test]
fn what_cannot_be_encoded_is_not() {
    for name in [
        GeneralName::Dns("exämple".into()),
        GeneralName::Dns(String::new()),
        GeneralName::Email("a\0@b".into()),
        GeneralName::OtherName { oid: crate::oid::SERVER_AUTH, value: vec![5] },
    ] {
        assert!(write_all(&[name]).is_err());
    }
}

#[test]
fn wrong_der_is_refused() {
    for (der, word) in [
        (encode(context(2), b"a\0b"), "printable"),
        (encode(context(2), b""), "empty"),
        (encode(context(7), &[1, 2, 3]), "octets"),
        (encode(context(8), &[0x80]), "identifier"),
        (encode(0x89, b"a"), "no kind"),
        (encode(constructed(0), &[6, 1, 42]), "missing"),
    ] {
        let error = read_all(&encode(SEQUENCE, &der)).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
    assert!(read_all(&[0x30, 0]).unwrap_err().to_string().contains("no name"));
}

proptest! {
    #[test]
    fn text_never_panics(text in "(dns|ip|email|uri|dn|rid|other|x400|edi|\\PC{0,3}):\\PC{0,30}") {
        if let Ok(name) = text.parse::<GeneralName>() {
            prop_assert_eq!(name.to_string().parse::<GeneralName>().unwrap(), name);
        }
    }
}
