//! The EST door, as clients meet it: by TLS on the `mtls` listener.

mod cacerts;
mod clause;
mod credential;
mod enrol;
mod incident;
mod linking;
mod pending;
mod reenrol;
mod wire;

use chancery_pki::{Certificate, Csr, CsrTemplate, GeneralName, KeyType, Name, PrivateKey};
use chancery_tests::{EstClient, Server};

const PASSWORD: &str = "correct horse";

/// A client of this server.
fn est(server: &Server) -> EstClient {
    EstClient::new(server.ready().mtls.unwrap(), &server.ready().root_pem)
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeyType::P256).unwrap()
}

fn template(subject: &str, names: &[&str]) -> CsrTemplate {
    CsrTemplate {
        subject: Some(subject.parse::<Name>().unwrap()),
        subject_alt_names: names.iter().map(|name| name.parse::<GeneralName>().unwrap()).collect(),
        ..CsrTemplate::default()
    }
}

fn csr(key: &PrivateKey, subject: &str, names: &[&str]) -> Csr {
    template(subject, names).sign(key).unwrap()
}

/// An EST user of the RA profile `device`.
fn user(server: &Server, name: &str, more: &[&str]) {
    let arguments = ["est", "user", "add", name, "--profile", "device", "--password-stdin"];
    server.cli_with(PASSWORD, arguments.into_iter().chain(more.iter().copied())).ok();
}

/// A certificate that a user of its name got.
fn enrolled(server: &Server, name: &str) -> (PrivateKey, Certificate) {
    user(server, name, &[]);
    let key = key();
    let answer =
        est(server).basic(name, PASSWORD).enrol(csr(&key, &format!("CN={name}"), &[&format!("dns:{name}")]).der());
    (key, answer.certificate())
}

/// One setting of the EST profile `default`.
fn set(server: &Server, setting: &str) {
    server.cli(["est", "profile", "edit", "default", "--set", setting]).ok();
}

/// What the trail says of the EST door, newest first.
fn told(server: &Server) -> Vec<serde_json::Value> {
    let entries = server.cli(["audit", "list", "--json"]).ok();
    let entries: serde_json::Value = serde_json::from_str(&entries).unwrap();
    let bodies = entries.as_array().unwrap().iter().map(|entry| entry["body"].clone());
    bodies.filter(|entry| entry["door"] == "est").collect()
}

/// The newest entry says so.
#[track_caller]
fn refused(server: &Server, why: &str) {
    let entries = told(server);
    let newest = entries.first().unwrap_or_else(|| panic!("nothing was told; expected {why}"));
    assert_eq!(newest["result"], "refused", "{newest}");
    assert!(newest.to_string().contains(why), "{newest}");
}
