//! EST profiles.

use std::collections::BTreeSet;

use chancery_core::audit::{Event, Telling};
use chancery_core::{Action, Actor, Door, Error, Origin, ProfileRef, Rejection, Scope, StoreError};
use uuid::Uuid;

use super::{NewEstActivation, out_of_reach, settings, state};
use crate::{Est, EstProfile, EstSettings};

/// How an operator names an EST profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EstProfileRef {
    /// By its id.
    Id(Uuid),
    /// By its name.
    Name(String),
}

impl std::fmt::Display for EstProfileRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A new EST profile.
#[derive(Clone, Debug, Default)]
pub struct NewEstProfile {
    /// Unique name; it stands in URLs.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Whether it may be used at once.
    pub enabled: bool,
    /// The RA profile of its own label; its EST door is opened when it is closed.
    pub ra_profile: Option<Uuid>,
    /// Everything else.
    pub settings: EstSettings,
}

/// What shall change of an EST profile; `None` leaves as it is. Its name can be a label in URLs and never changes.
#[derive(Clone, Debug, Default)]
pub struct EstProfileEdit {
    /// For people; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    /// Whether it may be used.
    pub enabled: Option<bool>,
    /// The RA profile of its own label; `Some(None)` closes that.
    pub ra_profile: Option<Option<Uuid>>,
    /// All settings.
    pub settings: Option<EstSettings>,
    /// Refuse when the profile has another version by now.
    pub expected_version: Option<i64>,
}

impl Est {
    /// All EST profiles, by name. They say how doors behave, not who may use them: every scope sees them all.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the role may not; [`Error::Unavailable`] when the database does not answer.
    pub async fn est_profiles(&self, actor: &Actor, origin: &Origin) -> Result<Vec<EstProfile>, Error> {
        self.0.ra.demand(actor, origin, Action::ReadProfiles).await?;
        Ok(self.0.store.est_profiles().await?)
    }

