use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
struct Named {
    r#type: String,
    value: String,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Order {
    identifiers: Vec<Named>,
}

#[test]
fn reads_what_serde_json_reads() {
    let text = r#"{"a": [1, -2, 3.5, null, true, "ü\u0041", {}], "b": {"c": []}}"#;
    assert_eq!(value("it", text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
}

#[test]
fn a_member_is_there_once() {
    for text in [r#"{"alg":"ES256","alg":"none"}"#, r#"{"a":[{"b":1,"c":2,"b":1}]}"#, r#"{"a":1,"\u0061":1}"#] {
        let fault = value("the JWS", text.as_bytes()).unwrap_err();
        assert_eq!(fault.kind, ProblemType::Malformed);
        assert!(fault.detail.contains("twice"), "{fault}");
    }
}

#[test]
fn nesting_is_shallow() {
    let nested = |depth| ["[".repeat(depth), "]".repeat(depth)].concat();
    assert!(value("it", nested(16).as_bytes()).is_ok());
    assert!(value("it", nested(17).as_bytes()).unwrap_err().detail.contains("nested deeper than 16"));
    assert!(value("it", nested(100_000).as_bytes()).is_err());
    assert!(value("it", "{\"a\":".repeat(100_000).as_bytes()).is_err());
}

#[test]
fn refuses_what_is_no_json() {
    for text in
        [&b""[..], b"{", b"{}x", b"{} {}", b"1e400", b"\"\\ud800\"", b"\"\xff\"", b"NaN", b"{'a':1}", b"\xef\xbb\xbf{}"]
    {
        assert!(value("it", text).is_err(), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn faults_tell_what_and_where() {
    let order: Order = read("the payload", br#"{"identifiers":[{"type":"dns","value":"a.example"}],"x":1}"#).unwrap();
    assert_eq!(order.identifiers[0].value, "a.example");
    let fault = read::<Order>("the payload", br#"{"identifiers":[{"type":"dns","value":5}]}"#).unwrap_err();
    assert!(fault.detail.starts_with("the payload at identifiers[0].value cannot be read: invalid type"), "{fault}");
    let fault = read::<Order>("the payload", b"{}").unwrap_err();
    assert!(fault.detail.contains("missing field `identifiers`"), "{fault}");
    let fault = shape::<Order>("the payload", json!([])).unwrap_err();
    assert_eq!((fault.kind, fault.status), (ProblemType::Malformed, 400));
}

#[test]
fn a_fault_does_not_repeat_what_it_got_at_length() {
    let text = format!("{{\"{0}\":1,\"{0}\":1}}", "x".repeat(10_000));
    assert!(value("it", text.as_bytes()).unwrap_err().detail.len() < 1_000);
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
        let ours = value("it", &octets);
        let theirs = serde_json::from_slice::<Value>(&octets);
        // Stricter, never laxer, and the same value.
        if let Ok(ours) = ours {
            prop_assert_eq!(ours, theirs.unwrap());
        }
    }

    #[test]
    fn what_has_no_twin_is_read(names in proptest::collection::btree_set("[a-c]{1,2}", 0..6)) {
        let object: Value = names.iter().map(|name| (name.clone(), json!({name.as_str(): [1]}))).collect::<Map<_, _>>().into();
        prop_assert_eq!(value("it", object.to_string().as_bytes()).unwrap(), object);
    }
}
