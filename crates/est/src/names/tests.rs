use chancery_core::policy::CommonNameRule;
use chancery_pki::{CertificateTemplate, CsrTemplate, Issuer, KeyType, PrivateKey, SerialNumber, Validity};
use time::macros::datetime;

use super::*;

fn subject_rules() -> SubjectRules {
    let taken = [AttributeKind::CommonName, AttributeKind::SerialNumber, AttributeKind::Organization];
    SubjectRules {
        taken: taken.map(AttributeKind::oid).to_vec(),
        fixed: vec![],
        required: vec![],
        common_name: CommonNameRule::Free,
    }
}

fn csr(subject: &str, names: &[&str]) -> Csr {
    CsrTemplate {
        subject: Some(subject.parse().unwrap()),
        subject_alt_names: names.iter().map(|name| name.parse().unwrap()).collect(),
        ..CsrTemplate::default()
    }
    .sign(&PrivateKey::generate(KeyType::P256).unwrap())
    .unwrap()
}

fn beyond(allowed: &AllowedNames, subject: &str, names: &[&str]) -> Vec<String> {
    allowed.beyond(&csr(subject, names), &subject_rules())
}

fn listed(texts: &[&str]) -> Result<AllowedNames, String> {
    AllowedNames::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
}

fn certificate(subject: &str, names: &[&str]) -> Certificate {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let template = CertificateTemplate {
        subject: subject.parse().unwrap(),
        subject_alt_names: names.iter().map(|name| name.parse().unwrap()).collect(),
        public_key: key.public_key().clone(),
        validity: Validity { not_before: datetime!(2026-01-01 0:00 UTC), not_after: datetime!(2027-01-01 0:00 UTC) },
        serial: SerialNumber::from_random([1; 16]),
        key_usage: None,
        extended_key_usage: vec![],
        basic_constraints: None,
        crl_distribution_points: vec![],
        aia_issuers: vec![],
        aia_ocsp: vec![],
        policies: vec![],
        must_staple: false,
    };
    template.sign(&Issuer { name: &template.subject, key_id: &key.public_key().key_id() }, &key).unwrap()
}

#[test]
fn without_a_list_a_requester_has_its_own_name() {
    let own = AllowedNames::own("gw-7.example");
    assert!(beyond(&own, "CN=gw-7.example", &["dns:gw-7.example", "dns:GW-7.example"]).is_empty());
    for (subject, names, says) in [
        ("CN=gw-8.example", vec![], "CN=gw-8.example"),
        ("CN=gw-7.example,O=Evil", vec![], "O=Evil"),
        ("CN=gw-7.example,serialNumber=1", vec![], "serialNumber=1"),
        ("CN=gw-7.example", vec!["dns:a.gw-7.example"], "dns:a.gw-7.example"),
        ("CN=gw-7.example", vec!["dns:*.gw-7.example"], "dns:*.gw-7.example"),
        ("CN=gw-7.example", vec!["uri:https://gw-7.example/"], "uri:https://gw-7.example/"),
        ("CN=gw-7.example", vec!["ip:192.0.2.7"], "ip:192.0.2.7"),
    ] {
        assert_eq!(beyond(&own, subject, &names), [says], "{subject} {names:?}");
    }
    // What the RA profile leaves out anyway does no harm.
    assert!(beyond(&own, "CN=gw-7.example,L=Brno", &[]).is_empty());
    assert!(beyond(&AllowedNames::own("192.0.2.7"), "CN=192.0.2.7", &["ip:192.0.2.7"]).is_empty());
    assert!(beyond(&AllowedNames::own("a@b.example"), "CN=a@b.example", &["email:a@b.example"]).is_empty());
    assert!(beyond(&AllowedNames::own("Door 3"), "CN=Door 3", &[]).is_empty());
}

