//! What a second person has to approve.

use chancery_core::attribute::{ContentItem, RequestAttribute, Version};
use chancery_core::{
    APPROVAL_LIFETIME, Actor, ActorKind, ApprovalList, ApprovalRecord, ApprovalStatus, CertificateRecord,
    CertificateState, Door, Error, Origin, Outcome, ProfileEdit, ProfileRef, Rejection, RevokeRequest, Role, Scope,
};
use chancery_pki::RevocationReason;
use time::Duration;
use uuid::Uuid;

use crate::bench::{Bench, actor, csr, issued, key, only, origin, request, requester, rules};

fn approver() -> Actor {
    Actor {
        id: Uuid::from_u128(8),
        name: "somebody else".into(),
        kind: ActorKind::Token,
        role: Role::Operator,
        scope: Scope::All,
    }
}

/// Set a flag of an RA profile.
async fn set(bench: &Bench, profile: &str, name: &str) {
    let mut attributes = bench.profile(profile).await.attributes;
    attributes.retain(|attribute| attribute.name != name);
    attributes.push(RequestAttribute {
        uuid: None,
        name: name.into(),
        content_type: None,
        version: Version::V2,
        content: vec![ContentItem::new(true)],
    });
    edit(bench, profile, ProfileEdit { attributes: Some(attributes), ..ProfileEdit::default() }).await;
}

async fn edit(bench: &Bench, profile: &str, edit: ProfileEdit) {
    let reference = ProfileRef::Name(profile.into());
    bench.ra.edit_profile(&Actor::system(), &Origin::system(), &reference, edit).await.unwrap();
}

/// The object that waits, and its approval.
async fn waiting(bench: &Bench, outcome: Outcome) -> (CertificateRecord, ApprovalRecord) {
    let Outcome::Pending { certificate, .. } = outcome else { panic!("nothing waits: {outcome:?}") };
    let found =
        bench.ra.approvals(&approver(), &origin(), ApprovalList::Certificate(certificate), 0, 10).await.unwrap();
    (certificate_of(bench, certificate).await, found.items.into_iter().next().unwrap())
}

async fn certificate_of(bench: &Bench, id: Uuid) -> CertificateRecord {
    bench.ra.certificate(&approver(), &origin(), id).await.unwrap()
}

async fn asked(bench: &Bench) -> (CertificateRecord, ApprovalRecord) {
    // Ids sort by time.
    bench.clock.advance(Duration::seconds(1));
    let csr = csr(&key(), "a.example", &["a.example"]);
    let outcome = bench.ra.issue(bench.may("tls-server").await, request(&csr)).await.unwrap();
    waiting(bench, outcome).await
}

