//! A database that goes away and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chancery_tests::{Builder, Request, eventually};
use reqwest::Method;
use serde_json::json;

use crate::PROGRAM;
use crate::postgres::Postgres;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_is_503_and_all_is_well_when_it_is_back() {
    let postgres = Postgres::start();
    let database = postgres.database();
    let server = Builder::new(PROGRAM).database(database).start();
    let api = server.api();
    let path = format!("{}/certificates", api.operations("tls-server").await);
    let mut held = vec![api.issue("tls-server", &Request::host("before.example")).await.0];

    for mode in ["fast", "immediate"] {
        // Under load, so that it goes away in the middle of transactions.
        let issued = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let (api, path, issued) = (api.clone(), path.clone(), issued.clone());
                let body = json!({"request": Request::host(&format!("c{client}.example")).pem(), "attributes": []});
                tokio::spawn(async move {
                    let (mut held, mut refused) = (Vec::new(), 0);
                    while refused < 3 {
                        let answer = api.try_send(Method::POST, &path, Some(&body)).await.expect("the server stays");
                        match answer.status {
                            200 => {
                                held.push(answer.issued().0);
                                issued.fetch_add(1, Ordering::Relaxed);
                            }
                            // That 503 has Retry-After is checked with every answer.
                            503 => refused += 1,
                            other => panic!("{other}: {}", answer.text()),
                        }
                    }
                    held
                })
            })
            .collect();
        eventually("the load runs", Duration::from_secs(30), || async {
            (issued.load(Ordering::Relaxed) > 50).then_some(())
        })
        .await;
        postgres.stop(mode);
        for client in clients {
            held.extend(client.await.unwrap());
        }
        // /ready may remember for a moment.
        eventually("/ready says that the database is away", Duration::from_secs(10), || async {
            let ready = server.api_anonymous().try_send(Method::GET, "/ready", None).await.unwrap();
            (ready.status == 503).then_some(())
        })
        .await;
        assert_eq!(server.api_anonymous().get("/health").await.status, 200, "the process itself is well");

        postgres.go();
        let body = json!({"request": Request::host("after.example").pem(), "attributes": []});
        let answer = eventually("it issues again, without a restart", Duration::from_secs(30), || async {
            Some(api.post(&path, &body).await).filter(|answer| answer.status != 503)
        })
        .await;
        held.push(answer.issued().0);
        eventually("it says so", Duration::from_secs(15), || async {
            let ready = server.api_anonymous().try_send(Method::GET, "/ready", None).await.unwrap();
            (ready.status == 200).then_some(())
        })
        .await;
    }

    for uuid in &held {
        assert_eq!(api.certificate(uuid).await["state"], "issued", "a client holds it");
    }
    let database = server.database().unwrap();
    assert_eq!(
        database.query("select count(*) - count(distinct (issuer, serial)) from certificates where serial is not null"),
        "0\n"
    );
    server.cli(["audit", "verify"]).ok();
}
