//! How long operations took.

use std::time::Duration;

/// Every operation's time, in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// One more.
    pub fn add(&mut self, took: Duration) {
        self.0.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// All of another.
    pub fn append(&mut self, other: &mut Self) {
        self.0.append(&mut other.0);
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time within which `per_mille` of a thousand operations were done (nearest rank), in milliseconds; zero when
    /// there was none.
    pub fn quantile(&mut self, per_mille: usize) -> f64 {
        if self.0.is_empty() {
            return 0.0;
        }
        let rank = (self.0.len() * per_mille).div_ceil(1000).clamp(1, self.0.len());
        let (_, micros, _) = self.0.select_nth_unstable(rank - 1);
        f64::from(*micros) / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(500), 0.0);
        for ms in (1..=100).rev() {
            latencies.add(Duration::from_millis(ms));
        }
        assert_eq!(latencies.count(), 100);
        assert_eq!(latencies.quantile(500), 50.0);
        assert_eq!(latencies.quantile(990), 99.0);
        assert_eq!(latencies.quantile(1000), 100.0);
        assert_eq!(latencies.quantile(0), 1.0);
    }
}