async fn approve(bench: &Bench, approval: &ApprovalRecord) -> Result<(), Error> {
    bench.ra.approve(&approver(), &origin(), approval.id, Some("as discussed".into())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_is_issued_once_to_who_asked() {
    let bench = Bench::new().await;
    set(&bench, "tls-server", "approvalRequired").await;
    let (object, approval) = asked(&bench).await;
    assert_eq!((object.state, object.certificate.is_none()), (CertificateState::PendingApproval, true));
    assert_eq!(approval.status, ApprovalStatus::Pending);
    approve(&bench, &approval).await.unwrap();
    let object = certificate_of(&bench, object.id).await;
    assert_eq!((object.state, object.owner.as_str(), object.door), (CertificateState::Issued, "somebody", Door::Rest));
    assert!(object.certificate.is_some() && object.serial.is_some());
    let approval = bench.ra.approval(&approver(), &origin(), approval.id).await.unwrap();
    let decision = approval.decision.clone().unwrap();
    assert_eq!(approval.status, ApprovalStatus::Approved);
    assert_eq!((decision.approver.as_str(), decision.comment.as_deref()), ("somebody else", Some("as discussed")));
    assert!(matches!(&rules(approve(&bench, &approval).await)[..], [Rejection::State(_)]));
    let told = bench.told("certificate.issue").await;
    assert!(told[0].contains("was given already"), "{told:?}");
    assert!(told[1].contains("requestedBy"), "{told:?}");
    assert_eq!(bench.ra.ports().audit.untold_certificates().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_what_he_asked_for() {
    let bench = Bench::new().await;
    set(&bench, "tls-server", "approvalRequired").await;
    let (object, approval) = asked(&bench).await;
    let own = actor(Role::Administrator, Scope::All);
    for done in [
        bench.ra.approve(&own, &origin(), approval.id, None).await,
        bench.ra.reject(&own, &origin(), approval.id, None).await,
    ] {
        assert!(matches!(done, Err(Error::Forbidden(_))), "{done:?}");
    }
    for role in [Role::Requester, Role::Auditor] {
        let other = Actor { role, ..approver() };
        let done = bench.ra.approve(&other, &origin(), approval.id, None).await;
        assert!(matches!(done, Err(Error::Forbidden(_))), "{done:?}");
    }
    let device = bench.profile("device").await;
    let outside = Actor { scope: only(&device), ..approver() };
    let done = bench.ra.approve(&outside, &origin(), approval.id, None).await;
    assert!(matches!(done, Err(Error::NotFound { .. })), "{done:?}");
    let unknown = bench.ra.approve(&approver(), &origin(), Uuid::from_u128(1), None).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");
    assert_eq!(certificate_of(&bench, object.id).await.state, CertificateState::PendingApproval);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rejected_or_forgotten_is_never_issued() {
    let bench = Bench::new().await;
    set(&bench, "tls-server", "approvalRequired").await;
    let (denied, approval) = asked(&bench).await;
    bench.ra.reject(&approver(), &origin(), approval.id, Some("unknown host".into())).await.unwrap();
    assert_eq!(certificate_of(&bench, denied.id).await.state, CertificateState::Rejected);
    assert!(matches!(&rules(approve(&bench, &approval).await)[..], [Rejection::State(_)]));
    assert!(bench.told("approval.reject").await[0].contains("unknown host"));

    let (forgotten, approval) = asked(&bench).await;
    bench.clock.advance(APPROVAL_LIFETIME);
    assert!(matches!(&rules(approve(&bench, &approval).await)[..], [Rejection::State(_)]));
    assert_eq!(bench.ra.expire_approvals().await.unwrap(), 1);
    assert_eq!(bench.ra.expire_approvals().await.unwrap(), 0);
    assert_eq!(certificate_of(&bench, forgotten.id).await.state, CertificateState::Rejected);
    let closed = bench.ra.approval(&approver(), &origin(), approval.id).await.unwrap();
    assert_eq!(closed.status, ApprovalStatus::Expired);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_of_what_was_seen() {
    let bench = Bench::new().await;
    set(&bench, "tls-server", "approvalRequired").await;
    let (object, approval) = asked(&bench).await;
    edit(&bench, "tls-server", ProfileEdit { description: Some(Some("another".into())), ..ProfileEdit::default() })
        .await;
    let refused = rules(approve(&bench, &approval).await);
    assert!(matches!(&refused[..], [Rejection::State(why)] if why.contains("has changed since")), "{refused:?}");
    assert_eq!(certificate_of(&bench, object.id).await.state, CertificateState::PendingApproval);
    bench.ra.reject(&approver(), &origin(), approval.id, None).await.unwrap();

    let (_, approval) = asked(&bench).await;
    edit(&bench, "tls-server", ProfileEdit { enabled: Some(false), ..ProfileEdit::default() }).await;
    assert!(matches!(&rules(approve(&bench, &approval).await)[..], [Rejection::State(_)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_blocked_meanwhile_is_not_certified() {
    let bench = Bench::new().await;
    let shared = key();
    let lost = bench.issue("tls-server", &csr(&shared, "b.example", &["b.example"])).await.unwrap();
    set(&bench, "tls-server", "approvalRequired").await;
    let outcome = bench
        .ra
        .issue(bench.may("tls-server").await, request(&csr(&shared, "a.example", &["a.example"])))
        .await
        .unwrap();
    let (_, approval) = waiting(&bench, outcome).await;
    let compromise = RevokeRequest { reason: RevocationReason::KeyCompromise, attributes: vec![], alongside: None };
    let may = bench.ra.authorize(&approver(), &origin(), &ProfileRef::Name("tls-server".into())).await.unwrap();
    bench.ra.revoke(may, lost.id, compromise).await.unwrap();
    assert!(matches!(&rules(approve(&bench, &approval).await)[..], [Rejection::Key(_)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_wait_too_and_a_requested_object_as_well() {
    let bench = Bench::new().await;
    let old = bench.issue("tls-server", &csr(&key(), "a.example", &["a.example"])).await.unwrap();
    let object = bench
        .ra
        .request(bench.may("tls-server").await, request(&csr(&key(), "b.example", &["b.example"])))
        .await
        .unwrap();
    set(&bench, "tls-server", "approvalRequired").await;
    let renewal = bench.ra.renew(bench.may("tls-server").await, old.id, None).await.unwrap();
    let (renewed, approval) = waiting(&bench, renewal).await;
    approve(&bench, &approval).await.unwrap();
    let renewed = certificate_of(&bench, renewed.id).await;
    assert_eq!((renewed.predecessor, renewed.state), (Some(old.id), CertificateState::Issued));
    assert_eq!(bench.told("certificate.renew").await.len(), 1);

    let rekey = csr(&key(), "a.example", &["a.example"]);
    let rekey = bench.ra.rekey(bench.may("tls-server").await, old.id, rekey).await.unwrap();
    let (_, approval) = waiting(&bench, rekey).await;
    let revocation = RevokeRequest { reason: RevocationReason::Superseded, attributes: vec![], alongside: None };
    bench.ra.revoke(bench.may("tls-server").await, old.id, revocation).await.unwrap();
    let refused = rules(approve(&bench, &approval).await);
    assert!(matches!(&refused[..], [Rejection::State(_)]), "a revoked predecessor is not rekeyed: {refused:?}");

    let outcome = bench.ra.issue_requested(bench.may("tls-server").await, object.id).await.unwrap();
    let (_, approval) = waiting(&bench, outcome).await;
    approve(&bench, &approval).await.unwrap();
    let object = certificate_of(&bench, object.id).await;
    assert_eq!((object.state, object.common_name.as_str()), (CertificateState::Issued, "b.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_stands_until_its_revocation_is_approved() {
    let bench = Bench::new().await;
    set(&bench, "tls-server", "revocationApprovalRequired").await;
    let made = bench.issue("tls-server", &csr(&key(), "a.example", &["a.example"])).await.unwrap();
    let revoke = || RevokeRequest { reason: RevocationReason::Superseded, attributes: vec![], alongside: None };
    let approval = async || {
        bench.clock.advance(Duration::seconds(1));
        bench.ra.revoke(bench.may("tls-server").await, made.id, revoke()).await.unwrap();
        let list = ApprovalList::Certificate(made.id);
        bench.ra.approvals(&approver(), &origin(), list, 0, 10).await.unwrap().items.remove(0)
    };
    let first = approval().await;
    assert_eq!(certificate_of(&bench, made.id).await.state, CertificateState::PendingApproval);
    let again = rules(bench.ra.revoke(bench.may("tls-server").await, made.id, revoke()).await);
    assert!(matches!(&again[..], [Rejection::State(_)]), "{again:?}");
    bench.ra.reject(&approver(), &origin(), first.id, None).await.unwrap();
    assert_eq!(certificate_of(&bench, made.id).await.state, CertificateState::Issued);
    issued(bench.ra.renew(bench.may("tls-server").await, made.id, None).await).unwrap();

    let second = approval().await;
    approve(&bench, &second).await.unwrap();
    let revoked = certificate_of(&bench, made.id).await;
    assert_eq!(revoked.state, CertificateState::Revoked);
    assert_eq!(revoked.revocation.unwrap().reason, RevocationReason::Superseded);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_show_what_waits_for_whom() {
    let bench = Bench::new().await;
    set(&bench, "tls-server", "approvalRequired").await;
    let (_, approval) = asked(&bench).await;
    let (_, other) = asked(&bench).await;
    let list = async |actor: &Actor, list| {
        let page = bench.ra.approvals(actor, &origin(), list, 0, 10).await.unwrap();
        (page.items.len(), page.total)
    };
    let own = requester(Scope::All);
    assert_eq!(list(&own, ApprovalList::All).await, (2, 2));
    assert_eq!(list(&own, ApprovalList::Mine).await, (0, 0));
    assert_eq!(list(&approver(), ApprovalList::Mine).await, (2, 2));
    approve(&bench, &approval).await.unwrap();
    assert_eq!(list(&approver(), ApprovalList::Mine).await, (1, 1));
    assert_eq!(list(&approver(), ApprovalList::Decided).await, (1, 1));
    let device = bench.profile("device").await;
    let outside = Actor { scope: only(&device), ..approver() };
    assert_eq!(list(&outside, ApprovalList::All).await, (0, 0));
    let page = bench.ra.approvals(&approver(), &origin(), ApprovalList::All, 0, 1).await.unwrap();
    assert_eq!((page.items[0].id, page.more, page.total), (other.id, true, 2));
    let deep = bench.ra.approvals(&approver(), &origin(), ApprovalList::All, 10_000, 1).await;
    assert!(matches!(&rules(deep)[..], [Rejection::State(_)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_cannot_switch_approvals_off_to_act_alone() {
    let bench = Bench::new().await;
    set(&bench, "tls-server", "approvalRequired").await;
    let mut attributes = bench.profile("tls-server").await.attributes;
    attributes.retain(|attribute| attribute.name != "approvalRequired");
    let edit = ProfileEdit { attributes: Some(attributes), ..ProfileEdit::default() };
    let reference = ProfileRef::Name("tls-server".into());
    let done = bench.ra.edit_profile(&approver(), &origin(), &reference, edit.clone()).await;
    assert!(matches!(done, Err(Error::Forbidden(_))), "{done:?}");
    let administrator = Actor { role: Role::Administrator, ..approver() };
    bench.ra.edit_profile(&administrator, &origin(), &reference, edit).await.unwrap();
}

/// A door that stands by nothing, and counts how often it was asked.
struct Gone(std::sync::atomic::AtomicU32);

#[async_trait::async_trait]
impl chancery_core::port::DoorRecheck for Gone {
    async fn recheck(&self, _: &CertificateRecord) -> Result<Option<chancery_core::port::Alongside>, Error> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Err(Error::rejected(Rejection::State("the order is over".into())))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_is_asked_again_before_anything_is_signed() {
    let bench = Bench::new().await;
    set(&bench, "tls-server", "approvalRequired").await;
    let (object, approval) = asked(&bench).await;
    let gone = std::sync::Arc::new(Gone(0.into()));
    bench.ra.recheck_by(Door::Rest, gone.clone());
    let refused = approve(&bench, &approval).await;
    assert_eq!(rules(refused), [Rejection::State("the order is over".into())]);
    let object = certificate_of(&bench, object.id).await;
    assert_eq!((object.state, object.certificate), (CertificateState::PendingApproval, None));
    assert_eq!(gone.0.load(std::sync::atomic::Ordering::SeqCst), 1);
    // No other door's word counts.
    bench.ra.reject(&approver(), &origin(), approval.id, None).await.unwrap();
    let (_, approval) = asked(&bench).await;
    bench.ra.recheck_by(Door::Rest, std::sync::Arc::new(Stands));
    bench.ra.recheck_by(Door::Acme, gone);
    approve(&bench, &approval).await.unwrap();
}

struct Stands;

#[async_trait::async_trait]
impl chancery_core::port::DoorRecheck for Stands {
    async fn recheck(&self, _: &CertificateRecord) -> Result<Option<chancery_core::port::Alongside>, Error> {
        Ok(None)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_takes_the_place_of_another_reason_that_waits() {
    let bench = Bench::new().await;
    set(&bench, "tls-server", "revocationApprovalRequired").await;
    let made = bench.issue("tls-server", &csr(&key(), "a.example", &["a.example"])).await.unwrap();
    let revoke = async |reason| {
        bench.clock.advance(Duration::seconds(1));
        let request = RevokeRequest { reason, attributes: vec![], alongside: None };
        bench.ra.revoke(bench.may("tls-server").await, made.id, request).await
    };
    let approvals = async || {
        let list = ApprovalList::Certificate(made.id);
        bench.ra.approvals(&approver(), &origin(), list, 0, 10).await.unwrap().items
    };
    revoke(RevocationReason::Superseded).await.unwrap();
    // No other reason does, and itself but once.
    for reason in [RevocationReason::Superseded, RevocationReason::CessationOfOperation] {
        assert!(matches!(&rules(revoke(reason).await)[..], [Rejection::State(_)]));
    }
    revoke(RevocationReason::KeyCompromise).await.unwrap();
    assert!(matches!(&rules(revoke(RevocationReason::KeyCompromise).await)[..], [Rejection::State(_)]));
    let [second, first] = &approvals().await[..] else { panic!("there are not two") };
    assert_eq!((first.status, second.status), (ApprovalStatus::Rejected, ApprovalStatus::Pending));
    assert!(first.decision.as_ref().unwrap().comment.as_ref().unwrap().contains("keyCompromise"));
    assert!(matches!(&rules(approve(&bench, first).await)[..], [Rejection::State(_)]));
    assert_eq!(certificate_of(&bench, made.id).await.state, CertificateState::PendingApproval);
    approve(&bench, second).await.unwrap();
    let revoked = certificate_of(&bench, made.id).await;
    assert_eq!(revoked.revocation.unwrap().reason, RevocationReason::KeyCompromise);
}
