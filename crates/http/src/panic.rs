//! A panic in one request ends that request alone.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};

use crate::REQUEST_ID;

/// A handler panicked. The client learns the request id, the log the rest.
#[derive(Debug, thiserror::Error)]
#[error("the handler panicked: {message}")]
pub struct Panicked {
    door: &'static str,
    request_id: String,
    message: String,
}

impl Panicked {
    pub(crate) fn new(door: &'static str, request_id: &str, payload: &(dyn Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".into());
        Self { door, request_id: request_id.into(), message }
    }
}

impl ResponseError for Panicked {
    fn status_code(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }

    fn error_response(&self) -> HttpResponse {
        let message = format!("Internal server error (request id {})", self.request_id);
        let mut answer = crate::frame::failure(self.door, self.status_code(), &message);
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            answer.headers_mut().insert(HeaderName::from_static(REQUEST_ID), id);
        }
        answer
    }
}

/// Poll `future`, and return the panic's payload instead of unwinding into the connection's task.
pub(crate) async fn catch<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    // Unwind safety: the future is dropped right after a panic, and a request's state dies with it.
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(payload) => std::task::Poll::Ready(Err(payload)),
    })
    .await
}
