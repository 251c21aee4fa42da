use chancery_acme::port::AcmeStore;
use chancery_acme::{AcmeProfile, AcmeSettings, Activation, ChallengeType};
use chancery_core::port::ProfileStore;
use chancery_core::{Door, RaProfile, Stale, StoreError, Unique};
use uuid::Uuid;

use super::{account_at, directory, entry, id, now};
use crate::Store;
use crate::tests::{Place, contract, stored_profile, verify};

contract!(
    keeps_profiles,
    edits_the_version_before,
    deletes_what_nothing_needs,
    activates_and_deactivates,
    loses_its_ra_profile
);

fn acme_profile(name: &str) -> AcmeProfile {
    AcmeProfile {
        id: id(),
        name: name.to_owned(),
        description: Some("for tests".to_owned()),
        enabled: true,
        ra_profile: None,
        settings: AcmeSettings {
            challenges: [ChallengeType::Dns01].into(),
            profiles: [Uuid::from_u128(7)].into(),
            ..AcmeSettings::default()
        },
        version: 1,
        created_at: now(),
        updated_at: now(),
    }
}

async fn stored(store: &Store, name: &str) -> AcmeProfile {
    let profile = acme_profile(name);
    store.create_acme_profile(profile.clone(), entry()).await.unwrap();
    profile
}

async fn keeps_profiles(place: Place) {
    let store = place.open().await;
    let (b, a) = (stored(&store, "b").await, stored(&store, "a").await);
    assert_eq!(store.acme_profiles().await.unwrap(), [a, b]);
    let refused = store.create_acme_profile(acme_profile("a"), entry()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Duplicate(Unique::AcmeProfileName)), "{refused:?}");
    assert_eq!(verify(&store).await, 2);
}

async fn edits_the_version_before(place: Place) {
    let store = place.open().await;
    let mut profile = stored(&store, "a").await;
    profile.version = 2;
    (profile.name, profile.enabled, profile.description) = ("renamed".to_owned(), false, None);
    assert!(store.update_acme_profile(profile.clone(), entry()).await.unwrap());
    assert!(!store.update_acme_profile(profile.clone(), entry()).await.unwrap());
    assert_eq!(store.acme_profiles().await.unwrap(), [profile.clone()]);
    stored(&store, "other").await;
    (profile.version, profile.name) = (3, "other".to_owned());
    let refused = store.update_acme_profile(profile, entry()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Duplicate(Unique::AcmeProfileName)), "{refused:?}");
    assert_eq!(verify(&store).await, 3);
}

async fn deletes_what_nothing_needs(place: Place) {
    let store = place.open().await;
    let (free, activated, used) = (stored(&store, "a").await, stored(&store, "b").await, stored(&store, "c").await);
    let ra = stored_profile(&store, "p").await;
    store.activate(activation(&ra, activated.id), next(&ra), entry()).await.unwrap();
    let at = chancery_acme::DirectoryId { acme_profile: used.id, ..directory() };
    store.create_account(account_at(at), entry()).await.unwrap();
    for id in [activated.id, used.id] {
        let refused = store.delete_acme_profile(id, entry()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Duplicate(Unique::Other)), "{refused:?}");
    }
    assert!(store.delete_acme_profile(free.id, entry()).await.unwrap());
    assert!(!store.delete_acme_profile(free.id, entry()).await.unwrap());
    assert_eq!(store.acme_profiles().await.unwrap().len(), 2);
}

fn activation(ra: &RaProfile, acme_profile: Uuid) -> Activation {
    Activation {
        ra_profile: ra.id,
        acme_profile,
        issue_attributes: Vec::new(),
        revoke_attributes: Vec::new(),
        created_at: now(),
    }
}

fn next(ra: &RaProfile) -> RaProfile {
    RaProfile { version: ra.version + 1, doors: [Door::Rest, Door::Acme].into(), ..ra.clone() }
}

async fn activates_and_deactivates(place: Place) {
    let store = place.open().await;
    let (first, second) = (stored(&store, "a").await, stored(&store, "b").await);
    let ra = stored_profile(&store, "p").await;
    store.activate(activation(&ra, first.id), next(&ra), entry()).await.unwrap();
    let doors = store.profile(ra.id).await.unwrap().unwrap().doors;
    assert!(doors.contains(&Door::Acme));
    // By somebody who has not seen it.
    let refused = store.activate(activation(&ra, second.id), next(&ra), entry()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Stale(Stale::Profile)), "{refused:?}");
    assert_eq!(store.activations().await.unwrap()[0].acme_profile, first.id);
    let changed = activation(&ra, second.id);
    store.activate(changed.clone(), next(&next(&ra)), entry()).await.unwrap();
    assert_eq!(store.activations().await.unwrap(), [changed]);
    let refused = store.deactivate(next(&ra), entry()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Stale(Stale::Profile)), "{refused:?}");
    store.deactivate(next(&next(&next(&ra))), entry()).await.unwrap();
    assert_eq!(store.activations().await.unwrap(), []);
    assert_eq!(verify(&store).await, 6);
}

async fn loses_its_ra_profile(place: Place) {
    let store = place.open().await;
    let ra = stored_profile(&store, "p").await;
    let mut profile = acme_profile("a");
    profile.ra_profile = Some(ra.id);
    store.create_acme_profile(profile.clone(), entry()).await.unwrap();
    store.activate(activation(&ra, profile.id), next(&ra), entry()).await.unwrap();
    store.create_eab_key(super::eab_key(ra.id), entry()).await.unwrap();
    assert!(store.delete_profile(ra.id, entry()).await.unwrap());
    assert_eq!(store.activations().await.unwrap(), []);
    assert_eq!(store.acme_profiles().await.unwrap()[0].ra_profile, None);
    assert_eq!(store.eab_keys().await.unwrap(), []);
}
