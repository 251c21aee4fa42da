//! `chancery est`.

pub mod code;
pub mod profile;
pub mod user;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::{Asked, Failure};
use crate::cli::Json;
use crate::config::Span;

/// What can be done with the EST door.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// EST profiles: how doors behave
    #[command(subcommand)]
    Profile(profile::Verb),
    /// EST users: credentials with a password
    #[command(subcommand)]
    User(user::Verb),
    /// One-time codes: make one (`chancery est code --profile NAME`), list or revoke them
    Code(code::CodeArgs),
}

/// One request of the command line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "est", content = "with")]
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
    UserAdd(user::New),
    UserList,
    UserDelete(user::Which),
    CodeMake(code::New),
    CodeList,
    CodeRevoke(code::Which),
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "est", content = "with")]
#[expect(missing_docs, reason = "each is documented at its type")]
pub enum Answer {
    Profiles(Vec<profile::Profile>),
    Profile(Box<profile::Profile>),
    Deleted(profile::Deleted),
    Activated(profile::Activated),
    Deactivated(profile::Deactivate),
    User(Credential),
    Users(Vec<Credential>),
    UserDeleted(user::Which),
    Code(code::Made),
    Codes(Vec<Credential>),
    CodeRevoked(code::Which),
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
            Self::User(user::Verb::Add(args)) => {
                let json = args.json;
                (Command::UserAdd(args.read()?), json)
            }
            Self::User(user::Verb::List(json)) => (Command::UserList, json),
            Self::User(user::Verb::Delete(args)) => (Command::UserDelete(args.which), args.json),
            Self::Code(args) => args.read()?,
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
            Self::UserAdd(new) => Answer::User(new.execute(asked).await?),
            Self::UserList => Answer::Users(user::list(asked).await?),
            Self::UserDelete(which) => Answer::UserDeleted(which.delete(asked).await?),
            Self::CodeMake(new) => Answer::Code(new.execute(asked).await?),
            Self::CodeList => Answer::Codes(code::list(asked).await?),
            Self::CodeRevoke(which) => Answer::CodeRevoked(which.revoke(asked).await?),
        })
    }

    /// Whether it changes nothing.
    pub(super) fn only_reads(&self) -> bool {
        match self {
            Self::ProfileList | Self::ProfileShow(_) | Self::UserList | Self::CodeList => true,
            Self::ProfileCreate(_)
            | Self::ProfileEdit(_)
            | Self::ProfileEnable(_)
            | Self::ProfileDisable(_)
            | Self::ProfileDelete(_)
            | Self::ProfileActivate(_)
            | Self::ProfileDeactivate(_)
            | Self::UserAdd(_)
            | Self::UserDelete(_)
            | Self::CodeMake(_)
            | Self::CodeRevoke(_) => false,
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
            Self::User(it) => serde_json::to_string_pretty(it),
            Self::Users(it) | Self::Codes(it) => serde_json::to_string_pretty(it),
            Self::UserDeleted(it) => serde_json::to_string_pretty(it),
            Self::Code(it) => serde_json::to_string_pretty(it),
            Self::CodeRevoked(it) => serde_json::to_string_pretty(it),
        }
    }

    /// As text for people: what goes to standard output, and what to standard error.
    pub(super) fn text(&self) -> (String, String) {
        let out = |text: String| (text, String::new());
        match self {
            Self::Profiles(it) => out(profile::text(it)),
            Self::Profile(it) => out(it.text()),
            Self::Deleted(it) => out(format!("EST profile {} is deleted\n", it.name)),
            Self::Activated(it) => out(it.text()),
            Self::Deactivated(it) => out(format!("the EST door of RA profile {} is closed\n", it.ra_profile)),
            Self::User(it) => out(format!("EST user {} {}\n", it.name, it.may())),
            Self::Users(it) => out(text(it, "no EST users")),
            Self::UserDeleted(it) => out(format!("EST user {} is ended\n", it.user)),
            Self::Code(it) => it.text(),
            Self::Codes(it) => out(text(it, "no EST codes")),
            Self::CodeRevoked(it) => out(format!("EST code {} is revoked\n", it.code)),
        }
    }
}

