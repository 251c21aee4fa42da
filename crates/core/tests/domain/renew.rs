//! The one renewal rule, as REST asks it.

use chancery_core::{Error, Rejection, RevokeRequest, Scope};
use chancery_pki::RevocationReason;
use time::Duration;

use crate::bench::{Bench, csr, issued, key, only, origin, request, requester, rules};

fn renewal(rules: &[Rejection]) -> bool {
    matches!(rules, [Rejection::Renewal(_)])
}

#[tokio::test(flavor = "multi_thread")]
async fn renew_keeps_the_key_and_rekey_changes_it() {
    let bench = Bench::new().await;
    let (own, other) = (key(), key());
    let asked = csr(&own, "a.example", &["a.example"]);
    let old = bench.issue("tls-server", &asked).await.unwrap();
    let may = || bench.may("tls-server");
    let renewed = issued(bench.ra.renew(may().await, old.id, None).await).unwrap();
    assert_eq!((renewed.predecessor, renewed.key_hash), (Some(old.id), old.key_hash));
    assert_ne!(renewed.serial, old.serial);
    issued(bench.ra.renew(may().await, old.id, Some(asked.clone())).await).unwrap();
    let rekeyed = csr(&other, "a.example", &["a.example"]);
    assert!(renewal(&rules(bench.ra.renew(may().await, old.id, Some(rekeyed.clone())).await)));
    assert!(renewal(&rules(bench.ra.rekey(may().await, old.id, asked).await)));
    let rekeyed = issued(bench.ra.rekey(may().await, old.id, rekeyed).await).unwrap();
    assert_ne!(rekeyed.key_hash, old.key_hash);
    let successors = bench.ra.successors(&requester(Scope::All), &origin(), old.id).await.unwrap();
    assert_eq!(successors.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subject_stays() {
    let bench = Bench::new().await;
    let own = key();
    let old = bench.issue("tls-client", &csr(&own, "Alice", &[])).await.unwrap();
    let may = || bench.may("tls-client");
    assert!(renewal(&rules(bench.ra.rekey(may().await, old.id, csr(&key(), "Bob", &[])).await)));
    assert!(renewal(&rules(bench.ra.renew(may().await, old.id, Some(csr(&own, "Bob", &[]))).await)));
    issued(bench.ra.rekey(may().await, old.id, csr(&key(), "ALICE", &[])).await).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_renewed_and_a_revoked_one_never() {
    let bench = Bench::new().await;
    let old = bench.issue("tls-server", &csr(&key(), "a.example", &["a.example"])).await.unwrap();
    bench.clock.advance(Duration::days(200));
    issued(bench.ra.renew(bench.may("tls-server").await, old.id, None).await).unwrap();
    let reason = RevocationReason::Superseded;
    let revocation = RevokeRequest { reason, attributes: vec![], alongside: None };
    bench.ra.revoke(bench.may("tls-server").await, old.id, revocation).await.unwrap();
    let refused = rules(bench.ra.renew(bench.may("tls-server").await, old.id, None).await);
    assert!(matches!(&refused[..], [Rejection::State(_)]), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_profile_in_the_path_is_refused_and_another_scope_not_found() {
    let bench = Bench::new().await;
    let old = bench.issue("tls-server", &csr(&key(), "a.example", &["a.example"])).await.unwrap();
    let refused = rules(bench.ra.renew(bench.may("device").await, old.id, None).await);
    assert!(matches!(&refused[..], [Rejection::State(_)]), "{refused:?}");
    let device = bench.profile("device").await;
    let reference = chancery_core::ProfileRef::Id(device.id);
    let limited = bench.ra.authorize(&requester(only(&device)), &origin(), &reference).await.unwrap();
    let hidden = bench.ra.renew(limited, old.id, None).await;
    assert!(matches!(hidden, Err(Error::NotFound { .. })), "{hidden:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_enrols_again_with_either_key_and_the_same_names() {
    let bench = Bench::new().await;
    let own = key();
    let old = bench.issue("tls-server", &csr(&own, "a.example", &["a.example", "b.example"])).await.unwrap();
    let may = || bench.may("tls-server");
    let again = csr(&own, "a.example", &["b.example", "a.example"]);
    let renewed = issued(bench.ra.reenrol(may().await, old.id, request(&again)).await).unwrap();
    assert_eq!((renewed.predecessor, renewed.key_hash), (Some(old.id), old.key_hash));
    let rekeyed = csr(&key(), "a.example", &["a.example", "b.example"]);
    let rekeyed = issued(bench.ra.reenrol(may().await, old.id, request(&rekeyed)).await).unwrap();
    assert_ne!(rekeyed.key_hash, old.key_hash);
    for names in [&["a.example"][..], &["a.example", "b.example", "c.example"]] {
        let refused = bench.ra.reenrol(may().await, old.id, request(&csr(&own, "a.example", names))).await;
        assert!(renewal(&rules(refused)), "{names:?}");
    }
    assert_eq!(bench.told("certificate.rekey").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_enrols_again_with_a_certificate_out_of_time_or_revoked() {
    let bench = Bench::new().await;
    let own = key();
    let asked = csr(&own, "a.example", &["a.example"]);
    let old = bench.issue("tls-server", &asked).await.unwrap();
    let revoked = bench.issue("tls-server", &asked).await.unwrap();
    let revocation = RevokeRequest { reason: RevocationReason::Superseded, attributes: vec![], alongside: None };
    bench.ra.revoke(bench.may("tls-server").await, revoked.id, revocation).await.unwrap();
    let refused = rules(bench.ra.reenrol(bench.may("tls-server").await, revoked.id, request(&asked)).await);
    assert!(matches!(&refused[..], [Rejection::State(_)]), "{refused:?}");
    bench.clock.advance(Duration::days(200));
    assert!(renewal(&rules(bench.ra.reenrol(bench.may("tls-server").await, old.id, request(&asked)).await)));
    bench.clock.advance(Duration::days(-400));
    assert!(renewal(&rules(bench.ra.reenrol(bench.may("tls-server").await, old.id, request(&asked)).await)));
}
