use std::collections::BTreeSet;

use super::*;
use crate::testkit::{House, START, STATUS, create, default_authority};
use chancery_core::port::Authority;
use chancery_core::{Role, Scope};
use proptest::prelude::*;

#[tokio::test]
async fn makes_a_root_and_an_issuing_ca() {
    let house = House::new();
    let node = house.node().await;
    let authority = default_authority(&node).await;
    let instance = node.instance(authority).expect("is loaded");
    assert_eq!((instance.name.as_str(), instance.kind, instance.chain.len()), ("default", "built-in", 2));
    let [(issuing_id, issuing), (root_id, root)] = &instance.chain[..] else { panic!("two certificates") };
    root.verify_signed_by(root.public_key()).expect("a root signs itself");
    issuing.verify_signed_by(root.public_key()).expect("the root signs the issuing CA");
    assert_eq!(root.basic_constraints(), Some(BasicConstraints { ca: true, path_len: None }));
    assert_eq!(issuing.basic_constraints(), Some(BasicConstraints { ca: true, path_len: Some(0) }));
    for ca in [root, issuing] {
        assert_eq!(ca.key_usage(), Some(KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN));
        assert_eq!(ca.extended_key_usage(), None);
        assert_eq!(ca.validity().not_before, START - BACKDATE);
    }
    assert_eq!(root.validity().not_after, START + Duration::days(7305) - Duration::SECOND);
    assert_eq!(issuing.validity().not_after, START + Duration::days(3652) - Duration::SECOND);
    assert!(root.crl_distribution_points().is_empty() && root.aia_issuers().is_empty());
    assert_eq!(issuing.crl_distribution_points(), [format!("{STATUS}/crl/{root_id}.crl")]);
    assert_eq!(issuing.aia_issuers(), [format!("{STATUS}/ca/{root_id}.cer")]);
    assert_eq!(issuing.authority_key_id(), root.subject_key_id());
    assert!(root.subject().to_string().starts_with("CN=Chancery Root CA "), "{}", root.subject());
    assert!(issuing.subject().to_string().starts_with("CN=Chancery Issuing CA "), "{}", issuing.subject());
    assert_eq!(node.chain(*issuing_id).expect("is known").len(), 2);
    assert_eq!(node.chain(*root_id).expect("is known").len(), 1);

    let rows = house.store.rows.lock().expect("free");
    let [first, second] = &rows.certificates[..] else { panic!("two rows") };
    assert_eq!(
        (first.id, first.issuer, second.id, second.issuer),
        (*root_id, Some(*root_id), *issuing_id, Some(*root_id))
    );
    for row in [first, second] {
        assert_eq!((row.state, row.profile, row.door), (CertificateState::Issued, None, Door::System));
        assert_eq!((row.authority, row.owner.as_str()), (Some(authority), "system"));
    }
    let events: Vec<_> = rows.audit.iter().map(|entry| (entry.event, entry.certificate)).collect();
    assert_eq!(
        events[..3],
        [
            (Event::CertificateIssue, Some(*root_id)),
            (Event::CertificateIssue, Some(*issuing_id)),
            (Event::AuthorityCreate, None)
        ]
    );
    assert_eq!(rows.keys.len(), 2);
}

#[tokio::test]
async fn several_authorities_stand_side_by_side() {
    let house = House::new();
    let node = house.node().await;
    let first = default_authority(&node).await;
    let branch =
        create(&node, NewAuthorityRequest { root: Root::Of(first), ..NewAuthorityRequest::named("branch") }).await;
    let alone = create(&node, NewAuthorityRequest::named("alone")).await;
    let names: Vec<_> = node.instances().iter().map(|instance| instance.name.clone()).collect();
    assert_eq!(names, ["alone", "branch", "default"]);
    let root = |id| node.instance(id).expect("is there").chain[1].0;
    assert_eq!(root(first), root(branch));
    assert_ne!(root(first), root(alone));
    let subject = node.instance(branch).expect("is there").issuer().1.subject().to_string();
    assert!(subject.starts_with("CN=Chancery Issuing CA branch "), "{subject}");
}

