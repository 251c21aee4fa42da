use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use chancery_acme::port::{AttemptFailed, Validator};
use chancery_acme::{ChallengeType, Identifier, ProblemType};
use rcgen::{CertificateParams, CustomExtension, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::check;
use crate::ValidationConfig;
use crate::testing::*;

const NAME: &str = "www.example.com";
const OID: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 31];

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Presents the chain, whether the key goes with it or not.
pub(crate) fn server(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    protocols: &[&[u8]],
    versions: &[&'static SupportedProtocolVersion],
) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Always(Arc::new(CertifiedKey::new(chain, key)))));
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

fn san(name: &str) -> SanType {
    name.parse().map_or_else(|_| SanType::DnsName(name.try_into().unwrap()), SanType::IpAddress)
}

fn hash() -> Vec<u8> {
    digest(&SHA256, KEY_AUTHORIZATION.as_bytes()).as_ref().to_vec()
}

fn extension(oid: &[u64], content: Vec<u8>, critical: bool) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, content);
    extension.set_criticality(critical);
    extension
}

fn octets(content: &[u8]) -> Vec<u8> {
    [&[4, u8::try_from(content.len()).unwrap()], content].concat()
}

/// What a good client presents, changed.
fn certificate(change: impl FnOnce(&mut CertificateParams)) -> (CertificateDer<'static>, KeyPair) {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![san(NAME)];
    params.custom_extensions = vec![extension(OID, octets(&hash()), true)];
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().der().clone(), key)
}

fn verdict(change: impl FnOnce(&mut CertificateParams)) -> Result<(), String> {
    check(&certificate(change).0, &Identifier::Dns(NAME.to_owned()), KEY_AUTHORIZATION)
}

#[test]
fn rfc8737_3_what_the_certificate_must_be() {
    verdict(|_| {}).unwrap();
    verdict(|params| params.subject_alt_names = vec![san("WWW.example.COM")]).unwrap();
    for (why, change) in [
        ("exactly one alternative name", (|params| params.subject_alt_names.clear()) as fn(&mut CertificateParams)),
        ("exactly one alternative name", |params| params.subject_alt_names.push(san("example.com"))),
        ("exactly one alternative name", |params| params.subject_alt_names.push(san(NAME))),
        ("exactly one alternative name", |params| params.subject_alt_names = vec![san("example.com")]),
        ("exactly one alternative name", |params| params.subject_alt_names = vec![san("*.example.com")]),
        ("exactly one alternative name", |params| params.subject_alt_names = vec![san("192.0.2.1")]),
        ("exactly one alternative name", |params| {
            params.subject_alt_names = vec![SanType::URI(NAME.try_into().unwrap())];
        }),
        ("no acmeIdentifier", |params| params.custom_extensions.clear()),
        // The draft's, by which Let's Encrypt had to revoke in 2022.
        ("no acmeIdentifier", |params| {
            params.custom_extensions = vec![extension(&[1, 3, 6, 1, 5, 5, 7, 1, 30, 1], octets(&hash()), true)];
        }),
        ("not critical", |params| params.custom_extensions = vec![extension(OID, octets(&hash()), false)]),
        ("comes twice", |params| params.custom_extensions.push(extension(OID, octets(&hash()), true))),
        ("another key authorization", |params| params.custom_extensions = vec![extension(OID, octets(&[7; 32]), true)]),
        ("no OCTET STRING", |params| params.custom_extensions = vec![extension(OID, hash(), true)]),
        ("no OCTET STRING", |params| params.custom_extensions = vec![extension(OID, octets(&hash()[..31]), true)]),
        ("no OCTET STRING", |params| {
            params.custom_extensions = vec![extension(OID, [octets(&hash()), vec![0]].concat(), true)];
        }),
        ("no OCTET STRING", |params| params.custom_extensions = vec![extension(OID, octets(&octets(&hash())), true)]),
        ("no OCTET STRING", |params| params.custom_extensions = vec![extension(OID, Vec::new(), true)]),
    ] {
        let refused = verdict(change).unwrap_err();
        assert!(refused.contains(why), "{why:?} but {refused}");
    }
}

