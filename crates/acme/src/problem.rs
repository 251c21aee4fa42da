//! Problem documents: RFC 7807 with the types of RFC 8555 section 6.7.

use std::sync::Arc;
use std::time::Duration;

use chancery_core::{Error, Rejection, StoreError};
use serde::{Deserialize, Serialize};

use crate::Identifier;

/// The registered error types (the IANA registry "ACME Error Types") that this server uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the registry's")]
pub enum ProblemType {
    #[serde(rename = "urn:ietf:params:acme:error:accountDoesNotExist")]
    AccountDoesNotExist,
    #[serde(rename = "urn:ietf:params:acme:error:alreadyReplaced")]
    AlreadyReplaced,
    #[serde(rename = "urn:ietf:params:acme:error:alreadyRevoked")]
    AlreadyRevoked,
    #[serde(rename = "urn:ietf:params:acme:error:badAttestationStatement")]
    BadAttestationStatement,
    #[serde(rename = "urn:ietf:params:acme:error:badCSR")]
    BadCsr,
    #[serde(rename = "urn:ietf:params:acme:error:badNonce")]
    BadNonce,
    #[serde(rename = "urn:ietf:params:acme:error:badPublicKey")]
    BadPublicKey,
    #[serde(rename = "urn:ietf:params:acme:error:badRevocationReason")]
    BadRevocationReason,
    #[serde(rename = "urn:ietf:params:acme:error:badSignatureAlgorithm")]
    BadSignatureAlgorithm,
    #[serde(rename = "urn:ietf:params:acme:error:caa")]
    Caa,
    #[serde(rename = "urn:ietf:params:acme:error:compound")]
    Compound,
    #[serde(rename = "urn:ietf:params:acme:error:connection")]
    Connection,
    #[serde(rename = "urn:ietf:params:acme:error:dns")]
    Dns,
    #[serde(rename = "urn:ietf:params:acme:error:externalAccountRequired")]
    ExternalAccountRequired,
    #[serde(rename = "urn:ietf:params:acme:error:incorrectResponse")]
    IncorrectResponse,
    #[serde(rename = "urn:ietf:params:acme:error:invalidContact")]
    InvalidContact,
    #[serde(rename = "urn:ietf:params:acme:error:invalidProfile")]
    InvalidProfile,
    #[serde(rename = "urn:ietf:params:acme:error:malformed")]
    Malformed,
    #[serde(rename = "urn:ietf:params:acme:error:orderNotReady")]
    OrderNotReady,
    #[serde(rename = "urn:ietf:params:acme:error:rateLimited")]
    RateLimited,
    #[serde(rename = "urn:ietf:params:acme:error:rejectedIdentifier")]
    RejectedIdentifier,
    #[serde(rename = "urn:ietf:params:acme:error:serverInternal")]
    ServerInternal,
    #[serde(rename = "urn:ietf:params:acme:error:tls")]
    Tls,
    #[serde(rename = "urn:ietf:params:acme:error:unauthorized")]
    Unauthorized,
    #[serde(rename = "urn:ietf:params:acme:error:unsupportedContact")]
    UnsupportedContact,
    #[serde(rename = "urn:ietf:params:acme:error:unsupportedIdentifier")]
    UnsupportedIdentifier,
    #[serde(rename = "urn:ietf:params:acme:error:userActionRequired")]
    UserActionRequired,
}

impl ProblemType {
    /// The HTTP status that clients expect with it where nothing else is said.
    pub fn status(self) -> u16 {
        match self {
            Self::Unauthorized
            | Self::OrderNotReady
            | Self::ExternalAccountRequired
            | Self::UserActionRequired
            | Self::Caa => 403,
            Self::AlreadyReplaced => 409,
            Self::RateLimited => 429,
            Self::ServerInternal => 500,
            Self::AccountDoesNotExist
            | Self::AlreadyRevoked
            | Self::BadAttestationStatement
            | Self::BadCsr
            | Self::BadNonce
            | Self::BadPublicKey
            | Self::BadRevocationReason
            | Self::BadSignatureAlgorithm
            | Self::Compound
            | Self::Connection
            | Self::Dns
            | Self::IncorrectResponse
            | Self::InvalidContact
            | Self::InvalidProfile
            | Self::Malformed
            | Self::RejectedIdentifier
            | Self::Tls
            | Self::UnsupportedContact
            | Self::UnsupportedIdentifier => 400,
        }
    }
}

