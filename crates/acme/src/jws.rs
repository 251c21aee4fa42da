//! Requests as JSON Web Signatures: RFC 7515 under the rules of RFC 8555 section 6.2.

use aws_lc_rs::signature as lc;
use aws_lc_rs::signature::VerificationAlgorithm;
use chancery_pki::KeyAlgorithm;
use serde_json::{Map, Value};

use crate::base64url::decode;
use crate::{AccountKey, Problem, ProblemType, json};

/// How requests may be signed (RFC 7518 section 3.1, RFC 8037 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    Es384,
    Es512,
    EdDsa,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 6] = [Self::Es256, Self::Es384, Self::Es512, Self::EdDsa, Self::Rs256, Self::Ps256];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// For `algorithms` of badSignatureAlgorithm.
    pub(crate) fn names() -> Vec<String> {
        Self::ALL.map(|algorithm| algorithm.as_str().to_owned()).into()
    }

    /// Whether such a key makes such signatures: one curve, one digest.
    pub(crate) fn fits(self, key: KeyAlgorithm) -> bool {
        match self {
            Self::Rs256 | Self::Ps256 => matches!(key, KeyAlgorithm::Rsa { .. }),
            Self::Es256 => key == KeyAlgorithm::P256,
            Self::Es384 => key == KeyAlgorithm::P384,
            Self::Es512 => key == KeyAlgorithm::P521,
            Self::EdDsa => key == KeyAlgorithm::Ed25519,
        }
    }

    pub(crate) fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Rs256 => &lc::RSA_PKCS1_2048_8192_SHA256,
            Self::Ps256 => &lc::RSA_PSS_2048_8192_SHA256,
            Self::Es256 => &lc::ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &lc::ECDSA_P384_SHA384_FIXED,
            Self::Es512 => &lc::ECDSA_P521_SHA512_FIXED,
            Self::EdDsa => &lc::ED25519,
        }
    }

    /// Octets of r and s together (RFC 7518 section 3.4); none where the key says it.
    pub(crate) fn signature_length(self) -> Option<usize> {
        match self {
            Self::Es256 => Some(64),
            Self::Es384 => Some(96),
            Self::Es512 => Some(132),
            Self::Rs256 | Self::Ps256 | Self::EdDsa => None,
        }
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose signature a header says it is: exactly one of the two (RFC 8555 section 6.2).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeyHint {
    /// `jwk`, as it came.
    Jwk(Value),
    /// `kid`.
    Kid(String),
}

/// A flattened JWS, well-formed and not verified. Also what keyChange and external account binding have inside.
#[derive(Debug)]
pub(crate) struct Jws {
    header: Map<String, Value>,
    /// The payload, decoded.
    pub(crate) payload: Vec<u8>,
    /// The signature, decoded.
    pub(crate) signature: Vec<u8>,
    /// What is signed (RFC 7515 section 5.1).
    pub(crate) signed: Vec<u8>,
}

impl Jws {
    /// A JWS in the flattened JSON serialisation.
    ///
    /// # Errors
    /// `malformed`: another serialisation, an unprotected header, a detached or unencoded payload, padding, a header that
    /// is not an object, `crit`.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Problem> {
        Self::from_value(json::value("the JWS", body)?)
    }

    /// The same from JSON that was read already.
    ///
    /// # Errors
    /// As [`Jws::parse`].
    pub(crate) fn from_value(value: Value) -> Result<Self, Problem> {
        let Value::Object(members) = value else {
            return Err(malformed(
                "the JWS must be a JSON object: the flattened serialisation (RFC 7515 section 7.2.2)",
            ));
        };
        if members.contains_key("signatures") {
            return Err(malformed("the JWS has \"signatures\": use the flattened serialisation, with one signature"));
        }
        if members.contains_key("header") {
            return Err(malformed("the JWS has an unprotected header: put every parameter into \"protected\""));
        }
        let part = |name: &str| {
            let text = members.get(name).and_then(Value::as_str);
            let text = text.ok_or_else(|| malformed(format!("the JWS has no member {name:?} that is a string")))?;
            let bytes = decode(text);
            let bytes = bytes.ok_or_else(|| malformed(format!("the JWS's {name} is not base64url without padding")))?;
            Ok::<_, Problem>((text, bytes))
        };
        let (protected_text, protected) = part("protected")?;
        let (payload_text, payload) = part("payload")?;
        let (_, signature) = part("signature")?;
        let Value::Object(header) = json::value("the JWS's protected header", &protected)? else {
            return Err(malformed("the JWS's protected header must be a JSON object"));
        };
        for parameter in ["crit", "b64"] {
            if header.contains_key(parameter) {
                return Err(malformed(format!("the header parameter {parameter:?} is not supported: leave it out")));
            }
        }
        let signed = [protected_text, ".", payload_text].concat().into_bytes();
        Ok(Self { header, payload, signature, signed })
    }

    /// The header parameter `nonce`.
    ///
    /// # Errors
    /// `malformed`: not a string.
    pub(crate) fn nonce(&self) -> Result<Option<&str>, Problem> {
        self.text("nonce")
    }

    /// The header parameter `url` is this URL, octet for octet (RFC 8555 section 6.4).
    ///
    /// # Errors
    /// `malformed` when there is none, `unauthorized` when it is another.
    pub(crate) fn check_url(&self, url: &str) -> Result<(), Problem> {
        match self.text("url")? {
            Some(found) if found == url => Ok(()),
            Some(found) => Err(Problem::new(
                ProblemType::Unauthorized,
                format!(
                    "the header parameter url is {:?}, but the request is for {url:?}: sign the URL as it was given out",
                    crate::problem::shown(found)
                ),
            )),
            None => Err(malformed("the JWS has no header parameter \"url\" (RFC 8555 section 6.4)")),
        }
    }

    /// The header parameter `alg`, one of those that public keys make.
    ///
    /// # Errors
    /// `badSignatureAlgorithm` with what is taken.
    pub(crate) fn algorithm(&self) -> Result<Algorithm, Problem> {
        let name = self.algorithm_name()?;
        Algorithm::find(name).ok_or_else(|| {
            let mut problem = Problem::new(
                ProblemType::BadSignatureAlgorithm,
                format!(
                    "alg {:?} is not supported: sign by one of {}",
                    crate::problem::shown(name),
                    Algorithm::names().join(", ")
                ),
            );
            problem.algorithms = Algorithm::names();
            problem
        })
    }

    /// The header parameter `alg` as it came.
    ///
    /// # Errors
    /// `malformed` when there is none.
    pub(crate) fn algorithm_name(&self) -> Result<&str, Problem> {
        self.text("alg")?.ok_or_else(|| malformed("the JWS has no header parameter \"alg\""))
    }

    /// Whose signature it says it is.
    ///
    /// # Errors
    /// `malformed`: both of `jwk` and `kid`, or neither.
    pub(crate) fn key_hint(&self) -> Result<KeyHint, Problem> {
        match (self.header.get("jwk"), self.text("kid")?) {
            (Some(jwk), None) => Ok(KeyHint::Jwk(jwk.clone())),
            (None, Some(kid)) => Ok(KeyHint::Kid(kid.to_owned())),
            (Some(_), Some(_)) => Err(malformed("the JWS has both \"jwk\" and \"kid\": send one of them")),
            (None, None) => Err(malformed("the JWS has neither \"jwk\" nor \"kid\"")),
        }
    }

    /// The signature is one by this key.
    ///
    /// # Errors
    /// As [`AccountKey::verify`] and [`Jws::algorithm`].
    pub(crate) fn verify(&self, key: &AccountKey) -> Result<(), Problem> {
        key.verify(self.algorithm()?, &self.signed, &self.signature)
    }

    fn text(&self, parameter: &str) -> Result<Option<&str>, Problem> {
        match self.header.get(parameter) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(malformed(format!("the header parameter {parameter:?} must be a string"))),
        }
    }
}

fn malformed(why: impl Into<String>) -> Problem {
    Problem::new(ProblemType::Malformed, why)
}

#[cfg(test)]
mod tests;
