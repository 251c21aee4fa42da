//! Incidents of other servers that no other file has (each test is named after the one that it would have caught).

use chancery_pki::cms::{ContentInfo, EnvelopedData, Limits};

use crate::house::{House, Message, STATIC, csr, rsa};

/// RUSTSEC-2023-0071, CVE-2023-49092: whatever is wrong with what was encrypted, the answer is the same.
#[tokio::test(flavor = "multi_thread")]
async fn rustsec_2023_0071_key_padding_and_content_errors_are_one_failure() {
    let house = House::with_static().await;
    let key = rsa();
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(STATIC)));
    let ra = house.ra_certificates("device").await;
    let envelope = message.envelope(&ra).unwrap();
    let limits = Limits::default();
    let read = EnvelopedData::parse(&envelope, &limits).unwrap();
    assert_eq!(read.recipients().len(), 1);
    assert_eq!(ContentInfo::parse(&envelope, &limits).unwrap().content_type(), chancery_pki::oid::ENVELOPED_DATA);
    let mut answers = Vec::new();
    let last = envelope.len() - 1;
    // The last block (padding), the one before it (content and padding), the encrypted key, the first block.
    let key_at = envelope.windows(4).position(|window| window == [0x04, 0x82, 0x01, 0x00]).unwrap() + 100;
    for at in [last, last - 16, key_at, last - 400] {
        for bit in [1, 0x80] {
            let mut altered = envelope.clone();
            altered[at] ^= bit;
            answers.push(house.bytes(&message.sign(Some(&altered)), &message).await);
        }
    }
    let bad = Message { content: Some(b"no request at all".to_vec()), ..message.clone() };
    answers.push(house.send(&bad).await);
    let mut request = csr(&key, "CN=dev-1", &[], Some(STATIC)).der().to_vec();
    *request.last_mut().unwrap() ^= 1;
    answers.push(house.send(&Message { content: Some(request), ..message.clone() }).await);
    let first = answers[0].refused("badRequest").to_owned();
    for answer in &answers {
        assert_eq!(answer.refused("badRequest"), first);
    }
    assert!(house.issued().await.is_empty());
}

/// CVE-2010-3868: nothing that was decrypted comes back, nor goes to the trail.
#[tokio::test(flavor = "multi_thread")]
async fn cve_2010_3868_no_answer_and_no_trail_has_the_challenge() {
    let house = House::new().await;
    let key = rsa();
    let secret = "very-secret-and-wrong-challenge";
    let message = Message::enrol(&key, &csr(&key, "CN=dev-1", &[], Some(secret)));
    let answer = house.send(&message).await;
    assert!(!answer.refused("badRequest").contains(secret));
    let all = house.ra.ports().audit.latest(1000).await.unwrap();
    assert!(all.iter().all(|entry| !entry.body.contains(secret)));
}

/// Dogtag and CZERTAINLY kept the request's profile in fields of a shared object.
#[tokio::test(flavor = "multi_thread")]
async fn requests_to_two_doors_at_once_do_not_meet() {
    let house = std::sync::Arc::new(House::with_static().await);
    house.activate("tls-client").await;
    let mut running = Vec::new();
    for number in 0..8 {
        let house = house.clone();
        running.push(tokio::spawn(async move {
            let profile = ["device", "tls-client"][number % 2];
            let key = rsa();
            let asked = csr(&key, &format!("CN=dev-{number}"), &[], Some(STATIC));
            let answer = house.send_to(profile, &Message::enrol(&key, &asked)).await;
            let record = house.record(answer.certificate()).await;
            let door = house.door(profile).await;
            assert_eq!(record.profile, Some(door.id.ra_profile));
        }));
    }
    for one in running {
        one.await.unwrap();
    }
}

/// CVE-2022-26923: extensions of a request are the RA profile's to take, and a CA is never made.
#[tokio::test(flavor = "multi_thread")]
async fn cve_2022_26923_a_request_decides_nothing_that_the_profile_does_not_let_it() {
    let house = House::with_static().await;
    let key = rsa();
    let template = chancery_pki::CsrTemplate {
        subject: Some("CN=dev-1".parse().unwrap()),
        key_usage: Some(chancery_pki::KeyUsage::KEY_CERT_SIGN),
        extended_key_usage: vec![chancery_pki::ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.2")],
        challenge_password: Some(STATIC.into()),
        ..chancery_pki::CsrTemplate::default()
    };
    let answer = house.send(&Message::enrol(&key, &template.sign(&key).unwrap())).await;
    assert!(answer.status == "2" || !answer.certificate().is_ca());
    for record in house.issued().await {
        let made = chancery_pki::Certificate::from_der(&record.certificate.unwrap()).unwrap();
        assert!(!made.is_ca());
        assert!(made.key_usage().is_none_or(|usage| !usage.contains(chancery_pki::KeyUsage::KEY_CERT_SIGN)));
    }
}
