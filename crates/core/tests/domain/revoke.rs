//! Revoke.

use chancery_core::{Actor, CertificateState, Error, Origin, Rejection, RevokeRequest, Role, Scope};
use chancery_pki::RevocationReason;

use crate::bench::{Bench, actor, csr, issued, key, only, origin, request, requester, rules};

fn because(reason: RevocationReason) -> RevokeRequest {
    RevokeRequest { reason, attributes: vec![], alongside: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_revocations_at_once_one_wins() {
    let bench = Bench::new().await;
    let record = bench.issue("tls-server", &csr(&key(), "a.example", &["a.example"])).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (ra, may) = (bench.ra.clone(), bench.may("tls-server").await);
        tasks.spawn(async move { ra.revoke(may, record.id, because(RevocationReason::Superseded)).await });
    }
    let done = tasks.join_all().await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    for refused in done.into_iter().filter(Result::is_err) {
        assert!(matches!(&rules(refused)[..], [Rejection::State(_)]));
    }
    let stored = bench.ra.certificate(&requester(Scope::All), &origin(), record.id).await.unwrap();
    assert_eq!(stored.state, CertificateState::Revoked);
    assert_eq!(stored.revocation.unwrap().reason, RevocationReason::Superseded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compromised_key_is_refused_from_then_on() {
    let bench = Bench::new().await;
    let asked = csr(&key(), "a.example", &["a.example"]);
    let record = bench.issue("tls-server", &asked).await.unwrap();
    bench.ra.revoke(bench.may("tls-server").await, record.id, because(RevocationReason::KeyCompromise)).await.unwrap();
    assert!(matches!(&rules(bench.issue("tls-server", &asked).await)[..], [Rejection::Key(_)]));
    assert!(matches!(&rules(bench.issue("tls-client", &asked).await)[..], [Rejection::Key(_)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crl_tells_it_with_reason_and_invalidity_date() {
    use chancery_core::attribute::{ContentItem, RequestAttribute, Version};
    let bench = Bench::new().await;
    let record = bench.issue("tls-server", &csr(&key(), "a.example", &["a.example"])).await.unwrap();
    let date = |text: &str| RequestAttribute {
        uuid: None,
        name: "invalidityDate".into(),
        content_type: None,
        version: Version::V2,
        content: vec![ContentItem::new(text)],
    };
    let wish = |text: &str| RevokeRequest {
        reason: RevocationReason::AffiliationChanged,
        attributes: vec![date(text)],
        alongside: None,
    };
    let may = || bench.may("tls-server");
    let future = bench.ra.revoke(may().await, record.id, wish("2027-01-01T00:00:00.000Z")).await;
    assert!(matches!(&rules(future)[..], [Rejection::Attribute { .. }]));
    let ancient = bench.ra.revoke(may().await, record.id, wish("1960-01-01T00:00:00.000Z")).await;
    assert!(matches!(&rules(ancient)[..], [Rejection::Attribute { .. }]));
    bench.ra.revoke(may().await, record.id, wish("2026-11-01T10:00:00.000Z")).await.unwrap();
    bench.authority.tend_crls().await.unwrap();
    let crl = bench.authority.current_crl(record.issuer.unwrap()).unwrap();
    let crl = chancery_pki::Crl::from_der(&crl.der).unwrap();
    let entry = crl.entry(record.serial.as_ref().unwrap()).unwrap();
    assert_eq!(entry.reason, Some(RevocationReason::AffiliationChanged));
    assert_eq!(entry.invalidity_date, Some(time::macros::datetime!(2026-11-01 10:00 UTC)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_of_one_profile_blocks_no_key_for_the_others() {
    let bench = Bench::new().await;
    let asked = csr(&key(), "a.example", &["a.example"]);
    bench.issue("tls-server", &asked).await.unwrap();
    let device = bench.profile("device").await;
    let reference = chancery_core::ProfileRef::Id(device.id);
    let (holder, from) = (requester(only(&device)), origin());
    let limited = || bench.ra.authorize(&holder, &from, &reference);
    let replayed = issued(bench.ra.issue(limited().await.unwrap(), request(&asked)).await).unwrap();
    bench.ra.revoke(limited().await.unwrap(), replayed.id, because(RevocationReason::KeyCompromise)).await.unwrap();
    bench.issue("tls-server", &asked).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_not_deleted_under_its_certificates() {
    let bench = Bench::new().await;
    let record = bench.issue("tls-server", &csr(&key(), "a.example", &["a.example"])).await.unwrap();
    let reference = chancery_core::ProfileRef::Name("tls-server".into());
    let delete = || async { bench.ra.delete_profile(&Actor::system(), &Origin::system(), &reference).await };
    assert!(matches!(&rules(delete().await)[..], [Rejection::State(_)]));
    bench.ra.revoke(bench.may("tls-server").await, record.id, because(RevocationReason::Superseded)).await.unwrap();
    delete().await.unwrap();
}

/// A CA certificate belongs to no RA profile: a person on the machine itself ends it, and with it what it could sign.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_ca_is_on_its_issuers_crl_and_signs_nothing_more() {
    let bench = Bench::new().await;
    let asked = csr(&key(), "a.example", &["a.example"]);
    let record = bench.issue("tls-server", &asked).await.unwrap();
    let (issuer, certificate) = bench.ra.chain(&Actor::local(0), &origin(), record.id).await.unwrap().remove(0);
    let (root, _) = bench.ra.chain(&Actor::local(0), &origin(), record.id).await.unwrap().pop().unwrap();
    let local = Actor::local(1000);
    let revoke =
        async |actor: &Actor, id| bench.ra.revoke_own(actor, &origin(), id, RevocationReason::CaCompromise, None).await;

    let administrator = revoke(&actor(Role::Administrator, Scope::All), issuer).await;
    assert!(matches!(administrator, Err(Error::Forbidden(_))), "{administrator:?}");
    for (id, why) in [(root, "trust store"), (record.id, "RA profile")] {
        let refused = rules(revoke(&local, id).await);
        assert!(refused.iter().any(|rule| rule.to_string().contains(why)), "{refused:?}");
    }
    assert!(bench.issue("tls-server", &asked).await.is_ok());

    revoke(&local, issuer).await.unwrap();
    bench.authority.tend_crls().await.unwrap();
    let crl = bench.authority.current_crl(root).unwrap();
    let crl = chancery_pki::Crl::from_der(&crl.der).unwrap();
    assert_eq!(crl.entry(certificate.serial()).unwrap().reason, Some(RevocationReason::CaCompromise));
    match bench.issue("tls-server", &asked).await {
        Err(Error::Unavailable { why, .. }) => {
            assert!(why.contains("was revoked") && why.contains("ca create"), "{why}")
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(&rules(revoke(&local, issuer).await)[..], [Rejection::State(_)]), "once only");

    // What it signed can still be revoked, and its own CRL says so.
    bench.ra.revoke(bench.may("tls-server").await, record.id, because(RevocationReason::Superseded)).await.unwrap();
    bench.authority.tend_crls().await.unwrap();
    let crl = chancery_pki::Crl::from_der(&bench.authority.current_crl(issuer).unwrap().der).unwrap();
    assert!(crl.entry(record.serial.as_ref().unwrap()).is_some());
    assert_eq!(bench.told("certificate.revoke").await.len(), 6, "four refusals and two revocations");
}
