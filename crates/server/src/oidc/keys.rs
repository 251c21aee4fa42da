//! The keys of an issuer (RFC 7517), each for one algorithm.

use josekit::jwk::{Jwk, JwkSet};
use josekit::jws::{ES256, ES384, ES512, EdDSA, JwsVerifier, PS256, PS384, PS512, RS256, RS384, RS512};

/// A key that verifies, and how.
pub(super) struct Key {
    pub id: Option<String>,
    pub algorithm: String,
    pub verifier: Box<dyn JwsVerifier>,
}

/// The keys of a set that can verify signatures. What is there for something else is passed over.
pub(super) fn read(text: &[u8]) -> Result<Vec<Key>, String> {
    let set = JwkSet::from_bytes(text).map_err(|error| format!("it is not a JWK set: {error}"))?;
    let keys: Vec<_> = set.keys().into_iter().filter_map(key).collect();
    if keys.is_empty() {
        return Err("it has no public key that verifies signatures (RSA, EC, Ed25519)".into());
    }
    Ok(keys)
}

fn key(jwk: &Jwk) -> Option<Key> {
    // RFC 8725 section 3.1: the key says which algorithm it is for, never the token. A key that does not say is for the
    // common one of its kind. A symmetric key is nobody's to publish.
    let algorithm = match (jwk.algorithm(), jwk.key_type(), jwk.curve()) {
        (Some(named), _, _) => named,
        (None, "RSA", _) => "RS256",
        (None, "EC", Some("P-256")) => "ES256",
        (None, "EC", Some("P-384")) => "ES384",
        (None, "EC", Some("P-521")) => "ES512",
        (None, "OKP", Some("Ed25519")) => "EdDSA",
        _ => return None,
    };
    let verifier: Box<dyn JwsVerifier> = match algorithm {
        "RS256" => Box::new(RS256.verifier_from_jwk(jwk).ok()?),
        "RS384" => Box::new(RS384.verifier_from_jwk(jwk).ok()?),
        "RS512" => Box::new(RS512.verifier_from_jwk(jwk).ok()?),
        "PS256" => Box::new(PS256.verifier_from_jwk(jwk).ok()?),
        "PS384" => Box::new(PS384.verifier_from_jwk(jwk).ok()?),
        "PS512" => Box::new(PS512.verifier_from_jwk(jwk).ok()?),
        "ES256" => Box::new(ES256.verifier_from_jwk(jwk).ok()?),
        "ES384" => Box::new(ES384.verifier_from_jwk(jwk).ok()?),
        "ES512" => Box::new(ES512.verifier_from_jwk(jwk).ok()?),
        "EdDSA" => Box::new(EdDSA.verifier_from_jwk(jwk).ok()?),
        _ => return None,
    };
    Some(Key { id: jwk.key_id().map(str::to_owned), algorithm: algorithm.to_owned(), verifier })
}
