//! What operators may do, and who of them.

use chancery_acme::{
    AccountFilter, AcmeProfileEdit, AcmeProfileRef, AcmeSettings, DirectoryPath, Marked, NewAcmeProfile, NewActivation,
    NewEabKey, Resource,
};
use chancery_core::{Door, Error, ProfileRef, Role};
use uuid::Uuid;

use crate::house::{House, limited, origin, system};

fn named(name: &str) -> ProfileRef {
    ProfileRef::Name(name.into())
}

fn activation(name: &str) -> NewActivation {
    NewActivation {
        acme_profile: AcmeProfileRef::Name(name.into()),
        issue_attributes: vec![],
        revoke_attributes: vec![],
    }
}

#[tokio::test]
async fn a_profile_is_made_edited_and_deleted() {
    let house = House::new().await;
    let (acme, who, whence) = (&house.acme, system(), origin());
    let new = NewAcmeProfile { name: "lab".into(), enabled: true, ..NewAcmeProfile::default() };
    let made = acme.create_acme_profile(&who, &whence, new.clone()).await.unwrap();
    assert!(matches!(acme.create_acme_profile(&who, &whence, new).await, Err(Error::Conflict(_))));
    let reference = AcmeProfileRef::Id(made.id);
    let stale = AcmeProfileEdit { expected_version: Some(7), ..AcmeProfileEdit::default() };
    assert!(matches!(acme.edit_acme_profile(&who, &whence, &reference, stale).await, Err(Error::Conflict(_))));
    let edit = AcmeProfileEdit {
        description: Some(Some("for the lab".into())),
        settings: Some(AcmeSettings { most_identifiers: 5, ..AcmeSettings::default() }),
        ..AcmeProfileEdit::default()
    };
    let edited = acme.edit_acme_profile(&who, &whence, &reference, edit).await.unwrap();
    assert_eq!((edited.version, edited.settings.most_identifiers), (2, 5));
    assert_eq!(house.acme_profile("lab").await, edited);
    acme.delete_acme_profile(&who, &whence, &reference, false).await.unwrap();
    let gone = acme.acme_profile(&who, &whence, &reference).await;
    assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
    for event in ["acme.profile.create", "acme.profile.edit", "acme.profile.delete"] {
        assert!(house.told(event).await.iter().any(|told| told.contains("\"lab\"")), "{event}");
    }
}

#[tokio::test]
async fn every_fault_of_a_profile_is_told_at_once() {
    let house = House::new().await;
    let settings = AcmeSettings { retry_after: 0, profiles: [Uuid::from_u128(9)].into(), ..AcmeSettings::default() };
    let new = NewAcmeProfile { name: "a/b".into(), settings, ..NewAcmeProfile::default() };
    let Err(Error::Rejected(faults)) = house.acme.create_acme_profile(&system(), &origin(), new).await else {
        panic!("it was made");
    };
    assert_eq!(faults.len(), 3, "{faults:?}");
    for name in ["", ".", "a b", "raProfile", "ä", &"x".repeat(65)] {
        let new = NewAcmeProfile { name: name.into(), ..NewAcmeProfile::default() };
        let made = house.acme.create_acme_profile(&system(), &origin(), new).await;
        assert!(matches!(made, Err(Error::Rejected(_))), "{name}");
    }
}

#[tokio::test]
async fn an_activation_opens_the_door_and_deactivation_closes_it_at_once() {
    let house = House::new().await;
    let path = DirectoryPath::Named("device".into());
    assert!(house.acme.directory(&path).await.unwrap().is_none());
    house.acme.activate(&system(), &origin(), &named("device"), activation("default")).await.unwrap();
    assert!(house.acme.directory(&path).await.unwrap().is_some());
    assert!(house.ra_profile("device").await.doors.contains(&Door::Acme));
    let listed = house.acme.activations(&system(), &origin()).await.unwrap();
    assert_eq!(listed.iter().map(|(profile, _)| &*profile.name).collect::<Vec<_>>(), ["device", "tls-server"]);
    house.acme.deactivate(&system(), &origin(), &named("device")).await.unwrap();
    house.acme.deactivate(&system(), &origin(), &named("device")).await.unwrap();
    assert!(house.acme.directory(&path).await.unwrap().is_none());
    assert!(!house.ra_profile("device").await.doors.contains(&Door::Acme));
    assert_eq!(house.told("acme.deactivate").await.len(), 1);
    let unknown = house.acme.activate(&system(), &origin(), &named("device"), activation("nowhere")).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");
}

