//! What can be wrong with foreign bytes, keys, names and templates. Each text says what, why and how to mend it.

use crate::key_check::KeyFault;

/// The largest request, certificate or key that is read, in bytes, before or after its armour is taken off.
pub(crate) const SIZE_LIMIT: usize = 64 * 1024;

/// Why foreign bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The bytes do not have the form they must have.
    #[error("{what} is malformed: {why}; {mend}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// Where it broke.
        why: String,
        /// What the sender can do.
        mend: &'static str,
    },
    /// More bytes than are taken.
    #[error("{what} has {size} bytes, more than the {limit} that are taken; send one object alone")]
    TooLarge {
        /// What was being read.
        what: &'static str,
        /// Bytes that came.
        size: usize,
        /// Bytes that are taken.
        limit: usize,
    },
    /// A well-formed key or signature of a kind that is not known here.
    #[error("{what} uses {algorithm}, which is not supported; {mend}")]
    UnsupportedAlgorithm {
        /// What was being read.
        what: &'static str,
        /// Its name, or its object identifier.
        algorithm: String,
        /// What is supported.
        mend: &'static str,
    },
}

/// How most malformed inputs are mended.
pub(crate) const MEND: &str = "send it whole and unchanged, in DER or PEM, as the tool made it";

impl ParseError {
    pub(crate) fn new(what: &'static str, why: impl Into<String>) -> Self {
        Self::Malformed { what, why: why.into(), mend: MEND }
    }
}

/// Why a request is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// Not a request in any of the forms that are read.
    #[error(transparent)]
    Malformed(ParseError),
    /// The self-signature does not verify, so possession of the private key is not proved (RFC 2986 section 3).
    #[error(
        "the request's signature does not verify with the request's own public key; make the request again with the \
         private key that belongs to it"
    )]
    BadSignature,
    /// Possession of the private key is not proved by a signature (CRMF only: RFC 4211 section 4).
    #[error(
        "the request's proof of possession {0}, so possession of the private key is not proved; sign the request with \
         the private key that belongs to it"
    )]
    Unproved(&'static str),
    /// The key or the signature is of a kind that is not supported.
    #[error("{what} uses {algorithm}, which is not supported; {mend}")]
    UnsupportedAlgorithm {
        /// The public key or the signature.
        what: &'static str,
        /// Its name, or its object identifier.
        algorithm: String,
        /// What is supported.
        mend: &'static str,
    },
    /// The key is so far out of the rules that a signature by it proves nothing.
    #[error("{0}")]
    Key(KeyFault),
}

impl From<ParseError> for CsrError {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::UnsupportedAlgorithm { what, algorithm, mend } => {
                Self::UnsupportedAlgorithm { what, algorithm, mend }
            }
            other => Self::Malformed(other),
        }
    }
}

/// Why a signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The signature does not belong to these bytes and this key.
    #[error("the signature does not verify with this public key")]
    Invalid,
    /// The algorithm cannot be used with a key of this kind.
    #[error("a signature by {algorithm} cannot come from a key of type {key}")]
    WrongKey {
        /// The signature's algorithm.
        algorithm: &'static str,
        /// The key's algorithm.
        key: &'static str,
    },
}

/// Why a private key could not be read, written or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a private key in a form that is read.
    #[error(transparent)]
    Malformed(#[from] ParseError),
    /// Well-formed, but not a key that can be used.
    #[error("the private key is rejected: {0}; make a new one")]
    Rejected(String),
    /// The password is wrong (or the bytes were damaged: the two cannot be told apart).
    #[error("the private key cannot be decrypted: the password is wrong or the file is damaged")]
    WrongPassword,
    /// The file asks for more work than is spent on a password.
    #[error("the private key's password derivation asks for {asked}, more than {limit}; encrypt it again with less")]
    TooCostly {
        /// What it asks for.
        asked: String,
        /// What is granted.
        limit: String,
    },
    /// No key of this type can be made.
    #[error("{0}")]
    Unsupported(String),
    /// The cryptographic library failed.
    #[error("the cryptographic library could not {0}")]
    Library(&'static str),
}

/// Why nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signing failed: {0}")]
pub struct SignError(pub String);

/// Why a distinguished name could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is not RFC 4514.
    #[error("not a distinguished name at character {position}: {why}; write it like CN=example.com,O=Example")]
    Text {
        /// Counted in characters, from 1.
        position: usize,
        /// What is wrong there.
        why: String,
    },
    /// An attribute's value is not allowed.
    #[error("the name's {attribute} is not allowed: {why}")]
    Value {
        /// Short name or object identifier of the attribute.
        attribute: String,
        /// Which rule it breaks.
        why: String,
    },
}

/// Why a certificate, request or CRL was not built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A part of the template cannot be encoded.
    #[error("{what} cannot be encoded: {why}")]
    Template {
        /// The part.
        what: &'static str,
        /// Which rule it breaks.
        why: String,
    },
    /// The signer refused or failed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl BuildError {
    pub(crate) fn new(what: &'static str, why: impl Into<String>) -> Self {
        Self::Template { what, why: why.into() }
    }

    /// The encoder's own refusal.
    pub(crate) fn der(what: &'static str, error: der::Error) -> Self {
        Self::new(what, error.to_string())
    }
}
