//! What went wrong elsewhere (est.md section 6), each as a test that it does not here.

use chancery_pki::{Certificate, CertificateTemplate, Issuer, KeyType, PrivateKey, SerialNumber, Validity, oid};
use time::{Duration, OffsetDateTime};

use super::{PASSWORD, csr, enrolled, est, key, refused, told, user};
use crate::start;

/// The id of a certificate object.
fn id(server: &chancery_tests::Server, certificate: &Certificate) -> String {
    let listed = server.cli(["cert", "list", "--json"]).ok();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let all = listed["certificates"].as_array().unwrap_or_else(|| panic!("{listed}"));
    let found = all.iter().find(|one| one["sha256"] == *certificate.fingerprint().to_hex());
    found.unwrap_or_else(|| panic!("{listed}"))["uuid"].as_str().unwrap().to_owned()
}

/// Incident 1 (Infisical): a revoked certificate re-enrolled, by the route that was forgotten.
#[test]
fn a_revoked_certificate_opens_nothing_at_once() {
    let server = start();
    let (holder, certificate) = enrolled(&server, "gw-7.example");
    server.cli(["est", "profile", "create", "--name", "second", "--ra-profile", "device"]).ok();
    let uuid = id(&server, &certificate);
    let client = est(&server).identity(&[certificate], &holder);
    let request = csr(&key(), "CN=gw-7.example", &["dns:gw-7.example"]);
    let mut kept = client.connect().unwrap();
    assert_eq!(kept.enrol("simplereenroll", request.der()).status, 200);
    server.cli(["cert", "revoke", &uuid]).ok();
    for client in [client.clone(), client.clone().label("device"), client.label("second")] {
        assert_eq!(client.reenrol(request.der()).status, 403);
        refused(&server, "revoked");
        assert_eq!(client.enrol(request.der()).status, 403);
        refused(&server, "revoked");
    }
    // On a connection that was open before, too.
    assert_eq!(kept.enrol("simplereenroll", request.der()).status, 403);
}

/// Incidents 5 and 6 (kipuka, XiPKI): names swapped, and another's certificate renewed.
#[test]
fn nobody_renews_the_certificate_of_another() {
    let server = start();
    let (holder, mine) = enrolled(&server, "a.example");
    let (_, _) = enrolled(&server, "b.example");
    let client = est(&server).identity(&[mine], &holder);
    assert_eq!(client.reenrol(csr(&key(), "CN=b.example", &["dns:b.example"]).der()).status, 403);
    assert_eq!(client.reenrol(csr(&key(), "CN=a.example", &["dns:b.example"]).der()).status, 403);
    refused(&server, "differ");
}

/// Incident 7 (XiPKI, Atom): a failure told as a success, or not at all.
#[test]
fn every_refusal_is_told_as_one() {
    let server = start();
    user(&server, "a.example", &[]);
    let before = told(&server).len();
    let client = est(&server).basic("a.example", PASSWORD);
    client.enrol(csr(&key(), "CN=b.example", &[]).der());
    client.enrol(b"no request");
    client.reenrol(csr(&key(), "CN=a.example", &[]).der());
    est(&server).enrol(csr(&key(), "CN=a.example", &[]).der());
    let entries = told(&server);
    assert_eq!(entries.len(), before + 4, "{entries:#?}");
    assert!(entries[..4].iter().all(|entry| entry["result"] == "refused"), "{entries:#?}");
    server.cli(["audit", "verify"]).ok();
}

/// A CA of somebody else, and certificates by it.
struct Stranger {
    key: PrivateKey,
    certificate: Certificate,
}

impl Stranger {
    fn new() -> Self {
        let key = PrivateKey::generate(KeyType::P256).unwrap();
        let template = CertificateTemplate {
            basic_constraints: Some(chancery_pki::BasicConstraints { ca: true, path_len: None }),
            key_usage: Some(chancery_pki::KeyUsage::KEY_CERT_SIGN),
            ..template("CN=Maker CA", &key, 0)
        };
        let certificate =
            template.sign(&Issuer { name: &template.subject, key_id: &key.public_key().key_id() }, &key).unwrap();
        Self { key, certificate }
    }

