//! The schema: embedded migrations of both engines, applied by one node at a time.

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::prelude::*;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::OpenError;
use crate::connection::AnyConnection;

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgresql");

/// How often the bootstrap of the lock table is tried when nodes start at the same moment: `CREATE TABLE IF NOT EXISTS`
/// itself can collide in PostgreSQL's catalogue.
const BOOTSTRAP_ATTEMPTS: u32 = 10;

/// Where a database's schema stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// The newest migration that ran here; `None` for an empty database.
    pub version: Option<String>,
    /// The migrations of this program that did not run yet, in their order.
    pub pending: Vec<String>,
}

fn failed(error: impl std::fmt::Display) -> OpenError {
    OpenError::Migration { why: error.to_string() }
}

fn known<DB: diesel::backend::Backend>(source: &EmbeddedMigrations) -> Result<Vec<String>, OpenError>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let migrations: Vec<Box<dyn Migration<DB>>> = source.migrations().map_err(failed)?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

/// Where the schema stands; [`OpenError::Newer`] when migrations ran here that this program does not know.
pub(crate) fn schema(connection: &mut AnyConnection) -> Result<Schema, OpenError> {
    match connection {
        AnyConnection::Sqlite(c) => schema_on(c, &SQLITE),
        AnyConnection::Postgres(c) => schema_on(c, &POSTGRES),
    }
}

fn schema_on<C, DB>(connection: &mut C, source: &EmbeddedMigrations) -> Result<Schema, OpenError>
where
    C: MigrationHarness<DB>,
    DB: diesel::backend::Backend,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let known = known::<DB>(source)?;
    let applied: Vec<MigrationVersion<'static>> = connection.applied_migrations().map_err(failed)?;
    let applied: Vec<String> = applied.iter().map(ToString::to_string).collect();
    if let Some(found) = applied.iter().filter(|version| !known.contains(version)).max() {
        let known = known.last().cloned().unwrap_or_default();
        return Err(OpenError::Newer { found: found.clone(), known });
    }
    let version = applied.iter().max().cloned();
    let pending = known.into_iter().filter(|version| !applied.contains(version)).collect();
    Ok(Schema { version, pending })
}

/// Apply what is pending and tell what that was. On SQLite the caller holds the database's file lock; on PostgreSQL a
/// row lock lets one node in, and the others find nothing left to do.
pub(crate) fn migrate(connection: &mut AnyConnection) -> Result<Vec<String>, OpenError> {
    match connection {
        AnyConnection::Sqlite(c) => migrate_on(c, SQLITE),
        AnyConnection::Postgres(c) => {
            bootstrap_lock(c)?;
            c.transaction(|c| {
                // Waiting for another node's migrations takes as long as they do.
                c.batch_execute(
                    "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; \
                     SELECT id FROM chancery_migration_lock WHERE id = 1 FOR UPDATE",
                )?;
                Ok(migrate_on(c, POSTGRES)?)
            })
            .map_err(|refused: Refused| refused.0)
        }
    }
}

fn migrate_on<C, DB>(connection: &mut C, source: EmbeddedMigrations) -> Result<Vec<String>, OpenError>
where
    C: MigrationHarness<DB>,
    DB: diesel::backend::Backend + 'static,
    EmbeddedMigrations: MigrationSource<DB>,
{
    schema_on(connection, &source)?;
    let run = connection.run_pending_migrations(source).map_err(failed)?;
    Ok(run.iter().map(ToString::to_string).collect())
}

/// The row that one migrating node at a time locks, made before there is any schema. A row, not an advisory lock: row
/// locks end with their transaction and are in every engine's subset.
fn bootstrap_lock(connection: &mut PgConnection) -> Result<(), OpenError> {
    const BOOTSTRAP: &str = "CREATE TABLE IF NOT EXISTS chancery_migration_lock (id INTEGER NOT NULL PRIMARY KEY); \
                             INSERT INTO chancery_migration_lock (id) VALUES (1) ON CONFLICT DO NOTHING";
    let mut attempt = 1;
    loop {
        match connection.batch_execute(BOOTSTRAP) {
            Ok(()) => return Ok(()),
            Err(_) if attempt < BOOTSTRAP_ATTEMPTS => attempt += 1,
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Lets `?` carry both kinds of error out of diesel's transaction.
struct Refused(OpenError);

impl From<diesel::result::Error> for Refused {
    fn from(error: diesel::result::Error) -> Self {
        Self(failed(error))
    }
}

impl From<OpenError> for Refused {
    fn from(error: OpenError) -> Self {
        Self(error)
    }
}
