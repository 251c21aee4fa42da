//! What a message must be (RFC 8894 section 3.2), and that nothing else reaches what issues.

use chancery_core::Error;
use chancery_pki::cms::{Attribute, DigestAlgorithm};
use chancery_scep::oid;

use crate::house::{House, Message, STATIC, csr, rsa};

#[tokio::test(flavor = "multi_thread")]
async fn cve_2026_30836_of_all_message_types_two_reach_issuance() {
    let house = House::with_static().await;
    house.set(|settings| settings.failures_per_minute = 0).await;
    let key = rsa();
    let ra = house.ra_certificates("device").await;
    for challenge in [None, Some(STATIC)] {
        let asked = csr(&key, "CN=dev-1", &[], challenge);
        for kind in 0..=256 {
            let mut message = Message::enrol(&key, &asked);
            message.kind = kind.to_string();
            message.challenge = challenge.map(Into::into);
            let bytes = message.build(&ra);
            let answer = house.bytes(&bytes, &message).await;
            match (kind, challenge) {
                (19, Some(_)) => drop(answer.certificate().clone()),
                // Type 17 needs a certificate of ours.
                (17, _) => drop(answer.refused("badMessageCheck").to_owned()),
                (20, _) => drop(answer.refused("badCertId").to_owned()),
                _ => drop(answer.refused("badRequest").to_owned()),
            }
        }
    }
    assert_eq!(house.issued().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sc_06_message_types_have_one_form() {
    let house = House::with_static().await;
    let key = rsa();
    for kind in ["", "019", "19 ", "20x", "PKCSReq"] {
        let mut message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
        message.kind = kind.into();
        house.send(&message).await.refused("badRequest");
    }
    assert!(house.issued().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_2_1_every_request_has_its_attributes_once() {
    let house = House::with_static().await;
    let key = rsa();
    let base = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    for kind in [oid::MESSAGE_TYPE, oid::TRANSACTION_ID, oid::SENDER_NONCE] {
        let without = Message { leave_out: vec![kind], ..base.clone() };
        house.send(&without).await.refused("badRequest");
    }
    let twice = Message { more: vec![Attribute::printable(oid::MESSAGE_TYPE, "19")], ..base.clone() };
    house.send(&twice).await.refused("badRequest");
    for transaction in [vec![], b"with\nnew line".to_vec(), vec![b'a'; 256], vec![0x80, 0xff]] {
        let mut message = Message { transaction, ..base.clone() };
        message.leave_out = vec![];
        let bytes = message.build(&house.ra_certificates("device").await);
        let read = Message { leave_out: vec![oid::TRANSACTION_ID], ..message };
        house.bytes(&bytes, &read).await.refused("badRequest");
    }
    for nonce in [vec![], vec![1; 65], vec![1; 1024]] {
        let message = Message { nonce, ..base.clone() };
        house.send(&message).await.refused("badRequest");
    }
    assert!(house.issued().await.is_empty());
    for nonce in [vec![1; 8], vec![2; 16], vec![3; 64]] {
        let message = Message { nonce, ..base.clone() };
        house.send(&message).await.certificate();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_2_1_1_a_transaction_id_of_another_string_type_comes_back_as_it_was() {
    let house = House::with_static().await;
    let key = rsa();
    let mut message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    message.leave_out = vec![oid::TRANSACTION_ID];
    message.more = vec![Attribute::utf8(oid::TRANSACTION_ID, "Vorgang Nr. 1 – ä")];
    house.send(&message).await.certificate();
}

#[tokio::test(flavor = "multi_thread")]
async fn dogtag_a_message_that_was_altered_is_refused() {
    let house = House::with_static().await;
    house.set(|settings| settings.failures_per_minute = 0).await;
    let key = rsa();
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    let envelope = message.envelope(&house.ra_certificates("device").await).unwrap();
    let bytes = message.sign(Some(&envelope));
    // All that the signature covers, and itself; the certificate that the device made covers itself.
    let content = bytes.windows(envelope.len()).position(|window| window == envelope).unwrap();
    let signed = bytes.len() - 256 - 150;
    let mut refused = 0;
    for at in (content..content + envelope.len()).step_by(37).chain((signed..bytes.len()).step_by(13)) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        if house.raw("device", &altered).await.is_ok() {
            refused += 1;
        }
        assert!(house.issued().await.is_empty(), "a message altered at {at} was issued to");
    }
    assert!(refused > 10);
    house.bytes(&bytes, &message).await.certificate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_under_anothers_signature_is_refused() {
    let house = House::with_static().await;
    let (key, thief) = (rsa(), rsa());
    // The victim's request, encrypted, under the thief's signature: the request is not the thief's.
    let stolen = Message::enrol(&thief, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    let answer = house.send(&stolen).await;
    assert!(answer.refused("badRequest").contains("another key"));
    house.set(|settings| settings.require_signer_key = false).await;
    house.send(&stolen).await.certificate();
}

#[tokio::test(flavor = "multi_thread")]
async fn sc_14_a_digest_of_another_content_is_bad_message_check() {
    let house = House::with_static().await;
    let key = rsa();
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    let ra = house.ra_certificates("device").await;
    let (one, other) = (message.envelope(&ra).unwrap(), message.envelope(&ra).unwrap());
    let mut signed = message.sign(Some(&one));
    let at = signed.windows(one.len()).position(|window| window == one).unwrap();
    signed[at..at + one.len()].copy_from_slice(&other);
    house.bytes(&signed, &message).await.refused("badMessageCheck");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_malformed() {
    let house = House::new().await;
    for bytes in [&b""[..], b"hello", &[0x30, 0x80], &[0x30; 70_000], &[0x24, 0x80, 0, 0]] {
        let error = house.raw("device", bytes).await.unwrap_err();
        assert!(matches!(error, Error::Malformed(_)), "{error:?}");
    }
    assert!(!house.told("access.denied").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn sc_17_a_message_for_somebody_else_is_refused() {
    let house = House::with_static().await;
    let key = rsa();
    let other = rsa();
    let mut message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    message.recipient = Some(crate::house::self_signed(&other, "CN=SCEP RA encryption default"));
    house.send(&message).await.refused("badRequest");
    let without = Message { content: None, ..message };
    house.send(&without).await.refused("badRequest");
}

#[tokio::test(flavor = "multi_thread")]
async fn omnitrust_1887_nothing_that_is_missing_inside_breaks_the_door() {
    let house = House::with_static().await;
    let key = rsa();
    for content in [vec![], vec![0x30, 0], b"no request".to_vec()] {
        for kind in ["17", "19", "20", "21", "22"] {
            let mut message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
            (message.kind, message.content) = (kind.into(), Some(content.clone()));
            assert_eq!(house.send(&message).await.status, "2");
        }
    }
    let digest = Message { digest: DigestAlgorithm::Sha512, ..Message::enrol(&key, &csr(&key, "CN=a", &[], None)) };
    house.send(&digest).await.refused("badRequest");
}
