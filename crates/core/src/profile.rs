//! RA profiles: the channel through which certificates are asked for, and its policy.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::attribute::{Definition, RequestAttribute};
use crate::audit::{Event, Telling};
use crate::port::AuthorityInstance;
use crate::{
    Action, Actor, CertificateField, CertificateFilter, CertificateQuery, CertificateState, Condition, Door, Error,
    Origin, Policy, ProfileRef, Ra, Rejection, preset,
};

/// An RA profile as it is stored. Its issuance policy *is* its attributes, published as definitions by the authority.
#[derive(Clone, Debug, PartialEq)]
pub struct RaProfile {
    /// Identifier.
    pub id: Uuid,
    /// Unique name, shown in URLs of the protocol doors.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// A disabled profile issues nothing.
    pub enabled: bool,
    /// The authority that signs.
    pub authority: Uuid,
    /// The protocol doors that are open on it, beside REST, which always is.
    pub doors: BTreeSet<Door>,
    /// The policy, as attribute values.
    pub attributes: Vec<RequestAttribute>,
    /// Counts the edits: the issuing transaction demands the version that the decision was based on.
    pub version: i64,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was last edited.
    pub updated_at: OffsetDateTime,
}

/// An RA profile with its policy read from its attributes.
#[derive(Clone, Debug)]
pub struct LoadedProfile {
    /// As stored.
    pub profile: RaProfile,
    /// Its attributes, read.
    pub policy: Policy,
    /// What issuing through it can be told.
    pub issue_definitions: Vec<Definition>,
    /// What revoking through it can be told.
    pub revoke_definitions: Vec<Definition>,
}

/// A new RA profile.
#[derive(Clone, Debug)]
pub struct NewProfile {
    /// The authority that shall sign.
    pub authority: Uuid,
    /// Unique name.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// The policy.
    pub attributes: Vec<RequestAttribute>,
    /// Whether it may be used at once.
    pub enabled: bool,
}

/// What shall change of an RA profile; `None` leaves as it is.
#[derive(Clone, Debug, Default)]
pub struct ProfileEdit {
    /// Free text; `Some(None)` takes it away.
    pub description: Option<Option<String>>,
    /// The whole policy.
    pub attributes: Option<Vec<RequestAttribute>>,
    /// Whether it may be used.
    pub enabled: Option<bool>,
    /// Refuse when the profile has another version by now.
    pub expected_version: Option<i64>,
}

/// Profiles read lately. What the issuing transaction finds changed is read again at once; anything else within a
/// second, so that an edit on another node holds everywhere soon.
#[derive(Default)]
pub(crate) struct ProfileCache(Mutex<HashMap<Uuid, (OffsetDateTime, Arc<LoadedProfile>)>>);

impl ProfileCache {
    const FRESH: Duration = Duration::seconds(1);

    fn find(&self, id: Uuid, now: OffsetDateTime) -> Option<Arc<LoadedProfile>> {
        let cache = self.0.lock().expect("no holder panics");
        let (read_at, profile) = cache.get(&id)?;
        let age = now - *read_at;
        (Duration::ZERO <= age && age < Self::FRESH).then(|| profile.clone())
    }

    fn keep(&self, profile: Arc<LoadedProfile>, now: OffsetDateTime) {
        self.0.lock().expect("no holder panics").insert(profile.profile.id, (now, profile));
    }

    pub(crate) fn forget(&self, id: Uuid) {
        self.0.lock().expect("no holder panics").remove(&id);
    }
}

impl Ra {
    /// The profile as it was stored at most a second ago.
    pub(crate) async fn loaded_profile(&self, reference: &ProfileRef) -> Result<Option<Arc<LoadedProfile>>, Error> {
        let now = self.now();
        let stored = match reference {
            ProfileRef::Id(id) | ProfileRef::Under { profile: id, .. } => {
                if let Some(profile) = self.0.profiles.find(*id, now) {
                    return Ok(Some(profile));
                }
                self.0.ports.profiles.profile(*id).await?
            }
            ProfileRef::Name(name) => self.0.ports.profiles.profile_by_name(name).await?,
        };
        let Some(profile) = stored else { return Ok(None) };
        let policy = Policy::from_attributes(&profile.attributes)
            .map_err(|faults| Error::internal(format!("RA profile {}: {}", profile.id, Error::Rejected(faults))))?;
        let (issue_definitions, revoke_definitions) = (policy.issue_definitions(), policy.revoke_definitions());
        let loaded = Arc::new(LoadedProfile { profile, policy, issue_definitions, revoke_definitions });
        self.0.profiles.keep(loaded.clone(), now);
        Ok(Some(loaded))
    }

