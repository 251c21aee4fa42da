//! `chancery scep profile`.

use chancery_core::attribute::RequestAttribute;
use chancery_core::{ProfileRef, RaProfile};
use chancery_scep::{NewActivation, NewScepProfile, ScepProfile, ScepProfileEdit, ScepProfileRef, ScepSettings};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::cli::Json;
use crate::command::acme::settings::{Settings, SettingsArgs};
use crate::command::table::{sheet, table};
use crate::command::{Asked, Failure, profile};

/// What can be done with SCEP profiles.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List SCEP profiles
    List(Json),
    /// Show one with its settings
    Show(WhichArgs),
    /// Make one
    Create(CreateArgs),
    /// Change one
    Edit(EditArgs),
    /// Let its doors answer again
    Enable(WhichArgs),
    /// Let its doors answer nothing
    Disable(WhichArgs),
    /// Delete one that no RA profile needs
    Delete(WhichArgs),
    /// Open the SCEP door of an RA profile, or change by which SCEP profile it behaves
    Activate(ActivateArgs),
    /// Close the SCEP door of an RA profile
    Deactivate(DeactivateArgs),
}

/// A command on one SCEP profile.
#[derive(Args, Debug)]
pub struct WhichArgs {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `scep profile create`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    chancery scep profile create --name printers --ra-profile device --set includeCa=true\n  \
    chancery scep profile create --name old-routers --set legacy=true --challenge-file challenge.txt")]
pub struct CreateArgs {
    /// Unique name; stands in URLs
    #[arg(long)]
    pub name: String,
    /// Free text
    #[arg(long)]
    pub description: Option<String>,
    /// RA profile of a door of its own, /scep/NAME; by name or uuid
    #[arg(long, value_name = "PROFILE")]
    pub ra_profile: Option<String>,
    /// How its doors behave.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// File with a static challenge, which every device may use, beside one-time ones; - for standard input
    #[arg(long, value_name = "FILE")]
    pub challenge_file: Option<String>,
    /// Let its doors answer nothing yet
    #[arg(long)]
    pub disabled: bool,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `scep profile edit`.
#[derive(Args, Debug)]
pub struct EditArgs {
    /// SCEP profile, by name or uuid
    pub profile: String,
    /// Free text; an empty one takes it away
    #[arg(long)]
    pub description: Option<String>,
    /// RA profile of its own door, by name or uuid; an empty text takes it away
    #[arg(long, value_name = "PROFILE")]
    pub ra_profile: Option<String>,
    /// How its doors behave: a file has all settings (those that are not in it get their defaults), --set changes
    /// one and leaves the others.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// File with a static challenge, in place of the one before; - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "no_challenge")]
    pub challenge_file: Option<String>,
    /// Take the static challenge away
    #[arg(long)]
    pub no_challenge: bool,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `scep profile activate`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  chancery scep profile activate default --ra-profile tls-client")]
pub struct ActivateArgs {
    /// SCEP profile, by name or uuid
    pub profile: String,
    /// RA profile whose door is opened, by name or uuid
    #[arg(long, value_name = "PROFILE")]
    pub ra_profile: String,
    /// JSON file with attributes of every issue; - for standard input
    #[arg(long, value_name = "FILE")]
    pub issue_attributes: Option<String>,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `scep profile deactivate`.
#[derive(Args, Debug)]
pub struct DeactivateArgs {
    /// Which.
    #[command(flatten)]
    pub which: Deactivate,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The SCEP profile that is meant.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Which {
    /// SCEP profile, by name or uuid
    profile: String,
}

/// The SCEP profile that shall be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct New {
    name: String,
    description: Option<String>,
    ra_profile: Option<String>,
    enabled: bool,
    challenge: Option<StaticChallenge>,
    settings: Settings,
}

/// What shall change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Edit {
    profile: String,
    description: Option<String>,
    ra_profile: Option<String>,
    /// An empty one takes it away.
    challenge: Option<StaticChallenge>,
    settings: Settings,
}

/// A static challenge on its way to the server; never shown.
#[derive(Clone, Serialize, Deserialize)]
struct StaticChallenge(String);

impl std::fmt::Debug for StaticChallenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StaticChallenge")
    }
}

impl StaticChallenge {
    fn read(file: &str) -> Result<Self, Failure> {
        let bytes = crate::read_input(file)?;
        let text = String::from_utf8(bytes).map_err(|_| Failure::new(format!("{file}: the challenge is not UTF-8")))?;
        Ok(Self(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    fn secret(self) -> Zeroizing<String> {
        Zeroizing::new(self.0)
    }
}

/// The door that shall be opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Activate {
    profile: String,
    ra_profile: String,
    issue_attributes: Vec<RequestAttribute>,
}

/// The door that shall be closed.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deactivate {
    /// RA profile whose door is closed, by name or uuid
    #[arg(long, value_name = "PROFILE")]
    pub(super) ra_profile: String,
}

/// A SCEP profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    uuid: Uuid,
    pub(super) name: String,
    description: Option<String>,
    enabled: bool,
    /// The RA profile of its own door.
    ra_profile: Option<String>,
    /// The RA profiles whose doors behave by it.
    activated_on: Vec<String>,
    /// The doors.
    urls: Vec<String>,
    /// Whether a static challenge is taken beside one-time ones.
    static_challenge: bool,
    version: i64,
    settings: ScepSettings,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

/// A deleted one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deleted {
    uuid: Uuid,
    pub(super) name: String,
}

/// An opened door.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activated {
    ra_profile: String,
    scep_profile: String,
    url: String,
}

