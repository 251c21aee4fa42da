//! What can go wrong in the domain, and who must act on it.
//!
//! Each door maps [`Error`] to its own wire form in one exhaustive match: a new variant must be answered by every door
//! before the workspace compiles.

use std::time::Duration;

/// A failed operation. What a variant carries is meant for the client, except [`Error::Internal`], whose source is for
/// the log alone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request could not be read: syntax, encoding, a wrong type.
    #[error("{0}")]
    Malformed(String),
    /// The request was understood and a rule forbids it; every broken rule is told.
    #[error("{}", join(.0))]
    Rejected(Vec<Rejection>),
    /// No valid credential came with the request.
    #[error("authentication is required")]
    Unauthenticated,
    /// The caller is known and may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// No such object within the caller's scope.
    #[error("{what} {id} was not found")]
    NotFound {
        /// The kind of object, as a user would say it: `RA profile`, `certificate`.
        what: &'static str,
        /// The identifier that was asked for.
        id: String,
    },
    /// The object exists already, or changed since it was read.
    #[error("{0}")]
    Conflict(String),
    /// Too many requests.
    #[error("too many requests; try again in {} s", .retry_after.as_secs())]
    Throttled {
        /// When the next attempt may succeed.
        retry_after: Duration,
    },
    /// Something that this node depends on does not answer; nothing was done.
    #[error("{why}; nothing was done, try again in {} s", .retry_after.as_secs())]
    Unavailable {
        /// What is missing, without addresses or paths.
        why: String,
        /// When the next attempt may succeed.
        retry_after: Duration,
    },
    /// A fault of ours. The client learns the request id only.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// One broken rule.
    pub fn rejected(rejection: Rejection) -> Self {
        Self::Rejected(vec![rejection])
    }

    /// An object that is not there, or not for this caller.
    pub fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    /// A dependency that does not answer, with the usual time to come back.
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable { why: why.into(), retry_after: Duration::from_secs(5) }
    }

    /// A fault of ours, with its cause for the log.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

/// One rule that a request broke: what, why, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The request does not prove possession of its key.
    #[error("proof of possession: {0}")]
    Proof(String),
    /// The key is weak, blocked, or not of a kind that the profile takes.
    #[error("public key: {0}")]
    Key(String),
    /// A name that the profile does not allow.
    #[error("name {name}: {why}")]
    Name {
        /// The name as asked for, with its kind: `dns:host.example`.
        name: String,
        /// The rule.
        why: String,
    },
    /// An attribute value that does not fit its definition.
    #[error("attribute {name}: {why}")]
    Attribute {
        /// The attribute's name.
        name: String,
        /// The rule.
        why: String,
    },
    /// The requested lifetime is not allowed, or would outlive the issuer.
    #[error("validity: {0}")]
    Validity(String),
    /// A key usage or extension that the profile does not allow.
    #[error("extension {name}: {why}")]
    Extension {
        /// The usage or extension, by name.
        name: String,
        /// The rule.
        why: String,
    },
    /// The one renewal rule forbids it.
    #[error("renewal: {0}")]
    Renewal(String),
    /// The object's state does not allow the operation.
    #[error("{0}")]
    State(String),
    /// A field whose feature this server does not have.
    #[error("{field}: {why}")]
    Unsupported {
        /// The field of the request.
        field: String,
        /// What is missing and what to do instead.
        why: String,
    },
}

/// The part of a foreign text that a fault shows.
pub(crate) fn cut(text: &str) -> String {
    const SHOWN: usize = 128;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The faults of one decision, few enough to be told: an answer is not much larger than what it answers.
pub(crate) fn bounded(mut faults: Vec<Rejection>) -> Vec<Rejection> {
    const TOLD: usize = 50;
    let more = faults.len().saturating_sub(TOLD);
    if more > 0 {
        faults.truncate(TOLD);
        faults.push(Rejection::State(format!("and {more} more faults; mend these first")));
    }
    faults
}

fn join(rejections: &[Rejection]) -> String {
    rejections.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What a store answers when it cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, is full, or dropped the transaction: nothing was written.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A list that looked at more rows than its time allows.
    #[error("the list took too long: {0}")]
    TooLong(String),
    /// A uniqueness rule of the schema: the named thing exists already.
    #[error("{0} exists already")]
    Duplicate(Unique),
    /// The row that the write was based on has changed since it was read: read again and decide again.
    #[error("the {0} changed meanwhile")]
    Stale(Stale),
    /// The certificate's key has been blocked since it was checked.
    #[error("the key is blocked")]
    KeyBlocked,
    /// Anything else: a fault of ours or of the schema.
    #[error("store: {0}")]
    Internal(String),
}

/// What a conditional write found changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// The RA profile has another version, is disabled, or is gone.
    Profile,
    /// The certificate object is not in the state that the write asks for.
    Certificate,
    /// The certificate that was to be renewed is not in state issued any more.
    Predecessor,
    /// The door's own rows: they say whether the certificate may still be issued (an order that is finalized already).
    Alongside,
}

impl std::fmt::Display for Stale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Profile => "RA profile",
            Self::Certificate => "certificate",
            Self::Predecessor => "certificate to be renewed",
            Self::Alongside => "order or transaction of the protocol",
        })
    }
}

/// The uniqueness rules that a caller can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unique {
    /// UNIQUE(issuer, serial).
    Serial,
    /// One certificate, one row.
    Fingerprint,
    /// RA profile names.
    ProfileName,
    /// Authority names.
    AuthorityName,
    /// ACME profile names.
    AcmeProfileName,
    /// User names.
    UserName,
    /// EST profile names.
    EstProfileName,
    /// SCEP profile names.
    ScepProfileName,
    /// Any other key.
    Other,
}

impl std::fmt::Display for Unique {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Serial => "a certificate with this issuer and serial number",
            Self::Fingerprint => "this certificate",
            Self::ProfileName => "an RA profile with this name",
            Self::AuthorityName => "an authority with this name",
            Self::AcmeProfileName => "an ACME profile with this name",
            Self::UserName => "a user with this name",
            Self::EstProfileName => "an EST profile with this name",
            Self::ScepProfileName => "a SCEP profile with this name",
            Self::Other => "this object",
        })
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::unavailable("the database is not available"),
            StoreError::TooLong(_) => Self::unavailable(
                "the list takes too long to find; ask for less, with a filter that matches whole values",
            ),
            StoreError::Duplicate(unique) => Self::Conflict(format!("{unique} already exists")),
            StoreError::Stale(what) => {
                Self::Conflict(format!("the {what} was changed by somebody else; read it again"))
            }
            StoreError::KeyBlocked => {
                Self::rejected(Rejection::Key("this key is blocked (reported as compromised); make a new key".into()))
            }
            StoreError::Internal(_) => Self::internal(error),
        }
    }
}
