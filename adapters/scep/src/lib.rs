//! The SCEP door over HTTP (RFC 8894 section 4): a handler decodes, calls `chancery-scep` once, and encodes.
//!
//! ```text
//! /scep/{profile}[/][cgi-bin/][pkiclient.exe]              of an RA profile or a SCEP profile
//! /cgi-bin/pkiclient.exe                                   the configured default
//! /certsrv/mscep/mscep.dll[/pkiclient.exe]                 the same, for devices that are set up for NDES
//! /api/v1/protocols/scep/{scepProfile}/pkiclient.exe       the platform's own paths
//! /api/v1/protocols/scep/raProfile/{raProfile}/pkiclient.exe
//! ```
//!
//! The type of a request's content is not looked at: some clients send none, others a wrong one. Every answer has a
//! Content-Length, for devices that know HTTP/1.0 alone.

mod answer;
mod place;
mod query;

use actix_web::http::{Method, header};
use actix_web::web::{self, Bytes, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chancery_core::Door as CoreDoor;
use chancery_scep::{Door, LARGEST, Scep};

use answer::Refusal;
use query::Operation;

/// The door's routes, for `App::configure`: before those of any other door below `/api`.
///
/// The app around it needs a [`chancery_http::Frame`].
pub fn routes(scep: Scep) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let scep = Data::new(scep);
    move |config| {
        for path in [
            "/scep/{tail:.*}",
            "/cgi-bin/pkiclient.exe",
            "/certsrv/mscep/{tail:.*}",
            "/api/v1/protocols/scep/{tail:.*}",
        ] {
            config.service(web::resource(path).app_data(scep.clone()).route(web::route().to(serve)));
        }
    }
}

async fn serve(request: HttpRequest, payload: Payload, scep: Data<Scep>) -> HttpResponse {
    match call(&request, payload, &scep).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.answer(&chancery_http::request_id(&request)),
    }
}

async fn call(request: &HttpRequest, payload: Payload, scep: &Scep) -> Result<HttpResponse, Refusal> {
    let path = place::of(request.uri().path()).ok_or_else(Refusal::no_door)?;
    let door = scep.door(&path).await?.ok_or_else(Refusal::no_door)?;
    let method = request.method();
    if ![Method::GET, Method::HEAD, Method::POST].contains(method) {
        return Err(Refusal::wrong_method("GET, HEAD, POST"));
    }
    let posted = method == Method::POST;
    match query::operation(request.query_string(), posted)? {
        Operation::GetCaCaps if posted => Err(Refusal::wrong_method("GET, HEAD")),
        Operation::GetCaCert | Operation::GetNextCaCert if posted => Err(Refusal::wrong_method("GET, HEAD")),
        Operation::GetCaCaps => Ok(answer::plain(scep.capabilities(&door))),
        Operation::GetCaCert => Ok(answer::ca_certificates(scep.ca_certificates(&door).await?)),
        Operation::GetNextCaCert => Err(Refusal::no_next_ca()),
        Operation::Message => {
            let message = match posted {
                true => read(request, payload).await?,
                false => query::message(request.query_string())?.into(),
            };
            operate(request, scep, &door, &message).await
        }
    }
}

async fn operate(request: &HttpRequest, scep: &Scep, door: &Door, message: &[u8]) -> Result<HttpResponse, Refusal> {
    let origin = chancery_http::origin(request, CoreDoor::Scep);
    Ok(answer::message(scep.pki_operation(door, message, &origin).await?))
}

/// The whole body, or nothing of it: a message that is cut short is no message (some servers cut at their limit).
async fn read(request: &HttpRequest, payload: Payload) -> Result<Bytes, Refusal> {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LARGEST as u64) {
        return Err(Refusal::too_large());
    }
    match payload.to_bytes_limited(LARGEST).await {
        Err(_) => Err(Refusal::too_large()),
        Ok(Err(_)) => Err(Refusal::broken_off()),
        Ok(Ok(bytes)) if bytes.is_empty() => Err(Refusal::empty()),
        Ok(Ok(bytes)) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests;
