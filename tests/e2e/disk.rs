//! A disk that fills: 503, nothing half-done, and all is well again when there is room, without a restart.

use std::process::Command;
use std::time::Duration;

use chancery_tests::{Request, eventually, run};
use serde_json::json;

use crate::server;

#[tokio::test]
async fn a_full_disk_is_503_and_recovers_without_a_restart() {
    // A limit on the size of files stands in for a small disk; with the signal ignored, a write past it fails (EFBIG).
    let server = server().sqlite().limits("trap '' XFSZ").start();
    let api = server.api();
    let pid = server.pid().to_string();
    let (before, _) = api.issue("tls-server", &Request::host("before.example")).await;
    let path = format!("{}/certificates", api.operations("tls-server").await);

    let largest =
        std::fs::read_dir(server.data()).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).max().unwrap();
    run(Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={}:", largest + 200_000)])).ok();

    let mut held = vec![before];
    let mut refused = 0;
    for number in 0.. {
        assert!(number < 20_000, "the limit is never reached");
        let body = json!({"request": Request::host(&format!("n{number}.example")).pem(), "attributes": []});
        let answer = api.post(&path, &body).await;
        match answer.status {
            200 => held.push(answer.issued().0),
            503 => refused += 1,
            other => panic!("{other}: {}", answer.text()),
        }
        if refused >= 5 {
            break;
        }
    }
    // Reads go on.
    for uuid in held.iter().rev().take(20) {
        assert_eq!(api.certificate(uuid).await["state"], "issued");
    }

    run(Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:"])).ok();
    let body = json!({"request": Request::host("after.example").pem(), "attributes": []});
    let answer = eventually("it issues again", Duration::from_secs(30), || async {
        Some(api.post(&path, &body).await).filter(|answer| answer.status != 503)
    })
    .await;
    held.push(answer.issued().0);
    for uuid in &held {
        assert_eq!(api.certificate(uuid).await["state"], "issued");
    }
    // Nothing half-done: no certificate without its entry, every chain whole, and as many objects as were given out.
    server.cli(["audit", "verify"]).ok();
    let issued = json!({"fieldSource": "property", "fieldIdentifier": "RA_PROFILE_NAME", "condition": "EQUALS", "value": "tls-server"});
    let found = api.post("/api/v1/certificates", &json!({"filters": [issued]})).await.json(200);
    assert_eq!(found["totalItems"].as_u64().unwrap(), held.len() as u64);
}
