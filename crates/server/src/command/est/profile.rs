//! `chancery est profile`.

use chancery_core::attribute::RequestAttribute;
use chancery_core::{ProfileRef, RaProfile};
use chancery_est::{EstProfile, EstProfileEdit, EstProfileRef, EstSettings, Linking, NewEstActivation, NewEstProfile};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::cli::Json;
use crate::command::acme::settings::{Settings, SettingsArgs};
use crate::command::table::{sheet, table};
use crate::command::{Asked, Failure, profile};

/// What can be done with EST profiles.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List EST profiles
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
    /// Open the EST door of an RA profile, or change by which EST profile it behaves
    Activate(ActivateArgs),
    /// Close the EST door of an RA profile
    Deactivate(DeactivateArgs),
}

/// A command on one EST profile.
#[derive(Args, Debug)]
pub struct WhichArgs {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `est profile create`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    chancery est profile create --name factory --ra-profile device --set linking=required\n  \
    chancery est profile create --name certificates-only --set passwords=false --set codes=false --set tokens=false")]
pub struct CreateArgs {
    /// Unique name; can be a label in URLs
    #[arg(long)]
    pub name: String,
    /// Free text
    #[arg(long)]
    pub description: Option<String>,
    /// RA profile of a label of its own, /.well-known/est/NAME/; by name or uuid
    #[arg(long, value_name = "PROFILE")]
    pub ra_profile: Option<String>,
    /// How its doors behave.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Let its doors answer nothing yet
    #[arg(long)]
    pub disabled: bool,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `est profile edit`.
#[derive(Args, Debug)]
pub struct EditArgs {
    /// EST profile, by name or uuid
    pub profile: String,
    /// Free text; an empty one takes it away
    #[arg(long)]
    pub description: Option<String>,
    /// RA profile of its own label, by name or uuid; an empty text takes it away
    #[arg(long, value_name = "PROFILE")]
    pub ra_profile: Option<String>,
    /// How its doors behave: a file has all settings (those that are not in it get their defaults), --set changes
    /// one and leaves the others.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `est profile activate`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  chancery est profile activate default --ra-profile device")]
pub struct ActivateArgs {
    /// EST profile, by name or uuid
    pub profile: String,
    /// RA profile whose door is opened, by name or uuid
    #[arg(long, value_name = "PROFILE")]
    pub ra_profile: String,
    /// JSON file with attributes of every issue; - for standard input
    #[arg(long, value_name = "FILE")]
    pub issue_attributes: Option<String>,
    /// Let it answer at /.well-known/est/ too, without a label, in place of the one that does
    #[arg(long)]
    pub default: bool,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `est profile deactivate`.
#[derive(Args, Debug)]
pub struct DeactivateArgs {
    /// Which.
    #[command(flatten)]
    pub which: Deactivate,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The EST profile that is meant.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Which {
    /// EST profile, by name or uuid
    profile: String,
}

/// The EST profile that shall be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct New {
    name: String,
    description: Option<String>,
    ra_profile: Option<String>,
    enabled: bool,
    settings: Settings,
}

/// What shall change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Edit {
    profile: String,
    description: Option<String>,
    ra_profile: Option<String>,
    settings: Settings,
}

/// The door that shall be opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Activate {
    profile: String,
    ra_profile: String,
    issue_attributes: Vec<RequestAttribute>,
    unlabelled: bool,
}

/// The door that shall be closed.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deactivate {
    /// RA profile whose door is closed, by name or uuid
    #[arg(long, value_name = "PROFILE")]
    pub(super) ra_profile: String,
}

/// An EST profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    uuid: Uuid,
    pub(super) name: String,
    description: Option<String>,
    enabled: bool,
    /// The RA profile of its own label.
    ra_profile: Option<String>,
    /// The RA profiles whose doors behave by it.
    activated_on: Vec<String>,
    /// Where they answer.
    urls: Vec<String>,
    version: i64,
    settings: EstSettings,
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
    est_profile: String,
    url: String,
    unlabelled: bool,
}

/// An EST profile as people name it.
fn reference(text: &str) -> EstProfileRef {
    text.parse().map_or_else(|_| EstProfileRef::Name(text.to_owned()), EstProfileRef::Id)
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
    async fn all_of(profiles: Vec<EstProfile>, asked: Asked<'_>) -> Result<Vec<Self>, Failure> {
        let est = asked.node.est()?;
        let names = Names::of(asked).await?;
        let activations = est.activations(asked.actor, asked.origin).await?;
        let shown = profiles.into_iter().map(|profile| {
            let activated_on: Vec<_> = activations
                .iter()
                .filter(|(_, activation)| activation.est_profile == profile.id)
                .map(|(ra_profile, _)| ra_profile.name.clone())
                .collect();
            let own = profile.ra_profile.map(|_| profile.name.clone());
            let unlabelled =
                activations.iter().any(|(_, activation)| activation.est_profile == profile.id && activation.unlabelled);
            let labels = own.iter().chain(&activated_on).map(|name| est.url(Some(name)));
            let urls = labels.chain(unlabelled.then(|| est.url(None))).collect();
            Self {
                uuid: profile.id,
                name: profile.name,
                description: profile.description,
                enabled: profile.enabled,
                ra_profile: profile.ra_profile.map(|id| names.name(id)),
                activated_on,
                urls,
                version: profile.version,
                settings: profile.settings,
                created_at: profile.created_at,
                updated_at: profile.updated_at,
            }
        });
        Ok(shown.collect())
    }

    async fn of(profile: EstProfile, asked: Asked<'_>) -> Result<Self, Failure> {
        let mut all = Self::all_of(vec![profile], asked).await?;
        all.pop().ok_or_else(|| Failure::new("the EST profile is gone"))
    }

    pub(super) fn text(&self) -> String {
        let mut text = sheet(&[
            ("name", self.name.clone()),
            ("uuid", self.uuid.to_string()),
            ("description", self.description.clone().unwrap_or_default()),
            ("enabled", self.enabled.to_string()),
            ("own RA profile", self.ra_profile.clone().unwrap_or_default()),
            ("activated on", self.activated_on.join(", ")),
            ("answers at", self.urls.join(", ")),
            ("version", self.version.to_string()),
        ]);
        text += "settings\n";
        let settings = serde_json::to_value(&self.settings).unwrap_or_default();
        for (name, value) in settings.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            text += &format!("  {name} = {value}\n");
        }
        text
    }
}

