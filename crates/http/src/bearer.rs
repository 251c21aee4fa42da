//! Bearer identities (RFC 6750 section 2.1): one `Authorization` header, scheme `Bearer`, nothing else.

use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpMessage, HttpRequest};
use chancery_core::{Actor, Door, Error, Origin, Ra};

use crate::{RequestContext, origin};

/// No token of ours comes near this; longer ones are not hashed.
const LONGEST: usize = 512;

/// Who asks, and from where.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
}

/// The caller that the request's bearer token names.
///
/// # Errors
/// [`Error::Unauthenticated`] without a valid token, which the audit is told; [`Error::Unavailable`] when the store
/// cannot be asked.
pub async fn authenticate(request: &HttpRequest, ra: &Ra, door: Door) -> Result<Caller, Error> {
    let origin = origin(request, door);
    let actor = match token(request) {
        Ok(token) => ra.authenticate(token, &origin).await?,
        Err(why) => return Err(ra.login_failed(&origin, why).await),
    };
    if let Some(context) = request.extensions().get::<RequestContext>() {
        context.name_actor(&actor.name);
    }
    Ok(Caller { actor, origin })
}

/// The token, or why there is none.
pub(crate) fn token(request: &HttpRequest) -> Result<&str, &'static str> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let Some(header) = headers.next() else { return Err("no credential") };
    if headers.next().is_some() {
        return Err("two Authorization headers");
    }
    let text = header.to_str().map_err(|_| "malformed Authorization header")?;
    let (scheme, token) = text.split_once(' ').ok_or("malformed Authorization header")?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err("another scheme than Bearer");
    }
    // RFC 6750 section 2.1: b64token.
    let stem = token.trim_end_matches('=');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    if stem.is_empty() || token.len() > LONGEST || !stem.bytes().all(plain) {
        return Err("malformed bearer token");
    }
    Ok(token)
}
