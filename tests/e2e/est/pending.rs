//! What waits for a person (RFC 7030 section 4.2.3).

use serde_json::Value;

use super::{PASSWORD, csr, est, key, user};
use crate::start;

fn demand_approvals(server: &chancery_tests::Server) {
    let shown: Value = serde_json::from_str(&server.cli(["profile", "show", "device", "--json"]).ok()).unwrap();
    let mut attributes = shown["attributes"].as_array().unwrap().clone();
    attributes.retain(|attribute| attribute["name"] != "approvalRequired");
    attributes.push(serde_json::json!({
        "name": "approvalRequired", "contentType": "boolean", "content": [{"data": true}],
    }));
    let file = server.folder().join("attributes.json");
    std::fs::write(&file, serde_json::to_vec(&attributes).unwrap()).unwrap();
    server.cli(["profile", "edit", "device", "--attributes", file.to_str().unwrap()]).ok();
}

/// What waits, oldest first.
fn waiting(server: &chancery_tests::Server) -> Vec<String> {
    let listed: Value = serde_json::from_str(&server.cli(["approval", "list", "--json"]).ok()).unwrap();
    let list = listed.as_array().unwrap().iter().filter(|approval| approval["status"] == "pending");
    list.map(|approval| approval["uuid"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn es_24_a_request_waits_and_the_same_request_fetches_the_certificate() {
    let server = start();
    user(&server, "gw-7.example", &["--uses", "1"]);
    demand_approvals(&server);
    let client = est(&server).basic("gw-7.example", PASSWORD);
    let key = key();
    // Signed anew each time, as a linked client has to.
    let ask = || client.enrol(csr(&key, "CN=gw-7.example", &["dns:gw-7.example"]).der());
    for _ in 0..3 {
        let answer = ask();
        assert_eq!((answer.status, answer.body.len()), (202, 0));
        assert_eq!(answer.header("content-length"), Some("0"));
        assert_eq!(answer.header("retry-after"), Some("60"));
    }
    let waiting = waiting(&server);
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    server.cli(["approval", "approve", &waiting[0]]).ok();
    let certificate = ask().certificate();
    assert_eq!(certificate.public_key(), key.public_key());
    assert_eq!(ask().certificate(), certificate);
}

#[test]
fn a_rejected_request_is_told_so() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    demand_approvals(&server);
    let client = est(&server).basic("gw-7.example", PASSWORD);
    let key = key();
    let ask = || client.enrol(csr(&key, "CN=gw-7.example", &[]).der());
    assert_eq!(ask().status, 202);
    server.cli(["approval", "reject", &waiting(&server)[0]]).ok();
    let answer = ask();
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("rejected"), "{}", answer.text());
    super::refused(&server, "rejected by the operator");
}
