//! The command line, as clap reads it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use url::Url;

use crate::command::{acme, approval, audit, ca, cert, est, profile, scep, token, user};
use crate::config::Overrides;

/// A registration authority: one server that issues, renews, rekeys and revokes certificates.
#[derive(Debug, Parser)]
#[command(
    name = "chancery",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Examples:\n  \
        chancery serve                                  everything by default, in ./chancery-data\n  \
        chancery token create --role requester --profile tls-server\n  \
        chancery cert issue --profile tls-server --csr host.csr > host.pem\n  \
        chancery config example > chancery.toml\n\n\
        Commands speak to the server that runs on the same data folder; when none runs, they open the database \
        themselves.\n\
        Exit codes: 0 done, 1 refused or failed, 2 wrong command line or configuration."
)]
pub struct Cli {
    /// Where to find configuration and data.
    #[command(flatten)]
    pub place: Place,
    /// What to do.
    #[command(subcommand)]
    pub command: Verb,
}

/// Where to find configuration and data: for every command, before or after its name.
#[derive(Args, Clone, Debug, Default)]
pub struct Place {
    /// Data folder [default: ./chancery-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Configuration file [default: chancery.toml in the data folder, when there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Database: sqlite:///path/file.db or postgres://user@host/name [default: SQLite in the data folder]
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Answer requests; the first start makes database, CA, RA profiles, TLS certificate and administrator token
    Serve(Serve),
    /// Make database, CA and RA profiles without serving, with a say in the CA
    Init(Init),
    /// Bring the database's schema up to date (serve does it by itself)
    Migrate(Json),
    /// Bearer tokens
    #[command(subcommand)]
    Token(token::Verb),
    /// Users: callers known by a certificate, or by an OIDC issuer
    #[command(subcommand)]
    User(user::Verb),
    /// RA profiles
    #[command(subcommand)]
    Profile(profile::Verb),
    /// Authorities of this installation
    #[command(subcommand)]
    Ca(ca::Verb),
    /// Certificates
    #[command(subcommand)]
    Cert(cert::Verb),
    /// What waits for a second person
    #[command(subcommand)]
    Approval(approval::Verb),
    /// The ACME door
    #[command(subcommand)]
    Acme(acme::Verb),
    /// The EST door
    #[command(subcommand)]
    Est(est::Verb),
    /// The SCEP door
    #[command(subcommand)]
    Scep(scep::Verb),
    /// The audit trail
    #[command(subcommand)]
    Audit(audit::Verb),
    /// The configuration
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Look what is wrong with this installation and how to mend it; exit 1 when anything is
    Doctor(Json),
    /// Print what completes this command line in a shell
    #[command(after_help = "Examples:\n  \
        chancery completions bash > /etc/bash_completion.d/chancery\n  \
        chancery completions fish > ~/.config/fish/completions/chancery.fish")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual's pages, one for each command
    #[command(after_help = "Example:\n  chancery man /usr/local/share/man/man1")]
    Man {
        /// The folder, which must be there
        folder: PathBuf,
    },
}

/// Print JSON for programs.
#[derive(Args, Clone, Copy, Debug)]
pub struct Json {
    /// Print one JSON value instead of text
    #[arg(long)]
    pub json: bool,
}

/// `chancery serve`.
#[derive(Args, Debug, Default)]
#[command(after_help = "Examples:\n  \
    chancery serve\n  \
    chancery serve --data /var/lib/chancery --https 0.0.0.0:8443 --http 0.0.0.0:80 \\\n    \
        --base-url https://ra.example --status-url http://ra.example\n  \
    chancery serve --database postgres://ra@db.example/ra")]
pub struct Serve {
    /// REST, ACME and health, over TLS [default: 127.0.0.1:8443; port 0 is any free port]
    #[arg(long, value_name = "ADDR")]
    pub https: Option<SocketAddr>,
    /// REST for clients that show a certificate [default: 127.0.0.1:8444]
    #[arg(long, value_name = "ADDR")]
    pub mtls: Option<SocketAddr>,
    /// CRLs and issuer certificates, plain [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub http: Option<SocketAddr>,
    /// Where clients find the https listener [default: its address]
    #[arg(long, value_name = "URL")]
    pub base_url: Option<Url>,
    /// Where the world finds CRLs and issuer certificates; goes into certificates [default: the http listener's address]
    #[arg(long, value_name = "URL")]
    pub status_url: Option<Url>,
}

/// `chancery init`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    chancery init\n  \
    chancery init --key-type p-384 --root-subject 'CN=Example Root CA,O=Example' --root-lifetime '25 y'")]
pub struct Init {
    /// Keys of root and issuing CA: p-256, p-384, p-521, ed25519, rsa-2048 to rsa-8192 [default: p-256]
    #[arg(long, value_name = "TYPE")]
    pub key_type: Option<String>,
    /// Name of the authority [default: default]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Subject of the root, as RFC 4514 text
    #[arg(long, value_name = "DN")]
    pub root_subject: Option<String>,
    /// Subject of the issuing CA, as RFC 4514 text
    #[arg(long, value_name = "DN")]
    pub issuing_subject: Option<String>,
    /// How long the root lives [default: 20 y]
    #[arg(long, value_name = "DURATION")]
    pub root_lifetime: Option<String>,
    /// How long the issuing CA lives [default: 10 y]
    #[arg(long, value_name = "DURATION")]
    pub issuing_lifetime: Option<String>,
    /// Where the world finds CRLs and issuer certificates; goes into the issuing CA's certificate
    #[arg(long, value_name = "URL")]
    pub status_url: Option<Url>,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `chancery config`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ConfigVerb {
    /// Read and check the configuration; exit 2 with every fault named when it is wrong
    Check,
    /// Print what stands after file, environment and command line, without secrets
    Show(Json),
    /// Print a commented configuration file with every key at its default
    Example,
}

impl Place {
    /// As overrides of the configuration.
    pub fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::new();
        if let Some(data) = &self.data {
            overrides.push(("data", data.display().to_string()));
        }
        if let Some(database) = &self.database {
            overrides.push(("database.url", database.clone()));
        }
        overrides
    }
}

impl Serve {
    /// As overrides of the configuration.
    pub fn overrides(&self) -> Overrides {
        let address = |key, value: &Option<SocketAddr>| value.map(|value| (key, value.to_string()));
        let url = |key, value: &Option<Url>| value.as_ref().map(|value| (key, value.to_string()));
        [
            address("listen.https", &self.https),
            address("listen.mtls", &self.mtls),
            address("listen.http", &self.http),
            url("base_url", &self.base_url),
            url("status_url", &self.status_url),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Init {
    /// As overrides of the configuration.
    pub fn overrides(&self) -> Overrides {
        [
            ("authority.key_type", &self.key_type),
            ("authority.name", &self.name),
            ("authority.root_subject", &self.root_subject),
            ("authority.issuing_subject", &self.issuing_subject),
            ("authority.root_lifetime", &self.root_lifetime),
            ("authority.issuing_lifetime", &self.issuing_lifetime),
            ("status_url", &self.status_url.as_ref().map(Url::to_string)),
        ]
        .into_iter()
        .filter_map(|(key, value)| value.clone().map(|value| (key, value)))
        .collect()
    }
}

#[cfg(test)]
mod tests;
