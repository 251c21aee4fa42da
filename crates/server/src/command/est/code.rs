//! `chancery est code`.

use chancery_est::NewEstCode;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Command, Credential, GrantArgs, named};
use crate::cli::Json;
use crate::command::{Asked, Failure};

/// `est code`: makes one unless it is told to list or revoke.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  \
    chancery est code --profile device --name gw-7.example\n  \
    chancery est code --profile device --name installer --names .lab.example --uses 20 --expires '8 h'"
)]
pub struct CodeArgs {
    /// Anything else than making one.
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The name of its holder: the user of HTTP Basic, and without --names the one name that it may ask for [default: one
    /// that is made up]
    #[arg(long)]
    name: Option<String>,
    /// What it may; it gets one certificate unless --uses says more.
    #[command(flatten)]
    grant: Option<GrantArgs>,
    /// How to print.
    #[command(flatten)]
    json: Json,
}

/// What else can be done with codes.
#[derive(Debug, Subcommand)]
enum Verb {
    /// List them, ended ones too
    List(Json),
    /// End one at once
    Revoke(RevokeArgs),
}

/// `est code revoke`.
#[derive(Args, Debug)]
struct RevokeArgs {
    /// Which.
    #[command(flatten)]
    which: Which,
    /// How to print.
    #[command(flatten)]
    json: Json,
}

/// The code that shall be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct New {
    name: Option<String>,
    grant: GrantArgs,
}

/// The code that shall end.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Which {
    /// The code's uuid, as `est code list` shows it
    pub(super) code: Uuid,
}

/// A code with its text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Made {
    code: String,
    url: String,
    #[serde(flatten)]
    about: Credential,
}

impl CodeArgs {
    pub(super) fn read(self) -> Result<(Command, Json), Failure> {
        match (self.verb, self.grant) {
            (Some(Verb::List(json)), _) => Ok((Command::CodeList, json)),
            (Some(Verb::Revoke(args)), _) => Ok((Command::CodeRevoke(args.which), args.json)),
            (None, Some(grant)) => Ok((Command::CodeMake(New { name: self.name, grant }), self.json)),
            (None, None) => Err(Failure::new("say with --profile which RA profile the code is for")),
        }
    }
}

impl New {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Made, Failure> {
        let ports = asked.node.ra.ports();
        let now = ports.clock.now();
        let made_up = || {
            let mut chance = [0; 4];
            ports.rng.fill(&mut chance);
            format!("code-{:08x}", u32::from_be_bytes(chance))
        };
        let new = NewEstCode { grant: self.grant.grant(self.name.unwrap_or_else(made_up), now) };
        let est = asked.node.est()?;
        let made = est.create_est_code(asked.actor, asked.origin, new).await?;
        Ok(Made {
            code: made.secret.to_string(),
            url: est.url(Some(&made.ra_profile.name)),
            about: Credential::of(made.code.grant, made.ra_profile.name, now),
        })
    }
}

pub(super) async fn list(asked: Asked<'_>) -> Result<Vec<Credential>, Failure> {
    let codes = asked.node.est()?.est_codes(asked.actor, asked.origin).await?;
    let grants = codes.into_iter().map(|code| {
        let mut grant = code.grant;
        if code.mismatches >= chancery_est::MOST_MISMATCHES {
            // Locked: as good as spent.
            grant.uses = Some(grant.used);
        }
        grant
    });
    named(asked, grants.collect()).await
}

impl Which {
    pub(super) async fn revoke(self, asked: Asked<'_>) -> Result<Self, Failure> {
        asked.node.est()?.revoke_est_code(asked.actor, asked.origin, self.code).await?;
        Ok(self)
    }
}

impl Made {
    /// User and code alone on standard output, so that a script can take them.
    pub(super) fn text(&self) -> (String, String) {
        let note = format!(
            "it {}\nuser and code are those of HTTP Basic at {}; the code is not shown again\n",
            self.about.may(),
            self.url
        );
        (format!("user {}\ncode {}\n", self.about.name, self.code), note)
    }
}
