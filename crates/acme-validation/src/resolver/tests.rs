use std::time::Instant;

use super::*;
use crate::testing::{Dns, LOOPBACK, Says, addresses, no_name};

const NAME: &str = "www.example.com";

fn at(dns: &Dns) -> Resolver {
    Resolver::at(dns.address, Duration::from_secs(2)).unwrap()
}

#[tokio::test]
async fn both_kinds_of_addresses_are_found() {
    let six: IpAddr = "2001:db8::1".parse().unwrap();
    let dns = Dns::start(move |_, kind, _| addresses(kind, &[LOOPBACK, six])).await;
    assert_eq!(at(&dns).addresses(NAME).await, Ok(vec![six, LOOPBACK]));
}

#[tokio::test]
async fn one_kind_that_fails_does_not_hide_the_other() {
    for says in [|| Says::Code(ResponseCode::ServFail), || Says::Nothing, no_name] {
        let dns =
            Dns::start(move |_, kind, _| if kind == RecordType::A { addresses(kind, &[LOOPBACK]) } else { says() });
        let start = Instant::now();
        assert_eq!(at(&dns.await).addresses(NAME).await, Ok(vec![LOOPBACK]));
        assert!(start.elapsed() < Duration::from_secs(2), "it waited for the other");
    }
}

#[tokio::test]
async fn failures_are_told_from_absence() {
    let dns = Dns::start(|name, _, _| match name {
        "fails.example" => Says::Code(ResponseCode::ServFail),
        _ => no_name(),
    })
    .await;
    assert_eq!(at(&dns).addresses("none.example").await, Ok(Vec::new()));
    assert!(matches!(at(&dns).addresses("fails.example").await, Err(NoAnswer::Code(_))));
    assert_eq!(at(&dns).texts("none.example").await, Ok(Vec::new()));
    assert_eq!(at(&dns).addresses("a..b").await, Err(NoAnswer::BadName));
    assert_eq!(at(&dns).addresses(&"a".repeat(64)).await, Err(NoAnswer::BadName));
    let silent = Dns::start(|_, _, _| Says::Nothing).await;
    let impatient = Resolver::at(silent.address, Duration::from_millis(100)).unwrap();
    assert_eq!(impatient.texts(NAME).await, Err(NoAnswer::Timeout));
}

#[tokio::test]
async fn a_name_with_very_many_addresses_is_cut() {
    let many: Vec<IpAddr> = (0..24).map(|last| IpAddr::from([10, 0, 0, last])).collect();
    let dns = Dns::start(move |_, kind, _| addresses(kind, &many)).await;
    assert_eq!(at(&dns).addresses(NAME).await.unwrap().len(), MOST_ADDRESSES);
}

/// Nothing is remembered: what is asked a second time is asked again.
#[tokio::test]
async fn nothing_is_cached() {
    let dns = Dns::start(|_, kind, _| addresses(kind, &[LOOPBACK])).await;
    let resolver = at(&dns);
    for _ in 0..3 {
        resolver.addresses(NAME).await.unwrap();
    }
    assert_eq!(dns.asked(NAME, RecordType::A), 3);
}

/// Not to the search list: a name without a dot is asked for as it stands.
#[tokio::test]
async fn names_are_whole() {
    let dns =
        Dns::start(|name, kind, _| if name == "intranet" { addresses(kind, &[LOOPBACK]) } else { no_name() }).await;
    assert_eq!(at(&dns).addresses("intranet").await, Ok(vec![LOOPBACK]));
    assert_eq!(at(&dns).addresses("localhost").await.unwrap().len(), 2);
}
