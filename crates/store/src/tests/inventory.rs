//! The inventory: issuing, completing, renewing, revoking, and what forbids them at the last moment.

use chancery_core::audit::Event;
use chancery_core::port::{AuditStore, InventoryStore, IssueRecord, ProfileStore, RevokeRecord};
use chancery_core::{
    CertificateState, Clock, RaProfile, RevocationInfo, SearchName, Stale, StoreError, SystemClock, Unique, instant,
    micros,
};
use chancery_pki::RevocationReason;
use uuid::Uuid;

use super::{Place, contract, id, record, stored_profile, told, verify};
use crate::Store;

contract!(
    records_and_finds,
    keeps_every_column,
    refuses_a_second_serial_and_tells_the_others,
    refuses_a_stale_or_disabled_profile,
    refuses_blocked_keys,
    demands_a_standing_predecessor,
    completes_a_requested_one_once,
    revokes_once,
    groups_many_callers,
    counts_its_groups,
);

fn revocation(certificate: Uuid) -> RevokeRecord {
    let audit = chancery_core::audit::Telling::success(
        &chancery_core::Actor::system(),
        &chancery_core::Origin::system(),
        Event::CertificateRevoke,
    )
    .certificate(certificate)
    .at(SystemClock.now());
    RevokeRecord {
        certificate,
        at: instant(micros(SystemClock.now())),
        reason: RevocationReason::KeyCompromise,
        invalidity_date: None,
        attributes: Vec::new(),
        block_key: None,
        audit,
        approval: None,
        alongside: None,
    }
}

async fn records_and_finds(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let made = record(&profile);
    store.record(made.clone()).await.unwrap();
    let of = &made.certificate;
    assert_eq!(store.certificate(of.id).await.unwrap().as_ref(), Some(of));
    assert_eq!(store.certificate(id()).await.unwrap(), None);
    let serial = of.serial.as_ref().unwrap();
    assert_eq!(store.certificate_by_serial(Uuid::nil(), serial).await.unwrap().as_ref(), Some(of));
    assert_eq!(store.certificate_by_serial(id(), serial).await.unwrap(), None);
    let history = store.history(of.id).await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!((history[0].event.as_str(), history[0].certificate), ("certificate.issue", Some(of.id)));
    assert_eq!(history[0].body, made.audit.body);
    assert_eq!(verify(&store).await, 2);
}

async fn keeps_every_column(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let mut made = record(&profile);
    let attribute: chancery_core::attribute::RequestAttribute =
        serde_json::from_str(r#"{"name":"validity","content":[{"data":"P30D"}]}"#).unwrap();
    made.certificate.issue_attributes = vec![attribute.clone()];
    made.certificate.revoke_attributes = vec![attribute];
    made.certificate.predecessor = Some(id());
    made.certificate.state = CertificateState::Revoked;
    made.certificate.archived = true;
    made.certificate.revocation = Some(RevocationInfo {
        at: made.certificate.created_at,
        reason: RevocationReason::Superseded,
        invalidity_date: Some(made.certificate.created_at),
    });
    store.record(made.clone()).await.unwrap();
    assert_eq!(store.certificate(made.certificate.id).await.unwrap(), Some(made.certificate));
}

async fn refuses_a_second_serial_and_tells_the_others(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let first = record(&profile);
    store.record(first.clone()).await.unwrap();
    let mut twin = record(&profile);
    twin.certificate.serial.clone_from(&first.certificate.serial);
    let mut same = record(&profile);
    same.certificate.fingerprint = first.certificate.fingerprint;
    // All of them wait at once, so that the guilty ones meet innocents in their group.
    let innocents: Vec<_> = (0..20).map(|_| record(&profile)).collect();
    let (twin, same, innocents_told) = futures_join(&store, twin, same, &innocents).await;
    assert!(matches!(twin, Err(StoreError::Duplicate(Unique::Serial))), "{twin:?}");
    assert!(matches!(same, Err(StoreError::Duplicate(Unique::Fingerprint))), "{same:?}");
    for (innocent, result) in innocents.iter().zip(innocents_told) {
        result.unwrap();
        assert!(store.certificate(innocent.certificate.id).await.unwrap().is_some());
    }
    assert_eq!(verify(&store).await, 22);
}

type Told = Result<(), StoreError>;

async fn futures_join(store: &Store, a: IssueRecord, b: IssueRecord, rest: &[IssueRecord]) -> (Told, Told, Vec<Told>) {
    let spawn = |record: IssueRecord| {
        let store = store.clone();
        tokio::spawn(async move { store.record(record).await })
    };
    let rest: Vec<_> = rest.iter().cloned().map(spawn).collect();
    let (a, b) = (spawn(a), spawn(b));
    let mut told = Vec::new();
    for one in rest {
        told.push(one.await.unwrap());
    }
    (a.await.unwrap(), b.await.unwrap(), told)
}

async fn refuses_a_stale_or_disabled_profile(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let decided = record(&profile);
    let edited = RaProfile { version: 2, ..profile.clone() };
    store.update_profile(edited.clone(), told(Event::ProfileEdit)).await.unwrap();
    let stale = store.record(decided).await.unwrap_err();
    assert!(matches!(stale, StoreError::Stale(Stale::Profile)), "{stale:?}");
    store.record(record(&edited)).await.unwrap();
    let disabled = RaProfile { version: 3, enabled: false, ..profile };
    store.update_profile(disabled.clone(), told(Event::ProfileDisable)).await.unwrap();
    let refused = store.record(record(&disabled)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Stale(Stale::Profile)), "{refused:?}");
    assert_eq!(verify(&store).await, 4);
}