/// A SCEP profile as people name it.
pub(super) fn reference(text: &str) -> ScepProfileRef {
    text.parse().map_or_else(|_| ScepProfileRef::Name(text.to_owned()), ScepProfileRef::Id)
}

/// The RA profiles that the command line may see, to name them.
struct Names(Vec<RaProfile>);

impl Names {
    async fn of(asked: Asked<'_>) -> Result<Self, Failure> {
        Ok(Self(asked.node.ra.profiles(asked.actor, asked.origin).await?))
    }

    fn name(&self, id: Uuid) -> String {
        self.0.iter().find(|profile| profile.id == id).map_or_else(|| id.to_string(), |profile| profile.name.clone())
    }
}

impl Profile {
    async fn all_of(profiles: Vec<ScepProfile>, asked: Asked<'_>) -> Result<Vec<Self>, Failure> {
        let scep = asked.node.scep()?;
        let names = Names::of(asked).await?;
        let activations = scep.activations(asked.actor, asked.origin).await?;
        let shown = profiles.into_iter().map(|profile| {
            let activated_on: Vec<_> = activations
                .iter()
                .filter(|(_, activation)| activation.scep_profile == profile.id)
                .map(|(ra_profile, _)| ra_profile.name.clone())
                .collect();
            let own = profile.ra_profile.map(|_| profile.name.clone());
            let urls = own.iter().chain(&activated_on).map(|name| asked.node.scep_url(name)).collect();
            Self {
                uuid: profile.id,
                name: profile.name,
                description: profile.description,
                enabled: profile.enabled,
                ra_profile: profile.ra_profile.map(|id| names.name(id)),
                activated_on,
                urls,
                static_challenge: profile.sealed_challenge.is_some(),
                version: profile.version,
                settings: profile.settings,
                created_at: profile.created_at,
                updated_at: profile.updated_at,
            }
        });
        Ok(shown.collect())
    }

    async fn of(profile: ScepProfile, asked: Asked<'_>) -> Result<Self, Failure> {
        let mut all = Self::all_of(vec![profile], asked).await?;
        all.pop().ok_or_else(|| Failure::new("the SCEP profile is gone"))
    }

    pub(super) fn text(&self) -> String {
        let mut text = sheet(&[
            ("name", self.name.clone()),
            ("uuid", self.uuid.to_string()),
            ("description", self.description.clone().unwrap_or_default()),
            ("enabled", self.enabled.to_string()),
            ("own RA profile", self.ra_profile.clone().unwrap_or_default()),
            ("activated on", self.activated_on.join(", ")),
            ("URLs", self.urls.join(", ")),
            ("challenges", if self.static_challenge { "static, one-time" } else { "one-time" }.to_owned()),
            ("version", self.version.to_string()),
        ]);
        text += "settings\n";
        let settings = serde_json::to_value(&self.settings).unwrap_or_default();
        for (name, value) in settings.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            text += &format!("  {name} = {value}\n");
        }
        if self.settings.legacy {
            text += "LEGACY: requests with SHA-1, Triple DES and single DES are read\n";
        }
        text
    }
}

pub(super) async fn list(asked: Asked<'_>) -> Result<Vec<Profile>, Failure> {
    let profiles = asked.node.scep()?.scep_profiles(asked.actor, asked.origin).await?;
    Profile::all_of(profiles, asked).await
}

impl Which {
    pub(super) async fn show(self, asked: Asked<'_>) -> Result<Profile, Failure> {
        let found = asked.node.scep()?.scep_profile(asked.actor, asked.origin, &reference(&self.profile)).await?;
        Profile::of(found, asked).await
    }

    pub(super) async fn enable(self, asked: Asked<'_>, enabled: bool) -> Result<Profile, Failure> {
        let edit = ScepProfileEdit { enabled: Some(enabled), ..ScepProfileEdit::default() };
        let scep = asked.node.scep()?;
        let edited = scep.edit_scep_profile(asked.actor, asked.origin, &reference(&self.profile), edit).await?;
        Profile::of(edited, asked).await
    }

    pub(super) async fn delete(self, asked: Asked<'_>) -> Result<Deleted, Failure> {
        let scep = asked.node.scep()?;
        let reference = reference(&self.profile);
        let found = scep.scep_profile(asked.actor, asked.origin, &reference).await?;
        scep.delete_scep_profile(asked.actor, asked.origin, &reference, false).await?;
        Ok(Deleted { uuid: found.id, name: found.name })
    }
}

