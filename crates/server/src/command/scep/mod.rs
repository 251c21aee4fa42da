//! `chancery scep`.

pub mod challenge;
pub mod profile;

use clap::Subcommand;
use serde::{Deserialize, Serialize};

use super::{Asked, Failure};
use crate::cli::Json;

/// What can be done with the SCEP door.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// SCEP profiles: how doors behave
    #[command(subcommand)]
    Profile(profile::Verb),
    /// Make a one-time challenge and print it; or list them, or end one
    Challenge(challenge::ChallengeArgs),
}

/// One request of the command line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "scep", content = "with")]
#[expect(missing_docs, reason = "each is documented where the command line defines it")]
pub enum Command {
    ProfileList,
    ProfileShow(profile::Which),
    ProfileCreate(profile::New),
    ProfileEdit(profile::Edit),
    ProfileEnable(profile::Which),
    ProfileDisable(profile::Which),
    ProfileDelete(profile::Which),
    ProfileActivate(profile::Activate),
    ProfileDeactivate(profile::Deactivate),
    ChallengeCreate(challenge::Create),
    ChallengeList,
    ChallengeRevoke(challenge::Revoke),
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "scep", content = "with")]
#[expect(missing_docs, reason = "each is documented at its type")]
pub enum Answer {
    Profiles(Vec<profile::Profile>),
    Profile(Box<profile::Profile>),
    Deleted(profile::Deleted),
    Activated(profile::Activated),
    Deactivated(profile::Deactivate),
    ChallengeMade(challenge::Made),
    Challenges(Vec<challenge::Shown>),
    ChallengeRevoked(challenge::Revoke),
}

impl Verb {
    /// The request, and how to print its answer. Reads the files that it names.
    pub fn read(self) -> Result<(Command, Json), Failure> {
        Ok(match self {
            Self::Profile(profile::Verb::List(json)) => (Command::ProfileList, json),
            Self::Profile(profile::Verb::Show(args)) => (Command::ProfileShow(args.which), args.json),
            Self::Profile(profile::Verb::Create(args)) => {
                let json = args.json;
                (Command::ProfileCreate(args.read()?), json)
            }
            Self::Profile(profile::Verb::Edit(args)) => {
                let json = args.json;
                (Command::ProfileEdit(args.read()?), json)
            }
            Self::Profile(profile::Verb::Enable(args)) => (Command::ProfileEnable(args.which), args.json),
            Self::Profile(profile::Verb::Disable(args)) => (Command::ProfileDisable(args.which), args.json),
            Self::Profile(profile::Verb::Delete(args)) => (Command::ProfileDelete(args.which), args.json),
            Self::Profile(profile::Verb::Activate(args)) => {
                let json = args.json;
                (Command::ProfileActivate(args.read()?), json)
            }
            Self::Profile(profile::Verb::Deactivate(args)) => (Command::ProfileDeactivate(args.which), args.json),
            Self::Challenge(challenge::ChallengeArgs { verb, create, json }) => match (verb, create) {
                (Some(challenge::Verb::List(json)), _) => (Command::ChallengeList, json),
                (Some(challenge::Verb::Revoke(args)), _) => (Command::ChallengeRevoke(args.revoke), args.json),
                (None, Some(create)) => (Command::ChallengeCreate(create), json),
                (None, None) => return Err(Failure::new("--profile is missing: say at whose doors it shall count")),
            },
        })
    }
}

impl Command {
    /// Execute it.
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Answer, Failure> {
        Ok(match self {
            Self::ProfileList => Answer::Profiles(profile::list(asked).await?),
            Self::ProfileShow(which) => Answer::Profile(Box::new(which.show(asked).await?)),
            Self::ProfileCreate(new) => Answer::Profile(Box::new(new.execute(asked).await?)),
            Self::ProfileEdit(edit) => Answer::Profile(Box::new(edit.execute(asked).await?)),
            Self::ProfileEnable(which) => Answer::Profile(Box::new(which.enable(asked, true).await?)),
            Self::ProfileDisable(which) => Answer::Profile(Box::new(which.enable(asked, false).await?)),
            Self::ProfileDelete(which) => Answer::Deleted(which.delete(asked).await?),
            Self::ProfileActivate(activate) => Answer::Activated(activate.execute(asked).await?),
            Self::ProfileDeactivate(deactivate) => Answer::Deactivated(deactivate.execute(asked).await?),
            Self::ChallengeCreate(create) => Answer::ChallengeMade(create.execute(asked).await?),
            Self::ChallengeList => Answer::Challenges(challenge::list(asked).await?),
            Self::ChallengeRevoke(revoke) => Answer::ChallengeRevoked(revoke.execute(asked).await?),
        })
    }

    /// Whether it changes nothing.
    pub(super) fn only_reads(&self) -> bool {
        match self {
            Self::ProfileList | Self::ProfileShow(_) | Self::ChallengeList => true,
            Self::ProfileCreate(_)
            | Self::ProfileEdit(_)
            | Self::ProfileEnable(_)
            | Self::ProfileDisable(_)
            | Self::ProfileDelete(_)
            | Self::ProfileActivate(_)
            | Self::ProfileDeactivate(_)
            | Self::ChallengeCreate(_)
            | Self::ChallengeRevoke(_) => false,
        }
    }
}

impl Answer {
    /// As one JSON value for programs.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        match self {
            Self::Profiles(it) => serde_json::to_string_pretty(it),
            Self::Profile(it) => serde_json::to_string_pretty(it),
            Self::Deleted(it) => serde_json::to_string_pretty(it),
            Self::Activated(it) => serde_json::to_string_pretty(it),
            Self::Deactivated(it) => serde_json::to_string_pretty(it),
            Self::ChallengeMade(it) => serde_json::to_string_pretty(it),
            Self::Challenges(it) => serde_json::to_string_pretty(it),
            Self::ChallengeRevoked(it) => serde_json::to_string_pretty(it),
        }
    }

    /// As text for people: what goes to standard output, and what to standard error.
    pub(super) fn text(&self) -> (String, String) {
        let out = |text: String| (text, String::new());
        match self {
            Self::Profiles(it) => out(profile::text(it)),
            Self::Profile(it) => out(it.text()),
            Self::Deleted(it) => out(format!("SCEP profile {} is deleted\n", it.name)),
            Self::Activated(it) => out(it.text()),
            Self::Deactivated(it) => out(format!("the SCEP door of RA profile {} is closed\n", it.ra_profile)),
            Self::ChallengeMade(it) => it.text(),
            Self::Challenges(it) => out(challenge::text(it)),
            Self::ChallengeRevoked(it) => out(format!("SCEP challenge {} is revoked\n", it.challenge)),
        }
    }
}
