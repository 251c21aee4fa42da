//! Telling the log what a client is not told.

use chancery_core::Error;

/// An error with everything under it, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut under = error.source();
    while let Some(error) = under {
        let next = error.to_string();
        // Some libraries repeat their source in their own text.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        under = error.source();
    }
    text
}

/// Write a failure of ours to the log with its full chain and the request's id; refusals have their audit entry and are
/// not logged here.
pub fn log_failure(error: &Error, request_id: &str) {
    match error {
        Error::Internal(_) => tracing::error!(request_id, error = chain(error), "internal error"),
        Error::Unavailable { .. } => tracing::warn!(request_id, error = chain(error), "unavailable"),
        Error::Malformed(_)
        | Error::Rejected(_)
        | Error::Unauthenticated
        | Error::Forbidden(_)
        | Error::NotFound { .. }
        | Error::Conflict(_)
        | Error::Throttled { .. } => {}
    }
}
