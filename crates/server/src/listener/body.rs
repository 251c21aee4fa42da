//! A body must be there in time: a client that sends a byte now and then does not hold a connection for ever.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage};
use futures_core::Stream;
use tokio::time::{Sleep, sleep};

/// Middleware that ends a body's stream with an error when the whole of it is not there within the time.
#[derive(Clone, Copy)]
pub struct Deadline(Duration);

impl Deadline {
    /// Every body within `time` from its request's head.
    pub fn new(time: Duration) -> Self {
        Self(time)
    }
}

impl<S, B> Transform<S, ServiceRequest> for Deadline
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = DeadlineService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(DeadlineService { time: self.0, service }))
    }
}

/// [`Deadline`] at work.
pub struct DeadlineService<S> {
    time: Duration,
    service: S,
}

impl<S, B> Service<ServiceRequest> for DeadlineService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = S::Future;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> S::Future {
        let headers = request.headers();
        let empty = headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
        if !empty || headers.contains_key(TRANSFER_ENCODING) {
            let body = Box::pin(InTime { body: request.take_payload(), left: Box::pin(sleep(self.time)) });
            request.set_payload(Payload::Stream { payload: body });
        }
        self.service.call(request)
    }
}

struct InTime {
    body: Payload,
    left: Pin<Box<Sleep>>,
}

impl Stream for InTime {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match Pin::new(&mut self.body).poll_next(context) {
            Poll::Ready(item) => Poll::Ready(item),
            Poll::Pending => match self.left.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err(PayloadError::Io(std::io::ErrorKind::TimedOut.into())))),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body that never comes.
    struct Never;

    impl Stream for Never {
        type Item = Result<Bytes, PayloadError>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_ends_in_an_error() {
        let mut body = InTime {
            body: Payload::Stream { payload: Box::pin(Never) },
            left: Box::pin(sleep(Duration::from_secs(15))),
        };
        let item = std::future::poll_fn(|context| Pin::new(&mut body).poll_next(context)).await;
        assert!(matches!(item, Some(Err(PayloadError::Io(error))) if error.kind() == std::io::ErrorKind::TimedOut));
    }
}
