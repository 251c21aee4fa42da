//! `chancery acme profile`.

use chancery_acme::{
    AcmeProfile, AcmeProfileEdit, AcmeProfileRef, AcmeSettings, EabPolicy, NewAcmeProfile, NewActivation,
};
use chancery_core::attribute::RequestAttribute;
use chancery_core::{ProfileRef, RaProfile};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::settings::{Settings, SettingsArgs};
use crate::cli::Json;
use crate::command::table::{sheet, table};
use crate::command::{Asked, Failure, profile};

/// What can be done with ACME profiles.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List ACME profiles
    List(Json),
    /// Show one with its settings
    Show(WhichArgs),
    /// Make one
    Create(CreateArgs),
    /// Change one
    Edit(EditArgs),
    /// Let its directories answer again
    Enable(WhichArgs),
    /// Let its directories answer nothing
    Disable(WhichArgs),
    /// Delete one that no RA profile and no account needs
    Delete(WhichArgs),
    /// Open the ACME door of an RA profile, or change by which ACME profile it behaves
    Activate(ActivateArgs),
    /// Close the ACME door of an RA profile
    Deactivate(DeactivateArgs),
}

/// A command on one ACME profile.
#[derive(Args, Debug)]
pub struct WhichArgs {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `acme profile create`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    chancery acme profile create --name intranet --ra-profile tls-server --set eab=required\n  \
    chancery acme profile create --name strict --set caa=true --set caaIdentities=ca.example --set challenges=dns-01")]
pub struct CreateArgs {
    /// Unique name; stands in URLs
    #[arg(long)]
    pub name: String,
    /// Free text
    #[arg(long)]
    pub description: Option<String>,
    /// RA profile of a directory of its own, /acme/NAME/directory; by name or uuid
    #[arg(long, value_name = "PROFILE")]
    pub ra_profile: Option<String>,
    /// How its directories behave.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Let its directories answer nothing yet
    #[arg(long)]
    pub disabled: bool,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `acme profile edit`.
#[derive(Args, Debug)]
pub struct EditArgs {
    /// ACME profile, by name or uuid
    pub profile: String,
    /// Free text; an empty one takes it away
    #[arg(long)]
    pub description: Option<String>,
    /// RA profile of its own directory, by name or uuid; an empty text takes it away
    #[arg(long, value_name = "PROFILE")]
    pub ra_profile: Option<String>,
    /// How its directories behave: a file has all settings (those that are not in it get their defaults), --set changes
    /// one and leaves the others.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `acme profile activate`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  chancery acme profile activate default --ra-profile device")]
pub struct ActivateArgs {
    /// ACME profile, by name or uuid
    pub profile: String,
    /// RA profile whose door is opened, by name or uuid
    #[arg(long, value_name = "PROFILE")]
    pub ra_profile: String,
    /// JSON file with attributes of every issue; - for standard input
    #[arg(long, value_name = "FILE")]
    pub issue_attributes: Option<String>,
    /// JSON file with attributes of every revocation
    #[arg(long, value_name = "FILE")]
    pub revoke_attributes: Option<String>,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `acme profile deactivate`.
#[derive(Args, Debug)]
pub struct DeactivateArgs {
    /// Which.
    #[command(flatten)]
    pub which: Deactivate,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The ACME profile that is meant.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Which {
    /// ACME profile, by name or uuid
    profile: String,
}

/// The ACME profile that shall be made.
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
    revoke_attributes: Vec<RequestAttribute>,
}

/// The door that shall be closed.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deactivate {
    /// RA profile whose door is closed, by name or uuid
    #[arg(long, value_name = "PROFILE")]
    pub(super) ra_profile: String,
}

/// An ACME profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    uuid: Uuid,
    pub(super) name: String,
    description: Option<String>,
    enabled: bool,
    /// The RA profile of its own directory.
    ra_profile: Option<String>,
    /// The RA profiles whose doors behave by it.
    activated_on: Vec<String>,
    /// The directories.
    directories: Vec<String>,
    version: i64,
    settings: AcmeSettings,
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
    acme_profile: String,
    directory: String,
}

/// An ACME profile as people name it.
pub(super) fn reference(text: &str) -> AcmeProfileRef {
    text.parse().map_or_else(|_| AcmeProfileRef::Name(text.to_owned()), AcmeProfileRef::Id)
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
    async fn all_of(profiles: Vec<AcmeProfile>, asked: Asked<'_>) -> Result<Vec<Self>, Failure> {
        let acme = asked.node.acme()?;
        let names = Names::of(asked).await?;
        let activations = acme.activations(asked.actor, asked.origin).await?;
        let shown = profiles.into_iter().map(|profile| {
            let activated_on: Vec<_> = activations
                .iter()
                .filter(|(_, activation)| activation.acme_profile == profile.id)
                .map(|(ra_profile, _)| ra_profile.name.clone())
                .collect();
            let own = profile.ra_profile.map(|_| profile.name.clone());
            let directories = own.iter().chain(&activated_on).map(|name| asked.node.directory_url(name)).collect();
            Self {
                uuid: profile.id,
                name: profile.name,
                description: profile.description,
                enabled: profile.enabled,
                ra_profile: profile.ra_profile.map(|id| names.name(id)),
                activated_on,
                directories,
                version: profile.version,
                settings: profile.settings,
                created_at: profile.created_at,
                updated_at: profile.updated_at,
            }
        });
        Ok(shown.collect())
    }

    async fn of(profile: AcmeProfile, asked: Asked<'_>) -> Result<Self, Failure> {
        let mut all = Self::all_of(vec![profile], asked).await?;
        all.pop().ok_or_else(|| Failure::new("the ACME profile is gone"))
    }

    pub(super) fn text(&self) -> String {
        let mut text = sheet(&[
            ("name", self.name.clone()),
            ("uuid", self.uuid.to_string()),
            ("description", self.description.clone().unwrap_or_default()),
            ("enabled", self.enabled.to_string()),
            ("own RA profile", self.ra_profile.clone().unwrap_or_default()),
            ("activated on", self.activated_on.join(", ")),
            ("directories", self.directories.join(", ")),
            ("version", self.version.to_string()),
        ]);
        text += "settings\n";
        let settings = serde_json::to_value(&self.settings).unwrap_or_default();
        for (name, value) in settings.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            text += &format!("  {name} = {value}\n");
        }
        if self.settings.trusted_without_challenges {
            text += "TRUSTED MODE: accounts bound by an EAB key get the names of that key without any challenge\n";
        }
        text
    }
}

pub(super) async fn list(asked: Asked<'_>) -> Result<Vec<Profile>, Failure> {
    let profiles = asked.node.acme()?.acme_profiles(asked.actor, asked.origin).await?;
    Profile::all_of(profiles, asked).await
}

impl Which {
    pub(super) async fn show(self, asked: Asked<'_>) -> Result<Profile, Failure> {
        let found = asked.node.acme()?.acme_profile(asked.actor, asked.origin, &reference(&self.profile)).await?;
        Profile::of(found, asked).await
    }

