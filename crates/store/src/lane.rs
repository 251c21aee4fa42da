//! A writer lane: one thread, one connection, one audit chain, and the waiting writes of many callers in one transaction.
//!
//! Each caller gets its own result after the commit. A group is first written together; when one of its writes
//! breaks a rule, the transaction is undone and the group written again with a savepoint each, so that
//! only the guilty one fails. Only errors that are an item's own are undone that way: a full disk or a lost connection
//! takes the outer transaction with it, so the whole group answers Unavailable and the connection is dropped.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chancery_core::StoreError;
use chancery_core::audit::AuditEntry;
use chancery_core::port::IssueRecord;
use diesel::connection::SimpleConnection;
use tokio::sync::oneshot;

use crate::chain::{self, Head};
use crate::connection::{AnyConnection, Purpose, Target};
use crate::fault::{Failure, Verdict};
use crate::issue;
use crate::queue::Queue;

/// How many waiting writes go into one transaction at the most.
pub(crate) const GROUP: usize = 256;
/// How often a transaction that met another is tried again before its callers are told.
const ATTEMPTS: u32 = 8;

/// How many transactions committed certificates, and how many certificates those were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Transactions.
    pub transactions: u64,
    /// Certificate objects in them.
    pub certificates: u64,
}

/// [`Groups`] as the lanes count them.
#[derive(Default)]
pub(crate) struct GroupCount {
    transactions: AtomicU64,
    certificates: AtomicU64,
}

