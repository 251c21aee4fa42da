//! The built-in authority over the real store: made, revoked from, started again.

use std::path::Path;
use std::sync::Arc;

use chancery_authority::{
    BuiltInAuthority, Config, Cost, NewAuthorityRequest, Ports, Root, Schedule, SoftwareKeys, Vault,
};
use chancery_core::audit::{Event, Telling};
use chancery_core::port::{AuditStore, Authority, InventoryStore, RevokeRecord};
use chancery_core::{Actor, Clock, ManualClock, Origin, SystemRng};
use chancery_pki::{Crl, RevocationReason};
use chancery_store::{Store, StoreOptions};
use time::macros::datetime;
use uuid::Uuid;

const NODE: Uuid = Uuid::from_u128(1);

async fn start(folder: &Path, clock: &Arc<ManualClock>, passphrase: &str) -> (Store, BuiltInAuthority) {
    let url = format!("sqlite://{}", folder.join("chancery.db").display());
    Store::migrate(&url).await.expect("migrates");
    let store = Store::open(StoreOptions::new(url, NODE)).await.expect("opens");
    let ports = |keys| Ports {
        store: Arc::new(store.clone()),
        leases: Arc::new(store.clone()),
        keys: Arc::new(keys),
        clock: clock.clone(),
        rng: Arc::new(SystemRng),
    };
    let cheap = Cost { memory: 64, passes: 1, lanes: 1 };
    let vault = Vault::open_at(&store, passphrase.into(), Arc::new(SystemRng), cheap).await.expect("opens");
    let keys = SoftwareKeys::new(Arc::new(store.clone()), vault, clock.clone(), Arc::new(SystemRng));
    let config = Config { status_url: "http://ca.example:8080".into(), node: NODE, crl: Schedule::default(), cores: 1 };
    let authority = BuiltInAuthority::open(ports(keys), config).await.expect("loads");
    (store, authority)
}

#[tokio::test]
async fn a_revoked_ca_is_on_its_roots_crl_before_and_after_a_restart() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let clock = Arc::new(ManualClock::at(datetime!(2026-11-24 12:00 UTC)));
    let (actor, origin) = (Actor::system(), Origin::system());
    let (store, node) = start(folder.path(), &clock, "correct horse").await;
    let first = node.create(&actor, &origin, NewAuthorityRequest::named("default")).await.expect("makes");
    let request = NewAuthorityRequest { root: Root::Of(first.id), ..NewAuthorityRequest::named("branch") };
    let branch = node.create(&actor, &origin, request).await.expect("makes");
    let taken =
        node.create(&actor, &origin, NewAuthorityRequest::named("branch")).await.expect_err("the name is taken");
    assert!(taken.to_string().contains("authority with this name"), "{taken}");

    let ((id, ca), (root, _)) = (branch.issuer().clone(), first.chain[1].clone());
    let stored = store.certificate(id).await.expect("answers").expect("is in the inventory");
    assert_eq!((stored.issuer, stored.certificate.as_deref()), (Some(root), Some(ca.der())));
    assert_eq!(store.untold_certificates().await.expect("answers"), 0);

    clock.advance(time::Duration::minutes(1));
    let now = clock.now();
    let revocation = RevokeRecord {
        certificate: id,
        at: now,
        reason: RevocationReason::CaCompromise,
        invalidity_date: None,
        attributes: Vec::new(),
        block_key: None,
        audit: Telling::success(&actor, &origin, Event::CertificateRevoke).certificate(id).at(now),
        approval: None,
        alongside: None,
    };
    store.revoke(revocation).await.expect("revokes");
    node.tend_crls().await.expect("makes");
    let made = node.current_crl(root).expect("is there");
    let crl = Crl::from_der(&made.der).expect("parses");
    let entry = crl.entries().next().expect("one entry");
    assert_eq!(
        (&entry.serial, entry.revoked_at, entry.reason),
        (ca.serial(), now, Some(RevocationReason::CaCompromise))
    );
    assert_eq!(node.current_crl(id).map(|crl| crl.revocations), Some(0));

    drop((store, node));
    let (store, again) = start(folder.path(), &clock, "correct horse").await;
    assert_eq!(again.instances().len(), 2);
    assert_eq!(again.current_crl(root), Some(made.clone()));
    again.tend_crls().await.expect("nothing to do");
    assert_eq!(again.current_crl(root), Some(made));
    let wrong = Vault::open(&store, "wrong horse".into(), Arc::new(SystemRng)).await.expect_err("does not fit");
    assert!(wrong.to_string().contains("the passphrase does not open"), "{wrong}");
}
