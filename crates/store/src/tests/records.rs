//! RA profiles, tokens, leases, the database as such.

use chancery_core::audit::Event;
use chancery_core::port::{Database, LeaseStore, ProfileStore, TokenStore, UserStore};
use chancery_core::{
    Clock, OidcSubject, Role, Scope, Stale, StoreError, SystemClock, TokenRecord, Unique, UserCertificate, UserRecord,
    instant, micros,
};
use time::Duration;

use super::{Place, contract, id, random, stored_profile, told, verify};

contract!(
    keeps_profiles,
    refuses_a_taken_name_and_a_stale_edit,
    keeps_tokens,
    keeps_users,
    fences_leases,
    describes_itself,
    keeps_secrets
);

async fn keeps_profiles(place: Place) {
    let store = place.open().await;
    let b = stored_profile(&store, "b").await;
    let a = stored_profile(&store, "a").await;
    assert_eq!(store.profiles().await.unwrap(), [a.clone(), b.clone()]);
    assert_eq!(store.profile_by_name("b").await.unwrap(), Some(b.clone()));
    assert_eq!(store.profile_by_name("B").await.unwrap(), None);
    let edited = chancery_core::RaProfile { version: 2, enabled: false, description: Some("x".into()), ..a };
    store.update_profile(edited.clone(), told(Event::ProfileEdit)).await.unwrap();
    assert_eq!(store.profile(edited.id).await.unwrap(), Some(edited));
    assert!(store.delete_profile(b.id, told(Event::ProfileDelete)).await.unwrap());
    assert!(!store.delete_profile(b.id, told(Event::ProfileDelete)).await.unwrap());
    assert_eq!(store.profile(b.id).await.unwrap(), None);
    assert_eq!(verify(&store).await, 4);
}

async fn refuses_a_taken_name_and_a_stale_edit(place: Place) {
    let store = place.open().await;
    let first = stored_profile(&store, "first").await;
    let second = crate::bench::profile(id(), "first");
    let taken = store.create_profile(second, told(Event::ProfileCreate)).await.unwrap_err();
    assert!(matches!(taken, StoreError::Duplicate(Unique::ProfileName)), "{taken:?}");
    let stale = chancery_core::RaProfile { version: 5, ..first };
    let refused = store.update_profile(stale, told(Event::ProfileEdit)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Stale(Stale::Profile)), "{refused:?}");
    assert_eq!(verify(&store).await, 1);
}

async fn keeps_tokens(place: Place) {
    let store = place.open().await;
    let now = instant(micros(SystemClock.now()));
    let token = TokenRecord {
        id: id(),
        name: "robot".into(),
        hash: random(),
        role: Role::Requester,
        scope: Scope::Profiles([id(), id()].into()),
        created_at: now,
        expires_at: Some(now + Duration::hours(1)),
        revoked_at: None,
    };
    let unlimited = TokenRecord { id: id(), hash: random(), scope: Scope::All, expires_at: None, ..token.clone() };
    store.create_token(token.clone(), told(Event::TokenCreate)).await.unwrap();
    store.create_token(unlimited.clone(), told(Event::TokenCreate)).await.unwrap();
    assert_eq!(store.token_by_hash(&token.hash).await.unwrap(), Some(token.clone()));
    assert_eq!(store.token_by_hash(&random()).await.unwrap(), None);
    let mut newest_first = [unlimited, token.clone()];
    newest_first.sort_by_key(|token| std::cmp::Reverse(token.id));
    assert_eq!(store.tokens().await.unwrap(), newest_first);
    assert!(store.revoke_token(token.id, now, told(Event::TokenRevoke)).await.unwrap());
    assert!(!store.revoke_token(token.id, now, told(Event::TokenRevoke)).await.unwrap());
    assert_eq!(store.token_by_hash(&token.hash).await.unwrap().unwrap().revoked_at, Some(now));
    let again = store.create_token(token, told(Event::TokenCreate)).await.unwrap_err();
    assert!(matches!(again, StoreError::Duplicate(_)), "{again:?}");
    assert_eq!(verify(&store).await, 3);
}

