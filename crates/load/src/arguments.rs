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
Examples:\n  chancery-load rest --ready chancery-data/ready.json --seconds 20 --connections 64\n  \
chancery-load acme --ready chancery-data/ready.json --http-port 5002 --dns-port 8053";

/// The doors that the generator knows.
#[derive(Debug, Subcommand)]
pub enum Door {
    /// Issue certificates by the native REST API, one new key and name each.
    Rest(RestOptions),
    /// Whole orders by ACME, answered over http-01: one account, one new key and name for each order.
    ///
    /// The server must find the names on this machine: with acme.validation.resolver at --dns-port,
    /// acme.validation.http_port at --http-port, and 127.0.0.0/8 in acme.validation.allow.
    Acme(AcmeOptions),
}

/// How to load the native REST API.
#[derive(Args, Debug)]
pub struct RestOptions {
    /// The running server's ready.json, in its data folder.
    #[arg(long, value_name = "FILE")]
    pub ready: PathBuf,
    /// A file with a bearer token that may issue [default: the server's administrator token].
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// What every door has.
    #[command(flatten)]
    pub load: Load,
}

/// How to load an ACME directory.
#[derive(Args, Debug)]
pub struct AcmeOptions {
    /// The running server's ready.json, in its data folder.
    #[arg(long, value_name = "FILE", required_unless_present = "directory", conflicts_with = "directory")]
    pub ready: Option<PathBuf>,
    /// The directory's URL, of any ACME server; its limit is not measured.
    #[arg(long, value_name = "URL", requires = "root")]
    pub directory: Option<String>,
    /// With --directory: the root that the server's own chain ends in, PEM.
    #[arg(long, value_name = "FILE", requires = "directory")]
    pub root: Option<PathBuf>,
    /// Where to answer http-01, on 127.0.0.1.
    #[arg(long, value_name = "PORT", default_value_t = 5002)]
    pub http_port: u16,
    /// Where to answer the server's DNS questions, on 127.0.0.1: every name is 127.0.0.1; 0: somebody else answers.
    #[arg(long, value_name = "PORT", default_value_t = 8053)]
    pub dns_port: u16,
    /// What every door has.
    #[command(flatten)]
    pub load: Load,
}

/// How much, for how long, and what to tell.
#[derive(Args, Debug)]
pub struct Load {
    /// How long to load.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub seconds: u32,
    /// How many keep-alive connections, each with one request under way.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub connections: u16,
    /// The RA profile to ask.
    #[arg(long, value_name = "NAME", default_value = "tls-server")]
    pub profile: String,
    /// How many requests to make beforehand; the run ends early when they are used up [default: 5000 per second for rest,
    /// 1000 for acme].
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

impl Load {
    /// How many requests to make beforehand, `each` for a second where nothing is said.
    pub fn prepared(&self, each: usize) -> usize {
        self.requests.unwrap_or(self.seconds as usize * each).max(2 * usize::from(self.connections))
    }

    /// Tell on standard error how far the run is, unless a machine reads along.
    pub fn progress(&self, text: std::fmt::Arguments<'_>) {
        if !self.json {
            eprintln!("{text}");
        }
    }
}
