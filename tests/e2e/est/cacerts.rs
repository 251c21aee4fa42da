//! cacerts and csrattrs: for everybody.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::est;
use crate::start;

#[test]
fn rfc7030_4_1_the_chain_to_the_root_is_for_everybody() {
    let server = start();
    let answer = est(&server).get("cacerts");
    let certificates = answer.certificates();
    assert_eq!(answer.header("content-type"), Some("application/pkcs7-mime; smime-type=certs-only"));
    assert_eq!(answer.header("content-transfer-encoding"), Some("base64"));
    assert!(!answer.text().contains('\n'), "one line");
    assert!(answer.head.len() < 1024, "strongSwan reads the headers into 1024 bytes");
    assert!(answer.header("transfer-encoding").is_none());
    let root = std::fs::read_to_string(&server.ready().root_pem).unwrap();
    let root = chancery_pki::Certificate::from_pem(&root).unwrap();
    assert!(certificates.contains(&root));
    // RFC 7030 section 4.1.3: every CA that a certificate leads to, each verified by another of them.
    for certificate in &certificates {
        assert!(certificate.is_ca());
        assert!(certificates.iter().any(|ca| certificate.verify_signed_by(ca.public_key()).is_ok()));
    }
    assert_eq!(est(&server).label("device").get("cacerts").body, answer.body);
}

#[test]
fn es_23_cacerts_is_cheap_to_ask_again() {
    let server = start();
    let client = est(&server);
    let first = client.get("cacerts");
    let tag = first.header("etag").unwrap().to_owned();
    let again = client.ask("GET", "cacerts", &[("If-None-Match", &tag)], &[]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(again.header("etag"), Some(&*tag));
    assert_eq!(client.ask("GET", "cacerts", &[("If-None-Match", "\"other\"")], &[]).status, 200);
    let head = client.ask("HEAD", "cacerts", &[], &[]);
    assert_eq!((head.status, head.header("content-length")), (200, first.header("content-length")));
    // libest decodes nothing that stands in one long line.
    let wrapped = client.ask("GET", "cacerts", &[("User-Agent", "Cisco EST client 1.0")], &[]);
    assert!(wrapped.text().lines().all(|line| line.len() <= 64) && wrapped.text().lines().count() > 10);
    assert_eq!(wrapped.certificates(), first.certificates());
    assert_ne!(wrapped.header("etag"), Some(&*tag));
}

#[test]
fn rfc7030_4_5_csr_attributes_say_what_is_enforced() {
    let server = start();
    let answer = est(&server).get("csrattrs");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/csrattrs")));
    let der = STANDARD.decode(&answer.body).unwrap();
    let hex: String = der.iter().map(|byte| format!("{byte:02x}")).collect();
    // The extended key usages of the RA profile `device`, which has no choice of them; and the template of RFC 9908.
    assert!(hex.contains("301406082b0601050507030206082b06010505070301"), "{hex}");
    assert!(hex.contains("060b2a864886f70d010910023d"), "{hex}");
    assert!(!hex.contains("06092a864886f70d010907"), "{hex}");
    super::set(&server, "linking=required");
    let der = STANDARD.decode(est(&server).get("csrattrs").body).unwrap();
    // RFC 7030 section 3.5: a server that demands linking lists challengePassword.
    assert!(der.windows(11).any(|part| part == b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07"));
    assert_eq!(est(&server).label("tls-server").get("csrattrs").status, 404);
    server.cli(["est", "profile", "activate", "default", "--ra-profile", "tls-server"]).ok();
    assert_eq!(est(&server).label("tls-server").get("csrattrs").status, 200);
}
