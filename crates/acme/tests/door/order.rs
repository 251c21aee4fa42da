//! RFC 8555 sections 7.1.3 and 7.4, RFC 9444, draft-ietf-acme-profiles.

use chancery_acme::{ProblemType, Resource};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::house::{House, object};
use crate::path::{csr, dns, resource};

#[tokio::test]
async fn rfc8555_7_4_from_new_order_to_certificate() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["A.Example.com", "b.example.com", "a.example.com"]).await;
    let base = "https://ca.example/acme/tls-server";
    assert_eq!(order["status"], "pending");
    assert_eq!(order["expires"], "2026-11-24T22:00:00Z");
    assert_eq!(order["identifiers"], dns(&["a.example.com", "b.example.com"]));
    assert_eq!(order["finalize"], format!("{base}/order/{id}/finalize"));
    assert_eq!(order["authorizations"].as_array().unwrap().len(), 2);
    for absent in ["certificate", "error", "profile", "replaces", "notBefore"] {
        assert!(order.get(absent).is_none(), "{absent}");
    }
    let authorization = client.read(order["authorizations"][0].as_str().unwrap()).await;
    assert_eq!(authorization["identifier"], json!({ "type": "dns", "value": "a.example.com" }));
    assert!(authorization.get("wildcard").is_none() && authorization.get("subdomainAuthAllowed").is_none());
    let kinds: Vec<_> = authorization["challenges"].as_array().unwrap().iter().map(|c| c["type"].clone()).collect();
    assert_eq!(kinds, ["http-01", "dns-01", "tls-alpn-01"]);
    let mut tokens: Vec<_> = authorization["challenges"].as_array().unwrap().iter().map(|c| &c["token"]).collect();
    tokens.dedup();
    assert_eq!((tokens.len(), tokens[0].as_str().unwrap().len()), (3, 32));
    client.prove(&order).await;
    assert_eq!(client.status(id).await, "ready");
    let reply = client.finalize(id, &csr(&["a.example.com", "b.example.com"])).await.unwrap();
    let done = object(&reply);
    assert_eq!((&done["status"], reply.retry_after), (&json!("valid"), None));
    assert_eq!(reply.location, Some(format!("{base}/order/{id}")));
    assert!(done["certificate"].as_str().unwrap().starts_with(&format!("{base}/certificate/")));
    let chain = client.download(&done).await;
    assert_eq!(chain[0].subject_alt_names().len(), 2);
    assert_eq!(client.status(id).await, "valid");
    let told = house.told("certificate.issue").await;
    assert!(told[0].contains(&id.to_string()) && told[0].contains("http-01"), "{told:?}");
}

#[tokio::test]
async fn rfc8555_7_4_what_cannot_be_ordered_is_refused_now() {
    let house = House::new().await;
    house.set(|settings| settings.most_identifiers = 3).await;
    let client = house.client().registered().await;
    let many: Vec<String> = (0..4).map(|n| format!("h{n}.example.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (new, kind, told) in [
        (json!({}), ProblemType::Malformed, "identifiers"),
        (json!({ "identifiers": [] }), ProblemType::Malformed, "at least one"),
        (json!({ "identifiers": dns(&many) }), ProblemType::Malformed, "3 at most"),
        (json!({ "identifiers": [{ "type": "dns", "value": 1 }] }), ProblemType::Malformed, "identifiers[0]"),
        (json!({ "identifiers": [{ "value": "a.example.com" }] }), ProblemType::Malformed, "type"),
        (
            json!({ "identifiers": [{ "type": "email", "value": "a@b.example" }] }),
            ProblemType::UnsupportedIdentifier,
            "email",
        ),
        (
            json!({ "identifiers": [{ "type": "permanent-identifier", "value": "C02X" }] }),
            ProblemType::UnsupportedIdentifier,
            "devices",
        ),
        (json!({ "identifiers": dns(&["a..example.com"]) }), ProblemType::Malformed, "empty label"),
        (json!({ "identifiers": [{ "type": "ip", "value": "192.0.2.01" }] }), ProblemType::Malformed, "IP address"),
        (
            json!({ "identifiers": dns(&["a.example.com"]), "notBefore": "yesterday" }),
            ProblemType::Malformed,
            "notBefore",
        ),
        (
            json!({ "identifiers": dns(&["a.example.com"]), "notAfter": "2126-11-24T00:00:00Z" }),
            ProblemType::Malformed,
            "notAfter",
        ),
        (
            json!({ "identifiers": dns(&["a.example.com"]), "notBefore": "0000-01-01T00:00:00+01:00" }),
            ProblemType::Malformed,
            "between the years",
        ),
        (
            json!({ "identifiers": dns(&["a.example.com"]), "notAfter": "9999-12-31T23:59:59-01:00" }),
            ProblemType::Malformed,
            "between the years",
        ),
        (
            json!({ "identifiers": dns(&["a.example.com"]), "notAfter": "2026-11-23T00:00:00Z" }),
            ProblemType::Malformed,
            "",
        ),
        (
            json!({ "identifiers": dns(&["a.example.com"]), "profile": "device" }),
            ProblemType::InvalidProfile,
            "no choice",
        ),
        (json!({ "identifiers": dns(&["a.example.com"]), "replaces": "x" }), ProblemType::Malformed, "RFC 9773"),
    ] {
        let problem = client.order(new.clone()).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (kind, 400), "{new}: {problem}");
        assert!(problem.detail.contains(told), "{new}: {problem}");
        assert!(problem.identifier.is_none());
    }
    let problem = client.order(json!({ "identifiers": dns(&["a..b", "_x.example", "ok.example"]) })).await.unwrap_err();
    let named: Vec<_> = problem.subproblems.iter().map(|sub| sub.identifier.clone().unwrap().value()).collect();
    assert_eq!(named, ["a..b", "_x.example"]);
}

