//! The contract of the EST door's port.

use std::sync::Arc;

use chancery_core::audit::{AuditEntry, Event};
use chancery_core::port::{Alongside, InventoryStore, IssueRecord, ProfileStore};
use chancery_core::{Clock, Door, RaProfile, Stale, StoreError, SystemClock, Unique, instant, micros};
use chancery_est::port::{Enrol, EstStore, Spent};
use chancery_est::{EstActivation, EstCode, EstProfile, EstSettings, EstUser, Grant, MOST_MISMATCHES, PasswordHash};
use time::{Duration, OffsetDateTime};

use super::{Place, contract, id, random, record, stored_profile, told};
use crate::Store;

contract!(
    keeps_profiles_and_their_versions,
    one_door_answers_without_a_label,
    a_users_name_is_free_when_its_user_ended,
    codes_are_found_by_their_hash_and_locked,
    the_same_request_is_kept_once,
    a_credential_is_spent_with_its_certificate,
    of_many_uses_of_one_code_one_issues,
    what_is_over_is_purged,
);

/// An instant as the store keeps it.
fn now() -> OffsetDateTime {
    instant(micros(SystemClock.now()))
}

fn entry() -> AuditEntry {
    told(Event::EstUserCreate)
}

fn est_profile(name: &str) -> EstProfile {
    EstProfile {
        id: id(),
        name: name.into(),
        description: Some("of a test".into()),
        enabled: true,
        ra_profile: None,
        settings: EstSettings { line_length: 64, ..EstSettings::default() },
        version: 1,
        created_at: now(),
        updated_at: now(),
    }
}

fn grant(profile: &RaProfile, name: &str, uses: Option<u32>) -> Grant {
    Grant {
        id: id(),
        ra_profile: profile.id,
        name: name.into(),
        names: Some(vec![".lab.example".into()]),
        uses,
        used: 0,
        expires_at: Some(now() + Duration::HOUR),
        revoked_at: None,
        created_at: now(),
    }
}

fn user(profile: &RaProfile, name: &str) -> EstUser {
    let hash: [u8; 32] = random();
    let mut salt = [0; 16];
    salt.copy_from_slice(&hash[..16]);
    EstUser { grant: grant(profile, name, Some(1)), password: PasswordHash { salt, hash } }
}

fn code(profile: &RaProfile) -> EstCode {
    EstCode { grant: grant(profile, "gw-7", Some(1)), hash: random(), mismatches: 0 }
}

fn enrol(digest: [u8; 32], spent: Option<Spent>) -> Enrol {
    Enrol { digest: Some(digest), replaces: None, ends_at: now() + Duration::DAY, spent, now: now() }
}

fn issuance(profile: &RaProfile, enrol: Enrol) -> IssueRecord {
    IssueRecord { alongside: Some(Alongside(Arc::new(enrol))), ..record(profile) }
}

async fn stale(store: &Store, record: IssueRecord) {
    let certificate = record.certificate.id;
    let refused = store.record(record).await.unwrap_err();
    assert!(matches!(refused, StoreError::Stale(Stale::Alongside)), "{refused:?}");
    assert!(store.certificate(certificate).await.unwrap().is_none());
}

async fn keeps_profiles_and_their_versions(place: Place) {
    let store = place.open().await;
    let mut profile = est_profile("default");
    store.create_est_profile(profile.clone(), entry()).await.unwrap();
    assert_eq!(store.est_profiles().await.unwrap(), [profile.clone()]);
    let taken = store.create_est_profile(est_profile("default"), entry()).await.unwrap_err();
    assert!(matches!(taken, StoreError::Duplicate(Unique::EstProfileName)), "{taken:?}");
    profile.version = 2;
    profile.enabled = false;
    assert!(store.update_est_profile(profile.clone(), entry()).await.unwrap());
    assert!(!store.update_est_profile(profile.clone(), entry()).await.unwrap());
    assert_eq!(store.est_profiles().await.unwrap(), [profile.clone()]);
    assert!(store.delete_est_profile(profile.id, entry()).await.unwrap());
    assert!(!store.delete_est_profile(profile.id, entry()).await.unwrap());
}

async fn one_door_answers_without_a_label(place: Place) {
    let store = place.open().await;
    let est = est_profile("default");
    store.create_est_profile(est.clone(), entry()).await.unwrap();
    for name in ["one", "two"] {
        let mut profile = stored_profile(&store, name).await;
        profile.version += 1;
        profile.doors.insert(Door::Est);
        let activation = EstActivation {
            ra_profile: profile.id,
            est_profile: est.id,
            unlabelled: true,
            issue_attributes: Vec::new(),
            created_at: now(),
        };
        store.activate_est(activation.clone(), profile.clone(), entry()).await.unwrap();
        let unlabelled: Vec<_> =
            store.est_activations().await.unwrap().into_iter().filter(|other| other.unlabelled).collect();
        assert_eq!(unlabelled, [activation]);
    }
    assert_eq!(store.est_activations().await.unwrap().len(), 2);
    let needed = store.delete_est_profile(est.id, entry()).await.unwrap_err();
    assert!(matches!(needed, StoreError::Duplicate(_)), "{needed:?}");
    for mut profile in store.profiles().await.unwrap() {
        profile.version += 1;
        profile.doors.remove(&Door::Est);
        store.deactivate_est(profile, entry()).await.unwrap();
    }
    assert!(store.est_activations().await.unwrap().is_empty());
}