#[test]
fn rfc8737_3_the_certificate_is_self_signed() {
    let identifier = Identifier::Dns(NAME.to_owned());
    let issuer_key = KeyPair::generate().unwrap();
    let issuer = rcgen::Issuer::new(CertificateParams::default(), issuer_key);
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![san(NAME)];
    params.custom_extensions = vec![extension(OID, octets(&hash()), true)];
    // The same name, but another key.
    let issued = params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
    let refused = check(issued.der(), &identifier, KEY_AUTHORIZATION).unwrap_err();
    assert!(refused.contains("not self-signed"), "{refused}");
    // Trust and time do not matter.
    let (over, _) = certificate(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    check(&over, &identifier, KEY_AUTHORIZATION).unwrap();
    // And a broken signature.
    let (der, _) = certificate(|_| {});
    let mut broken = der.to_vec();
    *broken.last_mut().unwrap() ^= 1;
    assert!(check(&broken, &identifier, KEY_AUTHORIZATION).is_err());
    for cut in 0..der.len() {
        assert!(check(&der[..cut], &identifier, KEY_AUTHORIZATION).is_err());
    }
    check(&der, &identifier, KEY_AUTHORIZATION).unwrap();
}

#[test]
fn rfc8738_6_addresses_are_asked_for_by_their_reverse_names() {
    let name = |address: &str| super::reverse(address.parse().unwrap());
    assert_eq!(name("192.0.2.1"), "1.2.0.192.in-addr.arpa");
    let nibbles = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
    assert_eq!(name("2001:db8::1"), nibbles);
}

async fn look_at(acceptor: TlsAcceptor, name: &str) -> Result<(), AttemptFailed> {
    let server = Tcp::start(LOOPBACK, 0, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let _ = acceptor.accept(stream).await;
        }
    })
    .await;
    let dns = Dns::host(NAME, LOOPBACK).await;
    let config = ValidationConfig { tls_port: server.port, ..config(&dns) };
    prober(&config).validate(&attempt(ChallengeType::TlsAlpn01, name)).await.map(|_| ())
}

fn good(versions: &[&'static SupportedProtocolVersion], protocols: &[&[u8]]) -> TlsAcceptor {
    let (leaf, key) = certificate(|_| {});
    server(vec![leaf], &key, protocols, versions)
}

#[tokio::test]
async fn rfc8737_3_a_good_peer_is_taken_over_both_versions() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        look_at(good(&[version], &[b"acme-tls/1"]), NAME).await.unwrap();
        look_at(good(&[version], &[b"http/1.1", b"acme-tls/1"]), NAME).await.unwrap();
    }
}

#[tokio::test]
async fn rfc8737_3_the_name_is_asked_for_over_one_protocol() {
    let (send, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let server = Tcp::start(LOOPBACK, 0, move |stream| {
        let send = send.clone();
        async move {
            let accepted =
                tokio_rustls::LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await.unwrap();
            let hello = accepted.client_hello();
            let protocols: Vec<Vec<u8>> = hello.alpn().into_iter().flatten().map(<[u8]>::to_vec).collect();
            send.send((hello.server_name().map(str::to_owned), protocols)).unwrap();
        }
    })
    .await;
    let dns = Dns::host(NAME, LOOPBACK).await;
    let prober = prober(&ValidationConfig { tls_port: server.port, ..config(&dns) });
    for (identifier, name) in [(NAME, NAME), ("127.0.0.1", "1.0.0.127.in-addr.arpa")] {
        prober.validate(&attempt(ChallengeType::TlsAlpn01, identifier)).await.unwrap_err();
        assert_eq!(heard.recv().await.unwrap(), (Some(name.to_owned()), vec![b"acme-tls/1".to_vec()]));
    }
}

/// A ServerHello of TLS 1.0 and one of 1.1 (RFC 2246, RFC 4346 section 7.4.1.3).
#[tokio::test]
async fn rfc8737_3_older_tls_is_refused() {
    for minor in [1, 2] {
        let mut hello = vec![0x16, 3, minor, 0, 42, 2, 0, 0, 38, 3, minor];
        hello.extend([7; 32]);
        // No session; TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA; no compression.
        hello.extend([0, 0xc0, 0x09, 0]);
        let server = Tcp::start(LOOPBACK, 0, move |mut stream| {
            let hello = hello.clone();
            async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(&hello).await;
                let _ = stream.read(&mut [0; 4096]).await;
            }
        })
        .await;
        let dns = Dns::host(NAME, LOOPBACK).await;
        let config = ValidationConfig { tls_port: server.port, ..config(&dns) };
        let failed = prober(&config).validate(&attempt(ChallengeType::TlsAlpn01, NAME)).await.unwrap_err();
        assert_eq!(failed.problem.kind, ProblemType::Tls);
        assert!(failed.problem.detail.contains("peer is incompatible"), "{}", failed.problem.detail);
    }
}

