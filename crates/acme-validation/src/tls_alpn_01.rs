//! tls-alpn-01: RFC 8737, for addresses RFC 8738.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use chancery_acme::port::{Attempt, AttemptFailed, Proof};
use chancery_acme::{Identifier, ProblemType};
use chancery_pki::{Certificate, GeneralName, ObjectIdentifier};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;
use url::Host;

use crate::dial::Dialer;
use crate::{final_failure, passing_failure};

/// RFC 8737 section 6.2.
pub(crate) const PROTOCOL: &[u8] = b"acme-tls/1";
/// id-pe-acmeIdentifier (RFC 8737 section 6.1).
const ACME_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.31");

/// What tls-alpn-01 is set up with.
#[derive(Clone)]
pub(crate) struct TlsAlpn01 {
    pub port: u16,
    /// Offers [`PROTOCOL`].
    pub client: Arc<ClientConfig>,
}

impl TlsAlpn01 {
    /// Shake hands, and look at the certificate.
    pub async fn validate(&self, dialer: &Dialer, attempt: &Attempt) -> Result<Proof, AttemptFailed> {
        let (host, name) = names(&attempt.identifier)?;
        let stream = dialer.connect(&host, self.port).await?.stream;
        let place = format!("{host} port {}", self.port);
        let mut tls = TlsConnector::from(Arc::clone(&self.client)).connect(name, stream).await.map_err(|error| {
            passing_failure(ProblemType::Tls, format!("no TLS with acme-tls/1 at {place}: {error}"))
        })?;
        let (_, session) = tls.get_ref();
        if session.alpn_protocol() != Some(PROTOCOL) {
            let detail = format!("{place} did not choose the protocol acme-tls/1 (RFC 8737 section 3)");
            return Err(passing_failure(ProblemType::Tls, detail));
        }
        let leaf = session.peer_certificates().and_then(<[_]>::first).map(|leaf| leaf.to_vec()).unwrap_or_default();
        // RFC 8737 section 4: nothing is said over it. Whether the peer hears the end does not matter.
        let _ = tls.shutdown().await;
        check(&leaf, &attempt.identifier, &attempt.key_authorization).map_err(|why| {
            final_failure(ProblemType::IncorrectResponse, format!("the certificate of {place} {why}"))
        })?;
        Ok(Proof::default())
    }
}

/// Whom to dial, and whom to ask for: RFC 8738 section 6 asks for an address by its name in the reverse tree.
fn names(identifier: &Identifier) -> Result<(Host<String>, ServerName<'static>), AttemptFailed> {
    let (host, name) = match identifier {
        Identifier::Dns(name) => (Host::Domain(name.clone()), name.clone()),
        Identifier::Ip(address @ IpAddr::V4(four)) => (Host::Ipv4(*four), reverse(*address)),
        Identifier::Ip(address @ IpAddr::V6(six)) => (Host::Ipv6(*six), reverse(*address)),
        Identifier::PermanentIdentifier(_) | Identifier::HardwareModule(_) => {
            let detail = format!("tls-alpn-01 cannot prove a {}", identifier.kind());
            return Err(final_failure(ProblemType::UnsupportedIdentifier, detail));
        }
    };
    match ServerName::try_from(name) {
        Ok(name @ ServerName::DnsName(_)) => Ok((host, name)),
        _ => Err(final_failure(ProblemType::Malformed, format!("{identifier} is no name that TLS can ask for"))),
    }
}

fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(four) => {
            let [a, b, c, d] = four.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(six) => {
            let nibbles = six.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa"
        }
    }
}

/// RFC 8737 section 3: what the certificate must be.
pub(crate) fn check(der: &[u8], identifier: &Identifier, key_authorization: &str) -> Result<(), String> {
    let leaf = Certificate::from_der(der).map_err(|why| format!("cannot be read: {why}"))?;
    if !leaf.is_self_issued() || leaf.verify_signed_by(leaf.public_key()).is_err() {
        return Err("is not self-signed (RFC 8737 section 3)".to_owned());
    }
    let named = match (leaf.subject_alt_names(), identifier) {
        ([GeneralName::Dns(name)], Identifier::Dns(asked)) => name.eq_ignore_ascii_case(asked),
        ([GeneralName::Ip(address)], Identifier::Ip(asked)) => address == asked,
        _ => false,
    };
    if !named {
        return Err(format!("does not have exactly one alternative name, {identifier} (RFC 8737 section 3)"));
    }
    let Some(value) = leaf.extension_value(ACME_IDENTIFIER) else {
        return Err("has no acmeIdentifier extension, 1.3.6.1.5.5.7.1.31 (RFC 8737 section 3)".to_owned());
    };
    if !leaf.critical_extensions().contains(&ACME_IDENTIFIER) {
        return Err("has an acmeIdentifier extension that is not critical (RFC 8737 section 3)".to_owned());
    }
    // Authorization ::= OCTET STRING (SIZE (32)).
    match value {
        [0x04, 32, hash @ ..] if hash == digest(&SHA256, key_authorization.as_bytes()).as_ref() => Ok(()),
        [0x04, 32, hash @ ..] if hash.len() == 32 => {
            Err("has an acmeIdentifier of another key authorization: another token, or another account key".to_owned())
        }
        _ => Err("has an acmeIdentifier that is no OCTET STRING of 32 bytes (RFC 8737 section 3)".to_owned()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
