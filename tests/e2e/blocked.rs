//! Keys that the configuration blocks.

use std::process::Command;

use chancery_pki::KeyType;
use chancery_tests::{Key, Request, run};
use serde_json::json;

use crate::{PROGRAM, server};

#[tokio::test]
async fn a_key_on_a_list_gets_no_certificate() {
    let files = tempfile::tempdir().unwrap();
    let (lost, first) = (Key::new(KeyType::P256), Key::new(KeyType::P256).host("lost.example"));
    let request = lost.host("lost.example");
    let hash: String = request.csr().public_key().key_hash().iter().map(|byte| format!("{byte:02x}")).collect();
    let list = files.path().join("lost.keys");
    std::fs::write(&list, format!("# found on a train\n{hash} # 2026\n")).unwrap();
    let config = files.path().join("chancery.toml");
    std::fs::write(&config, format!("[keys]\nblocked = [{:?}]\n", list.to_str().unwrap())).unwrap();

    let server = server().argument("--config").argument(config.to_str().unwrap()).start();
    let api = server.api();
    let operations = api.operations("tls-server").await;
    let (uuid, _) = api.issue("tls-server", &first).await;
    for path in [format!("{operations}/certificates"), format!("{operations}/certificates/{uuid}/rekey")] {
        let faults = api.post(&path, &json!({"request": request.pem(), "attributes": []})).await.faults();
        assert!(faults.iter().any(|fault| fault.starts_with("public key: the key is blocked")), "{path}: {faults:?}");
    }
    api.issue("tls-server", &Request::host("lost.example")).await;
}

#[test]
fn a_list_that_cannot_be_read_stops_the_start_and_the_check() {
    let files = tempfile::tempdir().unwrap();
    let list = files.path().join("torn.keys");
    std::fs::write(&list, "# torn\nb7ead9492dfd921f\n").unwrap();
    let server = server().environment("CHANCERY__KEYS__BLOCKED", list.to_str().unwrap());
    let data = server.data();
    let mut check = Command::new(PROGRAM);
    check.args(["config", "check"]).env("CHANCERY__KEYS__BLOCKED", &list).current_dir(files.path());
    for ran in [run(&mut check), server.run()] {
        let why = ran.refused();
        assert!(why.contains("torn.keys:2: ") && why.contains("b7ead9492dfd921f"), "{why}");
    }
    assert!(!data.join("chancery.db").exists(), "nothing is made before the lists are read");
}
