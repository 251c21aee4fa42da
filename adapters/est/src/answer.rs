//! Answers in the one form that every known client reads: HTTP/1.1, Content-Length, Base64 in one line with
//! Content-Transfer-Encoding beside it (which RFC 8951 makes receivers pass over, and BouncyCastle demands), few headers;
//! 401 and 202 without a body (BouncyCastle closes the stream before it read one).

use std::time::Duration;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use chancery_est::Refusal;
use chancery_est::body::{Lines, encode};

const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");
/// RFC 7030 section 4.2.3. One space: libest compares bytes.
pub(crate) const CERTIFICATES: &str = "application/pkcs7-mime; smime-type=certs-only";
/// RFC 7030 section 4.5.2.
pub(crate) const CSR_ATTRIBUTES: &str = "application/csrattrs";
/// RFC 7617 section 2.1. One challenge: clients' parsers stumble over two.
const CHALLENGE: &str = "Basic realm=\"EST\", charset=\"UTF-8\"";

/// A refusal with what belongs to this one transport.
#[derive(Debug)]
pub(crate) struct Closing {
    /// What is said.
    pub refusal: Refusal,
    /// The rest of the request is not read, so that nothing after it can be either.
    pub close: bool,
    /// The methods that there are.
    pub allow: Option<&'static str>,
}

impl Closing {
    pub fn now(refusal: Refusal) -> Self {
        Self { refusal, close: true, allow: None }
    }

    /// RFC 9110 section 15.5.6.
    pub fn wrong_method(allow: &'static str) -> Self {
        let text = format!("this EST operation has another method: {allow}");
        Self { refusal: Refusal::new(405, text), close: false, allow: Some(allow) }
    }
}

impl From<Refusal> for Closing {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, close: false, allow: None }
    }
}

/// How answers to this client are wrapped.
pub(crate) fn lines(request: &HttpRequest, length: u32) -> Lines {
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Lines::of(length).for_client(agent)
}

/// DER as a client gets it.
pub(crate) fn of_der(der: &[u8], content_type: &'static str, lines: Lines) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((TRANSFER_ENCODING, "base64"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(encode(der, lines))
}

/// RFC 7030 section 4.2.3: come back later.
pub(crate) fn pending(after: Duration) -> HttpResponse {
    HttpResponse::Accepted()
        .insert_header((header::RETRY_AFTER, seconds(after)))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// RFC 7030 section 4.2.3: a status, and why in one line of text.
pub(crate) fn of_refusal(closing: Closing, request_id: &str) -> HttpResponse {
    let Closing { refusal, close, allow } = closing;
    tell(&refusal, request_id);
    let mut builder =
        HttpResponse::build(StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    builder.insert_header((header::CACHE_CONTROL, "no-store"));
    let mut answer = match refusal.status {
        // RFC 7030 section 3.2.3.
        401 => builder.insert_header((header::WWW_AUTHENTICATE, CHALLENGE)).finish(),
        status => {
            let text = if status == 500 {
                // The cause is in the log, under this id.
                format!("{} (request id {request_id})\n", refusal.text)
            } else {
                format!("{}\n", refusal.text)
            };
            builder
                .insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8"))
                .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .body(text)
        }
    };
    if let Some(after) = refusal.retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds(after).into());
    }
    if let Some(allow) = allow {
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    if close {
        answer.head_mut().set_connection_type(ConnectionType::Close);
    }
    answer
}

/// Whole seconds, never a date, which strongSwan does not read; rounded up: coming back a moment too early is no use.
fn seconds(after: Duration) -> u64 {
    (after.as_secs() + u64::from(after.subsec_nanos() > 0)).max(1)
}

/// What a client is not told.
fn tell(refusal: &Refusal, request_id: &str) {
    let cause = refusal.cause.as_deref().map(|cause| chancery_http::chain(cause));
    let cause = cause.as_deref().unwrap_or(&refusal.text);
    match refusal.status {
        500 => tracing::error!(request_id, error = cause, "internal error"),
        502.. => tracing::warn!(request_id, error = cause, "unavailable"),
        status => tracing::debug!(request_id, status, error = cause, "refused"),
    }
}
