use std::net::IpAddr;

use chancery_acme::port::{AttemptFailed, Validator};
use chancery_acme::{ChallengeType, ProblemType};
use hickory_resolver::proto::rr::rdata::CAA;
use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::testing::*;
use crate::{ConfigError, PerspectiveConfig, Prober, ValidationConfig};

const NAME: &str = "www.example.com";

fn through_resolver(name: &str, dns: &Dns) -> PerspectiveConfig {
    PerspectiveConfig { name: name.to_owned(), resolver: Some(dns.address.to_string()), proxy: None }
}

async fn look(config: &ValidationConfig) -> Result<(), AttemptFailed> {
    prober(config).validate(&attempt(ChallengeType::Http01, NAME)).await.map(|_| ())
}

#[tokio::test]
async fn perspectives_must_agree() {
    let server = Tcp::http(|_| ok(KEY_AUTHORIZATION)).await;
    let good = Dns::host(NAME, LOOPBACK).await;
    let bad = Dns::start(|_, _, _| no_name()).await;
    let seen = |quorum, perspectives: &[&Dns]| ValidationConfig {
        http_port: server.port,
        perspectives: perspectives.iter().map(|dns| through_resolver("far", dns)).collect(),
        quorum,
        ..config(&good)
    };
    look(&seen(None, &[&good, &good])).await.unwrap();
    look(&seen(Some(1), &[&bad, &good])).await.unwrap();
    let failed = look(&seen(None, &[&good, &bad])).await.unwrap_err();
    assert_eq!(failed.problem.kind, ProblemType::Dns);
    assert!(failed.problem.detail.starts_with("seen from far: "), "{}", failed.problem.detail);
    assert!(look(&seen(Some(2), &[&bad, &good, &bad])).await.is_err());
    // What this server itself sees is needed in any case.
    let mut config = seen(None, &[&good]);
    config.resolver = Some(bad.address.to_string());
    assert!(!look(&config).await.unwrap_err().problem.detail.contains("seen from"));
}

#[tokio::test]
async fn caa_is_asked_from_every_perspective() {
    let open = Dns::start(|_, _, _| no_name()).await;
    let closed = Dns::start(|_, kind, _| {
        assert_eq!(kind, RecordType::CAA);
        Says::Data(vec![RData::CAA(CAA::new_issue(false, None, Vec::new()))])
    })
    .await;
    let mut config = config(&open);
    prober(&config).caa(&caa_question(NAME)).await.unwrap();
    config.perspectives = vec![through_resolver("far", &closed)];
    let failed = prober(&config).caa(&caa_question(NAME)).await.unwrap_err();
    assert_eq!(failed.problem.kind, ProblemType::Caa);
    assert!(failed.problem.detail.starts_with("seen from far: "), "{}", failed.problem.detail);
}

/// A proxy that takes CONNECT, with these credentials.
async fn proxy(credentials: &'static str) -> Tcp {
    Tcp::start(LOOPBACK, 0, move |mut stream| async move {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        if !head.contains(&format!("proxy-authorization: Basic {credentials}\r\n")) {
            stream.write_all(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            return;
        }
        let target = head.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap();
        let mut onward = TcpStream::connect(target).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.unwrap();
        let _ = copy_bidirectional(&mut stream, &mut onward).await;
    })
    .await
}

#[tokio::test]
async fn a_perspective_may_be_behind_a_proxy() {
    let server = Tcp::http(|_| ok(KEY_AUTHORIZATION)).await;
    let dns = Dns::host(NAME, LOOPBACK).await;
    // user:pw
    let way = proxy("dXNlcjpwdw==").await;
    let through = |credentials: &str| ValidationConfig {
        http_port: server.port,
        perspectives: vec![PerspectiveConfig {
            name: "far".to_owned(),
            resolver: None,
            proxy: Some(format!("http://{credentials}127.0.0.1:{}", way.port)),
        }],
        ..config(&dns)
    };
    look(&through("user:pw@")).await.unwrap();
    assert_eq!((server.came(), way.came()), (2, 1));
    let failed = look(&through("")).await.unwrap_err();
    assert_eq!(failed.problem.kind, ProblemType::Connection);
    assert!(failed.problem.detail.contains("407"), "{}", failed.problem.detail);
    // The policy holds behind a proxy too: nobody is asked to dial what is refused.
    let mut refused = through("user:pw@");
    refused.deny = vec!["127.0.0.1/32".parse().unwrap()];
    assert!(look(&refused).await.unwrap_err().problem.detail.contains("no more is told"));
    assert_eq!(way.came(), 2);
}

#[tokio::test]
async fn a_profiles_resolver_takes_the_place_of_the_servers() {
    let server = Tcp::http(|_| ok(KEY_AUTHORIZATION)).await;
    let (own, of_profile) = (Dns::start(|_, _, _| no_name()).await, Dns::host(NAME, LOOPBACK).await);
    let prober = prober(&ValidationConfig { http_port: server.port, ..config(&own) });
    let mut attempt = attempt(ChallengeType::Http01, NAME);
    assert!(prober.validate(&attempt).await.is_err());
    attempt.resolver = Some(of_profile.address);
    prober.validate(&attempt).await.unwrap();
    let mut question = caa_question(NAME);
    question.resolver = Some(of_profile.address);
    prober.caa(&question).await.unwrap();
    assert_eq!(of_profile.asked(NAME, RecordType::CAA), 1);
}

#[test]
fn what_cannot_be_set_up_is_told() {
    let clock = || std::sync::Arc::new(At(now()));
    let config = ValidationConfig { resolver: Some("127.0.0.1".to_owned()), ..ValidationConfig::default() };
    assert!(matches!(Prober::new(&config, clock()), Err(ConfigError::Address { .. })));
    let config = ValidationConfig { quorum: Some(1), ..ValidationConfig::default() };
    assert!(matches!(Prober::new(&config, clock()), Err(ConfigError::Rule(_))));
    Prober::new(&ValidationConfig::default(), clock()).unwrap();
}

#[test]
fn the_config_is_read() {
    let text = r#"
        http_port = 5002
        resolver = "127.0.0.1:8053"
        allow = ["127.0.0.0/8", "::1/128"]
        timeout = 20
        [[perspectives]]
        name = "far"
        proxy = "http://proxy.example:3128"
    "#;
    let config: ValidationConfig = toml::from_str(text).unwrap();
    assert_eq!((config.http_port, config.tls_port, config.timeout.as_secs()), (5002, 443, 20));
    assert!(config.allow[0].contains(&IpAddr::from([127, 0, 0, 1])));
    assert_eq!(config.perspectives[0].resolver, None);
    assert!(toml::from_str::<ValidationConfig>("htp_port = 1").is_err());
    assert!(toml::from_str::<ValidationConfig>("allow = [\"127.0.0.1/33\"]").is_err());
    let text = toml::to_string(&config).unwrap();
    assert_eq!(toml::from_str::<ValidationConfig>(&text).unwrap(), config);
}
