//! Activation: an RA profile's SCEP door.

use chancery_core::attribute::{self, RequestAttribute};
use chancery_core::audit::{Event, Telling};
use chancery_core::{Action, Actor, Door, Error, Origin, Policy, ProfileRef, RaProfile, Rejection};
use uuid::Uuid;

use super::ScepProfileRef;
use crate::{Activation, Scep, ScepProfile};

/// What opens an RA profile's SCEP door.
#[derive(Clone, Debug)]
pub struct NewActivation {
    /// How its door behaves.
    pub scep_profile: ScepProfileRef,
    /// Attributes of every issue.
    pub issue_attributes: Vec<RequestAttribute>,
}

impl Scep {
    /// The activation of an RA profile, with its SCEP profile; `None` while its SCEP door is closed.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such RA profile within the actor's scope.
    pub async fn activation(
        &self,
        actor: &Actor,
        origin: &Origin,
        ra_profile: &ProfileRef,
    ) -> Result<Option<(Activation, ScepProfile)>, Error> {
        let ra_profile = self.ra_profile(actor, origin, ra_profile).await?;
        let activations = self.0.store.scep_activations().await?;
        let Some(activation) = activations.into_iter().find(|activation| activation.ra_profile == ra_profile.id) else {
            return Ok(None);
        };
        let profile = self.scep_profile(actor, origin, &ScepProfileRef::Id(activation.scep_profile)).await?;
        Ok(Some((activation, profile)))
    }

    /// Open an RA profile's SCEP door, or change how it behaves. Transactions belong to the pair of both profiles.
    ///
    /// # Errors
    /// [`Error::NotFound`] when either profile is not there for this actor; [`Error::Rejected`] with every fault of the
    /// attributes; [`Error::Forbidden`] when the role may not; [`Error::Conflict`] when the RA profile was changed meanwhile.
    pub async fn activate(
        &self,
        actor: &Actor,
        origin: &Origin,
        ra_profile: &ProfileRef,
        new: NewActivation,
    ) -> Result<(Activation, ScepProfile), Error> {
        let profile = self.managed_ra_profile(actor, origin, ra_profile).await?;
        let done = self.opened(actor, origin, &profile, new).await;
        self.0.ra.told_of(actor, origin, Event::ScepActivate, Some(profile.id), None, done).await
    }

    async fn opened(
        &self,
        actor: &Actor,
        origin: &Origin,
        ra_profile: &RaProfile,
        new: NewActivation,
    ) -> Result<(Activation, ScepProfile), Error> {
        let scep_profile = self.scep_profile(actor, origin, &new.scep_profile).await?;
        let faults = wrong_attributes(ra_profile, &new.issue_attributes);
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        let next = self.0.ra.with_door(actor, origin, &ProfileRef::Id(ra_profile.id), Door::Scep, true).await?;
        let now = self.0.now();
        let activation = Activation {
            ra_profile: ra_profile.id,
            scep_profile: scep_profile.id,
            issue_attributes: new.issue_attributes,
            created_at: now,
        };
        let told = Telling::success(actor, origin, Event::ScepActivate)
            .profile(Some(ra_profile.id))
            .with("name", &*ra_profile.name)
            .with("scepProfile", scep_profile.id.to_string())
            .with("scepProfileName", &*scep_profile.name)
            .with("issueAttributes", attribute::redacted(&activation.issue_attributes))
            .at(now);
        let written = self.0.store.activate_scep(activation.clone(), next, told).await;
        self.changed_door(ra_profile.id);
        written?;
        Ok((activation, scep_profile))
    }

    /// Close an RA profile's SCEP door; nothing happens when it is closed. Transactions stay, and come back with it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such RA profile within the actor's scope; [`Error::Forbidden`] when the role
    /// may not; [`Error::Conflict`] when the RA profile was changed meanwhile.
    pub async fn deactivate(&self, actor: &Actor, origin: &Origin, ra_profile: &ProfileRef) -> Result<(), Error> {
        let profile = self.managed_ra_profile(actor, origin, ra_profile).await?;
        let activations = self.0.store.scep_activations().await?;
        if !activations.iter().any(|activation| activation.ra_profile == profile.id) {
            return Ok(());
        }
        let next = self.0.ra.with_door(actor, origin, &ProfileRef::Id(profile.id), Door::Scep, false).await?;
        let told = Telling::success(actor, origin, Event::ScepDeactivate)
            .profile(Some(profile.id))
            .with("name", &*profile.name)
            .at(self.0.now());
        let written = self.0.store.deactivate_scep(next, told).await;
        self.changed_door(profile.id);
        Ok(written?)
    }

    fn changed_door(&self, ra_profile: Uuid) {
        self.0.ra.profile_changed(ra_profile);
        self.forget_doors();
    }

    /// The RA profiles that may be reached by SCEP, for people who look for doors: by name, with the SCEP profile.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the role may not; [`Error::Unavailable`] when the database does not answer.
    pub async fn activations(&self, actor: &Actor, origin: &Origin) -> Result<Vec<(RaProfile, Activation)>, Error> {
        self.0.ra.demand(actor, origin, Action::ReadProfiles).await?;
        let activations = self.0.store.scep_activations().await?;
        let reachable = self.0.ra.profiles(actor, origin).await?.into_iter();
        let activated = reachable.filter_map(|profile| {
            let activation = activations.iter().find(|activation| activation.ra_profile == profile.id)?;
            Some((profile, activation.clone()))
        });
        Ok(activated.collect())
    }
}

/// Attributes that issuing through this RA profile does not take.
pub(super) fn wrong_attributes(ra_profile: &RaProfile, issue: &[RequestAttribute]) -> Vec<Rejection> {
    let policy = match Policy::from_attributes(&ra_profile.attributes) {
        Ok(policy) => policy,
        Err(faults) => return faults,
    };
    attribute::check(&policy.issue_definitions(), issue).err().unwrap_or_default()
}
