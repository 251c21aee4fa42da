//! Background work: the RA's certificates are renewed before clients need them, and what is over is deleted.

use std::future::Future;

use time::Duration;

use crate::Scep;

/// How often it is looked.
const LOOK: std::time::Duration = std::time::Duration::from_secs(60);
/// Looks from one deletion to the next.
const DELETE_EVERY: u32 = 60;
/// How long ended transactions and challenges are kept.
const KEPT: Duration = Duration::days(30);
/// Rows of one deletion.
const PART: u32 = 500;

impl Scep {
    /// Do it until `stop`.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let work = async {
            for look in (0..DELETE_EVERY).cycle() {
                self.keep_identities().await;
                if look == 0 {
                    self.delete_ended().await;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = work => {}
            () = stop => {}
        }
    }

    /// Every open door has certificates that are not due.
    pub async fn keep_identities(&self) {
        let doors = match self.all_doors().await {
            Ok(doors) => doors,
            Err(error) => {
                tracing::warn!(%error, "the SCEP doors cannot be looked at");
                return;
            }
        };
        for door in doors {
            if let Err(error) = self.identity(&door).await {
                tracing::error!(%error, door = door.ra_profile.name, "a SCEP door has no certificates");
            }
        }
    }

    async fn delete_ended(&self) {
        loop {
            match self.0.store.purge_scep(self.0.now() - KEPT, PART).await {
                Ok(deleted) if deleted >= PART.into() => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%error, "ended SCEP transactions cannot be deleted");
                    return;
                }
            }
        }
    }
}
