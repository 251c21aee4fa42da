//! RFC 8555 sections 7.4, 7.4.2 and 11.1: from a ready order to a certificate.

use std::sync::Arc;

use chancery_pki::{Certificate, KeyType};
use chancery_tests::{AcmeClient, Key, Lab, Request, base64url};
use serde_json::{Value, json};

use super::{lab, leaf};

/// A ready order for one name.
async fn ready(lab: &Lab, client: &AcmeClient, names: &[&str]) -> (String, Value) {
    let (url, order) = client.order(names).await;
    client.authorize(&order, "http-01", &lab.challenges).await;
    let order = client.read(&url).await.json(200);
    assert_eq!(order["status"], "ready");
    (url, order)
}

#[tokio::test]
async fn rfc8555_7_4_a_whole_order() {
    let lab = lab();
    let client = lab.account().await;
    let names = ["one.test", "two.test"];
    let request = Key::new(KeyType::P256).request("CN=one.test", &["dns:one.test", "dns:two.test"]);
    let (url, order, chain) = client.issue(&names, &request, &lab.challenges).await;
    let leaf = leaf(&chain);
    assert!(!leaf.is_ca());
    assert_eq!(leaf.public_key(), request.csr().public_key());
    assert!(chain.matches("BEGIN CERTIFICATE").count() >= 2, "leaf and issuing CA: {chain}");
    // Final states have no Retry-After (acme4j).
    for url in [&*url, order["authorizations"][0].as_str().unwrap()] {
        let answer = client.read(url).await;
        assert_eq!(answer.json(200)["status"], "valid");
        assert!(answer.header("retry-after").is_none());
    }
    lab.server.cli(["audit", "verify"]).ok();
}

#[tokio::test]
async fn rfc8555_9_1_pem_is_strict() {
    let lab = lab();
    let client = lab.account().await;
    let (_, _, chain) = client.issue(&["pem.test"], &Request::host("pem.test"), &lab.challenges).await;
    assert!(chain.starts_with("-----BEGIN CERTIFICATE-----\n") && chain.ends_with("-----END CERTIFICATE-----\n"));
    assert!(!chain.contains('\r') && !chain.contains("\n\n"), "{chain}");
    for line in chain.lines() {
        let base64 =
            line.len() <= 64 && line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
        assert!(base64 || line.starts_with("-----"), "{line}");
    }
    // The leaf first, then each signed by the next.
    let all = Certificate::all_from_pem(&chain).unwrap();
    for pair in all.windows(2) {
        pair[0].verify_signed_by(pair[1].public_key()).unwrap();
    }
}

#[tokio::test]
async fn rfc8555_7_4_2_the_client_chooses_the_form_of_its_certificate() {
    let lab = lab();
    let client = lab.account().await;
    let (_, order, chain) = client.issue(&["form.test"], &Request::host("form.test"), &lab.challenges).await;
    let url = order["certificate"].as_str().unwrap();
    let ask = async |accept: &str| {
        let body = client.key.sign(&client.protected(url).await, "").to_string();
        let request = client.request(reqwest::Method::POST, url).header("content-type", "application/jose+json");
        client.send(request.header("accept", accept).body(body)).await
    };
    for accept in ["*/*", "application/pem-certificate-chain", "text/html, */*;q=0.1", "application/*"] {
        let answer = ask(accept).await;
        assert_eq!(answer.header("content-type"), Some("application/pem-certificate-chain"), "{accept}");
        assert_eq!(answer.text(), chain);
    }
    let der = ask("application/pkix-cert").await;
    assert_eq!(der.header("content-type"), Some("application/pkix-cert"));
    let single = Certificate::from_der(&der.body).unwrap();
    assert_eq!(single, leaf(&chain));
    let pkcs7 = ask("application/pkcs7-mime").await;
    assert!(pkcs7.header("content-type").unwrap().starts_with("application/pkcs7-mime"));
    assert_ne!(pkcs7.body.len(), 0);
    // Every alternate chain can be fetched and begins with the same certificate.
    for alternate in client.read(url).await.links("alternate") {
        let other = client.read(&alternate).await;
        assert_eq!(other.status, 200);
        assert_eq!(leaf(&other.text()), single);
    }
}

#[tokio::test]
async fn rfc8555_7_4_finalize_is_for_ready_orders() {
    let lab = lab();
    let client = lab.account().await;
    let (_, order) = client.order(&["early.test"]).await;
    client.finalize(&order, &Request::host("early.test")).await.problem(403, "orderNotReady");
    let (_, order, _) = client.issue(&["early.test"], &Request::host("early.test"), &lab.challenges).await;
    client.finalize(&order, &Request::host("early.test")).await.problem(403, "orderNotReady");
}

