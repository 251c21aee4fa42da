//! The EST door over HTTP (RFC 7030): a handler decodes, calls `chancery-est` once, and encodes.
//!
//! ```text
//! /.well-known/est/{operation}
//! /.well-known/est/{label}/{operation}      of an RA profile or an EST profile
//! ```

mod answer;
mod content;
mod place;

use actix_web::http::{Method, header};
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chancery_core::Door;
use chancery_est::{Answer, Call, Endpoint, Est, Peer, Refusal};

use answer::Closing;
use place::{Operation, Place};

/// RFC 7030 section 4.2.1.
const PKCS10: &str = "application/pkcs10";
/// RFC 7030 section 4.3.1.
const PKCS7: &str = "application/pkcs7-mime";
/// CA certificates change rarely, and are looked at again by their tag.
const KEEP: &str = "max-age=300";

/// The door's routes, for `App::configure`: on a listener that asks for client certificates, and on no other.
///
/// The app around it needs a [`chancery_http::Frame`].
pub fn routes(est: Est) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let est = Data::new(est);
    move |config| {
        for path in ["/.well-known/est", "/.well-known/est/{rest:.*}"] {
            config.service(web::resource(path).app_data(est.clone()).route(web::route().to(serve)));
        }
    }
}

async fn serve(request: HttpRequest, payload: Payload, est: Data<Est>) -> HttpResponse {
    match call(&request, payload, &est).await {
        Ok(answer) => answer,
        Err(closing) => answer::of_refusal(closing, &chancery_http::request_id(&request)),
    }
}

async fn call(request: &HttpRequest, payload: Payload, est: &Est) -> Result<HttpResponse, Closing> {
    let place = Place::of(request.uri().path()).ok_or_else(Refusal::unknown)?;
    let endpoint = est.endpoint(place.label).await?.ok_or_else(Refusal::unknown)?;
    let method = request.method();
    let reads = method == Method::GET || method == Method::HEAD;
    let operation = place.operation;
    if if operation.is_read() { !reads } else { method != Method::POST } {
        return Err(Closing::wrong_method(operation.allow()));
    }
    match operation {
        Operation::CaCertificates => ca_certificates(request, est, &endpoint),
        Operation::CsrAttributes => csr_attributes(request, est, &endpoint),
        Operation::Enrol | Operation::Reenrol => {
            content::check_type(request, PKCS10)?;
            enrol(request, payload, est, &endpoint, operation).await
        }
        Operation::FullCmc => {
            content::check_type(request, PKCS7)?;
            Err(Refusal::new(501, "full CMC is not served here: use simpleenroll or simplereenroll").into())
        }
        Operation::ServerKeyGeneration => {
            Err(Refusal::new(404, "keys are not made here: make one yourself, and use simpleenroll").into())
        }
    }
}

async fn enrol(
    request: &HttpRequest,
    payload: Payload,
    est: &Est,
    endpoint: &Endpoint,
    operation: Operation,
) -> Result<HttpResponse, Closing> {
    let body = content::read(request, payload).await?;
    let peer = peer(request);
    let authorization: Vec<&[u8]> =
        request.headers().get_all(header::AUTHORIZATION).map(|value| value.as_bytes()).collect();
    let origin = chancery_http::origin(request, Door::Est);
    let call = Call { endpoint, peer: &peer, authorization: &authorization, body: &body, origin };
    let answer = match operation {
        Operation::Reenrol => est.reenrol(&call).await?,
        _ => est.enrol(&call).await?,
    };
    Ok(match answer {
        Answer::Certificates(der) => {
            let lines = answer::lines(request, endpoint.est_profile.settings.line_length);
            let mut answer = answer::of_der(&der, answer::CERTIFICATES, lines);
            answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
            answer
        }
        Answer::Pending { retry_after } => answer::pending(retry_after),
    })
}

/// RFC 7030 section 4.1: for everybody, and cheap to ask for again.
fn ca_certificates(request: &HttpRequest, est: &Est, endpoint: &Endpoint) -> Result<HttpResponse, Closing> {
    let der = est.ca_certificates(endpoint)?;
    let lines = answer::lines(request, endpoint.est_profile.settings.line_length);
    // Lines are a part of it: a strong tag names one sequence of bytes (RFC 9110 section 8.8.1).
    let tag = format!("\"{}-{}\"", tag(&der), if lines == chancery_est::body::Lines::One { 0 } else { 1 });
    let known = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let mut known = known.flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    if known.any(|known| known == tag || known == "*") {
        let mut builder = HttpResponse::NotModified();
        return Ok(builder.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, KEEP)).finish());
    }
    let mut answer = answer::of_der(&der, answer::CERTIFICATES, lines);
    if let Ok(tag) = header::HeaderValue::from_str(&tag) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static(KEEP));
    Ok(answer)
}

/// The first half of a SHA-256 in hexadecimal.
fn tag(bytes: &[u8]) -> String {
    chancery_est::fingerprint(bytes)[..32].to_owned()
}

/// RFC 7030 section 4.5.2: 204 when there is nothing to tell.
fn csr_attributes(request: &HttpRequest, est: &Est, endpoint: &Endpoint) -> Result<HttpResponse, Closing> {
    Ok(match est.csr_attributes(endpoint)? {
        Some(der) => {
            let lines = answer::lines(request, endpoint.est_profile.settings.line_length);
            let mut answer = answer::of_der(&der, answer::CSR_ATTRIBUTES, lines);
            answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-cache"));
            answer
        }
        None => HttpResponse::NoContent().finish(),
    })
}

/// What TLS knows of the client.
fn peer(request: &HttpRequest) -> Peer {
    match chancery_http::tls_peer(request) {
        Some(peer) => Peer {
            certificates: peer.certificates.clone(),
            tls_unique: peer.tls_unique.clone(),
            exporter: peer.exporter,
            via_proxy: false,
        },
        None => Peer::default(),
    }
}
