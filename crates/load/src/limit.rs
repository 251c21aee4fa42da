//! What this machine could do at best: the lower of two limits, both measured in the same run.
//!
//! - cryptography: the cores, divided by the processor time that one operation's unavoidable cryptography takes: parse
//!   the request, verify its signature, sign the certificate, and verify the signatures of ACME's requests;
//! - database: the rate at which the same rows go into the same kind of database, on the same disk or server, with no
//!   server between; certificates in the groups that the server itself made in this run.

use std::hint::black_box;
use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use chancery_pki::{Certificate, Csr, KeyAlgorithm, KeyType, PrivateKey};
use chancery_store::bench::{Shape, issue_rate_beside, order_rate_beside};
use serde::{Serialize, Serializer};

use crate::report::rounded;

/// For how long each of the two is measured.
const MEASURE: Duration = Duration::from_secs(3);

/// Bytes under the signature of a usual request: protected header and payload in base64url.
const SIGNED: usize = 600;

/// What one operation has to do.
pub struct Work {
    /// Requests, DER.
    pub csr: Vec<Vec<u8>>,
    /// A certificate that was issued: what is signed has its length.
    pub certificate: Vec<u8>,
    /// The CA that signed it: the key that signs is of its kind.
    pub issuer: Certificate,
    /// How many ES256 signatures of requests there are to verify.
    pub signed_requests: u32,
    /// What is written.
    pub rows: Rows,
}

/// What one operation writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// A certificate object with its names and its audit entry.
    Certificates,
    /// An ACME order with its authorization and challenges, step by step, and the same.
    Orders,
}

/// Both limits.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Limit {
    /// Which of them is the lower one: `cryptography` or `database`.
    pub kind: &'static str,
    /// Cores of this machine.
    pub cores: usize,
    /// Operations that all cores together could do if there were nothing but cryptography.
    #[serde(serialize_with = "one_decimal")]
    pub cryptography_per_second: f64,
    /// Operations whose rows the database takes.
    #[serde(serialize_with = "one_decimal")]
    pub database_per_second: f64,
    /// Operations that went into one transaction of that measurement, at the most.
    pub group: usize,
    /// Where their number comes from: `run` when the server told what it did, `connections` when it could not be asked
    /// or an operation is several writes; that is more than it can have been, and makes the limit higher.
    pub group_from: &'static str,
}

/// How many operations share a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// As many as in the run, on average, rounded up.
    Run(usize),
    /// The server did not tell: as many as there were connections.
    Connections(usize),
}

impl Group {
    fn size(self) -> usize {
        match self {
            Self::Run(size) | Self::Connections(size) => size.max(1),
        }
    }

    /// How many wait at once: so many that each group is full and none waits for its callers.
    fn callers(self) -> usize {
        match self {
            Self::Run(size) => 4 * size.max(1),
            Self::Connections(size) => size.max(1),
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Run(_) => "run",
            Self::Connections(_) => "connections",
        }
    }
}

impl Limit {
    /// Measure both, the server being idle.
    pub fn measure(work: &Work, database: &str, group: Group) -> anyhow::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let cryptography_per_second = cores as f64 / cryptography(work)?.as_secs_f64();
        let database_per_second = database_rate(work, database, group)
            .with_context(|| format!("measure the rate of a scratch database beside {database}"))?;
        let kind = if database_per_second < cryptography_per_second { "database" } else { "cryptography" };
        let (group, group_from) = (group.size(), group.source());
        Ok(Self { kind, cores, cryptography_per_second, database_per_second, group, group_from })
    }

    /// The lower one.
    pub fn per_second(&self) -> f64 {
        self.cryptography_per_second.min(self.database_per_second)
    }
}

/// How many operations' rows a scratch database beside the server's takes, written by the store alone.
fn database_rate(work: &Work, url: &str, group: Group) -> anyhow::Result<f64> {
    let request = work.csr.first().map_or(0, Vec::len);
    let (clients, group) = (group.callers(), group.size());
    let shape = Shape { certificate: work.certificate.len(), request, clients, group, ..Shape::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let rate = match work.rows {
        Rows::Certificates => runtime.block_on(issue_rate_beside(url, shape, MEASURE))?,
        Rows::Orders => runtime.block_on(order_rate_beside(url, shape, MEASURE))?,
    };
    Ok(rate.per_second())
}

/// Processor time of one operation's cryptography.
fn cryptography(work: &Work) -> anyhow::Result<Duration> {
    let key_type = match work.issuer.public_key().algorithm() {
        KeyAlgorithm::Rsa { .. } => KeyType::Rsa(work.issuer.public_key().bits()),
        KeyAlgorithm::P256 => KeyType::P256,
        KeyAlgorithm::P384 => KeyType::P384,
        KeyAlgorithm::P521 => KeyType::P521,
        KeyAlgorithm::Ed25519 => KeyType::Ed25519,
    };
    let key = PrivateKey::generate(key_type)?;
    let request = vec![b'x'; SIGNED];
    let account = PrivateKey::generate(KeyType::P256)?;
    let signature = account.sign(&request)?;
    let (begun, used) = (Instant::now(), processor_time());
    let mut operations = 0u32;
    while begun.elapsed() < MEASURE {
        for csr in &work.csr {
            black_box(Csr::from_der(csr)?);
            black_box(key.sign(&work.certificate)?);
            for _ in 0..work.signed_requests {
                black_box(account.public_key().verify(account.default_signature_algorithm(), &request, &signature))?;
            }
            operations += 1;
        }
    }
    let took = match (used, processor_time()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        // Where the system does not tell a thread's processor time, the clock on the wall is near enough while idle.
        _ => begun.elapsed(),
    };
    Ok(took / operations.max(1))
}

/// Processor time that this thread has used (Linux: the first figure of schedstat, in nanoseconds).
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

fn one_decimal<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(rounded(*value, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_grows_with_work_alone() {
        let Some(before) = processor_time() else { return };
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(30) {
            black_box(begun.elapsed());
        }
        let used = processor_time().unwrap() - before;
        assert!(used > Duration::ZERO && used <= begun.elapsed() + Duration::from_millis(5), "{used:?}");
    }
}
