//! The body of a POST: of the right type, plain, small, and there in time.

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, Payload};
use chancery_acme::{Problem, ProblemType};

use crate::answer::Refusal;

/// Largest body in bytes: a CSR for a hundred names with an RSA-8192 key, wrapped twice in base64url, is half of it.
pub(crate) const LIMIT: usize = 64 * 1024;

/// RFC 8555 section 6.2: the type is application/jose+json, else 415. Parameters and case are passed over (RFC 9110
/// section 8.3.1). A compressed body is not unpacked, so that nothing small becomes something large.
pub(crate) fn check_headers(request: &HttpRequest) -> Result<(), Refusal> {
    let mut types = request.headers().get_all(CONTENT_TYPE);
    let (first, second) = (types.next(), types.next());
    let kind = first.and_then(|value| value.to_str().ok()).and_then(|text| text.split(';').next()).map(str::trim);
    if second.is_some() || !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/jose+json")) {
        let why = match (first, second) {
            (None, _) => "the request has no Content-Type",
            (_, Some(_)) => "the request has several Content-Type headers",
            _ => "the request has another Content-Type",
        };
        return Err(unsupported(format!("{why}; send application/jose+json (RFC 8555 section 6.2)")));
    }
    let codings = request.headers().get_all(CONTENT_ENCODING);
    if codings.into_iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(unsupported("the body is sent with a Content-Encoding; send it as it is".into()));
    }
    Ok(())
}

/// Read it whole.
pub(crate) async fn read(request: &HttpRequest, payload: Payload) -> Result<Bytes, Refusal> {
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LIMIT as u64) {
        return Err(too_large());
    }
    match payload.to_bytes_limited(LIMIT).await {
        Err(_) => Err(too_large()),
        Ok(Err(error)) => Err(match error.as_error::<PayloadError>() {
            Some(PayloadError::Io(io)) if io.kind() == std::io::ErrorKind::TimedOut => Refusal::closing(
                Problem::new(ProblemType::Malformed, "the body did not arrive in time; send the request again")
                    .with_status(408),
            ),
            _ => Refusal::closing(Problem::new(ProblemType::Malformed, "the body broke off; send the request again")),
        }),
        Ok(Ok(bytes)) => Ok(bytes),
    }
}

fn unsupported(detail: String) -> Refusal {
    Problem::new(ProblemType::Malformed, detail).with_status(415).into()
}

fn too_large() -> Refusal {
    let detail = format!("the body is larger than {LIMIT} bytes");
    Refusal::closing(Problem::new(ProblemType::Malformed, detail).with_status(413))
}
