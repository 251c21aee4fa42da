//! The store: diesel over SQLite and PostgreSQL, behind core's ports.
//!
//! One [`Store`] implements every store port. Writes wait in one bounded queue; a writer lane (one thread for SQLite,
//! two for PostgreSQL) takes what waits into one transaction, and every caller gets its own result after the commit.
//! Reads are answered by threads with connections of their own, and lists, which may be slow, by other threads than the
//! reads of single rows that issuing needs. Nothing here blocks an async worker.

mod acme;
mod alongside;
mod approval;
mod audit;
mod authority;
mod certificate;
mod chain;
mod connection;
mod database;
mod deadline;
mod est;
mod fault;
mod file;
mod issue;
mod lane;
mod lease;
mod migration;
mod node;
mod profile;
mod queue;
mod reader;
mod row;
mod scep;
mod schema;
mod search;
mod token;
mod user;

pub mod bench;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use chancery_core::StoreError;
use chancery_core::audit::AuditEntry;
use chancery_core::port::IssueRecord;
use tokio::sync::oneshot;
use uuid::Uuid;

pub use lane::Groups;
pub use migration::Schema;
pub use node::Node;

use connection::{AnyConnection, Purpose, Target};
use fault::{Failure, Verdict};
use lane::{GroupCount, Lane, Task, Write};
use queue::{Queue, Refusal};
use reader::{Question, Read};

/// How many writes may wait. At 6,000 certificates of 2 kB in a second this is under 2 s and 20 MiB.
const WAITING_WRITES: usize = 8192;
/// How many reads may wait.
const WAITING_READS: usize = 4096;
/// How many lists may wait. Each may take seconds, so more of them would wait in vain.
const WAITING_LISTS: usize = 32;
/// How many threads answer lists.
const LISTERS: usize = 2;
/// How long the first of them may wait before more are refused at once.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a new node asks for a number that others want too.
const REGISTRATIONS: u32 = 20;

/// How to open a store.
#[derive(Clone)]
pub struct StoreOptions {
    /// `sqlite:///absolute/path`, `sqlite://relative/path` or `postgres://user:password@host/database`.
    pub url: String,
    /// This node's own identifier, kept in its data folder: finds its number and its audit chains again.
    pub node: Uuid,
    /// How many reader threads; each opens its connection when it is first needed.
    pub readers: usize,
    /// SQLite: how large the database may grow, in bytes; writes beyond it answer Unavailable. `None`: as the disk allows.
    pub max_bytes: Option<u64>,
    /// How many waiting writes go into one transaction at the most.
    pub group: usize,
}

impl StoreOptions {
    /// The usual: four readers, no limit of size, groups of at most 256.
    pub fn new(url: impl Into<String>, node: Uuid) -> Self {
        Self { url: url.into(), node, readers: 4, max_bytes: None, group: lane::GROUP }
    }
}

/// Why a database could not be opened or migrated: what, why, and how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database URL does not read.
    #[error("the database URL is not usable: {why}")]
    Url {
        /// The rule.
        why: String,
    },
    /// A file of the SQLite database cannot be made or opened.
    #[error("cannot open {}: {why}; the folder must exist and be writable", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// Another process has the SQLite database open.
    #[error("{} is in use by another process (a running server?); stop it first, or talk to it instead", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The database does not let us in.
    #[error("cannot connect to {engine}: {why}")]
    Connect {
        /// Its kind.
        engine: &'static str,
        /// What it says.
        why: String,
    },
    /// The schema is older than this program.
    #[error("the database's schema is {}, and {} migration(s) are pending; run `chancery migrate`",
        found.as_deref().unwrap_or("empty"), pending.len())]
    Outdated {
        /// The newest migration that ran, if any.
        found: Option<String>,
        /// What is missing.
        pending: Vec<String>,
    },
    /// The schema was made by a newer program.
    #[error(
        "the database's schema is {found}, newer than this program, which knows {known}; install the newer program, or \
         restore a backup from before the upgrade"
    )]
    Newer {
        /// The newest migration that ran.
        found: String,
        /// The newest one that this program has.
        known: String,
    },
    /// A migration failed; it was undone.
    #[error("the database could not be migrated: {why}")]
    Migration {
        /// What the database says.
        why: String,
    },
    /// Anything else while the node took its place.
    #[error("the database could not be opened: {0}")]
    Store(#[from] StoreError),
}

