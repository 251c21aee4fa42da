//! What the connections of a run share: the requests that are left, and what was found.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::latency::Latencies;
use crate::report::Found;
use crate::request::Prepared;

/// Of one thread.
#[derive(Default)]
pub struct Shared {
    next: Cell<usize>,
    latencies: RefCell<Latencies>,
    errors: Cell<u64>,
    first_error: RefCell<Option<String>>,
}

impl Shared {
    /// The first `used` requests are used up already.
    pub fn after(used: usize) -> Self {
        Self { next: Cell::new(used), ..Self::default() }
    }

    /// The next request, while there are any.
    pub fn next<'r>(&self, requests: &'r [Prepared]) -> Option<&'r Prepared> {
        let number = self.next.get();
        self.next.set(number + 1);
        requests.get(number)
    }

    /// An operation failed.
    pub fn failed(&self, why: String) {
        self.errors.set(self.errors.get() + 1);
        self.first_error.borrow_mut().get_or_insert(why);
    }

    /// An operation was done in this time.
    pub fn took(&self, time: Duration) {
        self.latencies.borrow_mut().add(time);
    }

    /// What one connection measured.
    pub fn add(&self, latencies: &mut Latencies) {
        self.latencies.borrow_mut().append(latencies);
    }

    /// Everything, when the load is over; with the requests that were sent, where an operation takes several.
    pub fn found(self, seconds: f64, requests: Option<u64>) -> Found {
        let errors = (self.errors.get(), self.first_error.into_inner());
        Found { seconds, latencies: self.latencies.into_inner(), errors, requests }
    }
}
