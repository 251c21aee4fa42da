//! Clauses of RFC 7030 and 8951 that no story of its own tells.

use super::{PASSWORD, csr, est, key, user};
use crate::start;

/// RFC 7030 section 3.2.2: the label and the name of the RA profile.
#[test]
fn rfc7030_3_2_2_labels_name_profiles() {
    let server = start();
    server.cli(["est", "profile", "create", "--name", "factory", "--ra-profile", "device"]).ok();
    for label in ["device", "factory"] {
        assert_eq!(est(&server).label(label).get("cacerts").status, 200, "{label}");
    }
    for name in ["cacerts", "simpleenroll", "a/b", "", ".x"] {
        server.cli(["est", "profile", "create", "--name", name]).refused();
    }
    server.cli(["est", "profile", "disable", "factory"]).ok();
    assert_eq!(est(&server).label("factory").get("cacerts").status, 404);
    server.cli(["est", "profile", "deactivate", "--ra-profile", "device"]).ok();
    assert_eq!(est(&server).label("device").get("cacerts").status, 404);
    assert_eq!(est(&server).get("cacerts").status, 404);
    server.cli(["est", "profile", "activate", "default", "--ra-profile", "device", "--default"]).ok();
    assert_eq!(est(&server).get("cacerts").status, 200);
}

/// RFC 7030 section 3.3.1: TLS before 1.2 is refused (RFC 8996).
#[test]
fn rfc7030_3_3_1_old_tls_is_refused() {
    let server = start();
    let socket = std::net::TcpStream::connect(server.ready().mtls.unwrap()).unwrap();
    let mut builder = openssl::ssl::SslConnector::builder(openssl::ssl::SslMethod::tls()).unwrap();
    builder.set_min_proto_version(None).unwrap();
    builder.set_max_proto_version(Some(openssl::ssl::SslVersion::TLS1_1)).unwrap();
    builder.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
    builder.set_ca_file(&server.ready().root_pem).unwrap();
    assert!(builder.build().connect("127.0.0.1", socket).is_err());
}

/// RFC 7030 section 4.2.3: the answer holds the certificate alone, unless the profile says otherwise.
#[test]
fn rfc7030_4_2_3_the_answer_holds_the_certificate_alone() {
    let server = start();
    user(&server, "a.example", &[]);
    let client = est(&server).basic("a.example", PASSWORD);
    assert_eq!(client.enrol(csr(&key(), "CN=a.example", &[]).der()).certificates().len(), 1);
    super::set(&server, "chainInAnswers=true");
    assert!(client.enrol(csr(&key(), "CN=a.example", &[]).der()).certificates().len() > 1);
}

/// The Base64 of answers in lines, where the profile says so.
#[test]
fn the_length_of_lines_is_the_profiles() {
    let server = start();
    super::set(&server, "lineLength=76");
    let answer = est(&server).get("cacerts");
    assert!(answer.text().lines().count() > 5 && answer.text().lines().all(|line| line.len() <= 76));
    assert!(
        server.cli(["est", "profile", "edit", "default", "--set", "lineLength=60"]).refused().contains("lineLength")
    );
}
