use super::*;

const SECOND: OffsetDateTime = datetime!(2026-11-24 12:00:00 UTC);

fn wanted(attributes: &[(&'static str, Value)]) -> Request {
    Request { attributes: attributes.to_vec(), ..Request::named("", &["dns:a.example"]) }
}

fn validity(policy: &Policy, attributes: &[(&'static str, Value)]) -> (OffsetDateTime, OffsetDateTime) {
    let validity = wanted(attributes).to(policy, &P256).unwrap().validity;
    (validity.not_before, validity.not_after)
}

fn fault(policy: &Policy, attributes: &[(&'static str, Value)]) -> String {
    let mut told = wanted(attributes).to(policy, &P256).unwrap_err();
    assert_eq!(told.len(), 1, "{told:?}");
    told.remove(0)
}

#[test]
fn by_default_it_begins_a_little_earlier_and_has_whole_seconds() {
    let start = SECOND - BACKDATE;
    assert_eq!(validity(&policy(&[]), &[]), (start, start + Duration::days(90) - Duration::SECOND));
}

#[test]
fn a_length_can_be_asked_for_up_to_the_longest() {
    let start = SECOND - BACKDATE;
    let day = start + Duration::days(1) - Duration::SECOND;
    assert_eq!(validity(&policy(&[]), &[("validity", json!("P1D"))]), (start, day));
    validity(&policy(&[]), &[("validity", json!("P398D"))]);
    assert!(fault(&policy(&[]), &[("validity", json!("P399D"))]).starts_with("validity: "));
    assert!(fault(&policy(&[]), &[("validity", json!("P1Y"))]).starts_with("attribute validity: "));
    assert!(fault(&policy(&[]), &[("validity", json!("PT30S"))]).contains("before it begins or before now"));
}

#[test]
fn an_end_can_be_asked_for_up_to_the_longest_from_now() {
    let policy = policy(&[]);
    let end = |end: OffsetDateTime| json!(end.format(&time::format_description::well_known::Rfc3339).unwrap());
    let near = SECOND + Duration::days(10);
    assert_eq!(validity(&policy, &[("notAfter", end(near))]), (SECOND - BACKDATE, near));
    let far = SECOND + Duration::days(398) - Duration::SECOND;
    assert_eq!(validity(&policy, &[("notAfter", end(far))]), (SECOND, far), "the whole longest lifetime from now");
    assert!(fault(&policy, &[("notAfter", end(far + Duration::SECOND))]).starts_with("validity: "));
    assert!(fault(&policy, &[("notAfter", end(SECOND - Duration::SECOND))]).contains("before it begins or before now"));
    assert!(fault(&policy, &[("notAfter", json!("9999-12-31T23:59:59Z"))]).starts_with("validity: "));
    assert!(fault(&policy, &[("notAfter", json!("0000-01-01T00:00:00Z"))]).starts_with("validity: "));
    assert!(fault(&policy, &[("notAfter", json!("9999-12-31T23:59:59-01:00"))]).starts_with("attribute notAfter: "));
    let both = [("notAfter", end(near)), ("validity", json!("P1D"))];
    assert!(fault(&policy, &both).contains("both"));
}

#[test]
fn a_start_can_be_asked_for_where_the_profile_lets() {
    let start = json!("2026-12-01T00:00:00+01:00");
    assert!(fault(&policy(&[]), &[("notBefore", start.clone())]).starts_with("attribute notBefore: "));
    let policy = policy(&[("requestedStart", json!(true))]);
    let begin = datetime!(2026-11-30 23:00 UTC);
    assert_eq!(
        validity(&policy, &[("notBefore", start), ("validity", json!("P10D"))]),
        (begin, begin + Duration::days(10) - Duration::SECOND)
    );
    assert!(fault(&policy, &[("notBefore", json!("2026-11-24T11:00:00Z"))]).contains("has passed"));
    assert!(fault(&policy, &[("notBefore", json!("2029-01-01T00:00:00Z"))]).contains("too far away"));
    assert!(fault(&policy, &[("notBefore", json!("9999-12-31T23:59:59Z"))]).contains("too far away"));
    assert!(fault(&policy, &[("notBefore", json!("0000-01-01T00:00:00Z"))]).contains("has passed"));
    let swapped = [("notBefore", json!("2026-12-02T00:00:00Z")), ("notAfter", json!("2026-12-01T00:00:00Z"))];
    assert!(fault(&policy, &swapped).contains("before it begins"));
}

#[test]
fn a_start_and_an_end_are_both_counted() {
    let policy =
        policy(&[("requestedStart", json!(true)), ("maximumValidity", json!("P10D")), ("validity", json!("P1D"))]);
    let ends = |end: &str| [("notBefore", json!("2026-12-01T00:00:00Z")), ("notAfter", json!(end))];
    let (first, last) = validity(&policy, &ends("2026-12-10T23:59:59Z"));
    assert_eq!(last - first + Duration::SECOND, Duration::days(10));
    assert!(fault(&policy, &ends("2026-12-11T00:00:00Z")).contains("until 2026-12-10 23:59:59"));
}

#[test]
fn no_end_can_be_asked_for_where_the_profile_does_not_let() {
    let policy = policy(&[("requestedEnd", json!(false))]);
    for name in ["notAfter", "validity"] {
        assert!(fault(&policy, &[(name, json!("P1D"))]).starts_with(&format!("attribute {name}: ")));
    }
}

#[test]
fn nothing_outlives_its_issuer() {
    let end = SECOND + Duration::days(30);
    let request = wanted(&[]);
    let shortened = request.by(&policy(&[]), &P256, &issuer(end)).unwrap();
    assert_eq!(shortened.validity.not_after, end);
    let refusing = policy(&[("issuerEnd", json!("refuse"))]);
    let told = request.by(&refusing, &P256, &issuer(end)).unwrap_err();
    assert!(told[0].contains("after its issuer's end"), "{told:?}");
    assert!(wanted(&[("validity", json!("P29D"))]).by(&refusing, &P256, &issuer(end)).is_ok());
    let told = request.by(&policy(&[]), &P256, &issuer(SECOND)).unwrap_err();
    assert!(told[0].contains("the issuer's own certificate is valid from"), "{told:?}");
    let later = policy(&[("requestedStart", json!(true))]);
    let told = wanted(&[("notBefore", json!("2026-12-30T00:00:00Z"))]).by(&later, &P256, &issuer(end)).unwrap_err();
    assert!(told.iter().all(|text| text.starts_with("validity: ")), "{told:?}");
}

#[test]
fn nothing_begins_before_its_issuer() {
    let young = issuer_from(SECOND - Duration::seconds(5), SECOND + Duration::days(3650));
    let validity = wanted(&[]).by(&policy(&[]), &P256, &young).unwrap().validity;
    assert_eq!(validity.not_before, SECOND - Duration::seconds(5));
}