/// A problem document, with what goes into the answer's header beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// Its registered type.
    #[serde(rename = "type")]
    pub kind: ProblemType,
    /// What, why, and how to mend it; never what a fetched page or a secret said.
    pub detail: String,
    /// The HTTP status.
    pub status: u16,
    /// In subproblems only (RFC 8555 section 6.7.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<Identifier>,
    /// One for each identifier at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subproblems: Vec<Problem>,
    /// With badSignatureAlgorithm: what is taken (RFC 8555 section 6.2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithms: Vec<String>,
    /// With userActionRequired: where to act (RFC 8555 section 7.3.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Header: the object that is in the way (RFC 8555 section 7.3.5: the account that has the key).
    #[serde(skip)]
    pub location: Option<String>,
    /// Header: links, target and relation.
    #[serde(skip)]
    pub links: Vec<(String, &'static str)>,
    /// Header: when to come back.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
    /// For the log alone.
    #[serde(skip)]
    pub cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Problem {
    /// A problem with the usual status of its type.
    pub fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            status: kind.status(),
            identifier: None,
            subproblems: Vec::new(),
            algorithms: Vec::new(),
            instance: None,
            location: None,
            links: Vec::new(),
            retry_after: None,
            cause: None,
        }
    }

    /// The same with another status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same, said of one identifier: for subproblems.
    pub fn of(mut self, identifier: Identifier) -> Self {
        self.identifier = Some(identifier);
        self
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Error::from(error).into()
    }
}

impl From<Error> for Problem {
    /// What a fault of the domain is for ACME, where no handler knows better.
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Malformed(_) => Self::new(ProblemType::Malformed, detail),
            Error::Rejected(rejections) => rejected(rejections, detail),
            Error::Unauthenticated => Self::new(ProblemType::Unauthorized, detail).with_status(401),
            Error::Forbidden(_) => Self::new(ProblemType::Unauthorized, detail),
            Error::NotFound { .. } => Self::new(ProblemType::Malformed, detail).with_status(404),
            Error::Conflict(_) => Self::new(ProblemType::Malformed, detail).with_status(409),
            Error::Throttled { retry_after } => {
                Self { retry_after: Some(retry_after), ..Self::new(ProblemType::RateLimited, detail) }
            }
            Error::Unavailable { retry_after, .. } => Self {
                retry_after: Some(retry_after),
                ..Self::new(ProblemType::ServerInternal, detail).with_status(503)
            },
            Error::Internal(source) => {
                Self { cause: Some(Arc::from(source)), ..Self::new(ProblemType::ServerInternal, detail) }
            }
        }
    }
}

/// RFC 8555 section 6.7.1: names at fault are told one by one, and so are faults of several kinds.
fn rejected(rejections: Vec<Rejection>, detail: String) -> Problem {
    let mut problems: Vec<Problem> = rejections.into_iter().map(rejection).collect();
    let Some(first) = problems.first() else {
        return Problem::new(ProblemType::ServerInternal, "the request was refused without a reason");
    };
    let kind = first.kind;
    let alike = problems.iter().all(|problem| problem.kind == kind);
    if alike && kind != ProblemType::RejectedIdentifier {
        return Problem { detail, ..Problem::new(kind, "") };
    }
    if let [only] = problems.as_mut_slice()
        && only.identifier.is_none()
    {
        return only.clone();
    }
    let kind = if alike { kind } else { ProblemType::Compound };
    Problem { subproblems: problems, ..Problem::new(kind, detail) }
}

fn rejection(rejection: Rejection) -> Problem {
    let detail = rejection.to_string();
    let kind = match &rejection {
        Rejection::Proof(_) | Rejection::Key(_) | Rejection::Extension { .. } => ProblemType::BadCsr,
        Rejection::Name { .. } => ProblemType::RejectedIdentifier,
        Rejection::Validity(_) | Rejection::Renewal(_) | Rejection::Unsupported { .. } => ProblemType::Malformed,
        // Clients send no attributes: the directory's own do not fit the RA profile.
        Rejection::Attribute { .. } => ProblemType::ServerInternal,
        Rejection::State(_) => ProblemType::Unauthorized,
    };
    let identifier = match rejection {
        Rejection::Name { name, .. } => named(&name),
        _ => None,
    };
    Problem { identifier, ..Problem::new(kind, detail) }
}

/// The identifier that core spells with its kind in front.
fn named(name: &str) -> Option<Identifier> {
    let (kind, value) = name.split_once(':')?;
    match kind {
        "dns" => Some(Identifier::Dns(value.to_owned())),
        "ip" => value.parse().ok().map(Identifier::Ip),
        _ => None,
    }
}

/// A part of a foreign text, short enough and without control characters, for a detail.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN: usize = 200;
    let mut short: String = text.chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}

impl PartialEq for Problem {
    /// What is written into the document is the problem.
    fn eq(&self, other: &Self) -> bool {
        (self.kind, self.status, &self.detail, &self.identifier, &self.subproblems, &self.algorithms, &self.instance)
            == (
                other.kind,
                other.status,
                &other.detail,
                &other.identifier,
                &other.subproblems,
                &other.algorithms,
                &other.instance,
            )
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests;
