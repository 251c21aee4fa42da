//! Several nodes on one PostgreSQL database (`acme.cluster`): a client that lands on another node at every request never
//! notices. Needs `TEST_DATABASE_URL`.

use chancery_tests::{AcmeClient, Builder, Challenges, Dns, Lab, Relay, Request, ScratchDatabase};
use serde_json::json;

use crate::server;

const DIRECTORY: &str = "/acme/tls-server/directory";

fn node(relay: &Relay) -> Builder {
    server()
        .argument("--base-url")
        .argument(format!("https://{}", relay.address()))
        .environment("CHANCERY__ACME__CLUSTER", "true")
        .environment("CHANCERY__KEYS__PASSPHRASE", "one passphrase for both of them")
}

/// Two nodes behind one address; the database goes with the first.
fn nodes(relay: &Relay) -> Option<(Lab, Lab)> {
    let database = ScratchDatabase::create()?;
    let url = database.url.clone();
    let (dns, challenges) = (Dns::start(), Challenges::start());
    let (resolver, port) = (dns.address().to_string(), challenges.address().port().to_string());
    let one = Lab::start_with(node(relay).database(database), dns, challenges);
    // It looks at names where the first one does.
    let two = node(relay)
        .sqlite()
        .argument("--database")
        .argument(url)
        .environment("CHANCERY__ACME__VALIDATION__HTTP_PORT", &port)
        .environment("CHANCERY__ACME__VALIDATION__RESOLVER", &resolver)
        .environment("CHANCERY__ACME__VALIDATION__ALLOW", "127.0.0.0/8")
        .start();
    for server in [&one.server, &two] {
        relay.add(server.ready().https);
    }
    Some((one, Lab { server: two, dns: Dns::start(), challenges: Challenges::start() }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_changes_nodes_at_every_request_never_notices() {
    let relay = Relay::start();
    let Some((one, _two)) = nodes(&relay) else { return };
    let mut client = AcmeClient::new(one.server.ready(), DIRECTORY).await;
    client.fresh_connections(one.server.ready());
    client.register().await;
    for number in 0..6 {
        let name = format!("h{number}.cluster.test");
        client.issue(&[&name], &Request::host(&name), &one.challenges).await;
    }
    let served = relay.served();
    assert!(served.iter().all(|served| *served >= 20), "{served:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8555_6_5_a_nonce_is_spent_once_on_all_nodes_together() {
    let relay = Relay::start();
    let Some((one, _two)) = nodes(&relay) else { return };
    let mut client = AcmeClient::new(one.server.ready(), DIRECTORY).await;
    client.fresh_connections(one.server.ready());
    client.register().await;
    let url = client.kid.clone().unwrap();
    for _ in 0..4 {
        let jws = client.key.sign(&client.protected(&url).await, "").to_string();
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(client.post_body(&url, jws.clone()).await.status);
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400, 400, 400]);
    }
    // What one node changes holds at the other within five seconds; what it ends, at once.
    let ended = client.post(&url, &json!({"status": "deactivated"})).await;
    assert_eq!(ended.json(200)["status"], "deactivated");
    for _ in 0..2 {
        client.read(&url).await.problem(401, "unauthorized");
    }
}