/// The store. Cloning is cheap and shares the connections; the last clone to go closes them, after what waits is done.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    target: Arc<Target>,
    node: Node,
    writes: Arc<Queue<Write>>,
    reads: Arc<Queue<Box<dyn Read>>>,
    lists: Arc<Queue<Box<dyn Read>>>,
    groups: Arc<GroupCount>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Dropped after the threads have ended.
    _lock: Option<file::FileLock>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("engine", &self.0.target.engine()).field("node", &self.0.node).finish()
    }
}

impl Store {
    /// Open a migrated database and give this node its number and its boot. Refuses a schema that is older or newer than
    /// this program, and a SQLite file that another process has open.
    pub async fn open(options: StoreOptions) -> Result<Self, OpenError> {
        blocking(move || Self::open_blocking(&options)).await
    }

    /// The same, for callers that may block.
    pub fn open_blocking(options: &StoreOptions) -> Result<Self, OpenError> {
        let target = Arc::new(Target::parse(&options.url, options.max_bytes)?);
        let lock = lock(&target)?;
        let mut connection = connect(&target)?;
        let schema = migration::schema(&mut connection)?;
        if !schema.pending.is_empty() {
            return Err(OpenError::Outdated { found: schema.version, pending: schema.pending });
        }
        let node = register(&mut connection, options.node)?;
        drop(connection);

        let lanes = if matches!(*target, Target::Sqlite { .. }) { 1 } else { chain::LANES };
        let writes = Arc::new(Queue::new(WAITING_WRITES, PATIENCE));
        let reads = Arc::new(Queue::new(WAITING_READS, PATIENCE));
        let lists = Arc::new(Queue::new(WAITING_LISTS, PATIENCE));
        let groups = Arc::new(GroupCount::default());
        let mut threads = Vec::new();
        for number in 0..lanes {
            let lane = Lane::new(node.number, number, Arc::clone(&target), Arc::clone(&groups));
            let (queue, group) = (Arc::clone(&writes), options.group.max(1));
            threads.push(spawn(format!("store-write-{number}"), move || lane.run(&queue, group))?);
        }
        for number in 0..options.readers.max(1) {
            let (target, queue) = (Arc::clone(&target), Arc::clone(&reads));
            threads.push(spawn(format!("store-read-{number}"), move || reader::run(&target, Purpose::Read, &queue))?);
        }
        for number in 0..LISTERS {
            let (target, queue) = (Arc::clone(&target), Arc::clone(&lists));
            threads.push(spawn(format!("store-list-{number}"), move || reader::run(&target, Purpose::List, &queue))?);
        }
        let threads = Mutex::new(threads);
        Ok(Self(Arc::new(Inner { target, node, writes, reads, lists, groups, threads, _lock: lock })))
    }

    /// Bring an empty or older database to this program's schema and tell what ran. Safe when several nodes do it at
    /// once; refuses a newer schema.
    pub async fn migrate(url: &str) -> Result<Vec<String>, OpenError> {
        let target = Target::parse(url, None)?;
        blocking(move || {
            let _lock = lock(&target)?;
            migration::migrate(&mut connect(&target)?)
        })
        .await
    }

    /// Where a database's schema stands, without changing anything but making an empty SQLite file.
    pub async fn schema(url: &str) -> Result<Schema, OpenError> {
        let target = Target::parse(url, None)?;
        blocking(move || {
            let _lock = lock(&target)?;
            migration::schema(&mut connect(&target)?)
        })
        .await
    }

    /// This node, as the database knows it.
    pub fn node(&self) -> Node {
        self.0.node
    }

