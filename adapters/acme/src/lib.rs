//! The ACME door over HTTP (RFC 8555): a handler decodes, calls `chancery-acme` once, and encodes.
//!
//! ```text
//! /acme/{profile}/…                               of an RA profile or an ACME profile
//! /api/v1/protocols/acme/{acmeProfile}/…          the platform's own paths for the same
//! /api/v1/protocols/acme/raProfile/{raProfile}/…
//! ```
//!
//! Below each stand the resources of [`chancery_acme::Resource`]. What is asked for at an unknown address is answered with
//! a problem document as well, for clients read nothing else.

mod answer;
mod body;
mod place;

use std::sync::OnceLock;

use actix_web::http::Method;
use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chancery_acme::{Acme, Body, Directory, Post, Problem, ProblemType, Reply, Resource};
use chancery_core::Door;

use answer::Refusal;
use place::Place;

/// The door's routes, for `App::configure`: before those of any other door below `/api`.
///
/// The app around it needs a [`chancery_http::Frame`].
pub fn routes(acme: Acme) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let acme = Data::new(acme);
    move |config| {
        for path in [
            "/acme/{directory}/{resource:.*}",
            "/acme/{directory}",
            "/api/v1/protocols/acme/raProfile/{directory}/{resource:.+}",
            "/api/v1/protocols/acme/{directory}/{resource:.*}",
        ] {
            config.service(web::resource(path).app_data(acme.clone()).route(web::route().to(serve)));
        }
    }
}

async fn serve(request: HttpRequest, payload: Payload, acme: Data<Acme>) -> HttpResponse {
    if request.method() == Method::OPTIONS {
        return answer::preflight();
    }
    let place = request.uri().path_and_query().and_then(|target| Place::of(target.as_str()));
    let Some(place) = place else {
        return answer::encode(&request, &acme, None, Err(unknown("resource").into()));
    };
    match acme.directory(&place.directory).await {
        Ok(Some(directory)) => {
            let reply = call(&request, payload, &acme, &directory, place.resource).await;
            answer::encode(&request, &acme, Some((&directory, place.resource)), reply)
        }
        Ok(None) => answer::encode(&request, &acme, None, Err(unknown("directory").into())),
        Err(problem) => answer::encode(&request, &acme, None, Err(problem.into())),
    }
}

async fn call(
    request: &HttpRequest,
    payload: Payload,
    acme: &Acme,
    directory: &Directory,
    resource: &str,
) -> Result<Reply, Refusal> {
    let resource = Resource::parse(resource).ok_or_else(|| unknown("resource"))?;
    let method = request.method();
    let reads = method == Method::GET || method == Method::HEAD;
    match &resource {
        Resource::Directory if reads => Ok(acme.directory_document(directory)),
        // RFC 8555 section 7.2: HEAD is answered with 200, GET with 204.
        Resource::NewNonce if reads => Ok(empty(if method == Method::HEAD { 200 } else { 204 })),
        Resource::RenewalInfo(id) if reads => Ok(acme.renewal_info(directory, id).await?),
        _ if method == Method::POST => {
            body::check_headers(request)?;
            let body = body::read(request, payload).await?;
            let accept = accept(request);
            let origin = chancery_http::origin(request, Door::Acme);
            let signed_by = OnceLock::new();
            let post =
                Post { directory, resource, body: &body, accept: accept.as_deref(), origin, signed_by: &signed_by };
            let reply = acme.post(post).await;
            // Of a request that was refused too.
            if let Some(name) = signed_by.get() {
                chancery_http::name_actor(request, name);
            }
            Ok(reply?)
        }
        _ => Err(Refusal::wrong_method(method, &resource)),
    }
}

fn empty(status: u16) -> Reply {
    Reply { status, body: Body::Empty, location: None, links: Vec::new(), retry_after: None }
}

/// All `Accept` headers as one (RFC 9110 section 5.2).
fn accept(request: &HttpRequest) -> Option<String> {
    let values: Vec<_> = request.headers().get_all("accept").filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn unknown(what: &str) -> Problem {
    Problem::new(
        ProblemType::Malformed,
        format!("there is no ACME {what} at this address; every address but the directory's comes from the directory"),
    )
    .with_status(404)
}

#[cfg(test)]
mod tests;
