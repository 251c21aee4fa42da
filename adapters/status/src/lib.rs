//! The status door: CRLs and issuer certificates, for everybody, at the addresses that certificates carry.
//!
//! ```text
//! GET /crl/{issuer}.crl   the newest full CRL, DER                     (RFC 5280 section 4.2.1.13)
//! GET /ca/{issuer}.cer    the CA certificate, DER                      (RFC 5280 section 4.2.2.1)
//! GET /ca/{issuer}.pem    the same for people
//! ```
//!
//! `{issuer}` is the inventory id of a CA certificate. Nothing here is secret and everything is signed, so plain HTTP is
//! the right transport and no credential is asked for.

mod answer;

use std::sync::Arc;

use actix_web::web::{self, Bytes, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chancery_core::Clock;
use chancery_core::port::CrlRecord;
use chancery_pki::Certificate;
use time::Duration;
use uuid::Uuid;

use answer::Document;

/// RFC 2585 section 4.
const CRL: &str = "application/pkix-crl";
/// RFC 2585 section 4.
const CERTIFICATE: &str = "application/pkix-cert";
/// RFC 8555 section 9.1.
const PEM: &str = "application/pem-certificate-chain";

/// A cache keeps a CRL no longer than this, though it is valid for days: a new one follows every revocation.
const CRL_AGE: Duration = Duration::minutes(10);
/// The certificate behind an id never changes.
const CERTIFICATE_AGE: Duration = Duration::days(1);

/// What is published: from memory, for these answers must not wait for the database.
pub trait Published: Send + Sync {
    /// The newest CRL of a CA, by the inventory id of its certificate.
    fn crl(&self, issuer: Uuid) -> Option<Arc<CrlRecord>>;
    /// A CA certificate by its inventory id.
    fn certificate(&self, issuer: Uuid) -> Option<Certificate>;
}

/// What the handlers need.
#[derive(Clone)]
struct Status {
    published: Arc<dyn Published>,
    clock: Arc<dyn Clock>,
}

/// The routes of this door, for [`actix_web::App::configure`].
pub fn routes(published: Arc<dyn Published>, clock: Arc<dyn Clock>) -> impl Fn(&mut ServiceConfig) + Clone {
    let status = Data::new(Status { published, clock });
    move |config| {
        let resource =
            |path| web::resource(path).app_data(status.clone()).default_service(web::route().to(answer::wrong_method));
        config
            .service(resource("/crl/{issuer}.crl").route(web::get().to(crl)).route(web::head().to(crl)))
            .service(resource("/ca/{issuer}.cer").route(web::get().to(cer)).route(web::head().to(cer)))
            .service(resource("/ca/{issuer}.pem").route(web::get().to(pem)).route(web::head().to(pem)));
    }
}

async fn crl(request: HttpRequest, status: Data<Status>, issuer: Path<String>) -> HttpResponse {
    let Some(crl) = issuer.parse().ok().and_then(|issuer| status.published.crl(issuer)) else {
        return answer::unknown("CRL");
    };
    let fresh = (crl.next_update - status.clock.now()).clamp(Duration::ZERO, CRL_AGE);
    let document = Document {
        content_type: CRL,
        etag: format!("{}-{}", crl.issuer.simple(), crl.number),
        modified: crl.this_update,
        fresh,
        content: Bytes::from_owner(Der(crl)),
    };
    document.answer(&request)
}

/// Lends a CRL's bytes to any number of answers without a copy.
struct Der(Arc<CrlRecord>);

impl AsRef<[u8]> for Der {
    fn as_ref(&self) -> &[u8] {
        &self.0.der
    }
}

async fn cer(request: HttpRequest, status: Data<Status>, issuer: Path<String>) -> HttpResponse {
    certificate(&request, &status, &issuer, CERTIFICATE, |certificate| certificate.der().to_vec())
}

async fn pem(request: HttpRequest, status: Data<Status>, issuer: Path<String>) -> HttpResponse {
    certificate(&request, &status, &issuer, PEM, |certificate| certificate.to_pem().into_bytes())
}

fn certificate(
    request: &HttpRequest,
    status: &Status,
    issuer: &str,
    content_type: &'static str,
    content: impl Fn(&Certificate) -> Vec<u8>,
) -> HttpResponse {
    let Some(certificate) = issuer.parse().ok().and_then(|issuer| status.published.certificate(issuer)) else {
        return answer::unknown("CA certificate");
    };
    let document = Document {
        content_type,
        etag: certificate.fingerprint().to_hex(),
        modified: certificate.validity().not_before,
        fresh: CERTIFICATE_AGE,
        content: content(&certificate).into(),
    };
    document.answer(request)
}

#[cfg(test)]
mod tests;
