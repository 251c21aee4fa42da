use std::sync::Arc;

use chancery_acme::port::{AcmeStore, FinalizeOrder, Ordered, Purge, RenewalMark};
use chancery_acme::{Problem, ProblemType, StoredOrderStatus};
use chancery_core::port::{Alongside, InventoryStore};
use time::Duration;

use super::{entry, id, most, now, order_of, ready_order, stored_account, stored_order};
use crate::tests::{Place, contract, random, record, stored_profile, verify};

contract!(spends_a_nonce_once, of_many_spenders_one_succeeds, marks_for_renewal, purges_what_is_over, purges_in_steps);

async fn spends_a_nonce_once(place: Place) {
    let store = place.open().await;
    let (nonce, end) = (random(), now() + Duration::hours(1));
    assert!(store.spend_nonce(nonce, end).await.unwrap());
    assert!(!store.spend_nonce(nonce, end).await.unwrap());
    // A second node.
    drop(store);
    let store = place.open().await;
    assert!(!store.spend_nonce(nonce, end + Duration::hours(1)).await.unwrap());
    assert!(store.spend_nonce(random(), end).await.unwrap());
}

async fn of_many_spenders_one_succeeds(place: Place) {
    let store = place.open().await;
    let (nonce, end) = (random(), now() + Duration::hours(1));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        calls.spawn(async move { store.spend_nonce(nonce, end).await.unwrap() });
    }
    assert_eq!(calls.join_all().await.into_iter().filter(|spent| *spent).count(), 1);
}

async fn marks_for_renewal(place: Place) {
    let store = place.open().await;
    let certificates = vec![id(), id()];
    let mark = |url: Option<&str>| {
        Some(RenewalMark { certificate: id(), explanation_url: url.map(str::to_owned), marked_at: now() })
    };
    assert_eq!(store.mark_for_renewal(certificates.clone(), None, entry()).await.unwrap(), 0);
    let first = mark(Some("https://example.org/incident"));
    assert_eq!(store.mark_for_renewal(certificates.clone(), first.clone(), entry()).await.unwrap(), 2);
    let expected = first.map(|mark| RenewalMark { certificate: certificates[1], ..mark });
    assert_eq!(store.renewal_mark(certificates[1]).await.unwrap(), expected);
    // Again, without an explanation.
    assert_eq!(store.mark_for_renewal(certificates[1..].to_vec(), mark(None), entry()).await.unwrap(), 1);
    assert_eq!(store.renewal_mark(certificates[1]).await.unwrap().unwrap().explanation_url, None);
    assert_eq!(store.mark_for_renewal(certificates[..1].to_vec(), None, entry()).await.unwrap(), 1);
    assert_eq!(store.renewal_mark(certificates[0]).await.unwrap(), None);
    assert_eq!(store.renewal_mark(id()).await.unwrap(), None);
    assert_eq!(verify(&store).await, 3);
}

async fn purges_what_is_over(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let account = stored_account(&store).await;
    let before = now() - Duration::seconds(1);
    let (open, open_authorizations) = stored_order(&store, &account).await;
    let (failed, _) = stored_order(&store, &account).await;
    store.fail_order(failed.id, Problem::new(ProblemType::Caa, "no")).await.unwrap();
    let (given_up, authorizations) = stored_order(&store, &account).await;
    store.deactivate_authorization(authorizations[0].id).await.unwrap();
    let (finished, _) = ready_order(&store, &account).await;
    let finalize = FinalizeOrder {
        order: finished.id,
        account: account.id,
        authorizations: finished.authorizations.clone(),
        eab_key: None,
        from: StoredOrderStatus::Open,
        now: now(),
    };
    let mut made = record(&profile);
    made.alongside = Some(Alongside(Arc::new(finalize)));
    store.record(made.clone()).await.unwrap();
    store.spend_nonce(random(), now() + Duration::hours(1)).await.unwrap();
    let purge = |abandoned, ended| Purge { abandoned_before: abandoned, ended_before: ended, limit: 1_000 };

    assert_eq!(store.purge(purge(before, before), before).await.unwrap(), 0);
    // The failed order and the given-up authorization are as good as never made.
    assert_eq!(store.purge(purge(now(), before), before).await.unwrap(), 2);
    assert_eq!(store.order(failed.id).await.unwrap(), None);
    assert_eq!(store.authorization(authorizations[0].id).await.unwrap(), None);
    assert_eq!(store.order(given_up.id).await.unwrap().unwrap().1.len(), 1);
    // The open ones are over.
    assert_eq!(store.purge(purge(open.expires_at + Duration::seconds(9), before), before).await.unwrap(), 2);
    assert_eq!(store.order(open.id).await.unwrap(), None);
    assert!(store.authorization(open_authorizations[0].id).await.unwrap().is_some());
    // The nonce, and every authorization.
    let days = now() + Duration::days(2);
    assert_eq!(store.purge(purge(days, before), days).await.unwrap(), 1 + 2 + 2 + 1 + 2);
    // The finished order stays as long as its certificate.
    assert!(store.order(finished.id).await.unwrap().is_some());
    let end = made.certificate.not_after.unwrap();
    let mark = RenewalMark { certificate: id(), explanation_url: None, marked_at: now() };
    store.mark_for_renewal(vec![made.certificate.id], Some(mark), entry()).await.unwrap();
    assert_eq!(store.purge(purge(days, end), days).await.unwrap(), 0);
    assert!(store.renewal_mark(made.certificate.id).await.unwrap().is_some());
    assert_eq!(store.purge(purge(days, end + Duration::seconds(1)), days).await.unwrap(), 2);
    assert_eq!(store.renewal_mark(made.certificate.id).await.unwrap(), None);
    assert_eq!(store.order(finished.id).await.unwrap(), None);
    assert!(store.certificate(made.certificate.id).await.unwrap().is_some());
}

async fn purges_in_steps(place: Place) {
    let store = place.open().await;
    let account = stored_account(&store).await;
    for _ in 0..5 {
        let order = order_of(&account, &[]);
        assert_eq!(store.create_order(order, Vec::new(), most(9)).await.unwrap(), Ordered::New);
    }
    let late = now() + Duration::days(1);
    let purge = Purge { abandoned_before: late, ended_before: late, limit: 2 };
    let mut steps = Vec::new();
    loop {
        steps.push(store.purge(purge, late).await.unwrap());
        if steps.last() == Some(&0) {
            break;
        }
    }
    assert_eq!(steps, [2, 2, 1, 0]);
}
