//! `chancery scep challenge`.

use chancery_pki::{GeneralName, Name};
use chancery_scep::{Challenge, MOST_MISMATCHES, NewChallenge};
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

/// `scep challenge`: without a verb it makes one.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  \
        chancery scep challenge --profile device --subject 'CN=printer-1' --san dns:printer-1.example\n  \
        chancery scep challenge --profile device --expires '2 h'\n  \
        chancery scep challenge list\n\n\
        Without --subject and --san whoever has it may ask for whatever the RA profile allows. With either, the subject and the \
        names must be among what is named."
)]
pub struct ChallengeArgs {
    /// What else can be done with challenges.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// What it is for.
    #[command(flatten)]
    pub create: Option<Create>,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// What else can be done with challenges.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List them, ended ones too
    List(Json),
    /// End one at once
    Revoke(RevokeArgs),
}

/// `scep challenge revoke`.
#[derive(Args, Debug)]
pub struct RevokeArgs {
    /// Which.
    #[command(flatten)]
    pub revoke: Revoke,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The challenge that shall be made.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Create {
    /// RA profile at whose doors it counts, by name or uuid
    #[arg(long)]
    profile: String,
    /// Subject that may be asked for, as RFC 4514 text [default: whatever the RA profile allows]
    #[arg(long, value_name = "DN")]
    subject: Option<String>,
    /// Alternative name that may be asked for, as dns:host.example, ip:192.0.2.1, uri:urn:x or another kind; repeat it for
    /// more
    #[arg(long, value_name = "KIND:VALUE")]
    san: Vec<String>,
    /// When it ends: a duration from now ("2 h") or an instant (2030-01-31T00:00:00Z) [default: as the SCEP profile says, a
    /// day]
    #[arg(long, value_name = "WHEN")]
    expires: Option<End>,
    /// Free text
    #[arg(long, default_value = "")]
    description: String,
}

/// When a challenge ends.
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

/// The challenge that shall end.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Revoke {
    /// The challenge's id, as `scep challenge list` shows it
    pub(super) challenge: Uuid,
}

/// A challenge with its text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Made {
    #[serde(rename = "challenge")]
    text: String,
    url: String,
    #[serde(flatten)]
    about: Shown,
}

/// What is known of a challenge.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    id: Uuid,
    ra_profile: String,
    /// None, without names too: whatever the RA profile allows.
    subject: Option<String>,
    names: Option<Vec<String>>,
    description: String,
    mismatches: u32,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    used_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
    valid: bool,
}

impl Shown {
    fn of(challenge: Challenge, ra_profile: String, asked: Asked<'_>) -> Self {
        Self {
            valid: challenge.fault(asked.node.ra.ports().clock.now()).is_none(),
            id: challenge.id,
            ra_profile,
            subject: challenge.subject,
            names: challenge.names,
            description: challenge.description,
            mismatches: challenge.mismatches,
            created_at: challenge.created_at,
            expires_at: challenge.expires_at,
            used_at: challenge.used_at,
            revoked_at: challenge.revoked_at,
        }
    }

    fn state(&self) -> String {
        match (self.used_at, self.revoked_at) {
            (Some(at), _) => format!("used {}", instant(at)),
            (None, Some(at)) => format!("revoked {}", instant(at)),
            (None, None) if self.valid => format!("valid until {}", instant(self.expires_at)),
            (None, None) if self.mismatches >= MOST_MISMATCHES => "locked".into(),
            (None, None) => format!("expired {}", instant(self.expires_at)),
        }
    }

    fn allowed(&self) -> String {
        if self.subject.is_none() && self.names.is_none() {
            return "anything".into();
        }
        let names = self.names.iter().flatten().cloned();
        self.subject.iter().cloned().chain(names).collect::<Vec<_>>().join(", ")
    }
}

impl Create {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Made, Failure> {
        let now = asked.node.ra.ports().clock.now();
        let subject = self.subject.as_deref().map(|text| {
            let named = |why| Failure::new(format!("--subject {text}: {why}"));
            text.parse::<Name>().map_err(|why| named(why.to_string()))
        });
        let names = self
            .san
            .iter()
            .map(|text| text.parse::<GeneralName>().map_err(|why| Failure::new(format!("--san {text}: {why}"))));
        let names = names.collect::<Result<Vec<_>, _>>()?;
        let new = NewChallenge {
            ra_profile: profile::reference(&self.profile),
            subject: subject.transpose()?,
            names: Some(names).filter(|names| !names.is_empty()),
            description: self.description,
            expires_at: self.expires.map(|end| match end {
                End::After(span) => now + span.signed(),
                End::At(at) => at,
            }),
        };
        let made = asked.node.scep()?.create_challenge(asked.actor, asked.origin, new).await?;
        Ok(Made {
            text: made.text.to_string(),
            url: asked.node.scep_url(&made.ra_profile.name),
            about: Shown::of(made.challenge, made.ra_profile.name, asked),
        })
    }
}

pub(super) async fn list(asked: Asked<'_>) -> Result<Vec<Shown>, Failure> {
    let challenges = asked.node.scep()?.challenges(asked.actor, asked.origin).await?;
    let profiles = asked.node.ra.profiles(asked.actor, asked.origin).await?;
    let name = |id: Uuid| {
        let found = profiles.iter().find(|profile| profile.id == id);
        found.map_or_else(|| id.to_string(), |profile| profile.name.clone())
    };
    Ok(challenges
        .into_iter()
        .map(|it| (name(it.ra_profile), it))
        .map(|(name, it)| Shown::of(it, name, asked))
        .collect())
}

impl Revoke {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Self, Failure> {
        asked.node.scep()?.revoke_challenge(asked.actor, asked.origin, self.challenge).await?;
        Ok(self)
    }
}

impl Made {
    /// The challenge alone on standard output, so that a script can take it.
    pub(super) fn text(&self) -> (String, String) {
        let about = &self.about;
        let allowed = if about.subject.is_none() && about.names.is_none() {
            format!(
                "whoever has it may ask for whatever RA profile {} allows (--subject and --san limit it)",
                about.ra_profile
            )
        } else {
            format!("it is for {} and nothing else", about.allowed())
        };
        let note = format!(
            "for {}\n{allowed}; one certificate, until {}; it is not shown again\n",
            self.url,
            instant(about.expires_at)
        );
        (format!("{}\n", self.text), note)
    }
}

pub(super) fn text(challenges: &[Shown]) -> String {
    let rows: Vec<_> = challenges
        .iter()
        .map(|it| [it.id.to_string(), it.ra_profile.clone(), it.allowed(), it.state(), it.description.clone()])
        .collect();
    table(["ID", "RA PROFILE", "FOR", "STATE", "DESCRIPTION"], &rows, "no challenges")
}
