//! pkilint, an outside judge of certificates and CRLs (RFC 5280).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use chancery_pki::{GeneralName, KeyType};
use chancery_tests::{Key, Server};

use crate::openssl::download;
use crate::shell::sh;
use crate::start;

const VERSION: &str = "0.13.3";

/// The folder of its programs, in an environment of its own that is kept for the next run.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pkilint-{VERSION}"));
        if !folder.join("complete").exists() {
            let script = format!(
                "rm -rf {0}; python3 -m venv {0}; {0}/bin/pip install -q --disable-pip-version-check pkilint=={VERSION}; \
                 touch {0}/complete",
                folder.display()
            );
            sh(Path::new(env!("CARGO_TARGET_TMPDIR")), &script).ok();
        }
        folder.join("bin")
    })
}

/// Findings of warning and worse; none is what we want. Left out: that a wildcard or a single label is no domain name.
/// RFC 5280 section 4.2.1.6 leaves wildcards to applications (RFC 9525 section 6.3), and single labels are names in the
/// networks that Chancery serves.
fn findings(server: &Server, command: &str) -> String {
    let script = format!("{}/{command} || true", programs().display());
    let printed = sh(server.folder(), &script).ok();
    let mut findings = Vec::new();
    let mut validator = "";
    for line in printed.lines() {
        if !line.starts_with(' ') {
            validator = line;
            continue;
        }
        let name = line.rsplit_once("Invalid domain name syntax: ").map(|(_, name)| name.trim_matches('"'));
        if name.is_none_or(|name| !name.starts_with("*.") && name.contains('.')) {
            findings.push(format!("{validator}: {}", line.trim()));
        }
    }
    findings.join("\n")
}

#[tokio::test]
async fn every_preset_s_certificates_are_clean() {
    let server = start();
    let api = server.api();
    let cases: [(&str, &str, &[&str]); 6] = [
        ("tls-server", "CN=lint.example", &["dns:lint.example", "ip:192.0.2.1"]),
        ("tls-server", "", &["dns:*.lint.example", "ip:2001:db8::1"]),
        ("tls-client", "CN=Somebody", &["uri:https://lint.example/workload", "email:a@lint.example"]),
        ("device", "CN=Sensor,serialNumber=4711,O=Works,OU=Hall 2", &["dns:sensor.lint.example"]),
        ("email", "CN=Me", &["email:me@lint.example"]),
        ("tls-client", "CN=Grün & Söhne", &[]),
    ];
    for kind in [KeyType::P256, KeyType::P384, KeyType::Rsa(2048), KeyType::Ed25519] {
        for (number, (profile, subject, names)) in cases.iter().enumerate() {
            if kind == KeyType::Ed25519 && ["device", "email"].contains(profile) {
                continue;
            }
            for name in *names {
                name.parse::<GeneralName>().unwrap();
            }
            let (uuid, _) = api.issue(profile, &Key::new(kind).request(subject, names)).await;
            let name = format!("{}-{number}", kind.to_string().to_lowercase());
            if number == 0 {
                download(&server, &uuid, &name).await;
            } else {
                let answer = api.certificate(&uuid).await;
                let content = answer["certificateContent"].as_str().unwrap();
                let pem = format!("-----BEGIN CERTIFICATE-----\n{content}\n-----END CERTIFICATE-----\n");
                std::fs::write(server.folder().join(format!("{name}.pem")), pem).unwrap();
            }
            let found = findings(&server, &format!("lint_pkix_cert lint -s WARNING {name}.pem"));
            assert_eq!(found.trim(), "", "{profile} {subject:?} {kind}");
        }
    }
    // The issuing CA, the root, the server's own certificate.
    let script = format!(
        "csplit -s -z -f ca- p-256-0-chain.pem '/BEGIN CERTIFICATE/' '{{*}}'
         openssl s_client -connect {} -servername localhost </dev/null 2>/dev/null | openssl x509 > own.pem",
        server.ready().https
    );
    sh(server.folder(), &script).ok();
    let root = server.ready().root_pem.display().to_string();
    for file in ["ca-00", "own.pem", &root] {
        let found = findings(&server, &format!("lint_pkix_cert lint -s WARNING {file}"));
        assert_eq!(found.trim(), "", "{file}");
    }
}

#[tokio::test]
async fn crls_are_clean_empty_and_with_every_reason() {
    let server = start();
    let api = server.api();
    let operations = api.operations("tls-server").await;
    let (first, _) = api.issue("tls-server", &chancery_tests::Request::host("crl.example")).await;
    download(&server, &first, "empty").await;
    for reason in ["unspecified", "keyCompromise", "superseded", "certificateHold", "cessationOfOperation"] {
        let (uuid, _) = api.issue("tls-server", &chancery_tests::Request::host("crl.example")).await;
        let body = serde_json::json!({"reason": reason, "attributes": []});
        api.post(&format!("{operations}/certificates/{uuid}/revoke"), &body).await.empty(204);
    }
    chancery_tests::eventually("five entries", std::time::Duration::from_secs(6), || async {
        download(&server, &first, "full").await;
        let script = "cat full-[0-9]*.crl > /dev/null
            for crl in full-[0-9]*.crl; do openssl crl -inform DER -in $crl -noout -text; done | grep -c 'Serial Number' || true";
        (sh(server.folder(), script).ok().trim() == "5").then_some(())
    })
    .await;
    let files = sh(server.folder(), "ls empty-[0-9]*.crl full-[0-9]*.crl").ok();
    for file in files.lines() {
        let found = findings(&server, &format!("lint_crl lint -t CRL -p PKIX -s WARNING {file}"));
        assert_eq!(found.trim(), "", "{file}");
    }
}
