use std::sync::LazyLock;

use chancery_pki::{
    BasicConstraints, Certificate, CertificateTemplate, Csr, CsrTemplate, GeneralName, Issuer, KeyType, KeyUsage, Name,
    ObjectIdentifier, PrivateKey, SerialNumber, Validity, oid,
};
use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::attribute::{RequestAttribute, check, validate_definitions};

mod lifetime;
mod name;
mod setting;
mod subject;
mod usage;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-24 12:00:00.5 UTC);

pub(crate) static P256: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(KeyType::P256).unwrap());
pub(crate) static P384: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(KeyType::P384).unwrap());
pub(crate) static P521: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(KeyType::P521).unwrap());
pub(crate) static ED25519: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(KeyType::Ed25519).unwrap());
pub(crate) static RSA: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(KeyType::Rsa(2048)).unwrap());
pub(crate) static RSA_8192: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate(KeyType::Rsa(8192)).unwrap());

/// A request being written.
#[derive(Clone, Default)]
pub(crate) struct Request {
    pub subject: &'static str,
    pub names: Vec<&'static str>,
    pub key_usage: Option<KeyUsage>,
    pub extended: Vec<ObjectIdentifier>,
    pub must_staple: bool,
    pub attributes: Vec<(&'static str, Value)>,
}

impl Request {
    pub(crate) fn named(subject: &'static str, names: &[&'static str]) -> Self {
        Self { subject, names: names.to_vec(), ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.attributes.push((name, value));
        self
    }

    fn csr(&self, key: &PrivateKey) -> Csr {
        let template = CsrTemplate {
            subject: Some(self.subject.parse().unwrap()),
            subject_alt_names: self.names.iter().map(|name| name.parse().unwrap()).collect(),
            key_usage: self.key_usage,
            extended_key_usage: self.extended.clone(),
            must_staple: self.must_staple,
            challenge_password: None,
        };
        template.sign(key).unwrap()
    }

    /// The decision, or every fault as text.
    pub(crate) fn to(&self, policy: &Policy, key: &PrivateKey) -> Result<CertificateTemplate, Vec<String>> {
        self.by(policy, key, &issuer(NOW + Duration::days(3650)))
    }

    pub(crate) fn by(
        &self,
        policy: &Policy,
        key: &PrivateKey,
        issuer: &Certificate,
    ) -> Result<CertificateTemplate, Vec<String>> {
        let texts = |faults: Vec<Rejection>| faults.iter().map(ToString::to_string).collect::<Vec<_>>();
        let definitions = policy.issue_definitions();
        let values: Vec<_> = self.attributes.iter().map(|(name, value)| told(name, value)).collect();
        let attributes = check(&definitions, &values).map_err(texts)?;
        let csr = self.csr(key);
        policy.apply(&Wanted { csr: &csr, attributes: &attributes }, issuer, NOW).map_err(texts)
    }
}

/// A value as a client without knowledge of the definition sends it; an array is several.
fn told(name: &str, value: &Value) -> RequestAttribute {
    let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let content: Vec<_> = values.iter().map(|data| json!({"data": data})).collect();
    serde_json::from_value(json!({"name": name, "content": content})).unwrap()
}

pub(crate) fn issuer(not_after: OffsetDateTime) -> Certificate {
    issuer_from(NOW - Duration::days(1), not_after)
}

fn issuer_from(not_before: OffsetDateTime, not_after: OffsetDateTime) -> Certificate {
    let subject = Name::from_common_name("Issuer").unwrap();
    let template = CertificateTemplate {
        subject: subject.clone(),
        subject_alt_names: Vec::new(),
        public_key: P256.public_key().clone(),
        validity: Validity { not_before, not_after },
        serial: SerialNumber::from_random([7; 16]),
        key_usage: Some(KeyUsage::KEY_CERT_SIGN),
        extended_key_usage: Vec::new(),
        basic_constraints: Some(BasicConstraints { ca: true, path_len: None }),
        crl_distribution_points: Vec::new(),
        aia_issuers: Vec::new(),
        aia_ocsp: Vec::new(),
        policies: Vec::new(),
        must_staple: false,
    };
    template.sign(&Issuer { name: &subject, key_id: &P256.public_key().key_id() }, &*P256).unwrap()
}

/// The default policy with these attributes.
fn policy(attributes: &[(&str, Value)]) -> Policy {
    let values: Vec<_> = attributes.iter().map(|(name, value)| told(name, value)).collect();
    Policy::from_attributes(&values).unwrap()
}

fn refused(attributes: &[(&str, Value)]) -> Vec<String> {
    let values: Vec<_> = attributes.iter().map(|(name, value)| told(name, value)).collect();
    Policy::from_attributes(&values).unwrap_err().iter().map(ToString::to_string).collect()
}

fn names(template: &CertificateTemplate) -> Vec<String> {
    template.subject_alt_names.iter().map(GeneralName::to_string).collect()
}

fn extended(template: &CertificateTemplate) -> Vec<&'static str> {
    template.extended_key_usage.iter().filter_map(oid::eku_name).collect()
}