#[tokio::test]
async fn rfc8737_4_no_application_data_is_exchanged() {
    let (send, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let acceptor = good(rustls::ALL_VERSIONS, &[b"acme-tls/1"]);
    let server = Tcp::start(LOOPBACK, 0, move |stream| {
        let (acceptor, send) = (acceptor.clone(), send.clone());
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let mut said = Vec::new();
            let ended = stream.read_to_end(&mut said).await.is_ok();
            send.send((said, ended)).unwrap();
        }
    })
    .await;
    let dns = Dns::host(NAME, LOOPBACK).await;
    let config = ValidationConfig { tls_port: server.port, ..config(&dns) };
    prober(&config).validate(&attempt(ChallengeType::TlsAlpn01, NAME)).await.unwrap();
    // Nothing, and a proper end.
    assert_eq!(heard.recv().await.unwrap(), (Vec::new(), true));
}

/// The signature of the handshake goes with the certificate, whatever kind of key that has.
#[tokio::test]
async fn keys_of_other_kinds_are_taken() {
    for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519, &rcgen::PKCS_RSA_SHA256] {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![san(NAME)];
        params.custom_extensions = vec![extension(OID, octets(&hash()), true)];
        let key = KeyPair::generate_for(algorithm).unwrap();
        let leaf = params.self_signed(&key).unwrap().der().clone();
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            look_at(server(vec![leaf.clone()], &key, &[b"acme-tls/1"], &[version]), NAME).await.unwrap();
        }
    }
}

#[tokio::test]
async fn rfc8737_3_the_protocol_must_be_chosen() {
    let failed = look_at(good(rustls::ALL_VERSIONS, &[]), NAME).await.unwrap_err();
    assert_eq!(failed.problem.kind, ProblemType::Tls);
    assert!(failed.problem.detail.contains("did not choose"), "{}", failed.problem.detail);
    let failed = look_at(good(rustls::ALL_VERSIONS, &[b"h2"]), NAME).await.unwrap_err();
    assert_eq!((failed.problem.kind, failed.worth_retrying), (ProblemType::Tls, true));
}

#[tokio::test]
async fn the_wrong_certificate_is_an_incorrect_response() {
    let (leaf, key) = certificate(|params| params.custom_extensions.clear());
    let failed = look_at(server(vec![leaf], &key, &[b"acme-tls/1"], rustls::ALL_VERSIONS), NAME).await.unwrap_err();
    assert_eq!((failed.problem.kind, failed.worth_retrying), (ProblemType::IncorrectResponse, false));
    assert!(failed.problem.detail.contains("acmeIdentifier"), "{}", failed.problem.detail);
}

/// Who presents a certificate whose key he does not have.
#[tokio::test]
async fn a_borrowed_certificate_is_refused() {
    let (leaf, _) = certificate(|_| {});
    let other = KeyPair::generate().unwrap();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let failed = look_at(server(vec![leaf.clone()], &other, &[b"acme-tls/1"], &[version]), NAME).await.unwrap_err();
        assert_eq!(failed.problem.kind, ProblemType::Tls, "{}", failed.problem.detail);
    }
}

#[tokio::test]
async fn rfc8738_6_an_address_is_proved() {
    let (leaf, key) = certificate(|params| params.subject_alt_names = vec![san("127.0.0.1")]);
    look_at(server(vec![leaf], &key, &[b"acme-tls/1"], rustls::ALL_VERSIONS), "127.0.0.1").await.unwrap();
    let (leaf, key) = certificate(|params| params.subject_alt_names = vec![san("1.0.0.127.in-addr.arpa")]);
    let failed =
        look_at(server(vec![leaf], &key, &[b"acme-tls/1"], rustls::ALL_VERSIONS), "127.0.0.1").await.unwrap_err();
    assert_eq!(failed.problem.kind, ProblemType::IncorrectResponse);
}

#[tokio::test]
async fn what_is_no_tls_is_a_tls_problem() {
    let server = Tcp::plain().await;
    let dns = Dns::host(NAME, LOOPBACK).await;
    let config = ValidationConfig { tls_port: server.port, ..config(&dns) };
    let failed = prober(&config).validate(&attempt(ChallengeType::TlsAlpn01, NAME)).await.unwrap_err();
    assert_eq!((failed.problem.kind, failed.worth_retrying), (ProblemType::Tls, true));
    let refused = attempt(ChallengeType::TlsAlpn01, "169.254.169.254");
    let failed = prober(&config).validate(&refused).await.unwrap_err();
    assert_eq!((failed.problem.kind, failed.worth_retrying), (ProblemType::Connection, false));
}