    pub(super) async fn enable(self, asked: Asked<'_>, enabled: bool) -> Result<Profile, Failure> {
        let edit = AcmeProfileEdit { enabled: Some(enabled), ..AcmeProfileEdit::default() };
        let acme = asked.node.acme()?;
        let edited = acme.edit_acme_profile(asked.actor, asked.origin, &reference(&self.profile), edit).await?;
        Profile::of(edited, asked).await
    }

    pub(super) async fn delete(self, asked: Asked<'_>) -> Result<Deleted, Failure> {
        let acme = asked.node.acme()?;
        let reference = reference(&self.profile);
        let found = acme.acme_profile(asked.actor, asked.origin, &reference).await?;
        acme.delete_acme_profile(asked.actor, asked.origin, &reference, false).await?;
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
        let new = NewAcmeProfile {
            name: self.name,
            description: self.description,
            enabled: self.enabled,
            ra_profile,
            settings: self.settings.over(&AcmeSettings::default())?,
        };
        Profile::of(asked.node.acme()?.create_acme_profile(asked.actor, asked.origin, new).await?, asked).await
    }
}

impl Edit {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Profile, Failure> {
        let acme = asked.node.acme()?;
        let reference = reference(&self.profile);
        let found = acme.acme_profile(asked.actor, asked.origin, &reference).await?;
        let ra_profile = match self.ra_profile.as_deref() {
            None => None,
            Some("") => Some(None),
            Some(text) => Some(Some(ra_profile(asked, text).await?.id)),
        };
        let edit = AcmeProfileEdit {
            description: self.description.map(|text| Some(text).filter(|text| !text.is_empty())),
            ra_profile,
            settings: if self.settings.is_empty() { None } else { Some(self.settings.over(&found.settings)?) },
            expected_version: Some(found.version),
            ..AcmeProfileEdit::default()
        };
        Profile::of(acme.edit_acme_profile(asked.actor, asked.origin, &reference, edit).await?, asked).await
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
            revoke_attributes: read(self.revoke_attributes)?.unwrap_or_default(),
        })
    }
}

impl Activate {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Activated, Failure> {
        let ra_profile = ra_profile(asked, &self.ra_profile).await?;
        let new = NewActivation {
            acme_profile: reference(&self.profile),
            issue_attributes: self.issue_attributes,
            revoke_attributes: self.revoke_attributes,
        };
        let target = ProfileRef::Id(ra_profile.id);
        let (_, acme_profile) = asked.node.acme()?.activate(asked.actor, asked.origin, &target, new).await?;
        Ok(Activated {
            directory: asked.node.directory_url(&ra_profile.name),
            ra_profile: ra_profile.name,
            acme_profile: acme_profile.name,
        })
    }
}

impl Deactivate {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Self, Failure> {
        let target = profile::reference(&self.ra_profile);
        asked.node.acme()?.deactivate(asked.actor, asked.origin, &target).await?;
        Ok(self)
    }
}

impl Activated {
    pub(super) fn text(&self) -> String {
        format!("RA profile {} answers ACME by profile {}:\n{}\n", self.ra_profile, self.acme_profile, self.directory)
    }
}

pub(super) fn text(profiles: &[Profile]) -> String {
    let rows: Vec<_> = profiles
        .iter()
        .map(|profile| {
            let eab = match profile.settings.eab {
                EabPolicy::Optional => "optional",
                EabPolicy::Required => "required",
            };
            [
                profile.name.clone(),
                profile.uuid.to_string(),
                if profile.enabled { "enabled" } else { "disabled" }.to_owned(),
                eab.to_owned(),
                profile.ra_profile.clone().unwrap_or_default(),
                profile.activated_on.join(","),
            ]
        })
        .collect();
    table(["NAME", "UUID", "STATE", "EAB", "OWN RA PROFILE", "ACTIVATED ON"], &rows, "no ACME profiles")
}
