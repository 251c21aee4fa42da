//! TLS of the `mtls` listener: OpenSSL, for the channel bindings of TLS 1.2 and 1.3 that EST links requests with
//! (RFC 7030 section 3.5). Any client certificate is taken at the handshake, and judged at every request.

use std::sync::Arc;

use chancery_http::{TlsPeer, TlsVersion};
use chancery_pki::{Certificate, PrivateKey};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    ClientHelloResponse, SslAcceptor, SslAcceptorBuilder, SslAlert, SslMethod, SslOptions, SslRef, SslSessionCacheMode,
    SslVerifyMode, SslVersion,
};
use openssl::x509::{X509, X509Ref};

use super::ShownCertificate;

/// Sessions are kept here and not in tickets: a ticket of OpenSSL carries the client's certificate without its chain.
/// Each may hold a chain of 100 kB, parsed, and anybody can make some.
const SESSIONS: i32 = 64;
/// No client's own certificate has more bytes: parsed, each of its names takes a hundred times as many.
const LONGEST_CERTIFICATE: usize = 16 * 1024;
/// What is sent above it beyond this is not kept.
const MOST_ABOVE: usize = 8;
/// Whose sessions they are; without it OpenSSL takes none up.
const SESSION_CONTEXT: &[u8] = b"chancery-mtls";
/// RFC 9266 section 2.
const EXPORTER_LABEL: &str = "EXPORTER-Channel-Binding";
/// As long as any Finished message of TLS 1.2 (RFC 5246 section 7.4.9: 12, unless a cipher suite says otherwise).
const LONGEST_FINISHED: usize = 64;

/// Certificate, chain and key as OpenSSL takes them.
#[derive(Debug)]
pub struct Credential {
    chain: Vec<X509>,
    key: PKey<Private>,
}

impl Credential {
    /// Of this chain, whose first certificate is the key's.
    pub fn new(chain: &[Certificate], key: &PrivateKey) -> Result<Self, ErrorStack> {
        Ok(Self {
            chain: chain.iter().map(|certificate| X509::from_der(certificate.der())).collect::<Result<_, _>>()?,
            key: PKey::private_key_from_pkcs8(&key.to_pkcs8_der())?,
        })
    }

    /// Show it in this handshake.
    fn show(&self, ssl: &mut SslRef) -> Result<(), ErrorStack> {
        // Asked again after a HelloRetryRequest, when the chain stands already.
        if ssl.certificate().is_some() {
            return Ok(());
        }
        let mut chain = self.chain.iter();
        if let Some(own) = chain.next() {
            ssl.set_certificate(own)?;
        }
        ssl.set_private_key(&self.key)?;
        for above in chain {
            ssl.add_chain_cert(above.clone())?;
        }
        Ok(())
    }
}

/// TLS 1.2 and 1.3 with AEAD suites; no early data, no renegotiation. ALPN (`http/1.1` alone) is actix's to add.
pub fn acceptor(shown: Arc<ShownCertificate>) -> Result<SslAcceptorBuilder, ErrorStack> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_max_proto_version(Some(SslVersion::TLS1_3))?;
    builder.set_options(SslOptions::NO_RENEGOTIATION | SslOptions::NO_COMPRESSION | SslOptions::NO_TICKET);
    builder.set_max_early_data(0)?;
    // A request for a certificate, without a demand. Whom it convinces is decided where the request is known: by then
    // the client has proved that it holds the key (RFC 5246 section 7.4.8, RFC 8446 section 4.4.3).
    // OpenSSL builds no path before that: with many names and constraints it would be busy with one client for seconds.
    builder.set_verify_depth(0);
    builder.set_verify_callback(SslVerifyMode::PEER, |_, context| {
        let length = |certificate: &X509Ref| certificate.to_der().map_or(usize::MAX, |der| der.len());
        context.current_cert().is_none_or(|certificate| length(certificate) <= LONGEST_CERTIFICATE)
    });
    builder.set_session_id_context(SESSION_CONTEXT)?;
    builder.set_session_cache_mode(SslSessionCacheMode::SERVER);
    builder.set_session_cache_size(SESSIONS);
    builder.set_num_tickets(1)?;
    builder.set_client_hello_callback(move |ssl, alert| match shown.0.load().mtls.show(ssl) {
        Ok(()) => Ok(ClientHelloResponse::SUCCESS),
        Err(error) => {
            *alert = SslAlert::INTERNAL_ERROR;
            Err(error)
        }
    });
    Ok(builder)
}

/// What a handshake that is over told of the client.
pub fn peer(ssl: &SslRef) -> TlsPeer {
    let resumed = ssl.session_reused();
    let version = if ssl.version2() == Some(SslVersion::TLS1_3) { TlsVersion::Tls13 } else { TlsVersion::Tls12 };
    let mut certificates = Vec::new();
    // What OpenSSL has parsed it writes again, out of memory apart; without its own certificate a chain is nobody's.
    if let Some(own) = ssl.peer_certificate().and_then(|certificate| certificate.to_der().ok()) {
        let above = ssl.peer_cert_chain().into_iter().flatten().take(MOST_ABOVE);
        certificates = std::iter::once(own).chain(above.map_while(|certificate| certificate.to_der().ok())).collect();
    }
    TlsPeer {
        certificates,
        version,
        resumed,
        tls_unique: (version == TlsVersion::Tls12).then(|| tls_unique(ssl, resumed)).flatten(),
        exporter: (version == TlsVersion::Tls13).then(|| exporter(ssl)).flatten(),
    }
}

/// RFC 5929 section 3.1: the first Finished message, which the client sends in a full handshake and the server in an
/// abbreviated one.
fn tls_unique(ssl: &SslRef, resumed: bool) -> Option<Vec<u8>> {
    if ssl.extms_support() != Some(true) {
        return None;
    }
    let mut finished = [0; LONGEST_FINISHED];
    let length = if resumed { ssl.finished(&mut finished) } else { ssl.peer_finished(&mut finished) };
    (1..=LONGEST_FINISHED).contains(&length).then(|| finished[..length].to_vec())
}

fn exporter(ssl: &SslRef) -> Option<[u8; 32]> {
    let mut value = [0; 32];
    // An empty context: in TLS 1.3 the same as none (RFC 8446 section 7.5).
    ssl.export_keying_material(&mut value, EXPORTER_LABEL, Some(&[])).is_ok().then_some(value)
}

#[cfg(test)]
mod tests;
