//! The `mtls` listener: TLS with client certificates, REST and nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_pki::KeyType;
use chancery_tests::{Api, Key, Request, Server, send_mtls, showing};
use reqwest::Method;
use rustls::pki_types::ServerName;
use serde_json::json;
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

fn roots(server: &Server) -> rustls::RootCertStore {
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

/// A certificate of the `tls-client` profile, and a user of its name.
async fn user(server: &Server, key: &Key, name: &str, arguments: &[&str]) -> (String, Vec<u8>) {
    let (uuid, certificate) = server.api().issue("tls-client", &key.request(&format!("CN={name}"), &[])).await;
    let file = server.folder().join(format!("{name}.pem"));
    std::fs::write(&file, certificate.to_pem()).unwrap();
    let file = file.display().to_string();
    server.cli(["user", "add", name, "--certificate", &file].into_iter().chain(arguments.iter().copied())).ok();
    (uuid, certificate.der().to_vec())
}

async fn status(server: &Server, key: &Key, certificate: &[u8]) -> u16 {
    let api = Api::mutual(server.ready(), None, Some((&[certificate.to_vec()], key)));
    api.get("/api/v1/auth/profile").await.status
}

#[tokio::test]
async fn a_user_is_known_by_a_certificate_and_its_renewal() {
    let server = start();
    let key = Key::new(KeyType::P256);
    let (uuid, certificate) = user(&server, &key, "alice", &["--role", "requester", "--profile", "tls-server"]).await;
    let api = Api::mutual(server.ready(), None, Some((std::slice::from_ref(&certificate), &key)));
    let me = api.get("/api/v1/auth/profile").await.json(200);
    assert_eq!((&me["username"], &me["roles"][0]["name"]), (&"alice".into(), &"requester".into()));
    api.issue("tls-server", &Request::host("alice.example")).await;
    // Out of its scope.
    let client = server.api().operations("tls-client").await;
    let body = json!({"request": Request::host("bob.example").pem(), "attributes": []});
    assert_eq!(api.post(&format!("{client}/certificates"), &body).await.status, 404);

    // Its renewal, with the same key, is the same user's.
    let path = format!("{client}/certificates/{uuid}/renew");
    let renewed = server.api().post(&path, &json!({"request": key.request("CN=alice", &[]).pem()})).await.issued().1;
    assert_eq!(status(&server, &key, renewed.der()).await, 200);
    // What another site has a browser send is not this user's will; what only reads may come.
    for (header, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let sent = api.request(Method::POST, "/api/v1/certificates").header(header, value).json(&json!({}));
        assert_eq!(Api::read(sent).await.unwrap().status, 401, "{header}");
        let sent = api.request(Method::GET, "/api/v1/auth/profile").header(header, value);
        assert_eq!(Api::read(sent).await.unwrap().status, 200, "{header}");
    }
    // Another key with the same subject is not: whoever may use the RA profile could have it.
    let other = Key::new(KeyType::P256);
    let (_, impostor) = server.api().issue("tls-client", &other.request("CN=alice", &[])).await;
    assert_eq!(status(&server, &other, impostor.der()).await, 401);
    // Nor is the same key with another subject.
    let (_, renamed) = server.api().issue("tls-client", &key.request("CN=root", &[])).await;
    assert_eq!(status(&server, &key, renamed.der()).await, 401);
    // Nor a certificate of the same names and key that nobody of ours signed.
    assert_eq!(status(&server, &key, &key.self_signed("CN=alice")).await, 401);

    let list = server.cli(["user", "list"]).ok();
    assert!(list.contains("alice") && list.contains("requester"), "{list}");
    server.cli(["user", "disable", "alice"]).ok();
    assert_eq!(status(&server, &key, &certificate).await, 401);
    server.cli(["user", "enable", "alice"]).ok();
    assert_eq!(status(&server, &key, &certificate).await, 200);
    server.cli(["user", "delete", "alice"]).ok();
    assert_eq!(status(&server, &key, &certificate).await, 401);
    let trail = server.cli(["audit", "list", "--json"]).ok();
    for why in ["disabled user", "a client certificate of no user", "user.create", "user.delete", "another subject"] {
        assert!(trail.contains(why), "{why} is not in the trail");
    }
    server.cli(["audit", "verify"]).ok();
}

#[tokio::test]
async fn a_users_revoked_certificate_is_refused_at_once_on_an_open_connection_too() {
    let server = start();
    let key = Key::new(KeyType::P256);
    let (uuid, certificate) = user(&server, &key, "carol", &["--role", "auditor"]).await;
    let api = Api::mutual(server.ready(), None, Some((&[certificate], &key)));
    assert_eq!(api.get("/api/v1/raProfiles").await.status, 200);
    let path = format!("{}/certificates/{uuid}/renew", server.api().operations("tls-client").await);
    let renewed = server.api().post(&path, &json!({"request": key.request("CN=carol", &[]).pem()})).await.issued().1;
    assert_eq!(status(&server, &key, renewed.der()).await, 200);
    server.cli(["cert", "revoke", &uuid]).ok();
    api.get("/api/v1/raProfiles").await.empty(401);
    // A revoked certificate has no successors.
    assert_eq!(status(&server, &key, renewed.der()).await, 401);
    let (_, again) = server.api().issue("tls-client", &key.request("CN=carol", &[])).await;
    assert_eq!(status(&server, &key, again.der()).await, 401);
}

#[tokio::test]
async fn a_token_and_a_certificate_of_two_callers_are_refused() {
    let server = start();
    let key = Key::new(KeyType::P256);
    let (_, certificate) = user(&server, &key, "dave", &["--role", "auditor"]).await;
    let token = server.token("auditor", &[]);
    let both = Api::mutual(server.ready(), Some(&token), Some((&[certificate], &key)));
    both.get("/api/v1/raProfiles").await.empty(401);
    // A certificate of no user says nothing.
    let stranger = Api::mutual(server.ready(), Some(&token), Some((&[key.self_signed("CN=dave")], &key)));
    stranger.get("/api/v1/raProfiles").await.empty(401);
    let other = Key::new(KeyType::P256);
    let stranger = Api::mutual(server.ready(), Some(&token), Some((&[other.self_signed("CN=x")], &other)));
    assert_eq!(stranger.get("/api/v1/raProfiles").await.status, 200);
    let bad = Api::mutual(server.ready(), Some("chancery_x"), Some((&[other.self_signed("CN=x")], &other)));
    bad.get("/api/v1/raProfiles").await.empty(401);
}

#[tokio::test]
async fn only_a_good_client_certificate_of_ours_makes_a_user() {
    let server = start();
    let key = Key::new(KeyType::P256);
    let write = |name: &str, content: &[u8]| {
        let file = server.folder().join(name);
        std::fs::write(&file, content).unwrap();
        file.display().to_string()
    };
    let (_, for_servers) = server.api().issue("tls-server", &key.host("host.example")).await;
    let foreign = write("foreign.der", &key.self_signed("CN=x"));
    let for_servers = write("server.der", for_servers.der());
    let nothing = write("nothing.der", b"nothing");
    for (file, why) in [(&foreign, "no authority"), (&for_servers, "clientAuth"), (&nothing, "not a certificate")] {
        let refused = server.cli(["user", "add", "x", "--role", "auditor", "--certificate", file]);
        let said = refused.refused();
        assert!(said.contains(why), "{said}");
    }
    let (_, certificate) = user(&server, &key, "erin", &["--role", "auditor"]).await;
    let file = write("again.der", &certificate);
    for (name, why) in [("frank", "another user has"), ("system", "not system")] {
        let refused = server.cli(["user", "add", name, "--role", "auditor", "--certificate", &file]);
        let said = refused.refused();
        assert!(said.contains(why), "{said}");
    }
    let taken = ["user", "add", "erin", "--role", "auditor", "--oidc-subject", "https://id.example", "4711"];
    assert!(server.cli(taken).refused().contains("there is a user erin already"));
    let nameless = ["user", "add", "x", "--role", "auditor"];
    assert!(server.cli(nameless).refused().contains("--certificate"));
    assert!(server.cli(["user", "delete", "nobody"]).refused().contains("nobody"));
}

/// RFC 9440.
#[tokio::test]
async fn a_listed_proxy_tells_certificates_and_nobody_else_does() {
    let server = crate::server().environment("CHANCERY__PROXIES__CLIENT_CERTIFICATES", "127.0.0.0/8").start();
    let key = Key::new(KeyType::P256);
    let (_, certificate) = user(&server, &key, "grace", &["--role", "auditor"]).await;
    let header = format!(":{}:", STANDARD.encode(&certificate));
    let ask = async |server: &Server, api: Api, lines: &[(&str, &str)]| {
        let _ = server;
        let mut request = api.request(Method::GET, "/api/v1/auth/profile");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        Api::read(request).await.unwrap()
    };
    let me = ask(&server, server.api_anonymous(), &[("client-cert", &header)]).await.json(200);
    assert_eq!(me["username"], "grace");
    ask(&server, server.api_anonymous(), &[("client-cert", ":AAAA:")]).await.empty(401);
    ask(&server, server.api_anonymous(), &[("ssl-client-cert", &header)]).await.empty(401);
    // The mtls listener has handshakes of its own.
    let api = Api::mutual(server.ready(), None, None);
    ask(&server, api, &[("client-cert", &header)]).await.empty(401);

    let plain = start();
    let (_, certificate) = user(&plain, &key, "grace", &["--role", "auditor"]).await;
    let header = format!(":{}:", STANDARD.encode(&certificate));
    ask(&plain, plain.api_anonymous(), &[("client-cert", &header)]).await.empty(401);
}
