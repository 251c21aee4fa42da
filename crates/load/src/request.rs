//! Requests made before the clock starts: a new key and a new name each.

use std::num::NonZero;
use std::thread;

use anyhow::Context;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_pki::{CsrTemplate, GeneralName, KeyType, Name, PrivateKey};

/// One request, in the forms that are needed.
pub struct Prepared {
    /// The one name.
    pub host: String,
    /// PKCS#10, DER.
    pub csr: Vec<u8>,
    /// The body of the issue operation.
    pub body: Vec<u8>,
}

/// What sets a run apart.
pub fn random() -> anyhow::Result<u64> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).ok().context("no randomness to be had")?;
    Ok(u64::from_be_bytes(bytes))
}

/// Make `count` of them on all cores. `run` sets the names of this run apart from those of others.
pub fn prepare(count: usize, run: u64) -> anyhow::Result<Vec<Prepared>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = count.div_ceil(threads);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                let numbers = worker * share..count.min((worker + 1) * share);
                scope.spawn(move || numbers.map(|number| one(run, number)).collect::<anyhow::Result<Vec<_>>>())
            })
            .collect();
        let mut all = Vec::with_capacity(count);
        for worker in workers {
            all.append(&mut worker.join().expect("a worker returns its errors and does not panic")?);
        }
        Ok(all)
    })
}

fn one(run: u64, number: usize) -> anyhow::Result<Prepared> {
    let host = format!("host-{number}.run-{run:016x}.load.example");
    let key = PrivateKey::generate(KeyType::P256).context("make a key")?;
    let template = CsrTemplate {
        subject: Some(format!("CN={host}").parse::<Name>().context("make a name")?),
        subject_alt_names: vec![GeneralName::Dns(host.clone())],
        ..CsrTemplate::default()
    };
    let csr = template.sign(&key).context("make a request")?.der().to_vec();
    let body = format!(r#"{{"request":"{}","attributes":[]}}"#, STANDARD.encode(&csr)).into_bytes();
    Ok(Prepared { host, csr, body })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chancery_pki::Csr;

    use super::*;

    #[test]
    fn every_request_has_a_key_and_a_name_of_its_own() {
        let requests = prepare(9, 7).unwrap();
        assert_eq!(requests.len(), 9);
        let csrs: Vec<_> = requests.iter().map(|r| Csr::from_der(&r.csr).unwrap()).collect();
        assert_eq!(csrs.iter().map(|c| c.public_key().key_hash()).collect::<HashSet<_>>().len(), 9);
        assert_eq!(csrs.iter().map(|c| c.subject().to_string()).collect::<HashSet<_>>().len(), 9);
        let body: serde_json::Value = serde_json::from_slice(&requests[3].body).unwrap();
        assert_eq!(STANDARD.decode(body["request"].as_str().unwrap()).unwrap(), requests[3].csr);
    }
}
