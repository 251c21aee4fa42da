//! CertPoll, GetCert and GetCRL (RFC 8894 sections 3.3.3 to 3.3.5), and requests that wait.

use chancery_core::attribute::{ContentItem, RequestAttribute, Version};
use chancery_core::{Actor, ActorKind, Origin, ProfileEdit, ProfileRef, Role, Scope};
use chancery_pki::cms::CertificateId;
use chancery_pki::{Certificate, Crl, KeyType, PrivateKey};
use uuid::Uuid;

use crate::house::{House, Message, STATIC, csr, rsa, self_signed};

async fn approvals(house: &House) {
    let (actor, origin, reference) = (Actor::system(), Origin::system(), ProfileRef::Name("device".into()));
    let profile = house.ra.profile(&actor, &origin, &reference).await.unwrap();
    let mut attributes = profile.attributes;
    attributes.retain(|attribute| attribute.name != "approvalRequired");
    attributes.push(RequestAttribute {
        uuid: None,
        name: "approvalRequired".into(),
        content_type: None,
        version: Version::V2,
        content: vec![ContentItem::new(true)],
    });
    let edit = ProfileEdit { attributes: Some(attributes), ..ProfileEdit::default() };
    house.ra.edit_profile(&actor, &origin, &reference, edit).await.unwrap();
}

fn approver() -> Actor {
    Actor {
        id: Uuid::from_u128(99),
        name: "approver".into(),
        kind: ActorKind::Token,
        role: Role::Operator,
        scope: Scope::All,
    }
}

async fn only_approval(house: &House) -> Uuid {
    let query = chancery_core::port::ApprovalQuery { limit: 10, ..Default::default() };
    let all = house.ra.ports().approvals.approvals(query).await.unwrap().items;
    let pending: Vec<_> = all.into_iter().filter(|one| one.decision.is_none()).collect();
    let [one] = &pending[..] else { panic!("{} approvals wait", pending.len()) };
    one.id
}

fn poll<'a>(key: &'a PrivateKey, first: &Message<'_>) -> Message<'a> {
    let issuer_and_subject = vec![0x30, 0x04, 0x30, 0x00, 0x30, 0x00];
    let certificate = self_signed(key, "CN=me");
    Message {
        transaction: first.transaction.clone(),
        ..Message::new("20", key, &certificate, Some(issuer_and_subject))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_3_3_a_request_that_waits_is_polled_by_its_requester_alone() {
    let house = House::new().await;
    approvals(&house).await;
    let key = rsa();
    let challenge = house.challenge().await;
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(&challenge)));
    let answer = house.send(&message).await;
    assert_eq!((answer.status.as_str(), answer.has_content), ("3", false));
    assert_eq!(house.send(&message).await.status, "3", "the same request again waits too");
    assert_eq!(house.pending().await, 1);
    // The challenge was spent by what waits.
    let other = rsa();
    let again = Message::enrol(&other, &csr(&other, "CN=dev-2", &[], Some(&challenge)));
    house.send(&again).await.refused("badRequest");

    assert_eq!(house.send(&poll(&key, &message)).await.status, "3");
    house.send(&poll(&other, &message)).await.refused("badCertId");
    let unknown = Message { transaction: b"unknown".to_vec(), ..poll(&key, &message) };
    house.send(&unknown).await.refused("badCertId");

    let approval = only_approval(&house).await;
    house.ra.approve(&approver(), &Origin::system(), approval, None).await.unwrap();
    let issued = house.send(&poll(&key, &message)).await.certificate().clone();
    assert_eq!(*house.send(&message).await.certificate(), issued);
    house.send(&poll(&other, &message)).await.refused("badCertId");
    assert_eq!(house.issued().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_3_3_a_rejected_request_is_polled_as_a_failure() {
    let house = House::with_static().await;
    approvals(&house).await;
    let key = rsa();
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    assert_eq!(house.send(&message).await.status, "3");
    let approval = only_approval(&house).await;
    house.ra.reject(&approver(), &Origin::system(), approval, None).await.unwrap();
    house.send(&poll(&key, &message)).await.refused("badRequest");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_nothing_can_be_encrypted_to_cannot_wait() {
    let house = House::with_static().await;
    approvals(&house).await;
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    house.send(&message).await.refused("badAlg");
    assert_eq!(house.pending().await, 0);
}

fn by_serial<'a>(kind: &str, key: &'a PrivateKey, certificate: &Certificate, of: &Certificate) -> Message<'a> {
    let serial = of.serial().as_bytes().to_vec();
    let serial = if serial[0] >= 0x80 { [vec![0], serial].concat() } else { serial };
    asking(kind, key, certificate, of.issuer().der().to_vec(), serial)
}

fn asking<'a>(kind: &str, key: &'a PrivateKey, own: &Certificate, issuer: Vec<u8>, serial: Vec<u8>) -> Message<'a> {
    let content = CertificateId::IssuerAndSerial { issuer, serial }.to_issuer_and_serial();
    Message::new(kind, key, own, content)
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_3_4_a_certificate_is_found_by_issuer_and_serial_number() {
    let house = House::with_static().await;
    house.activate("tls-client").await;
    let key = rsa();
    let own = house.send(&Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)))).await.certificate().clone();
    let found = house.send(&by_serial("21", &key, &own, &own)).await;
    assert_eq!(found.certificates, std::slice::from_ref(&own));
    let ca = house.ra_certificates("device").await[2].clone();
    assert_eq!(house.send(&by_serial("21", &key, &own, &ca)).await.certificates, [ca]);
    // Another door's, the RA's own, unknown ones, another issuer's.
    house.send_to("tls-client", &by_serial("21", &key, &own, &own)).await.refused("badCertId");
    let ra = house.ra_certificates("device").await[0].clone();
    house.send(&by_serial("21", &key, &own, &ra)).await.refused("badCertId");
    let issuer = own.issuer().der().to_vec();
    for serial in [vec![1], vec![0], vec![0x7f; 40], vec![]] {
        let answer = house.send(&asking("21", &key, &own, issuer.clone(), serial)).await;
        assert_eq!(answer.status, "2");
    }
    let serial = own.serial().as_bytes().to_vec();
    let other = asking("21", &key, &own, own.subject().der().to_vec(), serial);
    house.send(&other).await.refused("badCertId");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_3_5_the_crl_of_an_issuer_is_whole() {
    let house = House::with_static().await;
    house.authority.tend_crls().await.unwrap();
    let key = rsa();
    let own = house.send(&Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)))).await.certificate().clone();
    let answer = house.send(&by_serial("22", &key, &own, &own)).await;
    let [der] = &answer.crls[..] else { panic!("{answer:?}") };
    let issuing = &house.ra_certificates("device").await[2];
    Crl::from_der(der).unwrap().verify_signed_by(issuing.public_key()).unwrap();
    assert!(answer.certificates.is_empty());
    let other = asking("22", &key, &own, own.subject().der().to_vec(), vec![1]);
    house.send(&other).await.refused("badCertId");
}
