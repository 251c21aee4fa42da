//! SCEP profiles.

use std::collections::BTreeSet;

use chancery_core::audit::{Event, Telling};
use chancery_core::{Action, Actor, Door, Error, Origin, ProfileRef, Rejection, Scope, StoreError};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{NewActivation, settings, state};
use crate::{Scep, ScepProfile, ScepSettings};

/// How an operator names a SCEP profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScepProfileRef {
    /// By its id.
    Id(Uuid),
    /// By its name.
    Name(String),
}

impl std::fmt::Display for ScepProfileRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A new SCEP profile.
#[derive(Clone, Debug, Default)]
pub struct NewScepProfile {
    /// Unique name; it stands in URLs.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Whether it may be used at once.
    pub enabled: bool,
    /// The RA profile of its own door; its SCEP door is opened when it is closed.
    pub ra_profile: Option<Uuid>,
    /// The static challenge; `None`: one-time challenges alone.
    pub challenge: Option<Zeroizing<String>>,
    /// Everything else.
    pub settings: ScepSettings,
}

/// What shall change of a SCEP profile; `None` leaves as it is. Its name stands in URLs and never changes.
#[derive(Clone, Debug, Default)]
pub struct ScepProfileEdit {
    /// For people; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    /// Whether it may be used.
    pub enabled: Option<bool>,
    /// The RA profile of its own door; `Some(None)` closes that door.
    pub ra_profile: Option<Option<Uuid>>,
    /// The static challenge; `Some(None)` takes it away.
    pub challenge: Option<Option<Zeroizing<String>>>,
    /// All settings.
    pub settings: Option<ScepSettings>,
    /// Refuse when the profile has another version by now.
    pub expected_version: Option<i64>,
}

impl Scep {
    /// All SCEP profiles, by name. They say how doors behave, not who may use them: every scope sees them all.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the role may not; [`Error::Unavailable`] when the database does not answer.
    pub async fn scep_profiles(&self, actor: &Actor, origin: &Origin) -> Result<Vec<ScepProfile>, Error> {
        self.0.ra.demand(actor, origin, Action::ReadProfiles).await?;
        Ok(self.0.store.scep_profiles().await?)
    }

