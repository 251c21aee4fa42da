use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use openssl::ssl::{Ssl, SslConnector};
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::*;
use crate::tls::certified;
use crate::tls::tests::{Anyone, self_signed};

/// `SSL_OP_NO_EXTENDED_MASTER_SECRET`, which the crate does not name.
const NO_EXTENDED_MASTER_SECRET: u64 = 1;

/// A listener that answers so many connections with one byte, and tells what it knew of each client.
fn listen(acceptor: SslAcceptorBuilder, connections: usize) -> (SocketAddr, JoinHandle<Vec<TlsPeer>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = acceptor.build();
    let serve = move || {
        let one = |_| {
            let mut stream = acceptor.accept(listener.accept().unwrap().0).unwrap();
            let peer = peer(stream.ssl());
            stream.write_all(b".").unwrap();
            let _ = stream.read(&mut [0]);
            // Without it OpenSSL forgets the session.
            let _ = stream.shutdown();
            peer
        };
        (0..connections).map(one).collect()
    };
    (address, std::thread::spawn(serve))
}

fn own() -> Arc<ShownCertificate> {
    let (certificate, key) = self_signed("server.example");
    ShownCertificate::new(certified(&[certificate], &key).unwrap())
}

/// A client by OpenSSL of one version; with a certificate and one above it, which needs no truth.
fn client(version: SslVersion, options: u64, identity: Option<(&Certificate, &PrivateKey, &Certificate)>) -> Ssl {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_min_proto_version(Some(version)).unwrap();
    builder.set_max_proto_version(Some(version)).unwrap();
    builder.set_options(SslOptions::from_bits_retain(options as _));
    if let Some((own, key, above)) = identity {
        builder.set_certificate(&X509::from_der(own.der()).unwrap()).unwrap();
        builder.set_private_key(&PKey::private_key_from_pkcs8(&key.to_pkcs8_der()).unwrap()).unwrap();
        builder.add_extra_chain_cert(X509::from_der(above.der()).unwrap()).unwrap();
    }
    let mut configured = builder.build().configure().unwrap();
    configured.set_verify_hostname(false);
    configured.into_ssl("server.example").unwrap()
}

/// Connect, and say what the client's side knows: its own Finished and its exporter.
fn connect(address: SocketAddr, ssl: Ssl) -> (Vec<u8>, [u8; 32]) {
    let mut stream = openssl::ssl::SslStream::new(ssl, TcpStream::connect(address).unwrap()).unwrap();
    stream.connect().unwrap();
    stream.read_exact(&mut [0]).unwrap();
    let mut finished = [0; 64];
    let length = stream.ssl().finished(&mut finished);
    let mut exporter = [0; 32];
    stream.ssl().export_keying_material(&mut exporter, "EXPORTER-Channel-Binding", Some(&[])).unwrap();
    let _ = stream.shutdown();
    (finished[..length].to_vec(), exporter)
}

/// RFC 5929 section 3.1, RFC 9266 section 2: what the client computes is what the server computes.
#[test]
fn both_ends_have_the_same_channel_binding() {
    let (address, told) = listen(acceptor(own()).unwrap(), 2);
    let (finished, _) = connect(address, client(SslVersion::TLS1_2, 0, None));
    let (_, exporter) = connect(address, client(SslVersion::TLS1_3, 0, None));
    let told = told.join().unwrap();
    assert_eq!((told[0].version, told[0].resumed), (TlsVersion::Tls12, false));
    assert_eq!(told[0].tls_unique.as_deref(), Some(&finished[..]));
    assert_eq!(finished.len(), 12);
    assert_eq!(told[0].exporter, None);
    assert_eq!(told[1].version, TlsVersion::Tls13);
    assert_eq!((told[1].exporter, &told[1].tls_unique), (Some(exporter), &None));
    assert!(told.iter().all(|peer| peer.certificates.is_empty()));
}

/// RFC 7627 section 1: without an extended master secret two connections can have the same value.
#[test]
fn without_an_extended_master_secret_there_is_no_tls_unique() {
    let (address, told) = listen(acceptor(own()).unwrap(), 1);
    connect(address, client(SslVersion::TLS1_2, NO_EXTENDED_MASTER_SECRET, None));
    let told = told.join().unwrap();
    assert_eq!((told[0].version, &told[0].tls_unique), (TlsVersion::Tls12, &None));
}

#[test]
fn any_client_certificate_is_taken_and_told_with_its_chain() {
    let (stranger, key) = self_signed("stranger.example");
    let (above, _) = self_signed("above.example");
    let (address, told) = listen(acceptor(own()).unwrap(), 2);
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        connect(address, client(version, 0, Some((&stranger, &key, &above))));
    }
    for peer in told.join().unwrap() {
        assert_eq!(peer.certificates, [stranger.der(), above.der()]);
    }
}

