//! The frame around every request: id, limits, log line, metrics, caught panics.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{Error, HttpMessage, HttpResponse};
use chancery_core::{Clock, Rng};
use serde_json::json;

use crate::client_certificate::CertificateProxies;
use crate::context::{Proxies, RequestContext, is_sane};
use crate::panic::{Panicked, catch};
use crate::{Metrics, REQUEST_ID};

/// Longest request target in bytes (414 beyond).
const LONGEST_TARGET: usize = 8 * 1024;
/// All header names and values together, in bytes (431 beyond).
const LARGEST_HEADERS: usize = 32 * 1024;

/// The outermost middleware of every listener.
#[derive(Clone)]
pub struct Frame {
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    metrics: Metrics,
    proxies: Proxies,
    certificates: CertificateProxies,
}

impl Frame {
    /// A frame that takes request ids from `clock` and `rng` and counts in `metrics`.
    pub fn new(clock: Arc<dyn Clock>, rng: Arc<dyn Rng>, metrics: Metrics, proxies: Proxies) -> Self {
        Self { clock, rng, metrics, proxies, certificates: CertificateProxies::default() }
    }

    /// Believe these proxies what certificates their clients showed.
    #[must_use]
    pub fn with_certificates(self, certificates: CertificateProxies) -> Self {
        Self { certificates, ..self }
    }

    fn id(&self, request: &ServiceRequest) -> String {
        let mut sent = request.headers().get_all(REQUEST_ID);
        match (sent.next().and_then(|value| value.to_str().ok()), sent.next()) {
            (Some(id), None) if is_sane(id) => id.to_owned(),
            _ => chancery_core::new_id(&*self.clock, &*self.rng).to_string(),
        }
    }

    fn told(&self, told: &Told, route: Option<String>, status: StatusCode) {
        let took = told.began.elapsed();
        let door = door(&told.path);
        self.metrics.answered(door, &told.method, status, took);
        let actor = told.context.actor.borrow();
        tracing::info!(
            target: "chancery::request",
            request_id = &*told.context.id,
            door,
            method = told.method.as_str(),
            route = route.as_deref().unwrap_or("none"),
            status = status.as_u16(),
            ms = took.as_micros() as f64 / 1000.0,
            address = told.context.address.map(tracing::field::display),
            actor = actor.as_deref(),
            "answered"
        );
    }
}

/// What the log line needs after the request is gone.
struct Told {
    began: Instant,
    method: Method,
    path: String,
    context: RequestContext,
}

/// The door behind a path, as a label.
fn door(path: &str) -> &'static str {
    // The platform's paths of that door.
    if path.starts_with("/api/v1/protocols/acme/") {
        return "acme";
    }
    match path.split('/').find(|part| !part.is_empty()) {
        Some("api") => "rest",
        Some("acme") => "acme",
        Some("scep") => "scep",
        Some(".well-known") => "est",
        Some("crl" | "ca" | "ocsp") => "status",
        Some("health" | "ready" | "metrics") => "health",
        _ => "none",
    }
}

/// What a door's clients read where the door itself does not come to speak: of ACME a problem document (RFC 8555 section
/// 6.7), of the others a message.
pub(crate) fn failure(door: &str, status: StatusCode, message: &str) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    if door != "acme" {
        return answer.json(json!({ "message": message }));
    }
    let kind = if status.is_server_error() { "serverInternal" } else { "malformed" };
    let problem = json!({
        "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": message, "status": status.as_u16(),
    });
    answer.content_type("application/problem+json").body(problem.to_string())
}

fn too_large(request: &ServiceRequest) -> Option<HttpResponse> {
    if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > LONGEST_TARGET) {
        let message = format!("the request target is longer than {LONGEST_TARGET} bytes");
        return Some(failure(door(request.path()), StatusCode::URI_TOO_LONG, &message));
    }
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers > LARGEST_HEADERS {
        let message = format!("the headers are larger than {LARGEST_HEADERS} bytes");
        return Some(failure(door(request.path()), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &message));
    }
    None
}

impl<S, B> Transform<S, ServiceRequest> for Frame
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = FrameService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(FrameService { frame: Rc::new(self.clone()), service }))
    }
}

/// [`Frame`] at work on one worker.
pub struct FrameService<S> {
    frame: Rc<Frame>,
    service: S,
}

impl<S, B> Service<ServiceRequest> for FrameService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let frame = self.frame.clone();
        let id = frame.id(&request);
        let peer = request.peer_addr().map(|peer| peer.ip());
        let address = frame.proxies.client(peer, request.headers_mut());
        let told = Told {
            began: Instant::now(),
            method: request.method().clone(),
            path: request.path().chars().take(32).collect(),
            context: RequestContext::new(id, address),
        };
        if let Some(told) = frame.certificates.take(peer, request.headers_mut()) {
            request.extensions_mut().insert(told);
        }
        request.extensions_mut().insert(told.context.clone());
        let header = HeaderValue::from_str(&told.context.id).expect("request ids are plain ASCII");

        if let Some(answer) = too_large(&request) {
            frame.told(&told, None, answer.status());
            let mut response = request.into_response(answer).map_into_right_body();
            response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), header);
            return Box::pin(ready(Ok(response)));
        }

        // A handler may panic while it is called as well as while it is polled.
        let future = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.service.call(request)));
        Box::pin(async move {
            let outcome = match future {
                Ok(future) => catch(future).await,
                Err(payload) => Err(payload),
            };
            match outcome {
                Ok(Ok(mut response)) => {
                    let route = response.request().match_pattern();
                    frame.told(&told, route, response.status());
                    response.headers_mut().insert(HeaderName::from_static(REQUEST_ID), header);
                    Ok(response.map_into_left_body())
                }
                Ok(Err(error)) => {
                    frame.told(&told, None, error.as_response_error().status_code());
                    Err(error)
                }
                Err(payload) => {
                    let panicked = Panicked::new(door(&told.path), &told.context.id, &*payload);
                    tracing::error!(request_id = &*told.context.id, error = %panicked, "a request panicked");
                    frame.metrics.panicked();
                    frame.told(&told, None, StatusCode::INTERNAL_SERVER_ERROR);
                    Err(panicked.into())
                }
            }
        })
    }
}
