//! OpenSSL: makes requests of every kind, judges what comes back.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_tests::{Server, eventually, fetch};
use serde_json::{Value, json};

use crate::shell::sh;
use crate::start;

/// How `openssl req` makes each kind of key.
const KEYS: [(&str, &str); 4] = [
    ("rsa-3072", "-newkey rsa:3072"),
    ("p-256", "-newkey ec -pkeyopt ec_paramgen_curve:P-256"),
    ("p-384", "-newkey ec -pkeyopt ec_paramgen_curve:P-384"),
    ("ed25519", "-newkey ed25519"),
];

/// A request by `openssl req` in the server's folder: its PEM.
pub fn request(server: &Server, name: &str, key: &str) -> String {
    let script = format!(
        "openssl req -new {key} -nodes -keyout {name}.key -out {name}.csr -subj '/CN={name}.example' \
         -addext 'subjectAltName=DNS:{name}.example,DNS:www.{name}.example,IP:192.0.2.1,IP:2001:db8::1' 2>&1; cat {name}.csr"
    );
    sh(server.folder(), &script).ok().split_inclusive("-----BEGIN").skip(1).map(|s| format!("-----BEGIN{s}")).collect()
}

/// Download certificate, chain and CRLs into the server's folder: NAME.pem, NAME-chain.pem, NAME-crls.pem.
pub async fn download(server: &Server, uuid: &str, name: &str) -> Value {
    let api = server.api();
    let text = async |path: String| {
        let answer = api.get(&path).await.json(200);
        STANDARD.decode(answer["content"].as_str().expect("content")).expect("Base64")
    };
    let folder = server.folder();
    let pem = text(format!("/api/v1/certificates/{uuid}/raw?encoding=pem")).await;
    let chain = text(format!("/api/v1/certificates/{uuid}/chain/raw?encoding=pem")).await;
    std::fs::write(folder.join(format!("{name}.pem")), pem).unwrap();
    std::fs::write(folder.join(format!("{name}-chain.pem")), &chain).unwrap();
    // The CRL of every certificate of the chain that names one, itself included.
    let mut urls = Vec::new();
    for (part, file) in [("leaf", format!("{name}.pem")), ("chain", format!("{name}-chain.pem"))] {
        let script = format!(
            "openssl storeutl -noout -text -certs {file} | grep -A 3 'CRL Distribution' | grep -o 'http://[^ ]*' || true"
        );
        let found = sh(folder, &script).ok();
        assert!(part != "leaf" || !found.is_empty(), "the certificate names no CRL");
        urls.extend(found.lines().map(str::to_owned));
    }
    urls.sort();
    urls.dedup();
    let mut crls = String::new();
    for (number, url) in urls.iter().enumerate() {
        std::fs::write(folder.join(format!("{name}-{number}.crl")), fetch(url).await.body).unwrap();
        crls += &sh(folder, &format!("openssl crl -inform DER -in {name}-{number}.crl")).ok();
    }
    std::fs::write(folder.join(format!("{name}-crls.pem")), crls).unwrap();
    api.certificate(uuid).await
}

/// `openssl verify` with everything on: strict, purpose, CRL of the certificate.
pub fn verify(server: &Server, name: &str) -> chancery_tests::Ran {
    let script = format!(
        "openssl verify -x509_strict -crl_check -purpose sslserver -CAfile {root} -untrusted {name}-chain.pem \
         -CRLfile {name}-crls.pem {name}.pem",
        root = server.ready().root_pem.display()
    );
    sh(server.folder(), &script)
}

#[tokio::test]
async fn every_key_type_verifies_strictly_with_the_crl_checked() {
    let server = start();
    let api = server.api();
    let path = format!("{}/certificates", api.operations("tls-server").await);
    for (name, key) in KEYS {
        let pem = request(&server, name, key);
        let (uuid, _) = api.post(&path, &json!({"request": pem, "attributes": []})).await.issued();
        download(&server, &uuid, name).await;
        assert!(verify(&server, name).ok().contains("OK"), "{name}");
        // The certificate is for the key that openssl made, and has the names asked for.
        let script = format!(
            "diff <(openssl x509 -in {name}.pem -noout -pubkey) <(openssl pkey -in {name}.key -pubout)
             openssl x509 -in {name}.pem -noout -ext subjectAltName -checkhost www.{name}.example -checkip 192.0.2.1"
        );
        let printed = sh(server.folder(), &script).ok();
        assert!(!printed.contains("NOT match"), "{printed}");
    }
}