impl GroupCount {
    fn add(&self, certificates: usize) {
        if certificates > 0 {
            self.transactions.fetch_add(1, Ordering::Relaxed);
            self.certificates.fetch_add(certificates as u64, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> Groups {
        Groups {
            transactions: self.transactions.load(Ordering::Relaxed),
            certificates: self.certificates.load(Ordering::Relaxed),
        }
    }
}

/// A waiting write.
pub(crate) enum Write {
    /// The hot path: plain data.
    Issue(Box<IssueRecord>, oneshot::Sender<Result<(), StoreError>>),
    /// Anything else.
    Other(Box<dyn Job>),
}

impl Write {
    /// Tell the caller that it was not tried.
    pub(crate) fn unavailable(self, why: &str) {
        let error = Err(StoreError::Unavailable(why.to_owned()));
        match self {
            // A caller that does not wait any more needs no answer.
            Self::Issue(_, reply) => drop(reply.send(error)),
            Self::Other(job) => job.reply(error),
        }
    }
}

/// A write that is not the hot path: may run more than once, until its transaction commits.
pub(crate) trait Job: Send {
    /// Write, and say what the trail shall tell of it.
    fn write(&mut self, connection: &mut AnyConnection, told: &mut Vec<AuditEntry>) -> Result<(), Failure>;
    /// Tell the caller how it ended.
    fn reply(self: Box<Self>, result: Result<(), StoreError>);
}

/// A [`Job`] from a closure.
pub(crate) struct Task<T, F> {
    pub(crate) body: F,
    pub(crate) value: Option<T>,
    pub(crate) reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnMut(&mut AnyConnection, &mut Vec<AuditEntry>) -> Result<T, Failure> + Send,
{
    fn write(&mut self, connection: &mut AnyConnection, told: &mut Vec<AuditEntry>) -> Result<(), Failure> {
        self.value = Some((self.body)(connection, told)?);
        Ok(())
    }

    fn reply(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { value, reply, .. } = *self;
        let lost = || StoreError::Internal("a committed write left no value".to_owned());
        // A caller that does not wait any more needs no answer.
        drop(reply.send(result.and_then(|()| value.ok_or_else(lost))));
    }
}

/// A group that is being written.
#[derive(Default)]
struct Group {
    jobs: Vec<Box<dyn Job>>,
    #[expect(clippy::vec_box, reason = "they come boxed, and are too large to move")]
    records: Vec<Box<IssueRecord>>,
    replies: Vec<oneshot::Sender<Result<(), StoreError>>>,
}

/// Each caller's result, in the order of the group.
struct Results {
    jobs: Vec<Result<(), StoreError>>,
    issues: Vec<Result<(), StoreError>>,
}

/// Why a transaction did not commit.
enum Stop {
    /// A write breaks a rule: write again, one by one.
    Separately,
    /// It met another transaction.
    Again(String),
    /// The connection or the disk is gone before anything was committed.
    Lost(String),
    /// The answer to COMMIT is lost: if it was done, the chain ends at `head` and these are the results.
    Unsure { why: String, head: Head, results: Results },
}

impl Stop {
    fn lost(why: impl ToString) -> Self {
        Self::Lost(why.to_string())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Together,
    Separately,
}

/// A lane: what its thread owns.
pub(crate) struct Lane {
    pub(crate) node: i32,
    pub(crate) lane: i32,
    pub(crate) target: Arc<Target>,
    groups: Arc<GroupCount>,
    /// The connection with the chain's head as the database has it; `None` after a loss.
    open: Option<(AnyConnection, Head)>,
}

impl Lane {
    pub(crate) fn new(node: i32, lane: i32, target: Arc<Target>, groups: Arc<GroupCount>) -> Self {
        Self { node, lane, target, groups, open: None }
    }

    /// Write what waits, at most `group` at once, until the queue is closed and empty.
    pub(crate) fn run(mut self, queue: &Queue<Write>, group: usize) {
        while let Some(taken) = queue.take(group) {
            for write in taken.late {
                write.unavailable("the write waited too long");
            }
            self.write(taken.items);
        }
    }

    fn write(&mut self, writes: Vec<Write>) {
        let mut group = Group::default();
        for write in writes {
            match write {
                Write::Issue(record, reply) => {
                    group.records.push(record);
                    group.replies.push(reply);
                }
                Write::Other(job) => group.jobs.push(job),
            }
        }
        // A panic is a fault of ours in one item; the transaction dies with the connection, the lane goes on.
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| self.settle(&mut group))).unwrap_or_else(|_| {
            self.open = None;
            Err(StoreError::Internal("a write panicked; its group was undone".to_owned()))
        });
        match outcome {
            Ok(results) => {
                self.groups.add(results.issues.iter().filter(|result| result.is_ok()).count());
                for (job, result) in group.jobs.into_iter().zip(results.jobs) {
                    job.reply(result);
                }
                for (reply, result) in group.replies.into_iter().zip(results.issues) {
                    drop(reply.send(result));
                }
            }
            Err(error) => {
                for job in group.jobs {
                    job.reply(Err(again(&error)));
                }
                for reply in group.replies {
                    drop(reply.send(Err(again(&error))));
                }
            }
        }
    }

    /// Commit the group, or say why none of it was.
    fn settle(&mut self, group: &mut Group) -> Result<Results, StoreError> {
        let mut mode = Mode::Together;
        let mut reconnected = false;
        let mut attempt = 0;
        loop {
            match self.attempt(group, mode) {
                Ok(results) => return Ok(results),
                Err(Stop::Separately) => mode = Mode::Separately,
                Err(Stop::Again(why)) => {
                    attempt += 1;
                    // The chain's head may be what changed.
                    self.open = self.open.take().and_then(|(connection, _)| self.with_head(connection).ok());
                    if attempt == ATTEMPTS {
                        tracing::warn!(lane = self.lane, %why, "a group of writes met others too often");
                        return Err(StoreError::Unavailable(why));
                    }
                }
                Err(Stop::Unsure { why, head, results }) => {
                    if self.committed(head) {
                        tracing::warn!(lane = self.lane, %why, "the answer to a commit was lost; the trail shows it done");
                        return Ok(results);
                    }
                    // A server that has lost us may still be about to finish it.
                    tracing::error!(lane = self.lane, %why, "the answer to a commit was lost; the trail does not show it");
                    return Err(StoreError::Unavailable(format!("whether it was written is not known: {why}")));
                }
                Err(Stop::Lost(why)) => {
                    let was_open = self.open.take().is_some();
                    // A connection that died while idle is found out by the next group: that one may try once more.
                    if was_open && !reconnected && matches!(*self.target, Target::Postgres { .. }) {
                        reconnected = true;
                        continue;
                    }
                    tracing::error!(lane = self.lane, %why, "the database is not available");
                    return Err(StoreError::Unavailable(why));
                }
            }
        }
    }

    /// Whether a transaction that would leave the chain's end at `head` was committed, as a new connection sees it. Only
    /// this lane writes its chain; one that did not move tells nothing.
    pub(crate) fn committed(&mut self, head: Head) -> bool {
        self.open = None;
        match self.connected() {
            Ok((connection, found)) => {
                self.open = Some((connection, found));
                found == head
            }
            Err(_) => false,
        }
    }

    /// The open connection, or a new one with the head read again from the database.
    fn connected(&mut self) -> Result<(AnyConnection, Head), Stop> {
        match self.open.take() {
            Some(open) => Ok(open),
            None => {
                let connection = self.target.connect(Purpose::Write).map_err(Stop::lost)?;
                self.with_head(connection)
            }
        }
    }

    fn with_head(&self, mut connection: AnyConnection) -> Result<(AnyConnection, Head), Stop> {
        let head = chain::head(&mut connection, self.node, self.lane).map_err(Stop::lost)?;
        Ok((connection, head))
    }

    /// One transaction.
    fn attempt(&mut self, group: &mut Group, mode: Mode) -> Result<Results, Stop> {
        let (mut connection, mut head) = self.connected()?;
        let before = head;
        let begin = match &connection {
            AnyConnection::Postgres(_) => "BEGIN",
            AnyConnection::Sqlite(_) => "BEGIN IMMEDIATE",
        };
        let written = connection
            .batch_execute(begin)
            .map_err(Stop::lost)
            .and_then(|()| self.fill(&mut connection, &mut head, group, mode));
        match written {
            Ok(results) => match connection.batch_execute("COMMIT") {
                Ok(()) => {
                    self.open = Some((connection, head));
                    Ok(results)
                }
                Err(error) => match Failure::from(error).verdict() {
                    Verdict::Again(why) if connection.batch_execute("ROLLBACK").is_ok() => {
                        self.open = Some((connection, before));
                        Err(Stop::Again(why))
                    }
                    // The connection is dropped, for the head may be another now.
                    Verdict::Again(why) | Verdict::Lost(why) => Err(unsure(why, before, head, results)),
                    Verdict::Refused(error) => Err(unsure(error.to_string(), before, head, results)),
                },
            },
            Err(Stop::Lost(why)) => {
                // Kept only to tell that there was one: it is dropped by the caller.
                self.open = Some((connection, before));
                Err(Stop::Lost(why))
            }
            Err(stop) => match connection.batch_execute("ROLLBACK") {
                Ok(()) => {
                    self.open = Some((connection, before));
                    Err(stop)
                }
                // SQLite has undone the transaction by itself: not what a broken rule does.
                Err(error) => Err(Stop::lost(error)),
            },
        }
    }

    /// Everything between BEGIN and COMMIT. Jobs come first: what they forbid (a disabled profile, a blocked key) holds
    /// for the certificates of the same group.
    fn fill(
        &self,
        connection: &mut AnyConnection,
        head: &mut Head,
        group: &mut Group,
        mode: Mode,
    ) -> Result<Results, Stop> {
        let mut jobs = Vec::with_capacity(group.jobs.len());
        if mode == Mode::Together {
            let mut told = Vec::new();
            for job in &mut group.jobs {
                job.write(connection, &mut told).map_err(|failure| stop(failure, |_| Stop::Separately))?;
                jobs.push(Ok(()));
            }
            chain::append(connection, head, told.iter()).map_err(|failure| stop(failure, |_| Stop::Separately))?;
        } else {
            for job in &mut group.jobs {
                jobs.push(savepoint(connection, head, |connection, head| {
                    let mut told = Vec::new();
                    job.write(connection, &mut told)?;
                    chain::append(connection, head, told.iter())
                })?);
            }
        }
        let records: Vec<&IssueRecord> = group.records.iter().map(|record| &**record).collect();
        let issues = if records.is_empty() { Vec::new() } else { issue_all(connection, head, &records, mode)? };
        Ok(Results { jobs, issues })
    }
}

/// A commit without an answer. One that tells nothing in the trail cannot be looked up.
fn unsure(why: String, before: Head, head: Head, results: Results) -> Stop {
    if head == before {
        return Stop::Lost(format!("whether it was written is not known: {why}"));
    }
    Stop::Unsure { why, head, results }
}

fn issue_all(
    connection: &mut AnyConnection,
    head: &mut Head,
    records: &[&IssueRecord],
    mode: Mode,
) -> Result<Vec<Result<(), StoreError>>, Stop> {
    let guarded = issue::guard(connection, records).map_err(|failure| stop(failure, Stop::lost))?;
    let mut results: Vec<Result<(), StoreError>> =
        guarded.into_iter().map(|refusal| refusal.map_or(Ok(()), Err)).collect();
    if mode == Mode::Together {
        let allowed: Vec<&IssueRecord> =
            records.iter().zip(&results).filter(|(_, result)| result.is_ok()).map(|(record, _)| *record).collect();
        issue::insert(connection, &allowed)
            .and_then(|()| chain::append(connection, head, allowed.iter().map(|record| &record.audit)))
            .map_err(|failure| stop(failure, |_| Stop::Separately))?;
    } else {
        for (record, result) in records.iter().zip(&mut results).filter(|(_, result)| result.is_ok()) {
            *result = savepoint(connection, head, |connection, head| {
                issue::insert(connection, &[record])?;
                chain::append(connection, head, std::iter::once(&record.audit))
            })?;
        }
    }
    Ok(results)
}

/// Write one item so that its failure undoes it alone.
fn savepoint(
    connection: &mut AnyConnection,
    head: &mut Head,
    body: impl FnOnce(&mut AnyConnection, &mut Head) -> Result<(), Failure>,
) -> Result<Result<(), StoreError>, Stop> {
    let before = *head;
    connection.batch_execute("SAVEPOINT item").map_err(Stop::lost)?;
    match body(connection, head) {
        Ok(()) => {
            connection.batch_execute("RELEASE SAVEPOINT item").map_err(Stop::lost)?;
            Ok(Ok(()))
        }
        Err(failure) => match failure.verdict() {
            Verdict::Refused(error) => {
                // Fails when the outer transaction is gone with the item.
                connection.batch_execute("ROLLBACK TO SAVEPOINT item").map_err(Stop::lost)?;
                connection.batch_execute("RELEASE SAVEPOINT item").map_err(Stop::lost)?;
                *head = before;
                Ok(Err(error))
            }
            Verdict::Again(why) => Err(Stop::Again(why)),
            Verdict::Lost(why) => Err(Stop::lost(why)),
        },
    }
}

/// What a failure means for the transaction as a whole.
fn stop(failure: Failure, refused: impl FnOnce(StoreError) -> Stop) -> Stop {
    match failure.verdict() {
        Verdict::Refused(error) => refused(error),
        Verdict::Again(why) => Stop::Again(why),
        Verdict::Lost(why) => Stop::lost(why),
    }
}

/// The same answer for another caller of the group.
fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(why) => StoreError::Unavailable(why.clone()),
        StoreError::Internal(why) => StoreError::Internal(why.clone()),
        StoreError::Duplicate(unique) => StoreError::Duplicate(*unique),
        StoreError::Stale(what) => StoreError::Stale(*what),
        StoreError::TooLong(why) => StoreError::TooLong(why.clone()),
        StoreError::KeyBlocked => StoreError::KeyBlocked,
    }
}
