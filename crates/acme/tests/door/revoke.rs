//! RFC 8555 section 7.6.

use chancery_acme::{Problem, ProblemType, Reply, Resource};
use chancery_core::attribute::{ContentItem, RequestAttribute, Version};
use chancery_core::{ApprovalList, CertificateState, ProfileEdit, RevocationInfo};
use chancery_pki::{Certificate, GeneralName, PrivateKey, RevocationReason};
use serde_json::{Value, json};
use time::Duration;

use crate::finalize::edit;
use crate::house::{Client, House, encode, jws, origin, system};
use crate::path::{csr, csr_of, key, resource};

async fn revoke(client: &Client<'_>, certificate: &Certificate, reason: Option<Value>) -> Result<Reply, Problem> {
    let mut payload = json!({ "certificate": encode(certificate.der()) });
    if let Some(reason) = reason {
        payload["reason"] = reason;
    }
    client.ask(Resource::RevokeCertificate, Some(payload)).await
}

async fn revocation(house: &House, order: &Value) -> Option<RevocationInfo> {
    let Resource::Certificate(id, _) = resource(order["certificate"].as_str().unwrap()) else { panic!() };
    let record = house.ra.ports().inventory.certificate(id).await.unwrap().unwrap();
    assert_eq!(record.state == CertificateState::Revoked, record.revocation.is_some());
    record.revocation
}

#[tokio::test]
async fn rfc8555_7_6_the_account_revokes_what_it_was_given() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let order = client.issued(&["a.example.com"], &csr(&["a.example.com"])).await;
    let certificate = client.download(&order).await.remove(0);
    for reason in [json!(7), json!(11), json!(-1), json!(1e9), json!(2)] {
        let problem = revoke(&client, &certificate, Some(reason)).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::BadRevocationReason, 400));
    }
    let problem = revoke(&client, &certificate, Some(json!("1"))).await.unwrap_err();
    assert_eq!(problem.kind, ProblemType::Malformed);
    let reply = revoke(&client, &certificate, Some(json!(4))).await.unwrap();
    assert_eq!((reply.status, reply.body), (200, chancery_acme::Body::Empty));
    assert_eq!(revocation(&house, &order).await.unwrap().reason, RevocationReason::Superseded);
    let problem = revoke(&client, &certificate, None).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::AlreadyRevoked, 400));
    // It can still be read.
    client.download(&order).await;
}

/// A revocation signed by a key that comes with it.
async fn revoke_by_key(house: &House, key: &PrivateKey, certificate: &Certificate) -> Result<Reply, Problem> {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let mut client = house.client();
    client.key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.to_pkcs8_der()).unwrap();
    let url = house.directory("tls-server").await.url(&Resource::RevokeCertificate);
    let payload = json!({ "certificate": encode(certificate.der()), "reason": 1 }).to_string();
    let request = jws(&client.header(&url), &payload, |message| {
        client.key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    });
    client.send(Resource::RevokeCertificate, &request).await
}

#[tokio::test]
async fn rfc8555_7_6_the_certificates_own_key_revokes_it() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let (own, another) = (key(), key());
    let request = csr_of(&own, None, vec![GeneralName::Dns("a.example.com".into())]);
    let order = client.issued(&["a.example.com"], &request).await;
    let certificate = client.download(&order).await.remove(0);
    let problem = revoke_by_key(&house, &another, &certificate).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Unauthorized, 403));
    assert_eq!(revocation(&house, &order).await, None);
    revoke_by_key(&house, &own, &certificate).await.unwrap();
    assert_eq!(revocation(&house, &order).await.unwrap().reason, RevocationReason::KeyCompromise);
    // The key is known to others now: no certificate for it any more.
    let (id, order) = client.order_for(&["a.example.com"]).await;
    client.prove(&order).await;
    assert_eq!(client.finalize(id, &request).await.unwrap_err().kind, ProblemType::BadCsr);
}

