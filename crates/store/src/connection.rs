//! Connections to either engine, and what each is told first.

use std::path::PathBuf;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection, ConnectionError, PgConnection, QueryResult, SqliteConnection};

use crate::OpenError;
use crate::deadline;

/// A connection to either engine. Queries that diesel's multi-connection can express are written once on it; for the
/// rest (upsert, batch insert) [`each!`] expands one body for each engine.
#[derive(diesel::MultiConnection)]
pub(crate) enum AnyConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// The backend that [`AnyConnection`] stands for.
pub(crate) type AnyBackend = <AnyConnection as Connection>::Backend;

/// The same diesel expression for each engine.
macro_rules! each {
    ($connection:expr, $c:ident => $body:expr) => {
        match $connection {
            $crate::connection::AnyConnection::Postgres($c) => $body,
            $crate::connection::AnyConnection::Sqlite($c) => $body,
        }
    };
}
pub(crate) use each;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Single rows.
    Read,
    /// What may look at many rows.
    List,
    Write,
}

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Sqlite { path: PathBuf, max_bytes: Option<u64> },
    Postgres { url: String },
}

/// How long a connection waits for another process that holds the file, and for a lock in PostgreSQL.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// A statement that takes longer has lost its caller.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);
/// The same for a list. PostgreSQL keeps it by itself, SQLite by [`crate::deadline`].
pub(crate) const LIST_LIMIT: Duration = Duration::from_secs(5);

impl Target {
    /// Read a database URL: `sqlite:///absolute/path`, `sqlite://relative/path` or `postgres://...`.
    pub(crate) fn parse(url: &str, max_bytes: Option<u64>) -> Result<Self, OpenError> {
        let refused = |why: &str| OpenError::Url { why: why.to_owned() };
        if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() || path.contains(":memory:") {
                return Err(refused("a SQLite URL names a file, as in sqlite:///var/lib/chancery/chancery.db"));
            }
            return Ok(Self::Sqlite { path: PathBuf::from(path), max_bytes });
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres { url: with_timeouts(url) });
        }
        Err(refused("it must begin with sqlite:// or postgres://"))
    }

    /// The engine's name for people.
    pub(crate) fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres { .. } => "PostgreSQL",
        }
    }

    /// Connect. The error's text may name hosts and users, never the password: libpq leaves it out.
    pub(crate) fn connect(&self, purpose: Purpose) -> Result<AnyConnection, ConnectionError> {
        match self {
            Self::Sqlite { path, max_bytes } => {
                let path = path.to_str().ok_or_else(|| {
                    ConnectionError::BadConnection("the path of the database must be valid UTF-8".into())
                })?;
                let mut connection = SqliteConnection::establish(path)?;
                sqlite_settings(&mut connection, purpose, *max_bytes)
                    .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(AnyConnection::Sqlite(connection))
            }
            Self::Postgres { url } => {
                let mut connection = PgConnection::establish(url)?;
                postgres_settings(&mut connection, purpose).map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(AnyConnection::Postgres(connection))
            }
        }
    }
}

/// WAL with FULL: a commit is on the disk before it is told; grouping pays for it. LIKE compares case as PostgreSQL
/// does. The log is written back every 64 MiB, so that an index page that many commits touch is written once.
fn sqlite_settings(connection: &mut SqliteConnection, purpose: Purpose, max_bytes: Option<u64>) -> QueryResult<()> {
    let wait = LOCK_WAIT.as_millis();
    connection.batch_execute(&format!("PRAGMA busy_timeout = {wait}; PRAGMA foreign_keys = ON;"))?;
    connection.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;")?;
    connection.batch_execute("PRAGMA case_sensitive_like = ON;")?;
    match purpose {
        Purpose::Read => connection.batch_execute("PRAGMA query_only = ON; PRAGMA cache_size = -2048;"),
        Purpose::List => {
            deadline::register(connection)?;
            connection.batch_execute("PRAGMA query_only = ON; PRAGMA cache_size = -2048;")
        }
        Purpose::Write => {
            connection.batch_execute(
                "PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 16384; PRAGMA journal_size_limit = 67108864;",
            )?;
            match max_bytes {
                Some(bytes) => connection.batch_execute(&format!("PRAGMA max_page_count = {}", (bytes / 4096).max(1))),
                None => Ok(()),
            }
        }
    }
}

fn postgres_settings(connection: &mut PgConnection, purpose: Purpose) -> QueryResult<()> {
    let limit = match purpose {
        Purpose::Read | Purpose::Write => STATEMENT_LIMIT,
        Purpose::List => LIST_LIMIT,
    };
    connection.batch_execute(&format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
         SET client_min_messages = warning",
        limit.as_millis(),
        LOCK_WAIT.as_millis(),
        STATEMENT_LIMIT.as_millis(),
    ))
}

/// A server that vanished must be noticed within seconds. What the operator wrote stands.
fn with_timeouts(url: &str) -> String {
    let mut url = url.to_owned();
    for (name, value) in [
        ("connect_timeout", "3"),
        ("tcp_user_timeout", "10000"),
        ("keepalives_idle", "10"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "2"),
        ("application_name", "chancery"),
    ] {
        if !url.contains(&format!("{name}=")) {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&format!("{name}={value}"));
        }
    }
    url
}

/// Run `body` in one read-only snapshot.
pub(crate) fn snapshot<T, E: From<diesel::result::Error>>(
    connection: &mut AnyConnection,
    body: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    connection.batch_execute(match connection {
        AnyConnection::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        AnyConnection::Sqlite(_) => "BEGIN",
    })?;
    let result = body(connection);
    // A failed end leaves a connection that the reader drops with the error below.
    let ended = connection.batch_execute(if result.is_ok() { "COMMIT" } else { "ROLLBACK" });
    let value = result?;
    ended?;
    Ok(value)
}
