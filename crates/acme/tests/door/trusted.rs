//! What an EAB key lets its accounts ask for, and the trusted mode.

use aws_lc_rs::hmac;
use chancery_acme::{AcmeProfileRef, AcmeSettings, MadeEabKey, NewAcmeProfile, NewEabKey, Problem, ProblemType};
use chancery_core::ProfileRef;
use serde_json::json;
use time::Duration;

use crate::house::{Client, House, binding, object, origin, system};
use crate::path::{csr, dns};

async fn make(house: &House, names: Option<&[&str]>, quota: Option<u32>) -> MadeEabKey {
    let new = NewEabKey {
        ra_profile: ProfileRef::Name("tls-server".into()),
        acme_profile: Some(AcmeProfileRef::Name("default".into())),
        description: "for tests".into(),
        names: names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        uses: None,
        quota,
        expires_at: Some(house.ra.ports().clock.now() + Duration::hours(5)),
    };
    house.acme.create_eab_key(&system(), &origin(), new).await.unwrap()
}

async fn bound<'a>(house: &'a House, key: &MadeEabKey) -> Client<'a> {
    bind(house, key).await.unwrap()
}

async fn bind<'a>(house: &'a House, key: &MadeEabKey) -> Result<Client<'a>, Problem> {
    let mut client = house.client();
    let url = "https://ca.example/acme/tls-server/new-account";
    let header = json!({ "alg": "HS256", "kid": key.key.id.to_string(), "url": url });
    let binding = binding(hmac::HMAC_SHA256, &key.secret, &header, &client.jwk());
    client.register(json!({ "externalAccountBinding": binding })).await?;
    Ok(client)
}

#[tokio::test]
async fn an_eab_key_says_which_names_its_accounts_may_ask_for() {
    let house = House::new().await;
    let key = make(&house, Some(&["example.com", "192.0.2.0/24"]), None).await;
    let client = bound(&house, &key).await;
    let (id, order) = client.order_for(&["a.example.com", "*.example.com"]).await;
    assert_eq!(order["status"], "pending", "trusted mode is off");
    client.prove(&order).await;
    client.finalize(id, &csr(&["a.example.com", "*.example.com"])).await.unwrap();
    let new = json!({ "identifiers": [
        { "type": "dns", "value": "a.example.org" }, { "type": "ip", "value": "192.0.3.1" }, { "type": "ip", "value": "192.0.2.1" },
    ] });
    let problem = client.order(new).await.unwrap_err();
    assert_eq!((problem.kind, problem.status, problem.subproblems.len()), (ProblemType::RejectedIdentifier, 400, 2));
}

#[tokio::test]
async fn an_eab_key_has_so_many_certificates_and_no_more() {
    let house = House::new().await;
    let key = make(&house, None, Some(2)).await;
    let (one, two) = (bound(&house, &key).await, bound(&house, &key).await);
    let mut ready = Vec::new();
    for client in [&one, &two, &one] {
        let (id, order) = client.order_for(&["a.example.com"]).await;
        client.prove(&order).await;
        ready.push((client, id));
    }
    for (client, id) in &ready[..2] {
        client.finalize(*id, &csr(&["a.example.com"])).await.unwrap();
    }
    let problem = ready[2].0.finalize(ready[2].1, &csr(&["a.example.com"])).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Unauthorized, 403));
    let problem = two.order(json!({ "identifiers": dns(&["a.example.com"]) })).await.unwrap_err();
    assert_eq!(problem.kind, ProblemType::Unauthorized);
}

#[tokio::test]
async fn trusted_mode_authorizes_what_the_key_lists_without_a_challenge() {
    let house = House::new().await;
    house.set(|settings| settings.trusted_without_challenges = true).await;
    let key = make(&house, Some(&["example.com", "*.wild.test"]), None).await;
    let client = bound(&house, &key).await;
    let (id, order) = client.order_for(&["a.example.com", "*.wild.test"]).await;
    assert_eq!(order["status"], "ready");
    let authorization = client.read(order["authorizations"][0].as_str().unwrap()).await;
    assert_eq!((&authorization["status"], &authorization["challenges"]), (&json!("valid"), &json!([])));
    // It ends with the key.
    assert_eq!(authorization["expires"], "2026-11-24T17:00:00Z");
    let done = object(&client.finalize(id, &csr(&["a.example.com", "*.wild.test"])).await.unwrap());
    assert_eq!(done["status"], "valid");
    assert!(house.prober.attempts().is_empty());
    assert!(house.told("certificate.issue").await[0].contains("external-account"));
    // What is ready when the mode is switched off is not issued any more.
    let (id, order) = client.order_for(&["b.example.com"]).await;
    assert_eq!(order["status"], "ready");
    house.set(|settings| settings.trusted_without_challenges = false).await;
    let refused = client.finalize(id, &csr(&["b.example.com"])).await.unwrap_err();
    assert_eq!((refused.kind, refused.status), (ProblemType::Unauthorized, 403), "{refused}");
    house.set(|settings| settings.trusted_without_challenges = true).await;
    // A wildcard that is not listed as such is proved like any other.
    assert_eq!(client.order_for(&["*.example.com"]).await.1["status"], "pending");
    // An account without a key is trusted with nothing, nor one whose key lists no names.
    let stranger = house.client().registered().await;
    assert_eq!(stranger.order_for(&["a.example.com"]).await.1["status"], "pending");
    let open = bound(&house, &make(&house, None, None).await).await;
    assert_eq!(open.order_for(&["a.example.com"]).await.1["status"], "pending");
}

