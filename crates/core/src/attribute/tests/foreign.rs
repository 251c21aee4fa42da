//! Any JSON at all: an answer, never a panic.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0-9T:.Z+-]{0,30}".prop_map(Value::from),
        prop_oneof![Just("v2"), Just("v3"), Just("string"), Just("data"), Just("secrets"), Just("regExp")]
            .prop_map(Value::from),
    ];
    let keys = prop_oneof![
        4 => prop::sample::select(vec![
            "uuid", "name", "type", "version", "contentType", "content", "data", "properties", "label", "constraints",
            "secret", "resource", "reference", "attributeCallback", "from", "to", "code", "language",
        ]).prop_map(String::from),
        1 => any::<String>(),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..8)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Something that is nearly a definition.
fn near_definition() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec!["data", "group", "info", "meta", "custom"]);
    let content_type = prop::sample::select(ContentType::ALL.to_vec());
    let rule = prop::sample::select(vec!["regExp", "range", "dateTime"]);
    (kind, content_type, rule, any_json(), any_json(), 2..4i32, any::<[bool; 5]>()).prop_map(
        |(kind, content_type, rule, data, other, version, flags)| {
            json!({
                "uuid": id(1), "name": "a", "type": kind, "version": version, "contentType": content_type,
                "content": [{"data": data}],
                "properties": {"label": "A", "visible": flags[0], "required": flags[1], "readOnly": flags[2],
                    "list": flags[3], "multiSelect": flags[4]},
                "constraints": [{"type": rule, "data": other}],
            })
        },
    )
}

proptest! {
    #[test]
    fn any_request_is_answered(value in any_json(), content_type in prop::sample::select(ContentType::ALL.to_vec())) {
        let _ = serde_json::from_value::<RequestAttribute>(value.clone());
        let _ = serde_json::from_value::<Definition>(value.clone());
        let definition = define(content_type).build();
        let told = faults(&definition, given(content_type, std::slice::from_ref(&value)));
        if told.is_empty() {
            let shown = to_response(&[definition], &[given(content_type, &[value])]);
            prop_assert_eq!(shown.len(), 1);
        }
    }

    #[test]
    fn any_definition_is_answered(wire in near_definition(), value in any_json()) {
        if let Ok(definition) = serde_json::from_value::<Definition>(wire) {
            let _ = definition.validate();
            let again: Definition = serde_json::from_value(serde_json::to_value(&definition).unwrap()).unwrap();
            prop_assert_eq!(again.attribute_type(), definition.attribute_type());
            let content_type = definition.content_type().unwrap_or(ContentType::String);
            let _ = faults(&definition, given(content_type, &[value]));
        }
    }

    #[test]
    fn any_text_is_a_datetime_or_not(text in "\\PC{0,40}") {
        let _ = super::super::value::parse_datetime(&text);
    }
}
