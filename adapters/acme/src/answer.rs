//! From a reply or a problem to bytes, with what every answer of this door has: a fresh nonce, the way to the directory,
//! and leave for scripts of any origin to read it.

use std::time::Duration;

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use chancery_acme::{Acme, Body, Directory, Problem, ProblemType, Reply, Resource};

/// RFC 8555 section 6.5.1.
const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");
/// RFC 7807 section 6.1.
const PROBLEM: &str = "application/problem+json";
/// What a script may read of an answer (the Fetch standard, section 3.3.4: CORS-exposed header names).
const EXPOSED: &str = "Link, Location, Replay-Nonce, Retry-After";

/// A problem with what belongs to this one transport.
#[derive(Debug)]
pub(crate) struct Refusal {
    problem: Problem,
    allow: Option<&'static str>,
    close: bool,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, allow: None, close: false }
    }
}

impl Refusal {
    /// Its HTTP status.
    #[cfg(test)]
    pub fn status(&self) -> u16 {
        self.problem.status
    }

    /// What it says.
    #[cfg(test)]
    pub fn detail(&self) -> &str {
        &self.problem.detail
    }

    /// The rest of the request is not read, so that nothing after it can be either.
    pub fn closing(problem: Problem) -> Self {
        Self { close: true, ..problem.into() }
    }

    /// RFC 8555 section 6.3: GET on a resource that is read by POST-as-GET is answered with 405, type malformed.
    pub fn wrong_method(method: &Method, resource: &Resource) -> Self {
        let (allow, how) = match resource {
            Resource::Directory | Resource::NewNonce | Resource::RenewalInfo(_) => {
                ("GET, HEAD, POST", "read it with GET or with a signed POST")
            }
            Resource::NewAccount
            | Resource::NewOrder
            | Resource::NewAuthorization
            | Resource::RevokeCertificate
            | Resource::KeyChange
            | Resource::Finalize(_) => ("POST", "send a signed POST"),
            Resource::Account(_)
            | Resource::Orders(..)
            | Resource::Order(_)
            | Resource::Authorization(_)
            | Resource::Challenge(..)
            | Resource::Certificate(..) => {
                ("POST", "to read it send a signed POST with an empty payload (RFC 8555 section 6.3)")
            }
        };
        let method: String = method.as_str().chars().filter(char::is_ascii_alphabetic).take(16).collect();
        let detail = format!("{method} is not possible on this resource; {how}");
        Self { allow: Some(allow), ..Problem::new(ProblemType::Malformed, detail).with_status(405).into() }
    }
}

/// The answer to a request at a directory (with the resource's path below it), or at none.
pub(crate) fn encode(
    request: &HttpRequest,
    acme: &Acme,
    place: Option<(&Directory, &str)>,
    outcome: Result<Reply, Refusal>,
) -> HttpResponse {
    let mut answer = match outcome {
        Ok(reply) => of_reply(reply),
        Err(refusal) => of_refusal(refusal, &chancery_http::request_id(request)),
    };
    // RFC 8555 section 6.5: errors carry a nonce as well; clients begin again with it.
    append(&mut answer, REPLAY_NONCE, &acme.nonce());
    // RFC 8555 section 7.1: every resource but the directory links to it.
    if let Some((directory, resource)) = place
        && resource != Resource::Directory.path()
    {
        link(&mut answer, &directory.url(&Resource::Directory), "index");
    }
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    // RFC 8555 section 7.2; and no answer with a nonce in it is worth keeping.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

pub(crate) fn of_reply(reply: Reply) -> HttpResponse {
    let mut builder = HttpResponse::build(status(reply.status));
    let mut answer = match reply.body {
        Body::Empty => builder.finish(),
        Body::Json(bytes) => builder.content_type("application/json").body(bytes),
        Body::Bytes { content_type, bytes } => builder.content_type(content_type).body(bytes),
    };
    if let Some(location) = &reply.location {
        append(&mut answer, header::LOCATION, location);
    }
    for (target, relation) in &reply.links {
        link(&mut answer, target, relation);
    }
    retry_after(&mut answer, reply.retry_after);
    answer
}

pub(crate) fn of_refusal(refusal: Refusal, request_id: &str) -> HttpResponse {
    let Refusal { mut problem, allow, close } = refusal;
    tell(&problem, request_id);
    if problem.status == 500 {
        // The cause is in the log, under this id.
        problem.detail = format!("{} (request id {request_id})", problem.detail);
    }
    let body = serde_json::to_vec(&problem).expect("a problem of texts and numbers always serialises");
    let mut answer = HttpResponse::build(status(problem.status)).content_type(PROBLEM).body(body);
    if let Some(location) = &problem.location {
        append(&mut answer, header::LOCATION, location);
    }
    for (target, relation) in &problem.links {
        link(&mut answer, target, relation);
    }
    retry_after(&mut answer, problem.retry_after);
    if let Some(allow) = allow {
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    if close {
        answer.head_mut().set_connection_type(ConnectionType::Close);
    }
    answer
}

/// What a client is not told.
fn tell(problem: &Problem, request_id: &str) {
    let cause = problem.cause.as_deref().map(|cause| chancery_http::chain(cause));
    let cause = cause.as_deref().unwrap_or(&problem.detail);
    match problem.status {
        500 => tracing::error!(request_id, error = cause, "internal error"),
        501.. => tracing::warn!(request_id, error = cause, "unavailable"),
        _ => tracing::debug!(request_id, kind = ?problem.kind, error = cause, "refused"),
    }
}

fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn link(answer: &mut HttpResponse, target: &str, relation: &str) {
    append(answer, header::LINK, &format!("<{target}>;rel=\"{relation}\""));
}

/// Whole seconds, rounded up: coming back a moment too early is no use.
fn retry_after(answer: &mut HttpResponse, after: Option<Duration>) {
    let Some(after) = after else { return };
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    answer.headers_mut().insert(header::RETRY_AFTER, seconds.max(1).into());
}

fn append(answer: &mut HttpResponse, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => answer.headers_mut().append(name, value),
        // A URL that an operator has written, for all others are made here.
        Err(_) => tracing::warn!(header = name.as_str(), value, "this cannot stand in a header and is left out"),
    }
}

/// What a browser asks before it lets a script send application/jose+json (RFC 8555 section 6.1).
pub(crate) fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type"))
        .insert_header((header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .insert_header((header::ALLOW, "GET, HEAD, POST, OPTIONS"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}
