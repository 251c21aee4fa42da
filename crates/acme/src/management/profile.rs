//! ACME profiles.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use chancery_core::audit::{Event, Telling};
use chancery_core::{Action, Actor, Door, Error, Origin, ProfileRef, Rejection, Scope, StoreError};
use uuid::Uuid;

use super::{NewActivation, out_of_reach, settings, state};
use crate::{Acme, AcmeProfile, AcmeSettings, Activation};

/// How an operator names an ACME profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AcmeProfileRef {
    /// By its id.
    Id(Uuid),
    /// By its name.
    Name(String),
}

impl std::fmt::Display for AcmeProfileRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A new ACME profile.
#[derive(Clone, Debug, Default)]
pub struct NewAcmeProfile {
    /// Unique name; it stands in URLs.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Whether it may be used at once.
    pub enabled: bool,
    /// The RA profile of its own directory; its ACME door is opened when it is closed.
    pub ra_profile: Option<Uuid>,
    /// Everything else.
    pub settings: AcmeSettings,
}

/// What shall change of an ACME profile; `None` leaves as it is. Its name stands in account URLs and never changes.
#[derive(Clone, Debug, Default)]
pub struct AcmeProfileEdit {
    /// For people; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    /// Whether it may be used.
    pub enabled: Option<bool>,
    /// The RA profile of its own directory; `Some(None)` closes that directory.
    pub ra_profile: Option<Option<Uuid>>,
    /// All settings.
    pub settings: Option<AcmeSettings>,
    /// Refuse when the profile has another version by now.
    pub expected_version: Option<i64>,
}

impl Acme {
    /// The ACME profiles that serve an RA profile within the actor's scope, by name; those that serve none belong to nobody
    /// who is limited.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the role may not; [`Error::Unavailable`] when the database does not answer.
    pub async fn acme_profiles(&self, actor: &Actor, origin: &Origin) -> Result<Vec<AcmeProfile>, Error> {
        self.0.ra.demand(actor, origin, Action::ReadProfiles).await?;
        let mut profiles = self.0.store.acme_profiles().await?;
        if actor.scope != Scope::All {
            let activations = self.0.store.activations().await?;
            profiles.retain(|profile| {
                served(profile, &activations).iter().any(|ra_profile| actor.scope.contains(Some(*ra_profile)))
            });
        }
        Ok(profiles)
    }