    /// All RA profiles within the actor's scope, by name.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer.
    pub async fn profiles(&self, actor: &Actor, origin: &Origin) -> Result<Vec<RaProfile>, Error> {
        self.demand(actor, origin, Action::ReadProfiles).await?;
        let mut profiles = self.0.ports.profiles.profiles().await?;
        profiles.retain(|profile| actor.scope.contains(Some(profile.id)));
        Ok(profiles)
    }

    /// One RA profile.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none within the actor's scope.
    pub async fn profile(&self, actor: &Actor, origin: &Origin, reference: &ProfileRef) -> Result<RaProfile, Error> {
        self.demand(actor, origin, Action::ReadProfiles).await?;
        Ok(self.reachable_profile(actor, origin, reference).await?.profile.clone())
    }

    /// Make an RA profile. Only who reaches all profiles may: a new one lies in nobody's limited scope.
    ///
    /// # Errors
    /// [`Error::Rejected`] with every fault of name and attributes; [`Error::NotFound`] for an unknown authority;
    /// [`Error::Conflict`] when the name is taken.
    pub async fn create_profile(&self, actor: &Actor, origin: &Origin, new: NewProfile) -> Result<RaProfile, Error> {
        self.demand(actor, origin, Action::ManageProfiles).await?;
        let done = self.make_profile(actor, origin, new).await;
        self.told_of(actor, origin, Event::ProfileCreate, None, None, done).await
    }

    async fn make_profile(&self, actor: &Actor, origin: &Origin, new: NewProfile) -> Result<RaProfile, Error> {
        if actor.scope != crate::Scope::All {
            return Err(Error::Forbidden(
                "a credential that is limited to some RA profiles cannot make new ones".into(),
            ));
        }
        if self.0.ports.authority.instance(new.authority).is_none() {
            return Err(Error::not_found("authority", new.authority));
        }
        let mut faults = check_name(&new.name);
        if let Err(more) = Policy::from_attributes(&new.attributes) {
            faults.extend(more);
        }
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        let now = self.now();
        let profile = RaProfile {
            id: self.new_id(),
            name: new.name,
            description: new.description,
            enabled: new.enabled,
            authority: new.authority,
            doors: BTreeSet::new(),
            attributes: new.attributes,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let telling = tell(actor, origin, Event::ProfileCreate, &profile);
        self.0.ports.profiles.create_profile(profile.clone(), telling.at(now)).await?;
        Ok(profile)
    }

    /// Edit an RA profile.
    ///
    /// # Errors
    /// As for making one; [`Error::Conflict`] when somebody else edited it meanwhile.
    pub async fn edit_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &ProfileRef,
        edit: ProfileEdit,
    ) -> Result<RaProfile, Error> {
        let event = match &edit {
            ProfileEdit { description: None, attributes: None, enabled: Some(true), .. } => Event::ProfileEnable,
            ProfileEdit { description: None, attributes: None, enabled: Some(false), .. } => Event::ProfileDisable,
            ProfileEdit { .. } => Event::ProfileEdit,
        };
        self.demand(actor, origin, Action::ManageProfiles).await?;
        let profile = self.stored_profile(actor, origin, reference).await?;
        let id = profile.id;
        let done = self.change_profile(actor, origin, profile, event, edit).await;
        self.told_of(actor, origin, event, Some(id), None, done).await
    }

