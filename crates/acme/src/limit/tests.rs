use time::macros::datetime;

use super::*;

const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

fn limit(most: u32) -> Limit {
    Limit { counted: Counted::Orders(Uuid::from_u128(1)), most }
}

fn take(limits: &Limits, most: u32, now: OffsetDateTime) -> Result<(), i64> {
    limits.take(&[limit(most)], now).map_err(|(_, wait)| wait.whole_seconds())
}

#[test]
fn a_period_s_worth_at_once_and_then_one_by_one() {
    let limits = Limits::default();
    for _ in 0..4 {
        assert_eq!(take(&limits, 4, START), Ok(()));
    }
    assert_eq!(take(&limits, 4, START), Err(900));
    assert_eq!(take(&limits, 4, START + Duration::seconds(600)), Err(300));
    assert_eq!(take(&limits, 4, START + Duration::seconds(900)), Ok(()));
    assert_eq!(take(&limits, 4, START + Duration::seconds(900)), Err(900));
    // Over any time no more than a period's worth and what the time gives.
    let day = START + Duration::DAY;
    assert_eq!((0..100).filter(|_| take(&limits, 4, day).is_ok()).count(), 4);
}

#[test]
fn after_the_wait_there_is_room() {
    let limits = Limits::default();
    let mut now = START;
    let mut taken = 0;
    while now < START + Duration::hours(10) {
        match take(&limits, 7, now) {
            Ok(()) => taken += 1,
            Err(seconds) => now += Duration::seconds(seconds + 1),
        }
    }
    assert!((75..=77).contains(&taken), "{taken}");
}

#[test]
fn none_is_no_limit() {
    let limits = Limits::default();
    assert!((0..1000).all(|_| take(&limits, 0, START).is_ok()));
    assert!(limits.0.lock().unwrap().is_empty());
}

#[test]
fn one_that_is_refused_counts_nowhere() {
    let limits = Limits::default();
    let other = Limit { counted: Counted::Orders(Uuid::from_u128(2)), most: 1 };
    assert!(limits.take(&[limit(2), other.clone()], START).is_ok());
    let (refused, _) = limits.take(&[limit(2), other.clone()], START).unwrap_err();
    assert_eq!(refused.counted, other.counted);
    assert_eq!(take(&limits, 2, START), Ok(()), "the refused one was not counted");
    assert!(take(&limits, 2, START).is_err());
}

#[test]
fn looking_counts_nothing() {
    let limits = Limits::default();
    for _ in 0..5 {
        assert!(limits.look(&[limit(1)], START).is_ok());
    }
    limits.add(&limit(1), START);
    assert!(limits.look(&[limit(1)], START).is_err());
    // However many fail at once, a period later all is as it was.
    for _ in 0..1000 {
        limits.add(&limit(1), START);
    }
    assert!(limits.look(&[limit(1)], START + Duration::hours(2)).is_ok());
}

#[test]
fn a_clock_that_goes_back_locks_nobody_out() {
    let limits = Limits::default();
    assert_eq!(take(&limits, 1, START + Duration::days(365)), Ok(()));
    assert_eq!(take(&limits, 1, START), Err(3600));
    let mut idle_at = limits.0.lock().unwrap();
    assert!(Limits::count(&mut idle_at, &limit(1), START));
    assert!(idle_at[&limit(1).counted].idle_at <= START + Duration::hours(2));
}

#[test]
fn memory_is_bounded() {
    let limits = Limits::default();
    for number in 0..Limits::MOST as u128 + 10 {
        let counted = Counted::Orders(Uuid::from_u128(number));
        let now = START + Duration::microseconds(number as i64);
        limits.take(&[Limit { counted, most: 2 }], now).unwrap();
        assert!(limits.0.lock().unwrap().len() <= Limits::MOST);
    }
    let known = limits.0.lock().unwrap();
    assert!(known.len() <= Limits::MOST / 2 + 10);
    assert!(known.contains_key(&Counted::Orders(Uuid::from_u128(Limits::MOST as u128 - 1))), "the latest stays");
}

#[test]
fn who_is_held_back_is_not_forgotten_for_the_sake_of_others() {
    let limits = Limits::default();
    assert_eq!(take(&limits, 1, START), Ok(()));
    // He asks for as much else as there is room for, twice over.
    let now = START + Duration::minutes(1);
    for number in 0..2 * Limits::MOST as u128 {
        let counted = Counted::Failures(Uuid::from_u128(7), Identifier::Dns(format!("{number}.example")));
        limits.add(&Limit { counted, most: 60 }, now + Duration::microseconds(number as i64));
        assert!(limits.0.lock().unwrap().len() <= Limits::MOST);
    }
    assert!(take(&limits, 1, now).is_err(), "the limit was washed away");
}

#[test]
fn a_table_of_nothing_but_what_is_held_back_takes_nothing_new() {
    let limits = Limits::default();
    let of = |number: u128| Limit { counted: Counted::Orders(Uuid::from_u128(number)), most: 1 };
    for number in 0..Limits::MOST as u128 {
        limits.take(&[of(number)], START).unwrap();
    }
    let (_, wait) = limits.take(&[of(u128::MAX)], START).unwrap_err();
    assert!(wait.is_positive());
    limits.add(&of(u128::MAX), START);
    assert_eq!(limits.0.lock().unwrap().len(), Limits::MOST);
    // When their time is over there is room again.
    limits.take(&[of(u128::MAX)], START + Duration::hours(2)).unwrap();
}

#[test]
fn domains_are_counted_as_they_are_registered() {
    for (name, domain) in [
        ("a.b.example.com", "example.com"),
        ("*.example.co.uk", "example.co.uk"),
        ("host.corp.internal", "corp.internal"),
        ("localhost", "localhost"),
        ("co.uk", "co.uk"),
    ] {
        assert_eq!(registered_domain(name), domain);
    }
}

#[test]
fn an_ipv6_customer_is_one() {
    let address = |text: &str| customer(text.parse().unwrap());
    assert_eq!(address("2001:db8:1:2:3:4:5:6"), address("2001:db8:1:2::9"));
    assert_ne!(address("2001:db8:1:2::1"), address("2001:db8:1:3::1"));
    assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
}

#[test]
fn rfc8555_6_6_a_limit_says_when_to_come_back() {
    let problem = limited((limit(5), Duration::milliseconds(1500)));
    assert_eq!((problem.kind, problem.status), (ProblemType::RateLimited, 429));
    assert_eq!(problem.retry_after, Some(std::time::Duration::from_secs(2)));
    assert!(problem.detail.contains("new orders of this account: at most 5 in an hour"), "{problem}");
}