#[tokio::test]
async fn refuses_what_does_not_fit() {
    let house = House::new();
    let node = house.node().await;
    let first = default_authority(&node).await;
    let system = Actor::system();
    let make =
        async |actor: &Actor, request| node.create(actor, &Origin::system(), request).await.expect_err("refuses");
    let named = NewAuthorityRequest::named;

    let error = make(&system, named("default")).await;
    assert!(matches!(&error, Error::Conflict(why) if why.contains("authority with this name")), "{error}");
    let long = "x".repeat(65);
    for name in ["", " padded", "a\nb", &long] {
        assert!(matches!(make(&system, named(name)).await, Error::Rejected(_)), "{name:?}");
    }
    let request = NewAuthorityRequest { root: Root::Of(Uuid::nil()), ..named("lost") };
    assert!(matches!(make(&system, request).await, Error::NotFound { what: "authority", .. }));
    let issuing = CaSpec { lifetime: Duration::days(7306), ..CaSpec::issuing() };
    for root in [Root::New(CaSpec::root()), Root::Of(first)] {
        let request = NewAuthorityRequest { root, issuing: issuing.clone(), ..named("long") };
        let error = make(&system, request).await;
        assert!(matches!(&error, Error::Rejected(all) if all[0].to_string().contains("after its root")), "{error}");
    }
    let same = CaSpec { subject: Some("CN=Same".parse().expect("is a name")), ..CaSpec::root() };
    let request = NewAuthorityRequest { root: Root::New(same.clone()), issuing: same, ..named("same") };
    assert!(matches!(make(&system, request).await, Error::Rejected(_)));
    for lifetime in [Duration::ZERO, Duration::days(-1), Duration::days(4_000_000), Duration::MAX] {
        let request = NewAuthorityRequest { root: Root::New(CaSpec { lifetime, ..CaSpec::root() }), ..named("odd") };
        assert!(matches!(make(&system, request).await, Error::Rejected(_)), "{lifetime}");
    }
    let operator = Actor { role: Role::Operator, ..system.clone() };
    let bounded = Actor { scope: Scope::Profiles(BTreeSet::new()), ..system };
    for actor in [operator, bounded] {
        assert!(matches!(make(&actor, named("mine")).await, Error::Forbidden(_)));
    }
    let rows = house.store.rows.lock().expect("free");
    assert_eq!((rows.authorities.len(), rows.issuers.len(), rows.keys.len()), (1, 2, 2));
}

#[tokio::test]
async fn a_database_that_is_away_keeps_nothing() {
    let house = House::new();
    let node = house.node().await;
    house.store.away.store(true, std::sync::atomic::Ordering::Relaxed);
    let request = NewAuthorityRequest::named("default");
    let error = node.create(&Actor::system(), &Origin::system(), request).await.expect_err("cannot");
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(node.instances().is_empty());
}

#[test]
fn long_names_still_give_a_common_name() {
    let name = "a".repeat(64);
    assert_eq!(default_subject("Issuing", &name, "3f9a1c").expect("fits").to_string(), "CN=Chancery Issuing CA 3f9a1c");
    assert_eq!(default_subject("Root", "lab", "3f9a1c").expect("fits").to_string(), "CN=Chancery Root CA lab 3f9a1c");
}

proptest! {
    #[test]
    fn a_lifetime_is_whole_seconds_and_as_long_as_asked(now in 0_i64..4_000_000_000, nanos in 0_u32..1_000_000_000, days in 1_i64..40_000) {
        let now = OffsetDateTime::from_unix_timestamp(now).expect("in range").replace_nanosecond(nanos).expect("in range");
        let validity = lifetime(now, Duration::days(days)).expect("fits");
        let whole = now.replace_nanosecond(0).expect("in range");
        prop_assert_eq!(validity.not_before, whole - BACKDATE);
        prop_assert_eq!(validity.not_after - whole + Duration::SECOND, Duration::days(days));
    }

    #[test]
    fn never_outside_of_the_root(a in 0_i64..8_000_000_000, days in 1_i64..9_000, root in 0_i64..4_000_000_000, lives in 1_i64..1_000_000_000) {
        let at = |second| OffsetDateTime::from_unix_timestamp(second).expect("in range");
        let root = Validity { not_before: at(root), not_after: at(root + lives) };
        let asked = lifetime(at(a), Duration::days(days)).expect("fits");
        match under(asked, root) {
            Ok(validity) => prop_assert!(validity.not_before >= root.not_before && validity.not_after <= root.not_after),
            Err(_) => prop_assert!(asked.not_after > root.not_after),
        }
    }
}