async fn keeps_users(place: Place) {
    let store = place.open().await;
    let certificate = UserCertificate { fingerprint: random(), key_hash: random(), subject: "cn=b".into() };
    let b = UserRecord {
        id: id(),
        name: "b".into(),
        role: Role::Operator,
        scope: Scope::Profiles([id()].into()),
        certificate: Some(certificate.clone()),
        oidc: None,
        enabled: true,
        created_at: instant(micros(SystemClock.now())),
    };
    let oidc = OidcSubject { issuer: "https://id.example".into(), subject: "4711".into() };
    let a = UserRecord {
        id: id(),
        name: "a".into(),
        scope: Scope::All,
        certificate: None,
        oidc: Some(oidc.clone()),
        ..b.clone()
    };
    // Two users without a certificate, and two without a subject, are not in each other's way.
    let c = UserRecord {
        id: id(),
        name: "c".into(),
        oidc: Some(OidcSubject { subject: "1".into(), ..oidc.clone() }),
        ..a.clone()
    };
    for user in [&b, &a, &c] {
        store.create_user(user.clone(), told(Event::UserCreate)).await.unwrap();
    }
    assert_eq!(store.users().await.unwrap(), [a.clone(), b.clone(), c]);
    assert_eq!(store.user_by_key(&certificate.key_hash).await.unwrap(), Some(b.clone()));
    assert_eq!(store.user_by_key(&certificate.fingerprint).await.unwrap(), None);
    assert_eq!(store.user_by_oidc(&oidc).await.unwrap(), Some(a.clone()));
    let elsewhere = OidcSubject { issuer: "https://other.example".into(), ..oidc };
    assert_eq!(store.user_by_oidc(&elsewhere).await.unwrap(), None);

    for (taken, unique) in [
        (UserRecord { id: id(), certificate: None, ..b.clone() }, Unique::UserName),
        (UserRecord { id: id(), name: "d".into(), ..b.clone() }, Unique::Other),
        (UserRecord { id: id(), name: "d".into(), ..a.clone() }, Unique::Other),
    ] {
        let refused = store.create_user(taken, told(Event::UserCreate)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Duplicate(rule) if rule == unique), "{refused:?}");
    }
    assert!(store.enable_user(b.id, false, told(Event::UserEdit)).await.unwrap());
    assert!(!store.user_by_key(&certificate.key_hash).await.unwrap().unwrap().enabled);
    assert!(store.delete_user(b.id, told(Event::UserDelete)).await.unwrap());
    assert!(!store.delete_user(b.id, told(Event::UserDelete)).await.unwrap());
    assert!(!store.enable_user(b.id, true, told(Event::UserEdit)).await.unwrap());
    assert_eq!(verify(&store).await, 5);
}

async fn fences_leases(place: Place) {
    let store = place.open().await;
    let (a, b) = (id(), id());
    let now = SystemClock.now();
    let later = now + Duration::minutes(1);
    assert_eq!(store.acquire("crl", a, now, later).await.unwrap(), Some(1));
    assert_eq!(store.acquire("crl", a, now, later).await.unwrap(), Some(1));
    assert_eq!(store.acquire("crl", b, now, later).await.unwrap(), None);
    assert_eq!(store.acquire("other", b, now, later).await.unwrap(), Some(1));
    // Expired: the successor's fence is higher, and the old holder has lost it.
    assert_eq!(store.acquire("crl", b, later, later + Duration::minutes(1)).await.unwrap(), Some(2));
    assert_eq!(store.acquire("crl", a, later, later + Duration::minutes(1)).await.unwrap(), None);
    store.release("crl", a).await.unwrap();
    assert_eq!(store.acquire("crl", a, later, later + Duration::minutes(1)).await.unwrap(), None);
    store.release("crl", b).await.unwrap();
    assert_eq!(store.acquire("crl", a, later, later + Duration::minutes(1)).await.unwrap(), Some(3));
}

async fn describes_itself(place: Place) {
    let store = place.open().await;
    store.ping().await.unwrap();
    let (engine, version) = store.describe().await.unwrap();
    assert_eq!(engine, store.engine());
    assert!(version.starts_with(|digit: char| digit.is_ascii_digit()), "{version}");
}

async fn keeps_secrets(place: Place) {
    use chancery_core::port::AuthorityStore;
    let store = place.open().await;
    assert_eq!(store.secret("data-key").await.unwrap(), None);
    assert_eq!(store.secret_or_insert("data-key", vec![1]).await.unwrap(), [1]);
    assert_eq!(store.secret_or_insert("data-key", vec![2]).await.unwrap(), [1]);
    assert_eq!(store.secret("data-key").await.unwrap(), Some(vec![1]));
}
