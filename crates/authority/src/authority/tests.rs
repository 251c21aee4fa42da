use super::*;
use crate::testkit::{House, START, create, default_authority, leaf};
use crate::{NewAuthorityRequest, Root};
use chancery_core::SystemRng;

#[tokio::test]
async fn an_empty_database_has_no_authority() {
    let node = House::new().node().await;
    assert!(node.instances().is_empty());
    assert!(node.instance(Uuid::nil()).is_none() && node.chain(Uuid::nil()).is_none());
}

#[tokio::test]
async fn a_restart_finds_everything_again() {
    let house = House::new();
    let before = house.node().await;
    let authority = default_authority(&before).await;
    let after = house.node().await;
    assert_eq!(after.instances().len(), 1);
    let issuer = after.instance(authority).expect("is there").issuer().0;
    assert_eq!(after.current_crl(issuer), before.current_crl(issuer));
    let (_, certificate) = after.sign(authority, leaf(START)).await.expect("signs");
    let ca = &before.instance(authority).expect("is there").chain[0].1;
    certificate.verify_signed_by(ca.public_key()).expect("the key is the same");
}

#[tokio::test]
async fn what_another_node_makes_shows_after_a_reload() {
    let house = House::new();
    let (one, other) = (house.node().await, house.node().await);
    let authority = default_authority(&one).await;
    assert!(other.instance(authority).is_none());
    other.reload().await.expect("reloads");
    assert!(other.instance(authority).is_some());
    create(&other, NewAuthorityRequest { root: Root::Of(authority), ..NewAuthorityRequest::named("branch") }).await;
    one.tend_crls().await.expect("a round of CRLs reloads too");
    assert_eq!(one.instances().len(), 2);
}

#[tokio::test]
async fn refuses_a_database_whose_keys_do_not_fit() {
    let house = House::new();
    default_authority(&house.node().await).await;
    let load = async || house.node_with(Arc::new(SystemRng)).await.err().expect("does not load").to_string();
    let change = |with: &dyn Fn(&mut crate::testkit::Rows)| with(&mut house.store.rows.lock().expect("free"));

    let keys = house.store.rows.lock().expect("free").keys.clone();
    change(&|rows| rows.keys[1].wrapped = keys[0].wrapped.clone());
    assert!(load().await.contains("was altered, belongs to another id"), "{}", load().await);
    change(&|rows| rows.keys.clone_from(&keys));

    let issuers = house.store.rows.lock().expect("free").issuers.clone();
    change(&|rows| rows.issuers[1].key = keys[0].id);
    assert!(load().await.contains("is not the key that CA certificate"), "{}", load().await);
    change(&|rows| rows.issuers[1].key = Uuid::nil());
    assert!(load().await.contains("is not in this database"), "{}", load().await);
    change(&|rows| rows.issuers.clone_from(&issuers));
    change(&|rows| rows.issuers[1].certificate.truncate(100));
    assert!(load().await.contains("cannot be read"), "{}", load().await);
    change(&|rows| rows.issuers.clone_from(&issuers));
    change(&|rows| drop(rows.issuers.remove(0)));
    assert!(load().await.contains("has no whole chain"), "{}", load().await);
    change(&|rows| rows.issuers.clone_from(&issuers));
    house.node().await;
}
