use super::*;

fn ok(policy: &Policy, name: &'static str) -> String {
    names(&Request::named("", &[name]).to(policy, &P256).unwrap()).remove(0)
}

fn fault(policy: &Policy, name: &'static str) -> String {
    match Request::named("", &[name]).to(policy, &P256) {
        Err(mut told) => {
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].starts_with(&format!("name {name}: ")), "{told:?}");
            told.remove(0)
        }
        Ok(_) => panic!("{name} was taken"),
    }
}

fn any_kind() -> Policy {
    policy(&[
        ("nameKinds", json!(["dns", "ip", "email", "uri", "dn", "rid", "other"])),
        ("otherNameTypes", json!(["1.3.6.1.5.5.7.8.4", "1.3.6.1.4.1.311.20.2.3"])),
    ])
}

#[test]
fn dns_names_are_written_in_lower_case_and_none_twice() {
    let request =
        Request::named("", &["dns:Host.Example", "dns:host.example", "dns:*.EXAMPLE.com", "dns:xn--luk-6na.cz"]);
    let template = request.to(&policy(&[]), &P256).unwrap();
    assert_eq!(names(&template), ["dns:host.example", "dns:*.example.com", "dns:xn--luk-6na.cz"]);
}

#[test]
fn wrong_dns_names_are_refused() {
    let policy = policy(&[]);
    for name in [
        "dns:.",
        "dns:a.example.",
        "dns:a..example",
        "dns:.a.example",
        "dns:_x.example",
        "dns:-a.example",
        "dns:a-.example",
        "dns:a b.example",
        "dns:192.0.2.1",
        "dns:1.2.3",
        "dns:*",
        "dns:a.*.example",
        "dns:*.*.example",
        "dns:a*.example",
        "dns:ab--c.example",
        "dns:xn--a.example",
        "dns:xn--.example",
        "dns:https://a.example",
        "dns:a.example:443",
        "dns:XN--ZZZZZZZZ99.example",
        "dns:a%00.example",
        "dns:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
    ] {
        fault(&policy, name);
    }
}

#[test]
fn the_length_of_a_dns_name_is_limited() {
    let label = "a".repeat(63);
    let long = [label.as_str(); 4].join(".");
    assert!(dns::normalise(&long).is_err());
    assert!(dns::normalise(&long[2..]).is_ok(), "253 characters");
    assert!(dns::normalise_wildcard(&format!("*.{}", &long[2..])).is_err());
}

#[test]
fn allow_and_deny_patterns_of_dns_names() {
    let policy = policy(&[
        ("dnsAllowed", json!(["example.com", ".below.example", "=alone.example"])),
        ("dnsDenied", json!(["secret.example.com", "=one.example.com"])),
    ]);
    for name in
        ["dns:example.com", "dns:a.b.example.com", "dns:x.below.example", "dns:alone.example", "dns:*.b.example.com"]
    {
        ok(&policy, name);
    }
    for name in [
        "dns:badexample.com",
        "dns:below.example",
        "dns:x.alone.example",
        "dns:com",
        "dns:secret.example.com",
        "dns:a.secret.example.com",
        "dns:SECRET.example.com",
        "dns:one.example.com",
    ] {
        fault(&policy, name);
    }
    assert!(fault(&policy, "dns:*.example.com").contains("denies"), "it covers secret.example.com");
    assert!(fault(&policy, "dns:*.secret.example.com").contains("denies"));
    ok(&policy, "dns:x.one.example.com");
}

#[test]
fn wildcards_and_single_labels_can_be_forbidden() {
    let strict = policy(&[("dnsWildcards", json!(false)), ("dnsSingleLabel", json!(false))]);
    assert!(fault(&strict, "dns:*.example.com").contains("wildcard"));
    assert!(fault(&strict, "dns:intranet").contains("full name"));
    let single = policy(&[("dnsSingleLabel", json!(false))]);
    fault(&single, "dns:*.intranet");
    assert_eq!(ok(&policy(&[]), "dns:intranet"), "dns:intranet");
}

#[test]
fn ip_ranges_hold_and_mapped_addresses_do_not_evade_them() {
    let policy = policy(&[
        ("ipAllowed", json!(["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"])),
        ("ipDenied", json!(["10.1.0.0/16"])),
    ]);
    for name in ["ip:10.0.0.1", "ip:2001:db8::1", "ip:192.0.2.7", "ip:::ffff:10.0.0.1"] {
        ok(&policy, name);
    }
    for name in ["ip:10.1.2.3", "ip:11.0.0.1", "ip:2001:db9::1", "ip:192.0.2.8", "ip:::ffff:10.1.2.3"] {
        fault(&policy, name);
    }
}

