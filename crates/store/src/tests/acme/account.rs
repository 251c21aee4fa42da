use chancery_acme::port::{AcmeStore, KeyChanged, Registered};
use chancery_acme::{AccountStatus, AuthorizationStatus, ProblemType, StoredOrderStatus};
use time::Duration;

use super::{account_at, directory, eab_key, entry, id, now, ready_order, stored_account, stored_order};
use crate::tests::{Place, contract, random, stored_profile, verify};

contract!(
    keeps_an_account,
    a_key_has_one_account_at_a_directory,
    of_many_new_accounts_of_a_key_one_is_made,
    updates_while_valid,
    ends_with_what_it_had,
    switches_off_and_on,
    changes_the_key,
    of_two_accounts_one_gets_a_key,
    pages_by_profile,
    binds_while_the_key_lasts,
    a_spent_key_makes_no_account,
    of_many_bindings_a_single_use_takes_one,
    revokes_a_key_once,
);

async fn keeps_an_account(place: Place) {
    let store = place.open().await;
    let mut account = account_at(directory());
    account.terms_agreed_at = Some(now());
    account.eab = Some(serde_json::json!({ "protected": "x", "payload": "y", "signature": "z" }));
    assert_eq!(store.create_account(account.clone(), entry()).await.unwrap(), Registered::New);
    assert_eq!(store.account(account.id).await.unwrap(), Some(account.clone()));
    assert_eq!(store.account_by_key(account.directory, account.thumbprint).await.unwrap(), Some(account.clone()));
    assert_eq!(store.account_by_key(directory(), account.thumbprint).await.unwrap(), None);
    assert_eq!(store.account_by_key(account.directory, random()).await.unwrap(), None);
    assert_eq!(store.account(id()).await.unwrap(), None);
    assert!(store.is_account_key(account.key_identity).await.unwrap());
    assert!(!store.is_account_key(random()).await.unwrap());
    assert_eq!(verify(&store).await, 1);
}

async fn a_key_has_one_account_at_a_directory(place: Place) {
    let store = place.open().await;
    let first = stored_account(&store).await;
    let mut second = account_at(first.directory);
    second.thumbprint = first.thumbprint;
    let existing = Registered::Existing(Box::new(first.clone()));
    assert_eq!(store.create_account(second.clone(), entry()).await.unwrap(), existing);
    assert_eq!(store.account(second.id).await.unwrap(), None);
    // At another directory it is another account.
    second.directory.ra_profile = id();
    assert_eq!(store.create_account(second, entry()).await.unwrap(), Registered::New);
    assert_eq!(verify(&store).await, 2);
}

async fn of_many_new_accounts_of_a_key_one_is_made(place: Place) {
    let store = place.open().await;
    let like = account_at(directory());
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (store, mut account) = (store.clone(), account_at(like.directory));
        account.thumbprint = like.thumbprint;
        calls.spawn(async move { store.create_account(account, entry()).await.unwrap() });
    }
    let made = calls.join_all().await.into_iter().filter(|registered| *registered == Registered::New).count();
    assert_eq!(made, 1);
    assert_eq!(verify(&store).await, 1);
}

async fn updates_while_valid(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let (contacts, at) = (vec!["mailto:new@example.org".to_owned()], now());
    assert!(store.update_account(account.id, contacts.clone(), Some(at), entry()).await.unwrap());
    // Agreement stays.
    assert!(store.update_account(account.id, Vec::new(), None, entry()).await.unwrap());
    let kept = store.account(account.id).await.unwrap().unwrap();
    assert_eq!((kept.contacts, kept.terms_agreed_at), (Vec::new(), Some(at)));
    store.end_account(account.id, AccountStatus::Deactivated, at, entry()).await.unwrap();
    assert!(!store.update_account(account.id, contacts, None, entry()).await.unwrap());
    assert_eq!(verify(&store).await, 4);
}

