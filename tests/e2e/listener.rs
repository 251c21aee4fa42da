//! The listeners: TLS, the plain one, slow and silent clients.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_tests::{Request, fetch, send_plain, send_tls};
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::start;

#[tokio::test]
async fn tls_1_2_and_1_3_and_nothing_older() {
    let server = start();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(&server.ready().root_pem).unwrap()).unwrap();
    for (version, expected) in [
        (&rustls::version::TLS12, rustls::ProtocolVersion::TLSv1_2),
        (&rustls::version::TLS13, rustls::ProtocolVersion::TLSv1_3),
    ] {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(server.ready().https).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let (_, connection) = stream.get_ref();
        assert_eq!(connection.protocol_version(), Some(expected));
        assert_eq!(connection.alpn_protocol(), Some(&b"http/1.1"[..]), "no HTTP/2");
    }
    // A ClientHello of TLS 1.1 (RFC 4346 section 7.4.1.2), with two of its cipher suites: an alert, and the end.
    let mut hello = vec![0x16, 0x03, 0x01, 0x00, 0x2f, 0x01, 0x00, 0x00, 0x2b, 0x03, 0x02];
    hello.extend_from_slice(&[7; 32]);
    hello.extend_from_slice(&[0x00, 0x00, 0x04, 0x00, 0x2f, 0x00, 0x35, 0x01, 0x00]);
    let length = u16::try_from(hello.len() - 5).unwrap().to_be_bytes();
    hello[3..5].copy_from_slice(&length);
    let inner = u16::try_from(hello.len() - 9).unwrap().to_be_bytes();
    hello[7..9].copy_from_slice(&inner);
    let mut stream = TcpStream::connect(server.ready().https).await.unwrap();
    stream.write_all(&hello).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("closed").unwrap();
    assert!(answer.first().is_none_or(|kind| *kind == 0x15), "not an alert: {answer:02x?}");
}