    fn issue(&self, template: &CertificateTemplate) -> Certificate {
        let issuer = Issuer { name: self.certificate.subject(), key_id: &self.key.public_key().key_id() };
        template.sign(&issuer, &self.key).unwrap()
    }
}

fn now() -> OffsetDateTime {
    // The instant of the machine, without the clock that the server's code may not read.
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    OffsetDateTime::UNIX_EPOCH + since
}

/// From `begins` days from now for a month.
fn template(subject: &str, key: &PrivateKey, begins: i64) -> CertificateTemplate {
    let begin = (now() + Duration::days(begins) - Duration::hours(1)).replace_nanosecond(0).unwrap();
    CertificateTemplate {
        subject: subject.parse().unwrap(),
        subject_alt_names: vec![],
        public_key: key.public_key().clone(),
        validity: Validity { not_before: begin, not_after: begin + Duration::days(30) },
        serial: SerialNumber::from_random([9; 16]),
        key_usage: Some(chancery_pki::KeyUsage::DIGITAL_SIGNATURE),
        extended_key_usage: vec![oid::CLIENT_AUTH],
        basic_constraints: None,
        crl_distribution_points: vec![],
        aia_issuers: vec![],
        aia_ocsp: vec![],
        policies: vec![],
        must_staple: false,
    }
}

/// ES-06, incidents 9, 12 and 14: certificates of nobody that counts, out of time, for other uses.
#[test]
fn es_06_a_strangers_certificate_opens_nothing_until_it_is_listed() {
    let server = start();
    let stranger = Stranger::new();
    let (holder, request) = (key(), csr(&key(), "CN=SN-7.devices.example", &[]));
    let good = stranger.issue(&template("CN=Model X,serialNumber=SN-7", &holder, 0));
    let client = est(&server).identity(&[good], &holder);
    assert_eq!(client.enrol(request.der()).status, 401);
    refused(&server, "does not know");
    assert_eq!(client.reenrol(request.der()).status, 403);

    let settings = serde_json::json!({"anchors": [{
        "name": "maker", "certificate": stranger.certificate.to_pem(), "names": ["{serialNumber}.devices.example"],
    }]});
    let file = server.folder().join("settings.json");
    std::fs::write(&file, settings.to_string()).unwrap();
    server.cli(["est", "profile", "edit", "default", "--settings", file.to_str().unwrap()]).ok();
    client.enrol(request.der()).certificate();
    // Its own names only; and its certificate is none of ours to renew.
    assert_eq!(client.enrol(csr(&key(), "CN=SN-8.devices.example", &[]).der()).status, 403);
    refused(&server, "may not ask for");
    assert_eq!(client.reenrol(request.der()).status, 403);
    refused(&server, "third party");

    let expired = template("CN=x,serialNumber=SN-7", &holder, -60);
    let future = template("CN=x,serialNumber=SN-7", &holder, 10);
    let server_only = CertificateTemplate {
        extended_key_usage: vec![oid::SERVER_AUTH],
        ..template("CN=x,serialNumber=SN-7", &holder, 0)
    };
    let ca = CertificateTemplate {
        basic_constraints: Some(chancery_pki::BasicConstraints { ca: true, path_len: None }),
        ..template("CN=x,serialNumber=SN-7", &holder, 0)
    };
    for (wrong, says) in
        [(expired, "expired"), (future, "not valid yet"), (server_only, "breaks a rule"), (ca, "breaks a rule")]
    {
        let client = est(&server).identity(&[stranger.issue(&wrong)], &holder);
        assert_eq!(client.enrol(request.der()).status, 403, "{says}");
        refused(&server, says);
    }
    // Self-signed, by a CA of the same name, and signed by another key.
    let forger = Stranger::new();
    let forged = forger.issue(&template("CN=x,serialNumber=SN-7", &holder, 0));
    assert_ne!(est(&server).identity(&[forged], &holder).enrol(request.der()).status, 200);
    let own = template("CN=x,serialNumber=SN-7", &holder, 0);
    let own = own.sign(&Issuer { name: &own.subject, key_id: &holder.public_key().key_id() }, &holder).unwrap();
    assert_ne!(est(&server).identity(&[own], &holder).enrol(request.der()).status, 200);
}