#[tokio::test]
async fn trusted_mode_ends_with_the_key() {
    let house = House::new().await;
    house.set(|settings| settings.trusted_without_challenges = true).await;
    let key = make(&house, Some(&["example.com"]), None).await;
    let client = bound(&house, &key).await;
    let (id, order) = client.order_for(&["a.example.com"]).await;
    assert_eq!(order["status"], "ready");
    house.acme.revoke_eab_key(&system(), &origin(), key.key.id).await.unwrap();
    let problem = client.finalize(id, &csr(&["a.example.com"])).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Unauthorized, 403), "{problem}");
    assert!(problem.detail.contains("external account key"), "{problem}");
    // Nor is anything ordered for it any more, proved or not.
    let problem = client.order(json!({ "identifiers": dns(&["a.example.com"]) })).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Unauthorized, 403), "{problem}");
    assert!(problem.detail.contains("was revoked"), "{problem}");
}

/// A key that names no directory.
async fn unbound(house: &House) -> MadeEabKey {
    let new = NewEabKey {
        ra_profile: ProfileRef::Name("tls-server".into()),
        acme_profile: None,
        description: String::new(),
        names: Some(vec!["example.com".into()]),
        uses: None,
        quota: None,
        expires_at: None,
    };
    house.acme.create_eab_key(&system(), &origin(), new).await.unwrap()
}

#[tokio::test]
async fn a_key_made_for_no_directory_is_never_trusted() {
    let house = House::new().await;
    let key = unbound(&house).await;
    // Bound while the directory asked for proofs; what it was bound by vouches for nothing when that ends.
    let client = bound(&house, &key).await;
    house.set(|settings| settings.trusted_without_challenges = true).await;
    assert_eq!(client.order_for(&["a.example.com"]).await.1["status"], "pending");
    let late = unbound(&house).await;
    let problem = bind(&house, &late).await.err().unwrap();
    assert_eq!((problem.kind, problem.status), (ProblemType::Unauthorized, 403), "{problem}");
}

#[tokio::test]
async fn a_key_is_taken_at_the_directory_that_it_was_made_for_alone() {
    let house = House::new().await;
    let second = NewAcmeProfile {
        name: "trusting".into(),
        enabled: true,
        ra_profile: Some(house.ra_profile("tls-server").await.id),
        settings: AcmeSettings { trusted_without_challenges: true, ..AcmeSettings::default() },
        ..NewAcmeProfile::default()
    };
    house.acme.create_acme_profile(&system(), &origin(), second).await.unwrap();
    // Of the same RA profile, and for names that it may have: yet not for this directory.
    let strict = make(&house, Some(&["example.com"]), None).await;
    let bind_at = async |at: &'static str| {
        let mut client = house.client();
        client.at = at;
        let url = format!("https://ca.example/acme/{at}/new-account");
        let header = json!({ "alg": "HS256", "kid": strict.key.id.to_string(), "url": url });
        let binding = binding(hmac::HMAC_SHA256, &strict.secret, &header, &client.jwk());
        client.register(json!({ "externalAccountBinding": binding })).await
    };
    let problem = bind_at("trusting").await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Unauthorized, 403), "{problem}");
    assert_eq!(bind_at("tls-server").await.unwrap().status, 201);
    let elsewhere = NewEabKey {
        ra_profile: ProfileRef::Name("device".into()),
        acme_profile: Some(AcmeProfileRef::Name("trusting".into())),
        description: String::new(),
        names: None,
        uses: None,
        quota: None,
        expires_at: None,
    };
    let refused = house.acme.create_eab_key(&system(), &origin(), elsewhere).await.unwrap_err();
    assert!(refused.to_string().contains("makes no directory"), "{refused}");
}