async fn ends_with_what_it_had(place: Place) {
    let store = place.open().await;
    let (account, other) = (stored_account(&store).await, stored_account(&store).await);
    let (open, _) = stored_order(&store, &account).await;
    let (ready, _) = ready_order(&store, &account).await;
    let (foreign, _) = stored_order(&store, &other).await;
    assert!(store.end_account(account.id, AccountStatus::Deactivated, now(), entry()).await.unwrap());
    assert!(!store.end_account(account.id, AccountStatus::Revoked, now(), entry()).await.unwrap());
    assert_eq!(store.account(account.id).await.unwrap().unwrap().status, AccountStatus::Deactivated);
    for order in [open.id, ready.id] {
        let (order, authorizations) = store.order(order).await.unwrap().unwrap();
        assert_eq!(order.status, StoredOrderStatus::Invalid);
        assert_eq!(order.error.unwrap().kind, ProblemType::Unauthorized);
        for authorization in authorizations {
            assert_eq!(authorization.status, AuthorizationStatus::Deactivated);
            assert_eq!(authorization.attempt_at, None);
        }
    }
    let (foreign, authorizations) = store.order(foreign.id).await.unwrap().unwrap();
    assert_eq!(foreign.status, StoredOrderStatus::Open);
    assert!(authorizations.iter().all(|authorization| authorization.status == AuthorizationStatus::Pending));
}

async fn switches_off_and_on(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    assert!(!store.disable_account(account.id, false, entry()).await.unwrap());
    assert!(store.disable_account(account.id, true, entry()).await.unwrap());
    assert!(!store.disable_account(account.id, true, entry()).await.unwrap());
    assert!(store.account(account.id).await.unwrap().unwrap().disabled);
    assert!(store.disable_account(account.id, false, entry()).await.unwrap());
    assert!(!store.disable_account(id(), true, entry()).await.unwrap());
    assert_eq!(verify(&store).await, 3);
}

async fn changes_the_key(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    let other = account_at(account.directory);
    store.create_account(other.clone(), entry()).await.unwrap();

    let mut taken = account.clone();
    taken.thumbprint = other.thumbprint;
    let refused = store.change_account_key(taken, account.thumbprint, entry()).await.unwrap();
    assert_eq!(refused, KeyChanged::InUse(other.id));

    let mut changed = account.clone();
    (changed.thumbprint, changed.key_identity, changed.jwk) = (random(), random(), "{}".to_owned());
    let stale = store.change_account_key(changed.clone(), random(), entry()).await.unwrap();
    assert_eq!(stale, KeyChanged::Stale);
    let done = store.change_account_key(changed.clone(), account.thumbprint, entry()).await.unwrap();
    assert_eq!(done, KeyChanged::Done);
    assert_eq!(store.account(account.id).await.unwrap(), Some(changed.clone()));
    assert_eq!(store.account_by_key(account.directory, account.thumbprint).await.unwrap(), None);
    assert!(!store.is_account_key(account.key_identity).await.unwrap());

    store.end_account(account.id, AccountStatus::Revoked, now(), entry()).await.unwrap();
    let ended = store.change_account_key(account, changed.thumbprint, entry()).await.unwrap();
    assert_eq!(ended, KeyChanged::Stale);
    assert_eq!(verify(&store).await, 4);
}

async fn of_two_accounts_one_gets_a_key(place: Place) {
    let store = place.open().await;
    let at = directory();
    let wanted = random();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let account = account_at(at);
        store.create_account(account.clone(), entry()).await.unwrap();
        let store = store.clone();
        calls.spawn(async move {
            let old = account.thumbprint;
            store.change_account_key(chancery_acme::Account { thumbprint: wanted, ..account }, old, entry()).await
        });
    }
    let results: Vec<_> = calls.join_all().await.into_iter().map(Result::unwrap).collect();
    let winner = store.account_by_key(at, wanted).await.unwrap().unwrap();
    assert_eq!(results.iter().filter(|result| **result == KeyChanged::Done).count(), 1);
    assert_eq!(results.iter().filter(|result| **result == KeyChanged::InUse(winner.id)).count(), 7);
}

