//! Account keys as JSON Web Keys: RFC 7517, RFC 7518 section 6, RFC 8037 section 2, RFC 7638.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::ParsedPublicKey;
use chancery_pki::{KeyAlgorithm, PublicKey};
use serde_json::{Map, Value};

use crate::base64url::{decode, encode};
use crate::jws::Algorithm;
use crate::{Account, Problem, ProblemType, json};

/// Members that only private and symmetric keys have.
const SECRET: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key that signs requests. Cheap to clone; what was parsed once stays parsed.
#[derive(Clone)]
pub struct AccountKey(Arc<Parts>);

struct Parts {
    public: PublicKey,
    jwk: String,
    thumbprint: [u8; 32],
    /// For the key's usual algorithm, and for PS256.
    verifiers: [OnceLock<Option<ParsedPublicKey>>; 2],
}

impl AccountKey {
    /// From the `jwk` of a header. Its form is checked; whether it is a good key is for `Acme::check_key`.
    ///
    /// # Errors
    /// `badPublicKey`, or `malformed` when it is no JSON Web Key at all.
    pub(crate) fn from_jwk(jwk: &Value) -> Result<Self, Problem> {
        let Value::Object(jwk) = jwk else {
            return Err(Problem::new(ProblemType::Malformed, "jwk must be a JSON object (RFC 7517 section 4)"));
        };
        if let Some(secret) = SECRET.iter().find(|name| jwk.contains_key(**name)) {
            return Err(bad(format!(
                "the jwk has the member {secret:?}, so it shows a secret: send the public key only, and use another key"
            )));
        }
        if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
            return Err(bad("the jwk's use must be \"sig\", or absent"));
        }
        if let Some(operations) = jwk.get("key_ops") {
            let verifies = |list: &Vec<Value>| list.iter().any(|operation| operation == "verify");
            if !operations.as_array().is_some_and(verifies) {
                return Err(bad("the jwk's key_ops must name \"verify\", or be absent"));
            }
        }
        let key = match text(jwk, "kty")? {
            "RSA" => rsa(jwk),
            "EC" => ec(jwk),
            "OKP" => okp(jwk),
            other => Err(bad(format!("the jwk's kty is {other:?}: use RSA, EC or OKP"))),
        }?;
        if let Some(algorithm) = jwk.get("alg") {
            let known = algorithm.as_str().and_then(Algorithm::find);
            if !known.is_some_and(|algorithm| algorithm.fits(key.public_key().algorithm())) {
                return Err(bad("the jwk's alg is not one of its key type; leave it out"));
            }
        }
        Ok(key)
    }

    /// From what is stored of an account.
    ///
    /// # Errors
    /// `serverInternal`: what is stored is no key.
    pub(crate) fn from_stored(jwk: &str) -> Result<Self, Problem> {
        json::value("the account's key", jwk.as_bytes()).and_then(|jwk| Self::from_jwk(&jwk)).map_err(|fault| {
            let mut problem = Problem::new(ProblemType::ServerInternal, "the account's stored key cannot be read");
            problem.cause = Some(Arc::new(fault));
            problem
        })
    }

    fn new(public: Result<PublicKey, chancery_pki::ParseError>, jwk: String) -> Result<Self, Problem> {
        let public = public.map_err(|fault| bad(fault.to_string()))?;
        let thumbprint = digest(&SHA256, jwk.as_bytes()).as_ref().try_into().expect("SHA-256 gives 32 bytes");
        Ok(Self(Arc::new(Parts { public, jwk, thumbprint, verifiers: Default::default() })))
    }

    /// The key.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public
    }

    /// RFC 7638, SHA-256.
    pub fn thumbprint(&self) -> [u8; 32] {
        self.0.thumbprint
    }

    /// The thumbprint as key authorizations have it (RFC 8555 section 8.1).
    pub fn thumbprint_text(&self) -> String {
        encode(&self.0.thumbprint)
    }

    /// The key as a JSON Web Key: the members that RFC 7638 takes, in its order, and nothing else.
    pub fn jwk(&self) -> &str {
        &self.0.jwk
    }

    /// Check a JWS signature (RFC 7515 section 5.2).
    ///
    /// # Errors
    /// `badSignatureAlgorithm` when a key of this kind makes no such signatures, `badPublicKey` when the library takes no
    /// such key, `malformed` when it does not verify.
    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> Result<(), Problem> {
        let public = &self.0.public;
        if !algorithm.fits(public.algorithm()) {
            let mut problem = Problem::new(
                ProblemType::BadSignatureAlgorithm,
                format!("alg is {algorithm}, but the key is {}: sign by the algorithm of the key", public.algorithm()),
            );
            problem.algorithms = Algorithm::names();
            return Err(problem);
        }
        let verifier = self.0.verifiers[usize::from(algorithm == Algorithm::Ps256)]
            .get_or_init(|| ParsedPublicKey::new(algorithm.verification(), public.key_bits()).ok());
        let verifier = verifier.as_ref().ok_or_else(|| bad("the key is none that signatures can be checked with"))?;
        let verifies = |signature: &[u8]| verifier.verify_sig(message, signature).is_ok();
        let good = match algorithm.signature_length() {
            Some(length) if signature.len() == length => verifies(signature),
            Some(length) => lengthened(signature, length).iter().any(|signature| verifies(signature)),
            None => verifies(signature),
        };
        if good {
            return Ok(());
        }
        Err(Problem::new(
            ProblemType::Malformed,
            "JWS verification error: the signature is not one over this request by this key (RFC 7515 section 5.2)",
        ))
    }
}

