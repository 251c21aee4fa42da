use serde_json::json;

use super::*;

fn data(extra: serde_json::Value) -> serde_json::Value {
    let mut base = json!({
        "uuid": "00000000-0000-0000-0000-000000000001", "name": "a", "type": "data", "version": 2,
        "contentType": "string", "properties": {"label": "A"},
    });
    base.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    base
}

fn parse(value: serde_json::Value) -> Result<Definition, String> {
    serde_json::from_value(value).map_err(|why| why.to_string())
}

fn broken(value: serde_json::Value) -> Vec<String> {
    texts(parse(value).unwrap().validate())
}

#[test]
fn version_2_is_written_as_published() {
    let definition = define(ContentType::Integer)
        .label("Size")
        .description("In bits.")
        .group("Keys")
        .default(2048)
        .constraint(Constraint::range(2048, 8192))
        .build();
    let wire = json!({
        "uuid": "00000000-0000-0000-0000-000000000001", "name": "a", "description": "In bits.", "type": "data",
        "version": 2, "contentType": "integer", "content": [{"data": 2048}],
        "properties": {"label": "Size", "visible": true, "group": "Keys", "required": false, "readOnly": false,
            "list": false, "multiSelect": false, "extensibleList": false, "protectionLevel": "none"},
        "constraints": [{"type": "range", "data": {"from": 2048, "to": 8192}}],
    });
    assert_eq!(serde_json::to_value(&definition).unwrap(), wire);
    assert_eq!(parse(wire).unwrap(), definition);
}

#[test]
fn version_3_carries_the_type_in_every_item_and_a_schema_version() {
    let definition = Definition::custom(id(1), "a", ContentType::String).choices(["x", "y"]).build();
    let wire = serde_json::to_value(&definition).unwrap();
    assert_eq!(wire["version"], 3);
    assert_eq!(wire["schemaVersion"], "v3");
    assert_eq!(wire["type"], "custom");
    assert_eq!(
        wire["content"],
        json!([{"data": "x", "contentType": "string"}, {"data": "y", "contentType": "string"}])
    );
    assert_eq!(serde_json::to_value(parse(wire.clone()).unwrap()).unwrap(), wire);
}

#[test]
fn all_five_types_and_three_constraints_come_back_as_they_were() {
    let callback = json!({"callbackContext": "/v1/x/{y}", "callbackMethod": "GET",
        "mappings": [{"from": "b.data", "to": "y", "targets": ["pathVariable", "requestParameter"]},
            {"value": 1, "to": "z", "targets": ["body", "filter"], "attributeType": "data",
             "attributeContentType": "integer"}]});
    let info = json!({"uuid": "00000000-0000-0000-0000-000000000003", "name": "i", "type": "info", "version": 2,
        "contentType": "text", "content": [{"data": "read this"}], "properties": {"label": "I", "visible": true}});
    let properties = json!({"label": "A", "visible": false, "required": true, "readOnly": false, "list": true,
        "multiSelect": true, "extensibleList": true, "protectionLevel": "encrypted"});
    let constraints = json!([
        {"type": "regExp", "description": "letters", "errorMessage": "letters only", "data": "[a-z]+"},
        {"type": "dateTime", "data": {"from": "2026-01-01T00:00:00"}},
        {"type": "range", "data": {"to": 5}},
    ]);
    for wire in [
        data(json!({"properties": properties, "attributeCallback": callback, "constraints": constraints})),
        json!({"uuid": "00000000-0000-0000-0000-000000000002", "name": "g", "type": "group", "version": 2,
            "attributeCallback": callback, "content": [info]}),
        info,
        json!({"uuid": "00000000-0000-0000-0000-000000000004", "name": "m", "type": "meta", "version": 3,
            "schemaVersion": "v3", "contentType": "string", "content": [{"data": "x", "contentType": "string"}],
            "properties": {"label": "M", "visible": true, "global": true, "overwrite": false,
                "protectionLevel": "none"}}),
    ] {
        let definition = parse(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&definition).unwrap(), wire);
    }
}

#[test]
fn defaults_are_those_published_and_null_is_absent() {
    let mut wire = data(json!({"constraints": null, "attributeCallback": null, "content": null, "description": null}));
    wire.as_object_mut().unwrap().remove("version");
    let definition = parse(wire).unwrap();
    assert_eq!(definition.version, Version::V2);
    assert_eq!(definition.properties(), Some(&Properties::new("A")));
    assert_eq!(definition.validate(), Ok(()));
}

#[test]
fn wrong_shapes_are_refused() {
    assert!(parse(data(json!({"version": 4}))).unwrap_err().contains("version is 4"));
    assert!(parse(data(json!({"version": 2, "schemaVersion": "v3"}))).unwrap_err().contains("contradicts"));
    assert!(parse(data(json!({"contentType": null}))).unwrap_err().contains("contentType is missing"));
    assert!(parse(data(json!({"contentType": "colour"}))).unwrap_err().contains("colour"));
    assert!(parse(data(json!({"properties": null}))).unwrap_err().contains("properties are missing"));
    assert!(parse(data(json!({"type": "group"}))).unwrap_err().contains("attributeCallback"));
    assert!(parse(data(json!({"type": "other"}))).is_err());
    assert!(parse(data(json!({"uuid": "x"}))).is_err());
    assert!(parse(data(json!({"constraints": [{"type": "length", "data": 1}]}))).is_err());
}

#[test]
fn rules_between_the_parts_hold() {
    let properties = |more: serde_json::Value| {
        let mut properties = json!({"label": "A"});
        properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"properties": properties})
    };
    assert_eq!(broken(data(properties(json!({"multiSelect": true})))), ["attribute a: multiSelect needs list"]);
    assert_eq!(broken(data(properties(json!({"extensibleList": true})))), ["attribute a: extensibleList needs list"]);
    assert_eq!(broken(data(properties(json!({"readOnly": true})))), ["attribute a: readOnly needs content"]);
    assert_eq!(
        broken(data(properties(json!({"readOnly": true, "list": true})))),
        ["attribute a: readOnly needs content", "attribute a: readOnly excludes list"]
    );
    assert_eq!(broken(data(json!({"name": " ", "properties": {"label": ""}}))).len(), 2);
    assert_eq!(broken(data(json!({"uuid": id(0)}))), ["attribute a: uuid is missing"]);
    assert_eq!(broken(data(json!({"version": 3, "contentType": "secret"}))).len(), 1);
    assert_eq!(broken(data(json!({"contentType": "resource", "version": 3}))).len(), 1);
    assert_eq!(broken(data(json!({"content": [{"data": 1}]}))), ["attribute a: content: expected a string, got 1"]);
    assert_eq!(broken(data(json!({"constraints": [{"type": "range", "data": {}}]}))).len(), 1);
    assert_eq!(broken(data(json!({"constraints": [{"type": "regExp", "data": "("}]}))).len(), 1);
    assert_eq!(broken(data(json!({"constraints": [{"type": "regExp", "data": "a)|(?:b"}]}))).len(), 1);
    assert_eq!(broken(data(json!({"attributeCallback": {"mappings": [{"to": "", "targets": []}]}}))).len(), 4);
    let twice = [define(ContentType::String).build(), define(ContentType::String).build()];
    assert_eq!(texts(validate_definitions(&twice)).len(), 1);
}
