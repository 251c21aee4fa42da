use std::time::{Duration, Instant};

use chancery_acme::port::{AttemptFailed, Validator};
use chancery_acme::{ChallengeType, ProblemType};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::CNAME;
use hickory_resolver::proto::rr::{RData, RecordType};

use crate::testing::*;
use crate::{AddressPolicy, ValidationConfig};

const NAME: &str = "www.example.com";

/// Look at one server, by name.
async fn look(serves: impl Fn(&str) -> Serves + Send + Sync + 'static) -> Result<(), AttemptFailed> {
    let server = Tcp::http(serves).await;
    let dns = Dns::host(NAME, LOOPBACK).await;
    look_with(&ValidationConfig { http_port: server.port, ..config(&dns) }).await
}

async fn look_with(config: &ValidationConfig) -> Result<(), AttemptFailed> {
    prober(config).validate(&attempt(ChallengeType::Http01, NAME)).await.map(|_| ())
}

async fn problem(serves: impl Fn(&str) -> Serves + Send + Sync + 'static) -> (ProblemType, String, bool) {
    told(look(serves).await)
}

fn told(result: Result<(), AttemptFailed>) -> (ProblemType, String, bool) {
    let failed = result.unwrap_err();
    (failed.problem.kind, failed.problem.detail, failed.worth_retrying)
}

