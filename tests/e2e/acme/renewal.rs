//! RFC 9773: renewal information, and orders that replace.

use chancery_pki::Certificate;
use chancery_tests::{Request, base64url};
use reqwest::Method;
use serde_json::{Value, json};

use super::{lab, leaf};

/// RFC 9773 section 4.1: key identifier of the issuer, a dot, serial number.
fn identifier(certificate: &Certificate) -> String {
    let issuer = certificate.authority_key_id().expect("an authority key identifier");
    // As the INTEGER's content, which keeps a leading zero where the first bit would be a sign.
    let serial = certificate.serial().as_bytes();
    let content = if serial[0] & 0x80 == 0 { serial.to_vec() } else { [&[0], serial].concat() };
    format!("{}.{}", base64url(issuer), base64url(content))
}

#[tokio::test]
async fn rfc9773_4_1_renewal_information_is_read_by_everybody() {
    let lab = lab();
    let client = lab.account().await;
    let (_, _, chain) = client.issue(&["ari.test"], &Request::host("ari.test"), &lab.challenges).await;
    let leaf = leaf(&chain);
    let url = format!("{}/{}", client.url("renewalInfo"), identifier(&leaf));
    let answer = client.get(&url).await;
    let information = answer.json(200);
    let at = |name: &str| information["suggestedWindow"][name].as_str().unwrap().to_owned();
    assert!(at("start") < at("end"), "RFC 9773 section 4.2: {information}");
    // An incident.
    let list: Value = serde_json::from_str(&lab.server.cli(["cert", "list", "--json"]).ok()).unwrap();
    let text = list.to_string();
    let object = text.split("\"uuid\":\"").nth(1).unwrap().split('"').next().unwrap();
    lab.server.cli(["acme", "renew-now", object, "--explanation", "https://ca.example/incident"]).ok();
    let now = client.get(&url).await.json(200);
    assert!(now["suggestedWindow"]["end"].as_str().unwrap() < &*at("start"), "{now}");
    assert_eq!(now["explanationURL"], "https://ca.example/incident");
    lab.server.cli(["acme", "renew-now", object, "--undo"]).ok();
    assert_eq!(client.get(&url).await.json(200).get("explanationURL"), None);
    // A revoked one is renewed at once.
    let body = json!({"certificate": base64url(leaf.der())});
    assert_eq!(client.post(&client.url("revokeCert"), &body).await.status, 200);
    let revoked = client.get(&url).await.json(200);
    assert!(revoked["suggestedWindow"]["end"].as_str().unwrap() < &*at("start"), "{revoked}");
}

#[tokio::test]
async fn rfc9773_4_1_identifiers_of_nothing_are_404_or_malformed() {
    let lab = lab();
    let client = lab.client().await;
    let base = client.url("renewalInfo");
    for id in ["AAAA.AAAA", "AAAA", ".", "AAAA.", ".AAAA", "AAAA.AAAA.AAAA", "!.!", "AA==.AA=="] {
        let answer = client.send(client.request(Method::GET, &format!("{base}/{id}"))).await;
        assert!([400, 404].contains(&answer.status), "{id}: {}", answer.text());
        assert_eq!(answer.kind(), "malformed", "{id}");
    }
}

#[tokio::test]
async fn rfc9773_4_3_retry_after_says_when_to_ask_again() {
    let lab = lab();
    let client = lab.account().await;
    let (_, _, chain) = client.issue(&["ask.test"], &Request::host("ask.test"), &lab.challenges).await;
    let leaf = leaf(&chain);
    let answer = client.get(&format!("{}/{}", client.url("renewalInfo"), identifier(&leaf))).await;
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((3600..=86_400).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn rfc9773_5_an_order_replaces_a_certificate_once() {
    let lab = lab();
    let client = lab.account().await;
    let (_, _, chain) = client.issue(&["old.test"], &Request::host("old.test"), &lab.challenges).await;
    let id = identifier(&leaf(&chain));
    let url = client.url("newOrder");
    let ask = |name: &str, id: &str| json!({"identifiers": [{"type": "dns", "value": name}], "replaces": id});
    // Another's certificate, another's names, and no certificate at all.
    let stranger = lab.account().await;
    let answer = stranger.post(&url, &ask("old.test", &id)).await;
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    let answer = client.post(&url, &ask("new.test", &id)).await;
    assert!((400..500).contains(&answer.status), "no name is shared: {}", answer.text());
    for wrong in ["AAAA.AAAA", "x"] {
        let answer = client.post(&url, &ask("old.test", wrong)).await;
        assert!((400..500).contains(&answer.status), "{}", answer.text());
    }
    let answer = client.post(&url, &ask("old.test", &id)).await;
    let order = answer.json(201);
    assert_eq!(order["replaces"], id);
    assert_eq!(client.read(&answer.location()).await.json(200)["replaces"], id);
    client.post(&url, &ask("old.test", &id)).await.problem(409, "alreadyReplaced");
    client.authorize(&order, "http-01", &lab.challenges).await;
    client.finalize(&order, &Request::host("old.test")).await.json(200);
    client.post(&url, &ask("old.test", &id)).await.problem(409, "alreadyReplaced");
}
