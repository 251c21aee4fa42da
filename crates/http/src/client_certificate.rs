//! Client certificates: of the TLS connection itself, or of one that a trusted proxy ended, told in a header.

use std::net::IpAddr;
use std::rc::Rc;

use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{HttpMessage, HttpRequest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_pki::Certificate;

use crate::Proxies;
use crate::tls_peer::tls_peer;

const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");
const SSL_CLIENT_CERT: HeaderName = HeaderName::from_static("ssl-client-cert");
/// More certificates than this are no chain.
const LONGEST_CHAIN: usize = 10;

/// In which form a proxy tells what its client showed. One form alone: a proxy that sets one header lets the other pass
/// as its client wrote it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateForm {
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440).
    #[default]
    ClientCert,
    /// `ssl-client-cert`: nginx's `$ssl_client_escaped_cert`, a PEM with percent escapes.
    SslClientCert,
}

/// The proxies that end TLS with client certificates for us; none by default.
#[derive(Clone, Debug, Default)]
pub struct CertificateProxies {
    /// Who they are.
    pub proxies: Proxies,
    /// What they write.
    pub form: CertificateForm,
}

/// By whose word it is known that the client holds the first certificate's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Our own handshake.
    Tls,
    /// A proxy's.
    Proxy,
}

/// What a client showed; nothing but the possession of the first certificate's key was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificates {
    /// DER, its own certificate first; at least one.
    pub chain: Vec<Vec<u8>>,
    /// Who saw it.
    pub via: Via,
}

/// What a trusted proxy told; lives in the request's extensions.
type Told = Rc<Result<ClientCertificates, &'static str>>;

/// The certificates that the request's client showed, if any.
///
/// # Errors
/// What is wrong with the header of a trusted proxy.
pub fn client_certificates(request: &HttpRequest) -> Result<Option<ClientCertificates>, &'static str> {
    if let Some(told) = request.extensions().get::<Told>() {
        return told.as_ref().clone().map(Some);
    }
    let peer = tls_peer(request).filter(|peer| !peer.certificates.is_empty());
    Ok(peer.map(|peer| ClientCertificates { chain: peer.certificates.clone(), via: Via::Tls }))
}

impl CertificateProxies {
    /// What the headers tell, when the peer is one of the proxies. Takes the headers away from everybody (RFC 9440 section
    /// 4: whoever reaches us another way could write them too).
    pub(crate) fn take(&self, peer: Option<IpAddr>, headers: &mut HeaderMap) -> Option<Told> {
        let trusted = peer.is_some_and(|peer| self.proxies.contains(peer.to_canonical()));
        let told = trusted.then(|| read(headers, self.form)).and_then(Result::transpose);
        for name in [CLIENT_CERT, CLIENT_CERT_CHAIN, SSL_CLIENT_CERT] {
            headers.remove(name);
        }
        let told = told?.map(|chain| ClientCertificates { chain, via: Via::Proxy });
        Some(Rc::new(told))
    }
}

fn read(headers: &HeaderMap, form: CertificateForm) -> Result<Option<Vec<Vec<u8>>>, &'static str> {
    match form {
        CertificateForm::ClientCert => rfc_9440(headers),
        CertificateForm::SslClientCert => escaped_pem(headers),
    }
}

/// The one value of a header.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, &'static str> {
    let mut values = headers.get_all(name);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err("two client certificate headers from a proxy");
    }
    value.to_str().map(Some).map_err(|_| MALFORMED)
}

const MALFORMED: &str = "a malformed client certificate header from a proxy";

fn rfc_9440(headers: &HeaderMap) -> Result<Option<Vec<Vec<u8>>>, &'static str> {
    let Some(own) = one(headers, &CLIENT_CERT)? else {
        return if headers.contains_key(CLIENT_CERT_CHAIN) { Err(MALFORMED) } else { Ok(None) };
    };
    let mut chain = vec![byte_sequence(own)?];
    for value in headers.get_all(CLIENT_CERT_CHAIN) {
        // A byte sequence has no comma inside (RFC 8941 section 3.3.5).
        for item in value.to_str().map_err(|_| MALFORMED)?.split(',') {
            chain.push(byte_sequence(item)?);
        }
    }
    if chain.len() > LONGEST_CHAIN { Err(MALFORMED) } else { Ok(Some(chain)) }
}

/// RFC 8941 section 4.2.7, with parameters that mean nothing here.
fn byte_sequence(text: &str) -> Result<Vec<u8>, &'static str> {
    let inner = text.trim_matches([' ', '\t']).strip_prefix(':').ok_or(MALFORMED)?;
    let (encoded, after) = inner.split_once(':').ok_or(MALFORMED)?;
    if !after.is_empty() && !after.trim_start_matches(' ').starts_with(';') {
        return Err(MALFORMED);
    }
    certificate(STANDARD.decode(encoded).map_err(|_| MALFORMED)?)
}

/// Only what reads as a certificate goes further.
fn certificate(der: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    if Certificate::from_der(&der).is_ok() { Ok(der) } else { Err(MALFORMED) }
}

