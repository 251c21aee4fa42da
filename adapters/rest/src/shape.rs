//! Every answer below `/api` has the shape of the published documents: also those that the framework makes by itself.

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;

use crate::error::{Error, internal, message};

/// Middleware of the whole scope.
pub(crate) async fn shape<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let mut response = next.call(request).await?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(answer) = reshaped(&response) {
        let (request, old) = response.into_parts();
        let mut answer = answer;
        for (name, value) in old.headers() {
            if !answer.headers().contains_key(name) && *name != header::CONTENT_LENGTH {
                answer.headers_mut().insert(name.clone(), value.clone());
            }
        }
        return Ok(ServiceResponse::new(request, answer).map_into_right_body());
    }
    Ok(response.map_into_left_body())
}

fn reshaped<B>(response: &ServiceResponse<B>) -> Option<actix_web::HttpResponse<BoxBody>> {
    let id = chancery_http::request_id(response.request());
    if let Some(error) = response.response().error() {
        return Some(match error.as_error::<Error>() {
            Some(own) => {
                if let Error::Domain(domain) = own {
                    chancery_http::log_failure(domain, &id);
                }
                own.respond(&id)
            }
            None => foreign(error.as_response_error().status_code(), &id),
        });
    }
    // The framework's own empty answer to a method that a path does not know; it has set `Allow`.
    (response.status() == StatusCode::METHOD_NOT_ALLOWED).then(|| {
        let method = response.request().method();
        message(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not possible here; see the Allow header"))
    })
}

/// Errors that the framework made, without its wording.
fn foreign(status: StatusCode, request_id: &str) -> actix_web::HttpResponse {
    if status.is_server_error() {
        return message(status, internal(request_id));
    }
    message(status, format!("the request cannot be read ({status})"))
}
