use proptest::prelude::*;
use serde_json::Value;

use super::decode;
use crate::Error;
use crate::dto::Object;
use crate::dto::operation::SignRequest;

fn refused(text: &[u8]) -> String {
    match decode::<Object<SignRequest>>(text) {
        Err(Error::Domain(chancery_core::Error::Malformed(message))) => message,
        other => panic!("{:?} gave {other:?}", String::from_utf8_lossy(text)),
    }
}

#[test]
fn reads_what_clients_send() {
    let Object(body) = decode::<Object<SignRequest>>(
        br#"{"request":"MII","attributes":null,"format":null,"unknown":{"a":[1]},"keyUuid":""}"#,
    )
    .unwrap();
    assert_eq!(body.request.as_deref(), Some("MII"));
    assert!(body.attributes.is_none() && body.format.is_none());
    decode::<Object<SignRequest>>(b" {} \n").unwrap();
}

#[test]
fn refuses_what_readers_disagree_about() {
    assert!(refused(br#"{"request":"a","request":"b"}"#).contains("twice"));
    assert!(refused(br#"{"other":{"x":1,"x":2}}"#).contains("twice"));
    assert!(refused(br#"{"\u0072equest":"a","request":"b"}"#).contains("twice"));
    let deep = format!(r#"{{"x":{}1{}}}"#, "[".repeat(40), "]".repeat(40));
    assert!(refused(deep.as_bytes()).contains("deeper"));
    let abyss = "[".repeat(200_000);
    refused(abyss.as_bytes());
    assert!(refused(b"\xef\xbb\xbf{}").contains("byte order mark"));
    assert!(refused(b"\xff\xfe{\0}\0").contains("byte order mark"));
    refused(b"{\0}\0");
    refused(br#"{"request":NaN}"#);
    refused(br#"{"request":Infinity}"#);
    refused(b"{\"request\":\"\xff\"}");
    refused(br#"{"request":"a"} {"request":"b"}"#);
    refused(br#"{"request":"a",}"#);
    refused(b"");
    refused(b"   ");
}

#[test]
fn refuses_wrong_types() {
    for text in [
        &b"[]"[..],
        br#"["MII"]"#,
        b"null",
        b"1",
        br#""text""#,
        br#"{"request":1}"#,
        br#"{"request":{}}"#,
        br#"{"format":"PKCS10"}"#,
        br#"{"attributes":{}}"#,
        br#"{"attributes":[["name"]]}"#,
        br#"{"attributes":["name"]}"#,
        br#"{"attributes":[{"name":1}]}"#,
        br#"{"attributes":[{"uuid":"x","name":"n"}]}"#,
        br#"{"attributes":[{"name":"n","version":2}]}"#,
        br#"{"attributes":[{"name":"n","contentType":"number"}]}"#,
    ] {
        refused(text);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<Object<SignRequest>>(&bytes);
    }

    #[test]
    fn what_it_reads_serde_reads_alike(text in "[\\[\\]{}:,\"a0-9. \\\\ue-]{0,40}") {
        if let Ok(value) = decode::<Value>(text.as_bytes()) {
            prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
        }
    }
}
