use serde_json::{Value, json};

use super::*;

fn good(content_type: ContentType) -> Vec<Value> {
    let uuid = "b11c9be1-b619-4ef5-be1b-a1cd9ef265b7";
    match content_type {
        ContentType::String | ContentType::Text => vec![json!(""), json!("two\nlines"), json!("žluťoučký")],
        ContentType::Integer => vec![json!(0), json!(i32::MIN), json!(i32::MAX)],
        ContentType::Boolean => vec![json!(true), json!(false)],
        ContentType::Float => vec![json!(0), json!(-1.5e30)],
        ContentType::Date => vec![json!("2024-02-29")],
        ContentType::Time => vec![json!("23:59:59")],
        ContentType::Datetime => vec![
            json!("2026-01-02T03:04:05.678+02:00"),
            json!("2026-01-02T03:04:05Z"),
            json!("2026-01-02T03:04:05"),
            json!("2026-01-02T03:04Z"),
        ],
        ContentType::Secret => vec![json!({"secret": "s"}), json!({"secret": "s", "protectionLevel": "encrypted"})],
        ContentType::File => vec![json!({"content": "AAEC", "fileName": "f", "mimeType": "text/plain"})],
        ContentType::Credential => vec![json!({"uuid": uuid, "name": "n", "kind": "Basic", "attributes": []})],
        ContentType::Codeblock => vec![json!({"language": "yaml", "code": "AAEC"})],
        ContentType::Object => vec![json!({}), json!([1]), json!("x"), json!(1)],
        ContentType::Resource => vec![
            json!({"resource": "certificates", "uuid": uuid, "name": "n", "certificateType": "X.509"}),
            json!({"resource": "authorities", "uuid": uuid, "name": "n", "attributes": []}),
            json!({"resource": "secrets", "uuid": uuid, "name": "n", "content": {"type": "apiKey", "content": "k"}}),
        ],
    }
}

fn bad(content_type: ContentType) -> Vec<Value> {
    let uuid = "b11c9be1-b619-4ef5-be1b-a1cd9ef265b7";
    let mut bad = vec![Value::Null];
    bad.extend(match content_type {
        ContentType::String | ContentType::Text => vec![json!(1), json!(["x"]), json!("nul\0")],
        ContentType::Integer => vec![json!("1"), json!(1.0), json!(1i64 << 31), json!(true)],
        ContentType::Boolean => vec![json!("true"), json!(0)],
        ContentType::Float => vec![json!("1.5"), json!(1e39)],
        ContentType::Date => vec![json!("2026-02-29"), json!("26-1-1"), json!("2026-01-01T00:00:00"), json!(1)],
        ContentType::Time => vec![json!("24:00:00"), json!("1:2:3"), json!("10:00")],
        ContentType::Datetime => {
            let beyond = json!("9999-12-31T23:59:59-01:00");
            let before = json!("0000-01-01T00:00:00+01:00");
            vec![
                json!("2026-01-01"),
                json!("yesterday"),
                json!(1),
                json!("2026-13-01T00:00:00Z"),
                json!(""),
                beyond,
                before,
            ]
        }
        ContentType::Secret => {
            vec![json!("s"), json!({}), json!({"secret": ""}), json!({"secret": "s", "protectionLevel": "x"})]
        }
        ContentType::File => vec![
            json!({"content": "***", "fileName": "f", "mimeType": "m"}),
            json!({"content": "AAEC", "mimeType": "m"}),
            json!({"content": "AAEC", "fileName": 1, "mimeType": "m"}),
        ],
        ContentType::Credential => vec![
            json!({"uuid": "x", "name": "n", "kind": "Basic", "attributes": []}),
            json!({"uuid": uuid, "name": "n", "kind": "Basic"}),
        ],
        ContentType::Codeblock => {
            vec![json!({"language": "cobol", "code": "AAEC"}), json!({"language": "go", "code": "."})]
        }
        ContentType::Object => vec![json!({"nul": ["\0"]}), json!({"\0": 1})],
        ContentType::Resource => vec![
            json!({"resource": "planets", "uuid": uuid, "name": "n"}),
            json!({"resource": "certificates", "uuid": uuid, "name": "n", "certificateType": "PGP"}),
            json!({"resource": "secrets", "uuid": uuid, "name": "n", "content": {"type": "riddle"}}),
            json!({"resource": "locations", "uuid": uuid, "name": "n", "attributes": 1}),
        ],
    });
    bad
}

#[test]
fn each_of_the_fourteen_types_takes_its_own_form_only() {
    for content_type in ContentType::ALL {
        let definition = define(content_type);
        let version = if content_type == ContentType::Resource { Version::V3 } else { Version::V2 };
        let definition = definition.version(version).build();
        let value = |data: Value| {
            let mut value = RequestAttribute { version, ..given(content_type, &[data]) };
            value.content[0].content_type = (version == Version::V3).then_some(content_type);
            value
        };
        for data in good(content_type) {
            assert_eq!(faults(&definition, value(data.clone())), [""; 0], "{content_type}: {data}");
        }
        for data in bad(content_type) {
            assert_eq!(faults(&definition, value(data.clone())).len(), 1, "{content_type}: {data}");
        }
    }
}

#[test]
fn types_are_available_as_published() {
    let missing = |version| {
        let gone: Vec<_> =
            ContentType::ALL.into_iter().filter(|t| !t.exists_in(version)).map(ContentType::as_str).collect();
        gone.join(" ")
    };
    assert_eq!(missing(Version::V2), "resource");
    assert_eq!(missing(Version::V3), "secret credential");
    assert_eq!("DateTime".parse(), Ok(ContentType::Datetime));
}

#[test]
fn faults_show_neither_secrets_nor_control_characters() {
    let definition = define(ContentType::Secret).build();
    let told = faults(&definition, given(ContentType::Secret, &[json!({"secret": "hush", "protectionLevel": "hush"})]));
    assert!(!told[0].contains("hush"), "{told:?}");
    let definition = define(ContentType::Integer).build();
    let told = faults(&definition, given(ContentType::Integer, &[json!("\u{1b}[31m\r\n")]));
    assert!(!told[0].contains(char::is_control), "{told:?}");
}