async fn a_users_name_is_free_when_its_user_ended(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let first = user(&profile, "gw-7");
    store.create_est_user(first.clone(), entry()).await.unwrap();
    assert_eq!(store.est_user(profile.id, "gw-7").await.unwrap(), Some(first.clone()));
    assert_eq!(store.est_user(id(), "gw-7").await.unwrap(), None);
    assert_eq!(store.est_user(profile.id, "GW-7").await.unwrap(), None);
    let taken = store.create_est_user(user(&profile, "gw-7"), entry()).await.unwrap_err();
    assert!(matches!(taken, StoreError::Duplicate(_)), "{taken:?}");
    assert!(store.revoke_est_user(first.grant.id, now(), entry()).await.unwrap());
    assert!(!store.revoke_est_user(first.grant.id, now(), entry()).await.unwrap());
    assert_eq!(store.est_user(profile.id, "gw-7").await.unwrap(), None);
    let second = user(&profile, "gw-7");
    store.create_est_user(second.clone(), entry()).await.unwrap();
    assert_eq!(store.est_user(profile.id, "gw-7").await.unwrap(), Some(second));
    assert_eq!(store.est_users().await.unwrap().len(), 2);
}

async fn codes_are_found_by_their_hash_and_locked(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let made = code(&profile);
    store.create_est_code(made.clone(), entry()).await.unwrap();
    assert_eq!(store.est_code(made.hash).await.unwrap(), Some(made.clone()));
    assert_eq!(store.est_code(random()).await.unwrap(), None);
    for _ in 0..MOST_MISMATCHES {
        store.mismatch_est_code(made.grant.id).await.unwrap();
    }
    assert!(store.est_code(made.hash).await.unwrap().unwrap().is_locked());
    stale(&store, issuance(&profile, enrol(random(), Some(Spent::Code(made.grant.id))))).await;
    let other = code(&profile);
    store.create_est_code(other.clone(), entry()).await.unwrap();
    assert!(store.revoke_est_code(other.grant.id, now(), entry()).await.unwrap());
    stale(&store, issuance(&profile, enrol(random(), Some(Spent::Code(other.grant.id))))).await;
    assert_eq!(store.est_codes().await.unwrap().len(), 2);
}

async fn the_same_request_is_kept_once(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let digest = random();
    assert_eq!(store.enrolment(digest).await.unwrap(), None);
    let first = issuance(&profile, enrol(digest, None));
    store.record(first.clone()).await.unwrap();
    assert_eq!(store.enrolment(digest).await.unwrap().unwrap().certificate, first.certificate.id);
    stale(&store, issuance(&profile, enrol(digest, None))).await;
    // Another takes the place of the one that it knows, and of no other.
    let replacing = |known| Enrol { replaces: Some(known), ..enrol(digest, None) };
    stale(&store, issuance(&profile, replacing(id()))).await;
    let second = issuance(&profile, replacing(first.certificate.id));
    store.record(second.clone()).await.unwrap();
    stale(&store, issuance(&profile, replacing(first.certificate.id))).await;
    assert_eq!(store.enrolment(digest).await.unwrap().unwrap().certificate, second.certificate.id);
    // Where nothing is repeated, nothing is kept.
    store.record(issuance(&profile, Enrol { digest: None, ..enrol(digest, None) })).await.unwrap();
}

async fn a_credential_is_spent_with_its_certificate(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let user = user(&profile, "gw-7");
    store.create_est_user(user.clone(), entry()).await.unwrap();
    let spent = Some(Spent::User(user.grant.id));
    let digest = random();
    // Over by then: neither certificate nor enrolment is there.
    let late = Enrol { now: now() + Duration::hours(2), ..enrol(digest, spent) };
    stale(&store, issuance(&profile, late)).await;
    assert_eq!(store.enrolment(digest).await.unwrap(), None);
    store.record(issuance(&profile, enrol(digest, spent))).await.unwrap();
    assert_eq!(store.est_user(profile.id, "gw-7").await.unwrap().unwrap().grant.used, 1);
    stale(&store, issuance(&profile, enrol(random(), spent))).await;
}

async fn of_many_uses_of_one_code_one_issues(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let made = code(&profile);
    store.create_est_code(made.clone(), entry()).await.unwrap();
    let asked: Vec<_> = (0..50)
        .map(|_| {
            let record = issuance(&profile, enrol(random(), Some(Spent::Code(made.grant.id))));
            let store = store.clone();
            tokio::spawn(async move { store.record(record).await })
        })
        .collect();
    let mut issued = 0;
    for one in asked {
        match one.await.unwrap() {
            Ok(()) => issued += 1,
            Err(StoreError::Stale(Stale::Alongside)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(issued, 1);
    assert_eq!(store.est_code(made.hash).await.unwrap().unwrap().grant.used, 1);
}

async fn what_is_over_is_purged(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let digests: [[u8; 32]; 3] = [random(), random(), random()];
    for (hours, digest) in (1..).zip(digests) {
        let kept = Enrol { ends_at: now() + Duration::hours(hours), ..enrol(digest, None) };
        store.record(issuance(&profile, kept)).await.unwrap();
    }
    let before = now() + Duration::minutes(150);
    assert_eq!(store.purge_enrolments(before, 1).await.unwrap(), 1);
    assert_eq!(store.enrolment(digests[0]).await.unwrap(), None);
    assert_eq!(store.purge_enrolments(before, 10).await.unwrap(), 1);
    assert_eq!(store.purge_enrolments(before, 10).await.unwrap(), 0);
    assert!(store.enrolment(digests[2]).await.unwrap().is_some());
}
