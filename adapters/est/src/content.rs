//! The body of a POST: of the right type, plain, small, and there in time.

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, Payload};
use chancery_est::Refusal;
use chancery_est::body::LARGEST;

use crate::answer::Closing;

/// RFC 7030 section 4.2.1: the type is application/pkcs10, else 415. Parameters and case are passed over (RFC 9110 section
/// 8.3.1), Content-Transfer-Encoding too (RFC 8951 section 3). A compressed body is not unpacked, so that nothing small
/// becomes something large.
pub(crate) fn check_type(request: &HttpRequest, wanted: &'static str) -> Result<(), Refusal> {
    let mut types = request.headers().get_all(CONTENT_TYPE);
    let (first, second) = (types.next(), types.next());
    let kind = first.and_then(|value| value.to_str().ok()).and_then(|text| text.split(';').next()).map(str::trim);
    if second.is_some() || !kind.is_some_and(|kind| kind.eq_ignore_ascii_case(wanted)) {
        let why = match (first, second) {
            (None, _) => "the request has no Content-Type",
            (_, Some(_)) => "the request has several Content-Type headers",
            _ => "the request has another Content-Type",
        };
        return Err(Refusal::new(415, format!("{why}; send {wanted} (RFC 7030 section 3.2.4)")));
    }
    let codings = request.headers().get_all(CONTENT_ENCODING);
    if codings.into_iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Refusal::new(415, "the body is sent with a Content-Encoding; send it as it is"));
    }
    Ok(())
}

/// Read it whole.
pub(crate) async fn read(request: &HttpRequest, payload: Payload) -> Result<Bytes, Closing> {
    let too_large = || Closing::now(Refusal::new(413, format!("the body is larger than {LARGEST} bytes")));
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LARGEST as u64) {
        return Err(too_large());
    }
    match payload.to_bytes_limited(LARGEST).await {
        Err(_) => Err(too_large()),
        Ok(Err(error)) => Err(Closing::now(match error.as_error::<PayloadError>() {
            Some(PayloadError::Io(io)) if io.kind() == std::io::ErrorKind::TimedOut => {
                Refusal::new(408, "the body did not arrive in time; send the request again")
            }
            _ => Refusal::new(400, "the body broke off; send the request again"),
        })),
        Ok(Ok(bytes)) => Ok(bytes),
    }
}
