//! `chancery-load`: load for one door of a running server, and beside it, in the same run, the limit of the machine.
//!
//! The generator shares its machine with the server, so it is lean: requests are made before the clock starts, one
//! thread drives every connection, and an answer is looked at rather than parsed.

mod acme;
mod arguments;
mod client;
mod groups;
mod latency;
mod limit;
mod ready;
mod report;
mod request;
mod rest;
mod shared;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Door};

/// The generator shares its cores with the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chancery-load: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether every operation succeeded.
fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let (report, load) = match &arguments.door {
        Door::Rest(options) => (rest::run(options)?, &options.load),
        Door::Acme(options) => (acme::run(options)?, &options.load),
    };
    println!("{}", report.to_json(load.json)?);
    Ok(report.succeeded())
}
