use chancery_acme::port::{AcmeStore, OrderCounts, Ordered};
use chancery_acme::{AccountStatus, AuthorizationStatus, Identifier, Problem, ProblemType, StoredOrderStatus};
use time::Duration;

use super::{
    account_at, authorization_of, directory, entry, id, most, now, order_of, ready_order, stored_account, stored_order,
};
use crate::tests::{Place, contract};

contract!(
    keeps_an_order,
    makes_none_for_an_ended_account,
    makes_no_more_than_may_be_open,
    of_many_new_orders_as_many_are_made_as_may_be_open,
    one_order_replaces_a_certificate,
    of_many_orders_one_replaces_a_certificate,
    fails_once,
    lists_newest_first,
    counts_by_status,
);

async fn keeps_an_order(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let mut authorizations = vec![authorization_of(account.id, "a.example"), authorization_of(account.id, "x")];
    authorizations[1].identifier = Identifier::Ip("2001:db8::1".parse().unwrap());
    let order = order_of(&account, &authorizations);
    assert_eq!(store.create_order(order.clone(), authorizations.clone(), most(9)).await.unwrap(), Ordered::New);
    let (kept, mut kept_authorizations) = store.order(order.id).await.unwrap().unwrap();
    assert_eq!(kept, order);
    kept_authorizations.sort_by_key(|authorization| authorization.id);
    assert_eq!(kept_authorizations, authorizations);
    assert_eq!(store.order(id()).await.unwrap(), None);
    // Another order takes up one of them.
    let second = order_of(&account, &authorizations[..1]);
    assert_eq!(store.create_order(second.clone(), Vec::new(), most(9)).await.unwrap(), Ordered::New);
    assert_eq!(store.order(second.id).await.unwrap().unwrap().1, authorizations[..1]);
}

async fn makes_none_for_an_ended_account(place: Place) {
    let store = place.open().await;
    let nobody = account_at(directory());
    assert_eq!(store.create_order(order_of(&nobody, &[]), Vec::new(), most(9)).await.unwrap(), Ordered::AccountEnded);
    let account = stored_account(&store).await;
    store.disable_account(account.id, true, entry()).await.unwrap();
    let authorizations = vec![authorization_of(account.id, "a.example")];
    let order = order_of(&account, &authorizations);
    let refused = store.create_order(order.clone(), authorizations.clone(), most(9)).await.unwrap();
    assert_eq!(refused, Ordered::AccountEnded);
    assert_eq!(store.authorization(authorizations[0].id).await.unwrap(), None);
    store.disable_account(account.id, false, entry()).await.unwrap();
    store.end_account(account.id, AccountStatus::Revoked, now(), entry()).await.unwrap();
    assert_eq!(store.create_order(order, authorizations, most(9)).await.unwrap(), Ordered::AccountEnded);
}

async fn makes_no_more_than_may_be_open(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    // Over, so it does not count.
    let mut over = order_of(&account, &[]);
    over.expires_at = over.created_at;
    assert_eq!(store.create_order(over, Vec::new(), most(2)).await.unwrap(), Ordered::New);
    let (first, _) = stored_order(&store, &account).await;
    assert_eq!(store.create_order(order_of(&account, &[]), Vec::new(), most(2)).await.unwrap(), Ordered::New);
    assert_eq!(store.create_order(order_of(&account, &[]), Vec::new(), most(2)).await.unwrap(), Ordered::TooMany(2));
    store.fail_order(first.id, Problem::new(ProblemType::Caa, "no")).await.unwrap();
    assert_eq!(store.create_order(order_of(&account, &[]), Vec::new(), most(2)).await.unwrap(), Ordered::New);
    let other = stored_account(&store).await;
    assert_eq!(store.create_order(order_of(&other, &[]), Vec::new(), most(2)).await.unwrap(), Ordered::New);
}

async fn of_many_new_orders_as_many_are_made_as_may_be_open(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (store, order) = (store.clone(), order_of(&account, &[]));
        calls.spawn(async move { store.create_order(order, Vec::new(), most(5)).await.unwrap() });
    }
    let made = calls.join_all().await.into_iter().filter(|ordered| *ordered == Ordered::New).count();
    assert_eq!(made, 5);
}

