use std::sync::Arc;

use chancery_acme::port::{AcmeStore, FinalizeOrder};
use chancery_acme::{Account, Authorization, Order, Problem, ProblemType, StoredOrderStatus};
use chancery_core::port::{Alongside, InventoryStore, IssueRecord};
use chancery_core::{CertificateState, RaProfile, Stale, StoreError};
use time::Duration;

use super::{eab_key, entry, id, most, now, ready_order, stored_account, stored_order};
use crate::Store;
use crate::tests::{Place, contract, record, stored_profile, verify};

contract!(
    a_ready_order_becomes_valid_with_its_certificate,
    a_waiting_certificate_leaves_it_processing,
    refuses_what_is_not_ready,
    of_many_finalizes_one_issues,
    a_quota_is_kept,
    what_waited_is_valid_when_it_is_approved,
    what_waited_is_refused_when_it_does_not_stand,
    the_end_of_an_account_ends_what_waits,
    a_key_that_ended_issues_nothing,
);

fn finalize(order: &Order) -> FinalizeOrder {
    FinalizeOrder {
        order: order.id,
        account: order.account,
        authorizations: order.authorizations.clone(),
        eab_key: None,
        from: StoredOrderStatus::Open,
        now: now(),
    }
}

fn issuance(profile: &RaProfile, finalize: FinalizeOrder) -> IssueRecord {
    IssueRecord { alongside: Some(Alongside(Arc::new(finalize))), ..record(profile) }
}

/// The same, not signed yet.
fn waiting(profile: &RaProfile, finalize: FinalizeOrder) -> IssueRecord {
    let mut made = issuance(profile, finalize);
    made.certificate.state = CertificateState::Requested;
    (made.certificate.issuer, made.certificate.serial, made.certificate.fingerprint) = (None, None, None);
    (made.certificate.not_before, made.certificate.not_after, made.certificate.certificate) = (None, None, None);
    made
}

/// What a waiting object becomes when it may.
fn approved(waiting: &IssueRecord, profile: &RaProfile, finalize: FinalizeOrder) -> IssueRecord {
    let mut made = issuance(profile, finalize);
    made.certificate.id = waiting.certificate.id;
    made
}

async fn stays_waiting(store: &Store, record: IssueRecord) {
    let id = record.certificate.id;
    let refused = store.issue_requested(record).await.unwrap_err();
    assert!(matches!(refused, StoreError::Stale(Stale::Alongside)), "{refused:?}");
    assert_eq!(store.certificate(id).await.unwrap().unwrap().state, CertificateState::Requested);
}

async fn stale(store: &Store, record: IssueRecord) {
    let certificate = record.certificate.id;
    let refused = store.record(record).await.unwrap_err();
    assert!(matches!(refused, StoreError::Stale(Stale::Alongside)), "{refused:?}");
    assert!(store.certificate(certificate).await.unwrap().is_none());
}

async fn a_ready_order_becomes_valid_with_its_certificate(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let account = stored_account(&store).await;
    let (order, _) = ready_order(&store, &account).await;
    let made = issuance(&profile, finalize(&order));
    store.record(made.clone()).await.unwrap();
    let (kept, _) = store.order(order.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.certificate), (StoredOrderStatus::Valid, Some(made.certificate.id)));
    assert_eq!(store.order_of_certificate(made.certificate.id).await.unwrap(), Some(kept));
    assert_eq!(store.order_of_certificate(id()).await.unwrap(), None);
    assert!(!store.fail_order(order.id, Problem::new(ProblemType::Caa, "no")).await.unwrap());
    stale(&store, issuance(&profile, finalize(&order))).await;
    assert_eq!(verify(&store).await, 3);
}

async fn a_waiting_certificate_leaves_it_processing(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let account = stored_account(&store).await;
    let (order, _) = ready_order(&store, &account).await;
    let made = waiting(&profile, finalize(&order));
    store.record(made.clone()).await.unwrap();
    let (kept, _) = store.order(order.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.certificate), (StoredOrderStatus::Processing, Some(made.certificate.id)));
    assert_eq!(store.order_counts(vec![account.id]).await.unwrap()[&account.id].processing, 1);
    stale(&store, issuance(&profile, finalize(&order))).await;
    assert!(store.complete_order(order.id).await.unwrap());
    assert!(!store.complete_order(order.id).await.unwrap());
    assert!(!store.complete_order(id()).await.unwrap());
    assert_eq!(store.order(order.id).await.unwrap().unwrap().0.status, StoredOrderStatus::Valid);
}