#[tokio::test]
async fn rfc8555_8_3_the_key_authorization_is_fetched() {
    look(|head| {
        assert!(head.starts_with(&format!("GET /.well-known/acme-challenge/{TOKEN} HTTP/1.1\r\n")), "{head}");
        assert!(head.contains(&format!("\r\nhost: {NAME}:")), "{head}");
        ok(KEY_AUTHORIZATION)
    })
    .await
    .unwrap();
    // White space at the end does not count, and a length is not needed.
    look(|_| ok(&format!("{KEY_AUTHORIZATION}\r\n \t\n"))).await.unwrap();
    look(|_| Serves::Bytes(format!("HTTP/1.0 200 OK\r\n\r\n{KEY_AUTHORIZATION}").into_bytes())).await.unwrap();
    look(|_| {
        Serves::Bytes(
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n57\r\n{KEY_AUTHORIZATION}\r\n0\r\n\r\n")
                .into_bytes(),
        )
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn rfc8738_4_an_address_is_dialled_itself() {
    let server = Tcp::http(|head| {
        assert!(head.contains("\r\nhost: 127.0.0.1:"), "{head}");
        ok(KEY_AUTHORIZATION)
    })
    .await;
    let dns = Dns::start(|name, _, _| panic!("{name} was asked for")).await;
    let config = ValidationConfig { http_port: server.port, ..config(&dns) };
    prober(&config).validate(&attempt(ChallengeType::Http01, "127.0.0.1")).await.unwrap();
}

#[tokio::test]
async fn another_answer_is_no_proof_and_is_not_repeated() {
    for body in ["", "<script>%s%n</script>", " secret", &KEY_AUTHORIZATION[1..], &format!(" {KEY_AUTHORIZATION}")] {
        let body = body.to_owned();
        let (kind, detail, again) = problem(move |_| ok(&body)).await;
        assert_eq!((kind, again), (ProblemType::IncorrectResponse, false));
        assert!(!detail.contains("secret") && !detail.contains("script"), "{detail}");
    }
}

#[tokio::test]
async fn a_giant_answer_is_not_read() {
    let longer = format!("{KEY_AUTHORIZATION}{}", " ".repeat(10 << 10));
    assert_eq!(problem(move |_| ok(&longer)).await.0, ProblemType::IncorrectResponse);
    let start = Instant::now();
    let endless = |head: &'static str| {
        move |_: &str| Serves::Forever(head.as_bytes().to_vec(), KEY_AUTHORIZATION.repeat(100).into_bytes())
    };
    let (kind, detail, _) = problem(endless("HTTP/1.1 200 OK\r\n\r\n")).await;
    assert_eq!(kind, ProblemType::IncorrectResponse);
    assert!(detail.contains("longer than 128 bytes"), "{detail}");
    // A head without end.
    let (kind, _, _) = problem(endless("HTTP/1.1 200 OK\r\nX: ")).await;
    assert_eq!(kind, ProblemType::Connection);
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_slow_answer_ends_with_the_time() {
    let dns = Dns::host(NAME, LOOPBACK).await;
    let drip = Tcp::http(|_| Serves::Drip(b"HTTP/1.1 200 OK\r\n\r\n".repeat(10))).await;
    let hang = Tcp::http(|_| Serves::Hang).await;
    for port in [drip.port, hang.port] {
        let config = ValidationConfig { http_port: port, timeout: Duration::from_millis(400), ..config(&dns) };
        let start = Instant::now();
        let (kind, detail, again) = told(look_with(&config).await);
        assert_eq!((kind, again), (ProblemType::Connection, true));
        assert!(detail.contains("took longer than 0.4 s"), "{detail}");
        assert!(start.elapsed() < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn other_statuses_are_told() {
    for status in [300, 303, 304, 305] {
        let (kind, detail, again) = problem(move |_| redirect(status, "/there")).await;
        assert_eq!((kind, again), (ProblemType::Connection, false), "{status}");
        assert!(detail.contains("only redirects by"), "{detail}");
    }
    for (status, again) in [(404, true), (503, true), (403, false), (204, false), (401, false)] {
        let (kind, detail, retried) = problem(move |_| redirect(status, "/there")).await;
        assert_eq!((kind, retried), (ProblemType::IncorrectResponse, again), "{status}");
        assert!(detail.contains(&status.to_string()), "{detail}");
    }
    let (kind, ..) = problem(|_| Serves::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())).await;
    assert_eq!(kind, ProblemType::Connection);
    let (kind, ..) = problem(|_| Serves::Bytes(Vec::new())).await;
    assert_eq!(kind, ProblemType::Connection);
}

#[tokio::test]
async fn rfc8555_8_3_redirects_are_followed() {
    for status in [301, 302, 307, 308] {
        look(move |head| {
            if head.starts_with("GET /elsewhere?x=1 ") {
                ok(KEY_AUTHORIZATION)
            } else {
                redirect(status, "/elsewhere?x=1#y")
            }
        })
        .await
        .unwrap();
    }
}

/// Ten redirects, and no more.
#[tokio::test]
async fn an_eleventh_redirect_is_not_followed() {
    fn hop(last: usize) -> impl Fn(&str) -> Serves {
        move |head| {
            let at = head.split(['/', ' ']).nth(2).and_then(|step| step.parse::<usize>().ok()).unwrap_or(0);
            if at == last { ok(KEY_AUTHORIZATION) } else { redirect(302, &format!("/{}", at + 1)) }
        }
    }
    look(hop(10)).await.unwrap();
    let (kind, detail, again) = problem(hop(11)).await;
    assert_eq!((kind, again), (ProblemType::Connection, false));
    assert!(detail.contains("more than 10 redirects"), "{detail}");
    // A loop over two.
    let (kind, ..) = problem(|head| redirect(302, if head.contains(" /a ") { "/b" } else { "/a" })).await;
    assert_eq!(kind, ProblemType::Connection);
    let (_, detail, _) = problem(|_| redirect(302, "")).await;
    assert!(detail.contains("back to where it comes from"), "{detail}");
}

#[tokio::test]
async fn redirects_to_elsewhere_are_refused() {
    for (location, why) in [
        ("file:///etc/passwd", "only http and https"),
        ("gopher://www.example.com/", "only http and https"),
        ("ftp://www.example.com/", "only http and https"),
        ("http://www.example.com:22/", "only the ports"),
        ("https://www.example.com:8443/", "only the ports"),
        ("http://user@www.example.com/", "user or a password"),
        ("http://user:pw@www.example.com/", "user or a password"),
        ("http://[fe80::1%25eth0]/", "no URL"),
        ("http://", "no URL"),
        ("http://www.exa mple.com/", "no URL"),
    ] {
        let (kind, detail, again) = problem(move |_| redirect(302, location)).await;
        assert_eq!((kind, again), (ProblemType::Connection, false), "{location}");
        assert!(detail.contains(why), "{location}: {detail}");
    }
    let long = format!("/{}", "a".repeat(3072));
    assert!(problem(move |_| redirect(302, &long)).await.1.contains("longer than 2048"));
    let (_, detail, _) = problem(|_| Serves::Bytes(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_vec())).await;
    assert!(detail.contains("no Location"), "{detail}");
    let (_, detail, _) = problem(|_| Serves::Bytes(b"HTTP/1.1 302 Found\r\nLocation: \xff\r\n\r\n".to_vec())).await;
    assert!(detail.contains("no Location that is ASCII"), "{detail}");
}

/// The house's own network is out of reach by redirect, whatever form the address has.
#[tokio::test]
async fn redirects_to_refused_addresses_are_not_dialled() {
    let guarded = Tcp::http_at("127.0.0.2".parse().unwrap(), 0, |_| ok(KEY_AUTHORIZATION)).await;
    let port = guarded.port;
    let dns = Dns::start(move |name, kind, _| match (name, kind) {
        (NAME, _) => addresses(kind, &[LOOPBACK]),
        ("inside.example.com", RecordType::A) => addresses(kind, &["127.0.0.2".parse().unwrap()]),
        ("alias.example.com", _) => Says::Of(vec![(name.to_owned(), RData::CNAME(CNAME(fqdn("localhost"))))]),
        _ => no_name(),
    })
    .await;
    for host in [
        "127.0.0.2",
        "0x7f.2",
        "0177.0.0.2",
        "2130706434",
        "[::ffff:127.0.0.2]",
        "inside.example.com",
        "169.254.169.254",
        "[::1]",
        "0",
    ] {
        let server = Tcp::http(move |_| redirect(302, &format!("http://{host}:{port}/"))).await;
        let mut config = ValidationConfig { http_port: server.port, tls_port: port, ..config(&dns) };
        config.allow = vec!["127.0.0.1/32".parse().unwrap()];
        let (kind, detail, again) = told(look_with(&config).await);
        assert_eq!((kind, again), (ProblemType::Connection, true), "{host}: {detail}");
        assert!(detail.contains("no more is told") && !detail.contains("127.0"), "{host}: {detail}");
    }
    // The alias gives 127.0.0.1, which is allowed here, and ::1, which is skipped; deny takes the first as well.
    let server = Tcp::http(move |_| redirect(302, &format!("http://alias.example.com:{port}/"))).await;
    let mut config = ValidationConfig { http_port: server.port, tls_port: port, ..config(&dns) };
    config.deny = vec!["::1/128".parse().unwrap()];
    let (kind, detail, _) = told(look_with(&config).await);
    assert_eq!(kind, ProblemType::Connection);
    assert!(detail.contains("no more is told") && !detail.contains("127.0.0.1"), "{detail}");
    assert_eq!(guarded.came(), 0);
}

/// A name is asked for once, and what was held against the policy is what is dialled.
#[tokio::test]
async fn dns_rebinding_changes_nothing() {
    let guarded = Tcp::http_at("127.0.0.2".parse().unwrap(), 0, |_| ok(KEY_AUTHORIZATION)).await;
    let server = Tcp::http_at(LOOPBACK, guarded.port, |_| ok(KEY_AUTHORIZATION)).await;
    let dns = Dns::start(|_, kind, nth| {
        let address: std::net::IpAddr = if nth == 0 { LOOPBACK } else { "127.0.0.2".parse().unwrap() };
        addresses(kind, &[address])
    })
    .await;
    let config = ValidationConfig { http_port: server.port, ..config(&dns) };
    look_with(&config).await.unwrap();
    assert_eq!((server.came(), guarded.came(), dns.asked(NAME, RecordType::A)), (1, 0, 1));
    // From the second question on the name points inside.
    let (kind, ..) = told(look_with(&config).await);
    assert_eq!((kind, guarded.came()), (ProblemType::Connection, 0));
}

#[tokio::test]
async fn a_refused_address_is_skipped_while_another_is_left() {
    let server = Tcp::http(|_| ok(KEY_AUTHORIZATION)).await;
    let guarded = Tcp::http_at("127.0.0.2".parse().unwrap(), server.port, |_| ok(KEY_AUTHORIZATION)).await;
    let dns =
        Dns::start(|_, kind, _| addresses(kind, &["::1".parse().unwrap(), "127.0.0.2".parse().unwrap(), LOOPBACK]))
            .await;
    look_with(&ValidationConfig { http_port: server.port, ..config(&dns) }).await.unwrap();
    assert_eq!((server.came(), guarded.came()), (1, 0));
    // localhost is not asked for; ::1 is skipped.
    let config = ValidationConfig { http_port: server.port, ..config(&dns) };
    prober(&config).validate(&attempt(ChallengeType::Http01, "localhost")).await.unwrap();
    assert_eq!(dns.asked("localhost", RecordType::A), 0);
}

#[tokio::test]
async fn a_dead_address_does_not_stop_the_next() {
    let server = Tcp::http(|_| ok(KEY_AUTHORIZATION)).await;
    let dns = Dns::start(|_, kind, _| addresses(kind, &["127.0.0.3".parse().unwrap(), LOOPBACK])).await;
    let mut config = ValidationConfig { http_port: server.port, ..config(&dns) };
    config.allow = vec!["127.0.0.0/8".parse().unwrap()];
    look_with(&config).await.unwrap();
    // Nobody there at all.
    let dns = Dns::host(NAME, "127.0.0.3".parse().unwrap()).await;
    config.resolver = Some(dns.address.to_string());
    let (kind, detail, again) = told(look_with(&config).await);
    assert_eq!((kind, again), (ProblemType::Connection, true));
    assert!(detail.contains(NAME), "{detail}");
}

#[tokio::test]
async fn names_without_addresses_are_dns_problems() {
    for says in [
        || no_name(),
        || Says::Data(Vec::new()),
        || Says::Code(ResponseCode::ServFail),
        || Says::Code(ResponseCode::Refused),
    ] {
        let dns = Dns::start(move |_, _, _| says()).await;
        let (kind, detail, again) = told(look_with(&ValidationConfig { http_port: 9, ..config(&dns) }).await);
        assert_eq!((kind, again), (ProblemType::Dns, true), "{detail}");
        assert!(detail.contains(NAME), "{detail}");
    }
    // A URL would take such names for addresses.
    let dns = Dns::host(NAME, LOOPBACK).await;
    for name in ["0x7f.1", "127.1", "2130706433", "a/b", "a@b", "a:1", "xn--a"] {
        let config = config(&dns);
        let mut attempt = attempt(ChallengeType::Http01, NAME);
        attempt.identifier = chancery_acme::Identifier::Dns(name.to_owned());
        let failed = prober(&config).validate(&attempt).await.unwrap_err();
        assert_eq!(failed.problem.kind, ProblemType::Malformed, "{name}: {}", failed.problem.detail);
    }
}

/// Vault 22074: whatever certificate https has that a redirect leads to.
#[tokio::test]
async fn rfc8555_8_3_any_certificate_will_do_for_a_redirect() {
    let pair = rcgen::generate_simple_self_signed(["another.example".to_owned()]).unwrap();
    let tls =
        crate::tls_alpn_01::tests::server(vec![pair.cert.der().clone()], &pair.signing_key, &[], rustls::ALL_VERSIONS);
    let secure = Tcp::start(LOOPBACK, 0, move |stream| {
        let tls = tls.clone();
        async move {
            if let Ok(stream) = tls.accept(stream).await {
                serve(stream, &|_| ok(KEY_AUTHORIZATION)).await;
            }
        }
    })
    .await;
    let port = secure.port;
    let plain = Tcp::http(move |_| redirect(301, &format!("https://{NAME}:{port}/"))).await;
    let dns = Dns::host(NAME, LOOPBACK).await;
    look_with(&ValidationConfig { http_port: plain.port, tls_port: port, ..config(&dns) }).await.unwrap();
    assert_eq!(secure.came(), 1);
    // What is no TLS is refused all the same.
    let plain_port = Tcp::plain().await.port;
    let again = Tcp::http(move |_| redirect(301, &format!("https://{NAME}:{plain_port}/"))).await;
    let config = ValidationConfig { http_port: again.port, tls_port: plain_port, ..config(&dns) };
    assert_eq!(told(look_with(&config).await).0, ProblemType::Tls);
}

#[tokio::test]
async fn a_wildcard_is_not_proved() {
    let dns = Dns::host(NAME, LOOPBACK).await;
    for challenge in [ChallengeType::Http01, ChallengeType::TlsAlpn01] {
        let attempt = chancery_acme::port::Attempt { wildcard: true, ..attempt(challenge, NAME) };
        let failed = prober(&config(&dns)).validate(&attempt).await.unwrap_err();
        assert_eq!((failed.problem.kind, failed.worth_retrying), (ProblemType::Malformed, false));
    }
    assert_eq!(dns.asked(NAME, RecordType::A), 0);
}

/// Look where 127.0.0.0/9 stands for private addresses, and 127.128.0.0/9 for the rest of the world.
async fn look_privately(config: &ValidationConfig, challenge: ChallengeType) -> (ProblemType, String, bool) {
    let policy = AddressPolicy::new(vec!["127.128.0.0/9".parse().unwrap()], vec![])
        .with_private(vec!["127.0.0.0/9".parse().unwrap()]);
    told(prober(config).with_policy(policy).validate(&attempt(challenge, NAME)).await.map(|_| ()))
}

#[tokio::test]
async fn of_a_private_address_no_more_is_told_than_that_the_proof_was_not_there() {
    let dns = Dns::host(NAME, LOOPBACK).await;
    let quick = |port| ValidationConfig {
        http_port: port,
        tls_port: port,
        timeout: Duration::from_millis(300),
        connect_timeout: Duration::from_millis(200),
        ..config(&dns)
    };
    let nobody = Tcp::start(LOOPBACK, 0, |stream| async move { drop(stream) }).await;
    let silent = Tcp::start(LOOPBACK, 0, |stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let not_there = Tcp::http(|_| Serves::Bytes(b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec())).await;
    let forbidden = Tcp::http(|_| Serves::Bytes(b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec())).await;
    let other = Tcp::http(|_| ok("secret")).await;
    let elsewhere = Tcp::http(|_| redirect(302, "ftp://there.example/")).await;
    let no_http = Tcp::http(|_| Serves::Bytes(b"SSH-2.0-server\r\n".to_vec())).await;
    let mut answers = Vec::new();
    // Port 1 is closed.
    for port in [1, nobody.port, silent.port, not_there.port, forbidden.port, other.port, elsewhere.port, no_http.port]
    {
        answers.push(look_privately(&quick(port), ChallengeType::Http01).await);
    }
    assert!(answers[0].1.contains("private"), "{answers:?}");
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let mut answers = Vec::new();
    for port in [1, nobody.port, silent.port, other.port] {
        answers.push(look_privately(&quick(port), ChallengeType::TlsAlpn01).await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn a_public_server_shows_the_way_to_no_private_address() {
    let public = std::net::Ipv4Addr::new(127, 128, 0, 1).into();
    let inside = Tcp::http(|_| ok(KEY_AUTHORIZATION)).await;
    let port = inside.port;
    let way = move |head: &str| match head.contains("/.well-known/") {
        true => redirect(302, &format!("http://127.0.0.1:{port}/inside")),
        false => ok(KEY_AUTHORIZATION),
    };
    let outside = Tcp::http_at(public, port, way).await;
    let dns = Dns::host(NAME, public).await;
    let config = ValidationConfig { http_port: port, ..config(&dns) };
    let (kind, detail, again) = look_privately(&config, ChallengeType::Http01).await;
    assert_eq!((kind, again), (ProblemType::Connection, true));
    assert!(detail.contains("redirect") && detail.contains("private"), "{detail}");
    assert_eq!((outside.came(), inside.came()), (1, 0));
    // Where the operator lists the network, it is followed.
    let listed = AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()], vec![])
        .with_private(vec!["127.0.0.0/9".parse().unwrap()]);
    prober(&config).with_policy(listed).validate(&attempt(ChallengeType::Http01, NAME)).await.unwrap();
    assert_eq!(inside.came(), 1);
}

/// Whoever redirects to a name learns nothing of it: not whether it exists, nor where it lies.
#[tokio::test]
async fn strangers_resolve_no_internal_names() {
    let public: std::net::IpAddr = std::net::Ipv4Addr::new(127, 128, 0, 1).into();
    let dns = Dns::start(move |name, kind, _| match name {
        NAME => addresses(kind, &[public]),
        "private.example" => addresses(kind, &["127.0.0.1".parse().unwrap()]),
        "denied.example" | "denied-itself.example" => addresses(kind, &["127.64.0.1".parse().unwrap()]),
        "special.example" => addresses(kind, &["169.254.1.1".parse().unwrap()]),
        "dead.example" => addresses(kind, &["127.128.0.9".parse().unwrap()]),
        "fails.example" => Says::Code(ResponseCode::ServFail),
        "silent.example" => Says::Nothing,
        _ => no_name(),
    })
    .await;
    let policy = || {
        AddressPolicy::new(vec!["127.128.0.0/9".parse().unwrap()], vec!["127.64.0.0/16".parse().unwrap()])
            .with_private(vec!["127.0.0.0/9".parse().unwrap()])
    };
    let look = async |config: &ValidationConfig, name: &str| {
        prober(config).with_policy(policy()).validate(&attempt(ChallengeType::Http01, name)).await.unwrap_err()
    };
    for host in ["private", "denied", "special", "dead", "fails", "silent", "nothing"] {
        let server = Tcp::http_at(public, 0, move |_| redirect(302, &format!("http://{host}.example/"))).await;
        let config = ValidationConfig { http_port: server.port, timeout: Duration::from_millis(700), ..config(&dns) };
        let failed = look(&config, NAME).await;
        assert!(failed.problem.detail.contains("no more is told"), "{host}: {}", failed.problem.detail);
        let told = (failed.problem.kind, failed.worth_retrying, failed.at_most);
        assert_eq!(told, (ProblemType::Connection, true, Some(3)), "{host}");
        assert!(!failed.problem.detail.contains(host) || host == "private", "{}", failed.problem.detail);
    }
    // What is asked for itself: where it has no address that is told, and of what is special no more than what it is.
    let config = config(&dns);
    let failed = look(&config, "denied-itself.example").await;
    assert!(failed.problem.detail.contains("no more is told"), "{}", failed.problem.detail);
    assert_eq!(look(&config, "nothing.example").await.problem.kind, ProblemType::Dns);
    let failed = look(&config, "special.example").await;
    assert!(failed.problem.detail.contains("link-local"), "{}", failed.problem.detail);
    assert!(!failed.problem.detail.contains("169.254"), "{}", failed.problem.detail);
    // What an open address answers after a redirect is told.
    let server = Tcp::http_at(public, 0, |head| match head.contains("/.well-known/") {
        true => redirect(
            302,
            &format!("http://{NAME}:{}/other", head.split(NAME).nth(1).unwrap()[1..].split("\r").next().unwrap()),
        ),
        false => ok("wrong"),
    })
    .await;
    let failed = look(&ValidationConfig { http_port: server.port, ..config }, NAME).await;
    assert_eq!((failed.problem.kind, failed.at_most), (ProblemType::IncorrectResponse, None));
}
