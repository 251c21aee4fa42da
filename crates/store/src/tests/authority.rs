//! What the built-in authority keeps.

use chancery_core::audit::Event;
use chancery_core::port::{
    AuthorityRecord, AuthorityStore, CrlRecord, InventoryStore, IssuerRecord, KeyRecord, NewAuthority, RevokeRecord,
    RevokedCertificate,
};
use chancery_core::{Clock, StoreError, SystemClock, Unique, instant, micros};
use chancery_pki::RevocationReason;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Place, contract, id, record_by, stored_profile, told, verify};
use crate::Store;

contract!(
    makes_an_authority_whole_or_not_at_all,
    finds_the_newest_key_of_a_label,
    keeps_two_crls_with_rising_numbers,
    lists_the_revoked_with_their_count,
);

fn now() -> OffsetDateTime {
    instant(micros(SystemClock.now()))
}

fn key(label: &str, created_at: OffsetDateTime) -> KeyRecord {
    KeyRecord { id: id(), label: label.into(), public_key: vec![1], wrapped: vec![2], created_at }
}

async fn authority(store: &Store, name: &str) -> NewAuthority {
    let profile = stored_profile(store, &format!("for {name}: {}", id())).await;
    let mut root = record_by(&profile, Uuid::nil());
    root.certificate.profile = None;
    root.profile_version = None;
    root.certificate.issuer = Some(root.certificate.id);
    let key = key("ca", now());
    let authority = AuthorityRecord { id: id(), name: name.into(), issuer: root.certificate.id, created_at: now() };
    let issuer = IssuerRecord {
        id: root.certificate.id,
        authority: authority.id,
        key: key.id,
        certificate: vec![0x30],
        parent: root.certificate.id,
        revocations: 0,
        revoked: false,
    };
    let audit = told(Event::AuthorityCreate);
    NewAuthority { authority, certificates: vec![root], issuers: vec![issuer], keys: vec![key], audit }
}

async fn makes_an_authority_whole_or_not_at_all(place: Place) {
    let store = place.open().await;
    let first = authority(&store, "default").await;
    store.create_authority(first.clone()).await.unwrap();
    assert_eq!(store.authorities().await.unwrap(), std::slice::from_ref(&first.authority));
    assert_eq!(store.issuers().await.unwrap(), first.issuers);
    assert_eq!(store.key(first.keys[0].id).await.unwrap().as_ref(), Some(&first.keys[0]));
    let root = &first.certificates[0].certificate;
    assert_eq!(store.certificate(root.id).await.unwrap().as_ref(), Some(root));
    let mut second = authority(&store, "default").await;
    let taken = store.create_authority(second.clone()).await.unwrap_err();
    assert!(matches!(taken, StoreError::Duplicate(Unique::AuthorityName)), "{taken:?}");
    // The last row of the transaction breaks a rule: the first ones are gone too.
    second.authority.name = "second".into();
    second.certificates[0].certificate.fingerprint = root.fingerprint;
    let same = store.create_authority(second.clone()).await.unwrap_err();
    assert!(matches!(same, StoreError::Duplicate(Unique::Fingerprint)), "{same:?}");
    assert_eq!(store.authorities().await.unwrap().len(), 1);
    assert_eq!(store.key(second.keys[0].id).await.unwrap(), None);
    assert_eq!(verify(&store).await, 4);
}

async fn finds_the_newest_key_of_a_label(place: Place) {
    let store = place.open().await;
    let (old, new) = (key("tls", now() - Duration::days(1)), key("tls", now()));
    store.add_key(new.clone()).await.unwrap();
    store.add_key(old.clone()).await.unwrap();
    assert_eq!(store.key_by_label("tls").await.unwrap(), Some(new));
    assert_eq!(store.key_by_label("none").await.unwrap(), None);
    assert!(matches!(store.add_key(old).await, Err(StoreError::Duplicate(_))));
}

async fn keeps_two_crls_with_rising_numbers(place: Place) {
    let store = place.open().await;
    let made = authority(&store, "default").await;
    store.create_authority(made.clone()).await.unwrap();
    let issuer = made.issuers[0].id;
    assert_eq!(store.crl(issuer).await.unwrap(), None);
    let crl = |number| CrlRecord {
        issuer,
        number,
        this_update: now(),
        next_update: now() + Duration::days(7),
        revocations: 0,
        der: vec![0x30],
    };
    for number in 1..=3 {
        store.add_crl(crl(number), told(Event::CrlSign)).await.unwrap();
    }
    let again = store.add_crl(crl(3), told(Event::CrlSign)).await.unwrap_err();
    assert!(matches!(again, StoreError::Duplicate(Unique::Other)), "{again:?}");
    assert_eq!(store.crl(issuer).await.unwrap().unwrap().number, 3);
    let kept: i64 = store
        .read(|c| {
            use diesel::prelude::*;
            Ok(crate::schema::crls::table.count().get_result(c)?)
        })
        .await
        .unwrap();
    assert_eq!(kept, 2, "the current one and its predecessor");
}

async fn lists_the_revoked_with_their_count(place: Place) {
    let store = place.open().await;
    let made = authority(&store, "default").await;
    store.create_authority(made.clone()).await.unwrap();
    let issuer = made.issuers[0].id;
    let profile = stored_profile(&store, "p").await;
    let mut expected = Vec::new();
    for end in [-2, -1, 1, 2] {
        let mut record = record_by(&profile, issuer);
        record.certificate.not_after = Some(now() + Duration::days(end));
        store.record(record.clone()).await.unwrap();
        let revocation = RevokeRecord {
            certificate: record.certificate.id,
            at: now(),
            reason: RevocationReason::Superseded,
            invalidity_date: Some(now()),
            attributes: Vec::new(),
            block_key: None,
            audit: told(Event::CertificateRevoke),
            approval: None,
            alongside: None,
        };
        store.revoke(revocation.clone()).await.unwrap();
        if end > -2 {
            let revoked = RevokedCertificate {
                serial: record.certificate.serial.unwrap(),
                at: revocation.at,
                reason: revocation.reason,
                invalidity_date: revocation.invalidity_date,
            };
            expected.push((record.certificate.id, revoked));
        }
    }
    store.record(record_by(&profile, issuer)).await.unwrap();
    expected.sort_by_key(|(id, _)| *id);
    let (count, revoked) = store.revoked(issuer, now() - Duration::hours(36)).await.unwrap();
    assert_eq!(count, 4);
    assert_eq!(revoked, expected.into_iter().map(|(_, revoked)| revoked).collect::<Vec<_>>());
    assert_eq!(store.issuers().await.unwrap()[0].revocations, 4);
    assert_eq!(store.revoked(id(), now()).await.unwrap(), (0, Vec::new()));
}