async fn refuses_what_is_not_ready(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let account = stored_account(&store).await;
    let (pending, _) = stored_order(&store, &account).await;
    stale(&store, issuance(&profile, finalize(&pending))).await;

    let (order, authorizations) = ready_order(&store, &account).await;
    let is = finalize(&order);
    // Another account, fewer or other authorizations, too late, an order that is not there.
    stale(&store, issuance(&profile, FinalizeOrder { account: id(), ..is.clone() })).await;
    stale(&store, issuance(&profile, FinalizeOrder { authorizations: vec![authorizations[0].id], ..is.clone() })).await;
    stale(&store, issuance(&profile, FinalizeOrder { authorizations: Vec::new(), ..is.clone() })).await;
    stale(&store, issuance(&profile, FinalizeOrder { now: order.expires_at, ..is.clone() })).await;
    stale(&store, issuance(&profile, FinalizeOrder { order: id(), ..is.clone() })).await;
    let other = stored_account(&store).await;
    let (foreign, _) = ready_order(&store, &other).await;
    stale(&store, issuance(&profile, FinalizeOrder { account: account.id, ..finalize(&foreign) })).await;
    stale(&store, issuance(&profile, FinalizeOrder { authorizations: is.authorizations, ..finalize(&foreign) })).await;

    // Switched off between ready and finalize; on again, it goes.
    store.disable_account(account.id, true, entry()).await.unwrap();
    stale(&store, issuance(&profile, finalize(&order))).await;
    store.disable_account(account.id, false, entry()).await.unwrap();
    // An authorization given up or over in between.
    store.deactivate_authorization(authorizations[1].id).await.unwrap();
    stale(&store, issuance(&profile, finalize(&order))).await;
    let (late, authorizations) = ready_order(&store, &account).await;
    let over = place_expired(&store, &late, &authorizations).await;
    stale(&store, issuance(&profile, over)).await;
    store.record(issuance(&profile, finalize(&late))).await.unwrap();

    let (ended, _) = ready_order(&store, &account).await;
    store.end_account(account.id, chancery_acme::AccountStatus::Deactivated, now(), entry()).await.unwrap();
    stale(&store, issuance(&profile, finalize(&ended))).await;
}

/// The finalize of an order at an instant when an authorization is over, but the order is not.
async fn place_expired(store: &Store, order: &Order, authorizations: &[Authorization]) -> FinalizeOrder {
    let end = store.authorization(authorizations[0].id).await.unwrap().unwrap().expires_at;
    let mut longer = order.clone();
    (longer.id, longer.expires_at) = (id(), end + Duration::days(1));
    let made = store.create_order(longer.clone(), Vec::new(), most(1_000)).await.unwrap();
    assert_eq!(made, chancery_acme::port::Ordered::New);
    FinalizeOrder { now: end, ..finalize(&longer) }
}

async fn of_many_finalizes_one_issues(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let account: Account = stored_account(&store).await;
    for _ in 0..4 {
        let (order, _) = ready_order(&store, &account).await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..32 {
            let (store, record) = (store.clone(), issuance(&profile, finalize(&order)));
            calls.spawn(async move { (record.certificate.id, store.record(record).await) });
        }
        let results = calls.join_all().await;
        let issued: Vec<_> = results.iter().filter(|(_, result)| result.is_ok()).map(|(id, _)| *id).collect();
        assert_eq!(issued.len(), 1);
        assert_eq!(store.order(order.id).await.unwrap().unwrap().0.certificate, Some(issued[0]));
        for (id, result) in results {
            let written = store.certificate(id).await.unwrap().is_some();
            assert_eq!(written, result.is_ok());
            assert!(matches!(result, Ok(()) | Err(StoreError::Stale(Stale::Alongside))), "{result:?}");
        }
    }
    assert_eq!(verify(&store).await, 6);
}

async fn a_quota_is_kept(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let mut key = eab_key(profile.id);
    key.quota = Some(2);
    store.create_eab_key(key.clone(), entry()).await.unwrap();
    let account = stored_account(&store).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (order, _) = ready_order(&store, &account).await;
        let finalize = FinalizeOrder { eab_key: Some(key.id), ..finalize(&order) };
        let (store, record) = (store.clone(), issuance(&profile, finalize));
        calls.spawn(async move { store.record(record).await });
    }
    let issued = calls.join_all().await.into_iter().filter(Result::is_ok).count();
    assert_eq!(issued, 2);
    assert_eq!(store.eab_key(key.id).await.unwrap().unwrap().issued, 2);
    // A refused one stays as it was: ready.
    assert_eq!(store.order_counts(vec![account.id]).await.unwrap()[&account.id].open, 6);
}

