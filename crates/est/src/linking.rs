//! Proof-of-possession linking (RFC 7030 section 3.5): the request carries a value of the TLS session that it comes
//! through, so that it cannot have been made for another.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_pki::Csr;

/// What is known of the TLS connection that a request came through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The client's certificates in DER, its own first; none when it sent none.
    pub certificates: Vec<Vec<u8>>,
    /// RFC 5929 section 3, on TLS 1.2 with an extended master secret.
    pub tls_unique: Option<Vec<u8>>,
    /// RFC 9266: the exporter EXPORTER-Channel-Binding, on TLS 1.3 (or 1.2 with an extended master secret).
    pub exporter: Option<[u8; 32]>,
    /// A trusted proxy ended TLS and told of the client's certificate: nothing of the client's own session is known.
    pub via_proxy: bool,
}

/// How a request is linked to its TLS session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// By the right value.
    Yes,
    /// It carries no value.
    No,
}

/// Why a request's value is refused. The texts are for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkingError {
    /// RFC 7894 section 3.3 wants one string.
    #[error("the attribute estIdentityLinking cannot be read: {0}")]
    Malformed(String),
    /// Not the value of this session.
    #[error(
        "the {0} is not the channel binding of this TLS session: make the request after the handshake, with tls-unique \
         (TLS 1.2) or tls-exporter (RFC 9266) in Base64, or leave the attribute out"
    )]
    Wrong(&'static str),
    /// TLS ended before us, or the session has no binding (no extended master secret).
    #[error(
        "the {0} cannot be checked, for this connection has no channel binding (a proxy ends TLS, or TLS 1.2 without \
         extended master secret): connect directly with TLS 1.3, or leave the attribute out"
    )]
    Unavailable(&'static str),
}

/// Check the value that a request carries: in estIdentityLinking (RFC 7894 section 3.3), else in challengePassword (RFC
/// 7030 section 3.5). What is present must be right.
///
/// # Errors
/// A value that is not this session's.
pub fn check(csr: &Csr, peer: &Peer) -> Result<Linked, LinkingError> {
    let linking = csr.est_identity_linking().map_err(|why| LinkingError::Malformed(why.to_string()))?;
    let (value, attribute) = match (&linking, csr.challenge_password()) {
        // Then challengePassword is a password again (RFC 7894 section 3.3).
        (Some(value), _) => (value.as_str(), "estIdentityLinking"),
        (None, Some(value)) => (value, "challengePassword"),
        (None, None) => return Ok(Linked::No),
    };
    let bindings = [peer.tls_unique.as_deref(), peer.exporter.as_ref().map(<[u8; 32]>::as_slice)];
    if peer.via_proxy || bindings.iter().all(Option::is_none) {
        return Err(LinkingError::Unavailable(attribute));
    }
    let right = |binding: &[u8]| verify_slices_are_equal(STANDARD.encode(binding).as_bytes(), value.as_bytes()).is_ok();
    if bindings.into_iter().flatten().any(right) { Ok(Linked::Yes) } else { Err(LinkingError::Wrong(attribute)) }
}

#[cfg(test)]
mod tests {
    use chancery_pki::{CsrTemplate, KeyType, PrivateKey};

    use super::*;

    fn csr(password: Option<&str>) -> Csr {
        let key = PrivateKey::generate(KeyType::P256).unwrap();
        CsrTemplate { challenge_password: password.map(str::to_owned), ..CsrTemplate::default() }.sign(&key).unwrap()
    }

    fn peer(unique: Option<&[u8]>, exporter: Option<[u8; 32]>) -> Peer {
        Peer { tls_unique: unique.map(<[u8]>::to_vec), exporter, ..Peer::default() }
    }

    #[test]
    fn rfc7030_3_5_the_right_value_links() {
        let unique = [7; 12];
        let right = csr(Some(&STANDARD.encode(unique)));
        assert_eq!(check(&right, &peer(Some(&unique), None)), Ok(Linked::Yes));
        // RFC 9266 section 2: TLS 1.3 has tls-exporter.
        let exporter = [9; 32];
        let right = csr(Some(&STANDARD.encode(exporter)));
        assert_eq!(check(&right, &peer(None, Some(exporter))), Ok(Linked::Yes));
        assert_eq!(check(&right, &peer(Some(&unique), Some(exporter))), Ok(Linked::Yes));
    }

    #[test]
    fn rfc7030_3_5_a_value_that_is_present_must_be_right() {
        let unique = [7; 12];
        for wrong in [STANDARD.encode([8; 12]), STANDARD.encode([7; 11]), "a password".into(), String::new()] {
            let refused = check(&csr(Some(&wrong)), &peer(Some(&unique), Some([9; 32])));
            assert_eq!(refused, Err(LinkingError::Wrong("challengePassword")), "{wrong}");
        }
    }

    #[test]
    fn rfc7030_3_5_absent_is_for_the_profile_to_judge() {
        assert_eq!(check(&csr(None), &peer(Some(&[7; 12]), None)), Ok(Linked::No));
        assert_eq!(check(&csr(None), &Peer::default()), Ok(Linked::No));
    }

    #[test]
    fn behind_a_proxy_nothing_can_be_linked() {
        let exporter = [9; 32];
        let right = csr(Some(&STANDARD.encode(exporter)));
        let proxied = Peer { via_proxy: true, ..peer(None, Some(exporter)) };
        assert_eq!(check(&right, &proxied), Err(LinkingError::Unavailable("challengePassword")));
        assert_eq!(check(&right, &Peer::default()), Err(LinkingError::Unavailable("challengePassword")));
    }
}
