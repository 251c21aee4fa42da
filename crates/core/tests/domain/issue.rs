//! Issue, and issue what was requested.

use chancery_core::{Actor, CertificateState, Error, Origin, ProfileEdit, ProfileRef, Rejection, Role, Scope};
use chancery_pki::{Certificate, Csr};

use crate::bench::{Bench, actor, csr, issued, key, only, origin, request, requester, rules};

#[tokio::test(flavor = "multi_thread")]
async fn an_issued_certificate_is_recorded_with_its_audit_entry() {
    let bench = Bench::new().await;
    let record = bench.issue("tls-server", &csr(&key(), "a.example", &["a.example", "b.example"])).await.unwrap();
    let stored = bench.ra.certificate(&requester(Scope::All), &origin(), record.id).await.unwrap();
    assert_eq!(stored, record);
    assert_eq!(stored.state, CertificateState::Issued);
    assert_eq!(stored.common_name, "a.example");
    let certificate = Certificate::from_der(stored.certificate.as_deref().unwrap()).unwrap();
    assert_eq!(
        certificate.crl_distribution_points(),
        [format!("http://ca.example/crl/{}.crl", record.issuer.unwrap())]
    );
    let chain = bench.ra.chain(&requester(Scope::All), &origin(), record.id).await.unwrap();
    assert_eq!(chain.len(), 2);
    certificate.verify_signed_by(chain[0].1.public_key()).unwrap();
    chain[0].1.verify_signed_by(chain[1].1.public_key()).unwrap();
    let history = bench.ra.history(&requester(Scope::All), &origin(), record.id).await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].actor, "somebody");
    assert_eq!(history[0].detail["serial"], record.serial.unwrap().to_hex());
    let report = bench.ra.verify_audit(&[], &[]).await.unwrap();
    assert_eq!(report.faults, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_every_broken_rule_and_is_told() {
    let bench = Bench::new().await;
    let before = bench.certificates().await;
    let broken = rules(bench.issue("device", &csr(&key(), "d1", &["*.example", "ok.example"])).await);
    assert!(
        broken.iter().any(|rule| matches!(rule, Rejection::Name { name, .. } if name == "dns:*.example")),
        "{broken:?}"
    );
    assert_eq!(bench.certificates().await, before);
    let told = bench.told("certificate.issue").await;
    assert!(told[0].contains("\"result\":\"refused\"") && told[0].contains("*.example"), "{}", told[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_use_the_profile_is_authorized() {
    let bench = Bench::new().await;
    let (server, device) = (bench.profile("tls-server").await, bench.profile("device").await);
    let reference = ProfileRef::Id(server.id);
    let outside = bench.ra.authorize(&requester(only(&device)), &origin(), &reference).await;
    let unknown = bench.ra.authorize(&requester(Scope::All), &origin(), &ProfileRef::Name("none".into())).await;
    assert!(matches!(outside, Err(Error::NotFound { .. })), "{outside:?}");
    assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");
    let elsewhere = ProfileRef::Under { authority: uuid::Uuid::from_u128(9), profile: server.id };
    assert!(matches!(
        bench.ra.authorize(&requester(Scope::All), &origin(), &elsewhere).await,
        Err(Error::NotFound { .. })
    ));
    let auditor = bench.ra.authorize(&actor(Role::Auditor, Scope::All), &origin(), &reference).await;
    assert!(matches!(auditor, Err(Error::Forbidden(_))), "{auditor:?}");
    assert_eq!(bench.told("access.denied").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_disabled_after_the_authorization_issues_nothing() {
    let bench = Bench::new().await;
    let authorization = bench.may("tls-server").await;
    let reference = ProfileRef::Name("tls-server".into());
    bench.ra.enable_profile(&Actor::system(), &Origin::system(), &reference, false).await.unwrap();
    let done = bench.ra.issue(authorization, request(&csr(&key(), "a.example", &["a.example"]))).await;
    assert!(matches!(&rules(done)[..], [Rejection::State(why)] if why.contains("disabled")));
    let again = bench.ra.authorize(&requester(Scope::All), &origin(), &reference).await;
    assert!(matches!(&rules(again)[..], [Rejection::State(_)]));
    let listed = bench.ra.issue_attributes(&requester(Scope::All), &origin(), &reference).await;
    assert!(matches!(listed, Err(Error::NotFound { .. })), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_edited_after_the_authorization_decides_by_its_new_policy() {
    let bench = Bench::new().await;
    let authorization = bench.may("tls-server").await;
    let reference = ProfileRef::Name("tls-server".into());
    let attributes = bench.profile("device").await.attributes;
    let edit = ProfileEdit { attributes: Some(attributes), ..ProfileEdit::default() };
    bench.ra.edit_profile(&Actor::system(), &Origin::system(), &reference, edit).await.unwrap();
    let done = bench.ra.issue(authorization, request(&csr(&key(), "a", &["*.example"]))).await;
    assert!(matches!(&rules(done)[..], [Rejection::Name { .. }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_edits_from_one_version_do_not_both_win() {
    let bench = Bench::new().await;
    let reference = ProfileRef::Name("device".into());
    let edit = |text: &str| ProfileEdit {
        description: Some(Some(text.into())),
        expected_version: Some(1),
        ..ProfileEdit::default()
    };
    bench.ra.edit_profile(&Actor::system(), &Origin::system(), &reference, edit("first")).await.unwrap();
    let second = bench.ra.edit_profile(&Actor::system(), &Origin::system(), &reference, edit("second")).await;
    assert!(matches!(second, Err(Error::Conflict(_))), "{second:?}");
    assert_eq!(bench.profile("device").await.description.as_deref(), Some("first"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requested_object_is_issued_once() {
    let bench = Bench::new().await;
    let asked = csr(&key(), "a.example", &["a.example"]);
    let requested = bench.ra.request(bench.may("tls-server").await, request(&asked)).await.unwrap();
    assert_eq!(requested.state, CertificateState::Requested);
    assert_eq!(requested.certificate, None);
    let authorization = bench.may("tls-server").await;
    let (first, second) = tokio::join!(
        bench.ra.issue_requested(authorization.clone(), requested.id),
        bench.ra.issue_requested(authorization, requested.id)
    );
    let (won, lost) = if first.is_ok() { (first, second) } else { (second, first) };
    let record = issued(won).unwrap();
    assert_eq!(record.id, requested.id);
    assert!(matches!(&rules(lost)[..], [Rejection::State(_)]));
    let stored = bench.ra.certificate(&requester(Scope::All), &origin(), requested.id).await.unwrap();
    assert_eq!((stored.state, stored.certificate), (CertificateState::Issued, record.certificate));
    let elsewhere = bench.ra.issue_requested(bench.may("device").await, requested.id).await;
    assert_eq!(rules(elsewhere).len(), 2, "neither its state nor its profile fits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_proof_of_possession_is_refused_and_told() {
    let bench = Bench::new().await;
    let authorization = bench.may("tls-server").await;
    let mut der = csr(&key(), "a.example", &["a.example"]).der().to_vec();
    let last = der.len() - 1;
    der[last] ^= 1;
    let forged = bench.ra.csr(&authorization, &der).await.map(|csr: Csr| csr.der().len());
    assert!(matches!(&rules(forged)[..], [Rejection::Proof(_)]));
    let garbage = bench.ra.csr(&authorization, b"no request").await.map(|csr: Csr| csr.der().len());
    assert!(matches!(garbage, Err(Error::Malformed(_))), "{garbage:?}");
    let told = bench.told("certificate.issue").await;
    assert_eq!(told.iter().filter(|body| body.contains("\"result\":\"refused\"")).count(), 2);
}