async fn one_order_replaces_a_certificate(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let certificate = id();
    let replacing = || {
        let authorizations = vec![authorization_of(account.id, "a.example")];
        let mut order = order_of(&account, &authorizations);
        order.replaces = Some(certificate);
        (order, authorizations)
    };
    assert!(!store.is_replaced(certificate, now()).await.unwrap());
    let (first, authorizations) = replacing();
    assert_eq!(store.create_order(first.clone(), authorizations, most(9)).await.unwrap(), Ordered::New);
    assert!(store.is_replaced(certificate, now()).await.unwrap());
    let (refused, authorizations) = replacing();
    let result = store.create_order(refused.clone(), authorizations.clone(), most(9)).await.unwrap();
    assert_eq!(result, Ordered::AlreadyReplaced);
    assert_eq!(store.order(refused.id).await.unwrap(), None);
    assert_eq!(store.authorization(authorizations[0].id).await.unwrap(), None);
    // An order that failed replaces nothing.
    store.fail_order(first.id, Problem::new(ProblemType::Caa, "no")).await.unwrap();
    assert!(!store.is_replaced(certificate, now()).await.unwrap());
    let (second, authorizations) = replacing();
    assert_eq!(store.create_order(second.clone(), authorizations.clone(), most(9)).await.unwrap(), Ordered::New);
    // Nor one whose authorization did not hold.
    assert!(store.deactivate_authorization(authorizations[0].id).await.unwrap());
    assert!(!store.is_replaced(certificate, now()).await.unwrap());
    let (mut third, authorizations) = replacing();
    third.expires_at = third.created_at + Duration::seconds(1);
    assert_eq!(store.create_order(third.clone(), authorizations, most(9)).await.unwrap(), Ordered::New);
    assert_eq!(store.order(second.id).await.unwrap().unwrap().0.status, StoredOrderStatus::Invalid);
    // Nor one that is over.
    assert!(!store.is_replaced(certificate, third.expires_at).await.unwrap());
    let (mut fourth, authorizations) = replacing();
    fourth.created_at = third.expires_at;
    assert_eq!(store.create_order(fourth, authorizations, most(9)).await.unwrap(), Ordered::New);
}

async fn of_many_orders_one_replaces_a_certificate(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let certificate = id();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (store, mut order) = (store.clone(), order_of(&account, &[]));
        order.replaces = Some(certificate);
        calls.spawn(async move { store.create_order(order, Vec::new(), most(1_000)).await.unwrap() });
    }
    let results = calls.join_all().await;
    assert_eq!(results.iter().filter(|ordered| **ordered == Ordered::New).count(), 1);
    assert_eq!(results.iter().filter(|ordered| **ordered == Ordered::AlreadyReplaced).count(), 31);
}

async fn fails_once(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let (order, _) = stored_order(&store, &account).await;
    let mut error = Problem::new(ProblemType::Compound, "two names do not hold");
    error.subproblems = vec![Problem::new(ProblemType::Dns, "no answer").of(Identifier::Dns("a.example".to_owned()))];
    assert!(store.fail_order(order.id, error.clone()).await.unwrap());
    assert!(!store.fail_order(order.id, error.clone()).await.unwrap());
    assert!(!store.fail_order(id(), error.clone()).await.unwrap());
    let (kept, authorizations) = store.order(order.id).await.unwrap().unwrap();
    assert_eq!((kept.status, kept.error), (StoredOrderStatus::Invalid, Some(error)));
    assert!(authorizations.iter().all(|authorization| authorization.status == AuthorizationStatus::Pending));
    assert!(!store.complete_order(order.id).await.unwrap());
}

async fn lists_newest_first(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.insert(0, stored_order(&store, &account).await.0.id);
    }
    let mut over = order_of(&account, &[]);
    over.expires_at = over.created_at;
    store.create_order(over, Vec::new(), most(9)).await.unwrap();
    let other = stored_account(&store).await;
    stored_order(&store, &other).await;
    store.fail_order(ids[1], Problem::new(ProblemType::Caa, "no")).await.unwrap();
    assert_eq!(store.orders(account.id, now(), None, 2).await.unwrap(), [ids[0], ids[2]]);
    assert_eq!(store.orders(account.id, now(), Some(ids[2]), 2).await.unwrap(), [ids[3]]);
    assert!(store.orders(account.id, now(), Some(ids[3]), 2).await.unwrap().is_empty());
}

async fn counts_by_status(place: Place) {
    let store = place.open().await;
    let (account, other) = (stored_account(&store).await, stored_account(&store).await);
    stored_order(&store, &account).await;
    ready_order(&store, &account).await;
    let (failed, _) = stored_order(&store, &account).await;
    store.fail_order(failed.id, Problem::new(ProblemType::Caa, "no")).await.unwrap();
    stored_order(&store, &other).await;
    let counts = store.order_counts(vec![account.id, id()]).await.unwrap();
    assert_eq!(counts.len(), 1);
    assert_eq!(counts[&account.id], OrderCounts { open: 2, processing: 0, valid: 0, invalid: 1 });
}