#[tokio::test]
async fn a_disabled_profile_answers_nowhere() {
    let house = House::new().await;
    let edit = AcmeProfileEdit { enabled: Some(false), ..AcmeProfileEdit::default() };
    let reference = AcmeProfileRef::Name("default".into());
    house.acme.edit_acme_profile(&system(), &origin(), &reference, edit).await.unwrap();
    assert!(house.acme.directory(&DirectoryPath::Named("tls-server".into())).await.unwrap().is_none());
}

#[tokio::test]
async fn a_profile_of_its_own_directory_opens_the_ra_profiles_door() {
    let house = House::new().await;
    let device = house.ra_profile("device").await;
    let new = NewAcmeProfile {
        name: "printers".into(),
        enabled: true,
        ra_profile: Some(device.id),
        ..NewAcmeProfile::default()
    };
    house.acme.create_acme_profile(&system(), &origin(), new).await.unwrap();
    let (own, by_ra_profile) = (house.directory("printers").await, house.directory("device").await);
    assert_eq!(own.id, by_ra_profile.id);
    assert!(house.ra_profile("device").await.doors.contains(&Door::Acme));
}

#[tokio::test]
async fn a_profile_in_use_is_kept_unless_forced_and_one_with_accounts_always() {
    let house = House::new().await;
    let reference = AcmeProfileRef::Name("default".into());
    let kept = house.acme.delete_acme_profile(&system(), &origin(), &reference, false).await;
    assert!(matches!(kept, Err(Error::Rejected(_))), "{kept:?}");
    house.client().registered().await;
    let kept = house.acme.delete_acme_profile(&system(), &origin(), &reference, true).await;
    assert!(matches!(kept, Err(Error::Rejected(_))), "{kept:?}");

    let house = House::new().await;
    house.acme.delete_acme_profile(&system(), &origin(), &reference, true).await.unwrap();
    assert!(house.acme.activations(&system(), &origin()).await.unwrap().is_empty());
}