#[tokio::test]
async fn the_crl_is_good_and_shows_the_revocation() {
    let server = start();
    let api = server.api();
    let operations = api.operations("tls-server").await;
    let pem = request(&server, "gone", KEYS[1].1);
    let body = json!({"request": pem, "attributes": []});
    let (uuid, _) = api.post(&format!("{operations}/certificates"), &body).await.issued();
    let shown = download(&server, &uuid, "gone").await;
    assert!(verify(&server, "gone").ok().contains("OK"));
    let body = json!({"reason": "keyCompromise", "attributes": []});
    api.post(&format!("{operations}/certificates/{uuid}/revoke"), &body).await.empty(204);
    let why = eventually("openssl sees the revocation", Duration::from_secs(6), || async {
        download(&server, &uuid, "gone").await;
        let ran = verify(&server, "gone");
        (ran.code != Some(0)).then_some(ran.stderr)
    })
    .await;
    assert!(why.contains("certificate revoked"), "{why}");
    let serial = shown["serialNumber"].as_str().unwrap().to_uppercase();
    // Every CRL: readable, signed by the chain, with a number and the right reason.
    let script = "cat gone-chain.pem > issuers.pem
        for crl in gone-[0-9]*.crl; do
            openssl crl -inform DER -in $crl -noout -text -nameopt RFC2253
            openssl crl -inform DER -in $crl -noout -verify -CAfile issuers.pem 2>&1
        done";
    let printed = sh(server.folder(), script).ok();
    assert!(printed.contains("X509v3 CRL Number") && printed.contains("verify OK"), "{printed}");
    assert!(printed.to_uppercase().contains(serial.trim_start_matches('0')), "{serial} not in {printed}");
    assert!(printed.contains("Key Compromise"), "{printed}");
}

#[tokio::test]
async fn renew_and_rekey_requests_made_by_openssl() {
    let server = start();
    let api = server.api();
    let operations = api.operations("tls-server").await;
    let pem = request(&server, "first", KEYS[1].1);
    let (uuid, _) =
        api.post(&format!("{operations}/certificates"), &json!({"request": pem, "attributes": []})).await.issued();
    let path = format!("{operations}/certificates/{uuid}");
    let (renewed, _) = api.post(&format!("{path}/renew"), &json!({"request": pem})).await.issued();
    download(&server, &renewed, "renewed").await;
    assert!(verify(&server, "renewed").ok().contains("OK"));

    let other = |subject: &str| {
        let script = format!(
            "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout other.key -out other.csr \
             -subj '{subject}' -addext 'subjectAltName=DNS:first.example' 2>/dev/null; cat other.csr"
        );
        sh(server.folder(), &script).ok()
    };
    api.post(&format!("{path}/renew"), &json!({"request": other("/CN=first.example")})).await.faults();
    api.post(&format!("{path}/rekey"), &json!({"request": other("/CN=second.example")})).await.faults();
    api.post(&format!("{path}/rekey"), &json!({"request": pem})).await.faults();
    let (rekeyed, _) =
        api.post(&format!("{path}/rekey"), &json!({"request": other("/CN=first.example")})).await.issued();
    download(&server, &rekeyed, "rekeyed").await;
    assert!(verify(&server, "rekeyed").ok().contains("OK"));
}

#[test]
fn s_client_speaks_tls_1_2_and_1_3() {
    let server = start();
    let ready = server.ready();
    for version in ["-tls1_2", "-tls1_3"] {
        let script = format!(
            "openssl s_client -connect {} -servername localhost -verify_hostname localhost -verify_return_error \
             -x509_strict -CAfile {} {version} </dev/null",
            ready.https,
            ready.root_pem.display()
        );
        let printed = sh(server.folder(), &script).ok();
        assert!(printed.contains("Verify return code: 0 (ok)"), "{version}: {printed}");
    }
    let old = format!("openssl s_client -connect {} -tls1_1 -cipher ALL:@SECLEVEL=0 </dev/null", ready.https);
    assert_ne!(sh(server.folder(), &old).code, Some(0), "TLS 1.1 is taken");
}
