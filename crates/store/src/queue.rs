//! The bounded queue between callers and the threads that hold connections.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// What waits, in order of arrival.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    ready: Condvar,
    bound: usize,
    patience: Duration,
}

struct State<T> {
    waiting: VecDeque<(Instant, T)>,
    closed: bool,
}

/// Why something may not wait.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many wait, or the first one has waited too long: the database does not keep up.
    Overloaded,
    /// The store is being closed.
    Closed,
}

impl<T> Queue<T> {
    /// A queue of at most `bound` items, which takes no more while its first one has waited longer than `patience`.
    pub(crate) fn new(bound: usize, patience: Duration) -> Self {
        let state = Mutex::new(State { waiting: VecDeque::new(), closed: false });
        Self { state, ready: Condvar::new(), bound, patience }
    }

    /// Wait behind the others.
    pub(crate) fn push(&self, item: T) -> Result<(), Refusal> {
        let now = Instant::now();
        let mut state = self.lock();
        if state.closed {
            return Err(Refusal::Closed);
        }
        let stuck = state.waiting.front().is_some_and(|(since, _)| now.duration_since(*since) > self.patience);
        if stuck || state.waiting.len() >= self.bound {
            return Err(Refusal::Overloaded);
        }
        state.waiting.push_back((now, item));
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// Up to `limit` waiting items as soon as there is one; `None` when the queue is closed and empty. Those that waited
    /// longer than the queue's patience come apart, to be answered and not done.
    pub(crate) fn take(&self, limit: usize) -> Option<Taken<T>> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return None;
            }
            state = self.ready.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        let now = Instant::now();
        let mut taken = Taken { items: Vec::with_capacity(limit.min(state.waiting.len())), late: Vec::new() };
        while taken.items.len() < limit
            && let Some((since, item)) = state.waiting.pop_front()
        {
            if now.duration_since(since) > self.patience {
                taken.late.push(item);
            } else {
                taken.items.push(item);
            }
        }
        Some(taken)
    }

    /// Take nothing more; what waits is still done.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that can panic runs while the lock is held, so its contents are whole.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What came out of a queue at once.
pub(crate) struct Taken<T> {
    /// To be done.
    pub(crate) items: Vec<T>,
    /// Waited too long.
    pub(crate) late: Vec<T>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_out_in_order_and_in_groups() {
        let queue = Queue::new(8, Duration::from_secs(60));
        for item in 0..5 {
            queue.push(item).unwrap();
        }
        assert_eq!(queue.take(3).unwrap().items, [0, 1, 2]);
        assert_eq!(queue.take(3).unwrap().items, [3, 4]);
    }

    #[test]
    fn refuses_when_full_and_when_closed_and_still_empties() {
        let queue = Queue::new(1, Duration::from_secs(60));
        queue.push(1).unwrap();
        assert_eq!(queue.push(2), Err(Refusal::Overloaded));
        queue.close();
        assert_eq!(queue.push(3), Err(Refusal::Closed));
        assert_eq!(queue.take(9).unwrap().items, [1]);
        assert!(queue.take(9).is_none());
    }

    #[test]
    fn refuses_behind_one_that_waited_too_long_and_hands_it_out_as_late() {
        let queue = Queue::new(8, Duration::ZERO);
        queue.push(1).unwrap();
        while queue.push(2) != Err(Refusal::Overloaded) {}
        let taken = queue.take(9).unwrap();
        assert!(taken.items.is_empty());
        assert_eq!(taken.late[0], 1);
    }
}