#[tokio::test]
async fn roles_and_scopes_hold() {
    let house = House::new().await;
    let (server, device) = (house.ra_profile("tls-server").await, house.ra_profile("device").await);
    let acme = &house.acme;
    let forbidden = |result: Result<(), Error>| assert!(matches!(result, Err(Error::Forbidden(_))), "{result:?}");
    let hidden = |result: Result<(), Error>| assert!(matches!(result, Err(Error::NotFound { .. })), "{result:?}");
    let key = |name: &str| NewEabKey {
        ra_profile: named(name),
        acme_profile: None,
        description: String::new(),
        names: None,
        uses: None,
        quota: None,
        expires_at: None,
    };
    let client = house.client().registered().await;
    for role in [Role::Requester, Role::Auditor] {
        let who = limited(role, &[&server]);
        assert!(acme.acme_profiles(&who, &origin()).await.is_ok());
        forbidden(acme.create_acme_profile(&who, &origin(), NewAcmeProfile::default()).await.map(drop));
        forbidden(acme.activate(&who, &origin(), &named("tls-server"), activation("default")).await.map(drop));
        forbidden(acme.deactivate(&who, &origin(), &named("tls-server")).await);
        forbidden(acme.create_eab_key(&who, &origin(), key("tls-server")).await.map(drop));
        forbidden(acme.revoke_account(&who, &origin(), client.id()).await);
        forbidden(acme.disable_account(&who, &origin(), client.id(), true).await.map(drop));
        let all = Marked::Profile(named("tls-server"));
        forbidden(acme.mark_for_renewal(&who, &origin(), all, Some(None)).await.map(drop));
    }
    let who = limited(Role::Operator, &[&device]);
    hidden(acme.deactivate(&who, &origin(), &named("tls-server")).await);
    hidden(acme.create_eab_key(&who, &origin(), key("tls-server")).await.map(drop));
    hidden(acme.account(&who, &origin(), client.id()).await.map(drop));
    hidden(acme.revoke_account(&who, &origin(), client.id()).await);
    assert!(acme.accounts(&who, &origin(), AccountFilter { limit: 9, ..Default::default() }).await.unwrap().is_empty());
    assert!(acme.create_eab_key(&who, &origin(), key("device")).await.is_ok());
    // `default` serves tls-server, which this operator does not reach.
    let edit = AcmeProfileEdit { enabled: Some(false), ..AcmeProfileEdit::default() };
    let reference = AcmeProfileRef::Name("default".into());
    // What serves nobody within the scope answers like what is not there, and so does what serves nobody yet.
    let spare = NewAcmeProfile { name: "spare".into(), enabled: true, ..NewAcmeProfile::default() };
    acme.create_acme_profile(&system(), &origin(), spare).await.unwrap();
    assert_eq!(acme.acme_profiles(&who, &origin()).await.unwrap(), []);
    hidden(acme.acme_profile(&who, &origin(), &reference).await.map(drop));
    hidden(acme.edit_acme_profile(&who, &origin(), &reference, edit.clone()).await.map(drop));
    hidden(acme.delete_acme_profile(&who, &origin(), &reference, true).await);
    // Else the operator of tls-server could not change his own any more.
    hidden(acme.activate(&who, &origin(), &named("device"), activation("default")).await.map(drop));
    hidden(acme.activate(&who, &origin(), &named("device"), activation("spare")).await.map(drop));
    // An operator has ACME profiles of his own.
    let own = NewAcmeProfile { ra_profile: Some(device.id), name: "own".into(), ..NewAcmeProfile::default() };
    acme.create_acme_profile(&who, &origin(), own).await.unwrap();
    let seen = acme.acme_profiles(&who, &origin()).await.unwrap();
    assert_eq!(seen.iter().map(|profile| profile.name.as_str()).collect::<Vec<_>>(), ["own"]);
    // Both of two see what serves them both, and neither changes it, nor has it serve more.
    house.activate("device", "default").await;
    assert_eq!(acme.acme_profiles(&who, &origin()).await.unwrap().len(), 2);
    forbidden(acme.edit_acme_profile(&who, &origin(), &reference, edit).await.map(drop));
    forbidden(acme.delete_acme_profile(&who, &origin(), &reference, true).await);
    forbidden(acme.activate(&who, &origin(), &named("device"), activation("default")).await.map(drop));
    assert!(house.told("access.denied").await.len() >= 2);
}

#[tokio::test]
async fn a_limited_operator_hands_out_no_key_to_what_its_directory_offers_beyond_his_scope() {
    let house = House::new().await;
    let (server, device) = (house.ra_profile("tls-server").await, house.ra_profile("device").await);
    let settings = AcmeSettings { profiles: [server.id].into(), ..Default::default() };
    let new = NewAcmeProfile {
        name: "wide".into(),
        enabled: true,
        ra_profile: Some(device.id),
        settings,
        ..NewAcmeProfile::default()
    };
    house.acme.create_acme_profile(&system(), &origin(), new).await.unwrap();
    let key = |acme_profile: Option<&str>| NewEabKey {
        ra_profile: named("device"),
        acme_profile: acme_profile.map(|name| AcmeProfileRef::Name(name.into())),
        description: String::new(),
        names: None,
        uses: None,
        quota: None,
        expires_at: None,
    };
    for named in [None, Some("wide")] {
        let who = limited(Role::Operator, &[&device]);
        let done = house.acme.create_eab_key(&who, &origin(), key(named)).await;
        assert!(matches!(done, Err(Error::Forbidden(_))), "{done:?}");
        let both = limited(Role::Operator, &[&device, &server]);
        assert!(house.acme.create_eab_key(&both, &origin(), key(named)).await.is_ok());
    }
}