impl CreateArgs {
    /// Read the settings.
    pub fn read(self) -> Result<New, Failure> {
        Ok(New {
            settings: self.settings.read()?,
            name: self.name,
            description: self.description,
            ra_profile: self.ra_profile,
            enabled: !self.disabled,
            challenge: self.challenge_file.as_deref().map(StaticChallenge::read).transpose()?,
        })
    }
}

impl EditArgs {
    /// Read the settings.
    pub fn read(self) -> Result<Edit, Failure> {
        let settings = self.settings.read()?;
        let challenge = match (self.challenge_file.as_deref(), self.no_challenge) {
            (Some(file), _) => Some(StaticChallenge::read(file)?),
            (None, true) => Some(StaticChallenge(String::new())),
            (None, false) => None,
        };
        if settings.is_empty() && challenge.is_none() && self.description.is_none() && self.ra_profile.is_none() {
            return Err(Failure::new(
                "nothing to change: give --set, --settings, --challenge-file, --no-challenge, --ra-profile or --description",
            ));
        }
        let Self { profile, description, ra_profile, .. } = self;
        Ok(Edit { profile, description, ra_profile, challenge, settings })
    }
}

/// The id of an RA profile that is named.
async fn ra_profile(asked: Asked<'_>, text: &str) -> Result<RaProfile, Failure> {
    Ok(asked.node.ra.profile(asked.actor, asked.origin, &profile::reference(text)).await?)
}

impl New {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Profile, Failure> {
        let ra_profile = match &self.ra_profile {
            Some(text) => Some(ra_profile(asked, text).await?.id),
            None => None,
        };
        let new = NewScepProfile {
            name: self.name,
            description: self.description,
            enabled: self.enabled,
            ra_profile,
            challenge: self.challenge.map(StaticChallenge::secret),
            settings: self.settings.over(&ScepSettings::default())?,
        };
        Profile::of(asked.node.scep()?.create_scep_profile(asked.actor, asked.origin, new).await?, asked).await
    }
}

impl Edit {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Profile, Failure> {
        let scep = asked.node.scep()?;
        let reference = reference(&self.profile);
        let found = scep.scep_profile(asked.actor, asked.origin, &reference).await?;
        let ra_profile = match self.ra_profile.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(text) => Some(Some(ra_profile(asked, text).await?.id)),
        };
        let edit = ScepProfileEdit {
            description: self.description.map(|text| Some(text).filter(|text| !text.is_empty())),
            ra_profile,
            challenge: self.challenge.map(|text| Some(text.secret()).filter(|text| !text.is_empty())),
            settings: if self.settings.is_empty() { None } else { Some(self.settings.over(&found.settings)?) },
            expected_version: Some(found.version),
            ..ScepProfileEdit::default()
        };
        Profile::of(scep.edit_scep_profile(asked.actor, asked.origin, &reference, edit).await?, asked).await
    }
}

impl ActivateArgs {
    /// Read the attributes.
    pub fn read(self) -> Result<Activate, Failure> {
        let read = |file: Option<String>| file.as_deref().map(profile::attributes).transpose();
        Ok(Activate {
            profile: self.profile,
            ra_profile: self.ra_profile,
            issue_attributes: read(self.issue_attributes)?.unwrap_or_default(),
        })
    }
}

impl Activate {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Activated, Failure> {
        let ra_profile = ra_profile(asked, &self.ra_profile).await?;
        let new = NewActivation { scep_profile: reference(&self.profile), issue_attributes: self.issue_attributes };
        let target = ProfileRef::Id(ra_profile.id);
        let (_, scep_profile) = asked.node.scep()?.activate(asked.actor, asked.origin, &target, new).await?;
        Ok(Activated {
            url: asked.node.scep_url(&ra_profile.name),
            ra_profile: ra_profile.name,
            scep_profile: scep_profile.name,
        })
    }
}

impl Deactivate {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Self, Failure> {
        let target = profile::reference(&self.ra_profile);
        asked.node.scep()?.deactivate(asked.actor, asked.origin, &target).await?;
        Ok(self)
    }
}

impl Activated {
    pub(super) fn text(&self) -> String {
        format!("RA profile {} answers SCEP by profile {}:\n{}\n", self.ra_profile, self.scep_profile, self.url)
    }
}

pub(super) fn text(profiles: &[Profile]) -> String {
    let rows: Vec<_> = profiles
        .iter()
        .map(|profile| {
            let challenges = if profile.static_challenge { "static, one-time" } else { "one-time" };
            [
                profile.name.clone(),
                profile.uuid.to_string(),
                if profile.enabled { "enabled" } else { "disabled" }.to_owned(),
                challenges.to_owned(),
                profile.ra_profile.clone().unwrap_or_default(),
                profile.activated_on.join(","),
            ]
        })
        .collect();
    table(["NAME", "UUID", "STATE", "CHALLENGES", "OWN RA PROFILE", "ACTIVATED ON"], &rows, "no SCEP profiles")
}
