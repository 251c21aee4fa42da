use chancery_core::{Actor, Door};
use proptest::prelude::*;
use time::macros::datetime;
use uuid::Uuid;

use super::*;

fn record(not_before: OffsetDateTime, life: Duration) -> CertificateRecord {
    let object = CertificateRecord::new(Uuid::nil(), &Actor::system(), Door::Acme, [0; 32], not_before);
    CertificateRecord { not_before: Some(not_before), not_after: Some(not_before + life), ..object }
}

#[test]
fn rfc9773_4_1_the_example_of_the_document() {
    let id: CertificateId = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE".parse().unwrap();
    assert_eq!(id.serial.to_hex(), "87654321");
    assert_eq!(id.to_string(), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

#[test]
fn rfc9773_4_1_one_spelling_only() {
    for wrong in [
        "",
        ".",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.",
        ".AIdlQyE",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.h2VDIQ",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ=.AIdlQyE",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE=",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AA",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE.AA",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE/",
        "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AABh",
    ] {
        assert!(wrong.parse::<CertificateId>().is_err(), "{wrong}");
    }
}

#[test]
fn renews_at_two_thirds_and_short_ones_at_half() {
    let start = datetime!(2026-11-24 12:00 UTC);
    let (from, to) = window(&record(start, Duration::days(90)), None, None).unwrap();
    assert!(from < start + Duration::days(60) && start + Duration::days(60) < to);
    let (from, to) = window(&record(start, Duration::days(6)), None, None).unwrap();
    assert!(from < start + Duration::days(3) && start + Duration::days(3) < to);
}

#[test]
fn what_is_marked_or_revoked_is_renewed_now() {
    let start = datetime!(2026-11-24 12:00 UTC);
    let marked_at = start + Duration::days(1);
    let mark = RenewalMark { certificate: Uuid::nil(), explanation_url: None, marked_at };
    let (from, to) = window(&record(start, Duration::days(90)), Some(&mark), None).unwrap();
    assert!(from < to && to < marked_at);
}

proptest! {
    #[test]
    fn rfc9773_4_2_the_end_lies_behind_the_start(seconds in 1_i64..1_000_000_000, opens in proptest::option::of(-10_i64..1_000_000_100)) {
        let start = datetime!(2026-11-24 12:00 UTC);
        let opens = opens.map(|opens| start + Duration::seconds(opens));
        let (from, to) = window(&record(start, Duration::seconds(seconds)), None, opens).unwrap();
        prop_assert!(from < to && to <= start + Duration::seconds(seconds));
    }

    #[test]
    fn ids_are_read_as_they_are_written(key in proptest::collection::vec(any::<u8>(), 1..40), serial in proptest::collection::vec(any::<u8>(), 1..20)) {
        if let Ok(serial) = SerialNumber::from_bytes(&serial) {
            let id = CertificateId { authority_key: key, serial };
            prop_assert_eq!(id.to_string().parse::<CertificateId>().unwrap(), id);
        }
    }

    #[test]
    fn whatever_comes_is_read_or_refused(text in ".{0,60}") {
        if let Ok(id) = text.parse::<CertificateId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}
