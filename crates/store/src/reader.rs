//! Reader threads: each with a connection of its own, opened at its first use, so that no async worker blocks.

use std::time::Duration;

use chancery_core::StoreError;
use tokio::sync::oneshot;

use crate::connection::{AnyConnection, LIST_LIMIT, Purpose, Target};
use crate::deadline;
use crate::fault::{Failure, Verdict};
use crate::queue::Queue;

/// How often a read that met a concurrent transaction, or a dead connection, is tried.
const ATTEMPTS: u32 = 3;
/// What PostgreSQL says when a statement took longer than the connection allows.
const OUT_OF_TIME: &str = "canceling statement due to statement timeout";

/// A waiting read.
pub(crate) trait Read: Send {
    /// Whether the caller has gone.
    fn is_abandoned(&self) -> bool;
    /// Read and keep the value.
    fn read(&mut self, connection: &mut AnyConnection) -> Result<(), Failure>;
    /// Tell the caller how it ended.
    fn reply(self: Box<Self>, result: Result<(), StoreError>);
}

/// A [`Read`] from a closure.
pub(crate) struct Question<T, F> {
    pub(crate) body: F,
    pub(crate) value: Option<T>,
    pub(crate) reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Read for Question<T, F>
where
    T: Send,
    F: FnMut(&mut AnyConnection) -> Result<T, Failure> + Send,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn read(&mut self, connection: &mut AnyConnection) -> Result<(), Failure> {
        self.value = Some((self.body)(connection)?);
        Ok(())
    }

    fn reply(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { value, reply, .. } = *self;
        let lost = || StoreError::Internal("a read left no value".to_owned());
        // A caller that does not wait any more needs no answer.
        drop(reply.send(result.and_then(|()| value.ok_or_else(lost))));
    }
}

/// Answer what waits until the queue is closed and empty.
pub(crate) fn run(target: &Target, purpose: Purpose, queue: &Queue<Box<dyn Read>>) {
    let mut open = None;
    while let Some(taken) = queue.take(1) {
        for read in taken.late {
            read.reply(Err(StoreError::Unavailable("the read waited too long".to_owned())));
        }
        for mut read in taken.items {
            if !read.is_abandoned() {
                let result = answer(target, purpose, LIST_LIMIT, &mut open, &mut *read);
                read.reply(result);
            }
        }
    }
}

pub(crate) fn answer(
    target: &Target,
    purpose: Purpose,
    limit: Duration,
    open: &mut Option<AnyConnection>,
    read: &mut dyn Read,
) -> Result<(), StoreError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        // Taken out while it is used: an error or a panic leaves no connection in an unknown state behind.
        let mut connection = match open.take() {
            Some(connection) => connection,
            None => target.connect(purpose).map_err(|error| StoreError::Unavailable(error.to_string()))?,
        };
        let body = std::panic::AssertUnwindSafe(|| read.read(&mut connection));
        let body = || std::panic::catch_unwind(body);
        let answered = match purpose {
            Purpose::List => deadline::limited(limit, body),
            Purpose::Read | Purpose::Write => Some(body()),
        };
        let Some(answered) = answered else {
            *open = Some(connection);
            return Err(StoreError::TooLong(format!("more than {} s", limit.as_secs_f64())));
        };
        let Ok(result) = answered else {
            return Err(StoreError::Internal("a read panicked".to_owned()));
        };
        match result.map_err(Failure::verdict) {
            Ok(()) => {
                *open = Some(connection);
                return Ok(());
            }
            Err(Verdict::Refused(error)) => {
                *open = Some(connection);
                return Err(error);
            }
            // The same again would take as long.
            Err(Verdict::Lost(why)) if why.contains(OUT_OF_TIME) => {
                return Err(StoreError::TooLong(why));
            }
            Err(Verdict::Again(_) | Verdict::Lost(_)) if attempt < ATTEMPTS => {}
            Err(Verdict::Again(why) | Verdict::Lost(why)) => return Err(StoreError::Unavailable(why)),
        }
    }
}
