use serde_json::json;

use super::*;

#[test]
fn values_are_shown_with_label_and_type_and_version() {
    let definition = define(ContentType::Datetime).label("When").build();
    let value = given(ContentType::Datetime, &[json!("2026-01-02T03:04:05+02:00")]);
    let shown = serde_json::to_value(to_response(&[definition], &[value])).unwrap();
    let wire = json!([{"uuid": id(1), "name": "a", "label": "When", "type": "data", "contentType": "datetime",
        "version": "v2", "content": [{"data": "2026-01-02T01:04:05.000Z"}]}]);
    assert_eq!(shown, wire);
}

#[test]
fn version_3_items_are_shown_with_their_type() {
    let definition = Definition::custom(id(1), "a", ContentType::String).build();
    let value = RequestAttribute::new(&definition, ["x"]);
    let shown = serde_json::to_value(to_response(&[definition], &[value])).unwrap();
    assert_eq!(shown[0]["content"], json!([{"data": "x", "contentType": "string"}]));
    assert_eq!(shown[0]["version"], "v3");
    assert_eq!(shown[0]["type"], "custom");
}

#[test]
fn a_value_whose_definition_is_gone_is_shown_under_its_name() {
    let shown = to_response(&[], &[given(ContentType::String, &[json!("x")])]);
    assert_eq!((shown[0].label.as_str(), shown[0].content_type), ("a", ContentType::String));
}

#[test]
fn secrets_are_masked_and_stay_when_an_update_omits_them() {
    let definition = define(ContentType::Secret).build();
    let stored = given(ContentType::Secret, &[json!({"secret": "hush", "protectionLevel": "encrypted"})]);
    let shown = to_response(std::slice::from_ref(&definition), std::slice::from_ref(&stored));
    assert_eq!(shown[0].content[0].data, json!({"protectionLevel": "encrypted"}));
    assert!(!format!("{stored:?} {shown:?} {}", redacted(std::slice::from_ref(&stored))).contains("hush"));

    let mut update = [given(ContentType::Secret, &[shown[0].content[0].data.clone()])];
    keep_secrets(std::slice::from_ref(&stored), &mut update);
    assert_eq!(update[0].content[0].data["secret"], "hush");
    assert!(check(&[definition], &update).is_ok());

    let mut replaced = [given(ContentType::Secret, &[json!({"secret": "new"})])];
    keep_secrets(&[stored], &mut replaced);
    assert_eq!(replaced[0].content[0].data["secret"], "new");
}

#[test]
fn what_a_credential_or_secret_resource_holds_is_not_shown() {
    let uuid = id(7);
    let credential = json!({"uuid": uuid, "name": "n", "kind": "Basic", "attributes": [{"content": "hush"}]});
    let shown = to_response(&[], &[given(ContentType::Credential, &[credential])]);
    assert_eq!(shown[0].content[0].data, json!({"uuid": uuid, "name": "n", "kind": "Basic", "attributes": []}));
    let secret =
        json!({"resource": "secrets", "uuid": uuid, "name": "n", "content": {"type": "apiKey", "content": "hush"}});
    let shown = to_response(&[], &[given(ContentType::Resource, &[secret])]);
    assert!(!serde_json::to_string(&shown).unwrap().contains("hush"));
}

#[test]
fn requests_are_read_as_older_and_newer_clients_send_them() {
    let old: RequestAttribute = read(
        r#"{"uuid":"00000000-0000-0000-0000-000000000001","name":"a","contentType":"STRING","content":[{"data":"x"}]}"#,
    );
    assert_eq!((old.version, old.content_type), (Version::V2, Some(ContentType::String)));
    let nulls: RequestAttribute =
        read(r#"{"uuid":null,"name":"a","contentType":null,"version":null,"content":null,"extra":1}"#);
    assert_eq!((nulls.version, nulls.content.len()), (Version::V2, 0));
    let new: RequestAttribute = read(
        r#"{"name":"a","contentType":"string","version":"v3","content":[{"reference":"r","data":"x","contentType":"string"}]}"#,
    );
    assert_eq!(new.content[0].content_type, Some(ContentType::String));
    assert!(serde_json::from_str::<RequestAttribute>(r#"{"name":"a","version":"v4"}"#).is_err());
    assert!(serde_json::from_str::<RequestAttribute>(r#"{"name":"a","version":2}"#).is_err());
}