#[tokio::test]
async fn policy_is_asked_at_new_order() {
    let house = House::new().await;
    house.activate("tls-client", "default").await;
    let mut client = house.client();
    client.at = "tls-client";
    let client = client.registered().await;
    let new = json!({ "identifiers": [
        { "type": "dns", "value": "*.example.com" },
        { "type": "ip", "value": "192.0.2.1" },
        { "type": "dns", "value": "good.example.com" },
    ] });
    let problem = client.order(new).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::RejectedIdentifier, 400));
    let named: Vec<_> = problem.subproblems.iter().map(|sub| sub.identifier.clone().unwrap().value()).collect();
    assert_eq!(named, ["*.example.com", "192.0.2.1"]);
}

#[tokio::test]
async fn new_order_needs_an_account() {
    let house = House::new().await;
    let client = house.client();
    let problem = client.order(json!({ "identifiers": dns(&["a.example.com"]) })).await.unwrap_err();
    assert_eq!(problem.kind, ProblemType::Malformed);
}

#[tokio::test]
async fn rfc8555_7_1_4_a_wildcard_is_proved_over_dns_alone() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["*.example.com", "example.com"]).await;
    assert_eq!(order["authorizations"].as_array().unwrap().len(), 2);
    let wildcard = client.read(order["authorizations"][0].as_str().unwrap()).await;
    assert_eq!((&wildcard["wildcard"], &wildcard["identifier"]["value"]), (&json!(true), &json!("example.com")));
    let kinds: Vec<_> = wildcard["challenges"].as_array().unwrap().iter().map(|c| c["type"].clone()).collect();
    assert_eq!(kinds, ["dns-01"]);
    client.prove(&order).await;
    client.finalize(id, &csr(&["example.com", "*.example.com"])).await.unwrap();

    house.set(|settings| _ = settings.challenges.remove(&chancery_acme::ChallengeType::Dns01)).await;
    let problem = client.order(json!({ "identifiers": dns(&["*.example.org"]) })).await.unwrap_err();
    assert_eq!(problem.kind, ProblemType::RejectedIdentifier);
}

#[tokio::test]
async fn rfc8738_addresses_are_certified() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (id, order) = client.order(json!({ "identifiers": [{ "type": "ip", "value": "2001:db8::1" }] })).await.unwrap();
    let authorization = client.read(order["authorizations"][0].as_str().unwrap()).await;
    let kinds: Vec<_> = authorization["challenges"].as_array().unwrap().iter().map(|c| c["type"].clone()).collect();
    assert_eq!(kinds, ["http-01", "tls-alpn-01"]);
    client.prove(&order).await;
    let ip = chancery_pki::GeneralName::Ip("2001:db8::1".parse().unwrap());
    client.finalize(id, &crate::path::csr_of(&crate::path::key(), None, vec![ip])).await.unwrap();
}

