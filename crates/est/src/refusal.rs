//! What a client is answered that does not get what it asked for: a status, and one line of text.

use std::time::Duration;

use chancery_core::{Error, Rejection};

use crate::body::BodyError;
use crate::linking::LinkingError;

/// A refusal as RFC 7030 section 4.2.3 wants it: an HTTP status that says how, a text that says why.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// One line for people, without anything internal.
    pub text: String,
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// What went wrong on our side, for the log.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Refusal {
    /// A refusal.
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        Self { status, text: one_line(text.into()), retry_after: None, cause: None }
    }

    /// No such label, or no such operation.
    pub fn unknown() -> Self {
        Self::new(404, "there is no EST operation at this address; see the label and the operation's name")
    }
}

/// What a client sent is quoted: it must not become a second line.
fn one_line(text: String) -> String {
    if text.chars().any(char::is_control) {
        text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    } else {
        text
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Malformed(_) => Self::new(400, text),
            Error::Rejected(rejections) => Self::new(rejected(&rejections), text),
            Error::Unauthenticated => Self::new(401, text),
            Error::Forbidden(_) => Self::new(403, text),
            Error::NotFound { .. } => Self::new(404, text),
            Error::Conflict(_) => Self::new(409, text),
            Error::Throttled { retry_after } => Self { retry_after: Some(retry_after), ..Self::new(429, text) },
            Error::Unavailable { retry_after, .. } => {
                Self { retry_after: Some(retry_after), cause: Some(text.clone().into()), ..Self::new(503, text) }
            }
            Error::Internal(cause) => Self { cause: Some(cause), ..Self::new(500, text) },
        }
    }
}

/// RFC 7030 section 4.2.3: what is wrong with the request is 400; what the requester may not have is 403.
fn rejected(rejections: &[Rejection]) -> u16 {
    let forbidden = |rejection: &Rejection| match rejection {
        Rejection::Renewal(_) | Rejection::State(_) => true,
        Rejection::Proof(_)
        | Rejection::Key(_)
        | Rejection::Name { .. }
        | Rejection::Attribute { .. }
        | Rejection::Validity(_)
        | Rejection::Extension { .. }
        | Rejection::Unsupported { .. } => false,
    };
    if rejections.iter().any(forbidden) { 403 } else { 400 }
}

impl From<chancery_core::StoreError> for Refusal {
    fn from(error: chancery_core::StoreError) -> Self {
        Error::from(error).into()
    }
}

/// As core's own errors are: what the trail is told.
pub(crate) fn body_error(error: &BodyError) -> Error {
    Error::Malformed(error.to_string())
}

/// RFC 7030 section 3.5: the request does not belong to this session.
pub(crate) fn linking_error(error: &LinkingError) -> Error {
    Error::rejected(Rejection::Proof(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7030_4_2_3_every_error_has_its_status() {
        let status = |error: Error| Refusal::from(error).status;
        assert_eq!(status(Error::Malformed("x".into())), 400);
        assert_eq!(status(Error::rejected(Rejection::Key("weak".into()))), 400);
        assert_eq!(status(Error::rejected(Rejection::Renewal("names".into()))), 403);
        assert_eq!(status(Error::rejected(Rejection::State("revoked".into()))), 403);
        assert_eq!(status(Error::Unauthenticated), 401);
        assert_eq!(status(Error::Forbidden("x".into())), 403);
        assert_eq!(status(Error::not_found("label", "x")), 404);
        assert_eq!(status(Error::Conflict("x".into())), 409);
        assert_eq!(status(Error::unavailable("x")), 503);
        assert_eq!(status(Error::internal("x")), 500);
        let throttled = Refusal::from(Error::Throttled { retry_after: Duration::from_secs(3) });
        assert_eq!((throttled.status, throttled.retry_after), (429, Some(Duration::from_secs(3))));
    }

    #[test]
    fn a_text_is_one_line_and_tells_no_cause() {
        assert_eq!(Refusal::new(400, "a\r\nb").text, "a\u{fffd}\u{fffd}b");
        let internal = Refusal::from(Error::internal("secret path"));
        assert_eq!(internal.text, "internal error");
    }
}
