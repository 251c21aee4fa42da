//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Load for one door of a running server, and beside it, in the same run, the limit of the machine.
#[derive(Debug, Parser)]
#[command(name = "chancery-load", version, about, after_help = EXAMPLE)]
pub struct Arguments {
    /// Which door to knock at.
    #[command(subcommand)]
    pub door: Door,
}

const EXAMPLE: &str = "The answer is one JSON object on standard output. Exit status: 0 when every operation succeeded, \
1 when some did not, 2 when the run itself was not possible.\n\n\
Example:\n  chancery-load rest --ready chancery-data/ready.json --seconds 20 --connections 64";

/// The doors that the generator knows.
#[derive(Debug, Subcommand)]
pub enum Door {
    /// Issue certificates by the native REST API, one new key and name each.
    Rest(Options),
}

/// How to load a door.
#[derive(Args, Debug)]
pub struct Options {
    /// The running server's ready.json, in its data folder.
    #[arg(long, value_name = "FILE")]
    pub ready: PathBuf,
    /// A file with a bearer token that may issue [default: the server's administrator token].
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// How long to load.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// How many keep-alive connections, each with one request under way.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub connections: u16,
    /// The RA profile to ask.
    #[arg(long, value_name = "NAME", default_value = "tls-server")]
    pub profile: String,
    /// How many requests to make beforehand; the run ends early when they are used up [default: 5000 per second].
    #[arg(long, value_name = "N")]
    pub requests: Option<usize>,
    /// Where the database's own rate is measured: a scratch database is made and dropped beside it [default: the
    /// server's database].
    #[arg(long, value_name = "URL")]
    pub limit_database: Option<String>,
    /// One line of JSON and nothing on standard error.
    #[arg(long)]
    pub json: bool,
}

impl Options {
    /// How many requests to make beforehand.
    pub fn prepared(&self) -> usize {
        self.requests.unwrap_or(self.seconds as usize * 5000).max(2 * usize::from(self.connections))
    }

    /// Tell on standard error how far the run is, unless a machine reads along.
    pub fn progress(&self, text: std::fmt::Arguments<'_>) {
        if !self.json {
            eprintln!("{text}");
        }
    }
}