#[tokio::test]
async fn others_are_answered_alike_whether_there_is_an_order_or_not() {
    let house = House::new().await;
    let (client, other) = (house.client().registered().await, house.client().registered().await);
    let (id, order) = client.order_for(&["a.example.com"]).await;
    let Resource::Authorization(authorization) = resource(order["authorizations"][0].as_str().unwrap()) else {
        panic!()
    };
    let nobody = Uuid::from_u128(5);
    let kind = chancery_acme::ChallengeType::Http01;
    for (there, not_there, payload) in [
        (Resource::Order(id), Resource::Order(nobody), None),
        (Resource::Finalize(id), Resource::Finalize(nobody), Some(json!({ "csr": "MAA" }))),
        (Resource::Authorization(authorization), Resource::Authorization(nobody), None),
        (
            Resource::Authorization(authorization),
            Resource::Authorization(nobody),
            Some(json!({ "status": "deactivated" })),
        ),
        (Resource::Challenge(authorization, kind), Resource::Challenge(nobody, kind), Some(json!({}))),
        (Resource::Certificate(nobody, 0), Resource::Certificate(nobody, 1), None),
    ] {
        let one = other.ask(there.clone(), payload.clone()).await.unwrap_err();
        let two = other.ask(not_there, payload).await.unwrap_err();
        assert_eq!(one, two, "{there:?}");
        assert_eq!((one.kind, one.status), (ProblemType::Malformed, 404), "{there:?}");
    }
    assert_eq!(client.status(id).await, "pending");
}

#[tokio::test]
async fn an_order_that_is_over_says_so() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["a.example.com"]).await;
    client.prove(&order).await;
    house.clock.advance(Duration::hours(10));
    let over = object(&client.ask(Resource::Order(id), None).await.unwrap());
    assert_eq!(over["status"], "invalid");
    assert!(over["error"]["detail"].as_str().unwrap().contains("not finalized in time"), "{over}");
    let problem = client.finalize(id, &csr(&["a.example.com"])).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::OrderNotReady, 403));
}

#[tokio::test]
async fn valid_authorizations_are_taken_up_where_the_directory_lets_them() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (_, first) = client.order_for(&["a.example.com"]).await;
    client.prove(&first).await;
    let (_, second) = client.order_for(&["a.example.com"]).await;
    assert_eq!(second["status"], "ready");
    assert_eq!(second["authorizations"], first["authorizations"]);
    // Never for the wildcard, and never by another account.
    let (_, wildcard) = client.order_for(&["*.a.example.com"]).await;
    assert_eq!(wildcard["status"], "pending");
    let other = house.client().registered().await;
    assert_eq!(other.order_for(&["a.example.com"]).await.1["status"], "pending");
    // One that is nearly over would end the order with it.
    house.clock.advance(Duration::hours(15));
    assert_eq!(client.order_for(&["a.example.com"]).await.1["status"], "pending");

    let (_, third) = client.order_for(&["b.example.com"]).await;
    client.prove(&third).await;
    house.set(|settings| settings.reuse_authorizations = false).await;
    assert_eq!(client.order_for(&["b.example.com"]).await.1["status"], "pending");
}

#[tokio::test]
async fn open_orders_of_an_account_are_limited() {
    let house = House::new().await;
    house.set(|settings| settings.most_open_orders = 2).await;
    let client = house.client().registered().await;
    let (id, order) = client.order_for(&["a.example.com"]).await;
    client.order_for(&["b.example.com"]).await;
    let problem = client.order(json!({ "identifiers": dns(&["c.example.com"]) })).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::RateLimited, 429));
    assert!(problem.retry_after.is_some());
    client.prove(&order).await;
    client.finalize(id, &csr(&["a.example.com"])).await.unwrap();
    client.order_for(&["c.example.com"]).await;
}

#[tokio::test]
async fn rfc8555_7_4_validity_is_met_as_asked_or_refused() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let new = json!({
        "identifiers": dns(&["a.example.com"]), "notBefore": "2026-11-25T00:00:00Z", "notAfter": "2026-12-25T00:00:00+01:00",
    });
    let (id, order) = match client.order(new).await {
        Ok(made) => made,
        Err(problem) => {
            // The preset lets requests choose neither; the refusal says so.
            assert!(problem.detail.contains("does not let orders choose"), "{problem}");
            return;
        }
    };
    client.prove(&order).await;
    let done = object(&client.finalize(id, &csr(&["a.example.com"])).await.unwrap());
    assert_eq!(done["notBefore"], "2026-11-25T00:00:00Z");
    let validity = client.download(&done).await[0].validity();
    assert_eq!(validity.not_before.unix_timestamp(), 1_795_564_800);
    assert_eq!(validity.not_after.unix_timestamp(), 1_798_153_200);
}

