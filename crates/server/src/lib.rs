//! The one binary: configuration, wiring, TLS, command line. As a library, so that tests start the same entry point.

pub mod cli;
pub mod command;
pub mod config;
pub mod data_folder;

mod acme;
mod admin_token;
mod banner;
mod blocked;
mod control;
mod counted;
mod est;
mod listener;
mod locked;
mod log;
mod node;
mod oidc;
mod passphrase;
pub mod ready;
mod resource;
mod run;
mod scep;
mod serve;
mod tls;
mod witness;

use std::io::Read;

use command::Failure;
use time::OffsetDateTime;

pub use run::{main, run};

/// An instant for people, in UTC.
fn instant(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    format!("{} {:02}:{:02}:{:02} UTC", at.date(), at.hour(), at.minute(), at.second())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    hash
}

/// A file that the command line names, or standard input for `-`; small ones only.
fn read_input(file: &str) -> Result<Vec<u8>, Failure> {
    const LARGEST: u64 = 1024 * 1024;
    let fault = |why: std::io::Error| Failure::new(format!("cannot read {file}: {why}"));
    let mut content = Vec::new();
    let mut source: Box<dyn Read> = match file {
        "-" => Box::new(std::io::stdin()),
        file => Box::new(std::fs::File::open(file).map_err(fault)?),
    };
    source.by_ref().take(LARGEST + 1).read_to_end(&mut content).map_err(fault)?;
    if content.len() as u64 > LARGEST {
        return Err(Failure::new(format!("{file} is larger than 1 MiB")));
    }
    Ok(content)
}
