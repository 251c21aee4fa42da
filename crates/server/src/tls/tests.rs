use std::io::{Read, Write};

use chancery_pki::Issuer;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, ServerConnection};
use time::macros::datetime;

use super::*;

pub(super) const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

pub(super) fn self_signed(name: &str) -> (Certificate, PrivateKey) {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let template = template(names(name, [127, 0, 0, 1].into(), None, &[]), &key, NOW, time::Duration::days(60));
    let issuer = Issuer { name: &template.subject, key_id: &key.public_key().key_id() };
    let certificate = template.sign(&issuer, &key).unwrap();
    (certificate, key)
}

/// A client that takes any certificate and remembers it.
#[derive(Debug)]
pub(super) struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// The certificate that a handshake with this version shows, and the version that came out.
fn shown(
    config: &Arc<ServerConfig>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> (Vec<u8>, rustls::ProtocolVersion) {
    let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(client), "host.example".try_into().unwrap()).unwrap();
    let mut server = ServerConnection::new(config.clone()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut &wire[..]).unwrap();
        server.process_new_packets().unwrap();
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut &wire[..]).unwrap();
        client.process_new_packets().unwrap();
    }
    (client.peer_certificates().unwrap()[0].to_vec(), client.protocol_version().unwrap())
}

#[test]
fn a_new_certificate_is_shown_from_the_next_handshake_on() {
    let (first, first_key) = self_signed("a.example");
    let (second, second_key) = self_signed("b.example");
    let resolver = ShownCertificate::new(certified(std::slice::from_ref(&first), &first_key).unwrap());
    let config = Arc::new(server_config(resolver.clone()).unwrap());
    assert_eq!(shown(&config, rustls::ALL_VERSIONS), (first.der().to_vec(), rustls::ProtocolVersion::TLSv1_3));
    resolver.show(certified(std::slice::from_ref(&second), &second_key).unwrap());
    assert_eq!(shown(&config, rustls::ALL_VERSIONS).0, second.der());
    let tls12 = [&rustls::version::TLS12];
    assert_eq!(shown(&config, &tls12), (second.der().to_vec(), rustls::ProtocolVersion::TLSv1_2));
}

#[test]
fn a_key_that_is_not_the_certificates_is_refused() {
    let (certificate, _) = self_signed("a.example");
    let (_, other) = self_signed("b.example");
    assert!(certified(&[certificate], &other).is_err());
}

#[test]
fn an_old_tls_version_is_not_spoken() {
    let (certificate, key) = self_signed("a.example");
    let config = Arc::new(server_config(ShownCertificate::new(certified(&[certificate], &key).unwrap())).unwrap());
    // A TLS 1.1 ClientHello, as far as its version goes.
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    let mut server = ServerConnection::new(config).unwrap();
    server.read_tls(&mut &hello[..]).unwrap();
    assert!(server.process_new_packets().is_err());
    let mut alert = Vec::new();
    server.write_tls(&mut alert).unwrap();
    assert_eq!(alert[0], 21, "an alert");
    let _ = server.reader().read(&mut [0]);
    let _ = server.writer().flush();
}

#[test]
fn two_thirds_of_its_life_make_a_certificate_due() {
    let validity = Validity { not_before: NOW, not_after: NOW + time::Duration::days(60) };
    assert!(!is_due(validity, NOW));
    assert!(!is_due(validity, NOW + time::Duration::days(39)));
    assert!(is_due(validity, NOW + time::Duration::days(40)));
    assert!(is_due(validity, NOW - time::Duration::days(1)));
}

#[test]
fn the_names_are_the_base_urls_and_the_machines() {
    let more = ["ra.internal".to_owned(), "192.0.2.7".to_owned(), "not a name".to_owned()];
    let names = names("RA.example", [0, 0, 0, 0].into(), Some("box"), &more);
    let texts: Vec<_> = names.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        ["dns:ra.example", "dns:localhost", "ip:127.0.0.1", "ip:::1", "dns:box", "dns:ra.internal", "ip:192.0.2.7"]
    );
    let (certificate, _) = self_signed("a.example");
    assert!(covers(&certificate, &[GeneralName::Dns("a.example".into()), GeneralName::Dns("localhost".into())]));
    assert!(!covers(&certificate, &names));
}