    /// One EST profile.
    ///
    /// # Errors
    /// As [`Est::est_profiles`]; [`Error::NotFound`] when there is none.
    pub async fn est_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &EstProfileRef,
    ) -> Result<EstProfile, Error> {
        let found = self.est_profiles(actor, origin).await?.into_iter().find(|profile| match reference {
            EstProfileRef::Id(id) => profile.id == *id,
            EstProfileRef::Name(name) => profile.name == *name,
        });
        found.ok_or_else(|| Error::not_found("EST profile", reference))
    }

    /// Make an EST profile.
    ///
    /// # Errors
    /// [`Error::Rejected`] with every fault of name, settings and RA profiles; [`Error::Conflict`] when the name is taken;
    /// [`Error::Forbidden`] when the role may not, or a limited credential does not reach all that it would serve.
    pub async fn create_est_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        new: NewEstProfile,
    ) -> Result<EstProfile, Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let done = self.make_est_profile(actor, origin, new).await;
        self.0.ra.told_of(actor, origin, Event::EstProfileCreate, None, None, done).await
    }

    async fn make_est_profile(&self, actor: &Actor, origin: &Origin, new: NewEstProfile) -> Result<EstProfile, Error> {
        let now = self.0.now();
        let profile = EstProfile {
            id: self.0.new_id(),
            name: new.name,
            description: new.description,
            enabled: new.enabled,
            ra_profile: new.ra_profile,
            settings: new.settings,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let mut faults = check_name(&profile.name);
        faults.extend(self.faults_of(actor, origin, &profile).await?);
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        self.reaches_all(actor, &profile).await?;
        let told = tell(actor, origin, Event::EstProfileCreate, &profile).at(now);
        self.0.store.create_est_profile(profile.clone(), told).await.map_err(name_taken)?;
        self.forget_endpoints();
        self.open_own_door(actor, origin, &profile).await?;
        Ok(profile)
    }

    /// Edit, enable or disable an EST profile.
    ///
    /// # Errors
    /// As for making one; [`Error::NotFound`] when there is none; [`Error::Conflict`] when somebody else edited it
    /// meanwhile.
    pub async fn edit_est_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &EstProfileRef,
        edit: EstProfileEdit,
    ) -> Result<EstProfile, Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let profile = self.est_profile(actor, origin, reference).await?;
        let done = self.change_est_profile(actor, origin, profile, edit).await;
        self.0.ra.told_of(actor, origin, Event::EstProfileEdit, None, None, done).await
    }

    async fn change_est_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        mut profile: EstProfile,
        edit: EstProfileEdit,
    ) -> Result<EstProfile, Error> {
        let changed =
            || Error::Conflict(format!("EST profile {} was changed by somebody else; read it again", profile.id));
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
        let faults = self.faults_of(actor, origin, &profile).await?;
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        self.reaches_all(actor, &profile).await?;
        profile.version += 1;
        profile.updated_at = self.0.now();
        let told = tell(actor, origin, Event::EstProfileEdit, &profile).at(profile.updated_at);
        if !self.0.store.update_est_profile(profile.clone(), told).await? {
            return Err(stale);
        }
        self.forget_endpoints();
        self.open_own_door(actor, origin, &profile).await?;
        Ok(profile)
    }

    /// Delete an EST profile that no RA profile's door hangs on. With `force` the doors are closed first.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none; [`Error::Rejected`] while something hangs on it; [`Error::Forbidden`] as
    /// for editing it.
    pub async fn delete_est_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &EstProfileRef,
        force: bool,
    ) -> Result<(), Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let profile = self.est_profile(actor, origin, reference).await?;
        let done = self.drop_est_profile(actor, origin, &profile, force).await;
        self.0.ra.told_of(actor, origin, Event::EstProfileDelete, None, None, done).await
    }

    async fn drop_est_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        profile: &EstProfile,
        force: bool,
    ) -> Result<(), Error> {
        self.reaches_all(actor, profile).await?;
        let activations = self.0.store.est_activations().await?;
        for activation in activations.iter().filter(|activation| activation.est_profile == profile.id) {
            if !force {
                return Err(state(format!(
                    "EST profile {} is activated on RA profile {}: deactivate it there first",
                    profile.name, activation.ra_profile
                )));
            }
            self.deactivate(actor, origin, &ProfileRef::Id(activation.ra_profile)).await?;
        }
        let told = tell(actor, origin, Event::EstProfileDelete, profile).at(self.0.now());
        let deleted = self.0.store.delete_est_profile(profile.id, told).await.map_err(|error| match error {
            StoreError::Duplicate(_) => {
                state(format!("EST profile {} was activated meanwhile: deactivate it there first", profile.name))
            }
            error => error.into(),
        })?;
        self.forget_endpoints();
        if deleted { Ok(()) } else { Err(Error::not_found("EST profile", profile.id)) }
    }

    /// Who names an RA profile for an EST profile's own label wants it to issue: an RA profile whose EST door is
    /// closed gets it opened with this EST profile.
    async fn open_own_door(&self, actor: &Actor, origin: &Origin, profile: &EstProfile) -> Result<(), Error> {
        let Some(id) = profile.ra_profile else { return Ok(()) };
        let reference = ProfileRef::Id(id);
        if self.ra_profile(actor, origin, &reference).await?.doors.contains(&Door::Est) {
            return Ok(());
        }
        let new = NewEstActivation {
            est_profile: EstProfileRef::Id(profile.id),
            unlabelled: false,
            issue_attributes: profile.settings.issue_attributes.clone(),
        };
        self.activate(actor, origin, &reference, new).await.map(|_| ())
    }

    /// What is wrong with the settings, and with what they name.
    async fn faults_of(&self, actor: &Actor, origin: &Origin, profile: &EstProfile) -> Result<Vec<Rejection>, Error> {
        let mut faults = settings::faults(&profile.settings);
        for id in profile.settings.certificate_profiles.iter().copied().chain(profile.ra_profile) {
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

    /// A limited credential changes only what serves nobody outside its scope, and lets in no certificates from there.
    async fn reaches_all(&self, actor: &Actor, profile: &EstProfile) -> Result<(), Error> {
        if actor.scope == Scope::All {
            return Ok(());
        }
        let activations = self.0.store.est_activations().await?;
        let activated = activations.iter().filter(|activation| activation.est_profile == profile.id);
        let mut served: BTreeSet<Uuid> = profile.settings.certificate_profiles.clone();
        served.extend(profile.ra_profile);
        served.extend(activated.map(|activation| activation.ra_profile));
        if !served.is_empty() && out_of_reach(actor, served).is_empty() {
            return Ok(());
        }
        Err(Error::Forbidden(format!(
            "EST profile {} serves RA profiles beyond those that this credential is limited to, or none yet",
            profile.name
        )))
    }
}

/// A store that knows the name already.
fn name_taken(error: StoreError) -> Error {
    match error {
        StoreError::Duplicate(_) => Error::Conflict("an EST profile with this name already exists".into()),
        error => error.into(),
    }
}

fn tell<'a>(actor: &'a Actor, origin: &'a Origin, event: Event, profile: &EstProfile) -> Telling<'a> {
    let telling = Telling::success(actor, origin, event)
        .profile(profile.ra_profile)
        .with("estProfile", profile.id.to_string())
        .with("name", &*profile.name)
        .with("version", profile.version);
    if event == Event::EstProfileDelete {
        return telling;
    }
    let mut settings = profile.settings.clone();
    let hidden = |values: &[_]| chancery_core::attribute::redacted(values);
    let issue = hidden(&settings.issue_attributes);
    settings.issue_attributes.clear();
    let settings = serde_json::to_value(settings).expect("settings of strings and numbers always serialise");
    telling.with("enabled", profile.enabled).with("settings", settings).with("issueAttributes", issue)
}

/// Names can be labels in URLs: RFC 3986 unreserved characters, not too long, and none that is an operation's (RFC 7030
/// section 3.2.2).
fn check_name(name: &str) -> Vec<Rejection> {
    let unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let fits = (1..=64).contains(&name.len()) && name.chars().all(unreserved) && !name.starts_with('.');
    if fits && !crate::OPERATIONS.contains(&name) {
        return vec![];
    }
    vec![Rejection::State(
        "name: an EST profile's name can be a label in URLs: 1 to 64 letters, digits, and - . _ ~ (not first a dot, and \
         none of EST's operations, like cacerts)"
            .into(),
    )]
}
