//! RFC 8555 section 7.6: revocation.

use chancery_pki::{Certificate, CsrTemplate, KeyType, PrivateKey};
use chancery_tests::{AcmeClient, AcmeKey, Lab, Request, base64url};
use serde_json::{Value, json};

use super::{lab, leaf};

/// A certificate for a key at hand: its order and itself.
async fn issued(lab: &Lab, client: &AcmeClient, name: &str, key: &AcmeKey) -> (Value, Certificate) {
    let (_, order) = client.order(&[name]).await;
    client.authorize(&order, "http-01", &lab.challenges).await;
    let private = PrivateKey::from_pkcs8_der(&key.pkcs8()).unwrap();
    let names = vec![format!("dns:{name}").parse().unwrap()];
    let csr = CsrTemplate { subject_alt_names: names, ..CsrTemplate::default() }.sign(&private).unwrap();
    let url = order["finalize"].as_str().unwrap();
    let order = client.post(url, &json!({"csr": base64url(csr.der())})).await.json(200);
    let chain = client.read(order["certificate"].as_str().unwrap()).await;
    (order, leaf(&chain.text()))
}

fn body(certificate: &Certificate) -> Value {
    json!({"certificate": base64url(certificate.der())})
}

#[tokio::test]
async fn rfc8555_7_6_the_account_that_ordered_it_may_revoke() {
    let lab = lab();
    let client = lab.account().await;
    let (_, certificate) = issued(&lab, &client, "mine.test", &AcmeKey::new()).await;
    let url = client.url("revokeCert");
    let mut with_reason = body(&certificate);
    with_reason["reason"] = json!(4);
    let answer = client.post(&url, &with_reason).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0), "{}", answer.text());
    client.post(&url, &with_reason).await.problem(400, "alreadyRevoked");
    let shown = lab.server.cli(["cert", "list", "--json"]).ok();
    assert!(shown.contains("revoked") && shown.contains("superseded"), "{shown}");
}

#[tokio::test]
async fn rfc8555_7_6_the_certificates_own_key_may_revoke() {
    let lab = lab();
    let client = lab.account().await;
    let key = AcmeKey::new();
    let (_, certificate) = issued(&lab, &client, "key.test", &key).await;
    let url = client.url("revokeCert");
    let by = async |key: &AcmeKey, signed_by: &AcmeKey| {
        let protected = json!({"alg": "ES256", "jwk": key.jwk(), "nonce": client.nonce().await, "url": url});
        client.post_body(&url, signed_by.sign(&protected, &body(&certificate).to_string()).to_string()).await
    };
    // AC-64, and the platform's hole (a): its public key is public.
    let stranger = AcmeKey::new();
    let unsigned = by(&key, &stranger).await;
    assert!((400..500).contains(&unsigned.status), "{}", unsigned.text());
    by(&stranger, &stranger).await.problem(403, "unauthorized");
    let answer = by(&key, &key).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    by(&key, &key).await.problem(400, "alreadyRevoked");
}

#[tokio::test]
async fn rfc8555_7_6_an_account_with_all_the_authorizations_may_revoke() {
    let lab = lab();
    let client = lab.account().await;
    let request = chancery_tests::Key::new(KeyType::P256).request("CN=a.test", &["dns:a.test", "dns:b.test"]);
    let (_, _, chain) = client.issue(&["a.test", "b.test"], &request, &lab.challenges).await;
    let certificate = leaf(&chain);
    let other = lab.account().await;
    let url = other.url("revokeCert");
    other.post(&url, &body(&certificate)).await.problem(403, "unauthorized");
    let (_, half) = other.order(&["a.test"]).await;
    other.authorize(&half, "http-01", &lab.challenges).await;
    other.post(&url, &body(&certificate)).await.problem(403, "unauthorized");
    let (_, rest) = other.order(&["b.test"]).await;
    other.authorize(&rest, "http-01", &lab.challenges).await;
    let answer = other.post(&url, &body(&certificate)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// AC-62, AC-63.
#[tokio::test]
async fn rfc8555_7_6_what_cannot_be_revoked_is_refused() {
    let lab = lab();
    let client = lab.account().await;
    let (_, certificate) = issued(&lab, &client, "reason.test", &AcmeKey::new()).await;
    let url = client.url("revokeCert");
    for (reason, kinds) in [
        (json!(7), &["badRevocationReason"] as &[&str]),
        (json!(11), &["badRevocationReason"]),
        (json!(99), &["badRevocationReason"]),
        (json!(-1), &["badRevocationReason", "malformed"]),
        (json!(1_000_000_000), &["badRevocationReason", "malformed"]),
        (json!("1"), &["malformed"]),
        (json!(1.5), &["malformed", "badRevocationReason"]),
    ] {
        let mut body = body(&certificate);
        body["reason"] = reason.clone();
        let answer = client.post(&url, &body).await;
        assert_eq!(answer.status, 400, "{reason}: {}", answer.text());
        assert!(kinds.contains(&&*answer.kind()), "{reason}: {}", answer.text());
    }
    // The server's own certificate, its root, one of nobody, and what is none.
    let root = Certificate::parse(&std::fs::read(&lab.server.ready().root_pem).unwrap()).unwrap();
    let mut foreign = certificate.der().to_vec();
    let last = foreign.len() - 1;
    foreign[last] ^= 1;
    for der in [root.der().to_vec(), foreign, vec![0x30, 0], vec![]] {
        let answer = client.post(&url, &json!({"certificate": base64url(&der)})).await;
        assert!([400, 403, 404].contains(&answer.status), "{}", answer.text());
    }
    for wrong in [json!({}), json!({"certificate": 7}), json!({"certificate": certificate.to_pem()})] {
        client.post(&url, &wrong).await.problem(400, "malformed");
    }
    // A certificate that another door issued is not this account's.
    let (_, rest) = lab.server.api().issue("tls-server", &Request::host("rest.test")).await;
    client.post(&url, &body(&rest)).await.problem(403, "unauthorized");
    let answer = client.post(&url, &body(&certificate)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}
