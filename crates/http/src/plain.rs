//! The plain listener: only what is listed, and never a credential.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};
use chancery_core::{Door, Ra};
use serde_json::json;

use crate::{context, failure::log_failure};

/// What a plain listener answers to all that it does not list.
pub async fn nothing_here() -> HttpResponse {
    HttpResponse::NotFound().json(json!({ "message": "there is nothing at this address" }))
}

/// Middleware for the plain listener (`from_fn`): a credential that comes in clear text is refused, told in the audit
/// and logged; whoever may have listened on the way has it now. A cookie is none of ours (another service on the same host
/// may have set it) and is passed over. Needs `Data<Ra>` on the app.
///
/// # Errors
/// Those of the services inside.
pub async fn refuse_credentials<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if !request.headers().contains_key(AUTHORIZATION) {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let origin = context::origin(request.request(), Door::Rest);
    tracing::warn!(
        request_id = origin.request_id,
        address = origin.address.map(tracing::field::display),
        "a credential was sent over plain HTTP: revoke it if it is one of yours"
    );
    if let Some(ra) = request.app_data::<Data<Ra>>() {
        let error = ra.login_failed(&origin, "credential sent over plain HTTP").await;
        log_failure(&error, &origin.request_id);
    }
    let answer = HttpResponse::Forbidden().json(json!({
        "message": "credentials are not accepted over plain HTTP; use the https listener, and revoke this credential: \
                    it has travelled in clear text"
    }));
    Ok(request.into_response(answer).map_into_right_body())
}