#[test]
fn every_broken_rule_is_told_in_the_fixed_order() {
    let request = Request {
        key_usage: Some(KeyUsage::KEY_CERT_SIGN),
        extended: vec![oid::CLIENT_AUTH],
        must_staple: true,
        ..Request::named("CN=x", &["dns:bad_name", "email:a@b.example"])
    };
    let request = request.with("validity", json!("P999D"));
    let told = request.to(&policy(&[]), &P521).unwrap_err();
    let starts: Vec<_> = told.iter().map(|text| text.split(':').next().unwrap()).collect();
    assert_eq!(
        starts,
        [
            "extension clientAuth",
            "extension keyCertSign",
            "extension tlsFeature",
            "public key",
            "name dns",
            "name email",
            "validity"
        ]
    );
}

#[test]
fn an_answer_is_not_much_larger_than_its_request() {
    let size = |told: Vec<String>| {
        assert!(told.len() <= 51, "{}", told.len());
        told.iter().map(String::len).sum::<usize>()
    };
    let many: Vec<_> = (0..2000).map(|at| ObjectIdentifier::new(&format!("1.2.3.{}", at % 1000)).unwrap()).collect();
    let told =
        Request { extended: many, ..Request::named("", &["dns:a.example"]) }.to(&policy(&[]), &P256).unwrap_err();
    assert_eq!(told.last().unwrap(), "and 950 more faults; mend these first");
    assert!(size(told) < 10_000);

    let strangers: Vec<_> = (0..200).map(|at| told_as(&format!("{at}{}", "x".repeat(5000)))).collect();
    let told = check(&definitions(), &strangers).unwrap_err().iter().map(ToString::to_string).collect();
    assert!(size(told) < 20_000);

    let encoded = format!("1.2.3.4=#0482{:04x}{}", 2000, "00".repeat(2000));
    let subject: &'static str = vec![encoded; 20].join(",").leak();
    let taking = policy(&[("subjectAttributes", json!("1.2.3.4"))]);
    assert!(size(Request::named(subject, &["dns:a.example"]).to(&taking, &P256).unwrap_err()) < 10_000);

    let long: &'static str = format!("uri:https://{}/", "a".repeat(2000)).leak();
    let uris = policy(&[("nameKinds", json!("uri"))]);
    assert!(size(Request::named("", &[long]).to(&uris, &P256).unwrap_err()) < 1000);
}

fn told_as(name: &str) -> RequestAttribute {
    told(name, &json!("x"))
}

#[test]
fn a_certificate_has_a_name() {
    let policy = policy(&[("namesRequired", json!(false)), ("commonName", json!("free"))]);
    let told = Request::named("O=left out", &[]).to(&policy, &P256).unwrap_err();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("no name at all"), "{told:?}");
    assert!(Request::named("CN=x", &[]).to(&policy, &P256).is_ok());
}

#[test]
fn a_decision_can_be_signed() {
    let request = Request::named("CN=host.example", &["dns:host.example", "ip:192.0.2.1"]);
    let template = request.to(&policy(&[]), &P256).unwrap();
    let name = Name::from_common_name("Issuer").unwrap();
    let signed = template.sign(&Issuer { name: &name, key_id: &[1; 20] }, &*P256).unwrap();
    assert_eq!(signed.subject_alt_names(), template.subject_alt_names);
    assert_eq!(signed.validity(), template.validity);
}

#[test]
fn points_in_time_do_not_outlast_a_certificate() {
    let all = ["notBefore", "notAfter", "validity", "subjectAlternativeNames"];
    let lasting = lasting_attributes(&all.map(|name| told(name, &json!("x"))));
    assert_eq!(lasting.iter().map(|a| a.name.as_str()).collect::<Vec<_>>(), ["validity", "subjectAlternativeNames"]);
}