    /// One ACME profile.
    ///
    /// # Errors
    /// As [`Acme::acme_profiles`]; [`Error::NotFound`] when there is none within the actor's scope.
    pub async fn acme_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &AcmeProfileRef,
    ) -> Result<AcmeProfile, Error> {
        let found = self.acme_profiles(actor, origin).await?.into_iter().find(|profile| match reference {
            AcmeProfileRef::Id(id) => profile.id == *id,
            AcmeProfileRef::Name(name) => profile.name == *name,
        });
        found.ok_or_else(|| Error::not_found("ACME profile", reference))
    }

    /// Make an ACME profile.
    ///
    /// # Errors
    /// [`Error::Rejected`] with every fault of name, settings and RA profiles; [`Error::Conflict`] when the name is taken;
    /// [`Error::Forbidden`] when the role may not, or a limited credential does not reach all that it would serve.
    pub async fn create_acme_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        new: NewAcmeProfile,
    ) -> Result<AcmeProfile, Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let done = self.make_acme_profile(actor, origin, new).await;
        self.0.ra.told_of(actor, origin, Event::AcmeProfileCreate, None, None, done).await
    }

    async fn make_acme_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        new: NewAcmeProfile,
    ) -> Result<AcmeProfile, Error> {
        let now = self.0.now();
        let profile = AcmeProfile {
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
        may_resolve(actor, None, &profile.settings)?;
        let mut faults = check_name(&profile.name);
        faults.extend(self.name_faults(&profile).await?);
        faults.extend(self.faults_of(actor, origin, &profile).await?);
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        self.reaches_all(actor, &profile).await?;
        let told = tell(actor, origin, Event::AcmeProfileCreate, &profile).at(now);
        self.0.store.create_acme_profile(profile.clone(), told).await.map_err(name_taken)?;
        self.forget_directories();
        self.open_own_door(actor, origin, &profile, false).await?;
        Ok(profile)
    }

    /// Edit, enable or disable an ACME profile.
    ///
    /// # Errors
    /// As for making one; [`Error::NotFound`] when there is none; [`Error::Conflict`] when somebody else edited it
    /// meanwhile.
    pub async fn edit_acme_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &AcmeProfileRef,
        edit: AcmeProfileEdit,
    ) -> Result<AcmeProfile, Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let profile = self.acme_profile(actor, origin, reference).await?;
        let done = self.change_acme_profile(actor, origin, profile, edit).await;
        self.0.ra.told_of(actor, origin, Event::AcmeProfileEdit, None, None, done).await
    }

    async fn change_acme_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        mut profile: AcmeProfile,
        edit: AcmeProfileEdit,
    ) -> Result<AcmeProfile, Error> {
        let changed =
            || Error::Conflict(format!("ACME profile {} was changed by somebody else; read it again", profile.id));
        if edit.expected_version.is_some_and(|expected| expected != profile.version) {
            return Err(changed());
        }
        let stale = changed();
        let attributes = |profile: &AcmeProfile| {
            (profile.settings.issue_attributes.clone(), profile.settings.revoke_attributes.clone())
        };
        let before = attributes(&profile);
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
            may_resolve(actor, profile.settings.resolver, &settings)?;
            profile.settings = settings;
        }
        let faults = self.faults_of(actor, origin, &profile).await?;
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        self.reaches_all(actor, &profile).await?;
        profile.version += 1;
        profile.updated_at = self.0.now();
        let told = tell(actor, origin, Event::AcmeProfileEdit, &profile).at(profile.updated_at);
        if !self.0.store.update_acme_profile(profile.clone(), told).await? {
            return Err(stale);
        }
        self.forget_directories();
        self.open_own_door(actor, origin, &profile, attributes(&profile) != before).await?;
        Ok(profile)
    }

    /// Delete an ACME profile that no RA profile's door and no account hangs on. With `force` the doors are closed first.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none; [`Error::Rejected`] while something hangs on it; [`Error::Forbidden`] as
    /// for editing it.
    pub async fn delete_acme_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &AcmeProfileRef,
        force: bool,
    ) -> Result<(), Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let profile = self.acme_profile(actor, origin, reference).await?;
        let done = self.drop_acme_profile(actor, origin, &profile, force).await;
        self.0.ra.told_of(actor, origin, Event::AcmeProfileDelete, None, None, done).await
    }

    async fn drop_acme_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        profile: &AcmeProfile,
        force: bool,
    ) -> Result<(), Error> {
        self.reaches_all(actor, profile).await?;
        let activations = self.0.store.activations().await?;
        for activation in activations.iter().filter(|activation| activation.acme_profile == profile.id) {
            if !force {
                return Err(state(format!(
                    "ACME profile {} is activated on RA profile {}: deactivate it there first",
                    profile.name, activation.ra_profile
                )));
            }
            self.deactivate(actor, origin, &ProfileRef::Id(activation.ra_profile)).await?;
        }
        let told = tell(actor, origin, Event::AcmeProfileDelete, profile).at(self.0.now());
        let deleted = self.0.store.delete_acme_profile(profile.id, told).await.map_err(|error| match error {
            StoreError::Duplicate(_) => state(format!(
                "ACME profile {} has accounts or activations: disable it instead, for its accounts could never come back",
                profile.name
            )),
            error => error.into(),
        })?;
        self.forget_directories();
        if deleted { Ok(()) } else { Err(Error::not_found("ACME profile", profile.id)) }
    }

    /// `/acme/{name}` is an RA profile's before it is an ACME profile's: nobody takes its clients by taking its name.
    async fn name_faults(&self, profile: &AcmeProfile) -> Result<Vec<Rejection>, Error> {
        let named = self.0.ra.ports().profiles.profile_by_name(&profile.name).await?;
        if named.is_none_or(|named| Some(named.id) == profile.ra_profile) {
            return Ok(vec![]);
        }
        Ok(vec![Rejection::State(format!(
            "name: {:?} is taken, for /acme/{} is the directory of another profile: choose another name",
            profile.name, profile.name
        ))])
    }

    /// Who names an RA profile for an ACME profile's own directory wants it to issue: an RA profile whose ACME door is
    /// closed gets it opened with this ACME profile. One that this ACME profile opened follows its attributes.
    async fn open_own_door(
        &self,
        actor: &Actor,
        origin: &Origin,
        profile: &AcmeProfile,
        other_attributes: bool,
    ) -> Result<(), Error> {
        let Some(id) = profile.ra_profile else { return Ok(()) };
        let reference = ProfileRef::Id(id);
        if self.ra_profile(actor, origin, &reference).await?.doors.contains(&Door::Acme) {
            let own = |activation: &Activation| (activation.ra_profile, activation.acme_profile) == (id, profile.id);
            if !other_attributes || !self.0.store.activations().await?.iter().any(own) {
                return Ok(());
            }
        }
        let new = NewActivation {
            acme_profile: AcmeProfileRef::Id(profile.id),
            issue_attributes: profile.settings.issue_attributes.clone(),
            revoke_attributes: profile.settings.revoke_attributes.clone(),
        };
        self.activate(actor, origin, &reference, new).await.map(|_| ())
    }

    /// What is wrong with the settings, and with what they name.
    async fn faults_of(&self, actor: &Actor, origin: &Origin, profile: &AcmeProfile) -> Result<Vec<Rejection>, Error> {
        let mut faults = settings::faults(&profile.settings);
        for id in profile.settings.profiles.iter().copied().chain(profile.ra_profile) {
            match self.ra_profile(actor, origin, &ProfileRef::Id(id)).await {
                Ok(_) => {}
                Err(Error::NotFound { .. }) => faults.push(Rejection::State(format!("RA profile {id} does not exist"))),
                Err(error) => return Err(error),
            }
        }
        if let Some(id) = profile.ra_profile {
            let (issue, revoke) = (&profile.settings.issue_attributes, &profile.settings.revoke_attributes);
            match self.ra_profile(actor, origin, &ProfileRef::Id(id)).await {
                Ok(ra_profile) => faults.extend(super::activation::wrong_attributes(&ra_profile, issue, revoke)),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(faults)
    }

    /// A limited credential changes only what serves nobody outside its scope: accounts of one directory may order from
    /// every RA profile that the ACME profile offers. Nor does it make what others change serve its own: they could not change
    /// it any more.
    pub(super) async fn reaches_all(&self, actor: &Actor, profile: &AcmeProfile) -> Result<(), Error> {
        if actor.scope == Scope::All {
            return Ok(());
        }
        let served = served(profile, &self.0.store.activations().await?);
        if !served.is_empty() && out_of_reach(actor, served).is_empty() {
            return Ok(());
        }
        Err(Error::Forbidden(format!(
            "ACME profile {} serves RA profiles beyond those that this credential is limited to, or none yet",
            profile.name
        )))
    }
}

/// The RA profiles that issue to its clients.
fn served(profile: &AcmeProfile, activations: &[Activation]) -> BTreeSet<Uuid> {
    let activated = activations.iter().filter(|activation| activation.acme_profile == profile.id);
    let mut served: BTreeSet<Uuid> = profile.settings.profiles.clone();
    served.extend(profile.ra_profile);
    served.extend(activated.map(|activation| activation.ra_profile));
    served
}

/// A store that knows the name already.
fn name_taken(error: StoreError) -> Error {
    match error {
        StoreError::Duplicate(_) => Error::Conflict("an ACME profile with this name already exists".into()),
        error => error.into(),
    }
}

fn tell<'a>(actor: &'a Actor, origin: &'a Origin, event: Event, profile: &AcmeProfile) -> Telling<'a> {
    let telling = Telling::success(actor, origin, event)
        .profile(profile.ra_profile)
        .with("acmeProfile", profile.id.to_string())
        .with("name", &*profile.name)
        .with("version", profile.version);
    if event == Event::AcmeProfileDelete {
        return telling;
    }
    let mut settings = profile.settings.clone();
    let hidden = |values: &[_]| chancery_core::attribute::redacted(values);
    let (issue, revoke) = (hidden(&settings.issue_attributes), hidden(&settings.revoke_attributes));
    settings.issue_attributes.clear();
    settings.revoke_attributes.clear();
    let settings = serde_json::to_value(settings).expect("settings of strings and numbers always serialise");
    telling
        .with("enabled", profile.enabled)
        .with("settings", settings)
        .with("issueAttributes", issue)
        .with("revokeAttributes", revoke)
}

/// The resolver is asked from this machine, past the rules for what is dialled: only who reaches everything chooses one.
fn may_resolve(actor: &Actor, before: Option<SocketAddr>, settings: &AcmeSettings) -> Result<(), Error> {
    if settings.resolver.is_none() || settings.resolver == before || actor.scope == Scope::All {
        return Ok(());
    }
    Err(Error::Forbidden("only who is not limited to some RA profiles may set the resolver of an ACME profile".into()))
}

/// Names stand in URLs: RFC 3986 unreserved characters, not too long, and none that the platform's paths have themselves.
fn check_name(name: &str) -> Vec<Rejection> {
    let unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let fits = (1..=64).contains(&name.len()) && name.chars().all(unreserved) && !name.starts_with('.');
    if fits && name != "raProfile" {
        return vec![];
    }
    vec![Rejection::State(
        "name: an ACME profile's name stands in URLs: 1 to 64 letters, digits, and - . _ ~ (not first a dot, and not \
         raProfile, which names another path)"
            .into(),
    )]
}