pub(super) async fn list(asked: Asked<'_>) -> Result<Vec<Profile>, Failure> {
    let profiles = asked.node.est()?.est_profiles(asked.actor, asked.origin).await?;
    Profile::all_of(profiles, asked).await
}

impl Which {
    pub(super) async fn show(self, asked: Asked<'_>) -> Result<Profile, Failure> {
        let found = asked.node.est()?.est_profile(asked.actor, asked.origin, &reference(&self.profile)).await?;
        Profile::of(found, asked).await
    }

    pub(super) async fn enable(self, asked: Asked<'_>, enabled: bool) -> Result<Profile, Failure> {
        let edit = EstProfileEdit { enabled: Some(enabled), ..EstProfileEdit::default() };
        let est = asked.node.est()?;
        let edited = est.edit_est_profile(asked.actor, asked.origin, &reference(&self.profile), edit).await?;
        Profile::of(edited, asked).await
    }

    pub(super) async fn delete(self, asked: Asked<'_>) -> Result<Deleted, Failure> {
        let est = asked.node.est()?;
        let reference = reference(&self.profile);
        let found = est.est_profile(asked.actor, asked.origin, &reference).await?;
        est.delete_est_profile(asked.actor, asked.origin, &reference, false).await?;
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
        })
    }
}

impl EditArgs {
    /// Read the settings.
    pub fn read(self) -> Result<Edit, Failure> {
        let settings = self.settings.read()?;
        if settings.is_empty() && self.description.is_none() && self.ra_profile.is_none() {
            return Err(Failure::new("nothing to change: give --set, --settings, --ra-profile or --description"));
        }
        Ok(Edit { profile: self.profile, description: self.description, ra_profile: self.ra_profile, settings })
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
        let new = NewEstProfile {
            name: self.name,
            description: self.description,
            enabled: self.enabled,
            ra_profile,
            settings: self.settings.over(&EstSettings::default())?,
        };
        Profile::of(asked.node.est()?.create_est_profile(asked.actor, asked.origin, new).await?, asked).await
    }
}

impl Edit {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Profile, Failure> {
        let est = asked.node.est()?;
        let reference = reference(&self.profile);
        let found = est.est_profile(asked.actor, asked.origin, &reference).await?;
        let ra_profile = match self.ra_profile.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(text) => Some(Some(ra_profile(asked, text).await?.id)),
        };
        let edit = EstProfileEdit {
            description: self.description.map(|text| Some(text).filter(|text| !text.is_empty())),
            ra_profile,
            settings: if self.settings.is_empty() { None } else { Some(self.settings.over(&found.settings)?) },
            expected_version: Some(found.version),
            ..EstProfileEdit::default()
        };
        Profile::of(est.edit_est_profile(asked.actor, asked.origin, &reference, edit).await?, asked).await
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
            unlabelled: self.default,
        })
    }
}

impl Activate {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Activated, Failure> {
        let ra_profile = ra_profile(asked, &self.ra_profile).await?;
        let new = NewEstActivation {
            est_profile: reference(&self.profile),
            issue_attributes: self.issue_attributes,
            unlabelled: self.unlabelled,
        };
        let target = ProfileRef::Id(ra_profile.id);
        let est = asked.node.est()?;
        let (activation, est_profile) = est.activate(asked.actor, asked.origin, &target, new).await?;
        Ok(Activated {
            url: est.url(Some(&ra_profile.name)),
            unlabelled: activation.unlabelled,
            ra_profile: ra_profile.name,
            est_profile: est_profile.name,
        })
    }
}

impl Deactivate {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Self, Failure> {
        let target = profile::reference(&self.ra_profile);
        asked.node.est()?.deactivate(asked.actor, asked.origin, &target).await?;
        Ok(self)
    }
}

impl Activated {
    pub(super) fn text(&self) -> String {
        let also = if self.unlabelled { " (and without a label)" } else { "" };
        format!("RA profile {} answers EST by profile {}:\n{}{also}\n", self.ra_profile, self.est_profile, self.url)
    }
}

pub(super) fn text(profiles: &[Profile]) -> String {
    let rows: Vec<_> = profiles
        .iter()
        .map(|profile| {
            let linking = match profile.settings.linking {
                Linking::WhenPresent => "when present",
                Linking::Required => "required",
            };
            [
                profile.name.clone(),
                profile.uuid.to_string(),
                if profile.enabled { "enabled" } else { "disabled" }.to_owned(),
                linking.to_owned(),
                profile.ra_profile.clone().unwrap_or_default(),
                profile.activated_on.join(","),
            ]
        })
        .collect();
    table(["NAME", "UUID", "STATE", "LINKING", "OWN RA PROFILE", "ACTIVATED ON"], &rows, "no EST profiles")
}
