use super::*;

fn subject(policy: &Policy, subject: &'static str, names: &[&'static str]) -> String {
    Request::named(subject, names).to(policy, &P256).unwrap().subject.to_string()
}

#[test]
fn only_what_is_taken_stays() {
    let policy = policy(&[("subjectAttributes", json!(["CN", "O", "serialNumber"])), ("commonName", json!("free"))]);
    let made = subject(&policy, "CN=x,OU=left out,O=Example,serialNumber=7,C=CZ", &["dns:a.example"]);
    assert_eq!(made, "CN=x,O=Example,serialNumber=7");
}

#[test]
fn fixed_attributes_replace_requested_ones() {
    let policy = policy(&[
        ("subjectAttributes", json!(["CN", "O"])),
        ("subjectFixed", json!(["C=CZ", "O=Example Ltd"])),
        ("commonName", json!("free")),
    ]);
    assert_eq!(subject(&policy, "CN=x,O=Other", &["dns:a.example"]), "CN=x,O=Example Ltd,C=CZ");
}

#[test]
fn required_attributes_must_be_there() {
    let policy = policy(&[
        ("subjectAttributes", json!(["CN", "O"])),
        ("subjectRequired", json!(["O"])),
        ("commonName", json!("free")),
    ]);
    assert_eq!(subject(&policy, "CN=x,O=y", &["dns:a.example"]), "CN=x,O=y");
    let told = Request::named("CN=x", &["dns:a.example"]).to(&policy, &P256).unwrap_err();
    assert_eq!(told, ["name subject CN=x: this RA profile requires O"]);
}

#[test]
fn the_common_name_is_one_of_the_names_or_left_out() {
    let policy = policy(&[]);
    assert_eq!(subject(&policy, "CN=Host.Example", &["dns:a.example", "dns:host.example"]), "CN=host.example");
    assert_eq!(subject(&policy, "CN=192.0.2.1", &["ip:192.0.2.1"]), "CN=192.0.2.1");
    assert_eq!(subject(&policy, "CN=*.example.com", &["dns:*.example.com"]), "CN=*.example.com");
    assert_eq!(subject(&policy, "CN=other.example", &["dns:a.example"]), "");
    assert_eq!(subject(&policy, "CN=My Server", &["dns:a.example"]), "");
}

#[test]
fn a_name_too_long_for_a_common_name_is_left_out_there() {
    let host = format!("{}.{}.example", "a".repeat(40), "b".repeat(27));
    // More than RFC 5280 allows and our own builder makes, so by hand: SEQUENCE { SET { SEQUENCE { 2.5.4.3, host } } }.
    let length = u8::try_from(host.len()).unwrap();
    let mut der = vec![0x30, length + 11, 0x31, length + 9, 0x30, length + 7, 0x06, 3, 0x55, 4, 3, 0x0c, length];
    der.extend_from_slice(host.as_bytes());
    let requested = Name::from_der(&der).unwrap();
    let names = [GeneralName::Dns(host)];
    let mut faults = Vec::new();
    let dropping = policy(&[]);
    let held = Held { rules: &dropping.names, names: Some(&names), for_servers: true };
    assert!(dropping.subject.decide(&requested, &held, &mut faults).is_empty());
    assert!(faults.is_empty());
    policy(&[("commonName", json!("free"))]).subject.decide(&requested, &held, &mut faults);
    assert_eq!(faults.len(), 1);
}

#[test]
fn the_other_rules_for_common_names() {
    let refused = policy(&[("commonName", json!("nameOrRefused"))]);
    assert_eq!(subject(&refused, "CN=a.example", &["dns:a.example"]), "CN=a.example");
    let told = Request::named("CN=b.example", &["dns:a.example"]).to(&refused, &P256).unwrap_err();
    assert!(told[0].contains("is not one of the subject alternative names"), "{told:?}");
    let told = Request::named("CN=b_.example", &["dns:b_.example"]).to(&refused, &P256).unwrap_err();
    assert_eq!(told.len(), 1, "the refused name is told once: {told:?}");
    assert_eq!(subject(&policy(&[("commonName", json!("dropped"))]), "CN=a.example", &["dns:a.example"]), "");
    assert_eq!(subject(&policy(&[("commonName", json!("free"))]), "CN=Any One", &["dns:a.example"]), "CN=Any One");
}

#[test]
fn parts_of_several_attributes_stay_together() {
    let policy = policy(&[("subjectAttributes", json!(["CN", "UID"])), ("commonName", json!("free"))]);
    let made = Request::named("CN=x+UID=7,O=left out", &["dns:a.example"]).to(&policy, &P256).unwrap().subject;
    assert_eq!(made.rdns().len(), 1);
    assert!(made.matches(&"CN=x+UID=7".parse().unwrap()));
}

#[test]
fn values_that_are_no_strings_are_refused() {
    let policy = policy(&[("subjectAttributes", json!(["CN", "1.2.3.4"])), ("commonName", json!("free"))]);
    let told = Request::named("1.2.3.4=#04024869", &["dns:a.example"]).to(&policy, &P256).unwrap_err();
    assert!(told[0].contains("not a string"), "{told:?}");
    assert_eq!(subject(&policy, "CN=\\#0500", &["dns:a.example"]), "CN=\\#0500");
}

#[test]
fn a_free_common_name_of_a_server_walks_around_no_rule() {
    let rules = [
        ("commonName", json!("free")),
        ("dnsAllowed", json!("example.com")),
        ("dnsDenied", json!("secret.example.com")),
        ("dnsWildcards", json!(false)),
        ("ipAllowed", json!("10.0.0.0/8")),
        ("namesRequired", json!(false)),
    ];
    let server = policy(&rules);
    let for_all = policy(&[&rules[..], &[("extendedKeyUsages", json!("none"))]].concat());
    let client = policy(&[&rules[..], &[("extendedKeyUsages", json!("clientAuth"))]].concat());
    for common_name in [
        "CN=evil.example",
        "CN=EVIL.example",
        "CN=evil.example.",
        "CN=evil\u{3002}example",
        "CN=secret.example.com",
        "CN=*.example.com",
        "CN=*",
        "CN=a_b.evil.example",
        "CN=192.0.2.1",
        "CN=2001:db8::1",
        "CN=[2001:db8::1]",
    ] {
        for policy in [&server, &for_all] {
            let told = Request::named(common_name, &[]).to(policy, &P256).unwrap_err();
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].contains("reads as a host"), "{told:?}");
        }
        assert!(Request::named(common_name, &[]).to(&client, &P256).is_ok(), "{common_name}");
    }
    for common_name in
        ["CN=printer-17", "CN=d1", "CN=host.example.com", "CN=10.1.2.3", "CN=My Device 1.2", "CN=a@b.example"]
    {
        assert_eq!(subject(&server, common_name, &[]), common_name);
    }
}

#[test]
fn e_mail_addresses_of_the_subject_keep_the_rules() {
    let policy = policy(&[
        ("subjectAttributes", json!(["CN", "emailAddress"])),
        ("emailAllowed", json!("example.com")),
        ("emailDenied", json!("root@example.com")),
    ]);
    assert_eq!(subject(&policy, "E=a@example.com", &["dns:a.example"]), "E=a@example.com");
    for wrong in ["E=a@evil.example", "E=root@example.com", "E=nobody"] {
        let told = Request::named(wrong, &["dns:a.example"]).to(&policy, &P256).unwrap_err();
        assert!(told[0].contains("its e-mail address"), "{told:?}");
    }
}
