//! Time and chance come through ports, so that tests own them.

use time::OffsetDateTime;
use uuid::Uuid;

/// The time of day.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// A cryptographically secure source of chance.
pub trait Rng: Send + Sync {
    /// Fill `bytes` with chance.
    fn fill(&self, bytes: &mut [u8]);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one real clock")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// The random generator of the cryptographic library, seeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).expect("the operating system's random source answers: nothing is safe without it");
    }
}

/// An identifier that sorts by time of making (UUID version 7, RFC 9562 section 5.7).
pub fn new_id(clock: &dyn Clock, rng: &dyn Rng) -> Uuid {
    let mut chance = [0; 10];
    rng.fill(&mut chance);
    let millis = (clock.now().unix_timestamp_nanos() / 1_000_000).try_into().unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &chance).into_uuid()
}

/// A clock that tests set and move; never goes by itself.
#[derive(Debug)]
pub struct ManualClock(std::sync::Mutex<OffsetDateTime>);

impl ManualClock {
    /// A clock standing at `now`.
    pub fn at(now: OffsetDateTime) -> Self {
        Self(std::sync::Mutex::new(now))
    }

    /// Let time pass.
    pub fn advance(&self, by: time::Duration) {
        *self.0.lock().expect("no holder panics") += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().expect("no holder panics")
    }
}