    /// The engine: `SQLite` or `PostgreSQL`.
    pub fn engine(&self) -> &'static str {
        self.0.target.engine()
    }

    /// The groups that certificates were committed in since the store was opened.
    pub fn groups(&self) -> Groups {
        self.0.groups.read()
    }

    /// Write in a transaction with others. `body` may run several times; what it tells is chained after it.
    pub(crate) async fn write<T, F>(&self, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut AnyConnection, &mut Vec<AuditEntry>) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.0.writes.push(Write::Other(Box::new(Task { body, value: None, reply }))).map_err(refused)?;
        answer.await.map_err(|_| stopped())?
    }

    /// The hot path.
    pub(crate) async fn issue(&self, record: IssueRecord) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.0.writes.push(Write::Issue(Box::new(record), reply)).map_err(refused)?;
        answer.await.map_err(|_| stopped())?
    }

    /// Read what an index finds at once. `body` may run several times.
    pub(crate) async fn read<T, F>(&self, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut AnyConnection) -> Result<T, Failure> + Send + 'static,
    {
        ask(&self.0.reads, body).await
    }

    /// Read what may take long, on threads that nobody else needs. `body` may run several times.
    pub(crate) async fn list<T, F>(&self, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut AnyConnection) -> Result<T, Failure> + Send + 'static,
    {
        ask(&self.0.lists, body).await
    }
}

/// Whether this is a database URL that [`Store::open`] would take; nothing is opened.
///
/// # Errors
/// [`OpenError::Url`], which says what a URL must be.
pub fn check_url(url: &str) -> Result<(), OpenError> {
    Target::parse(url, None).map(drop)
}

async fn ask<T, F>(queue: &Queue<Box<dyn Read>>, body: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnMut(&mut AnyConnection) -> Result<T, Failure> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    queue.push(Box::new(Question { body, value: None, reply })).map_err(refused)?;
    answer.await.map_err(|_| stopped())?
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.writes.close();
        self.reads.close();
        self.lists.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        for thread in threads {
            // A thread that panicked has nothing left to wait for.
            drop(thread.join());
        }
    }
}

async fn blocking<T: Send + 'static>(
    body: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    tokio::task::spawn_blocking(body)
        .await
        .map_err(|error| OpenError::Store(StoreError::Internal(error.to_string())))?
}

fn lock(target: &Target) -> Result<Option<file::FileLock>, OpenError> {
    match target {
        Target::Sqlite { path, .. } => file::lock(path).map(Some),
        Target::Postgres { .. } => Ok(None),
    }
}

fn connect(target: &Target) -> Result<AnyConnection, OpenError> {
    let refused =
        |error: diesel::ConnectionError| OpenError::Connect { engine: target.engine(), why: error.to_string() };
    target.connect(Purpose::Write).map_err(refused)
}

fn register(connection: &mut AnyConnection, id: Uuid) -> Result<Node, OpenError> {
    let mut attempt = 1;
    loop {
        match node::register(connection, id).map_err(Failure::verdict) {
            Ok(node) => return Ok(node),
            Err(Verdict::Refused(StoreError::Duplicate(_)) | Verdict::Again(_)) if attempt < REGISTRATIONS => {
                attempt += 1;
            }
            Err(Verdict::Refused(error)) => return Err(error.into()),
            Err(Verdict::Again(why) | Verdict::Lost(why)) => return Err(StoreError::Unavailable(why).into()),
        }
    }
}

fn spawn(name: String, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    let failed = |error: std::io::Error| StoreError::Internal(format!("no thread for {name}: {error}"));
    Ok(std::thread::Builder::new().name(name.clone()).spawn(body).map_err(failed)?)
}

fn refused(refusal: Refusal) -> StoreError {
    StoreError::Unavailable(match refusal {
        Refusal::Overloaded => "too many requests wait for the database".to_owned(),
        Refusal::Closed => "the store is being closed".to_owned(),
    })
}

fn stopped() -> StoreError {
    StoreError::Unavailable("the database's thread stopped".to_owned())
}