/// What a credential may.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct GrantArgs {
    /// RA profile that it may enrol with, by name or uuid
    #[arg(long)]
    profile: String,
    /// A name that it may ask for; give it as often as there are: host.example (and all below it), .host.example (only what
    /// is below), =host.example (that name alone), *.host.example (that wildcard alone), 10.1.0.0/16,
    /// email:user@host.example, uri:urn:x:1, O=Example, serialNumber=* [default: its own name, as common name and DNS name]
    #[arg(long, value_name = "PATTERN")]
    names: Vec<String>,
    /// How many certificates it may get
    #[arg(long, value_name = "N")]
    uses: Option<u32>,
    /// When it ends: a duration from now ("30 d") or an instant (2030-01-31T00:00:00Z) [default: when it is ended]
    #[arg(long, value_name = "WHEN")]
    expires: Option<End>,
}

/// When a credential ends.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum End {
    After(Span),
    At(#[serde(with = "time::serde::rfc3339")] OffsetDateTime),
}

impl std::str::FromStr for End {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match OffsetDateTime::parse(text, &Rfc3339) {
            Ok(at) => Ok(Self::At(at)),
            Err(_) => text.parse().map(Self::After),
        }
    }
}

impl GrantArgs {
    fn grant(self, name: String, now: OffsetDateTime) -> chancery_est::NewGrant {
        chancery_est::NewGrant {
            ra_profile: super::profile::reference(&self.profile),
            name,
            names: Some(self.names).filter(|names| !names.is_empty()),
            uses: self.uses,
            expires_at: self.expires.map(|end| match end {
                End::After(span) => now + span.signed(),
                End::At(at) => at,
            }),
        }
    }
}

/// What is known of a user or a code.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    uuid: Uuid,
    ra_profile: String,
    name: String,
    /// None for its own name only.
    names: Option<Vec<String>>,
    uses: Option<u32>,
    used: u32,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
    valid: bool,
}

impl Credential {
    fn of(grant: chancery_est::Grant, ra_profile: String, now: OffsetDateTime) -> Self {
        Self {
            valid: grant.is_valid(now),
            uuid: grant.id,
            ra_profile,
            name: grant.name,
            names: grant.names,
            uses: grant.uses,
            used: grant.used,
            created_at: grant.created_at,
            expires_at: grant.expires_at,
            revoked_at: grant.revoked_at,
        }
    }

    fn end(&self) -> String {
        match (self.revoked_at, self.expires_at) {
            (Some(at), _) => format!("ended {}", crate::instant(at)),
            (None, Some(at)) => crate::instant(at),
            (None, None) => "never".into(),
        }
    }

    /// In words.
    fn may(&self) -> String {
        let names = match &self.names {
            None => "its own name only (--names lists others)".to_owned(),
            Some(names) => names.join(", "),
        };
        let uses =
            self.uses.map_or_else(|| "any number of certificates".into(), |uses| format!("{uses} certificate(s)"));
        format!("may enrol with RA profile {} for {names}: {uses}, ends: {}", self.ra_profile, self.end())
    }
}

/// The names of RA profiles, to show credentials by.
async fn named(asked: Asked<'_>, grants: Vec<chancery_est::Grant>) -> Result<Vec<Credential>, Failure> {
    let profiles = asked.node.ra.profiles(asked.actor, asked.origin).await?;
    let now = asked.node.ra.ports().clock.now();
    let name = |id: Uuid| {
        let found = profiles.iter().find(|profile| profile.id == id);
        found.map_or_else(|| id.to_string(), |profile| profile.name.clone())
    };
    Ok(grants
        .into_iter()
        .map(|grant| {
            let name = name(grant.ra_profile);
            Credential::of(grant, name, now)
        })
        .collect())
}

fn text(credentials: &[Credential], none: &'static str) -> String {
    let rows: Vec<_> = credentials
        .iter()
        .map(|it| {
            [
                it.name.clone(),
                it.uuid.to_string(),
                it.ra_profile.clone(),
                it.names.as_ref().map_or_else(|| "its own".into(), |names| names.join(",")),
                it.uses.map_or_else(|| it.used.to_string(), |uses| format!("{}/{uses}", it.used)),
                if it.valid { "valid" } else { "ended" }.to_owned(),
                it.end(),
            ]
        })
        .collect();
    super::table::table(["NAME", "UUID", "RA PROFILE", "NAMES", "USED", "STATE", "ENDS"], &rows, none)
}
