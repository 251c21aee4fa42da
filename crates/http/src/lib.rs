//! What the doors share of actix-web: the frame around every request (request id, limits, log line, metrics, caught
//! panics), identities (bearer tokens, what a TLS client showed), and the guard of the plain listener.
//!
//! ```text
//! App::new()
//!     .app_data(Data::new(ra))
//!     .wrap(NormalizePath::new(TrailingSlash::MergeOnly))  // innermost: `//api/v1` is `/api/v1`
//!     .wrap(Frame::new(...))                               // outermost
//! ```

mod bearer;
mod client_certificate;
mod context;
mod failure;
mod frame;
mod metrics;
mod panic;
mod plain;
mod tls_peer;

pub use bearer::{Caller, authenticate};
pub use client_certificate::{CertificateForm, CertificateProxies, ClientCertificates, Via, client_certificates};
pub use context::{Proxies, RequestContext, name_actor, origin, request_id};
pub use failure::{chain, log_failure};
pub use frame::{Frame, FrameService};
pub use metrics::Metrics;
pub use panic::Panicked;
pub use plain::{nothing_here, refuse_credentials};
pub use tls_peer::{TlsPeer, TlsVersion, tls_peer};

/// The answer header that carries the request's id.
pub const REQUEST_ID: &str = "x-request-id";

#[cfg(test)]
mod tests;
