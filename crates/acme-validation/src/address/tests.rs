use super::*;

fn policy(allow: &[&str], deny: &[&str]) -> AddressPolicy {
    let parse = |list: &[&str]| list.iter().map(|range| range.parse().unwrap()).collect();
    AddressPolicy::new(parse(allow), parse(deny))
}

#[test]
fn global_and_private_addresses_are_dialled() {
    let policy = AddressPolicy::default();
    for address in [
        "8.8.8.8",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "100.64.0.1",
        "1.1.1.1",
        "::ffff:10.0.0.1",
        "2a00:1450::1",
        "fd12:3456::1",
        "64:ff9b::808:808",
        "2606:4700::1111",
    ] {
        assert!(policy.check(address.parse().unwrap()).is_ok(), "{address}");
    }
}

#[test]
fn special_addresses_are_refused() {
    let policy = AddressPolicy::default();
    for address in [
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "100.100.100.200",
        "168.63.129.16",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "2002:a00:1::1",
        "3fff::1",
        "4000::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
        "fd20:ce::254",
    ] {
        assert!(
            matches!(policy.check(address.parse().unwrap()), Err(Refused::Special { .. })),
            "{address} must be refused"
        );
    }
}

#[test]
fn deny_wins_over_allow() {
    let policy = policy(&["127.0.0.0/8", "::1/128"], &["127.0.0.2/32", "10.0.0.0/8"]);
    assert_eq!(policy.check("127.0.0.1".parse().unwrap()), Ok(Reach::Open));
    assert_eq!(policy.check("::ffff:127.0.0.1".parse().unwrap()), Ok(Reach::Open));
    assert_eq!(policy.check("::1".parse().unwrap()), Ok(Reach::Open));
    for address in ["127.0.0.2", "10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "::ffff:127.0.0.2"] {
        let refused = policy.check(address.parse().unwrap()).unwrap_err();
        assert!(matches!(refused, Refused::Denied { .. }), "{address}: {refused}");
    }
    assert!(policy.check("169.254.1.1".parse().unwrap()).is_err());
}

#[test]
fn a_special_range_can_be_opened_even_inside_a_translation() {
    assert_eq!(policy(&["2001:db8::/32"], &[]).check("2001:db8::1".parse().unwrap()), Ok(Reach::Open));
    assert_eq!(policy(&["64:ff9b::/96"], &[]).check("64:ff9b::7f00:1".parse().unwrap()), Ok(Reach::Open));
    let refused = policy(&[], &["0.0.0.0/0"]).check("8.8.8.8".parse().unwrap()).unwrap_err();
    assert_eq!(refused.to_string(), "8.8.8.8 is in 0.0.0.0/0, which acme.validation.deny lists");
}

#[test]
fn of_private_addresses_nothing_is_told() {
    let told = |policy: &AddressPolicy, address: &str| policy.check(address.parse().unwrap()).unwrap();
    let plain = AddressPolicy::default();
    for address in
        ["10.0.0.1", "172.31.0.1", "192.168.7.7", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"]
    {
        assert_eq!(told(&plain, address), Reach::Private, "{address}");
    }
    for address in ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"] {
        assert_eq!(told(&plain, address), Reach::Open, "{address}");
    }
    // What the operator lists is his to look at.
    let listed = policy(&["10.1.0.0/16"], &[]);
    assert_eq!((told(&listed, "10.1.0.1"), told(&listed, "10.2.0.1")), (Reach::Open, Reach::Private));
}

#[test]
fn rfc6052_2_2_the_networks_own_translator_hides_no_address() {
    // The table of section 2.4: 192.0.2.33 behind a prefix of each length.
    for (prefix, address) in [
        ("2001:db8::/32", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
        ("2001:db8:122:344::/96", "2001:db8:122:344::c000:221"),
    ] {
        let policy = AddressPolicy::default().with_nat64(vec![prefix.parse().unwrap()]);
        let four = policy.own_nat64(address.parse().unwrap());
        assert_eq!(four, Some("192.0.2.33".parse().unwrap()), "{prefix}");
        assert!(matches!(
            policy.check(address.parse().unwrap()),
            Err(Refused::Special { what: "for documentation", .. })
        ));
    }
    let policy = AddressPolicy::new(vec![], vec!["9.9.9.9/32".parse().unwrap()])
        .with_nat64(vec!["2a00:64::/96".parse().unwrap(), "64:ff9b:1::/96".parse().unwrap()]);
    let check = |address: &str| policy.check(address.parse().unwrap());
    assert!(matches!(check("2a00:64::7f00:1"), Err(Refused::Special { what: "loopback", .. })));
    assert!(matches!(check("2a00:64::a9fe:a9fe"), Err(Refused::Special { what: "link-local", .. })));
    assert!(matches!(check("2a00:64::909:909"), Err(Refused::Denied { .. })));
    assert_eq!(check("2a00:64::a00:1"), Ok(Reach::Private));
    assert_eq!((check("2a00:64::808:808"), check("64:ff9b:1::808:808")), (Ok(Reach::Open), Ok(Reach::Open)));
}