#[test]
fn e_mail_addresses() {
    let any = any_kind();
    assert_eq!(
        ok(&any, "email:First.Last+tag@Example.COM"),
        "email:First.Last+tag@Example.COM",
        "exactly as asked for"
    );
    for name in [
        "email:example.com",
        "email:@example.com",
        "email:a@",
        "email:a..b@example.com",
        "email:.a@example.com",
        "email:a b@example.com",
        "email:a@b@example.com",
        "email:a@[192.0.2.1]",
        "email:a@*.example.com",
        "email:\"a\"@example.com",
        "email:<a@example.com>",
    ] {
        fault(&any, name);
    }
    let some = policy(&[
        ("nameKinds", json!("email")),
        ("emailAllowed", json!(["example.com", "boss@example.org"])),
        ("emailDenied", json!("root@example.com")),
    ]);
    ok(&some, "email:a@EXAMPLE.com");
    ok(&some, "email:boss@example.org");
    for name in ["email:a@example.org", "email:Root@example.com", "email:a@badexample.com"] {
        fault(&some, name);
    }
}

#[test]
fn uris_and_spiffe_ids() {
    let any = any_kind();
    for name in [
        "uri:https://Example.com/a?b#c",
        "uri:urn:uuid:b11c9be1-b619-4ef5-be1b-a1cd9ef265b7",
        "uri:https://[2001:db8::1]:8443/",
        "uri:sip:alice@example.com",
        "uri:sips:alice;a=b?c:secret@example.com:5061;transport=tcp?subject=x",
        "uri:sip:192.0.2.1",
        "uri:mailto:alice@example.com",
        "uri:tel:+420-1",
        "uri:ldap://192.0.2.1",
        "uri:spiffe://trust.example/ns/a/sa/b",
        "uri:spiffe://trust_1.example",
    ] {
        assert_eq!(ok(&any, name), name);
    }
    for name in [
        "uri:/relative",
        "uri:example.com",
        "uri:1http://a.example",
        "uri:https:",
        "uri:https://",
        "uri:https:///path",
        "uri:https://a b/",
        "uri:https://a.example/%zz",
        "uri:https://a.example:99999/",
        "uri:https://a_b.example/",
        "uri:https://[::1",
        "uri:https://a.example/<x>",
        "uri:https:a.example",
        "uri:https:/a.example/",
        "uri:HTTP:a.example",
        "uri:ldap:dc=example",
        "uri:sip:a@b@c.example",
        "uri:sip://a.example",
        "uri:mailto:a@b.example,c@d.example",
        "uri:mailto:a@b.example?cc=c@d.example",
        "uri:mailto:a%2cb@c.example",
        "uri:mailto:a",
        "uri:spiffe://Trust.example/a",
        "uri:SPIFFE://trust.example/a",
        "uri:spiffe://trust.example/",
        "uri:spiffe://trust.example/a//b",
        "uri:spiffe://trust.example/../b",
        "uri:spiffe://trust.example:8443/a",
        "uri:spiffe://user@trust.example/a",
        "uri:spiffe://trust.example/a?b",
        "uri:spiffe:trust.example/a",
        "uri:spiffe:////trust.example",
    ] {
        fault(&any, name);
    }
    let two = Request::named("", &["uri:spiffe://trust.example/a", "uri:https://a.example/"]).to(&any, &P256);
    assert!(two.unwrap_err()[0].contains("SPIFFE"));
}

#[test]
fn hosts_and_schemes_of_uris_hold() {
    let policy = policy(&[
        ("nameKinds", json!("uri")),
        ("uriSchemes", json!(["spiffe", "https"])),
        ("uriAllowed", json!(["example.com", "10.0.0.0/8"])),
        ("uriDenied", json!(["=no.example.com"])),
    ]);
    for name in [
        "uri:https://a.EXAMPLE.com/",
        "uri:https://user@a.example.com/",
        "uri:https://10.1.2.3/",
        "uri:spiffe://example.com/a",
    ] {
        ok(&policy, name);
    }
    for name in [
        "uri:http://a.example.com/",
        "uri:https://example.org/",
        "uri:https://11.0.0.1/",
        "uri:https:example.com",
        "uri:https://no.example.com/",
        "uri:https://example.com@evil.example/",
        "uri:spiffe://example.org/a",
    ] {
        fault(&policy, name);
    }
}

