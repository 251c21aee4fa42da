//! What the TLS layer of a connection knows of its client.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};

/// A version of TLS that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// A connection of the `mtls` listener. The client holds the key of the first certificate, and nothing else of the
/// certificates was judged: path, use, time and revocation are the door's to check at every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsPeer {
    /// What the client showed, DER, its own certificate first; empty when it showed none. Of a resumed session: what was
    /// shown in the handshake that began it.
    pub certificates: Vec<Vec<u8>>,
    /// The version.
    pub version: TlsVersion,
    /// Whether the handshake took up an earlier session.
    pub resumed: bool,
    /// The channel binding of TLS 1.2 (RFC 5929 section 3), for a session with an extended master secret alone: without
    /// it the value does not name one connection (RFC 7627 section 1).
    pub tls_unique: Option<Vec<u8>>,
    /// The channel binding `tls-exporter` of TLS 1.3 (RFC 9266 section 2).
    pub exporter: Option<[u8; 32]>,
}

/// The TLS client behind a request: of the `mtls` listener only. A value among the request's own extensions stands before
/// the connection's.
pub fn tls_peer(request: &HttpRequest) -> Option<Arc<TlsPeer>> {
    let own = request.extensions().get::<Arc<TlsPeer>>().cloned();
    own.or_else(|| request.conn_data::<Arc<TlsPeer>>().cloned())
}
