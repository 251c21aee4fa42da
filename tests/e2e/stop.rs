//! Stopping, and not starting twice.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chancery_tests::{Request, eventually, signal};
use reqwest::Method;
use serde_json::json;

use crate::{server, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_finishes_what_was_begun() {
    let mut server = start();
    let api = server.api();
    let path = format!("{}/certificates", api.operations("tls-server").await);
    let clients: Vec<_> = (0..8)
        .map(|client| {
            let (api, path) = (api.clone(), path.clone());
            let body = json!({"request": Request::host(&format!("stop-{client}.example")).pem(), "attributes": []});
            tokio::spawn(async move {
                let mut held = Vec::new();
                // Until the door is shut: a refusal to connect, a closed idle connection, or an honest 503.
                while let Ok(answer) = api.try_send(Method::POST, &path, Some(&body)).await {
                    match answer.status {
                        200 => held.push(answer.issued().0),
                        503 => break,
                        other => panic!("{other}: {}", answer.text()),
                    }
                }
                held
            })
        })
        .collect();
    eventually("the load runs", Duration::from_secs(30), || async {
        let found = api.post("/api/v1/certificates", &json!({})).await.json(200);
        (found["totalItems"].as_u64().unwrap() > 30).then_some(())
    })
    .await;
    signal(server.pid(), "TERM");
    let begun = Instant::now();
    let status = server.wait(Duration::from_secs(20));
    assert!(status.success(), "{status}");
    assert!(begun.elapsed() < Duration::from_secs(11), "stopped only after {:?}", begun.elapsed());
    assert!(!server.data().join("ready.json").exists());
    let mut held = Vec::new();
    for client in clients {
        held.extend(client.await.unwrap());
    }
    server.start();
    let api = server.api();
    for uuid in &held {
        assert_eq!(api.certificate(uuid).await["state"], "issued");
    }
    server.cli(["audit", "verify"]).ok();
}

#[tokio::test]
async fn a_second_serve_on_the_same_data_is_refused() {
    let server = server().sqlite().start();
    let begun = Instant::now();
    let second = server.second_serve();
    let why = second.refused();
    assert!(why.to_lowercase().contains("running") || why.to_lowercase().contains("in use"), "{why}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    // The first has not lost its ready.json to the second, nor anything else.
    assert!(server.data().join("ready.json").exists());
    server.api().issue("tls-server", &Request::host("first.example")).await;
}

#[test]
fn two_data_folders_on_one_sqlite_file_are_refused() {
    let first = server().sqlite().start();
    let url = first.ready().database.clone();
    let second = server().sqlite().argument("--database").argument(&url).run();
    let why = second.refused();
    assert!(!why.trim().is_empty());
}

#[test]
fn a_start_that_cannot_work_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (arguments, word) in [
        (vec!["--https", &address], address.as_str()),
        (vec!["--https", "nonsense"], "nonsense"),
        (vec!["--database", "oracle://x/y"], "oracle"),
        (vec!["--config", "/nonexistent.toml"], "/nonexistent.toml"),
        (vec!["--base-url", "ftp://x"], "base"),
        (vec!["--no-such-flag"], "no-such-flag"),
    ] {
        let builder = arguments.iter().fold(server().sqlite(), |builder, argument| builder.argument(*argument));
        let why = builder.run().refused();
        assert!(why.contains(word), "{arguments:?}: {why}");
        assert!(!why.contains("panicked"), "{arguments:?}: {why}");
    }
    let why = server().sqlite().environment("CHANCERY__NONSENSE__KEY", "1").run().refused();
    assert!(why.to_lowercase().contains("nonsense"), "{why}");
}

#[tokio::test]
async fn a_blocked_or_closed_standard_output_does_not_stop_the_service() {
    for shut in [false, true] {
        let builder = server().sqlite();
        let data = builder.data();
        let mut child = Command::new(crate::PROGRAM)
            .args(["serve", "--https", "127.0.0.1:0", "--mtls", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let path = data.join("ready.json");
        let ready = eventually("it is ready", Duration::from_secs(60), || async {
            serde_json::from_slice(&std::fs::read(&path).ok()?).ok()
        })
        .await;
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let kept = (!shut).then_some((stdout, stderr));
        let ready: chancery_tests::Ready = ready;
        let token = std::fs::read_to_string(ready.admin_token_file.as_ref().unwrap()).unwrap();
        let api = chancery_tests::Api::new(&ready, Some(token.trim()));
        // More lines than a pipe holds (64 KiB).
        for _ in 0..1500 {
            assert_eq!(api.get("/api/v1/raProfiles").await.status, 200);
        }
        api.issue("tls-server", &Request::host("quiet.example")).await;
        signal(child.id(), "TERM");
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > Duration::from_secs(15) {
                child.kill().unwrap();
                panic!("it does not stop (closed: {shut})");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert!(status.success(), "closed: {shut}: {status}");
        if let Some((mut stdout, _)) = kept {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
        }
    }
}
