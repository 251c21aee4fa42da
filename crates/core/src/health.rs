//! Whether the installation can do its work: asked of the database at most once a second, however many ask.

use std::sync::{Arc, Mutex};

use time::{Duration, OffsetDateTime};
use tokio::sync::watch;

use crate::Clock;
use crate::port::Database;

/// An answer is good for this long.
const FRESH: Duration = Duration::SECOND;
/// A database that takes longer is not well.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Why the installation cannot do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwell {
    /// The database is away, full, or takes no writes.
    #[error("the database is not available")]
    Unavailable,
    /// The database did not answer within two seconds.
    #[error("the database does not answer in time")]
    Silent,
}

type State = Result<(), Unwell>;

/// The state of the database, remembered for a second. The question is a real write, and everybody may ask without a
/// credential: a flood of askers costs one write a second. Cheap to clone; clones remember together.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    database: Arc<dyn Database>,
    clock: Arc<dyn Clock>,
    last: Mutex<Option<Question>>,
}

/// A question to the database, answered or on its way.
#[derive(Clone)]
struct Question {
    at: OffsetDateTime,
    answer: watch::Receiver<Option<State>>,
}

impl Question {
    fn still_serves(&self, now: OffsetDateTime) -> bool {
        if self.answer.borrow().is_none() {
            // On its way, unless its asker is gone.
            return self.answer.has_changed().is_ok();
        }
        // A clock that was set back does not keep an answer alive.
        (Duration::ZERO..FRESH).contains(&(now - self.at))
    }
}

impl Health {
    /// Of this database.
    pub fn new(database: Arc<dyn Database>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { database, clock, last: Mutex::default() }))
    }

    /// Whether the database takes writes, as it was within the last second. Needs a tokio runtime.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn state(&self) -> Result<(), Unwell> {
        let mut answer = self.question().answer;
        let answered = answer.wait_for(Option::is_some).await;
        // No answer will come when the runtime of the asker ends before it.
        answered.ok().and_then(|state| *state).unwrap_or(Err(Unwell::Unavailable))
    }

    fn question(&self) -> Question {
        let now = self.0.clock.now();
        let mut last = self.0.last.lock().expect("no holder panics");
        if let Some(question) = last.as_ref().filter(|question| question.still_serves(now)) {
            return question.clone();
        }
        let (tell, answer) = watch::channel(None);
        let database = self.0.database.clone();
        // A task of its own: an asker that hangs up must not make the next one ask again.
        tokio::spawn(async move {
            let state = match tokio::time::timeout(PATIENCE, database.ping()).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the database takes no writes");
                    Err(Unwell::Unavailable)
                }
                Err(_) => Err(Unwell::Silent),
            };
            tell.send_replace(Some(state));
        });
        last.insert(Question { at: now, answer }).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use time::macros::datetime;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{ManualClock, StoreError};

    struct Asked {
        times: AtomicUsize,
        /// One for each answer.
        answers: Semaphore,
        away: bool,
    }

    #[async_trait]
    impl Database for Asked {
        async fn describe(&self) -> Result<(String, String), StoreError> {
            Ok(("SQLite".into(), "3".into()))
        }

        async fn ping(&self) -> Result<(), StoreError> {
            self.times.fetch_add(1, Ordering::Relaxed);
            self.answers.acquire().await.expect("it is never closed").forget();
            if self.away { Err(StoreError::Unavailable("away".into())) } else { Ok(()) }
        }
    }

    fn health(answers: usize, away: bool) -> (Health, Arc<Asked>, Arc<ManualClock>) {
        let database = Arc::new(Asked { times: AtomicUsize::new(0), answers: Semaphore::new(answers), away });
        let clock = Arc::new(ManualClock::at(datetime!(2027-01-01 00:00 UTC)));
        (Health::new(database.clone(), clock.clone()), database, clock)
    }

    #[tokio::test]
    async fn many_askers_cost_one_question_a_second() {
        let (health, database, clock) = health(100, false);
        for second in 1..=3 {
            for _ in 0..100 {
                assert_eq!(health.clone().state().await, Ok(()));
            }
            assert_eq!(database.times.load(Ordering::Relaxed), second);
            clock.advance(Duration::SECOND);
        }
        clock.advance(-Duration::HOUR);
        assert_eq!(health.state().await, Ok(()));
        assert_eq!(database.times.load(Ordering::Relaxed), 4, "a clock set back does not keep an answer");
    }

    #[tokio::test]
    async fn askers_wait_for_one_answer_even_when_the_first_hangs_up() {
        let (health, database, clock) = health(0, false);
        let ask = || {
            tokio::spawn({
                let health = health.clone();
                async move { health.state().await }
            })
        };
        let first = ask();
        while database.times.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        first.abort();
        assert!(first.await.is_err());
        clock.advance(Duration::seconds(5));
        let others: Vec<_> = (0..50).map(|_| ask()).collect();
        tokio::task::yield_now().await;
        database.answers.add_permits(1);
        for other in others {
            assert_eq!(other.await.unwrap(), Ok(()));
        }
        assert_eq!(database.times.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_told() {
        let (health, ..) = health(1, true);
        assert_eq!(health.state().await, Err(Unwell::Unavailable));
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_is_silent_is_told() {
        let (health, ..) = health(0, false);
        assert_eq!(health.state().await, Err(Unwell::Silent));
    }
}
