//! What is over is deleted, so that the database does not grow by itself.

use std::future::Future;
use std::time::Duration as Wait;

use chancery_core::StoreError;

use crate::Est;

/// Rows per transaction: others wait that long at most.
const LIMIT: u32 = 500;
/// From one pass to the next.
const PACE: Wait = Wait::from_secs(600);
/// Between two transactions of a pass, for the work of others.
const BREATH: Wait = Wait::from_millis(50);

impl Est {
    /// Delete some enrolments that are over; whether there may be more.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn purge(&self) -> Result<bool, StoreError> {
        Ok(self.0.store.purge_enrolments(self.0.now(), LIMIT).await? >= u64::from(LIMIT))
    }

    /// Delete what is over until `stop` ends.
    pub async fn run_purge(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let wait = match self.purge().await {
                Ok(true) => BREATH,
                Ok(false) => PACE,
                Err(error) => {
                    tracing::warn!(%error, "old enrolments could not be deleted");
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
