//! What the run found, as JSON.

use serde::Serialize;

use crate::latency::Latencies;
use crate::limit::Limit;

/// The one JSON object that is printed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `rest` or `acme`.
    pub door: &'static str,
    /// The RA profile that was asked; the directory of a server that is not ours.
    pub profile: String,
    /// Keep-alive connections, each with one request under way.
    pub connections: u16,
    /// Operations that succeeded.
    pub operations: usize,
    /// How long the load lasted.
    pub seconds: f64,
    /// Operations by seconds.
    pub per_second: f64,
    /// Requests by seconds, where an operation takes several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<f64>,
    /// Half of the operations took at most this long.
    pub p50_ms: f64,
    /// Ninety-nine of a hundred operations took at most this long.
    pub p99_ms: f64,
    /// Operations that failed.
    pub errors: u64,
    /// What the first failure was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
    /// What this machine could do at best, for a server of ours.
    #[serde(flatten)]
    pub best: Option<Best>,
    /// Why there is no limit, though the server is ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_error: Option<String>,
}

/// Beside the limit.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Best {
    /// The lower of the two limits.
    pub limit_per_second: f64,
    /// Operations by the limit.
    pub ratio: f64,
    /// Both limits.
    pub limit: Limit,
}

/// What a load found.
pub struct Found {
    /// How long it lasted.
    pub seconds: f64,
    /// Of every operation that succeeded.
    pub latencies: Latencies,
    /// How many failed, and what the first failure was.
    pub errors: (u64, Option<String>),
    /// Requests sent, where an operation takes several.
    pub requests: Option<u64>,
}

impl Report {
    /// Put it together. What was loaded stands, also when the database went away with the server.
    pub fn new(
        door: &'static str,
        profile: &str,
        connections: u16,
        found: Found,
        limit: Option<anyhow::Result<Limit>>,
    ) -> Self {
        let (limit, limit_error) = match limit {
            Some(Ok(limit)) => (Some(limit), None),
            Some(Err(error)) => (None, Some(format!("{error:#}"))),
            None => (None, None),
        };
        let Found { seconds, mut latencies, errors, requests } = found;
        let per_second = latencies.count() as f64 / seconds;
        Self {
            door,
            profile: profile.to_owned(),
            connections,
            operations: latencies.count(),
            seconds: rounded(seconds, 3),
            per_second: rounded(per_second, 1),
            requests_per_second: requests.map(|requests| rounded(requests as f64 / seconds, 1)),
            p50_ms: rounded(latencies.quantile(500), 3),
            p99_ms: rounded(latencies.quantile(990), 3),
            errors: errors.0,
            first_error: errors.1,
            best: limit.map(|limit| Best {
                limit_per_second: rounded(limit.per_second(), 1),
                ratio: rounded(per_second / limit.per_second(), 3),
                limit,
            }),
            limit_error,
        }
    }

    /// Whether something was done and nothing failed.
    pub fn succeeded(&self) -> bool {
        self.operations > 0 && self.errors == 0
    }

    /// On one line, or for people.
    pub fn to_json(&self, one_line: bool) -> serde_json::Result<String> {
        if one_line { serde_json::to_string(self) } else { serde_json::to_string_pretty(self) }
    }
}

/// Rounded to some decimal places.
pub fn rounded(value: f64, places: i32) -> f64 {
    let scale = 10f64.powi(places);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_lower_limit_counts_and_the_names_are_the_published_ones() {
        let mut latencies = Latencies::default();
        for _ in 0..200 {
            latencies.add(Duration::from_millis(4));
        }
        let limit = Limit {
            kind: "database",
            cores: 2,
            cryptography_per_second: 900.0,
            database_per_second: 400.0,
            group: 8,
            group_from: "run",
        };
        let found = Found { seconds: 1.0, latencies, errors: (0, None), requests: Some(1400) };
        let report = Report::new("acme", "tls-server", 8, found, Some(Ok(limit)));
        assert!(report.succeeded());
        let json: serde_json::Value = serde_json::from_str(&report.to_json(true).unwrap()).unwrap();
        for (key, value) in [
            ("operations", 200.0),
            ("seconds", 1.0),
            ("perSecond", 200.0),
            ("requestsPerSecond", 1400.0),
            ("p50Ms", 4.0),
            ("p99Ms", 4.0),
            ("errors", 0.0),
            ("limitPerSecond", 400.0),
            ("ratio", 0.5),
        ] {
            assert_eq!(json[key].as_f64(), Some(value), "{key}");
        }
    }

    #[test]
    fn a_run_whose_limit_is_unknown_is_reported_all_the_same() {
        let errors = (3, Some("the server closed the connection".to_owned()));
        let found = Found { seconds: 1.0, latencies: Latencies::default(), errors, requests: None };
        let report = Report::new("rest", "tls-server", 8, found, Some(Err(anyhow::anyhow!("no database"))));
        assert!(!report.succeeded());
        let json: serde_json::Value = serde_json::from_str(&report.to_json(true).unwrap()).unwrap();
        assert_eq!((&json["errors"], &json["limitError"]), (&3.into(), &"no database".into()));
        assert!(json["ratio"].is_null());
    }
}
