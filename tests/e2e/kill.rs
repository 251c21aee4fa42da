//! Killed without a warning, at any moment: nothing that a client holds is lost, nothing is half-done.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_pki::Certificate;
use chancery_tests::Request;
use reqwest::Method;
use serde_json::{Value, json};

use crate::start;

const CLIENTS: usize = 16;

/// `CHANCERY_TEST_KILLS` sets how often (10 by itself).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_certificate_that_a_client_holds_survives_kill_9() {
    let kills: usize = std::env::var("CHANCERY_TEST_KILLS").map_or(10, |text| text.parse().expect("a number"));
    let mut server = start();
    let mut serials = HashSet::new();
    // Requests made once: the server's work is to be interrupted, not the test's.
    let bodies: Arc<Vec<Value>> = Arc::new(
        (0..64).map(|n| json!({"request": Request::host(&format!("k{n}.example")).pem(), "attributes": []})).collect(),
    );
    let mut total = 0;
    for round in 0..kills {
        let api = server.api();
        let path = format!("{}/certificates", api.operations("tls-server").await);
        let held: Arc<Mutex<Vec<Value>>> = Arc::default();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (api, path, held, bodies) = (api.clone(), path.clone(), held.clone(), bodies.clone());
                tokio::spawn(async move {
                    for number in client.. {
                        match api.try_send(Method::POST, &path, Some(&bodies[number % bodies.len()])).await {
                            Ok(answer) => held.lock().unwrap().push(answer.json(200)),
                            Err(_) => break,
                        }
                    }
                })
            })
            .collect();
        // Somewhere in the middle of the load, another moment in each round.
        let enough = 20 + 37 * round % 200;
        chancery_tests::eventually("the load runs", Duration::from_secs(60), || async {
            (held.lock().unwrap().len() >= enough).then_some(())
        })
        .await;
        server.kill();
        for client in clients {
            client.await.unwrap();
        }
        assert!(server.data().join("ready.json").exists(), "a killed server cannot have cleaned up");

        server.start();
        let api = server.api();
        let held = std::mem::take(&mut *held.lock().unwrap());
        total += held.len();
        for answer in &held {
            let der = STANDARD.decode(answer["certificateData"].as_str().unwrap()).unwrap();
            let certificate = Certificate::from_der(&der).unwrap();
            assert!(serials.insert(certificate.serial().clone()), "serial {:?} twice", certificate.serial());
        }
        // Every one of them is in the database with its entry in the trail: all states, and a sample in full.
        for answer in held.iter().step_by(held.len().div_ceil(40)).chain(held.last()) {
            let uuid = answer["uuid"].as_str().unwrap();
            let shown = api.certificate(uuid).await;
            assert_eq!(shown["state"], "issued");
            assert_eq!(shown["certificateContent"], answer["certificateData"]);
            let history = api.get(&format!("/api/v1/certificates/{uuid}/history")).await.json(200);
            assert_eq!(history[0]["event"], "Issue Certificate", "{history}");
        }
        let known = all_uuids(&api).await;
        for answer in &held {
            assert!(known.contains(answer["uuid"].as_str().unwrap()), "round {round}: lost {answer}");
        }
        // Each issued certificate has its entry (the command fails otherwise), every chain is whole.
        server.cli(["audit", "verify"]).ok();
    }
    println!("{kills} kills, {total} certificates held by clients, none lost");
}

/// Every certificate object's uuid, page by page.
async fn all_uuids(api: &chancery_tests::Api) -> HashSet<String> {
    let mut uuids = HashSet::new();
    for page in 1.. {
        // Newest first, and past 10,000 the pages end; older rounds have been looked at before.
        if page * 1000 > 10_000 {
            break;
        }
        let found =
            api.post("/api/v1/certificates", &json!({"itemsPerPage": 1000, "pageNumber": page})).await.json(200);
        let certificates = found["certificates"].as_array().unwrap();
        uuids.extend(certificates.iter().map(|c| c["uuid"].as_str().unwrap().to_owned()));
        if certificates.len() < 1000 {
            break;
        }
    }
    uuids
}
