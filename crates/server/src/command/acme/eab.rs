//! `chancery acme eab`.

use chancery_acme::{AcmeProfile, EabKey, NewEabKey};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::cli::Json;
use crate::command::table::table;
use crate::command::{Asked, Failure, profile};
use crate::config::Span;
use crate::instant;

/// What can be done with EAB keys.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make one; prints its kid and its key, the key this once
    Create(CreateArgs),
    /// List them, ended ones too
    List(Json),
    /// End one at once: it binds no more accounts, and those that it bound get no more certificates
    Revoke(RevokeArgs),
}

/// `acme eab create`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    chancery acme eab create --profile tls-server --names 'host.example,.lab.example,10.1.0.0/16' --uses 1\n  \
    chancery acme eab create --profile tls-server --expires '30 d' --json")]
pub struct CreateArgs {
    /// What it is.
    #[command(flatten)]
    pub create: Create,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `acme eab revoke`.
#[derive(Args, Debug)]
pub struct RevokeArgs {
    /// Which.
    #[command(flatten)]
    pub revoke: Revoke,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The EAB key that shall be made.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Create {
    /// RA profile whose directories take it, by name or uuid
    #[arg(long)]
    profile: String,
    /// ACME profile of the one directory that takes it, by name or uuid; a directory in trusted mode takes no other keys
    /// [default: every directory of the RA profile that is not in trusted mode]
    #[arg(long, value_name = "PROFILE")]
    #[serde(default)]
    acme_profile: Option<String>,
    /// Names that accounts bound by it may ask for, with commas: host.example (and all below it), .host.example (only what
    /// is below), =host.example (that name alone), *.host.example (that wildcard alone), 10.1.0.0/16 [default: every name
    /// that the RA profile allows]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    names: Option<Vec<String>>,
    /// How many accounts may be bound by it [default: any number]
    #[arg(long, value_name = "N")]
    uses: Option<u32>,
    /// How many certificates its accounts may get in all [default: any number]
    #[arg(long, value_name = "N")]
    quota: Option<u32>,
    /// When it ends, as if it were revoked then: a duration from now ("30 d") or an instant (2030-01-31T00:00:00Z) [default: when it is revoked]
    #[arg(long, value_name = "WHEN")]
    expires: Option<End>,
    /// Free text
    #[arg(long, default_value = "")]
    description: String,
}

/// When a key ends.
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

/// The EAB key that shall end.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Revoke {
    /// The key's kid, as `acme eab list` shows it
    pub(super) kid: Uuid,
}

/// An EAB key with its secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Made {
    key: String,
    #[serde(flatten)]
    about: Key,
}

/// What is known of an EAB key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    kid: Uuid,
    ra_profile: String,
    directory: String,
    /// None for every directory of the RA profile that is not in trusted mode.
    #[serde(default)]
    acme_profile: Option<Uuid>,
    description: String,
    /// None for every name that the RA profile allows.
    names: Option<Vec<String>>,
    uses: Option<u32>,
    used: u32,
    quota: Option<u32>,
    issued: u32,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    expires_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
    valid: bool,
}

impl Key {
    /// A key, with the names of the ACME profiles that have a directory of their own with their RA profiles.
    fn of(key: EabKey, ra_profile: String, own: &[AcmeProfile], asked: Asked<'_>) -> Self {
        let now = asked.node.ra.ports().clock.now();
        let makes =
            |profile: &&AcmeProfile| Some(profile.id) == key.acme_profile && profile.ra_profile == Some(key.ra_profile);
        let directory = own.iter().find(makes).map_or(&ra_profile, |profile| &profile.name);
        Self {
            valid: key.is_valid(now) && key.uses.is_none_or(|uses| key.used < uses),
            kid: key.id,
            directory: asked.node.directory_url(directory),
            ra_profile,
            acme_profile: key.acme_profile,
            description: key.description,
            names: key.names,
            uses: key.uses,
            used: key.used,
            quota: key.quota,
            issued: key.issued,
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
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
        let now = asked.node.ra.ports().clock.now();
        let new = NewEabKey {
            ra_profile: profile::reference(&self.profile),
            acme_profile: self.acme_profile.as_deref().map(super::profile::reference),
            description: self.description,
            names: self.names,
            uses: self.uses,
            quota: self.quota,
            expires_at: self.expires.map(|end| match end {
                End::After(span) => now + span.signed(),
                End::At(at) => at,
            }),
        };
        let made = asked.node.acme()?.create_eab_key(asked.actor, asked.origin, new).await?;
        let own: Vec<AcmeProfile> = made.acme_profile.into_iter().collect();
        Ok(Made { key: made.secret.to_string(), about: Key::of(made.key, made.ra_profile.name, &own, asked) })
    }
}

pub(super) async fn list(asked: Asked<'_>) -> Result<Vec<Key>, Failure> {
    let keys = asked.node.acme()?.eab_keys(asked.actor, asked.origin).await?;
    let profiles = asked.node.ra.profiles(asked.actor, asked.origin).await?;
    let name = |id: Uuid| {
        let found = profiles.iter().find(|profile| profile.id == id);
        found.map_or_else(|| id.to_string(), |profile| profile.name.clone())
    };
    let own = asked.node.acme()?.acme_profiles(asked.actor, asked.origin).await?;
    let of = |key: EabKey| {
        let ra_profile = name(key.ra_profile);
        Key::of(key, ra_profile, &own, asked)
    };
    Ok(keys.into_iter().map(of).collect())
}

impl Revoke {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Self, Failure> {
        asked.node.acme()?.revoke_eab_key(asked.actor, asked.origin, self.kid).await?;
        Ok(self)
    }
}

impl Made {
    /// Kid and key alone on standard output, so that a script can take them.
    pub(super) fn text(&self) -> (String, String) {
        let names = match &self.about.names {
            None => format!(
                "accounts bound by it may ask for every name that RA profile {} allows (--names limits them)",
                self.about.ra_profile
            ),
            Some(names) => format!("accounts bound by it may ask for {}", names.join(", ")),
        };
        let uses = self.about.uses.map_or_else(|| "any number of accounts".into(), |uses| format!("{uses} account(s)"));
        let others = if self.about.acme_profile.is_some() {
            "this directory alone"
        } else {
            "every directory of the RA profile that is not in trusted mode"
        };
        let note = format!(
            "for {}: {others}\n{names}; it binds {uses} and is valid until: {}; the key is not shown again\n",
            self.about.directory,
            self.about.end()
        );
        (format!("kid {}\nkey {}\n", self.about.kid, self.key), note)
    }
}

pub(super) fn text(keys: &[Key]) -> String {
    let of = |count: u32, most: Option<u32>| most.map_or_else(|| count.to_string(), |most| format!("{count}/{most}"));
    let rows: Vec<_> = keys
        .iter()
        .map(|key| {
            [
                key.kid.to_string(),
                key.ra_profile.clone(),
                key.names.as_ref().map_or_else(|| "any".into(), |names| names.join(",")),
                of(key.used, key.uses),
                of(key.issued, key.quota),
                if key.valid { "valid" } else { "ended" }.to_owned(),
                key.end(),
                key.description.clone(),
            ]
        })
        .collect();
    table(["KID", "RA PROFILE", "NAMES", "USED", "ISSUED", "STATE", "ENDS", "DESCRIPTION"], &rows, "no EAB keys")
}
