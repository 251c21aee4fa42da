//! `chancery token`.

use chancery_core::{NewToken, Role, Scope, TokenRecord};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::table::table;
use super::{Asked, Failure};
use crate::cli::Json;
use crate::config::Span;
use crate::instant;

/// What can be done with tokens.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a token and print it: the only time that it is shown
    Create(CreateArgs),
    /// List tokens, without their text, which is not kept
    List(Json),
    /// Revoke a token, at once
    Revoke(RevokeArgs),
}

/// `token create`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    chancery token create --role administrator --lifetime '8 h'\n  \
    chancery token create --role requester --profile tls-server --name web-team > web-team.token")]
pub struct CreateArgs {
    /// What.
    #[command(flatten)]
    pub create: Create,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `token revoke`.
#[derive(Args, Debug)]
pub struct RevokeArgs {
    /// What.
    #[command(flatten)]
    pub revoke: Revoke,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The token that shall be made.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Create {
    /// requester, operator, auditor or administrator
    #[arg(long)]
    role: Role,
    /// RA profile that it may reach, by name or uuid; may be repeated [default: all]
    #[arg(long = "profile", value_name = "PROFILE")]
    profiles: Vec<String>,
    /// A name for people, told in the audit [default: the role]
    #[arg(long)]
    name: Option<String>,
    /// How long it is valid, for example "90 d", or "never"
    #[arg(long, value_name = "DURATION", default_value = "1 y")]
    lifetime: Lifetime,
}

/// How long a token is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Lifetime {
    For(Span),
    Never,
}

impl std::str::FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" { Ok(Self::Never) } else { text.parse().map(Self::For) }
    }
}

/// The token that shall end.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Revoke {
    /// The token's uuid, as `token list` shows it
    pub token: Uuid,
}

/// A token with its text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Made {
    token: String,
    #[serde(flatten)]
    about: Token,
}

/// What is known of a token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    uuid: Uuid,
    name: String,
    role: Role,
    /// Uuids of RA profiles; none for all.
    profiles: Option<Vec<Uuid>>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
    valid: bool,
}

impl Token {
    fn of(record: TokenRecord, now: OffsetDateTime) -> Self {
        Self {
            valid: record.is_valid(now),
            uuid: record.id,
            name: record.name,
            role: record.role,
            profiles: match record.scope {
                Scope::All => None,
                Scope::Profiles(profiles) => Some(profiles.into_iter().collect()),
            },
            created_at: record.created_at,
            expires_at: record.expires_at,
            revoked_at: record.revoked_at,
        }
    }

    fn end(&self) -> String {
        match (self.revoked_at, self.expires_at) {
            (Some(at), _) => format!("revoked {}", instant(at)),
            (None, Some(at)) => instant(at),
            (None, None) => "never".into(),
        }
    }
}

impl Create {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Made, Failure> {
        let lifetime = match self.lifetime {
            Lifetime::For(span) if span.0.is_zero() => return Err(Failure::new("--lifetime: must not be zero")),
            Lifetime::For(span) => Some(span.signed()),
            Lifetime::Never => None,
        };
        let name = self.name.unwrap_or_else(|| self.role.as_str().to_owned());
        if name.trim().is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            return Err(Failure::new("--name: 1 to 100 printable characters"));
        }
        let new = NewToken { name, role: self.role, profiles: self.profiles, lifetime };
        let (token, record) = asked.node.ra.create_token(asked.actor, asked.origin, new).await?;
        Ok(Made { token, about: Token::of(record, asked.node.ra.ports().clock.now()) })
    }
}

pub(super) async fn list(asked: Asked<'_>) -> Result<Vec<Token>, Failure> {
    let now = asked.node.ra.ports().clock.now();
    let tokens = asked.node.ra.tokens(asked.actor, asked.origin).await?;
    Ok(tokens.into_iter().map(|token| Token::of(token, now)).collect())
}

impl Revoke {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Self, Failure> {
        asked.node.ra.revoke_token(asked.actor, asked.origin, self.token).await?;
        Ok(self)
    }
}

impl Made {
    /// The token alone on standard output, so that it can go into a file.
    pub(super) fn text(&self) -> (String, String) {
        let reach = match &self.about.profiles {
            None => "every RA profile".to_owned(),
            Some(profiles) => format!("{} RA profile(s)", profiles.len()),
        };
        let note = format!(
            "token {} ({}, {reach}) is valid until: {}; it is not shown again\n",
            self.about.uuid,
            self.about.role,
            self.about.end()
        );
        (format!("{}\n", self.token), note)
    }
}

pub(super) fn text(tokens: &[Token]) -> String {
    let rows: Vec<_> = tokens
        .iter()
        .map(|token| {
            let profiles = token.profiles.as_ref().map_or_else(|| "all".into(), |profiles| profiles.len().to_string());
            let state = if token.valid { "valid" } else { "ended" };
            [
                token.uuid.to_string(),
                token.name.clone(),
                token.role.to_string(),
                profiles,
                state.to_owned(),
                instant(token.created_at),
                token.end(),
            ]
        })
        .collect();
    table(["UUID", "NAME", "ROLE", "PROFILES", "STATE", "MADE", "ENDS"], &rows, "no tokens")
}
