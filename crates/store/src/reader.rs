//! Reader threads: each with a connection of its own, opened at its first use, so that no async worker blocks.

use std::sync::Arc;

use chancery_core::StoreError;
use tokio::sync::oneshot;

use crate::connection::{AnyConnection, Purpose, Target};
use crate::fault::{Failure, Verdict};
use crate::queue::Queue;

/// How often a read that met a concurrent transaction, or a dead connection, is tried.
const ATTEMPTS: u32 = 3;

/// A waiting read.
pub(crate) trait Read: Send {
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
pub(crate) fn run(target: Arc<Target>, queue: &Queue<Box<dyn Read>>) {
    let mut open = None;
    while let Some(taken) = queue.take(1) {
        for read in taken.late {
            read.reply(Err(StoreError::Unavailable("the read waited too long".to_owned())));
        }
        for mut read in taken.items {
            let result = answer(&target, &mut open, &mut *read);
            read.reply(result);
        }
    }
}

fn answer(target: &Target, open: &mut Option<AnyConnection>, read: &mut dyn Read) -> Result<(), StoreError> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        // Taken out while it is used: an error or a panic leaves no connection in an unknown state behind.
        let mut connection = match open.take() {
            Some(connection) => connection,
            None => target.connect(Purpose::Read).map_err(|error| StoreError::Unavailable(error.to_string()))?,
        };
        let body = std::panic::AssertUnwindSafe(|| read.read(&mut connection));
        let Ok(result) = std::panic::catch_unwind(body) else {
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
            Err(Verdict::Again(_) | Verdict::Lost(_)) if attempt < ATTEMPTS => {}
            Err(Verdict::Again(why) | Verdict::Lost(why)) => return Err(StoreError::Unavailable(why)),
        }
    }
}