#[tokio::test]
async fn rfc8555_7_6_another_account_needs_authorizations_for_every_name() {
    let house = House::new().await;
    let (client, other) = (house.client().registered().await, house.client().registered().await);
    let names = ["a.example.com", "*.b.example.com"];
    let order = client.issued(&names, &csr(&names)).await;
    let certificate = client.download(&order).await.remove(0);
    for proved in [None, Some("a.example.com"), Some("b.example.com")] {
        if let Some(name) = proved {
            other.prove(&other.order_for(&[name]).await.1).await;
        }
        let problem = revoke(&other, &certificate, None).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::Unauthorized, 403), "{proved:?}");
    }
    other.prove(&other.order_for(&["*.b.example.com"]).await.1).await;
    revoke(&other, &certificate, None).await.unwrap();
    assert!(revocation(&house, &order).await.is_some());
}

#[tokio::test]
async fn what_was_not_issued_here_is_not_revoked_here() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let order = client.issued(&["a.example.com"], &csr(&["a.example.com"])).await;
    let chain = client.download(&order).await;
    // A CA certificate is known, but none of this directory's; the forged one has a serial number that is known.
    let mut forged = chain[0].der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    for der in [chain[1].der().to_vec(), forged] {
        let payload = json!({ "certificate": encode(der) });
        let problem = client.ask(Resource::RevokeCertificate, Some(payload)).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 404));
    }
    for payload in [json!({}), json!({ "certificate": "MAA" }), json!({ "certificate": "a=" })] {
        let problem = client.ask(Resource::RevokeCertificate, Some(payload)).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 400));
    }
    house.clock.advance(Duration::days(400));
    let problem = revoke(&client, &chain[0], None).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::Malformed, 400));
}

#[tokio::test]
async fn changed_terms_hold_back_no_revocation() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let order = client.issued(&["a.example.com"], &csr(&["a.example.com"])).await;
    let certificate = client.download(&order).await.remove(0);
    house
        .set(|settings| {
            settings.terms_of_service = Some("https://ca.example/terms".into());
            settings.terms_changed = true;
        })
        .await;
    let problem = client.ask(Resource::Account(client.id()), None).await.unwrap_err();
    assert_eq!(problem.kind, ProblemType::UserActionRequired);
    revoke(&client, &certificate, Some(json!(1))).await.unwrap();
    assert!(revocation(&house, &order).await.is_some());
}

#[tokio::test]
async fn a_revocation_that_waits_is_answered_with_202_and_a_lost_key_is_told_all_the_same() {
    let house = House::new().await;
    let client = house.client().registered().await;
    let order = client.issued(&["a.example.com"], &csr(&["a.example.com"])).await;
    let certificate = client.download(&order).await.remove(0);
    let mut attributes = house.ra_profile("tls-server").await.attributes;
    attributes.push(RequestAttribute {
        uuid: None,
        name: "revocationApprovalRequired".into(),
        content_type: None,
        version: Version::V2,
        content: vec![ContentItem::new(true)],
    });
    edit(&house, ProfileEdit { attributes: Some(attributes), ..ProfileEdit::default() }).await;
    let waiting = async || {
        let approvals = house.ra.approvals(&system(), &origin(), ApprovalList::All, 0, 9).await.unwrap().items;
        let pending = approvals.into_iter().filter(|approval| approval.decision.is_none());
        pending.map(|approval| (approval.id, approval.revocation.unwrap().reason)).collect::<Vec<_>>()
    };
    for reason in [4, 4, 5] {
        house.clock.advance(Duration::seconds(1));
        assert_eq!(revoke(&client, &certificate, Some(json!(reason))).await.unwrap().status, 202);
        assert_eq!(waiting().await[0].1, RevocationReason::Superseded);
    }
    for _ in 0..2 {
        house.clock.advance(Duration::seconds(1));
        assert_eq!(revoke(&client, &certificate, Some(json!(1))).await.unwrap().status, 202);
        assert_eq!(waiting().await.len(), 1);
        assert_eq!(waiting().await[0].1, RevocationReason::KeyCompromise);
    }
    assert_eq!(revocation(&house, &order).await, None);
    house.ra.approve(&system(), &origin(), waiting().await[0].0, None).await.unwrap();
    assert_eq!(revocation(&house, &order).await.unwrap().reason, RevocationReason::KeyCompromise);
    let problem = revoke(&client, &certificate, Some(json!(1))).await.unwrap_err();
    assert_eq!((problem.kind, problem.status), (ProblemType::AlreadyRevoked, 400));
}