#[tokio::test]
async fn draft_profiles_an_order_chooses_among_what_the_directory_offers() {
    let house = House::new().await;
    let device = house.ra_profile("device").await;
    let mut doors = house.ra_profile("device").await.doors;
    assert!(doors.is_empty(), "{doors:?}");
    house.activate("device", "default").await;
    doors = house.ra_profile("device").await.doors;
    assert!(!doors.is_empty());
    house.set(|settings| _ = settings.profiles.insert(device.id)).await;
    let client = house.client().registered().await;
    let (_, defaulted) = client.order_for(&["a.example.com"]).await;
    assert_eq!(defaulted["profile"], "tls-server");
    let new = json!({ "identifiers": dns(&["a.example.com"]), "profile": "device" });
    let (id, chosen) = client.order(new).await.unwrap();
    assert_eq!(chosen["profile"], "device");
    client.prove(&chosen).await;
    let done = object(&client.finalize(id, &csr(&["a.example.com"])).await.unwrap());
    assert_eq!(done["profile"], "device");
    let life = client.download(&done).await[0].validity();
    assert!(life.not_after - life.not_before > Duration::days(300));

    let problem =
        client.order(json!({ "identifiers": dns(&["a.example.com"]), "profile": "email" })).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::InvalidProfile, 400));
    // What the profile allows is asked of the chosen one.
    let wildcard = json!({ "identifiers": dns(&["*.example.com"]), "profile": "device" });
    assert_eq!(client.order(wildcard).await.unwrap_err().kind, ProblemType::RejectedIdentifier);

    let (id, order) =
        client.order(json!({ "identifiers": dns(&["a.example.com"]), "profile": "device" })).await.unwrap();
    client.prove(&order).await;
    house.set(|settings| settings.profiles.clear()).await;
    let problem = client.finalize(id, &csr(&["a.example.com"])).await.unwrap_err();
    assert_eq!(problem.kind, ProblemType::InvalidProfile);
}

#[tokio::test]
async fn rfc9444_4_3_a_domain_authorizes_what_is_below_it() {
    let house = House::new().await;
    let ask = |names: Value| json!({ "identifiers": names });
    let below = json!([{ "type": "dns", "value": "a.sub.example.com", "ancestorDomain": "example.com" },
                       { "type": "dns", "value": "b.example.com", "ancestorDomain": "Example.com" }]);
    // Where it is off the member is one of the unknown ones.
    let client = house.client().registered().await;
    let (_, order) = client.order(ask(below.clone())).await.unwrap();
    assert_eq!(order["authorizations"].as_array().unwrap().len(), 2);

    house.set(|settings| settings.subdomains = true).await;
    let (id, order) = client.order(ask(below)).await.unwrap();
    assert_eq!(order["identifiers"], dns(&["a.sub.example.com", "b.example.com"]));
    assert_eq!(order["authorizations"].as_array().unwrap().len(), 1);
    let authorization = client.read(order["authorizations"][0].as_str().unwrap()).await;
    assert_eq!(authorization["identifier"]["value"], "example.com");
    assert_eq!(authorization["subdomainAuthAllowed"], true);
    let kinds: Vec<_> = authorization["challenges"].as_array().unwrap().iter().map(|c| c["type"].clone()).collect();
    assert_eq!(kinds, ["dns-01"]);
    client.prove(&order).await;
    client.finalize(id, &csr(&["a.sub.example.com", "b.example.com"])).await.unwrap();
    // From now on it authorizes others below, and nothing beside.
    assert_eq!(client.order_for(&["c.example.com", "*.d.example.com"]).await.1["status"], "ready");
    assert_eq!(client.order_for(&["anexample.com"]).await.1["status"], "pending");

    let wrong = json!([{ "type": "dns", "value": "a.example.com", "ancestorDomain": "example.org" }]);
    assert_eq!(client.order(ask(wrong)).await.unwrap_err().kind, ProblemType::Malformed);
}

#[tokio::test]
async fn a_wildcard_directly_below_a_public_suffix_is_refused() {
    let house = House::new().await;
    let client = house.client().registered().await;
    for name in ["*.com", "*.co.uk", "*.xn--p1ai"] {
        let problem = client.order(json!({ "identifiers": dns(&["a.example.com", name]) })).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::RejectedIdentifier, 400), "{name}");
        assert_eq!(problem.subproblems[0].identifier.as_ref().unwrap().value(), name);
        assert!(problem.subproblems[0].detail.contains("public suffix"), "{problem}");
    }
    // A registered name, one of a company that lets others have names, and a closed network's own.
    client.order_for(&["*.example.com", "*.example.co.uk", "*.github.io", "*.corp.internal"]).await;
}
