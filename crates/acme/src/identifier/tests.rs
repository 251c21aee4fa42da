use proptest::prelude::*;

use super::*;

fn read(kind: &str, value: &str) -> Result<Identifier, Problem> {
    let json = serde_json::json!({ "type": kind, "value": value, "unknown": 1 });
    serde_json::from_value::<AskedIdentifier>(json).unwrap().read()
}

fn refusal(kind: &str, value: &str) -> ProblemType {
    read(kind, value).expect_err(value).kind
}

#[test]
fn rfc8555_7_1_4_dns_names_have_one_form() {
    for (asked, name) in [
        ("Host.Example", "host.example"),
        ("*.Example", "*.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("1.2.example", "1.2.example"),
        ("localhost", "localhost"),
    ] {
        assert_eq!(read("dns", asked).unwrap(), Identifier::Dns(name.into()));
    }
}

#[test]
fn what_is_no_dns_name_is_refused_and_named() {
    let long_label = format!("{}.example", "a".repeat(64));
    let long_name = format!("{}.example", "a.".repeat(123));
    for wrong in [
        "",
        ".",
        "host.example.",
        "a..b",
        &long_label,
        &long_name,
        "_x.example",
        "-a.example",
        "a-.example",
        "a b.example",
        "a\0.example",
        "a%00.example",
        "a\n.example",
        "bücher.example",
        "xn--a.example",
        "xn--bücher.example",
        "ab--c.example",
        "192.0.2.1",
        "[::1]",
        "::1",
        "0x7f.1",
        "*",
        "a.*.b",
        "*.*.b",
        "*a.example",
        "*.",
        "host.example:80",
        "http://a.example",
        "a@b.example",
        "a.123",
    ] {
        let problem = read("dns", wrong).expect_err(wrong);
        assert_eq!(problem.kind, ProblemType::Malformed, "{wrong}");
        assert!(problem.identifier.is_some(), "{wrong}");
        assert!(!problem.detail.chars().any(char::is_control), "{:?}", problem.detail);
    }
    assert_eq!(refusal("dns", "a.b.c.d.e.f.g.h.i.j.k"), ProblemType::RejectedIdentifier);
    assert!(read("dns", "a.b.c.d.e.f.g.h.i.j").is_ok());
}

#[test]
fn rfc8738_3_addresses_have_one_spelling() {
    for good in ["192.0.2.1", "2001:db8::1", "::1"] {
        assert_eq!(read("ip", good).unwrap().value(), good);
    }
    for wrong in [
        "",
        "192.0.2.01",
        "192.0.2",
        "0x7f.0.0.1",
        "2001:DB8::1",
        "2001:db8:0::1",
        "::ffff:192.0.2.1",
        "fe80::1%eth0",
        "[::1]",
        "192.0.2.0/24",
        "host.example",
    ] {
        assert_eq!(refusal("ip", wrong), ProblemType::Malformed, "{wrong}");
    }
}

#[test]
fn other_types_are_unsupported() {
    for kind in ["email", "DNS", "", "TNAuthList", "hardware-module"] {
        assert_eq!(refusal(kind, "a@b.example"), ProblemType::UnsupportedIdentifier);
    }
    assert!(read("permanent-identifier", "C02XG0FDH7JY").is_ok());
    assert_eq!(refusal("permanent-identifier", "a b"), ProblemType::Malformed);
    assert!(serde_json::from_value::<AskedIdentifier>(serde_json::json!({ "type": "dns", "value": 1 })).is_err());
    assert!(serde_json::from_value::<AskedIdentifier>(serde_json::json!({ "value": "a.example" })).is_err());
}

#[test]
fn rfc8555_6_7_1_faults_are_told_one_by_one() {
    assert!(faults(vec![]).is_ok());
    let name = read("dns", "a..b").unwrap_err();
    let one = faults(vec![name.clone()]).unwrap_err();
    assert_eq!((one.kind, one.identifier.is_none(), one.subproblems.len()), (ProblemType::Malformed, true, 1));
    let both = faults(vec![name, read("email", "a@b.example").unwrap_err()]).unwrap_err();
    assert_eq!((both.kind, both.status, both.subproblems.len()), (ProblemType::Compound, 400, 2));
}

#[test]
fn knows_what_lies_below() {
    let dns = |name: &str| Identifier::Dns(name.into());
    assert!(dns("a.example.com").is_below(&dns("example.com")));
    assert!(dns("*.example.com").is_below(&dns("example.com")));
    assert!(!dns("example.com").is_below(&dns("example.com")));
    assert!(!dns("anexample.com").is_below(&dns("example.com")));
    assert!(!Identifier::Ip([192, 0, 2, 1].into()).is_below(&dns("2.1")));
    assert_eq!(dns("a.b.example.com").ancestors(), [dns("b.example.com"), dns("example.com")]);
    assert_eq!(dns("*.example.com").base(), (dns("example.com"), true));
}

#[test]
fn a_permanent_identifier_becomes_an_other_name_and_back() {
    let device = Identifier::PermanentIdentifier("C02XG0FDH7JY".into());
    assert_eq!(Identifier::of_general_name(&device.general_name().unwrap()), Some(device));
    let broken = GeneralName::OtherName { oid: PERMANENT_IDENTIFIER, value: vec![0x30, 4, 0x0c, 3, b'a'] };
    assert_eq!(Identifier::of_general_name(&broken), None);
}

proptest! {
    #[test]
    fn what_is_read_is_a_fixed_point(kind in "dns|ip", value in ".{0,80}") {
        if let Ok(identifier) = read(&kind, &value) {
            prop_assert_eq!(read(identifier.kind(), &identifier.value()), Ok(identifier.clone()));
            let name = identifier.general_name().unwrap();
            prop_assert_eq!(Identifier::of_general_name(&name), Some(identifier));
        }
    }
}
