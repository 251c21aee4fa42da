//! Activation: an RA profile's ACME door.

use chancery_core::attribute::{self, RequestAttribute};
use chancery_core::audit::{Event, Telling};
use chancery_core::{Action, Actor, Door, Error, Origin, Policy, ProfileRef, RaProfile, Rejection};
use uuid::Uuid;

use super::AcmeProfileRef;
use crate::{Acme, AcmeProfile, Activation};

/// What opens an RA profile's ACME door.
#[derive(Clone, Debug)]
pub struct NewActivation {
    /// How its directory behaves.
    pub acme_profile: AcmeProfileRef,
    /// Attributes of every issue.
    pub issue_attributes: Vec<RequestAttribute>,
    /// Attributes of every revocation.
    pub revoke_attributes: Vec<RequestAttribute>,
}

impl Acme {
    /// The activation of an RA profile, with its ACME profile; `None` while its ACME door is closed.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such RA profile within the actor's scope.
    pub async fn activation(
        &self,
        actor: &Actor,
        origin: &Origin,
        ra_profile: &ProfileRef,
    ) -> Result<Option<(Activation, AcmeProfile)>, Error> {
        let ra_profile = self.ra_profile(actor, origin, ra_profile).await?;
        let activations = self.0.store.activations().await?;
        let Some(activation) = activations.into_iter().find(|activation| activation.ra_profile == ra_profile.id) else {
            return Ok(None);
        };
        let profile = self.acme_profile(actor, origin, &AcmeProfileRef::Id(activation.acme_profile)).await?;
        Ok(Some((activation, profile)))
    }

    /// Open an RA profile's ACME door, or change how it behaves. Accounts belong to the pair of both profiles: with another
    /// ACME profile clients register anew.
    ///
    /// # Errors
    /// [`Error::NotFound`] when either profile is not there for this actor; [`Error::Rejected`] with every fault of the
    /// attributes, and when the directory's path is another's already; [`Error::Forbidden`] when the role may not, or the ACME
    /// profile serves RA profiles that a limited credential does not reach; [`Error::Conflict`] when the RA profile was changed meanwhile.
    pub async fn activate(
        &self,
        actor: &Actor,
        origin: &Origin,
        ra_profile: &ProfileRef,
        new: NewActivation,
    ) -> Result<(Activation, AcmeProfile), Error> {
        let profile = self.managed_ra_profile(actor, origin, ra_profile).await?;
        let done = self.open(actor, origin, &profile, new).await;
        self.0.ra.told_of(actor, origin, Event::AcmeActivate, Some(profile.id), None, done).await
    }

    async fn open(
        &self,
        actor: &Actor,
        origin: &Origin,
        ra_profile: &RaProfile,
        new: NewActivation,
    ) -> Result<(Activation, AcmeProfile), Error> {
        let acme_profile = self.acme_profile(actor, origin, &new.acme_profile).await?;
        self.reaches_all(actor, &acme_profile).await?;
        let mut faults = wrong_attributes(ra_profile, &new.issue_attributes, &new.revoke_attributes);
        faults.extend(self.taken_path(ra_profile).await?);
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        let next = self.0.ra.with_door(actor, origin, &ProfileRef::Id(ra_profile.id), Door::Acme, true).await?;
        let now = self.0.now();
        let activation = Activation {
            ra_profile: ra_profile.id,
            acme_profile: acme_profile.id,
            issue_attributes: new.issue_attributes,
            revoke_attributes: new.revoke_attributes,
            created_at: now,
        };
        let told = Telling::success(actor, origin, Event::AcmeActivate)
            .profile(Some(ra_profile.id))
            .with("name", &*ra_profile.name)
            .with("acmeProfile", acme_profile.id.to_string())
            .with("acmeProfileName", &*acme_profile.name)
            .with("issueAttributes", attribute::redacted(&activation.issue_attributes))
            .with("revokeAttributes", attribute::redacted(&activation.revoke_attributes))
            .at(now);
        let written = self.0.store.activate(activation.clone(), next, told).await;
        self.changed_door(ra_profile.id);
        written?;
        Ok((activation, acme_profile))
    }

    /// An ACME profile of the same name whose own directory has other accounts: they would be shut out.
    async fn taken_path(&self, ra_profile: &RaProfile) -> Result<Option<Rejection>, Error> {
        let named = self.0.store.acme_profiles().await?.into_iter().find(|profile| profile.name == ra_profile.name);
        let own = named.and_then(|profile| profile.ra_profile);
        Ok(own.filter(|own| *own != ra_profile.id).map(|_| {
            let name = &ra_profile.name;
            Rejection::State(format!(
                "/acme/{name} is the directory of the ACME profile of that name, which issues under another RA profile: take \
                 that directory away first"
            ))
        }))
    }

    /// Close an RA profile's ACME door; nothing happens when it is closed. Accounts and orders stay, and come back with it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such RA profile within the actor's scope; [`Error::Forbidden`] when the role
    /// may not; [`Error::Conflict`] when the RA profile was changed meanwhile.
    pub async fn deactivate(&self, actor: &Actor, origin: &Origin, ra_profile: &ProfileRef) -> Result<(), Error> {
        let profile = self.managed_ra_profile(actor, origin, ra_profile).await?;
        let activations = self.0.store.activations().await?;
        if !activations.iter().any(|activation| activation.ra_profile == profile.id) {
            return Ok(());
        }
        let next = self.0.ra.with_door(actor, origin, &ProfileRef::Id(profile.id), Door::Acme, false).await?;
        let told = Telling::success(actor, origin, Event::AcmeDeactivate)
            .profile(Some(profile.id))
            .with("name", &*profile.name)
            .at(self.0.now());
        let written = self.0.store.deactivate(next, told).await;
        self.changed_door(profile.id);
        Ok(written?)
    }

    fn changed_door(&self, ra_profile: Uuid) {
        self.0.ra.profile_changed(ra_profile);
        self.forget_directories();
    }

    /// The RA profiles that may be reached by ACME, for people who look for directories: by name, with the ACME profile.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the role may not; [`Error::Unavailable`] when the database does not answer.
    pub async fn activations(&self, actor: &Actor, origin: &Origin) -> Result<Vec<(RaProfile, Activation)>, Error> {
        self.0.ra.demand(actor, origin, Action::ReadProfiles).await?;
        let activations = self.0.store.activations().await?;
        let reachable = self.0.ra.profiles(actor, origin).await?.into_iter();
        let activated = reachable.filter_map(|profile| {
            let activation = activations.iter().find(|activation| activation.ra_profile == profile.id)?;
            Some((profile, activation.clone()))
        });
        Ok(activated.collect())
    }
}

/// Attributes that issuing or revoking through this RA profile does not take.
pub(super) fn wrong_attributes(
    ra_profile: &RaProfile,
    issue: &[RequestAttribute],
    revoke: &[RequestAttribute],
) -> Vec<Rejection> {
    let policy = match Policy::from_attributes(&ra_profile.attributes) {
        Ok(policy) => policy,
        Err(faults) => return faults,
    };
    let mut faults = attribute::check(&policy.issue_definitions(), issue).err().unwrap_or_default();
    faults.extend(attribute::check(&policy.revoke_definitions(), revoke).err().unwrap_or_default());
    faults
}
