use std::sync::atomic::Ordering;

use super::*;
use crate::testkit::{CHEAP, House, Memory, StuckRng};
use chancery_core::SystemRng;
use proptest::prelude::*;

async fn open(store: &Memory, passphrase: &str) -> Result<Vault, VaultError> {
    Vault::open_at(store, SecretString::from(passphrase), Arc::new(SystemRng), CHEAP).await
}

#[tokio::test]
async fn every_node_opens_the_same_data_key() {
    let store = Memory::default();
    let first = open(&store, "correct horse").await.expect("makes");
    let wrapped = first.wrap("key 1", b"secret");
    let second = open(&store, "correct horse").await.expect("opens");
    assert_eq!(&**second.unwrap("key 1", &wrapped).expect("unwraps"), b"secret");
    assert!(!wrapped.windows(6).any(|window| window == b"secret"));
}

#[tokio::test]
async fn a_node_that_comes_second_takes_the_data_key_of_the_first() {
    let store = Memory::default();
    let first = open(&store, "correct horse").await.expect("makes");
    store.blind.store(true, Ordering::Relaxed);
    let second = open(&store, "correct horse").await.expect("opens what stands");
    assert!(second.unwrap("a", &first.wrap("a", b"x")).is_ok());
    let error = open(&store, "wrong horse").await.expect_err("does not fit what stands");
    assert!(matches!(error, VaultError::Passphrase), "{error}");
}

#[tokio::test]
async fn refuses_a_wrong_passphrase_and_makes_no_new_key() {
    let store = Memory::default();
    open(&store, "correct horse").await.expect("makes");
    let before = store.rows.lock().expect("free").secrets.clone();
    let error = open(&store, "wrong horse").await.expect_err("does not fit");
    assert!(matches!(error, VaultError::Passphrase), "{error}");
    assert_eq!(store.rows.lock().expect("free").secrets, before);
}

#[tokio::test]
async fn refuses_a_short_passphrase_for_a_new_installation_only() {
    let store = Memory::default();
    let error = open(&store, "short").await.expect_err("is too short");
    assert!(matches!(error, VaultError::TooShort { length: 5 }), "{error}");
    assert!(store.rows.lock().expect("free").secrets.is_empty());
}

#[tokio::test]
async fn refuses_to_make_a_data_key_beside_encrypted_keys() {
    let house = House::new();
    crate::testkit::default_authority(&house.node().await).await;
    house.store.rows.lock().expect("free").secrets.clear();
    let error = open(&house.store, "correct horse").await.expect_err("the data key is gone");
    assert!(matches!(error, VaultError::Lost), "{error}");
    assert!(house.store.rows.lock().expect("free").secrets.is_empty());
}

#[tokio::test]
async fn refuses_what_was_altered_or_belongs_elsewhere() {
    let vault = open(&Memory::default(), "correct horse").await.expect("makes");
    let other = open(&Memory::default(), "correct horse").await.expect("makes");
    let wrapped = vault.wrap("key 1", b"secret");
    assert!(matches!(vault.unwrap("key 2", &wrapped), Err(VaultError::Tampered { label }) if label == "key 2"));
    assert!(matches!(other.unwrap("key 1", &wrapped), Err(VaultError::Tampered { .. })));
    for at in 1..wrapped.len() {
        let mut altered = wrapped.clone();
        altered[at] ^= 1;
        assert!(matches!(vault.unwrap("key 1", &altered), Err(VaultError::Tampered { .. })), "byte {at}");
    }
    let mut newer = wrapped.clone();
    newer[0] = 2;
    assert!(matches!(vault.unwrap("key 1", &newer), Err(VaultError::Format { .. })));
    assert!(matches!(vault.unwrap("key 1", &wrapped[..20]), Err(VaultError::Format { .. })));
    assert!(matches!(vault.unwrap("key 1", &[]), Err(VaultError::Format { .. })));
}

#[test]
fn refuses_an_altered_data_key() {
    let passphrase = SecretString::from("correct horse");
    let wrapped = wrap_data_key(&[7; KEY], &passphrase, CHEAP, &StuckRng(9)).expect("wraps");
    assert_eq!(*unwrap_data_key(&wrapped, &passphrase).expect("unwraps"), [7; KEY]);
    for at in [HEADER - 1, HEADER, wrapped.len() - 1] {
        let mut altered = wrapped.clone();
        altered[at] ^= 1;
        assert!(matches!(unwrap_data_key(&altered, &passphrase), Err(VaultError::Passphrase)), "byte {at}");
    }
    // A cost that would take all memory is refused before it is tried.
    let mut greedy = wrapped.clone();
    greedy[1] = 0xff;
    assert!(matches!(unwrap_data_key(&greedy, &passphrase), Err(VaultError::Format { .. })));
    let mut newer = wrapped;
    newer[0] = 2;
    assert!(matches!(unwrap_data_key(&newer, &passphrase), Err(VaultError::Format { .. })));
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let vault = Vault { key: Arc::new(aead(&[3; KEY])), rng: Arc::new(SystemRng) };
        prop_assert!(vault.unwrap("key 1", &bytes).is_err());
    }

    #[test]
    fn any_secret_comes_back(secret in proptest::collection::vec(any::<u8>(), 0..4000), label in ".{0,40}") {
        let vault = Vault { key: Arc::new(aead(&[3; KEY])), rng: Arc::new(SystemRng) };
        prop_assert_eq!(&**vault.unwrap(&label, &vault.wrap(&label, &secret)).expect("unwraps"), &secret[..]);
    }
}
