//! Slow work with private keys (RSA, P-521) runs aside: a bounded number at once, a bounded number waiting, none waiting too long.

use std::sync::Arc;
use std::time::Duration;

use crate::Error;
use tokio::sync::Semaphore;

/// A bounded blocking pool with a deadline.
#[derive(Debug)]
pub struct Pool {
    /// One permit per signature in work or waiting.
    places: Arc<Semaphore>,
    /// One permit per signature in work.
    cores: Arc<Semaphore>,
    deadline: Duration,
}

impl Pool {
    /// `cores` signatures at once and `waiting` more in the queue, each for `deadline` at the most.
    pub fn new(cores: usize, waiting: usize, deadline: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(cores + waiting)), cores: Arc::new(Semaphore::new(cores)), deadline }
    }

    /// Run `work` aside. What has begun is finished, whether somebody still waits for it or not.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when too many wait, or it did not get its turn in time.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let busy =
            || Error::Unavailable { why: "the signing queue is full".into(), retry_after: Duration::from_secs(1) };
        let place = self.places.clone().try_acquire_owned().map_err(|_| busy())?;
        let core = tokio::time::timeout(self.deadline, self.cores.clone().acquire_owned())
            .await
            .map_err(|_| busy())?
            .map_err(Error::internal)?;
        tokio::task::spawn_blocking(move || {
            let _held = (place, core);
            work()
        })
        .await
        .map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refuses_when_the_queue_is_full() {
        let pool = Arc::new(Pool::new(1, 1, Duration::from_secs(60)));
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(move || gate.recv()).await }
        });
        let second = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(|| 2).await }
        });
        while pool.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = pool.run(|| 3).await.expect_err("the third finds no place");
        assert!(matches!(refused, Error::Unavailable { retry_after, .. } if retry_after.as_secs() == 1), "{refused}");
        release.send(()).expect("the first waits");
        assert!(first.await.expect("joins").is_ok());
        assert_eq!(second.await.expect("joins").expect("the second got its turn"), 2);
        assert_eq!(pool.run(|| 4).await.expect("free again"), 4);
    }

    #[tokio::test]
    async fn refuses_after_the_deadline() {
        let pool = Arc::new(Pool::new(1, 8, Duration::ZERO));
        let (release, gate) = std::sync::mpsc::channel::<()>();
        let first = tokio::spawn({
            let pool = pool.clone();
            async move { pool.run(move || gate.recv()).await }
        });
        while pool.cores.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(pool.run(|| ()).await, Err(Error::Unavailable { .. })));
        release.send(()).expect("the first waits");
        assert!(first.await.expect("joins").is_ok());
    }
}