    async fn change_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        mut profile: RaProfile,
        event: Event,
        edit: ProfileEdit,
    ) -> Result<RaProfile, Error> {
        if edit.expected_version.is_some_and(|expected| expected != profile.version) {
            return Err(crate::StoreError::Stale(crate::Stale::Profile).into());
        }
        if let Some(attributes) = edit.attributes {
            let policy = Policy::from_attributes(&attributes).map_err(Error::Rejected)?;
            let before = Policy::from_attributes(&profile.attributes).map_err(Error::Rejected)?;
            let dropped = (before.approval_required() && !policy.approval_required())
                || (before.revocation_approval_required() && !policy.revocation_approval_required());
            if dropped {
                // Else one person could issue alone, by switching approvals off and on again.
                self.demand(actor, origin, Action::Administer).await?;
            }
            profile.attributes = attributes;
        }
        if let Some(description) = edit.description {
            profile.description = description;
        }
        if let Some(enabled) = edit.enabled {
            profile.enabled = enabled;
        }
        profile.version += 1;
        profile.updated_at = self.now();
        let telling = tell(actor, origin, event, &profile);
        self.0.ports.profiles.update_profile(profile.clone(), telling.at(self.now())).await?;
        self.0.profiles.forget(profile.id);
        Ok(profile)
    }

    /// Enable or disable an RA profile; nothing happens when it is so already.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none within the actor's scope.
    pub async fn enable_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &ProfileRef,
        enabled: bool,
    ) -> Result<(), Error> {
        self.demand(actor, origin, Action::ManageProfiles).await?;
        if self.stored_profile(actor, origin, reference).await?.enabled == enabled {
            return Ok(());
        }
        let edit = ProfileEdit { enabled: Some(enabled), ..ProfileEdit::default() };
        self.edit_profile(actor, origin, reference, edit).await.map(|_| ())
    }

    /// The next version of an RA profile with a protocol's door opened or closed, for the protocol to write together with
    /// its own rows; [`Ra::profile_changed`] afterwards.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none within the actor's scope; [`Error::Forbidden`] when the role may not.
    pub async fn with_door(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &ProfileRef,
        door: Door,
        open: bool,
    ) -> Result<RaProfile, Error> {
        self.demand(actor, origin, Action::ManageProfiles).await?;
        let mut profile = self.stored_profile(actor, origin, reference).await?;
        if open {
            profile.doors.insert(door);
        } else {
            profile.doors.remove(&door);
        }
        profile.version += 1;
        profile.updated_at = self.now();
        Ok(profile)
    }

    /// A protocol has written another version of this RA profile.
    pub fn profile_changed(&self, id: Uuid) {
        self.0.profiles.forget(id);
    }

    /// Delete an RA profile that no valid certificate hangs on: without it nobody could renew or revoke them.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none within the actor's scope; [`Error::Rejected`] while one of its certificates
    /// is issued and not expired.
    pub async fn delete_profile(&self, actor: &Actor, origin: &Origin, reference: &ProfileRef) -> Result<(), Error> {
        self.demand(actor, origin, Action::ManageProfiles).await?;
        let profile = self.stored_profile(actor, origin, reference).await?;
        let standing = self.standing_certificates(profile.id).await?;
        if standing > 0 {
            let why = format!(
                "{standing} certificates of RA profile {} are still valid, and without it nobody could revoke them: revoke \
                 them first, or disable the profile instead",
                profile.name
            );
            let refused = Err(Error::rejected(Rejection::State(why)));
            return self.told_of(actor, origin, Event::ProfileDelete, Some(profile.id), None, refused).await;
        }
        let telling = tell(actor, origin, Event::ProfileDelete, &profile);
        let deleted = self.0.ports.profiles.delete_profile(profile.id, telling.at(self.now())).await?;
        self.0.profiles.forget(profile.id);
        if deleted { Ok(()) } else { Err(Error::not_found("RA profile", reference)) }
    }

    /// How many certificates of a profile are issued and not expired.
    async fn standing_certificates(&self, profile: Uuid) -> Result<u64, Error> {
        let filter = |field, condition| CertificateFilter { field, condition };
        // One whose revocation waits for an approval is good until then.
        let standing = [CertificateState::Issued, CertificateState::PendingApproval].map(|state| state.as_str().into());
        let standing = standing.to_vec();
        let query = CertificateQuery {
            profiles: Some(vec![profile]),
            filters: vec![
                filter(CertificateField::State, Condition::Equals(standing)),
                filter(CertificateField::NotAfter, Condition::After(self.now())),
            ],
            include_archived: true,
            limit: 1,
            ..CertificateQuery::default()
        };
        Ok(self.0.ports.inventory.certificates(query).await?.total)
    }

    /// The profile as it is stored now, whatever was read before.
    async fn stored_profile(&self, actor: &Actor, origin: &Origin, reference: &ProfileRef) -> Result<RaProfile, Error> {
        if let ProfileRef::Id(id) | ProfileRef::Under { profile: id, .. } = reference {
            self.0.profiles.forget(*id);
        }
        Ok(self.reachable_profile(actor, origin, reference).await?.profile.clone())
    }

    /// The authorities, by name.
    ///
    /// # Errors
    /// None today: every role may read them.
    pub async fn authorities(&self, actor: &Actor, origin: &Origin) -> Result<Vec<Arc<AuthorityInstance>>, Error> {
        self.demand(actor, origin, Action::ReadProfiles).await?;
        let instances = self.0.ports.authority.instances();
        let Some(reachable) = self.reachable_authorities(actor).await? else { return Ok(instances) };
        Ok(instances.into_iter().filter(|instance| reachable.contains(&instance.id)).collect())
    }

    /// One authority.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none that an RA profile within the actor's scope belongs to.
    pub async fn authority(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<Arc<AuthorityInstance>, Error> {
        self.demand(actor, origin, Action::ReadProfiles).await?;
        let instance = self.0.ports.authority.instance(id);
        let reachable = self.reachable_authorities(actor).await?;
        instance
            .filter(|_| reachable.is_none_or(|reachable| reachable.contains(&id)))
            .ok_or_else(|| Error::not_found("authority", id))
    }

    /// The authorities behind the profiles of a limited scope; `None` for an unlimited one.
    async fn reachable_authorities(&self, actor: &Actor) -> Result<Option<BTreeSet<Uuid>>, Error> {
        let crate::Scope::Profiles(profiles) = &actor.scope else { return Ok(None) };
        let mut authorities = BTreeSet::new();
        for id in profiles {
            authorities.extend(self.loaded_profile(&ProfileRef::Id(*id)).await?.map(|loaded| loaded.profile.authority));
        }
        Ok(Some(authorities))
    }

    /// What an RA profile can be set to: the issuance policy as attribute definitions.
    pub fn profile_definitions(&self) -> Arc<[Definition]> {
        self.0.ports.authority.profile_definitions()
    }

    /// Make the presets below `authority` when there is no RA profile at all: a first start.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer.
    pub async fn seed(&self, authority: Uuid) -> Result<(), Error> {
        if !self.0.ports.profiles.profiles().await?.is_empty() {
            return Ok(());
        }
        for preset in preset::all() {
            let new = NewProfile {
                authority,
                name: preset.name.into(),
                description: Some(preset.description.into()),
                attributes: preset.attributes,
                enabled: true,
            };
            self.create_profile(&Actor::system(), &Origin::system(), new).await?;
        }
        Ok(())
    }
}

fn tell<'a>(actor: &'a Actor, origin: &'a Origin, event: Event, profile: &RaProfile) -> Telling<'a> {
    let telling = Telling::success(actor, origin, event).profile(Some(profile.id)).with("name", &*profile.name);
    match event {
        Event::ProfileCreate | Event::ProfileEdit => telling
            .with("version", profile.version)
            .with("enabled", profile.enabled)
            .with("attributes", crate::attribute::redacted(&profile.attributes)),
        _ => telling.with("version", profile.version),
    }
}

/// Profile names stand in URLs of the protocol doors: RFC 3986 unreserved characters, not too long.
fn check_name(name: &str) -> Vec<Rejection> {
    let unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    if (1..=64).contains(&name.len()) && name.chars().all(unreserved) && !name.starts_with('.') {
        return vec![];
    }
    vec![Rejection::Attribute {
        name: "name".into(),
        why: "an RA profile's name stands in URLs: 1 to 64 letters, digits, and - . _ ~ (not first a dot)".into(),
    }]
}
