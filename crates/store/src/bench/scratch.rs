//! A database for a measurement, beside another one: on the same disk, or on the same server. Gone when the value goes.

use std::path::{Path, PathBuf};

use diesel::Connection;
use diesel::PgConnection;
use diesel::connection::SimpleConnection;

use crate::OpenError;
use crate::connection::Target;

/// The scratch database.
pub(super) struct Scratch {
    /// Where it is.
    pub(super) url: String,
    kind: Kind,
}

enum Kind {
    Files(PathBuf),
    Database { beside: String, name: String },
}

impl Scratch {
    /// A new one beside the database of `url`, `id` in its name.
    pub(super) fn beside(url: &str, id: uuid::Uuid) -> Result<Self, OpenError> {
        let name = format!("chancery_bench_{}", id.simple());
        match Target::parse(url, None)? {
            Target::Sqlite { path, .. } => {
                let path = path.parent().unwrap_or(Path::new("")).join(format!("{name}.db"));
                Ok(Self { url: format!("sqlite://{}", path.display()), kind: Kind::Files(path) })
            }
            Target::Postgres { .. } => {
                execute(url, &format!("CREATE DATABASE {name}"))?;
                let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
                let (base, _) = base.rsplit_once('/').filter(|(base, _)| !base.ends_with('/')).ok_or_else(|| {
                    OpenError::Url { why: "a PostgreSQL URL names a database, as in postgres://host/name".into() }
                })?;
                let query = query.map(|query| format!("?{query}")).unwrap_or_default();
                Ok(Self { url: format!("{base}/{name}{query}"), kind: Kind::Database { beside: url.to_owned(), name } })
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        match &self.kind {
            Kind::Files(path) => {
                for suffix in ["", "-wal", "-shm", ".lock"] {
                    let mut file = path.clone().into_os_string();
                    file.push(suffix);
                    // The last connection's end removes two of them by itself.
                    let _ = std::fs::remove_file(file);
                }
            }
            Kind::Database { beside, name } => {
                if let Err(error) = execute(beside, &format!("DROP DATABASE {name} WITH (FORCE)")) {
                    tracing::warn!(database = %name, %error, "a scratch database could not be dropped");
                }
            }
        }
    }
}

fn execute(url: &str, statement: &str) -> Result<(), OpenError> {
    let fault = |why: String| OpenError::Connect { engine: "PostgreSQL", why };
    let mut connection = PgConnection::establish(url).map_err(|error| fault(error.to_string()))?;
    connection.batch_execute(statement).map_err(|error| fault(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::bench::{Shape, issue_rate_beside};

    #[tokio::test]
    async fn a_measurement_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/mine.db", folder.path().display());
        let rate = issue_rate_beside(&url, Shape::default(), Duration::from_millis(100)).await.unwrap();
        assert!(rate.issued > 0);
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
