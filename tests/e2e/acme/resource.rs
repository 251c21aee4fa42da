//! Limits and quirks that belong to no single resource.

use chancery_tests::Request;
use serde_json::json;

use super::lab;

/// AC-67: RFC 8555 section 6.6.
#[tokio::test]
async fn rfc8555_6_6_a_limit_is_429_with_a_time_to_come_back() {
    let lab = lab();
    lab.server.cli(["acme", "profile", "edit", "default", "--set", "newOrdersPerHour=3"]).ok();
    let client = lab.account().await;
    let url = client.url("newOrder");
    let body = json!({"identifiers": [{"type": "dns", "value": "limit.test"}]});
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let answer = client.post(&url, &body).await;
        if answer.status == 429 {
            answer.problem(429, "rateLimited");
            let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=3600).contains(&seconds), "{seconds}");
        }
        statuses.push(answer.status);
    }
    assert!(statuses[0] == 201 && statuses.contains(&429), "{statuses:?}");
    // Another account has its own count.
    lab.account().await.order(&["limit.test"]).await;
}

#[tokio::test]
async fn the_number_of_open_orders_is_bounded() {
    let lab = lab();
    lab.server.cli(["acme", "profile", "edit", "default", "--set", "mostOpenOrders=2"]).ok();
    let client = lab.account().await;
    client.order(&["a.test"]).await;
    client.order(&["b.test"]).await;
    let body = json!({"identifiers": [{"type": "dns", "value": "c.test"}]});
    client.post(&client.url("newOrder"), &body).await.problem(429, "rateLimited");
}

/// A restart in the middle of an order costs the client a nonce and nothing else.
#[tokio::test]
async fn an_order_outlives_a_restart() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut lab = super::lab_with(|builder| builder.argument("--https").argument(address));
    let mut client = lab.account().await;
    let (url, order) = client.order(&["restart.test"]).await;
    client.authorize(&order, "http-01", &lab.challenges).await;
    assert!(lab.server.stop().success());
    lab.server.start();
    client.reconnect(lab.server.ready());
    // The nonce at hand is of the life before.
    assert_eq!(client.read(&url).await.kind(), "badNonce");
    assert_eq!(client.read(&url).await.json(200)["status"], "ready");
    client.finalize(&order, &Request::host("restart.test")).await.json(200);
    let id = url.rsplit('/').next().unwrap();
    let shown = lab.server.cli(["acme", "order", "show", id]).ok();
    assert!(shown.contains("valid") && shown.contains("dns:restart.test"), "{shown}");
}

/// A proof is reused by the same account, and not when the profile says so.
#[tokio::test]
async fn proofs_are_reused_while_they_count() {
    let lab = lab();
    let client = lab.account().await;
    client.issue(&["again.test"], &Request::host("again.test"), &lab.challenges).await;
    assert_eq!(client.order(&["again.test"]).await.1["status"], "ready");
    lab.server.cli(["acme", "profile", "edit", "default", "--set", "reuseAuthorizations=false"]).ok();
    assert_eq!(client.order(&["again.test"]).await.1["status"], "pending");
}

/// A disabled ACME profile has no directory, and a disabled RA profile issues nothing.
#[tokio::test]
async fn disabled_profiles_answer_nothing() {
    let lab = lab();
    let client = lab.account().await;
    let directory =
        async || client.request(reqwest::Method::GET, client.directory_url()).send().await.unwrap().status();
    lab.server.cli(["acme", "profile", "disable", "default"]).ok();
    assert_eq!(directory().await, 404);
    lab.server.cli(["acme", "profile", "enable", "default"]).ok();
    assert_eq!(directory().await, 200);
    let order = async || {
        let body = json!({"identifiers": [{"type": "dns", "value": "off.test"}]});
        client.post(&client.url("newOrder"), &body).await.status
    };
    lab.server.cli(["profile", "disable", "tls-server"]).ok();
    chancery_tests::eventually("orders are refused", std::time::Duration::from_secs(10), || async {
        (400..500).contains(&order().await).then_some(())
    })
    .await;
    lab.server.cli(["profile", "enable", "tls-server"]).ok();
    chancery_tests::eventually("orders are taken", std::time::Duration::from_secs(10), || async {
        (order().await == 201).then_some(())
    })
    .await;
}
