//! `chancery profile`.

use chancery_core::attribute::RequestAttribute;
use chancery_core::{ProfileEdit, ProfileRef, RaProfile};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::table::{sheet, table};
use super::{Asked, Failure};
use crate::cli::Json;

/// What can be done with RA profiles.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List RA profiles
    List(Json),
    /// Show one with its policy
    Show(WhichArgs),
    /// Let it issue again
    Enable(WhichArgs),
    /// Let it issue nothing
    Disable(WhichArgs),
    /// Make one
    Create(CreateArgs),
    /// Change one
    Edit(EditArgs),
}

/// A command on one RA profile.
#[derive(Args, Debug)]
pub struct WhichArgs {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `profile create`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    chancery profile show tls-server --json > p.json   # edit its attributes\n  \
    chancery profile create --name intranet --attributes p.json")]
pub struct CreateArgs {
    /// Unique name
    #[arg(long)]
    pub name: String,
    /// Authority that signs, by name or uuid
    #[arg(long, default_value = "default")]
    pub authority: String,
    /// Free text
    #[arg(long)]
    pub description: Option<String>,
    /// JSON file with a list of attributes, or an object whose `attributes` are such a list; - for standard input
    #[arg(long, value_name = "FILE")]
    pub attributes: Option<String>,
    /// Do not let it issue yet
    #[arg(long)]
    pub disabled: bool,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `profile edit`.
#[derive(Args, Debug)]
pub struct EditArgs {
    /// RA profile, by name or uuid
    pub profile: String,
    /// Free text
    #[arg(long)]
    pub description: Option<String>,
    /// JSON file with the whole new list of attributes, as for `profile create`; - for standard input
    #[arg(long, value_name = "FILE")]
    pub attributes: Option<String>,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The RA profile that is meant.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Which {
    /// RA profile, by name or uuid
    profile: String,
}

/// The RA profile that shall be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewProfile {
    name: String,
    authority: String,
    description: Option<String>,
    attributes: Vec<RequestAttribute>,
    enabled: bool,
}

/// What shall change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Edit {
    profile: String,
    description: Option<String>,
    attributes: Option<Vec<RequestAttribute>>,
}

/// An RA profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    uuid: Uuid,
    name: String,
    description: Option<String>,
    enabled: bool,
    authority_uuid: Uuid,
    authority_name: Option<String>,
    doors: Vec<String>,
    version: i64,
    attributes: Vec<RequestAttribute>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

/// An RA profile as people name it.
pub(super) fn reference(text: &str) -> ProfileRef {
    text.parse().map_or_else(|_| ProfileRef::Name(text.to_owned()), ProfileRef::Id)
}

impl Profile {
    fn of(profile: RaProfile, asked: Asked<'_>) -> Self {
        let authority = asked.node.ra.ports().authority.instance(profile.authority);
        let doors = std::iter::once("rest".to_owned()).chain(profile.doors.iter().map(|door| door.as_str().to_owned()));
        Self {
            uuid: profile.id,
            name: profile.name,
            description: profile.description,
            enabled: profile.enabled,
            authority_uuid: profile.authority,
            authority_name: authority.map(|authority| authority.name.clone()),
            doors: doors.collect(),
            version: profile.version,
            attributes: profile.attributes,
            created_at: profile.created_at,
            updated_at: profile.updated_at,
        }
    }

    pub(super) fn text(&self) -> String {
        let mut text = sheet(&[
            ("name", self.name.clone()),
            ("uuid", self.uuid.to_string()),
            ("description", self.description.clone().unwrap_or_default()),
            ("enabled", self.enabled.to_string()),
            ("authority", self.authority()),
            ("doors", self.doors.join(", ")),
            ("version", self.version.to_string()),
        ]);
        text += "attributes\n";
        for attribute in &self.attributes {
            let values: Vec<_> = attribute
                .content
                .iter()
                .map(|item| match serde_json::to_value(item) {
                    Ok(value) => plain(value.get("data").unwrap_or(&value)),
                    Err(error) => error.to_string(),
                })
                .collect();
            text += &format!("  {} = {}\n", attribute.name, values.join(", "));
        }
        text
    }

