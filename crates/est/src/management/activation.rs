//! EstActivation: an RA profile's EST door.

use chancery_core::attribute::{self, RequestAttribute};
use chancery_core::audit::{Event, Telling};
use chancery_core::{Action, Actor, Door, Error, Origin, Policy, ProfileRef, RaProfile, Rejection};
use uuid::Uuid;

use super::{EstProfileRef, out_of_reach};
use crate::{Est, EstActivation, EstProfile};

/// What opens an RA profile's EST door.
#[derive(Clone, Debug)]
pub struct NewEstActivation {
    /// How its directory behaves.
    pub est_profile: EstProfileRef,
    /// Attributes of every issue.
    pub issue_attributes: Vec<RequestAttribute>,
    /// Whether it is the one that answers without a label too.
    pub unlabelled: bool,
}

impl Est {
    /// The activation of an RA profile, with its EST profile; `None` while its EST door is closed.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such RA profile within the actor's scope.
    pub async fn activation(
        &self,
        actor: &Actor,
        origin: &Origin,
        ra_profile: &ProfileRef,
    ) -> Result<Option<(EstActivation, EstProfile)>, Error> {
        let ra_profile = self.ra_profile(actor, origin, ra_profile).await?;
        let activations = self.0.store.est_activations().await?;
        let Some(activation) = activations.into_iter().find(|activation| activation.ra_profile == ra_profile.id) else {
            return Ok(None);
        };
        let profile = self.est_profile(actor, origin, &EstProfileRef::Id(activation.est_profile)).await?;
        Ok(Some((activation, profile)))
    }

    /// Open an RA profile's EST door, or change how it behaves.
    ///
    /// # Errors
    /// [`Error::NotFound`] when either profile is not there for this actor; [`Error::Rejected`] with every fault of the
    /// attributes; [`Error::Forbidden`] when the role may not, or another RA profile, which a limited
    /// credential does not reach, answers without a label; [`Error::Conflict`] when the RA profile was changed meanwhile.
    pub async fn activate(
        &self,
        actor: &Actor,
        origin: &Origin,
        ra_profile: &ProfileRef,
        new: NewEstActivation,
    ) -> Result<(EstActivation, EstProfile), Error> {
        let profile = self.managed_ra_profile(actor, origin, ra_profile).await?;
        let done = self.open(actor, origin, &profile, new).await;
        self.0.ra.told_of(actor, origin, Event::EstActivate, Some(profile.id), None, done).await
    }

    async fn open(
        &self,
        actor: &Actor,
        origin: &Origin,
        ra_profile: &RaProfile,
        new: NewEstActivation,
    ) -> Result<(EstActivation, EstProfile), Error> {
        let est_profile = self.est_profile(actor, origin, &new.est_profile).await?;
        if new.unlabelled {
            // Whoever takes that place takes it from another.
            let activations = self.0.store.est_activations().await?;
            let before = activations.iter().filter(|other| other.unlabelled).map(|other| other.ra_profile);
            if !out_of_reach(actor, before).is_empty() {
                return Err(Error::Forbidden(
                    "another RA profile, beyond those that this credential is limited to, answers without a label"
                        .into(),
                ));
            }
        }
        let faults = wrong_attributes(ra_profile, &new.issue_attributes);
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        let next = self.0.ra.with_door(actor, origin, &ProfileRef::Id(ra_profile.id), Door::Est, true).await?;
        let now = self.0.now();
        let activation = EstActivation {
            ra_profile: ra_profile.id,
            est_profile: est_profile.id,
            unlabelled: new.unlabelled,
            issue_attributes: new.issue_attributes,
            created_at: now,
        };
        let told = Telling::success(actor, origin, Event::EstActivate)
            .profile(Some(ra_profile.id))
            .with("name", &*ra_profile.name)
            .with("estProfile", est_profile.id.to_string())
            .with("estProfileName", &*est_profile.name)
            .with("issueAttributes", attribute::redacted(&activation.issue_attributes))
            .with("unlabelled", activation.unlabelled)
            .at(now);
        let written = self.0.store.activate_est(activation.clone(), next, told).await;
        self.changed_est_door(ra_profile.id);
        written?;
        Ok((activation, est_profile))
    }

    /// Close an RA profile's EST door; nothing happens when it is closed. Users and codes stay, and come back with it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such RA profile within the actor's scope; [`Error::Forbidden`] when the role
    /// may not; [`Error::Conflict`] when the RA profile was changed meanwhile.
    pub async fn deactivate(&self, actor: &Actor, origin: &Origin, ra_profile: &ProfileRef) -> Result<(), Error> {
        let profile = self.managed_ra_profile(actor, origin, ra_profile).await?;
        let activations = self.0.store.est_activations().await?;
        if !activations.iter().any(|activation| activation.ra_profile == profile.id) {
            return Ok(());
        }
        let next = self.0.ra.with_door(actor, origin, &ProfileRef::Id(profile.id), Door::Est, false).await?;
        let told = Telling::success(actor, origin, Event::EstDeactivate)
            .profile(Some(profile.id))
            .with("name", &*profile.name)
            .at(self.0.now());
        let written = self.0.store.deactivate_est(next, told).await;
        self.changed_est_door(profile.id);
        Ok(written?)
    }

    fn changed_est_door(&self, ra_profile: Uuid) {
        self.0.ra.profile_changed(ra_profile);
        self.forget_endpoints();
    }

    /// The RA profiles that may be reached by EST, for people who look for doors: by name, with the EST profile.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the role may not; [`Error::Unavailable`] when the database does not answer.
    pub async fn activations(&self, actor: &Actor, origin: &Origin) -> Result<Vec<(RaProfile, EstActivation)>, Error> {
        self.0.ra.demand(actor, origin, Action::ReadProfiles).await?;
        let activations = self.0.store.est_activations().await?;
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
    match Policy::from_attributes(&ra_profile.attributes) {
        Ok(policy) => attribute::check(&policy.issue_definitions(), issue).err().unwrap_or_default(),
        Err(faults) => faults,
    }
}
