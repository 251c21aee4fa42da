//! The native REST door, byte-compatible with the published OpenAPI documents: RA-profile operations and their
//! management, under `/api`.
//!
//! A handler decodes, calls the core once, and encodes. The shapes are in [`dto`], the errors in one exhaustive mapping
//! in [`Error`].

mod acme_account;
mod acme_profile;
mod approval;
mod authority;
mod body;
mod call;
mod certificate;
mod connector;
mod download;
mod error;
mod filter;
mod info;
mod operation;
mod profile;
mod shape;
mod user;

pub mod dto;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{FromRequest, Handler, Resource, Responder};
use chancery_acme::Acme;
use chancery_core::Ra;

pub use error::Error;

/// The door's routes, for `App::configure`. `acme` is what it manages beside the core's own objects; `ready` is what
/// `/v1/health/readiness` answers beside the database: the server turns it off before it stops.
///
/// The app around it needs a [`chancery_http::Frame`], and inside that a `NormalizePath` that merges slashes.
pub fn routes(ra: Ra, acme: Acme, ready: Arc<AtomicBool>) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let (ra, acme, ready) = (Data::new(ra), Data::new(acme), Data::from(ready));
    move |config| {
        config.service(
            web::scope("/api")
                .wrap(from_fn(shape::shape))
                .app_data(ra.clone())
                .app_data(acme.clone())
                .app_data(ready.clone())
                .configure(operation::routes)
                .configure(certificate::routes)
                .configure(acme_profile::routes)
                .configure(acme_account::routes)
                .configure(profile::routes)
                .configure(approval::routes)
                .configure(authority::routes)
                .configure(connector::routes)
                .configure(user::routes)
                .configure(info::routes)
                .default_service(web::to(unknown)),
        );
    }
}

/// A resource that is read: `GET`, and `HEAD` as RFC 9110 section 9.3.2 has it.
fn read<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path).route(web::get().to(handler.clone())).route(web::head().to(handler))
}

async fn unknown() -> actix_web::HttpResponse {
    error::message(actix_web::http::StatusCode::NOT_FOUND, "there is nothing at this address")
}
