//! The `mtls` listener: TLS with client certificates, REST and nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chancery_pki::KeyType;
use chancery_tests::{Api, Key, send_mtls, showing};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::start;

#[tokio::test]
async fn it_has_the_rest_door_and_nothing_else() {
    let server = start();
    let token = std::fs::read_to_string(server.ready().admin_token_file.as_ref().unwrap()).unwrap();
    let api = Api::mutual(server.ready(), Some(token.trim()), None);
    assert!(!api.get("/api/v1/raProfiles").await.json(200).as_array().unwrap().is_empty());
    for path in ["/", "/health", "/ready", "/metrics", "/acme/tls-server/directory", "/crl/x.crl", "/nothing"] {
        assert_eq!(api.get(path).await.status, 404, "{path}");
    }
    Api::mutual(server.ready(), None, None).get("/api/v1/raProfiles").await.empty(401);
}

#[tokio::test]
async fn a_certificate_of_a_stranger_is_taken_by_tls_and_refused_by_the_door() {
    let server = start();
    let key = Key::new(KeyType::P256);
    let stranger = key.self_signed("CN=stranger");
    let api = Api::mutual(server.ready(), None, Some((&[stranger], &key)));
    api.get("/api/v1/raProfiles").await.empty(401);
}

#[tokio::test]
async fn tls_1_2_and_1_3_without_http_2() {
    let server = start();
    for version in [rustls::ProtocolVersion::TLSv1_2, rustls::ProtocolVersion::TLSv1_3] {
        let mut config = showing(server.ready(), None);
        if version == rustls::ProtocolVersion::TLSv1_2 {
            config = rustls::ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS12])
                .with_root_certificates(roots(&server))
                .with_no_client_auth();
        }
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = TcpStream::connect(server.ready().mtls.unwrap()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let (_, connection) = stream.get_ref();
        assert_eq!(connection.protocol_version(), Some(version));
        assert_eq!(connection.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
}

fn roots(server: &chancery_tests::Server) -> rustls::RootCertStore {
    use rustls::pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(&server.ready().root_pem).unwrap()).unwrap();
    roots
}

#[tokio::test]
async fn silent_and_slow_clients_are_let_go() {
    let server = start();
    let ready = server.ready().clone();
    let begun = Instant::now();
    let mut waits = Vec::new();
    for bytes in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00"] {
        let address = ready.mtls.unwrap();
        waits.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }));
    }
    for bytes in [&b""[..], b"GET /api/v1/raProfiles HTTP/1.1\r\nHost: x\r\n"] {
        let ready = ready.clone();
        waits.push(tokio::spawn(async move {
            assert!(send_mtls(&ready, bytes, Duration::from_secs(60)).await.closed, "{bytes:?} is still open");
        }));
    }
    for wait in waits {
        let left = Duration::from_secs(40).saturating_sub(begun.elapsed());
        tokio::time::timeout(left, wait).await.expect("closed within 40 s").unwrap();
    }
}