/// AC-51: CSRs that are none.
#[tokio::test]
async fn rfc8555_7_4_a_csr_is_base64url_der_and_no_more() {
    let lab = lab();
    let client = lab.account().await;
    let (url, order) = ready(&lab, &client, &["csr.test"]).await;
    let finalize = order["finalize"].as_str().unwrap();
    let request = Request::host("csr.test");
    let mut trailing = request.der().to_vec();
    trailing.push(0);
    let mut broken = request.der().to_vec();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    for csr in [
        json!(""),
        json!("!"),
        json!(7),
        json!(null),
        json!(request.pem()),
        json!(request.base64()),
        json!(format!("{}=", base64url(request.der()))),
        json!(base64url(&trailing)),
        json!(base64url(&broken)),
        json!(base64url(&request.der()[1..])),
        json!(base64url([0x30, 0x80, 0, 0])),
    ] {
        let answer = client.post(finalize, &json!({"csr": csr})).await;
        assert_eq!(answer.status, 400, "{csr}: {}", answer.text());
        assert!(["malformed", "badCSR"].contains(&&*answer.kind()), "{csr}: {}", answer.text());
    }
    client.post(finalize, &json!({})).await.problem(400, "malformed");
    // None of them cost the order.
    assert_eq!(client.read(&url).await.json(200)["status"], "ready");
    client.finalize(&order, &request).await.json(200);
}

/// AC-53, and the platform's hole (d).
#[tokio::test]
async fn rfc8555_7_4_the_csr_names_exactly_what_the_order_does() {
    let lab = lab();
    let client = lab.account().await;
    let (url, order) = ready(&lab, &client, &["a.test", "b.test"]).await;
    let ask = |subject: &str, names: &[&str]| Key::new(KeyType::P256).request(subject, names);
    for (what, request) in [
        ("one is missing", ask("CN=a.test", &["dns:a.test"])),
        ("one too many", ask("CN=a.test", &["dns:a.test", "dns:b.test", "dns:c.test"])),
        ("a CN too many", ask("CN=c.test", &["dns:a.test", "dns:b.test"])),
        ("a wildcard too many", ask("CN=a.test", &["dns:a.test", "dns:b.test", "dns:*.a.test"])),
        ("an address too many", ask("CN=a.test", &["dns:a.test", "dns:b.test", "ip:127.0.0.1"])),
        ("an e-mail too many", ask("CN=a.test", &["dns:a.test", "dns:b.test", "email:a@a.test"])),
        ("a URI too many", ask("CN=a.test", &["dns:a.test", "dns:b.test", "uri:https://a.test/"])),
        ("other names", ask("CN=x.test", &["dns:x.test", "dns:y.test"])),
        ("no names", ask("O=Nobody", &[])),
        ("a CN alone", ask("CN=a.test", &[])),
        ("an address as CN", ask("CN=127.0.0.1", &["dns:a.test", "dns:b.test"])),
    ] {
        let answer = client.finalize(&order, &request).await;
        assert_eq!((answer.status, &*answer.kind()), (400, "badCSR"), "{what}: {}", answer.text());
    }
    assert_eq!(client.read(&url).await.json(200)["status"], "ready");
    // The CN may carry one of them; case does not matter.
    let request = ask("CN=B.test", &["dns:A.test"]);
    let answer = client.finalize(&order, &request).await;
    assert_eq!(answer.json(200)["status"], "valid");
}

/// AC-54: RFC 8555 section 11.1.
#[tokio::test]
async fn rfc8555_11_1_no_certificate_for_an_account_key() {
    let lab = lab();
    let (client, other) = (lab.account().await, lab.account().await);
    let (_, order) = ready(&lab, &client, &["key.test"]).await;
    for key in [&client.key, &other.key] {
        let private = chancery_pki::PrivateKey::from_pkcs8_der(&key.pkcs8()).unwrap();
        let template = chancery_pki::CsrTemplate {
            subject_alt_names: vec!["dns:key.test".parse().unwrap()],
            ..chancery_pki::CsrTemplate::default()
        };
        let csr = template.sign(&private).unwrap();
        let answer = client.post(order["finalize"].as_str().unwrap(), &json!({"csr": base64url(csr.der())})).await;
        answer.problem(400, "badCSR");
    }
}

