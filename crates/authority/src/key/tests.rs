use super::*;
use crate::testkit::House;

#[tokio::test]
async fn a_key_is_found_again_by_label_and_id() {
    let house = House::new();
    let keys = house.keys().await;
    let (id, made) = keys.add(KeyType::P256, "https").await.expect("adds");
    let (newer, _) = keys.add(KeyType::P256, "https").await.expect("adds");
    let found = keys.by_label("https").await.expect("opens").expect("is there");
    assert_eq!(found.0, newer);
    let signer = keys.signer(id).await.expect("opens").expect("is there");
    assert_eq!(signer.public_key().spki_der(), made.public_key().spki_der());
    assert!(keys.by_label("other").await.expect("answers").is_none());
    assert!(keys.signer(Uuid::nil()).await.expect("answers").is_none());
}

#[tokio::test]
async fn no_key_rests_in_the_clear() {
    let house = House::new();
    let (record, key) = house.keys().await.make(KeyType::P256, "https").await.expect("makes");
    let clear = key.to_pkcs8_der();
    assert!(record.wrapped.windows(32).all(|window| !clear.windows(32).any(|other| other == window)));
    assert!(!record.wrapped.windows(8).any(|window| window == &clear[..8]));
}

#[tokio::test]
async fn refuses_a_key_in_the_place_of_another() {
    let keys = House::new().keys().await;
    let (one, _) = keys.make(KeyType::P256, "one").await.expect("makes");
    let (other, _) = keys.make(KeyType::P256, "other").await.expect("makes");
    let swapped = KeyRecord { wrapped: other.wrapped.clone(), public_key: other.public_key.clone(), ..one.clone() };
    assert!(matches!(keys.open(&swapped), Err(KeyError::Vault(VaultError::Tampered { .. }))));
    let renamed = KeyRecord { public_key: other.public_key, ..one.clone() };
    assert!(matches!(keys.open(&renamed), Err(KeyError::Mismatch { id }) if id == one.id));
    let mut altered = one;
    altered.wrapped[40] ^= 1;
    assert!(matches!(keys.open(&altered), Err(KeyError::Vault(VaultError::Tampered { .. }))));
}

#[tokio::test]
async fn refuses_what_is_no_key() {
    let house = House::new();
    let (mut record, _) = house.keys().await.make(KeyType::P256, "one").await.expect("makes");
    record.wrapped = house.vault().await.wrap(&bound_label(record.id), b"no key");
    assert!(matches!(house.keys().await.open(&record), Err(KeyError::Unreadable { id, .. }) if id == record.id));
}