/// Two keys are the same when their thumbprints are.
impl PartialEq for AccountKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.thumbprint == other.0.thumbprint
    }
}

impl Eq for AccountKey {}

impl std::fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccountKey({}, {})", self.0.public.algorithm(), self.thumbprint_text())
    }
}

/// Keys of accounts that signed lately, parsed, by thumbprint. Two halves: when the young one is full it becomes the old
/// one, so that what is used stays and what is not goes.
#[derive(Default)]
pub(crate) struct KnownKeys(Mutex<[HashMap<[u8; 32], AccountKey>; 2]>);

impl KnownKeys {
    const HALF: usize = 4096;

    /// The account's key.
    ///
    /// # Errors
    /// As [`AccountKey::from_stored`].
    pub(crate) fn find(&self, account: &Account) -> Result<AccountKey, Problem> {
        let mut halves = self.0.lock().expect("no holder panics");
        let [young, old] = &mut *halves;
        if let Some(key) = young.get(&account.thumbprint) {
            return Ok(key.clone());
        }
        let key = match old.get(&account.thumbprint) {
            Some(key) => key.clone(),
            None => AccountKey::from_stored(&account.jwk)?,
        };
        if young.len() >= Self::HALF {
            *old = std::mem::take(young);
        }
        young.insert(account.thumbprint, key.clone());
        Ok(key)
    }
}

/// Apple's ACME client leaves out a leading zero of r and s (RFC 7518 section 3.4 wants both as long as the field): what
/// it can have meant.
fn lengthened(signature: &[u8], length: usize) -> Vec<Vec<u8>> {
    let half = length / 2;
    let padded = |r: &[u8], s: &[u8]| {
        let mut whole = vec![0; length];
        whole[half - r.len()..half].copy_from_slice(r);
        whole[length - s.len()..].copy_from_slice(s);
        whole
    };
    match length.checked_sub(signature.len()) {
        Some(missing @ 1..=2) => (0..=missing)
            .map(|of_r| {
                let (r, s) = signature.split_at(half - of_r);
                padded(r, s)
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn rsa(jwk: &Map<String, Value>) -> Result<AccountKey, Problem> {
    let (n, e) = (text(jwk, "n")?, text(jwk, "e")?);
    let (modulus, exponent) = (number("n", n)?, number("e", e)?);
    AccountKey::new(PublicKey::from_rsa(&modulus, &exponent), format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#))
}

fn ec(jwk: &Map<String, Value>) -> Result<AccountKey, Problem> {
    let curve = text(jwk, "crv")?;
    let algorithm = match curve {
        "P-256" => KeyAlgorithm::P256,
        "P-384" => KeyAlgorithm::P384,
        "P-521" => KeyAlgorithm::P521,
        other => return Err(bad(format!("the jwk's crv is {other:?}: use P-256, P-384 or P-521"))),
    };
    let (x, y) = (text(jwk, "x")?, text(jwk, "y")?);
    let point = PublicKey::from_point(algorithm, &octets("x", x)?, &octets("y", y)?);
    AccountKey::new(point, format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#))
}

fn okp(jwk: &Map<String, Value>) -> Result<AccountKey, Problem> {
    let curve = text(jwk, "crv")?;
    if curve != "Ed25519" {
        return Err(bad(format!("the jwk's crv is {curve:?}: use Ed25519")));
    }
    let x = text(jwk, "x")?;
    AccountKey::new(PublicKey::from_ed25519(&octets("x", x)?), format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#))
}

fn text<'a>(jwk: &'a Map<String, Value>, member: &str) -> Result<&'a str, Problem> {
    let value = jwk.get(member).and_then(Value::as_str);
    value.ok_or_else(|| bad(format!("the jwk has no member {member:?} that is a string")))
}

fn octets(member: &str, value: &str) -> Result<Vec<u8>, Problem> {
    decode(value).ok_or_else(|| bad(format!("the jwk's {member} is not base64url without padding")))
}

/// RFC 7518 section 2, Base64urlUInt: as few octets as it takes, so that one key has one thumbprint.
fn number(member: &str, value: &str) -> Result<Vec<u8>, Problem> {
    let octets = octets(member, value)?;
    match octets.first() {
        None | Some(0) => Err(bad(format!("the jwk's {member} is empty or begins with a zero octet"))),
        Some(_) => Ok(octets),
    }
}

fn bad(why: impl Into<String>) -> Problem {
    Problem::new(ProblemType::BadPublicKey, why)
}

#[cfg(test)]
mod tests;