#[tokio::test]
async fn the_plain_listener_has_crls_and_issuers_and_nothing_else() {
    let server = start();
    let api = server.api();
    let (_, certificate) = api.issue("tls-server", &Request::host("plain.example")).await;
    let crl = &certificate.crl_distribution_points()[0];
    assert!(crl.starts_with(&format!("http://{}/", server.ready().http)), "{crl}");
    for path in ["/", "/api/v1/info", "/api/v1/health", "/api/v1/raProfiles", "/metrics", "/nothing"] {
        let answer = fetch(&format!("http://{}{path}", server.ready().http)).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
    // An unknown issuer, well-formed or not.
    let (folder, _) = crl.rsplit_once('/').unwrap();
    for name in ["11111111-1111-4111-8111-111111111111.crl", "x.crl", "..%2f..%2fetc%2fpasswd", "%00.crl"] {
        assert_eq!(fetch(&format!("{folder}/{name}")).await.status, 404, "{name}");
    }
    // A CRL is cacheable, and a cache can ask whether its copy still stands.
    let first = fetch(crl).await;
    let tag = first.header("etag").expect("an ETag").to_owned();
    assert!(first.header("cache-control").is_some() && first.header("last-modified").is_some());
    let path = crl.split_once("//").unwrap().1.split_once('/').unwrap().1;
    let host = server.ready().http;
    let again = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nIf-None-Match: {tag}\r\nConnection: close\r\n\r\n");
    assert_eq!(send_plain(server.ready(), again.as_bytes(), Duration::from_secs(10)).await.status(), Some(304));
}

#[tokio::test]
async fn a_token_sent_in_the_clear_is_refused_and_reported() {
    let server = start();
    let (_, certificate) = server.api().issue("tls-server", &Request::host("plain.example")).await;
    let crl = &certificate.crl_distribution_points()[0];
    let path = crl.split_once("//").unwrap().1.split_once('/').unwrap().1;
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        server.token("auditor", &[])
    );
    let raw = send_plain(server.ready(), request.as_bytes(), Duration::from_secs(10)).await;
    assert!(raw.status().is_some_and(|status| (400..500).contains(&status)), "{}", raw.text);
    assert!(raw.header("x-request-id").is_some(), "{}", raw.text);
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_takes_over_a_sane_one() {
    let server = start();
    for (sent, taken) in [("trace-4711", true), ("<script>", false), (&"a".repeat(5000)[..], false)] {
        let request = format!("GET /health HTTP/1.1\r\nHost: x\r\nX-Request-Id: {sent}\r\nConnection: close\r\n\r\n");
        let raw = send_tls(server.ready(), request.as_bytes(), Duration::from_secs(10)).await;
        let id = raw.header("x-request-id").unwrap_or_else(|| panic!("{}", raw.text));
        assert!(!id.is_empty());
        if !taken {
            assert_ne!(id, sent);
        }
    }
}

#[tokio::test]
async fn silent_and_slow_clients_are_let_go_and_hold_nobody_up() {
    let server = start();
    let ready = server.ready().clone();
    let begun = Instant::now();
    let mut waits = Vec::new();
    for (what, bytes) in [("silent", &b""[..]), ("half a ClientHello", &b"\x16\x03\x01\x02\x00\x01\x00"[..])] {
        for _ in 0..50 {
            let address = ready.https;
            waits.push((
                what,
                tokio::spawn(async move {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    stream.write_all(bytes).await.unwrap();
                    let mut rest = Vec::new();
                    let _ = stream.read_to_end(&mut rest).await;
                }),
            ));
        }
    }
    for bytes in [
        &b""[..],
        b"GET /health HTTP/1.1\r\nHost: x\r\n",
        b"POST /api/v1/certificates HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    ] {
        let ready = ready.clone();
        waits.push(("slow inside TLS", tokio::spawn(async move {
            let raw = send_tls(&ready, bytes, Duration::from_secs(60)).await;
            assert!(raw.closed, "{bytes:?} is still open");
        })));
    }
    for bytes in [&b""[..], b"GET / HTTP/1.1\r\n"] {
        let ready = ready.clone();
        waits.push((
            "slow and plain",
            tokio::spawn(async move {
                let raw = send_plain(&ready, bytes, Duration::from_secs(60)).await;
                assert!(raw.closed, "{bytes:?} is still open");
            }),
        ));
    }
    // Meanwhile everybody else is served.
    server.api().issue("tls-server", &Request::host("meanwhile.example")).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "served only after {:?}", begun.elapsed());
    for (what, wait) in waits {
        let left = Duration::from_secs(40).saturating_sub(begun.elapsed());
        tokio::time::timeout(left, wait).await.unwrap_or_else(|_| panic!("{what}: not closed within 40 s")).unwrap();
    }
}

/// RFC 9110 section 15.5.9.
#[tokio::test]
async fn a_body_that_comes_too_slowly_is_answered_and_its_connection_closed() {
    let server = crate::server().environment("CHANCERY__LIMITS__BODY_TIMEOUT", "1 s").start();
    let token = std::fs::read_to_string(server.ready().admin_token_file.as_ref().unwrap()).unwrap();
    let request = format!(
        "POST /api/v1/certificates HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 100\r\n\r\n{{",
        token.trim()
    );
    let raw = send_tls(server.ready(), request.as_bytes(), Duration::from_secs(20)).await;
    assert_eq!(raw.status(), Some(408), "{raw:?}");
    assert!(raw.closed, "{raw:?}");
}

#[tokio::test]
async fn running_out_of_file_descriptors_is_not_the_end() {
    let server = crate::server().limits("ulimit -n 96").start();
    let address = server.ready().https;
    let mut crowd = Vec::new();
    for _ in 0..300 {
        if let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            crowd.push(stream);
        }
    }
    drop(crowd);
    let api = server.api();
    chancery_tests::eventually("it serves again", Duration::from_secs(40), || async {
        let answer = api.try_send(reqwest::Method::GET, "/api/v1/raProfiles", None).await;
        answer.ok().filter(|answer| answer.status == 200)
    })
    .await;
    api.issue("tls-server", &Request::host("after.example")).await;
}
