//! Whose fault an error of the database is: the item's, nobody's (try again), or the connection's.

use chancery_core::{StoreError, Unique};
use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

/// Why an item could not be written.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The domain refuses it: its own rows are undone, its neighbours go on.
    Refused(StoreError),
    /// The database said no.
    Database(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

/// What to do about an error.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It is the item's own.
    Refused(StoreError),
    /// The transaction met another (SQLSTATE 40001, 40P01): the same again will do.
    Again(String),
    /// The connection or the disk is gone: drop the connection.
    Lost(String),
}

/// What SQLite says (sqlite3_errstr) when the fault is not the statement's. diesel passes no code on, only this text; a
/// text that is missing here is still safe, because an item's undoing fails when SQLite rolled back more than the item.
const SQLITE_LOST: [&str; 12] = [
    "database or disk is full",
    "disk I/O error",
    "database disk image is malformed",
    "unable to open database file",
    "out of memory",
    "attempt to write a readonly database",
    "database is locked",
    "database table is locked",
    "locking protocol",
    "file is not a database",
    "large file support is disabled",
    "interrupted",
];

/// The same for PostgreSQL, for the classes 53 (resources), 57P (shutdown) and 08 that diesel calls unknown.
const POSTGRES_LOST: [&str; 12] = [
    "No space left on device",
    "could not extend file",
    "could not write",
    "could not fsync",
    "out of memory",
    "terminating connection",
    "server closed the connection",
    "the database system is",
    "too many connections",
    "remaining connection slots",
    "canceling statement due to",
    "no connection to the server",
];

impl Failure {
    /// Judge it.
    pub(crate) fn verdict(self) -> Verdict {
        match self {
            Self::Refused(error) => Verdict::Refused(error),
            Self::Database(error) => verdict(error),
        }
    }
}

fn verdict(error: Error) -> Verdict {
    match error {
        Error::DatabaseError(kind, info) => match kind {
            // Somebody else wrote to this lane's chain (after a commit whose answer was lost): read its head again.
            DatabaseErrorKind::UniqueViolation if on_chain(&*info) => Verdict::Again(info.message().to_owned()),
            DatabaseErrorKind::UniqueViolation => {
                Verdict::Refused(StoreError::Duplicate(unique(info.constraint_name(), info.message())))
            }
            DatabaseErrorKind::SerializationFailure => Verdict::Again(info.message().to_owned()),
            DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ReadOnlyTransaction => Verdict::Lost(info.message().to_owned()),
            _ => by_text(&*info),
        },
        Error::BrokenTransactionManager | Error::RollbackErrorOnCommit { .. } | Error::AlreadyInTransaction => {
            Verdict::Lost(error.to_string())
        }
        error => Verdict::Refused(StoreError::Internal(error.to_string())),
    }
}

fn by_text(info: &dyn DatabaseErrorInformation) -> Verdict {
    let message = info.message();
    if message.contains("deadlock detected") || message.contains("could not serialize access") {
        return Verdict::Again(message.to_owned());
    }
    if SQLITE_LOST.iter().chain(&POSTGRES_LOST).any(|text| message.contains(text)) {
        return Verdict::Lost(message.to_owned());
    }
    Verdict::Refused(StoreError::Internal(message.to_owned()))
}

fn on_chain(info: &dyn DatabaseErrorInformation) -> bool {
    info.constraint_name() == Some("audit_pkey") || info.message().contains("audit.node, audit.lane")
}

/// Which uniqueness rule: PostgreSQL names the constraint, SQLite the columns.
fn unique(constraint: Option<&str>, message: &str) -> Unique {
    const RULES: [(&str, &str, Unique); 8] = [
        ("certificates_issuer_serial", "certificates.issuer, certificates.serial", Unique::Serial),
        ("certificates_fingerprint", "certificates.fingerprint", Unique::Fingerprint),
        ("ra_profiles_name_key", "ra_profiles.name", Unique::ProfileName),
        ("authorities_name_key", "authorities.name", Unique::AuthorityName),
        ("acme_profiles_name_key", "acme_profiles.name", Unique::AcmeProfileName),
        ("users_name_key", "users.name", Unique::UserName),
        ("est_profiles_name_key", "est_profiles.name", Unique::EstProfileName),
        ("scep_profiles_name_key", "scep_profiles.name", Unique::ScepProfileName),
    ];
    RULES
        .into_iter()
        .find(|(name, columns, _)| constraint == Some(name) || message.contains(name) || message.contains(columns))
        .map_or(Unique::Other, |(_, _, unique)| unique)
}

#[cfg(test)]
mod tests;
