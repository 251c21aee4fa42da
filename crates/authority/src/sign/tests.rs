use std::collections::HashSet;
use std::sync::Arc;

use super::*;
use crate::testkit::{House, START, STATUS, StuckRng, create, default_authority, leaf};
use crate::{CaSpec, NewAuthorityRequest, Root};
use chancery_core::SystemRng;
use chancery_core::port::Authority;
use chancery_pki::{BasicConstraints, KeyType};
use proptest::prelude::*;
use time::Duration as Span;

#[tokio::test]
async fn a_certificate_carries_what_is_the_authoritys_own() {
    let house = House::new();
    let node = house.node().await;
    let authority = default_authority(&node).await;
    let (issuer, certificate) = node.sign(authority, leaf(START)).await.expect("signs");
    let instance = node.instance(authority).expect("is there");
    let (id, ca) = instance.issuer();
    assert_eq!(issuer, *id);
    certificate.verify_signed_by(ca.public_key()).expect("is signed by the CA");
    assert!(certificate.issuer().matches(ca.subject()));
    assert_eq!(certificate.authority_key_id(), ca.subject_key_id());
    assert_eq!(certificate.crl_distribution_points(), [format!("{STATUS}/crl/{issuer}.crl")]);
    assert_eq!(certificate.aia_issuers(), [format!("{STATUS}/ca/{issuer}.cer")]);
    assert!(!certificate.der().windows(9).any(|window| window == b"elsewhere"));
    assert_ne!(certificate.serial().as_bytes(), leaf(START).serial.as_bytes());
}

#[tokio::test]
async fn every_key_type_signs() {
    let house = House::new();
    let node = house.node().await;
    for key_type in [KeyType::P256, KeyType::P384, KeyType::P521, KeyType::Ed25519, KeyType::Rsa(2048)] {
        let spec = CaSpec { key_type, ..CaSpec::root() };
        let request = NewAuthorityRequest {
            name: key_type.to_string(),
            root: Root::New(spec.clone()),
            issuing: CaSpec { lifetime: CaSpec::issuing().lifetime, ..spec },
        };
        let authority = create(&node, request).await;
        let (_, certificate) = node.sign(authority, leaf(START)).await.expect("signs");
        let chain = node.instance(authority).expect("is there").chain.clone();
        certificate.verify_signed_by(chain[0].1.public_key()).expect("verifies");
        chain[0].1.verify_signed_by(chain[1].1.public_key()).expect("verifies");
        chain[1].1.verify_signed_by(chain[1].1.public_key()).expect("verifies");
        for (id, ca) in &chain {
            let crl = node.current_crl(*id).expect("is there");
            let crl = chancery_pki::Crl::from_der(&crl.der).expect("parses");
            crl.verify_signed_by(ca.public_key()).expect("verifies");
        }
    }
}

#[tokio::test]
async fn refuses_an_unknown_authority() {
    let node = House::new().node().await;
    let error = node.sign(Uuid::nil(), leaf(START)).await.expect_err("is unknown");
    assert!(matches!(error, Error::NotFound { what: "authority", .. }), "{error}");
}

#[tokio::test]
async fn refuses_to_sign_outside_of_the_ca_certificates_lifetime() {
    let house = House::new();
    let node = house.node().await;
    let authority = default_authority(&node).await;
    house.clock.advance(-Span::hours(2));
    let error = node.sign(authority, leaf(START)).await.expect_err("the clock is wrong");
    assert!(matches!(&error, Error::Unavailable { why, .. } if why.contains("set the clock")), "{error}");
    house.clock.advance(Span::days(3653));
    let error = node.sign(authority, leaf(START)).await.expect_err("the CA has ended");
    assert!(matches!(&error, Error::Rejected(_)), "{error}");
}

#[tokio::test]
async fn refuses_what_would_outlive_the_ca() {
    let house = House::new();
    let node = house.node().await;
    let authority = default_authority(&node).await;
    let end = node.instance(authority).expect("is there").issuer().1.validity().not_after;
    let mut template = leaf(START);
    template.validity.not_after = end + Span::SECOND;
    let error = node.sign(authority, template.clone()).await.expect_err("outlives the CA");
    assert!(matches!(&error, Error::Rejected(_)), "{error}");
    template.validity.not_after = end;
    let (_, certificate) = node.sign(authority, template).await.expect("the last second is the CA's");
    assert_eq!(certificate.validity().not_after, end);
}

#[tokio::test]
async fn refuses_to_sign_a_ca() {
    let house = House::new();
    let node = house.node().await;
    let authority = default_authority(&node).await;
    let mut template = leaf(START);
    template.basic_constraints = Some(BasicConstraints { ca: true, path_len: None });
    assert!(matches!(node.sign(authority, template).await, Err(Error::Internal(_))));
}

#[test]
fn serials_are_random_positive_and_all_different() {
    let mut seen = HashSet::new();
    let mut bits = [0_u32; 64];
    for _ in 0..20_000 {
        let serial = serial(&SystemRng);
        let bytes = serial.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= 20 && bytes[0] & 0x80 == 0, "{}", serial.to_hex());
        let tail: [u8; 8] = bytes[bytes.len() - 8..].try_into().expect("has 8 bytes");
        for (bit, count) in bits.iter_mut().enumerate() {
            *count += (u64::from_be_bytes(tail) >> bit & 1) as u32;
        }
        assert!(seen.insert(serial.to_hex()), "twice");
    }
    // Each of the last 64 bits is one in half of the cases (more than 7 standard deviations of room).
    assert!(bits.iter().all(|count| (9_500..10_500).contains(count)), "{bits:?}");
}

#[tokio::test]
async fn stuck_chance_repeats_the_serial_for_the_store_to_refuse() {
    let house = House::new();
    let authority = default_authority(&house.node().await).await;
    for stuck in [0, 7, 255] {
        let node = house.node_with(Arc::new(StuckRng(stuck))).await.expect("loads");
        let (_, one) = node.sign(authority, leaf(START)).await.expect("signs");
        let (_, other) = node.sign(authority, leaf(START)).await.expect("signs");
        assert_eq!(one.serial(), other.serial());
        assert!(one.serial().as_bytes().iter().any(|byte| *byte != 0), "never 0");
    }
}

fn at(second: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(second).expect("is in range")
}

proptest! {
    /// reliability A9: whatever was asked for, no certificate reaches past its issuer on either side.
    #[test]
    fn never_outside_of_the_issuer(
        asked in (-60_000_000_000_i64..250_000_000_000, -60_000_000_000_i64..250_000_000_000),
        own in (-60_000_000_000_i64..250_000_000_000, 0_i64..1_000_000_000),
    ) {
        let own = Validity { not_before: at(own.0), not_after: at(own.0 + own.1) };
        let asked = Validity { not_before: at(asked.0), not_after: at(asked.1) };
        match clamp(asked, own) {
            Ok(validity) => {
                prop_assert!(own.not_before <= validity.not_before);
                prop_assert!(validity.not_before <= validity.not_after);
                prop_assert!(validity.not_after <= own.not_after);
                prop_assert_eq!(validity.not_after, asked.not_after);
            }
            Err(_) => prop_assert!(asked.not_after > own.not_after || asked.not_after < asked.not_before.max(own.not_before)),
        }
    }
}