    /// One SCEP profile.
    ///
    /// # Errors
    /// As [`Scep::scep_profiles`]; [`Error::NotFound`] when there is none.
    pub async fn scep_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &ScepProfileRef,
    ) -> Result<ScepProfile, Error> {
        let found = self.scep_profiles(actor, origin).await?.into_iter().find(|profile| match reference {
            ScepProfileRef::Id(id) => profile.id == *id,
            ScepProfileRef::Name(name) => profile.name == *name,
        });
        found.ok_or_else(|| Error::not_found("SCEP profile", reference))
    }

    /// Make a SCEP profile.
    ///
    /// # Errors
    /// [`Error::Rejected`] with every fault of name, settings and RA profiles; [`Error::Conflict`] when the name is taken;
    /// [`Error::Forbidden`] when the role may not, or a limited credential does not reach all that it would serve.
    pub async fn create_scep_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        new: NewScepProfile,
    ) -> Result<ScepProfile, Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let done = self.make_scep_profile(actor, origin, new).await;
        self.0.ra.told_of(actor, origin, Event::ScepProfileCreate, None, None, done).await
    }

    async fn make_scep_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        new: NewScepProfile,
    ) -> Result<ScepProfile, Error> {
        let now = self.0.now();
        let id = self.0.new_id();
        let mut faults: Vec<_> = new.challenge.iter().filter_map(|text| settings::challenge_fault(text)).collect();
        let profile = ScepProfile {
            id,
            sealed_challenge: new.challenge.map(|text| self.seal_challenge(id, &text)),
            name: new.name,
            description: new.description,
            enabled: new.enabled,
            ra_profile: new.ra_profile,
            settings: new.settings,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        faults.extend(check_name(&profile.name));
        faults.extend(self.faults_of(actor, origin, &profile).await?);
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        self.reaches_all(actor, &profile).await?;
        let told = tell(actor, origin, Event::ScepProfileCreate, &profile).at(now);
        self.0.store.create_scep_profile(profile.clone(), told).await.map_err(name_taken)?;
        self.forget_doors();
        self.open_own_door(actor, origin, &profile).await?;
        Ok(profile)
    }

    /// Edit, enable or disable a SCEP profile.
    ///
    /// # Errors
    /// As for making one; [`Error::NotFound`] when there is none; [`Error::Conflict`] when somebody else edited it
    /// meanwhile.
    pub async fn edit_scep_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &ScepProfileRef,
        edit: ScepProfileEdit,
    ) -> Result<ScepProfile, Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let profile = self.scep_profile(actor, origin, reference).await?;
        let done = self.change_scep_profile(actor, origin, profile, edit).await;
        self.0.ra.told_of(actor, origin, Event::ScepProfileEdit, None, None, done).await
    }

    async fn change_scep_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        mut profile: ScepProfile,
        edit: ScepProfileEdit,
    ) -> Result<ScepProfile, Error> {
        let changed =
            || Error::Conflict(format!("SCEP profile {} was changed by somebody else; read it again", profile.id));
        if edit.expected_version.is_some_and(|expected| expected != profile.version) {
            return Err(changed());
        }
        let stale = changed();
        // Both what it serves now and what it shall serve.
        self.reaches_all(actor, &profile).await?;
        if let Some(description) = edit.description {
            profile.description = description;
        }
        if let Some(enabled) = edit.enabled {
            profile.enabled = enabled;
        }
        if let Some(ra_profile) = edit.ra_profile {
            profile.ra_profile = ra_profile;
        }
        if let Some(settings) = edit.settings {
            profile.settings = settings;
        }
        let fault = edit.challenge.iter().flatten().find_map(|text| settings::challenge_fault(text));
        if let Some(challenge) = edit.challenge {
            profile.sealed_challenge = challenge.map(|text| self.seal_challenge(profile.id, &text));
        }
        let mut faults = self.faults_of(actor, origin, &profile).await?;
        faults.extend(fault);
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        self.reaches_all(actor, &profile).await?;
        profile.version += 1;
        profile.updated_at = self.0.now();
        let told = tell(actor, origin, Event::ScepProfileEdit, &profile).at(profile.updated_at);
        if !self.0.store.update_scep_profile(profile.clone(), told).await? {
            return Err(stale);
        }
        self.forget_doors();
        self.open_own_door(actor, origin, &profile).await?;
        Ok(profile)
    }

    /// Delete a SCEP profile that no RA profile's door hangs on. With `force` the doors are closed first.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none; [`Error::Rejected`] while something hangs on it; [`Error::Forbidden`] as
    /// for editing it.
    pub async fn delete_scep_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &ScepProfileRef,
        force: bool,
    ) -> Result<(), Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let profile = self.scep_profile(actor, origin, reference).await?;
        let done = self.drop_scep_profile(actor, origin, &profile, force).await;
        self.0.ra.told_of(actor, origin, Event::ScepProfileDelete, None, None, done).await
    }

    async fn drop_scep_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        profile: &ScepProfile,
        force: bool,
    ) -> Result<(), Error> {
        self.reaches_all(actor, profile).await?;
        let activations = self.0.store.scep_activations().await?;
        for activation in activations.iter().filter(|activation| activation.scep_profile == profile.id) {
            if !force {
                return Err(state(format!(
                    "SCEP profile {} is activated on RA profile {}: deactivate it there first",
                    profile.name, activation.ra_profile
                )));
            }
            self.deactivate(actor, origin, &ProfileRef::Id(activation.ra_profile)).await?;
        }
        let told = tell(actor, origin, Event::ScepProfileDelete, profile).at(self.0.now());
        let deleted = self.0.store.delete_scep_profile(profile.id, told).await.map_err(|error| match error {
            StoreError::Duplicate(_) => {
                state(format!("SCEP profile {} is activated: deactivate it first", profile.name))
            }
            error => error.into(),
        })?;
        self.forget_doors();
        if deleted { Ok(()) } else { Err(Error::not_found("SCEP profile", profile.id)) }
    }

    fn seal_challenge(&self, profile: Uuid, text: &str) -> Vec<u8> {
        self.0.secrets.seal(&label(profile), text.as_bytes())
    }

    /// The static challenge of a profile that has one.
    pub(crate) fn static_challenge(&self, profile: &ScepProfile) -> Result<Option<Zeroizing<String>>, Error> {
        let Some(sealed) = &profile.sealed_challenge else { return Ok(None) };
        let opened = self.0.secrets.open(&label(profile.id), sealed);
        let text = opened.and_then(|opened| Some(Zeroizing::new(std::str::from_utf8(&opened).ok()?.to_owned())));
        text.map(Some).ok_or_else(|| Error::internal("a static challenge does not open"))
    }

    /// Who names an RA profile for a SCEP profile's own door wants it to issue: an RA profile whose SCEP door is
    /// closed gets it opened with this SCEP profile.
    async fn open_own_door(&self, actor: &Actor, origin: &Origin, profile: &ScepProfile) -> Result<(), Error> {
        let Some(id) = profile.ra_profile else { return Ok(()) };
        let reference = ProfileRef::Id(id);
        if self.ra_profile(actor, origin, &reference).await?.doors.contains(&Door::Scep) {
            return Ok(());
        }
        let new = NewActivation {
            scep_profile: ScepProfileRef::Id(profile.id),
            issue_attributes: profile.settings.issue_attributes.clone(),
        };
        self.activate(actor, origin, &reference, new).await.map(|_| ())
    }

    /// What is wrong with the settings, and with what they name.
    async fn faults_of(&self, actor: &Actor, origin: &Origin, profile: &ScepProfile) -> Result<Vec<Rejection>, Error> {
        let mut faults = settings::faults(&profile.settings);
        if let Some(id) = profile.ra_profile {
            match self.ra_profile(actor, origin, &ProfileRef::Id(id)).await {
                Ok(_) => {}
                Err(Error::NotFound { .. }) => faults.push(Rejection::State(format!("RA profile {id} does not exist"))),
                Err(error) => return Err(error),
            }
        }
        if let Some(id) = profile.ra_profile {
            let issue = &profile.settings.issue_attributes;
            match self.ra_profile(actor, origin, &ProfileRef::Id(id)).await {
                Ok(ra_profile) => faults.extend(super::activation::wrong_attributes(&ra_profile, issue)),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(faults)
    }

    /// A limited credential changes only what serves nobody outside its scope.
    async fn reaches_all(&self, actor: &Actor, profile: &ScepProfile) -> Result<(), Error> {
        if actor.scope == Scope::All {
            return Ok(());
        }
        let activations = self.0.store.scep_activations().await?;
        let activated = activations.iter().filter(|activation| activation.scep_profile == profile.id);
        let mut served: BTreeSet<Uuid> = profile.ra_profile.into_iter().collect();
        served.extend(activated.map(|activation| activation.ra_profile));
        if !served.is_empty() && served.iter().all(|id| actor.scope.contains(Some(*id))) {
            return Ok(());
        }
        Err(Error::Forbidden(format!(
            "SCEP profile {} serves RA profiles beyond those that this credential is limited to, or none yet",
            profile.name
        )))
    }
}

/// Under which a profile's static challenge is sealed.
fn label(profile: Uuid) -> String {
    format!("SCEP challenge {profile}")
}

/// A store that knows the name already.
fn name_taken(error: StoreError) -> Error {
    match error {
        StoreError::Duplicate(_) => Error::Conflict("a SCEP profile with this name already exists".into()),
        error => error.into(),
    }
}

fn tell<'a>(actor: &'a Actor, origin: &'a Origin, event: Event, profile: &ScepProfile) -> Telling<'a> {
    let telling = Telling::success(actor, origin, event)
        .profile(profile.ra_profile)
        .with("scepProfile", profile.id.to_string())
        .with("name", &*profile.name)
        .with("version", profile.version);
    if event == Event::ScepProfileDelete {
        return telling;
    }
    let mut settings = profile.settings.clone();
    let hidden = |values: &[_]| chancery_core::attribute::redacted(values);
    let issue = hidden(&settings.issue_attributes);
    settings.issue_attributes.clear();
    let settings = serde_json::to_value(settings).expect("settings of strings and numbers always serialise");
    telling
        .with("enabled", profile.enabled)
        .with("settings", settings)
        .with("issueAttributes", issue)
        .with("staticChallenge", profile.sealed_challenge.is_some())
}

/// Names stand in URLs: RFC 3986 unreserved characters, not too long, and none that the platform's paths have themselves.
fn check_name(name: &str) -> Vec<Rejection> {
    let unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let fits = (1..=64).contains(&name.len()) && name.chars().all(unreserved) && !name.starts_with('.');
    if fits && name != "raProfile" {
        return vec![];
    }
    vec![Rejection::State(
        "name: a SCEP profile's name stands in URLs: 1 to 64 letters, digits, and - . _ ~ (not first a dot, and not \
         raProfile, which names another path)"
            .into(),
    )]
}