#[tokio::test]
async fn a_revoked_account_stays_revoked() {
    let house = House::new().await;
    let client = house.client().registered().await;
    house.acme.revoke_account(&system(), &origin(), client.id()).await.unwrap();
    let problem = client.ask(Resource::Account(client.id()), None).await.unwrap_err();
    assert_eq!(problem.status, 401);
    let again = house.acme.revoke_account(&system(), &origin(), client.id()).await;
    assert!(matches!(again, Err(Error::Rejected(_))), "{again:?}");
}

#[tokio::test]
async fn accounts_are_listed_page_by_page_newest_first() {
    let house = House::new().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        house.clock.advance(time::Duration::SECOND);
        made.push(house.client().registered().await.id());
    }
    made.reverse();
    let page = |after, limit| AccountFilter { after, limit, ..AccountFilter::default() };
    let ids = |views: Vec<chancery_acme::AccountView>| views.iter().map(|view| view.account.id).collect::<Vec<_>>();
    let first = ids(house.acme.accounts(&system(), &origin(), page(None, 2)).await.unwrap());
    assert_eq!(first, made[..2]);
    let rest = ids(house.acme.accounts(&system(), &origin(), page(first.last().copied(), 2)).await.unwrap());
    assert_eq!(rest, made[2..]);
    let elsewhere = AccountFilter { ra_profile: Some(Uuid::from_u128(1)), ..page(None, 9) };
    assert!(house.acme.accounts(&system(), &origin(), elsewhere).await.unwrap().is_empty());
}

#[tokio::test]
async fn every_fault_of_an_eab_key_is_told_at_once() {
    let house = House::new().await;
    let new = NewEabKey {
        ra_profile: named("tls-server"),
        acme_profile: None,
        description: "x".repeat(257),
        names: Some(vec!["a.*.b".into(), "10.0.0.0/8".into()]),
        uses: Some(0),
        quota: Some(0),
        expires_at: Some(house.ra.ports().clock.now()),
    };
    let Err(Error::Rejected(faults)) = house.acme.create_eab_key(&system(), &origin(), new).await else {
        panic!("it was made");
    };
    assert_eq!(faults.len(), 5, "{faults:?}");
}

#[tokio::test]
async fn marks_are_for_certificates_that_are_there() {
    let house = House::new().await;
    let unknown = Marked::Certificates(vec![Uuid::from_u128(1)]);
    let marked = house.acme.mark_for_renewal(&system(), &origin(), unknown, Some(None)).await;
    assert!(matches!(marked, Err(Error::NotFound { .. })), "{marked:?}");
    let page = Some(Some("javascript:alert(1)".to_owned()));
    let marked = house.acme.mark_for_renewal(&system(), &origin(), Marked::Profile(named("tls-server")), page).await;
    assert!(matches!(marked, Err(Error::Rejected(_))), "{marked:?}");
    let page = Some(Some("https://ca.example/incident".to_owned()));
    let marked = house.acme.mark_for_renewal(&system(), &origin(), Marked::Profile(named("tls-server")), page).await;
    assert_eq!(marked.unwrap(), 0);
}

