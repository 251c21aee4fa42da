//! What stands on the wire: paths, methods, types, bodies, statuses (est.md section 2.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{PASSWORD, csr, est, key, refused, user};
use crate::start;

const PKCS10: (&str, &str) = ("Content-Type", "application/pkcs10");

#[test]
fn es_22_unknown_addresses_are_not_found() {
    let server = start();
    let mut connection = est(&server).connect().unwrap();
    let long = format!("/.well-known/est/{}/cacerts", "x".repeat(4096));
    for path in [
        "/.well-known/est/unknown/cacerts",
        "/.well-known/est/..%2f..",
        "/.well-known/est/..%2f../cacerts",
        "/.well-known/est/device/nothing",
        "/.well-known/est/cacerts/cacerts",
        "/.well-known/est/",
        "/.well-known/est",
        "/.well-known/other",
        &long,
    ] {
        let answer = connection.ask_at("GET", path, &[], &[]).unwrap();
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(connection.ask_at("GET", "/.well-known/est/device/cacerts", &[], &[]).unwrap().status, 200);
}

#[test]
fn another_method_is_405_with_allow() {
    let server = start();
    let mut connection = est(&server).connect().unwrap();
    for (operation, method, allow) in [
        ("cacerts", "POST", "GET, HEAD"),
        ("csrattrs", "DELETE", "GET, HEAD"),
        ("simpleenroll", "GET", "POST"),
        ("simplereenroll", "PUT", "POST"),
        ("serverkeygen", "GET", "POST"),
        ("fullcmc", "GET", "POST"),
        ("simpleenroll", "OPTIONS", "POST"),
    ] {
        let answer = connection.ask(method, operation, &[], &[]).unwrap();
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {operation}");
    }
}

#[test]
fn es_08_another_type_is_415() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    let client = est(&server).basic("gw-7.example", PASSWORD);
    let body = STANDARD.encode(csr(&key(), "CN=gw-7.example", &[]).der());
    let ask = |headers: &[(&str, &str)]| client.ask("POST", "simpleenroll", headers, body.as_bytes()).status;
    assert_eq!(ask(&[]), 415);
    for kind in ["text/plain", "application/pkcs10xyz", "application/pkcs7-mime", ""] {
        assert_eq!(ask(&[("Content-Type", kind)]), 415, "{kind}");
    }
    assert_eq!(ask(&[PKCS10, PKCS10]), 415);
    assert_eq!(ask(&[PKCS10, ("Content-Encoding", "gzip")]), 415);
    for kind in ["application/pkcs10", "Application/PKCS10; charset=us-ascii"] {
        assert_eq!(ask(&[("Content-Type", kind)]), 200, "{kind}");
    }
}

#[test]
fn es_09_bodies_are_base64_whatever_the_headers_say() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    let client = est(&server).basic("gw-7.example", PASSWORD);
    let csr = csr(&key(), "CN=gw-7.example", &[]);
    let one_line = STANDARD.encode(csr.der());
    let wrapped = |end: &str| {
        let lines = one_line.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned());
        lines.collect::<Vec<_>>().join(end) + end
    };
    let ask = |body: &[u8], encoding: &str| {
        client.ask("POST", "simpleenroll", &[PKCS10, ("Content-Transfer-Encoding", encoding)], body)
    };
    for encoding in ["base64", "binary", "8bit"] {
        for body in [one_line.clone(), wrapped("\r\n"), wrapped("\n"), format!(" \t{one_line}\r\n\r\n")] {
            assert_eq!(ask(body.as_bytes(), encoding).status, 200, "{encoding} {body}");
        }
    }
    assert_eq!(ask(csr.to_pem().as_bytes(), "base64").status, 200);
    assert_eq!(ask(csr.der(), "binary").status, 200);
    for (body, says) in [
        (b"".as_slice(), "empty"),
        (b"!!!!", "not Base64"),
        (b"QUJD", "no certificate request"),
        (&one_line.as_bytes()[..one_line.len() - 8], "cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "PEM"),
    ] {
        let answer = ask(body, "base64");
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains(says), "{}", answer.text());
        refused(&server, says);
    }
    super::set(&server, "lenientBodies=false");
    assert_eq!(ask(csr.to_pem().as_bytes(), "base64").status, 400);
    assert_eq!(ask(csr.der(), "binary").status, 400);
    assert_eq!(ask(one_line.as_bytes(), "base64").status, 200);
}

#[test]
fn es_11_a_request_whose_signature_is_wrong_proves_nothing() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    let client = est(&server).basic("gw-7.example", PASSWORD);
    let mut der = csr(&key(), "CN=gw-7.example", &[]).der().to_vec();
    let last = der.len() - 3;
    der[last] ^= 1;
    let answer = client.enrol(&der);
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("signature"), "{}", answer.text());
    refused(&server, "signature");
    let mut trailing = csr(&key(), "CN=gw-7.example", &[]).der().to_vec();
    trailing.push(0);
    assert_eq!(client.enrol(&trailing).status, 400);
}

#[test]
fn too_much_is_413_and_the_connection_ends() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    let client = est(&server).basic("gw-7.example", PASSWORD);
    let answer = client.ask("POST", "simpleenroll", &[PKCS10], &vec![b'A'; 64 * 1024 + 1]);
    assert_eq!(answer.status, 413);
    assert_eq!(answer.header("connection"), Some("close"));
    // RFC 7030 section 6: deep nesting and wrong lengths cost nothing.
    let deep = [0x30, 0x80].repeat(10_000);
    assert_eq!(client.enrol(&deep).status, 400);
    assert_eq!(client.enrol(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0]).status, 400);
}

#[test]
fn es_01_es_18_what_is_not_served_is_not_there() {
    let server = start();
    user(&server, "gw-7.example", &[]);
    let client = est(&server).basic("gw-7.example", PASSWORD);
    let body = STANDARD.encode(csr(&key(), "CN=gw-7.example", &[]).der());
    assert_eq!(client.ask("POST", "serverkeygen", &[PKCS10], body.as_bytes()).status, 404);
    let cmc = [("Content-Type", "application/pkcs7-mime; smime-type=CMC-request")];
    assert_eq!(client.ask("POST", "fullcmc", &cmc, body.as_bytes()).status, 501);
    // Neither of the other listeners has the door.
    for (address, tls) in [(server.ready().http, false), (server.ready().https, true)] {
        let request = "GET /.well-known/est/cacerts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let answer = if tls {
            let pem = std::fs::read(&server.ready().root_pem).unwrap();
            EstAt { address, pem }.ask(request)
        } else {
            plain(address, request)
        };
        assert!(answer.starts_with("HTTP/1.1 404"), "{address}: {answer}");
    }
}

struct EstAt {
    address: std::net::SocketAddr,
    pem: Vec<u8>,
}

impl EstAt {
    fn ask(&self, request: &str) -> String {
        use std::io::{Read, Write};
        let mut builder = openssl::ssl::SslConnector::builder(openssl::ssl::SslMethod::tls()).unwrap();
        let root = openssl::x509::X509::from_pem(&self.pem).unwrap();
        builder.cert_store_mut().add_cert(root).unwrap();
        let socket = std::net::TcpStream::connect(self.address).unwrap();
        let mut stream = builder.build().connect(&self.address.ip().to_string(), socket).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn plain(address: std::net::SocketAddr, request: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
