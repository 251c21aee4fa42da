//! RenewalReq, and the older renewal by PKCSReq (RFC 8894 sections 2.3 and 3.3.1.2).

use chancery_core::{Actor, Origin, ProfileRef, RevokeRequest};
use chancery_pki::{Certificate, PrivateKey, RevocationReason};

use crate::house::{House, Message, STATIC, csr, rsa, self_signed};

async fn enrolled(house: &House, key: &PrivateKey, subject: &str) -> Certificate {
    let message = Message::enrol(key, &csr(key, subject, &["dns:dev-1.example"], Some(STATIC)));
    house.send(&message).await.certificate().clone()
}

fn renewal<'a>(kind: &str, key: &'a PrivateKey, old: &Certificate, new: &PrivateKey, subject: &str) -> Message<'a> {
    let asked = csr(new, subject, &["dns:dev-1.example"], None);
    Message::new(kind, key, old, Some(asked.der().to_vec()))
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_3_1_2_a_certificate_renews_itself_with_either_key() {
    let house = House::with_static().await;
    let (key, other) = (rsa(), rsa());
    let old = enrolled(&house, &key, "CN=dev-1").await;
    for kind in ["17", "19"] {
        for new in [&key, &other] {
            let renewed = house.send(&renewal(kind, &key, &old, new, "CN=dev-1")).await;
            let renewed = house.record(renewed.certificate()).await;
            assert_eq!(renewed.predecessor, Some(house.record(&old).await.id));
        }
    }
    assert_eq!(house.told("certificate.renew").await.len(), 2);
    assert_eq!(house.told("certificate.rekey").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sscep_189_a_renewal_under_the_same_transaction_is_no_repeat_of_the_enrolment() {
    let house = House::with_static().await;
    let key = rsa();
    let asked = csr(&key, "CN=dev-1", &["dns:dev-1.example"], Some(STATIC));
    let first = Message::enrol(&key, &asked);
    let old = house.send(&first).await.certificate().clone();
    let again = Message {
        transaction: first.transaction.clone(),
        ..Message::new("17", &key, &old, Some(asked.der().to_vec()))
    };
    let new = house.send(&again).await.certificate().clone();
    assert_ne!(new, old);
    assert_eq!(*house.send(&again).await.certificate(), new, "and a repeat of itself is one");
    assert_eq!(house.issued().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn micromdm_117_nobody_renews_with_a_certificate_that_does_not_count() {
    let house = House::with_static().await;
    house.activate("tls-client").await;
    let (key, new) = (rsa(), rsa());
    let mine = self_signed(&key, "CN=dev-1");
    let why = house.send(&renewal("17", &key, &mine, &new, "CN=dev-1")).await.refused("badMessageCheck").to_owned();

    let old = enrolled(&house, &key, "CN=dev-1").await;
    // Another RA profile's door.
    let answer = house.send_to("tls-client", &renewal("17", &key, &old, &new, "CN=dev-1")).await;
    assert_eq!(answer.refused("badMessageCheck"), why);
    // Another's certificate without its key.
    let stolen = house.send(&renewal("17", &new, &old, &new, "CN=dev-1")).await;
    stolen.refused("badMessageCheck");

    let may =
        house.ra.authorize(&Actor::system(), &Origin::system(), &ProfileRef::Name("device".into())).await.unwrap();
    let revocation = RevokeRequest { reason: RevocationReason::Superseded, attributes: vec![], alongside: None };
    house.ra.revoke(may, house.record(&old).await.id, revocation).await.unwrap();
    assert_eq!(house.send(&renewal("17", &key, &old, &new, "CN=dev-1")).await.refused("badMessageCheck"), why);
    assert_eq!(house.send(&renewal("19", &key, &old, &key, "CN=dev-1")).await.status, "2");

    let old = enrolled(&house, &new, "CN=dev-2").await;
    house.days(400);
    let answer = house.send(&renewal("17", &new, &old, &key, "CN=dev-2")).await;
    assert_eq!(answer.refused("badMessageCheck"), why, "nobody learns what was wrong");
    assert_eq!(house.issued().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sc_23_a_renewal_keeps_subject_and_names() {
    let house = House::with_static().await;
    let key = rsa();
    let old = enrolled(&house, &key, "CN=dev-1").await;
    house.send(&renewal("17", &key, &old, &key, "CN=bank")).await.refused("badRequest");
    let names = csr(&key, "CN=dev-1", &["dns:bank.example"], None);
    house.send(&Message::new("17", &key, &old, Some(names.der().to_vec()))).await.refused("badRequest");
    // Type 19 with another subject is no renewal, and needs a challenge.
    house.send(&renewal("19", &key, &old, &key, "CN=bank")).await.refused("badRequest");
    assert_eq!(house.issued().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sc_24_a_renewal_before_its_window_is_bad_time() {
    let house = House::with_static().await;
    house.set(|settings| settings.renewal_threshold = Some(30)).await;
    let key = rsa();
    let old = enrolled(&house, &key, "CN=dev-1").await;
    house.send(&renewal("17", &key, &old, &key, "CN=dev-1")).await.refused("badTime");
    house.days(340);
    house.send(&renewal("17", &key, &old, &key, "CN=dev-1")).await.certificate();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_enrols_anew_with_a_challenge() {
    let house = House::with_static().await;
    let key = rsa();
    let old = enrolled(&house, &key, "CN=dev-1").await;
    house.days(400);
    let asked = csr(&key, "CN=dev-1", &["dns:dev-1.example"], Some(STATIC));
    house.send(&Message::new("19", &key, &old, Some(asked.der().to_vec()))).await.certificate();
}
