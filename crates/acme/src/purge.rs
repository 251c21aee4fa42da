//! What is over is deleted, so that the database does not grow by itself.

use std::future::Future;
use std::time::Duration as Wait;

use time::Duration;

use crate::port::Purge;
use crate::{Acme, Problem};

/// What was never finished is kept for questions.
const ABANDONED_FOR: Duration = Duration::days(7);

/// Finished orders outlive their certificates by this long.
const ENDED_FOR: Duration = Duration::days(30);

/// Rows per transaction and table: others wait that long at most.
const LIMIT: u32 = 500;

/// From one pass to the next.
const PACE: Wait = Wait::from_secs(600);

/// Between two transactions of a pass, for the work of others.
const BREATH: Wait = Wait::from_millis(50);

impl Acme {
    /// Delete some of what is over; whether there may be more.
    ///
    /// # Errors
    /// `serverInternal` when the database does not answer.
    pub async fn purge(&self) -> Result<bool, Problem> {
        let now = self.0.now();
        let purge = Purge { abandoned_before: now - ABANDONED_FOR, ended_before: now - ENDED_FOR, limit: LIMIT };
        Ok(self.0.store.purge(purge, now).await? >= u64::from(LIMIT))
    }

    /// Delete what is over until `stop` ends.
    pub async fn run_purge(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let wait = match self.purge().await {
                Ok(true) => BREATH,
                Ok(false) => PACE,
                Err(problem) => {
                    tracing::warn!(%problem, "old orders and authorizations could not be deleted");
                    PACE
                }
            };
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}
