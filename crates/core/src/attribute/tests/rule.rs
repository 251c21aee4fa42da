use serde_json::json;
use time::macros::datetime;

use super::*;

#[test]
fn unknown_doubled_missing_and_unsettable_are_all_told_at_once() {
    let info = read::<Definition>(
        r#"{"uuid":"00000000-0000-0000-0000-000000000009","name":"i","type":"info","version":2,"contentType":"text",
            "content":[{"data":"x"}],"properties":{"label":"I","visible":true}}"#,
    );
    let definitions = [
        Definition::data(id(1), "a", ContentType::String).build(),
        Definition::data(id(2), "b", ContentType::String).required().build(),
        Definition::data(id(3), "c", ContentType::String).required().build(),
        info,
    ];
    let named = |name: &str| RequestAttribute { name: name.into(), ..given(ContentType::String, &[json!("x")]) };
    let values = [
        named("a"),
        named("a"),
        named("evil\u{1b}[0m"),
        named("i"),
        RequestAttribute { content: vec![], ..named("c") },
    ];
    let told = texts(check(&definitions, &values).map(drop));
    assert_eq!(
        told,
        [
            "attribute a: it is given more than once",
            "attribute evil\\u{1b}[0m: it is not known here; known are a, b, c",
            "attribute i: it is shown only and cannot be set; leave it out",
            "attribute c: it is required; give a value",
            "attribute b: it is required; give a value",
        ]
    );
}

#[test]
fn version_and_content_type_must_be_the_definitions() {
    let definition = define(ContentType::String).build();
    let mut value = given(ContentType::Integer, &[json!("x")]);
    value.version = Version::V3;
    assert_eq!(
        faults(&definition, value),
        ["attribute a: version v3 was sent, the attribute is of version v2", "attribute a: its contentType is string"]
    );
    let mut value = given(ContentType::String, &[json!("x")]);
    value.content_type = None;
    value.content[0].content_type = Some(ContentType::Integer);
    assert!(faults(&definition, value).is_empty(), "the type inside a version 2 item is ignored");
}

#[test]
fn version_3_items_need_their_type() {
    let definition = define(ContentType::String).version(Version::V3).build();
    let mut value = RequestAttribute { version: Version::V3, ..given(ContentType::String, &[json!("x")]) };
    assert_eq!(
        faults(&definition, value.clone()),
        ["attribute a: an item of version v3 needs its contentType, string"]
    );
    value.content[0].content_type = Some(ContentType::Text);
    assert_eq!(faults(&definition, value.clone()).len(), 1);
    value.content[0].content_type = Some(ContentType::String);
    assert!(faults(&definition, value).is_empty());
}

#[test]
fn one_value_unless_multi_select() {
    let two = given(ContentType::String, &[json!("x"), json!("y")]);
    assert_eq!(
        faults(&define(ContentType::String).build(), two.clone()),
        ["attribute a: 2 values were given; it takes one"]
    );
    assert!(faults(&define(ContentType::String).multiple().build(), two).is_empty());
}