fn escaped_pem(headers: &HeaderMap) -> Result<Option<Vec<Vec<u8>>>, &'static str> {
    // nginx writes an empty value when its client showed none.
    let Some(escaped) = one(headers, &SSL_CLIENT_CERT)?.filter(|value| !value.is_empty()) else { return Ok(None) };
    let pem = percent_encoding::percent_decode_str(escaped).decode_utf8().map_err(|_| MALFORMED)?;
    let chain = Certificate::all_from_pem(&pem).map_err(|_| MALFORMED)?;
    if chain.is_empty() || chain.len() > LONGEST_CHAIN {
        return Err(MALFORMED);
    }
    Ok(Some(chain.iter().map(|certificate| certificate.der().to_vec()).collect()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    const PEM: &str = include_str!("../../pki/fuzz/seeds/certificate/leaf.crt.pem");

    fn der() -> Vec<u8> {
        Certificate::from_pem(PEM).unwrap().der().to_vec()
    }

    fn sequence() -> String {
        format!(":{}:", STANDARD.encode(der()))
    }

    fn escaped() -> String {
        PEM.replace('%', "%25").replace('\n', "%0A").replace(' ', "%20").replace('+', "%2B").replace('/', "%2F")
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn take(form: CertificateForm, peer: &str, lines: &[(&'static str, &str)]) -> Option<Told> {
        let proxies = CertificateProxies { proxies: Proxies::new(["10.0.0.0/8".parse().unwrap()]), form };
        let mut headers = headers(lines);
        let told = proxies.take(Some(peer.parse().unwrap()), &mut headers);
        assert!(headers.is_empty(), "nothing further in can believe them: {headers:?}");
        told
    }

    const PROXY: &str = "10.1.2.3";

    /// RFC 9440 sections 2.2 and 2.3.
    #[test]
    fn a_proxy_tells_a_certificate_and_its_chain() {
        let told = take(CertificateForm::ClientCert, PROXY, &[("client-cert", &sequence())]).unwrap();
        assert_eq!(*told, Ok(ClientCertificates { chain: vec![der()], via: Via::Proxy }));
        let two = format!("{0}, {0}", sequence());
        let lines = [("client-cert", &sequence()[..]), ("client-cert-chain", &two), ("client-cert-chain", &sequence())];
        let told = take(CertificateForm::ClientCert, PROXY, &lines).unwrap();
        assert_eq!(told.as_ref().as_ref().unwrap().chain.len(), 4);
        let told = take(CertificateForm::SslClientCert, "::ffff:10.0.0.1", &[("ssl-client-cert", &escaped())]).unwrap();
        assert_eq!(told.as_ref().as_ref().unwrap().chain, [der()]);
    }

    /// RFC 9440 section 4.
    #[test]
    fn from_anybody_else_nothing_is_taken() {
        for form in [CertificateForm::ClientCert, CertificateForm::SslClientCert] {
            let lines = [("client-cert", &sequence()[..]), ("ssl-client-cert", &escaped())];
            assert_eq!(take(form, "192.0.2.1", &lines), None);
        }
        let none = CertificateProxies::default();
        assert_eq!(none.take(Some("127.0.0.1".parse().unwrap()), &mut headers(&[("client-cert", &sequence())])), None);
        assert_eq!(none.take(None, &mut headers(&[("client-cert", &sequence())])), None);
    }

    #[test]
    fn the_form_that_the_proxy_does_not_write_is_its_clients_and_taken_away() {
        assert_eq!(take(CertificateForm::SslClientCert, PROXY, &[("client-cert", &sequence())]), None);
        assert_eq!(take(CertificateForm::ClientCert, PROXY, &[("ssl-client-cert", &escaped())]), None);
        assert_eq!(take(CertificateForm::SslClientCert, PROXY, &[("ssl-client-cert", "")]), None);
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_not_passed_over() {
        let plain = STANDARD.encode(der());
        let noisy = format!("{} x", sequence());
        for value in ["", ":", "::", ":AAAA:", ":*:", &plain, &noisy, &format!(":{plain}")] {
            let told = take(CertificateForm::ClientCert, PROXY, &[("client-cert", value)]).unwrap();
            assert_eq!(*told, Err(MALFORMED), "{value:?}");
        }
        let lines = [("client-cert", &sequence()[..]), ("client-cert", &sequence())];
        assert!(take(CertificateForm::ClientCert, PROXY, &lines).unwrap().is_err());
        assert!(take(CertificateForm::ClientCert, PROXY, &[("client-cert-chain", &sequence())]).unwrap().is_err());
        let long = vec![sequence(); LONGEST_CHAIN].join(",");
        let lines = [("client-cert", &sequence()[..]), ("client-cert-chain", &long)];
        assert!(take(CertificateForm::ClientCert, PROXY, &lines).unwrap().is_err());
        for value in ["x", "%FF", "-----BEGIN%20CERTIFICATE-----"] {
            let told = take(CertificateForm::SslClientCert, PROXY, &[("ssl-client-cert", value)]).unwrap();
            assert!(told.is_err(), "{value:?}");
        }
    }
}
