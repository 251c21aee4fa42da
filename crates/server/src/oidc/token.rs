//! One signed token, judged (RFC 7519 section 7.2, RFC 8725).

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_core::{Grant, Identified, OidcSubject};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::keys::Key;
use crate::config::{OidcIssuer, OidcRule};

type Claims = Map<String, Value>;

const MALFORMED: &str = "a malformed signed token";

/// Header parameters by which a token would bring or fetch its own key (RFC 7515 sections 4.1.2 to 4.1.8). Nothing is
/// ever fetched for a token.
const OWN_KEY: [&str; 6] = ["jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256"];

/// A token's header and claims before anything is verified.
pub(super) struct Unverified<'a> {
    text: &'a str,
    header: Claims,
    claims: Claims,
}

impl<'a> Unverified<'a> {
    pub fn read(text: &'a str) -> Result<Self, &'static str> {
        let parts: Vec<_> = text.split('.').collect();
        let [header, claims, _] = parts[..] else { return Err(MALFORMED) };
        let object = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED)?;
            serde_json::from_slice::<Claims>(&bytes).map_err(|_| MALFORMED)
        };
        Ok(Self { text, header: object(header)?, claims: object(claims)? })
    }

    /// Whose token it says it is.
    pub fn issuer(&self) -> Result<&str, &'static str> {
        self.claims.get("iss").and_then(Value::as_str).ok_or("a signed token without an issuer")
    }

    /// The claims, which one of these keys signed.
    pub fn verify(&self, keys: &[Key]) -> Result<Claims, &'static str> {
        if OWN_KEY.iter().any(|name| self.header.contains_key(*name)) {
            return Err("a signed token that brings its own key");
        }
        // RFC 7515 section 4.1.11: no extension is understood here.
        if self.header.contains_key("crit") {
            return Err("a signed token with a critical extension");
        }
        match self.header.get("typ").map(Value::as_str) {
            None => {}
            Some(Some(typ)) if ["jwt", "at+jwt", "application/at+jwt"].contains(&&*typ.to_ascii_lowercase()) => {}
            Some(_) => return Err("a signed token of another type"),
        }
        let id = match self.header.get("kid") {
            None => None,
            Some(Value::String(id)) => Some(id.as_str()),
            Some(_) => return Err(MALFORMED),
        };
        let key = match id {
            Some(_) => keys.iter().find(|key| key.id.as_deref() == id),
            None => keys.first().filter(|key| keys.len() == 1 && key.id.is_none()),
        };
        let key = key.ok_or("a signed token of an unknown key")?;
        if self.header.get("alg").and_then(Value::as_str) != Some(&key.algorithm) {
            return Err("a signed token of another algorithm than its key's");
        }
        match josekit::jwt::decode_with_verifier(self.text, &*key.verifier) {
            Ok((payload, _)) => Ok(payload.claims_set().clone()),
            Err(_) => Err("a signed token with a wrong signature"),
        }
    }
}

/// Whom verified claims speak of, and what that is worth.
pub(super) fn judge(claims: &Claims, settings: &OidcIssuer, now: OffsetDateTime) -> Result<Identified, &'static str> {
    // RFC 7519 sections 4.1.1 and 4.1.3.
    if claims.get("iss").and_then(Value::as_str) != Some(&settings.issuer) {
        return Err("a signed token of another issuer");
    }
    if !claims.get("aud").is_some_and(|audience| has(audience, &settings.audience)) {
        return Err("a signed token for another audience");
    }
    let now = now.unix_timestamp() as f64;
    let skew = settings.clock_skew.0.as_secs_f64();
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(MALFORMED),
    };
    // RFC 7519 sections 4.1.4 to 4.1.6.
    if now >= time("exp")?.ok_or("a signed token without an end")? + skew {
        return Err("an expired signed token");
    }
    for begin in [time("nbf")?, time("iat")?].into_iter().flatten() {
        if now + skew < begin {
            return Err("a signed token that is not valid yet");
        }
    }
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    if subject.is_empty() || subject.len() > 255 || subject.chars().any(char::is_control) {
        return Err("a signed token without a subject");
    }
    let subject = OidcSubject { issuer: settings.issuer.clone(), subject: subject.to_owned() };
    Ok(Identified { subject, grant: settings.map.iter().find(|rule| fits(rule, claims)).map(grant) })
}

fn grant(rule: &OidcRule) -> Grant {
    let profiles = rule.profiles.iter().cloned().collect::<BTreeSet<_>>();
    Grant { role: rule.role, profiles: (!profiles.is_empty()).then_some(profiles) }
}

fn fits(rule: &OidcRule, claims: &Claims) -> bool {
    claim(claims, &rule.claim).is_some_and(|value| has(value, &rule.value))
}

/// A claim by its name, or by a path of names with dots between (`realm_access.roles`).
fn claim<'a>(claims: &'a Claims, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    claim(claims.get(first)?.as_object()?, rest)
}

/// The text itself, or a list with it.
fn has(value: &Value, text: &str) -> bool {
    match value {
        Value::String(value) => value == text,
        Value::Array(values) => values.iter().any(|value| value.as_str() == Some(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}
