use std::collections::BTreeSet;

use chancery_core::{CertificateField, CertificateFilter, Condition, RaProfile, Rejection};
use serde_json::json;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{duration, read};

const NOW: OffsetDateTime = datetime!(2027-01-01 00:00 UTC);

fn profile() -> RaProfile {
    RaProfile {
        id: Uuid::from_u128(7),
        name: "device".into(),
        description: None,
        enabled: true,
        authority: Uuid::from_u128(1),
        doors: BTreeSet::new(),
        attributes: Vec::new(),
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn one(field: &str, condition: &str, value: serde_json::Value) -> Result<Vec<CertificateFilter>, Vec<Rejection>> {
    let filter = json!({ "fieldSource": "property", "fieldIdentifier": field, "condition": condition, "value": value });
    let mut faults = Vec::new();
    let filters = read(vec![serde_json::from_value(filter).unwrap()], &[profile()], NOW, &mut faults);
    if faults.is_empty() { Ok(filters) } else { Err(faults) }
}

#[test]
fn texts() {
    let expected = |condition| Ok(vec![CertificateFilter { field: CertificateField::CommonName, condition }]);
    assert_eq!(one("COMMON_NAME", "EQUALS", json!("a")), expected(Condition::Equals(vec!["a".into()])));
    assert_eq!(
        one("COMMON_NAME", "NOT_EQUALS", json!(["a", "b"])),
        expected(Condition::NotEquals(vec!["a".into(), "b".into()]))
    );
    assert_eq!(one("COMMON_NAME", "CONTAINS", json!(["a", "b"])), expected(Condition::Contains("a".into())));
    assert_eq!(one("COMMON_NAME", "EMPTY", json!(null)), expected(Condition::Empty));
    let hostile = "' OR 1=1--%_\\";
    assert_eq!(one("COMMON_NAME", "STARTS_WITH", json!(hostile)), expected(Condition::StartsWith(hostile.into())));
}

#[test]
fn profiles_by_name() {
    let expected = |id: u128| {
        let condition = Condition::Equals(vec![Uuid::from_u128(id).to_string()]);
        Ok(vec![CertificateFilter { field: CertificateField::Profile, condition }])
    };
    assert_eq!(one("RA_PROFILE_NAME", "EQUALS", json!(["device"])), expected(7));
    assert_eq!(one("RA_PROFILE_NAME", "EQUALS", json!(["unknown"])), expected(0), "matches nothing");
}

#[test]
fn instants() {
    let conditions = |found: Result<Vec<CertificateFilter>, _>| -> Vec<Condition> {
        found.unwrap().into_iter().map(|filter| filter.condition).collect()
    };
    for text in ["2027-02-03T00:00:00Z", "2027-02-03T01:00:00.000+01:00", "2027-02-03T00:00:00", "2027-02-03"] {
        let found = conditions(one("NOT_AFTER", "LESSER", json!(text)));
        assert_eq!(found, [Condition::Before(datetime!(2027-02-03 00:00 UTC))], "{text}");
    }
    assert_eq!(
        conditions(one("NOT_AFTER", "IN_NEXT", json!("P30D"))),
        [Condition::NotBefore(NOW), Condition::NotAfter(NOW + Duration::days(30))]
    );
    assert_eq!(
        conditions(one("NOT_BEFORE", "IN_PAST", json!("PT12H"))),
        [Condition::NotBefore(NOW - Duration::hours(12)), Condition::NotAfter(NOW)]
    );
}

#[test]
fn every_fault_is_told() {
    for (field, condition, value) in [
        ("KEY_SIZE", "EQUALS", json!(1)),
        ("' OR 1=1--", "EQUALS", json!("a")),
        ("COMMON_NAME", "GREATER", json!("a")),
        ("COMMON_NAME", "MATCHES", json!("(")),
        ("NOT_AFTER", "CONTAINS", json!("2027")),
        ("NOT_AFTER", "LESSER", json!("soon")),
        ("NOT_AFTER", "IN_NEXT", json!("P1Y")),
        ("NOT_AFTER", "IN_NEXT", json!("P99999999999999D")),
        ("COMMON_NAME", "EQUALS", json!(null)),
        ("COMMON_NAME", "EQUALS", json!([])),
        ("COMMON_NAME", "EQUALS", json!({ "a": 1 })),
        ("COMMON_NAME", "EQUALS", json!("a\0")),
        ("COMMON_NAME", "CONTAINS", json!("x".repeat(1_000_000))),
    ] {
        assert_eq!(one(field, condition, value.clone()).unwrap_err().len(), 1, "{field} {condition}");
    }
}

#[test]
fn durations() {
    assert_eq!(duration("P1W"), Ok(Duration::weeks(1)));
    assert_eq!(duration("P1DT2H3M4S"), Ok(Duration::seconds(86_400 + 7_200 + 180 + 4)));
    for wrong in ["", "P", "PT", "P1", "1D", "P1H", "PT1D", "P1DT", "P1D1D", "PT1S1M", "P-1D", "P1.5D", "p1d"] {
        assert!(duration(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn three_parts_of_a_text_and_no_more() {
    let part = json!({ "fieldSource": "property", "fieldIdentifier": "OWNER", "condition": "CONTAINS", "value": "a" });
    let whole = json!({ "fieldSource": "property", "fieldIdentifier": "OWNER", "condition": "EQUALS", "value": "a" });
    let faults = |parts: usize| {
        let filters = std::iter::repeat_n(&part, parts).chain(std::iter::repeat_n(&whole, 5));
        let filters = filters.map(|filter| serde_json::from_value(filter.clone()).unwrap()).collect();
        let mut faults = Vec::new();
        read(filters, &[], NOW, &mut faults);
        faults
    };
    assert!(faults(3).is_empty());
    assert!(matches!(&faults(4)[..], [Rejection::State(why)] if why.contains("EQUALS")));
}