    fn authority(&self) -> String {
        match &self.authority_name {
            Some(name) => format!("{name} ({})", self.authority_uuid),
            None => self.authority_uuid.to_string(),
        }
    }
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

pub(super) async fn list(asked: Asked<'_>) -> Result<Vec<Profile>, Failure> {
    let profiles = asked.node.ra.profiles(asked.actor, asked.origin).await?;
    Ok(profiles.into_iter().map(|profile| Profile::of(profile, asked)).collect())
}

impl Which {
    pub(super) async fn show(self, asked: Asked<'_>) -> Result<Profile, Failure> {
        let profile = asked.node.ra.profile(asked.actor, asked.origin, &reference(&self.profile)).await?;
        Ok(Profile::of(profile, asked))
    }

    pub(super) async fn enable(self, asked: Asked<'_>, enabled: bool) -> Result<Profile, Failure> {
        asked.node.ra.enable_profile(asked.actor, asked.origin, &reference(&self.profile), enabled).await?;
        self.show(asked).await
    }
}

impl CreateArgs {
    /// Read the attributes.
    pub fn read(self) -> Result<NewProfile, Failure> {
        let attributes = self.attributes.as_deref().map(attributes).transpose()?.unwrap_or_default();
        Ok(NewProfile {
            name: self.name,
            authority: self.authority,
            description: self.description,
            attributes,
            enabled: !self.disabled,
        })
    }
}

impl EditArgs {
    /// Read the attributes.
    pub fn read(self) -> Result<Edit, Failure> {
        let attributes = self.attributes.as_deref().map(attributes).transpose()?;
        if attributes.is_none() && self.description.is_none() {
            return Err(Failure::new("nothing to change: give --description or --attributes"));
        }
        Ok(Edit { profile: self.profile, description: self.description, attributes })
    }
}

/// A list of attributes, or an object that has one: what `profile show --json` prints can be given back.
pub(super) fn attributes(file: &str) -> Result<Vec<RequestAttribute>, Failure> {
    let wrong = |why: serde_json::Error| Failure::new(format!("{file}: not a list of attributes: {why}"));
    let mut value: serde_json::Value = serde_json::from_slice(&crate::read_input(file)?).map_err(wrong)?;
    if let Some(list) = value.get_mut("attributes") {
        value = list.take();
    }
    serde_json::from_value(value).map_err(wrong)
}

impl NewProfile {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Profile, Failure> {
        let authority = super::ca::find(asked, &self.authority).await?.id;
        let new = chancery_core::NewProfile {
            authority,
            name: self.name,
            description: self.description,
            attributes: self.attributes,
            enabled: self.enabled,
        };
        Ok(Profile::of(asked.node.ra.create_profile(asked.actor, asked.origin, new).await?, asked))
    }
}

impl Edit {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Profile, Failure> {
        let edit = ProfileEdit {
            description: self.description.map(|text| Some(text).filter(|text| !text.is_empty())),
            attributes: self.attributes,
            ..ProfileEdit::default()
        };
        let reference = reference(&self.profile);
        Ok(Profile::of(asked.node.ra.edit_profile(asked.actor, asked.origin, &reference, edit).await?, asked))
    }
}

pub(super) fn text(profiles: &[Profile]) -> String {
    let rows: Vec<_> = profiles
        .iter()
        .map(|profile| {
            [
                profile.name.clone(),
                profile.uuid.to_string(),
                if profile.enabled { "enabled" } else { "disabled" }.to_owned(),
                profile.doors.join(","),
                profile.authority(),
            ]
        })
        .collect();
    table(["NAME", "UUID", "STATE", "DOORS", "AUTHORITY"], &rows, "no RA profiles")
}
