//! How often one address may fail: who guesses at challenges, or asks what comes of altered messages.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use time::{Duration, OffsetDateTime};

/// Most addresses that are remembered.
const MOST: usize = 10_000;
const WINDOW: Duration = Duration::minutes(1);

/// Failures of the last minute, by address.
#[derive(Default)]
pub(crate) struct Failures(Mutex<HashMap<IpAddr, (OffsetDateTime, u32)>>);

impl Failures {
    /// How long the address is to wait, when it failed `most` times within the minute.
    pub fn wait(&self, address: Option<IpAddr>, most: u32, now: OffsetDateTime) -> Option<std::time::Duration> {
        let known = self.0.lock().expect("no holder panics");
        let (began, count) = known.get(&address?)?;
        let left = *began + WINDOW - now;
        (most > 0 && *count >= most && left > Duration::ZERO).then(|| left.try_into().unwrap_or_default())
    }

    /// Count one.
    pub fn count(&self, address: Option<IpAddr>, now: OffsetDateTime) {
        let Some(address) = address else { return };
        let mut known = self.0.lock().expect("no holder panics");
        if known.len() >= MOST && !known.contains_key(&address) {
            known.retain(|_, (began, _)| now < *began + WINDOW);
            if known.len() >= MOST {
                known.clear();
            }
        }
        let entry = known.entry(address).or_insert((now, 0));
        if now >= entry.0 + WINDOW {
            *entry = (now, 0);
        }
        entry.1 += 1;
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_address_that_fails_too_often_waits() {
        let (failures, now) = (Failures::default(), datetime!(2026-11-24 12:00 UTC));
        let address = Some(IpAddr::from([192, 0, 2, 1]));
        for _ in 0..3 {
            assert_eq!(failures.wait(address, 3, now), None);
            failures.count(address, now);
        }
        assert_eq!(failures.wait(address, 3, now), Some(std::time::Duration::from_secs(60)));
        assert_eq!(failures.wait(address, 0, now), None);
        assert_eq!(failures.wait(Some(IpAddr::from([192, 0, 2, 2])), 3, now), None);
        assert_eq!(failures.wait(address, 3, now + WINDOW), None);
        failures.count(address, now + WINDOW);
        assert_eq!(failures.wait(address, 3, now + WINDOW), None);
    }
}