/// RFC 5246 section 7.4.8, RFC 8446 section 4.4.3.
#[test]
fn a_certificate_without_its_key_is_not_taken() {
    let (stranger, _) = self_signed("stranger.example");
    let other = PrivateKey::generate(chancery_pki::KeyType::P256).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = acceptor(own()).unwrap().build();
    let served = std::thread::spawn(move || acceptor.accept(listener.accept().unwrap().0).map(drop).is_err());
    let mut connection = rustls_client(&stranger, &other, &rustls::version::TLS13)();
    let mut socket = TcpStream::connect(address).unwrap();
    let _ = connection.complete_io(&mut socket);
    let mut stream = rustls::Stream::new(&mut connection, &mut socket);
    assert!(stream.read(&mut [0]).is_err(), "an alert");
    assert!(served.join().unwrap());
}

/// Connections by rustls that share their sessions.
fn rustls_client(
    own: &Certificate,
    key: &PrivateKey,
    version: &'static rustls::SupportedProtocolVersion,
) -> impl Fn() -> rustls::ClientConnection + use<> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = PrivateKeyDer::Pkcs8(key.to_pkcs8_der().to_vec().into());
    let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let own = rustls::sign::CertifiedKey::new(vec![CertificateDer::from(own.der().to_vec())], signing);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(own));
    let config = Arc::new(config);
    move || rustls::ClientConnection::new(config.clone(), "server.example".try_into().unwrap()).unwrap()
}

#[test]
fn a_resumed_session_still_has_the_certificate_and_a_binding_of_its_own() {
    let (holder, key) = self_signed("holder.example");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (address, told) = listen(acceptor(own()).unwrap(), 2);
        let connection = rustls_client(&holder, &key, version);
        for _ in 0..2 {
            let (mut connection, mut socket) = (connection(), TcpStream::connect(address).unwrap());
            let mut stream = rustls::Stream::new(&mut connection, &mut socket);
            stream.read_exact(&mut [0]).unwrap();
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
        let told = told.join().unwrap();
        assert_eq!([told[0].resumed, told[1].resumed], [false, true], "{version:?}");
        assert!(told.iter().all(|peer| peer.certificates == [holder.der()]), "{version:?}");
        let bindings = told.iter().map(|peer| (peer.tls_unique.clone(), peer.exporter)).collect::<Vec<_>>();
        assert_ne!(bindings[0], bindings[1]);
        match told[0].version {
            TlsVersion::Tls12 => assert!(bindings.iter().all(|(unique, _)| unique.as_ref().unwrap().len() == 12)),
            TlsVersion::Tls13 => assert!(bindings.iter().all(|(_, exporter)| exporter.is_some())),
        }
    }
}

#[test]
fn a_new_certificate_is_shown_from_the_next_handshake_on() {
    let shown = own();
    let (address, told) = listen(acceptor(shown.clone()).unwrap(), 2);
    let (next, key) = self_signed("next.example");
    let seen = || {
        let ssl = client(SslVersion::TLS1_3, 0, None);
        let mut stream = openssl::ssl::SslStream::new(ssl, TcpStream::connect(address).unwrap()).unwrap();
        stream.connect().unwrap();
        stream.read_exact(&mut [0]).unwrap();
        stream.ssl().peer_certificate().unwrap().to_der().unwrap()
    };
    assert_ne!(seen(), next.der());
    shown.show(certified(std::slice::from_ref(&next), &key).unwrap());
    assert_eq!(seen(), next.der());
    told.join().unwrap();
}

#[test]
fn tls_1_1_is_not_spoken() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = acceptor(own()).unwrap().build();
    let served = std::thread::spawn(move || acceptor.accept(listener.accept().unwrap().0).map(drop).is_err());
    let mut hello = vec![0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(&hello).unwrap();
    let mut alert = [0; 7];
    socket.read_exact(&mut alert).unwrap();
    assert_eq!((alert[0], alert[6]), (21, 70), "protocol_version (RFC 8446 section 6)");
    assert!(served.join().unwrap());
}

#[test]
fn a_certificate_that_is_too_long_is_not_taken() {
    let key = PrivateKey::generate(chancery_pki::KeyType::P256).unwrap();
    let more: Vec<String> = (0..1_000).map(|n| format!("name-{n}.stranger.example")).collect();
    let names = crate::tls::names("stranger.example", [127, 0, 0, 1].into(), None, &more);
    let template = crate::tls::template(names, &key, crate::tls::tests::NOW, time::Duration::days(60));
    let issuer = chancery_pki::Issuer { name: &template.subject, key_id: &key.public_key().key_id() };
    let long = template.sign(&issuer, &key).unwrap();
    assert!(long.der().len() > LONGEST_CERTIFICATE);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = acceptor(own()).unwrap().build();
    let served = std::thread::spawn(move || acceptor.accept(listener.accept().unwrap().0).map(drop).is_err());
    let ssl = client(SslVersion::TLS1_2, 0, Some((&long, &key, &long)));
    let mut stream = openssl::ssl::SslStream::new(ssl, TcpStream::connect(address).unwrap()).unwrap();
    assert!(stream.connect().is_err());
    assert!(served.join().unwrap());
}