async fn pages_by_profile(place: Place) {
    let store = place.open().await;
    let at = directory();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let account = account_at(at);
        store.create_account(account.clone(), entry()).await.unwrap();
        ids.insert(0, account.id);
    }
    let other = stored_account(&store).await;
    let page = |profile, ra, after, limit| {
        let store = store.clone();
        async move {
            let accounts = store.accounts(profile, ra, after, limit).await.unwrap();
            accounts.into_iter().map(|account| account.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(page(None, None, None, 10).await, [other.id, ids[0], ids[1], ids[2]]);
    assert_eq!(page(Some(at.acme_profile), None, None, 2).await, ids[..2]);
    assert_eq!(page(Some(at.acme_profile), None, Some(ids[1]), 2).await, ids[2..]);
    assert_eq!(page(None, Some(vec![other.directory.ra_profile]), None, 9).await, [other.id]);
    assert!(page(None, Some(Vec::new()), None, 9).await.is_empty());
}

async fn binds_while_the_key_lasts(place: Place) {
    let store = place.open().await;
    let at = chancery_acme::DirectoryId { ra_profile: stored_profile(&store, "p").await.id, ..directory() };
    let mut key = eab_key(at.ra_profile);
    key.uses = Some(2);
    key.expires_at = Some(now() + Duration::days(1));
    store.create_eab_key(key.clone(), entry()).await.unwrap();
    assert_eq!(store.eab_key(key.id).await.unwrap(), Some(key.clone()));
    assert_eq!(store.eab_key(id()).await.unwrap(), None);
    let mut results = Vec::new();
    for _ in 0..3 {
        let mut account = account_at(at);
        account.eab_key = Some(key.id);
        results.push(store.create_account(account, entry()).await.unwrap());
    }
    assert_eq!(results, [Registered::New, Registered::New, Registered::EabSpent]);
    assert_eq!(store.eab_key(key.id).await.unwrap().unwrap().used, 2);
    let second = eab_key(at.ra_profile);
    store.create_eab_key(second.clone(), entry()).await.unwrap();
    let ids: Vec<_> = store.eab_keys().await.unwrap().into_iter().map(|key| key.id).collect();
    assert_eq!(ids, [second.id, key.id]);
}

async fn a_spent_key_makes_no_account(place: Place) {
    let store = place.open().await;
    let at = chancery_acme::DirectoryId { ra_profile: stored_profile(&store, "p").await.id, ..directory() };
    let (mut over, mut revoked, elsewhere) = (eab_key(at.ra_profile), eab_key(at.ra_profile), eab_key(at.ra_profile));
    over.expires_at = Some(now());
    revoked.revoked_at = Some(now());
    for key in [&over, &revoked, &elsewhere] {
        store.create_eab_key(key.clone(), entry()).await.unwrap();
    }
    for (key, directory) in [(over.id, at), (revoked.id, at), (id(), at), (elsewhere.id, directory())] {
        let mut account = account_at(directory);
        account.eab_key = Some(key);
        assert_eq!(store.create_account(account.clone(), entry()).await.unwrap(), Registered::EabSpent);
        assert_eq!(store.account(account.id).await.unwrap(), None);
    }
    assert_eq!(store.eab_key(elsewhere.id).await.unwrap().unwrap().used, 0);
    // A key that has an account already spends nothing.
    let mut account = account_at(at);
    account.eab_key = Some(elsewhere.id);
    assert_eq!(store.create_account(account.clone(), entry()).await.unwrap(), Registered::New);
    account.id = id();
    assert!(matches!(store.create_account(account, entry()).await.unwrap(), Registered::Existing(_)));
    assert_eq!(store.eab_key(elsewhere.id).await.unwrap().unwrap().used, 1);
}

async fn of_many_bindings_a_single_use_takes_one(place: Place) {
    let store = place.open().await;
    let at = chancery_acme::DirectoryId { ra_profile: stored_profile(&store, "p").await.id, ..directory() };
    let mut key = eab_key(at.ra_profile);
    key.uses = Some(1);
    store.create_eab_key(key.clone(), entry()).await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let (store, mut account) = (store.clone(), account_at(at));
        account.eab_key = Some(key.id);
        calls.spawn(async move { store.create_account(account, entry()).await.unwrap() });
    }
    let made = calls.join_all().await.into_iter().filter(|registered| *registered == Registered::New).count();
    assert_eq!(made, 1);
    assert_eq!(store.accounts(None, None, None, 99).await.unwrap().len(), 1);
}

async fn revokes_a_key_once(place: Place) {
    let store = place.open().await;
    let key = eab_key(stored_profile(&store, "p").await.id);
    store.create_eab_key(key.clone(), entry()).await.unwrap();
    let at = now();
    assert!(store.revoke_eab_key(key.id, at, entry()).await.unwrap());
    assert!(!store.revoke_eab_key(key.id, now(), entry()).await.unwrap());
    assert!(!store.revoke_eab_key(id(), at, entry()).await.unwrap());
    assert_eq!(store.eab_key(key.id).await.unwrap().unwrap().revoked_at, Some(at));
    assert_eq!(verify(&store).await, 3);
}
