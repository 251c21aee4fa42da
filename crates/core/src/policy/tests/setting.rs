use proptest::prelude::*;

use super::*;

#[test]
fn every_definition_keeps_the_rules_of_definitions() {
    assert_eq!(validate_definitions(&definitions()), Ok(()));
    let everything = policy(&[
        ("requestedStart", json!(true)),
        ("extendedKeyUsagesOnRequest", json!(["clientAuth"])),
        ("nameKinds", json!(["dns", "ip", "email", "uri", "dn", "rid"])),
    ]);
    let mut operations = everything.issue_definitions();
    assert_eq!(operations.len(), 5);
    operations.extend(everything.revoke_definitions());
    assert_eq!(validate_definitions(&operations), Ok(()));
}

#[test]
fn every_setting_is_explained() {
    for definition in definitions().iter() {
        assert!(definition.description.as_ref().is_some_and(|text| text.len() > 10), "{}", definition.name);
        assert_ne!(definition.label(), definition.name);
        assert!(definition.properties().unwrap().group.is_some());
    }
}

#[test]
fn contradictions_are_refused() {
    for (attributes, name) in [
        (vec![("validity", json!("P399D"))], "validity"),
        (vec![("validity", json!("P0D"))], "validity"),
        (vec![("validity", json!("P1Y"))], "validity"),
        (vec![("validity", json!("90"))], "validity"),
        (vec![("validity", json!("PT"))], "validity"),
        (vec![("rsaMinimumBits", json!(4096)), ("rsaMaximumBits", json!(3072))], "rsaMinimumBits"),
        (vec![("rsaMinimumBits", json!(1024))], "rsaMinimumBits"),
        (vec![("keyTypes", json!(["DSA"]))], "keyTypes"),
        (vec![("nameKinds", json!(["none", "dns"])), ("namesRequired", json!(false))], "nameKinds"),
        (vec![("nameKinds", json!("none"))], "namesRequired"),
        (vec![("nameKinds", json!("other"))], "otherNameTypes"),
        (vec![("dnsAllowed", json!("*.example.com"))], "dnsAllowed"),
        (vec![("dnsAllowed", json!("bad_name"))], "dnsAllowed"),
        (vec![("ipAllowed", json!("10.0.0.0/33"))], "ipAllowed"),
        (vec![("emailAllowed", json!("a b@example.com"))], "emailAllowed"),
        (vec![("uriSchemes", json!("https://"))], "uriSchemes"),
        (vec![("otherNameTypes", json!("9.9.9"))], "otherNameTypes"),
        (vec![("subjectAttributes", json!("colour"))], "subjectAttributes"),
        (vec![("subjectFixed", json!("O"))], "subjectFixed"),
        (vec![("subjectFixed", json!("C=Czechia"))], "subjectFixed"),
        (vec![("subjectRequired", json!("O"))], "subjectRequired"),
        (vec![("extendedKeyUsages", json!(["none", "serverAuth"]))], "extendedKeyUsages"),
        (vec![("extendedKeyUsages", json!("webServing"))], "extendedKeyUsages"),
        (vec![("keyUsages", json!("keyCertSign"))], "keyUsages"),
        (vec![("certificatePolicies", json!("policy"))], "certificatePolicies"),
        (vec![("certificatePolicies", json!("2.23.140.1.2.1 https://example.com/žlutý"))], "certificatePolicies"),
        (
            vec![("certificatePolicies", json!(["2.23.140.1.2.1", "2.23.140.1.2.1 http://a.example"]))],
            "certificatePolicies",
        ),
        (vec![("approvalRequired", json!("yes"))], "approvalRequired"),
        (vec![("issuerEnd", json!("ignore"))], "issuerEnd"),
        (vec![("colour", json!("red"))], "colour"),
    ] {
        let told = refused(&attributes);
        assert_eq!(told.len(), 1, "{attributes:?}: {told:?}");
        assert!(told[0].starts_with(&format!("attribute {name}: ")), "{told:?}");
    }
    assert_eq!(refused(&[("validity", json!("P1Y")), ("colour", json!(1)), ("keyTypes", json!(["DSA"]))]).len(), 3);
}

#[test]
fn the_rest_of_a_policy_is_read() {
    let policy = policy(&[
        ("certificatePolicies", json!(["1.3.6.1.4.1.99999.1 https://example.com/cps", "2.23.140.1.2.1"])),
        ("renewalWindow", json!("P2W")),
        ("renewalKey", json!("other")),
        ("renewalSubjectChange", json!(true)),
    ]);
    assert!(!policy.approval_required());
    assert_eq!(policy.certificate_policies[0].cps.as_deref(), Some("https://example.com/cps"));
    assert_eq!(policy.certificate_policies[1].cps, None);
    let renewal =
        RenewalRules { key_reuse: false, key_change: true, subject_change: true, window: Some(Duration::days(14)) };
    assert_eq!(*policy.renewal(), renewal);
    let template = Request::named("", &["dns:a.example"]).to(&policy, &P256).unwrap();
    assert_eq!(template.policies, policy.certificate_policies);
}

#[test]
fn durations_are_written_as_they_are_read() {
    for (text, again, seconds) in [
        ("P90D", "P90D", 90 * 86_400),
        ("P2W", "P14D", 14 * 86_400),
        ("P1W1DT1H1M1S", "P8DT1H1M1S", 8 * 86_400 + 3661),
        ("PT36H", "P1DT12H", 129_600),
        ("PT1M", "PT1M", 60),
    ] {
        let duration = duration::parse(text).unwrap();
        assert_eq!((duration.whole_seconds(), duration::format(duration).as_str()), (seconds, again));
    }
    for wrong in ["", "P", "PT", "P1DT", "P-1D", "P1.5D", "P1M", "PT1D", "1D", "P1D1W", "p1d", "P99999D", "PT0S"] {
        assert_eq!(duration::parse(wrong), None, "{wrong:?}");
    }
}

#[test]
fn key_kinds_and_sizes_hold() {
    let request = Request::named("", &["dns:a.example"]);
    let rsa = policy(&[("keyTypes", json!("RSA")), ("rsaMinimumBits", json!(3072))]);
    assert!(request.to(&rsa, &P256).unwrap_err()[0].contains("no P-256 key; use RSA"));
    assert!(request.to(&rsa, &RSA).unwrap_err()[0].contains("3072 to 4096 bits, not of 2048"));
}

proptest! {
    #[test]
    fn any_text_is_a_name_or_not(text in "\\PC{0,80}", ascii in "[ -~]{0,60}") {
        for text in [&text, &ascii] {
            let _ = dns::normalise_wildcard(text);
            let _ = email::domain(text);
            let _ = uri::parse(text);
            let _ = uri::parse(&format!("spiffe:{text}"));
            let _ = duration::parse(text);
            let _ = text.parse::<DomainPattern>();
            let _ = text.parse::<HostPattern>();
            let _ = text.parse::<AddressPattern>();
        }
    }

    #[test]
    fn any_octets_are_an_other_name_or_not(octets in prop::collection::vec(any::<u8>(), 0..40)) {
        use crate::policy::other_name::{HARDWARE_MODULE, USER_PRINCIPAL, check};
        let _ = check(HARDWARE_MODULE, &octets);
        let _ = check(USER_PRINCIPAL, &octets);
    }

    #[test]
    fn a_normal_name_stays_as_it_is(name in "([a-z]([a-z0-9-]{0,8}[a-z0-9])?\\.){0,4}[a-z]{1,8}") {
        if let Ok(once) = dns::normalise(&name) {
            prop_assert_eq!(dns::normalise(&once), Ok(name));
        }
    }
}