#[tokio::test]
async fn nobody_takes_the_path_of_another_profile() {
    let house = House::new().await;
    let device = house.ra_profile("device").await;
    let new = |name: &str, ra_profile| NewAcmeProfile {
        name: name.into(),
        enabled: true,
        ra_profile,
        ..NewAcmeProfile::default()
    };
    let who = limited(Role::Operator, &[&device]);
    // The door of tls-client is closed: its clients would be at the operator's directory.
    for name in ["tls-client", "tls-server"] {
        let Err(Error::Rejected(faults)) =
            house.acme.create_acme_profile(&who, &origin(), new(name, Some(device.id))).await
        else {
            panic!("{name} was taken");
        };
        assert!(faults.iter().any(|fault| fault.to_string().contains("is taken")), "{faults:?}");
    }
    house.acme.create_acme_profile(&who, &origin(), new("device", Some(device.id))).await.unwrap();
    // Nor does an RA profile take the directory of an ACME profile.
    house.acme.create_acme_profile(&system(), &origin(), new("printers", Some(device.id))).await.unwrap();
    let mut printers = house.ra_profile("tls-client").await;
    printers.name = "printers".into();
    let new = chancery_core::NewProfile {
        authority: printers.authority,
        name: printers.name,
        description: None,
        attributes: printers.attributes,
        enabled: true,
    };
    house.ra.create_profile(&system(), &origin(), new).await.unwrap();
    let done = house.acme.activate(&system(), &origin(), &named("printers"), activation("default")).await;
    assert!(
        matches!(&done, Err(Error::Rejected(faults)) if faults[0].to_string().contains("/acme/printers")),
        "{done:?}"
    );
}

#[tokio::test]
async fn a_directory_has_one_set_of_attributes_whatever_its_url() {
    let house = House::new().await;
    let server = house.ra_profile("tls-server").await;
    let attribute = |days: &str| chancery_core::attribute::RequestAttribute {
        uuid: None,
        name: "notAfter".into(),
        content_type: None,
        version: chancery_core::attribute::Version::V2,
        content: vec![chancery_core::attribute::ContentItem::new(days)],
    };
    let reference = AcmeProfileRef::Name("default".into());
    let edit = AcmeProfileEdit { ra_profile: Some(Some(server.id)), ..AcmeProfileEdit::default() };
    house.acme.edit_acme_profile(&system(), &origin(), &reference, edit).await.unwrap();
    let activation = NewActivation {
        acme_profile: reference,
        issue_attributes: vec![attribute("2027-01-01T00:00:00Z")],
        revoke_attributes: vec![],
    };
    house.acme.activate(&system(), &origin(), &named("tls-server"), activation).await.unwrap();
    let paths = [
        DirectoryPath::Named("tls-server".into()),
        DirectoryPath::RaProfile("tls-server".into()),
        DirectoryPath::Named("default".into()),
        DirectoryPath::AcmeProfile("default".into()),
    ];
    for path in paths {
        let directory = house.acme.directory(&path).await.unwrap().unwrap();
        assert_eq!(directory.issue_attributes(), [attribute("2027-01-01T00:00:00Z")], "{path:?}");
    }
}

#[tokio::test]
async fn a_directory_of_its_own_follows_the_attributes_of_its_profile() {
    let house = House::new().await;
    let device = house.ra_profile("device").await;
    let attribute = |days: &str| chancery_core::attribute::RequestAttribute {
        uuid: None,
        name: "notAfter".into(),
        content_type: None,
        version: chancery_core::attribute::Version::V2,
        content: vec![chancery_core::attribute::ContentItem::new(days)],
    };
    let new = NewAcmeProfile {
        name: "printers".into(),
        enabled: true,
        ra_profile: Some(device.id),
        ..NewAcmeProfile::default()
    };
    let made = house.acme.create_acme_profile(&system(), &origin(), new).await.unwrap();
    assert!(house.directory("printers").await.issue_attributes().is_empty());
    let settings = AcmeSettings { issue_attributes: vec![attribute("2027-01-01T00:00:00Z")], ..made.settings.clone() };
    let edit = AcmeProfileEdit { settings: Some(settings), ..AcmeProfileEdit::default() };
    house.acme.edit_acme_profile(&system(), &origin(), &AcmeProfileRef::Id(made.id), edit).await.unwrap();
    for path in ["printers", "device"] {
        assert_eq!(house.directory(path).await.issue_attributes(), [attribute("2027-01-01T00:00:00Z")], "{path}");
    }
}