/// AC-52, AC-56: keys and signatures that no profile takes.
#[tokio::test]
async fn rfc8555_7_4_a_csr_that_policy_refuses_is_a_bad_csr() {
    let lab = lab();
    let client = lab.account().await;
    let (url, order) = ready(&lab, &client, &["policy.test"]).await;
    // The preset tls-server takes no P-521 key.
    let answer = client.finalize(&order, &Key::new(KeyType::P521).host("policy.test")).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(["badCSR", "badPublicKey"].contains(&&*answer.kind()), "{}", answer.text());
    assert_eq!(client.read(&url).await.json(200)["status"], "ready");
}

/// 32 parallel finalizes: one certificate (Vault PR 32004).
#[tokio::test]
async fn rfc8555_7_4_of_32_parallel_finalizes_one_issues() {
    let lab = lab();
    let client = Arc::new(lab.account().await);
    for n in 0..5 {
        let name = format!("race{n}.test");
        let (url, order) = ready(&lab, &client, &[&name]).await;
        let finalize = order["finalize"].as_str().unwrap().to_owned();
        let mut all = Vec::new();
        for _ in 0..32 {
            let nonce = client.get(&client.url("newNonce")).await.header("replay-nonce").unwrap().to_owned();
            let protected = json!({"alg": "ES256", "kid": client.kid, "nonce": nonce, "url": finalize});
            let payload = json!({"csr": base64url(Request::host(&name).der())}).to_string();
            let (client, finalize) = (client.clone(), finalize.clone());
            all.push(tokio::spawn(async move { client.post_signed(&finalize, &protected, &payload).await }));
        }
        let mut good = 0;
        for one in all {
            let answer = one.await.unwrap();
            match answer.status {
                200 => good += 1,
                403 => drop(answer.problem(403, "orderNotReady")),
                other => panic!("{other}: {}", answer.text()),
            }
        }
        assert_eq!(good, 1);
        assert_eq!(client.read(&url).await.json(200)["status"], "valid");
        let query = json!({"filters": [], "itemsPerPage": 1000, "pageNumber": 1});
        let found = lab.server.api().post("/api/v1/certificates", &query).await.json(200);
        let count = found["certificates"].as_array().unwrap().iter().filter(|it| it["commonName"] == name).count();
        assert_eq!(count, 1, "{found}");
    }
}

/// The certificate of an order is of that order: two at a time.
#[tokio::test]
async fn two_orders_at_a_time_get_their_own_certificates() {
    let lab = lab();
    let client = lab.account().await;
    let (_, one) = ready(&lab, &client, &["first.test"]).await;
    let (_, two) = ready(&lab, &client, &["second.test"]).await;
    let second = client.finalize(&two, &Request::host("second.test")).await.json(200);
    let first = client.finalize(&one, &Request::host("first.test")).await.json(200);
    for (order, name) in [(first, "first.test"), (second, "second.test")] {
        let chain = client.read(order["certificate"].as_str().unwrap()).await;
        let leaf = leaf(&chain.text());
        assert!(leaf.subject_alt_names().iter().any(|it| it.to_string() == format!("dns:{name}")));
    }
}

/// rest-api.md: `protocolInfo` tells by what account a certificate came.
#[tokio::test]
async fn the_inventory_tells_the_account_of_a_certificate() {
    let lab = lab();
    let client = lab.account().await;
    let (_, order, _) = client.issue(&["told.test"], &Request::host("told.test"), &lab.challenges).await;
    let id = order["certificate"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let certificate = lab.server.api().certificate(&id).await;
    let info = &certificate["protocolInfo"];
    assert_eq!(info["protocol"], "acme", "{certificate}");
    let account = client.kid.as_ref().unwrap().rsplit('/').next().unwrap();
    assert_eq!(info["additionalProtocolUuid"], account);
    let profiles = lab.server.api().get("/api/v1/acmeProfiles").await.json(200);
    assert_eq!(info["protocolProfileUuid"], profiles[0]["uuid"]);
    // And the log names it at each of its requests.
    let named = format!("acme:{account}");
    assert!(lab.server.log().lines().filter(|line| line.contains(&named)).count() >= 5, "{named} is not in the log");
    // What comes of other doors has no such thing.
    let (other, _) = lab.server.api().issue("tls-server", &Request::host("other.test")).await;
    assert!(lab.server.api().certificate(&other).await.get("protocolInfo").is_none_or(Value::is_null));
}