async fn what_waited_is_valid_when_it_is_approved(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let mut key = eab_key(profile.id);
    key.quota = Some(1);
    store.create_eab_key(key.clone(), entry()).await.unwrap();
    let account = stored_account(&store).await;
    let (order, _) = ready_order(&store, &account).await;
    let is = FinalizeOrder { eab_key: Some(key.id), ..finalize(&order) };
    let waits = waiting(&profile, is.clone());
    store.record(waits.clone()).await.unwrap();
    // Long after the order's own time, and counted once.
    let late = FinalizeOrder { from: StoredOrderStatus::Processing, now: order.expires_at, ..is };
    store.issue_requested(approved(&waits, &profile, late)).await.unwrap();
    let (kept, _) = store.order(order.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.certificate), (StoredOrderStatus::Valid, Some(waits.certificate.id)));
    assert_eq!(store.eab_key(key.id).await.unwrap().unwrap().issued, 1);
    let state = store.certificate(waits.certificate.id).await.unwrap().unwrap().state;
    assert_eq!(state, CertificateState::Issued);
}

async fn what_waited_is_refused_when_it_does_not_stand(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let key = eab_key(profile.id);
    store.create_eab_key(key.clone(), entry()).await.unwrap();
    let account = stored_account(&store).await;
    let (order, authorizations) = ready_order(&store, &account).await;
    let is = FinalizeOrder { eab_key: Some(key.id), ..finalize(&order) };
    let waits = waiting(&profile, is.clone());
    store.record(waits.clone()).await.unwrap();
    let is = FinalizeOrder { from: StoredOrderStatus::Processing, ..is };
    let given = |finalize: FinalizeOrder| approved(&waits, &profile, finalize);
    // Not as an open one; not when an authorization is over; not for another object that waits.
    stays_waiting(&store, given(FinalizeOrder { from: StoredOrderStatus::Open, ..is.clone() })).await;
    let end = store.authorization(authorizations[0].id).await.unwrap().unwrap().expires_at;
    stays_waiting(&store, given(FinalizeOrder { now: end, ..is.clone() })).await;
    let (other, _) = ready_order(&store, &account).await;
    let foreign = waiting(&profile, finalize(&other));
    store.record(foreign.clone()).await.unwrap();
    stays_waiting(&store, approved(&foreign, &profile, is.clone())).await;
    // Not when the key was revoked, nor when an authorization was given up.
    store.revoke_eab_key(key.id, now(), entry()).await.unwrap();
    stays_waiting(&store, given(is.clone())).await;
    let without = FinalizeOrder { eab_key: None, ..is };
    store.deactivate_authorization(authorizations[1].id).await.unwrap();
    stays_waiting(&store, given(without)).await;
}

async fn the_end_of_an_account_ends_what_waits(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    for disabled in [false, true] {
        let account = stored_account(&store).await;
        let (order, _) = ready_order(&store, &account).await;
        let (open, _) = stored_order(&store, &account).await;
        let waits = waiting(&profile, finalize(&order));
        store.record(waits.clone()).await.unwrap();
        if disabled {
            assert!(store.disable_account(account.id, true, entry()).await.unwrap());
            assert!(store.disable_account(account.id, false, entry()).await.unwrap());
        } else {
            let ended = chancery_acme::AccountStatus::Revoked;
            assert!(store.end_account(account.id, ended, now(), entry()).await.unwrap());
        }
        let (kept, _) = store.order(order.id).await.unwrap().unwrap();
        assert_eq!(kept.status, StoredOrderStatus::Invalid);
        assert!(kept.error.is_some_and(|error| error.detail.contains("the account")));
        let (kept, _) = store.order(open.id).await.unwrap().unwrap();
        assert_eq!(kept.status == StoredOrderStatus::Open, disabled, "an open one comes back with its account");
        let is = FinalizeOrder { from: StoredOrderStatus::Processing, ..finalize(&order) };
        stays_waiting(&store, approved(&waits, &profile, is)).await;
    }
}

async fn a_key_that_ended_issues_nothing(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let account = stored_account(&store).await;
    let (order, _) = ready_order(&store, &account).await;
    let mut over = eab_key(profile.id);
    over.expires_at = Some(now());
    let revoked = eab_key(profile.id);
    for key in [&over, &revoked] {
        store.create_eab_key(key.clone(), entry()).await.unwrap();
    }
    store.revoke_eab_key(revoked.id, now(), entry()).await.unwrap();
    // Neither has a quota: that it stands is asked all the same.
    for key in [over.id, revoked.id, id()] {
        stale(&store, issuance(&profile, FinalizeOrder { eab_key: Some(key), now: now(), ..finalize(&order) })).await;
    }
    let stands = eab_key(profile.id);
    store.create_eab_key(stands.clone(), entry()).await.unwrap();
    store.record(issuance(&profile, FinalizeOrder { eab_key: Some(stands.id), ..finalize(&order) })).await.unwrap();
    assert_eq!(store.eab_key(stands.id).await.unwrap().unwrap().issued, 1);
}
