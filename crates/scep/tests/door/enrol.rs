//! PKCSReq (RFC 8894 sections 3.3.1 and 4.3), its outcomes and its repeats.

use chancery_core::CertificateState;
use chancery_pki::cms::{ContentCipher, DigestAlgorithm, KeyTransport};
use chancery_pki::{Certificate, KeyType, PrivateKey};
use chancery_scep::{DoorPath, FailInfo};

use crate::house::{House, Message, STATIC, csr, rsa};

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_3_1_a_request_with_a_challenge_is_issued() {
    let house = House::new().await;
    let key = rsa();
    let challenge = house.challenge().await;
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &["dns:dev-1.example"], Some(&challenge)));
    let answer = house.send(&message).await;
    let certificate = answer.certificate();
    assert_eq!(certificate.public_key(), key.public_key());
    assert_eq!(certificate.subject_alt_names().len(), 1);
    let record = house.record(certificate).await;
    assert_eq!((record.state, record.door.as_str()), (CertificateState::Issued, "scep"));
    let told = house.told("certificate.issue").await;
    assert!(told.iter().any(|body| body.contains("PKCSReq") && body.contains("scep-challenge:")), "{told:?}");
    assert!(!told.iter().any(|body| body.contains(&challenge)), "the trail has the challenge");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_2_1_an_answer_has_a_nonce_of_its_own_and_one_recipient() {
    let house = House::with_static().await;
    let key = rsa();
    let mut message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    message.nonce = vec![1, 2, 3, 4, 5, 6, 7, 8];
    // Others' certificates in the message: answers of others go to the first, or to all.
    message.strangers = vec![crate::house::self_signed(&rsa(), "CN=stranger")];
    let answer = house.send(&message).await;
    answer.certificate();
    assert_eq!(answer.sender_nonce.len(), 16);
    assert_ne!(answer.sender_nonce, message.nonce);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_2_9_answers_mirror_the_request_within_what_is_allowed() {
    let house = House::with_static().await;
    let key = rsa();
    let mut message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    for (cipher, transport, digest) in [
        (ContentCipher::Aes128Cbc, KeyTransport::RsaPkcs1, DigestAlgorithm::Sha256),
        (ContentCipher::Aes192Cbc, KeyTransport::RsaPkcs1, DigestAlgorithm::Sha384),
        (ContentCipher::Aes256Cbc, KeyTransport::RsaOaep(DigestAlgorithm::Sha256), DigestAlgorithm::Sha512),
        (ContentCipher::Aes128Gcm, KeyTransport::RsaOaep(DigestAlgorithm::Sha1), DigestAlgorithm::Sha256),
        (ContentCipher::Aes256Gcm, KeyTransport::RsaPkcs1, DigestAlgorithm::Sha256),
    ] {
        (message.cipher, message.transport, message.digest) = (cipher, transport, digest);
        let answer = house.send(&message).await;
        answer.certificate();
        assert_eq!((answer.cipher, answer.transport, answer.digest), (Some(cipher), Some(transport), digest));
    }
    assert_eq!(house.issued().await.len(), 1, "each was the same request again");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_2_9_triple_des_is_read_under_the_legacy_switch_alone() {
    let house = House::with_static().await;
    let key = rsa();
    let mut message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    message.cipher = ContentCipher::TripleDesCbc;
    house.send(&message).await.refused("badAlg");
    house.set(|settings| settings.legacy = true).await;
    let answer = house.send(&message).await;
    answer.certificate();
    assert_eq!(answer.cipher, Some(ContentCipher::TripleDesCbc));
    assert_eq!(answer.digest, DigestAlgorithm::Sha256);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_2_1_1_the_same_request_again_has_the_same_outcome() {
    let house = House::new().await;
    let key = rsa();
    let challenge = house.challenge().await;
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(&challenge)));
    let first = house.send(&message).await.certificate().clone();
    let again = Message { nonce: vec![9; 16], ..message.clone() };
    assert_eq!(*house.send(&again).await.certificate(), first);
    assert_eq!(house.issued().await.len(), 1);
    // The very same bytes, replayed.
    let bytes = message.build(&house.ra_certificates("device").await);
    assert_eq!(*house.bytes(&bytes, &message).await.certificate(), first);
    assert_eq!(*house.bytes(&bytes, &message).await.certificate(), first);
    assert_eq!(house.issued().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_2_1_1_another_request_under_the_same_transaction_is_refused() {
    let house = House::with_static().await;
    let key = rsa();
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    house.send(&message).await.certificate();
    let other = csr(&key, "CN=dev-2", &[], Some(STATIC));
    let other = Message { transaction: message.transaction.clone(), ..Message::enrol(&key, &other) };
    house.send(&other).await.refused("badRequest");
    let thief = rsa();
    let stolen = csr(&thief, "CN=dev-1", &[], Some(STATIC));
    let stolen = Message { transaction: message.transaction.clone(), ..Message::enrol(&thief, &stolen) };
    house.send(&stolen).await.refused("badRequest");
    assert_eq!(house.issued().await.len(), 1);
    // It is another transaction at another door.
    house.activate("tls-client").await;
    let elsewhere = house.send_to("tls-client", &other).await;
    elsewhere.certificate();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_whose_certificate_is_over_makes_room_for_the_next() {
    // sscep's and micromdm's transactionID is the hash of the key.
    let house = House::with_static().await;
    let key = rsa();
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    house.send(&message).await.certificate();
    house.days(400);
    let next = csr(&key, "CN=dev-1", &["dns:dev-1.example"], Some(STATIC));
    let next = Message { transaction: message.transaction.clone(), ..Message::enrol(&key, &next) };
    house.send(&next).await.certificate();
    assert_eq!(house.issued().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_1_a_key_that_nothing_can_be_encrypted_to_is_answered_by_the_challenge() {
    let house = House::new().await;
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let challenge = house.challenge().await;
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(&challenge)));
    let answer = house.send(&message).await;
    answer.certificate();
    assert!(answer.by_password);
    // Without one it is refused before anything is issued.
    let without = Message::enrol(&key, &csr(&key, "CN=dev-2", &[], None));
    house.send(&without).await.refused("badAlg");
    assert_eq!(house.issued().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_3_2_the_answer_has_the_ca_where_the_profile_says_so() {
    let house = House::with_static().await;
    let key = rsa();
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    let certificates = house.send(&message).await.certificates;
    assert_eq!(certificates.len(), 1);
    house.set(|settings| settings.include_ca = true).await;
    assert_eq!(house.send(&message).await.certificates.len(), 2);
    house.set(|settings| settings.include_ca_chain = true).await;
    let all = house.send(&message).await.certificates;
    assert_eq!((all.len(), &all[0]), (3, &certificates[0]), "the device's certificate stands first");
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_3_5_2_capabilities_say_what_is_served() {
    let house = House::new().await;
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let plain = lines(house.scep.capabilities(&*house.door("device").await));
    for word in ["AES", "POSTPKIOperation", "Renewal", "SHA-256", "SHA-384", "SHA-512", "SCEPStandard"] {
        assert!(plain.contains(&word.to_owned()), "{word}");
    }
    for word in ["DES", "DES3", "MD5", "SHA-1", "GetNextCACert"] {
        assert!(!plain.contains(&word.to_owned()), "{word}");
    }
    house.set(|settings| settings.legacy = true).await;
    let legacy = lines(house.scep.capabilities(&*house.door("device").await));
    assert!(legacy.contains(&"DES3".to_owned()) && legacy.contains(&"SHA-1".to_owned()));
    assert!(!legacy.contains(&"DES".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8894_4_2_1_ca_certificates_stand_in_the_order_that_clients_expect() {
    let house = House::new().await;
    let all = house.ra_certificates("device").await;
    let [encryption, signing, issuing, root] = &all[..] else { panic!("{} certificates", all.len()) };
    use chancery_pki::KeyUsage;
    assert_eq!(encryption.key_usage(), Some(KeyUsage::KEY_ENCIPHERMENT));
    assert_eq!(signing.key_usage(), Some(KeyUsage::DIGITAL_SIGNATURE));
    assert!(!encryption.is_ca() && !signing.is_ca() && issuing.is_ca() && root.is_ca());
    assert!(encryption.verify_signed_by(issuing.public_key()).is_ok());
    assert!(issuing.verify_signed_by(root.public_key()).is_ok());
    assert_eq!(encryption.public_key().bits(), 2048);
    house.set(|settings| settings.root_in_ca_certificates = false).await;
    assert_eq!(house.ra_certificates("device").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ras_certificates_are_renewed_and_earlier_keys_still_decrypt() {
    let house = House::with_static().await;
    let before = house.ra_certificates("device").await;
    house.days(300);
    house.scep.keep_identities().await;
    let after = house.ra_certificates("device").await;
    assert_ne!(before[0], after[0]);
    assert_ne!(before[1], after[1]);
    let key = rsa();
    let old: &Certificate = &before[0];
    let mut message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    message.recipient = Some(old.clone());
    house.send(&message).await.certificate();
    // Not for ever.
    house.days(200);
    let mut late = Message::enrol(&key, &csr(&key, "CN=dev-2", &[], Some(STATIC)));
    late.recipient = Some(old.clone());
    house.send(&late).await.refused(FailInfo::BadRequest.name());
}

#[tokio::test(flavor = "multi_thread")]
async fn doors_answer_where_they_are_open_and_nowhere_else() {
    let house = House::new().await;
    for path in [DoorPath::Named("device".into()), DoorPath::RaProfile("device".into()), DoorPath::Default] {
        assert!(house.scep.door(&path).await.unwrap().is_some(), "{path:?}");
    }
    for path in [DoorPath::Named("tls-server".into()), DoorPath::ScepProfile("default".into())] {
        assert!(house.scep.door(&path).await.unwrap().is_none(), "{path:?}");
    }
}