async fn refuses_blocked_keys(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let first = record(&profile);
    let key_hash = first.certificate.key_hash;
    store.record(first.clone()).await.unwrap();
    assert!(!store.key_blocked(key_hash).await.unwrap());
    let revoked = RevokeRecord { block_key: Some(key_hash), ..revocation(first.certificate.id) };
    store.revoke(revoked).await.unwrap();
    assert!(store.key_blocked(key_hash).await.unwrap());
    let mut again = record(&profile);
    again.certificate.key_hash = key_hash;
    let refused = store.record(again).await.unwrap_err();
    assert!(matches!(refused, StoreError::KeyBlocked), "{refused:?}");
}

async fn demands_a_standing_predecessor(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let first = record(&profile);
    store.record(first.clone()).await.unwrap();
    let successor = |must_stand| {
        let mut next = record(&profile);
        next.certificate.predecessor = Some(first.certificate.id);
        next.predecessor_must_stand = must_stand;
        next
    };
    let renewed = successor(true);
    store.record(renewed.clone()).await.unwrap();
    store.revoke(revocation(first.certificate.id)).await.unwrap();
    let refused = store.record(successor(true)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Stale(Stale::Predecessor)), "{refused:?}");
    let replaced = successor(false);
    store.record(replaced.clone()).await.unwrap();
    let successors = store.successors(first.certificate.id).await.unwrap();
    let mut expected = [renewed.certificate, replaced.certificate];
    expected.sort_by_key(|certificate| certificate.id);
    assert_eq!(successors, expected);
}

async fn completes_a_requested_one_once(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let issued = record(&profile);
    let mut requested = issued.clone();
    requested.certificate.state = CertificateState::Requested;
    requested.certificate.serial = None;
    requested.certificate.fingerprint = None;
    requested.certificate.certificate = None;
    requested.names.push(SearchName { kind: "dns", value: "asked.example".into() });
    requested.audit.event = Event::CertificateRequest;
    store.record(requested.clone()).await.unwrap();
    let mut done = issued.clone();
    done.certificate.owner = "somebody else".into();
    done.certificate.request = None;
    store.issue_requested(done.clone()).await.unwrap();
    let stored = store.certificate(issued.certificate.id).await.unwrap().unwrap();
    assert_eq!(stored, issued.certificate, "owner and request stay as they were asked for");
    let refused = store.issue_requested(done).await.unwrap_err();
    assert!(matches!(refused, StoreError::Stale(Stale::Certificate)), "{refused:?}");
    for (name, expected) in [("asked.example", 0), (issued.names[0].value.as_str(), 1)] {
        let kind = if name == "asked.example" {
            chancery_core::CertificateField::SubjectAltName
        } else if issued.names[0].kind == "cn" {
            chancery_core::CertificateField::CommonName
        } else {
            chancery_core::CertificateField::SubjectAltName
        };
        let filter = chancery_core::CertificateFilter {
            field: kind,
            condition: chancery_core::Condition::Equals(vec![name.to_owned()]),
        };
        let query = chancery_core::CertificateQuery { filters: vec![filter], limit: 10, ..Default::default() };
        assert_eq!(store.certificates(query).await.unwrap().total, expected, "{name}");
    }
    let unknown = store.issue_requested(record(&profile)).await.unwrap_err();
    assert!(matches!(unknown, StoreError::Stale(Stale::Certificate)), "{unknown:?}");
    assert_eq!(verify(&store).await, 3);
}

async fn revokes_once(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let made = record(&profile);
    store.record(made.clone()).await.unwrap();
    let revoked = revocation(made.certificate.id);
    store.revoke(revoked.clone()).await.unwrap();
    let stored = store.certificate(made.certificate.id).await.unwrap().unwrap();
    assert_eq!(stored.state, CertificateState::Revoked);
    assert_eq!(
        stored.revocation.map(|revocation| (revocation.at, revocation.reason)),
        Some((revoked.at, revoked.reason))
    );
    for certificate in [made.certificate.id, id()] {
        let refused = store.revoke(revocation(certificate)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Stale(Stale::Certificate)), "{refused:?}");
    }
    let events: Vec<_> =
        store.history(made.certificate.id).await.unwrap().into_iter().map(|entry| entry.event).collect();
    assert_eq!(events, ["certificate.issue", "certificate.revoke"]);
    assert_eq!(verify(&store).await, 3);
}

async fn groups_many_callers(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let callers: Vec<_> = (0..300)
        .map(|_| {
            let (store, record) = (store.clone(), record(&profile));
            tokio::spawn(async move { store.record(record).await })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    let query = chancery_core::CertificateQuery { limit: 1, ..Default::default() };
    assert_eq!(store.certificates(query).await.unwrap().total, 300);
    assert_eq!(verify(&store).await, 301);
}

/// No transaction takes more than it may, and every certificate that was committed is counted once.
async fn counts_its_groups(place: Place) {
    Store::migrate(&place.url).await.unwrap();
    let store = Store::open(crate::StoreOptions { group: 4, ..place.options() }).await.unwrap();
    let profile = stored_profile(&store, "p").await;
    let waiting: Vec<_> = (0..21)
        .map(|_| {
            let (store, record) = (store.clone(), record(&profile));
            tokio::spawn(async move { store.record(record).await })
        })
        .collect();
    for one in waiting {
        one.await.unwrap().unwrap();
    }
    let groups = store.groups();
    assert_eq!(groups.certificates, 21);
    assert!((6..=21).contains(&groups.transactions), "{groups:?}");
}
