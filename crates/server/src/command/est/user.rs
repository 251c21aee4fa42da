//! `chancery est user`.

use std::io::Read;

use chancery_est::NewEstUser;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Credential, GrantArgs, named};
use crate::cli::Json;
use crate::command::{Asked, Failure};

/// What can be done with EST users.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make one
    Add(AddArgs),
    /// List them, ended ones too
    List(Json),
    /// End one at once; what it got stays in force
    Delete(DeleteArgs),
}

/// `est user add`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    printf %s \"$PASSWORD\" | chancery est user add gw-7.example --profile device --password-stdin\n  \
    chancery est user add installer --profile device --password-stdin --names .lab.example --expires '30 d' < secret")]
pub struct AddArgs {
    /// Its name: the user of HTTP Basic, and without --names the one name that it may ask for
    pub name: String,
    /// What it may.
    #[command(flatten)]
    pub grant: GrantArgs,
    /// Read the password from standard input (a line break at its end is no part of it)
    #[arg(long, required = true)]
    pub password_stdin: bool,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `est user delete`.
#[derive(Args, Debug)]
pub struct DeleteArgs {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The user that shall be made.
#[derive(Clone, Serialize, Deserialize)]
pub struct New {
    name: String,
    grant: GrantArgs,
    password: String,
}

impl std::fmt::Debug for New {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("New").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The user that is meant.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Which {
    /// EST user, by name or uuid
    pub(super) user: String,
    /// RA profile, by name or uuid, where users of several have the name
    #[arg(long)]
    profile: Option<String>,
}

/// Longest password that is read.
const LONGEST: u64 = 4096;

impl AddArgs {
    /// Read the password.
    pub fn read(self) -> Result<New, Failure> {
        let mut text = Zeroizing::new(String::new());
        let unreadable = |why: std::io::Error| Failure::new(format!("the password cannot be read: {why}"));
        std::io::stdin().lock().take(LONGEST).read_to_string(&mut text).map_err(unreadable)?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let password = line.strip_suffix('\r').unwrap_or(line).to_owned();
        Ok(New { name: self.name, grant: self.grant, password })
    }
}

impl New {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Credential, Failure> {
        let now = asked.node.ra.ports().clock.now();
        let new = NewEstUser { grant: self.grant.grant(self.name, now), password: Zeroizing::new(self.password) };
        let (user, ra_profile) = asked.node.est()?.create_est_user(asked.actor, asked.origin, new).await?;
        Ok(Credential::of(user.grant, ra_profile.name, now))
    }
}

pub(super) async fn list(asked: Asked<'_>) -> Result<Vec<Credential>, Failure> {
    let users = asked.node.est()?.est_users(asked.actor, asked.origin).await?;
    named(asked, users.into_iter().map(|user| user.grant).collect()).await
}

impl Which {
    pub(super) async fn delete(self, asked: Asked<'_>) -> Result<Self, Failure> {
        let users = list(asked).await?;
        let id: Option<Uuid> = self.user.parse().ok();
        let meant: Vec<_> = users
            .iter()
            .filter(|user| match id {
                Some(id) => user.uuid == id,
                None => user.name == self.user && user.revoked_at.is_none(),
            })
            .filter(|user| self.profile.as_ref().is_none_or(|profile| *profile == user.ra_profile))
            .collect();
        match meant.as_slice() {
            [user] => asked.node.est()?.revoke_est_user(asked.actor, asked.origin, user.uuid).await?,
            [] => {
                return Err(Failure::new(format!(
                    "there is no EST user {}; `chancery est user list` shows them",
                    self.user
                )));
            }
            _ => {
                return Err(Failure::new(format!(
                    "several RA profiles have an EST user {}: say which with --profile",
                    self.user
                )));
            }
        }
        Ok(self)
    }
}
