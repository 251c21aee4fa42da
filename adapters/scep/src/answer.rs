//! From what the door says to HTTP. RFC 8894 has no table of statuses: 200 is every CertRep, one with a failure too.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use chancery_core::Error;
use chancery_scep::LARGEST;

/// RFC 8894 section 4.2.1.2.
const CA_CERTIFICATES: &str = "application/x-x509-ca-ra-cert";
/// RFC 8894 section 4.3.
const MESSAGE: &str = "application/x-pki-message";

/// Why there is no answer of the protocol.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    text: String,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
    /// The rest of the request is not read.
    close: bool,
    cause: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), retry_after: None, allow: None, close: false, cause: None }
    }

    pub fn no_door() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no SCEP door here: look at the URL")
    }

    pub fn no_next_ca() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no next CA certificate yet (RFC 8894 section 4.7)")
    }

    pub fn wrong_method(allow: &'static str) -> Self {
        let text = format!("this operation has another method: {allow}");
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, text) }
    }

    pub fn operation(why: &str) -> Self {
        let operations = "operation is one of GetCACaps, GetCACert, GetNextCACert, PKIOperation (RFC 8894 section 4.1)";
        Self::new(StatusCode::BAD_REQUEST, format!("{why}; {operations}"))
    }

    pub fn empty() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "the body is empty; send a pkiMessage")
    }

    pub fn broken_off() -> Self {
        let text = "the body broke off or did not arrive in time; send the request again";
        Self { close: true, ..Self::new(StatusCode::BAD_REQUEST, text) }
    }

    pub fn too_large() -> Self {
        let text = format!("the message is larger than {LARGEST} bytes");
        Self { close: true, ..Self::new(StatusCode::PAYLOAD_TOO_LARGE, text) }
    }

    pub fn answer(self, request_id: &str) -> HttpResponse {
        let Self { status, mut text, retry_after, allow, close, cause } = self;
        match &cause {
            Some(error) if status == StatusCode::INTERNAL_SERVER_ERROR => {
                tracing::error!(request_id, error, "internal error");
                text = format!("{text} (request id {request_id})");
            }
            Some(error) => tracing::warn!(request_id, error, "unavailable"),
            None => tracing::debug!(request_id, status = status.as_u16(), text, "refused"),
        }
        let mut answer = with(status, "text/plain; charset=utf-8", format!("{text}\n").into_bytes());
        if let Some(after) = retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            answer.headers_mut().insert(header::RETRY_AFTER, seconds.max(1).into());
        }
        if let Some(allow) = allow {
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if close {
            answer.head_mut().set_connection_type(ConnectionType::Close);
        }
        answer
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Malformed(_) => Self::new(StatusCode::BAD_REQUEST, text),
            Error::NotFound { .. } => Self::new(StatusCode::NOT_FOUND, text),
            // A client that is told 429 does not come back; 503 they all know.
            Error::Throttled { retry_after } | Error::Unavailable { retry_after, .. } => {
                let cause = Some(text.clone());
                Self { retry_after: Some(retry_after), cause, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, text) }
            }
            Error::Internal(source) => {
                let cause = Some(chancery_http::chain(&*source));
                Self { cause, ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, text) }
            }
            Error::Rejected(_) | Error::Unauthenticated | Error::Forbidden(_) | Error::Conflict(_) => {
                Self::new(StatusCode::FORBIDDEN, text)
            }
        }
    }
}

fn with(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(content_type)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(body)
}

/// GetCACaps.
pub(crate) fn plain(text: String) -> HttpResponse {
    with(StatusCode::OK, "text/plain", text.into_bytes())
}

/// GetCACert.
pub(crate) fn ca_certificates(der: Vec<u8>) -> HttpResponse {
    with(StatusCode::OK, CA_CERTIFICATES, der)
}

/// CertRep.
pub(crate) fn message(der: Vec<u8>) -> HttpResponse {
    with(StatusCode::OK, MESSAGE, der)
}