/// Incident 9 (libest): id-kp-cmcRA of a stranger excused from linking.
#[test]
fn a_strangers_registrar_is_none() {
    let server = start();
    let stranger = Stranger::new();
    let holder = key();
    let cmc_ra = chancery_pki::ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.28");
    let registrar = CertificateTemplate {
        extended_key_usage: vec![oid::CLIENT_AUTH, cmc_ra],
        ..template("CN=RA,serialNumber=SN-7", &holder, 0)
    };
    let registrar = stranger.issue(&registrar);
    let settings = serde_json::json!({
        "linking": "required",
        "registrars": [registrar.fingerprint().to_hex()],
        "anchors": [{"name": "maker", "certificate": stranger.certificate.to_pem(), "names": ["{serialNumber}"]}],
    });
    let file = server.folder().join("settings.json");
    std::fs::write(&file, settings.to_string()).unwrap();
    server.cli(["est", "profile", "edit", "default", "--settings", file.to_str().unwrap()]).ok();
    let client = est(&server).identity(&[registrar], &holder);
    assert_eq!(client.enrol(csr(&key(), "CN=SN-7", &[]).der()).status, 400);
    refused(&server, "demands that the request is linked");
}

/// ES-07, incident 12 (globalsign): a header in place of a certificate, from anybody.
#[test]
fn es_07_a_certificate_in_a_header_is_passed_over() {
    let server = start();
    let (_, certificate) = enrolled(&server, "gw-7.example");
    let request = csr(&key(), "CN=gw-7.example", &["dns:gw-7.example"]);
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(certificate.der());
    let (binary, pem) = (format!(":{encoded}:"), certificate.to_pem().replace('\n', "%0A").replace(' ', "%20"));
    let body = base64::engine::general_purpose::STANDARD.encode(request.der());
    for header in [("Client-Cert", &*binary), ("X-SSL-Client-Cert", &*pem), ("ssl-client-cert", &*pem)] {
        let headers = [("Content-Type", "application/pkcs10"), header];
        let answer = est(&server).ask("POST", "simpleenroll", &headers, body.as_bytes());
        assert_eq!(answer.status, 401, "{header:?}");
        assert_eq!(est(&server).ask("POST", "simplereenroll", &headers, body.as_bytes()).status, 403, "{header:?}");
    }
}

/// ES-26: one connection, two requests, two identities.
#[test]
fn es_26_a_credential_counts_for_its_request_alone() {
    let server = start();
    user(&server, "a.example", &[]);
    let (holder, certificate) = enrolled(&server, "b.example");
    let mut connection = est(&server).identity(&[certificate], &holder).connect().unwrap();
    use base64::Engine;
    let basic = |user: &str| {
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{PASSWORD}")))
    };
    let body =
        |name: &str| base64::engine::general_purpose::STANDARD.encode(csr(&key(), &format!("CN={name}"), &[]).der());
    let kind = ("Content-Type", "application/pkcs10");
    let mut ask = |headers: &[(&str, &str)], name: &str| {
        connection.ask("POST", "simpleenroll", headers, body(name).as_bytes()).unwrap().status
    };
    assert_eq!(ask(&[kind, ("Authorization", &basic("a.example"))], "a.example"), 200);
    assert_eq!(ask(&[kind], "a.example"), 403);
    assert_eq!(ask(&[kind, ("Authorization", &basic("a.example"))], "b.example"), 403);
}