#[test]
fn denied_hosts_are_not_reached_by_another_form() {
    let kinds = ("nameKinds", json!("uri"));
    let denying = policy(&[kinds.clone(), ("uriDenied", json!(["evil.example", "10.0.0.0/8"]))]);
    for name in ["uri:sip:a@good.example", "uri:mailto:a@good.example", "uri:urn:uuid:1", "uri:spiffe://good.example/a"]
    {
        ok(&denying, name);
    }
    let evasions = [
        "uri:https:evil.example/",
        "uri:https:/evil.example/",
        "uri:https://EVIL.example/",
        "uri:sip:alice@evil.example",
        "uri:sips:evil.example;transport=tcp",
        "uri:sip:good.example@10.1.2.3:5060",
        "uri:mailto:a@x.evil.example",
        "uri:spiffe://evil.example/a",
        "uri:xmpp:a@evil.example",
    ];
    for name in evasions {
        fault(&denying, name);
    }
    let allowing = policy(&[kinds, ("uriAllowed", json!("good.example"))]);
    for name in ["uri:sip:a@good.example", "uri:mailto:a@good.example", "uri:spiffe://good.example/a"] {
        ok(&allowing, name);
    }
    for name in evasions.into_iter().chain(["uri:urn:uuid:1"]) {
        fault(&allowing, name);
    }
}

#[test]
fn other_names_of_allowed_types_and_known_form() {
    let any = any_kind();
    ok(&any, "other:1.3.6.1.5.5.7.8.4:300a06042a030405040248ff");
    fault(&any, "other:1.3.6.1.5.5.7.8.4:0500");
    fault(&any, "other:1.3.6.1.5.5.7.8.4:300806042a0304050400");
    ok(&any, "other:1.3.6.1.4.1.311.20.2.3:0c056140422e43");
    fault(&any, "other:1.3.6.1.4.1.311.20.2.3:0c0161");
    fault(&any, "other:1.3.6.1.5.5.7.8.9:0c0161");
    ok(&any, "rid:1.2.3.4");
    ok(&any, "dn:CN=x,O=y");
    fault(&any, "x400:3000");
}

#[test]
fn kinds_that_are_not_allowed_are_refused_by_name() {
    for name in ["email:a@b.example", "uri:urn:a:b", "dn:CN=x", "rid:1.2.3.4", "other:1.2.3:0500"] {
        assert!(fault(&policy(&[]), name).contains("it allows dns, ip"));
    }
    let none = policy(&[("nameKinds", json!("none")), ("namesRequired", json!(false))]);
    assert!(fault(&none, "dns:a.example").contains("it allows none"));
    assert!(none.issue_definitions().iter().all(|definition| definition.name != SUBJECT_ALTERNATIVE_NAMES));
}

#[test]
fn names_are_required_and_counted() {
    let told = Request::named("CN=host.example", &[]).to(&policy(&[]), &P256).unwrap_err();
    assert!(told[0].starts_with("name subjectAltName: "), "{told:?}");
    let two = policy(&[("maximumNames", json!(2))]);
    let request = Request::named("", &["dns:a.example", "dns:b.example"]);
    assert!(request.to(&two, &P256).is_ok());
    let told = request.with("subjectAlternativeNames", json!(["dns:c.example"])).to(&two, &P256).unwrap_err();
    assert!(told[0].contains("3 names are asked for"), "{told:?}");
    let text: Vec<_> = (0..101).map(|n| json!(format!("dns:h{n}.example"))).collect();
    let hundred = Request::named("", &[]).with("subjectAlternativeNames", json!(text[..100]));
    assert_eq!(names(&hundred.to(&policy(&[]), &P256).unwrap()).len(), 100);
    assert!(Request::named("", &[]).with("subjectAlternativeNames", json!(text)).to(&policy(&[]), &P256).is_err());
}

#[test]
fn names_told_beside_the_request_are_added_under_the_same_rules() {
    let request = Request::named("", &["dns:a.example"]);
    let more = json!(["dns:B.example", "ip:192.0.2.1", "dns:a.example", "dns:žluťoučký.example"]);
    let template = request.clone().with("subjectAlternativeNames", more).to(&policy(&[]), &P256).unwrap();
    assert_eq!(names(&template)[..3], ["dns:a.example", "dns:b.example", "ip:192.0.2.1"]);
    assert!(names(&template)[3].starts_with("dns:xn--"), "{:?}", names(&template));
    let wrong = json!(["b.example", "email:a@b.example", "dns:b_.example"]);
    let told = request.with("subjectAlternativeNames", wrong).to(&policy(&[]), &P256).unwrap_err();
    assert_eq!(told.len(), 3, "{told:?}");
}
