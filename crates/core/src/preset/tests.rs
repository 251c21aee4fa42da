//! Each row of the table of presets, both ways.

use chancery_pki::{KeyType, KeyUsage, PrivateKey, oid};
use serde_json::json;
use time::Duration;

use super::*;
use crate::Policy;
use crate::policy::RenewalRules;
use crate::policy::tests::{ED25519, P256, P384, P521, RSA, RSA_8192, Request};

fn policy(name: &str) -> Policy {
    let preset = all().into_iter().find(|preset| preset.name == name).unwrap();
    Policy::from_attributes(&preset.attributes).unwrap()
}

/// The certified subject and names.
fn made(name: &str, subject: &'static str, names: &[&'static str]) -> (String, Vec<String>) {
    let template = Request::named(subject, names).to(&policy(name), &P256).unwrap();
    (template.subject.to_string(), template.subject_alt_names.iter().map(ToString::to_string).collect())
}

fn refused(name: &str, subject: &'static str, names: &[&'static str]) {
    if let Ok(template) = Request::named(subject, names).to(&policy(name), &P256) {
        panic!("{name} took {subject} {names:?} as {template:?}");
    }
}

fn keys(name: &str, names: &[&'static str], good: &[&PrivateKey], bad: &[&PrivateKey]) {
    let request = Request::named("CN=x", names);
    for key in good {
        assert!(request.to(&policy(name), key).is_ok(), "{name}: {}", key.public_key().algorithm());
    }
    for key in bad {
        let told = request.to(&policy(name), key).unwrap_err();
        assert!(told[0].starts_with("public key: "), "{name}: {told:?}");
    }
}

fn lifetimes(name: &str, names: &[&'static str], default: i64, maximum: i64) {
    let policy = policy(name);
    let request = Request::named("CN=x", names);
    let length = |request: &Request| {
        let validity = request.to(&policy, &P256).unwrap().validity;
        validity.not_after - validity.not_before + Duration::SECOND
    };
    assert_eq!(length(&request), Duration::days(default));
    let longest = request.clone().with("validity", json!(format!("P{maximum}D")));
    assert_eq!(length(&longest), Duration::days(maximum));
    let longer = request.with("validity", json!(format!("P{}D", maximum + 1)));
    assert!(longer.to(&policy, &P256).unwrap_err()[0].starts_with("validity: "));
}

fn usages(name: &str, names: &[&'static str], expected: &[&str]) {
    let policy = policy(name);
    let request = Request::named("CN=x", names);
    let template = request.to(&policy, &RSA).unwrap();
    let granted: Vec<_> = template.extended_key_usage.iter().filter_map(oid::eku_name).collect();
    assert_eq!(granted, expected);
    assert_eq!(template.key_usage, Some(KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT));
    assert_eq!(request.to(&policy, &P256).unwrap().key_usage, Some(KeyUsage::DIGITAL_SIGNATURE));
    let other = Request { extended: vec![oid::CODE_SIGNING], ..request };
    assert!(other.to(&policy, &P256).unwrap_err()[0].starts_with("extension codeSigning: "));
}

#[test]
fn tls_server() {
    let dns = &["dns:a.example"];
    assert_eq!(
        made(
            "tls-server",
            "CN=a.example,O=left out",
            &["dns:a.example", "dns:intranet", "ip:2001:db8::1", "dns:*.b.example"]
        ),
        (
            "CN=a.example".into(),
            ["dns:a.example", "dns:intranet", "ip:2001:db8::1", "dns:*.b.example"].map(String::from).to_vec()
        )
    );
    assert_eq!(made("tls-server", "CN=other.example", dns).0, "");
    refused("tls-server", "CN=a.example", &[]);
    refused("tls-server", "", &["dns:a.example", "email:a@b.example"]);
    refused("tls-server", "", &["uri:https://a.example/"]);
    keys("tls-server", dns, &[&RSA, &P256, &P384, &ED25519], &[&P521, &RSA_8192]);
    usages("tls-server", dns, &["serverAuth"]);
    lifetimes("tls-server", dns, 90, 398);
}

#[test]
fn tls_client() {
    let names = ["email:a@b.example", "uri:spiffe://trust.example/a", "dns:a.example"];
    assert_eq!(
        made("tls-client", "CN=Any One,O=left out", &names),
        ("CN=Any One".into(), names.map(String::from).to_vec())
    );
    assert_eq!(made("tls-client", "CN=Any One", &[]).0, "CN=Any One", "alternative names are optional");
    assert_eq!(made("tls-client", "", &["uri:https://a.example/"]).0, "");
    refused("tls-client", "", &[]);
    refused("tls-client", "CN=x", &["ip:192.0.2.1"]);
    refused("tls-client", "CN=x", &["dns:*.example.com"]);
    keys("tls-client", &[], &[&RSA, &P256, &P384, &ED25519], &[&P521, &RSA_8192]);
    usages("tls-client", &[], &["clientAuth"]);
    lifetimes("tls-client", &[], 90, 398);
}

#[test]
fn device() {
    let names =
        ["dns:printer", "ip:192.0.2.1", "uri:urn:dev:ops:1", "other:1.3.6.1.5.5.7.8.4:300a06042a030405040248ff"];
    assert_eq!(
        made("device", "CN=printer,serialNumber=7,OU=Office,O=Example,C=CZ,L=left out", &names),
        ("CN=printer,serialNumber=7,OU=Office,O=Example".into(), names.map(String::from).to_vec())
    );
    assert_eq!(made("device", "serialNumber=7", &[]).0, "serialNumber=7");
    refused("device", "CN=x", &["dns:*.example.com"]);
    refused("device", "CN=x", &["email:a@b.example"]);
    refused("device", "CN=x", &["other:1.3.6.1.4.1.311.20.2.3:0c056140422e43"]);
    keys("device", &[], &[&RSA, &P256, &P384], &[&P521, &ED25519, &RSA_8192]);
    usages("device", &[], &["clientAuth", "serverAuth"]);
    lifetimes("device", &[], 365, 1095);
}

#[test]
fn email() {
    let mail = &["email:First.Last@Example.com"];
    assert_eq!(
        made("email", "CN=First Last,E=first@example.com", mail),
        ("CN=First Last".into(), vec!["email:First.Last@Example.com".into()])
    );
    refused("email", "CN=First Last,E=first@example.com", &[]);
    refused("email", "CN=x", &["email:a@b.example", "dns:a.example"]);
    refused("email", "CN=x", &["email:not an address"]);
    keys("email", mail, &[&RSA, &P256, &P384, &P521], &[&ED25519, &RSA_8192]);
    usages("email", mail, &["emailProtection"]);
    lifetimes("email", mail, 365, 1095);
}

#[test]
fn all_renew_any_key_at_any_time_without_approval() {
    let open = RenewalRules { key_reuse: true, key_change: true, subject_change: false, window: None };
    for preset in all() {
        let policy = policy(preset.name);
        assert_eq!(*policy.renewal(), open);
        assert!(!policy.approval_required());
    }
}

#[test]
fn no_attributes_are_the_preset_tls_server() {
    let (bare, preset) = (Policy::from_attributes(&[]).unwrap(), policy("tls-server"));
    assert_eq!(format!("{bare:?}"), format!("{preset:?}"));
}

#[test]
fn a_larger_rsa_key_can_be_allowed_by_an_edit() {
    let mut attributes = all()[0].attributes.clone();
    attributes.retain(|attribute| attribute.name != d::RSA_MAXIMUM_BITS);
    attributes.push(setting(d::RSA_MAXIMUM_BITS, [8192]));
    let edited = Policy::from_attributes(&attributes).unwrap();
    let request = Request::named("", &["dns:a.example"]);
    assert!(request.to(&edited, &RSA_8192).is_ok());
    assert_eq!(KeyType::Rsa(8192), RSA_8192.public_key().algorithm().key_type());
}