#[test]
fn a_list_says_which_names() {
    let allowed = listed(&[
        ".lab.example",
        "=one.test",
        "*.wild.test",
        "10.1.0.0/16",
        "email:mail.example",
        "uri:urn:x:1",
        "O=Example",
        "serialNumber=*",
        "CN=Door 3",
    ])
    .unwrap();
    let good =
        ["dns:a.lab.example", "dns:one.test", "dns:*.wild.test", "ip:10.1.2.3", "email:a@mail.example", "uri:urn:x:1"];
    assert_eq!(beyond(&allowed, "CN=b.lab.example,O=Example,serialNumber=77", &good), Vec::<String>::new());
    for common_name in ["Door 3", "10.1.0.1", "*.wild.test", "a@mail.example"] {
        assert!(beyond(&allowed, &format!("CN={common_name}"), &[]).is_empty(), "{common_name}");
    }
    for name in
        ["dns:lab.example", "dns:a.one.test", "dns:*.lab.example", "ip:10.2.0.1", "email:a@b.example", "uri:urn:x:2"]
    {
        assert_eq!(beyond(&allowed, "CN=one.test", &[name]), [name]);
    }
    assert_eq!(beyond(&allowed, "CN=Door 4,O=Other", &[]).len(), 2);
    assert_eq!(beyond(&listed(&[]).unwrap(), "CN=a", &[]), ["CN=a"]);
}

#[test]
fn what_is_no_pattern_is_refused() {
    for wrong in ["", "*", "*.*.a", "a..b", "10.0.0.0/33", "bad name", "O=", "email:", "uri:", "other:1"] {
        assert!(listed(&[wrong]).is_err(), "{wrong}");
    }
}

#[test]
fn a_certificate_has_its_own_names() {
    let own = AllowedNames::of(&certificate("CN=gw,O=Example", &["dns:gw.example", "ip:192.0.2.7"]));
    assert!(beyond(&own, "CN=gw,O=Example", &["ip:192.0.2.7", "dns:gw.example"]).is_empty());
    for (subject, name) in [("CN=gw2", "dns:gw.example"), ("CN=gw", "dns:gw"), ("CN=gw", "ip:192.0.2.8")] {
        assert_eq!(beyond(&own, subject, &[name]).len(), 1, "{subject} {name}");
    }
}

#[test]
fn an_anchor_says_which_names_its_certificates_have() {
    let device = certificate("CN=Model X,serialNumber=SN-0042", &["dns:factory.example"]);
    let names = |texts: &[&str]| AnchorNames::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    let allowed = names(&["{serialNumber}.devices.example", "serialNumber=*"]).unwrap().of(&device);
    assert!(
        beyond(&allowed, "CN=SN-0042.devices.example,serialNumber=SN-0042", &["dns:sn-0042.devices.example"])
            .is_empty()
    );
    for name in ["dns:SN-0043.devices.example", "dns:factory.example", "dns:a.SN-0042.devices.example"] {
        assert_eq!(beyond(&allowed, "CN=SN-0042.devices.example", &[name]).len(), 1, "{name}");
    }
    let own = names(&["{own}"]).unwrap().of(&device);
    assert!(beyond(&own, "CN=Model X,serialNumber=SN-0042", &["dns:factory.example"]).is_empty());
    // A value is never a pattern: a manufacturer's certificate for ".example" opens no domain.
    let wide = certificate("CN=.example", &[]);
    let allowed = names(&["{CN}"]).unwrap().of(&wide);
    assert_eq!(beyond(&allowed, "CN=a.example", &["dns:a.example"]).len(), 2);
    // Nor is one of several values.
    let two = certificate("serialNumber=1,serialNumber=2", &[]);
    assert_eq!(beyond(&names(&["{serialNumber}"]).unwrap().of(&two), "CN=1", &[]).len(), 1);
    for wrong in [vec![], vec!["{Own}"], vec!["{CN}-{CN}"], vec!["{CN"], vec!["*"]] {
        assert!(names(&wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn both_must_allow() {
    let both = AllowedNames::own("a").and(listed(&["b", "a"]).unwrap());
    assert!(beyond(&both, "CN=a", &["dns:a"]).is_empty());
    assert_eq!(beyond(&both, "CN=b", &[]), ["CN=b"]);
}
