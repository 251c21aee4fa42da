//! Lists: filters, reach, paging, order.

use chancery_core::port::InventoryStore;
use chancery_core::{
    CertificateField as Field, CertificateFilter, CertificateQuery, CertificateState, Condition, RaProfile, SearchName,
};
use time::Duration;
use uuid::Uuid;

use super::{Place, contract, id, record, stored_profile};
use crate::Store;

contract!(
    filters,
    escapes_the_pattern_characters,
    keeps_to_the_callers_reach,
    pages_newest_first,
    reads_on_behind_a_certificate
);

async fn add(store: &Store, profile: &RaProfile, cn: &str, sans: &[&str]) -> chancery_core::CertificateRecord {
    let mut made = record(profile);
    made.certificate.common_name = cn.into();
    made.certificate.subject = format!("CN={cn}");
    let cn = SearchName { kind: "cn", value: cn.to_lowercase() };
    made.names = sans.iter().map(|san| SearchName { kind: "dns", value: (*san).into() }).chain([cn]).collect();
    store.record(made.clone()).await.unwrap();
    made.certificate
}

async fn found(store: &Store, field: Field, condition: Condition) -> Vec<String> {
    let filters = vec![CertificateFilter { field, condition }];
    let page = store.certificates(CertificateQuery { filters, limit: 50, ..Default::default() }).await.unwrap();
    assert_eq!(page.total, page.items.len() as u64);
    let mut names: Vec<String> = page.items.into_iter().map(|certificate| certificate.common_name).collect();
    names.sort();
    names
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

async fn filters(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let a = add(&store, &profile, "Alpha", &["alpha.example", "shared.example"]).await;
    let b = add(&store, &profile, "beta", &["beta.example", "shared.example"]).await;
    add(&store, &profile, "gamma", &[]).await;
    let hex = |bytes: &str| bytes[3..9].to_owned();
    let a_serial = a.serial.as_ref().unwrap().to_hex();
    let a_print = a.fingerprint.unwrap().to_hex();
    let cases: Vec<(Field, Condition, &[&str])> = vec![
        (Field::CommonName, Condition::Equals(texts(&["ALPHA", "Beta"])), &["Alpha", "beta"]),
        (Field::CommonName, Condition::NotEquals(texts(&["alpha"])), &["beta", "gamma"]),
        (Field::CommonName, Condition::Contains("ET".into()), &["beta"]),
        (Field::CommonName, Condition::StartsWith("Al".into()), &["Alpha"]),
        (Field::CommonName, Condition::EndsWith("a".into()), &["Alpha", "beta", "gamma"]),
        (Field::SubjectAltName, Condition::Equals(texts(&["shared.example"])), &["Alpha", "beta"]),
        (Field::SubjectAltName, Condition::Equals(texts(&["gamma"])), &[]),
        (Field::SubjectAltName, Condition::NotContains("beta".into()), &["Alpha", "gamma"]),
        (Field::SubjectAltName, Condition::Empty, &["gamma"]),
        (Field::SubjectAltName, Condition::NotEmpty, &["Alpha", "beta"]),
        (Field::Subject, Condition::Contains("alp".into()), &[]),
        (Field::Subject, Condition::Contains("Alp".into()), &["Alpha"]),
        (Field::Subject, Condition::NotContains("a".into()), &[]),
        (Field::Subject, Condition::Equals(texts(&["CN=beta"])), &["beta"]),
        (Field::State, Condition::Equals(texts(&["issued"])), &["Alpha", "beta", "gamma"]),
        (Field::State, Condition::NotEquals(texts(&["issued", "revoked"])), &[]),
        (Field::Owner, Condition::Equals(texts(&["bench"])), &["Alpha", "beta", "gamma"]),
        (Field::Owner, Condition::Empty, &[]),
        (Field::Profile, Condition::Equals(vec![profile.id.to_string()]), &["Alpha", "beta", "gamma"]),
        (Field::Profile, Condition::NotEquals(vec![profile.id.to_string()]), &[]),
        (Field::Profile, Condition::Equals(texts(&["not a uuid"])), &[]),
        (Field::SerialNumber, Condition::Equals(vec![a_serial.to_uppercase()]), &["Alpha"]),
        (Field::SerialNumber, Condition::Contains(hex(&a_serial)), &["Alpha"]),
        (Field::SerialNumber, Condition::StartsWith(a_serial[..8].to_owned()), &["Alpha"]),
        (Field::SerialNumber, Condition::NotEquals(vec![a_serial.clone()]), &["beta", "gamma"]),
        (Field::Fingerprint, Condition::Equals(vec![a_print.clone()]), &["Alpha"]),
        (Field::Fingerprint, Condition::EndsWith(a_print[50..].to_owned()), &["Alpha"]),
        (Field::Fingerprint, Condition::NotContains(a_print.clone()), &["beta", "gamma"]),
        (Field::Fingerprint, Condition::NotEmpty, &["Alpha", "beta", "gamma"]),
        (Field::NotAfter, Condition::After(b.not_after.unwrap() + Duration::days(1)), &[]),
        (Field::NotAfter, Condition::NotBefore(a.not_after.unwrap()), &["Alpha", "beta", "gamma"]),
        (Field::NotBefore, Condition::Before(a.not_before.unwrap() - Duration::days(1)), &[]),
        (Field::NotBefore, Condition::NotAfter(b.not_before.unwrap() + Duration::days(1)), &["Alpha", "beta", "gamma"]),
        (Field::NotAfter, Condition::Empty, &[]),
        (Field::NotAfter, Condition::Contains("2026".into()), &[]),
    ];
    for (field, condition, expected) in cases {
        assert_eq!(found(&store, field, condition.clone()).await, expected, "{field:?} {condition:?}");
    }
}

async fn escapes_the_pattern_characters(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    for cn in ["a_b", "axb", "100%", "100x", "back\\slash"] {
        add(&store, &profile, cn, &[]).await;
    }
    for (part, expected) in [("a_", "a_b"), ("0%", "100%"), ("k\\s", "back\\slash")] {
        for field in [Field::CommonName, Field::Subject] {
            assert_eq!(found(&store, field, Condition::Contains(part.into())).await, [expected], "{part}");
        }
    }
}

async fn keeps_to_the_callers_reach(place: Place) {
    let store = place.open().await;
    let mine = stored_profile(&store, "mine").await;
    let other = stored_profile(&store, "other").await;
    add(&store, &mine, "mine", &[]).await;
    add(&store, &other, "other", &[]).await;
    let mut own = record(&mine);
    own.certificate.profile = None;
    own.profile_version = None;
    store.record(own).await.unwrap();
    let mut archived = record(&mine);
    archived.certificate.archived = true;
    archived.certificate.state = CertificateState::Revoked;
    store.record(archived).await.unwrap();
    for (profiles, include_archived, expected) in [
        (None, false, 3),
        (None, true, 4),
        (Some(vec![mine.id]), false, 1),
        (Some(vec![mine.id]), true, 2),
        (Some(vec![mine.id, other.id, id()]), false, 2),
        (Some(Vec::<Uuid>::new()), false, 0),
    ] {
        let query = CertificateQuery { profiles: profiles.clone(), include_archived, limit: 10, ..Default::default() };
        assert_eq!(store.certificates(query).await.unwrap().total, expected, "{profiles:?} {include_archived}");
    }
}

async fn pages_newest_first(place: Place) {
    let store = place.open().await;
    let profile = stored_profile(&store, "p").await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(add(&store, &profile, &format!("n{number}"), &[]).await.id);
    }
    ids.sort_by_key(|id| std::cmp::Reverse(*id));
    let query = CertificateQuery { offset: 1, limit: 2, ..Default::default() };
    let page = store.certificates(query).await.unwrap();
    assert_eq!((page.total, page.more), (5, true));
    assert_eq!(page.items.iter().map(|certificate| certificate.id).collect::<Vec<_>>(), ids[1..3]);
}

async fn reads_on_behind_a_certificate(place: Place) {
    let store = place.open().await;
    let (mine, other) = (stored_profile(&store, "mine").await, stored_profile(&store, "other").await);
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(add(&store, &mine, &format!("n{number}"), &[]).await.id);
        add(&store, &other, &format!("o{number}"), &[]).await;
    }
    ids.sort_by_key(|id| std::cmp::Reverse(*id));
    let profiles = Some(vec![mine.id]);
    let (mut read, mut after) = (Vec::new(), None);
    loop {
        let query = CertificateQuery { profiles: profiles.clone(), after, limit: 2, ..Default::default() };
        let page = store.certificates(query).await.unwrap();
        assert_eq!(page.total, 6, "of all, not of what is left");
        read.extend(page.items.iter().map(|certificate| certificate.id));
        if !page.more {
            break;
        }
        after = read.last().copied();
        // New ones do not shift what is read.
        add(&store, &other, "late", &[]).await;
    }
    assert_eq!(read, ids);
    let nothing = CertificateQuery { profiles, after: Some(Uuid::nil()), limit: 2, ..Default::default() };
    let page = store.certificates(nothing).await.unwrap();
    assert_eq!((page.items.len(), page.more), (0, false));
}
