//! The one mapping from the domain's errors to the shapes of the published documents.

use std::fmt::Write as _;

use actix_web::http::{ConnectionType, StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use chancery_core::Error as Domain;
use serde_json::json;

/// What a handler ends with when it does not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the domain answered.
    #[error(transparent)]
    Domain(#[from] Domain),
    /// The body is larger than this door takes.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body was not there within the time that the listener gives it.
    #[error("the body did not arrive in time; send the request again")]
    Slow,
    /// The body is of a type that this door does not read.
    #[error("Content-Type {0} is not read here: send application/json")]
    MediaType(String),
    /// `If-Match` names another version than the current one (RFC 9110 section 13.1.1).
    #[error("the {0} was changed by somebody else; read it again and repeat the edit")]
    PreconditionFailed(&'static str),
}

impl Error {
    /// A request that cannot be read.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::Domain(Domain::Malformed(message.into()))
    }

    /// The answer, with the request's id where the client needs it.
    pub fn respond(&self, request_id: &str) -> HttpResponse {
        let error = match self {
            Self::Domain(error) => error,
            Self::TooLarge { .. } => return message(StatusCode::PAYLOAD_TOO_LARGE, self.to_string()),
            Self::Slow => {
                let mut answer = message(StatusCode::REQUEST_TIMEOUT, self.to_string());
                // RFC 9110 section 15.5.9. The rest of the body may still come, and is no next request.
                answer.head_mut().set_connection_type(ConnectionType::Close);
                return answer;
            }
            Self::MediaType(_) => return message(StatusCode::UNSUPPORTED_MEDIA_TYPE, self.to_string()),
            Self::PreconditionFailed(_) => return message(StatusCode::PRECONDITION_FAILED, self.to_string()),
        };
        match error {
            Domain::Malformed(text) => message(StatusCode::BAD_REQUEST, text),
            Domain::Rejected(rejections) => {
                let texts: Vec<_> = rejections.iter().map(ToString::to_string).collect();
                HttpResponse::UnprocessableEntity().json(texts)
            }
            Domain::Unauthenticated => {
                HttpResponse::Unauthorized().insert_header((header::WWW_AUTHENTICATE, "Bearer")).finish()
            }
            Domain::Forbidden(text) => HttpResponse::Forbidden()
                .content_type("application/problem+json")
                .body(json!({ "statusCode": 403, "code": "ACCESS_DENIED", "message": text }).to_string()),
            Domain::NotFound { .. } => message(StatusCode::NOT_FOUND, error.to_string()),
            Domain::Conflict(text) => message(StatusCode::CONFLICT, text),
            Domain::Throttled { retry_after } => {
                later(message(StatusCode::TOO_MANY_REQUESTS, error.to_string()), *retry_after)
            }
            Domain::Unavailable { retry_after, .. } => {
                later(message(StatusCode::SERVICE_UNAVAILABLE, error.to_string()), *retry_after)
            }
            Domain::Internal(_) => message(StatusCode::INTERNAL_SERVER_ERROR, internal(request_id)),
        }
    }
}

/// The fixed text of a 500.
pub(crate) fn internal(request_id: &str) -> String {
    let mut text = String::from("Internal server error.");
    if !request_id.is_empty() {
        // Writing to a string does not fail.
        let _ = write!(text, " Request id {request_id}");
    }
    text
}

/// `ErrorMessageDto`.
pub(crate) fn message(status: StatusCode, text: impl AsRef<str>) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "message": text.as_ref() }))
}

fn later(mut answer: HttpResponse, after: std::time::Duration) -> HttpResponse {
    // Whole seconds, rounded up: coming back a moment too early is no use.
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    answer.headers_mut().insert(header::RETRY_AFTER, seconds.max(1).into());
    answer
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.respond("").status()
    }

    fn error_response(&self) -> HttpResponse {
        self.respond("")
    }
}

#[cfg(test)]
mod tests;
