//! RFC 9773.

use chancery_acme::{ProblemType, Resource};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::house::{House, encode, object};
use crate::path::{csr, dns, resource};

fn id_of(certificate: &chancery_pki::Certificate) -> String {
    let mut serial = certificate.serial().as_bytes().to_vec();
    if serial[0] & 0x80 != 0 {
        serial.insert(0, 0);
    }
    format!("{}.{}", encode(certificate.authority_key_id().unwrap()), encode(serial))
}

fn window(info: &Value) -> (OffsetDateTime, OffsetDateTime) {
    let instant = |end: &str| OffsetDateTime::parse(info["suggestedWindow"][end].as_str().unwrap(), &Rfc3339).unwrap();
    (instant("start"), instant("end"))
}

#[tokio::test]
async fn rfc9773_4_2_a_window_for_each_certificate() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let order = client.issued(&["a.example.com"], &csr(&["a.example.com"])).await;
    let certificate = client.download(&order).await.remove(0);
    let directory = house.directory("tls-server").await;
    let reply = house.acme.renewal_info(&directory, &id_of(&certificate)).await.unwrap();
    let (start, end) = window(&object(&reply));
    let best = datetime!(2026-11-24 12:00 UTC) + Duration::days(60);
    assert!(start < best && best < end && end < start + Duration::days(5), "{start} {end}");
    let again = reply.retry_after.unwrap().as_secs();
    assert!((17_280..25_920).contains(&again), "{again}");

    let payload = json!({ "certificate": encode(certificate.der()) });
    client.ask(Resource::RevokeCertificate, Some(payload)).await.unwrap();
    let reply = house.acme.renewal_info(&directory, &id_of(&certificate)).await.unwrap();
    let (start, end) = window(&object(&reply));
    assert!(start < end && end < datetime!(2026-11-24 12:00 UTC));

    let unknown = format!("{}.{}", encode(certificate.authority_key_id().unwrap()), encode([1]));
    for (id, status) in [(unknown.as_str(), 404), ("AAAA.AQ", 404), ("x", 400), ("", 400)] {
        let problem = house.acme.renewal_info(&directory, id).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, status), "{id}");
    }
}

#[tokio::test]
async fn rfc9773_5_an_order_replaces_a_certificate_once() {
    let house = House::new().await;
    let (client, other) = (house.client().registered().await, house.client().registered().await);
    let first = client.issued(&["a.example.com"], &csr(&["a.example.com"])).await;
    let replaces = id_of(&client.download(&first).await[0]);
    let new = |name: &str| json!({ "identifiers": dns(&[name]), "replaces": replaces });
    // The same account, and a name in common.
    let problem = other.order(new("a.example.com")).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 404));
    let problem = client.order(new("b.example.com")).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 400));
    let (id, order) = client.order(new("a.example.com")).await.unwrap();
    assert_eq!(order["replaces"], replaces);
    let problem = client.order(new("a.example.com")).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::AlreadyReplaced, 409));
    client.prove(&order).await;
    let done = object(&client.finalize(id, &csr(&["a.example.com"])).await.unwrap());
    assert_eq!((&done["status"], &done["replaces"]), (&json!("valid"), &json!(replaces)));
    let Resource::Certificate(successor, _) = resource(done["certificate"].as_str().unwrap()) else { panic!() };
    let Resource::Certificate(predecessor, _) = resource(first["certificate"].as_str().unwrap()) else { panic!() };
    let record = house.ra.ports().inventory.certificate(successor).await.unwrap().unwrap();
    assert_eq!(record.predecessor, Some(predecessor));
    let problem = client.order(new("a.example.com")).await.unwrap_err();
    assert_eq!(problem.kind, ProblemType::AlreadyReplaced);
}

#[tokio::test]
async fn rfc9773_5_an_order_that_came_to_nothing_frees_the_certificate() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let first = client.issued(&["a.example.com"], &csr(&["a.example.com"])).await;
    let replaces = id_of(&client.download(&first).await[0]);
    let new = json!({ "identifiers": dns(&["a.example.com"]), "replaces": replaces });
    let (id, order) = client.order(new.clone()).await.unwrap();
    let authorization = resource(order["authorizations"][0].as_str().unwrap());
    client.ask(authorization, Some(json!({ "status": "deactivated" }))).await.unwrap();
    assert_eq!(client.status(id).await, "invalid");
    client.order(new).await.unwrap();
}