#[test]
fn lists_take_their_choices_only_unless_extensible() {
    let list = define(ContentType::String).choices(["x", "y"]);
    let other = given(ContentType::String, &[json!("z")]);
    assert_eq!(faults(&list.clone().build(), other.clone()), [r#"attribute a: "z" is not one of "x", "y""#]);
    assert!(faults(&list.clone().extensible().build(), other).is_empty());
    let mut labelled = given(ContentType::String, &[json!("x")]);
    assert!(faults(&list.clone().build(), labelled.clone()).is_empty());
    labelled.content[0].reference = Some("another label".into());
    assert_eq!(faults(&list.build(), labelled).len(), 1);
}

#[test]
fn read_only_takes_its_own_value_only() {
    let fixed = define(ContentType::String).fixed("x").build();
    assert!(faults(&fixed, given(ContentType::String, &[json!("x")])).is_empty());
    assert_eq!(faults(&fixed, given(ContentType::String, &[json!("y")])).len(), 1);
    assert_eq!(check(&[fixed], &[]).unwrap().string("a"), Some("x"));
}

#[test]
fn constraints_hold_for_the_whole_value() {
    let letters = define(ContentType::String).constraint(Constraint::pattern("[a-z]+|[0-9]+", "mine")).build();
    assert!(faults(&letters, given(ContentType::String, &[json!("abc")])).is_empty());
    for wrong in ["abc1", "1abc", "abc\n", "", "a b"] {
        assert_eq!(faults(&letters, given(ContentType::String, &[json!(wrong)])), ["attribute a: mine"], "{wrong:?}");
    }
    let range = define(ContentType::Integer).constraint(Constraint::range(1, 5)).build();
    for right in [1, 5] {
        assert!(faults(&range, given(ContentType::Integer, &[json!(right)])).is_empty());
    }
    for wrong in [0, 6] {
        let told = faults(&range, given(ContentType::Integer, &[json!(wrong)]));
        assert_eq!(told, [format!("attribute a: {wrong} is not between 1 and 5")]);
    }
    let from = Constraint::between(datetime!(2026-01-01 0:00 UTC), None);
    let dates = define(ContentType::Datetime).constraint(from).build();
    assert!(faults(&dates, given(ContentType::Datetime, &[json!("2026-01-01T01:00:00+01:00")])).is_empty());
    assert_eq!(faults(&dates, given(ContentType::Datetime, &[json!("2025-12-31T23:59:59Z")])).len(), 1);
}

#[test]
fn a_pattern_cannot_escape_its_anchors_nor_eat_all_memory() {
    assert_eq!(Pattern::new("a)|(?:b").matches("b"), None);
    assert_eq!(Pattern::new("(((a{1000}){1000}){1000})").matches("a"), None);
    assert_eq!(Pattern::new("a|b").matches("xb"), Some(false));
}

#[test]
fn there_are_limits() {
    let definition = define(ContentType::String).multiple().build();
    let many = vec![json!("x"); MAX_ITEMS + 1];
    assert_eq!(faults(&definition, given(ContentType::String, &many)).len(), 1);
    let long = "x".repeat(MAX_STRING + 1);
    assert_eq!(faults(&definition, given(ContentType::String, &[json!(long)])).len(), 1);
    let values = vec![given(ContentType::String, &[]); MAX_ATTRIBUTES + 1];
    assert_eq!(texts(check(&[definition], &values).map(drop)).len(), 1);
}

#[test]
fn what_was_checked_can_be_read() {
    let definitions = [
        Definition::data(id(1), "s", ContentType::String).multiple().build(),
        Definition::data(id(2), "i", ContentType::Integer).default(5).build(),
        Definition::data(id(3), "b", ContentType::Boolean).default(true).build(),
        Definition::data(id(4), "d", ContentType::Datetime).build(),
        Definition::data(id(5), "f", ContentType::Float).build(),
        Definition::data(id(6), "l", ContentType::String).choices(["x"]).build(),
    ];
    let value = |at: usize, data: &[serde_json::Value]| RequestAttribute::new(&definitions[at], data.to_vec());
    let values = [
        value(0, &[json!("x"), json!("y")]),
        value(2, &[json!(false)]),
        value(3, &[json!("2026-05-06T07:08:09")]),
        value(4, &[json!(1.5)]),
    ];
    let set = check(&definitions, &values).unwrap();
    assert_eq!((set.string("s"), set.strings("s")), (Some("x"), vec!["x", "y"]));
    assert_eq!((set.integer("i"), set.given("i")), (Some(5), false));
    assert_eq!((set.boolean("b"), set.given("b")), (Some(false), true));
    assert_eq!(set.datetime("d"), Some(datetime!(2026-05-06 7:08:09 UTC)));
    assert_eq!(set.float("f"), Some(1.5));
    assert_eq!(set.value("l"), None, "choices are no default");
    assert_eq!(set.names().collect::<Vec<_>>(), ["b", "d", "f", "i", "s"]);
    assert_eq!(AttributeSet::empty().string("s"), None);
}
