//! Who asks: by a bearer token (RFC 6750 section 2.1: one `Authorization` header, scheme `Bearer`, nothing else), by a
//! client certificate, or by both when they name the same caller.

use actix_web::http::Method;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpMessage, HttpRequest};
use chancery_core::{Actor, Door, Error, Origin, Ra};

use crate::{RequestContext, client_certificates, origin};

/// No token of ours comes near this, nor a signed one of a decent issuer; longer ones are not looked at.
pub(crate) const LONGEST: usize = 8 * 1024;
const NONE: &str = "no credential";

/// Who asks, and from where.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
}

/// The caller that the request's bearer token or client certificate names. A certificate of no user says nothing beside a
/// good token; one of another user contradicts it.
///
/// # Errors
/// [`Error::Unauthenticated`] without a valid credential, or with two that disagree, which the audit is told; [`Error::Unavailable`] when the store
/// cannot be asked.
pub async fn authenticate(request: &HttpRequest, ra: &Ra, door: Door) -> Result<Caller, Error> {
    let origin = origin(request, door);
    let certificates = match client_certificates(request) {
        Ok(certificates) => certificates,
        Err(why) => return Err(ra.login_failed(&origin, why).await),
    };
    let certificate = certificates.as_ref().and_then(|shown| shown.chain.first());
    let actor = match (token(request), certificate) {
        (Ok(token), None) => ra.authenticate(token, &origin).await?,
        (Ok(token), Some(certificate)) => {
            let actor = ra.authenticate(token, &origin).await?;
            match ra.holder_of(certificate, &origin).await? {
                Some(holder) if holder.id != actor.id => {
                    return Err(ra.login_failed(&origin, "token and client certificate of two callers").await);
                }
                _ => actor,
            }
        }
        (Err(NONE), Some(_)) if from_another_site(request) => {
            return Err(ra.login_failed(&origin, "a client certificate shown on behalf of another site").await);
        }
        (Err(NONE), Some(certificate)) => ra.authenticate_certificate(certificate, &origin).await?,
        (Err(why), _) => return Err(ra.login_failed(&origin, why).await),
    };
    if let Some(context) = request.extensions().get::<RequestContext>() {
        context.name_actor(&actor.name);
    }
    Ok(Caller { actor, origin })
}

/// A browser shows its user's certificate to whoever another site sends it to: what changes something is taken from pages
/// of this server, and from programs, which say nothing of sites (Fetch Metadata: `Sec-Fetch-Site`; RFC 6454 section 7).
fn from_another_site(request: &HttpRequest) -> bool {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return false;
    }
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    match header("sec-fetch-site") {
        Some(site) => !matches!(site, "same-origin" | "none"),
        None => header("origin").is_some(),
    }
}

/// The token, or why there is none.
pub(crate) fn token(request: &HttpRequest) -> Result<&str, &'static str> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let Some(header) = headers.next() else { return Err(NONE) };
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
