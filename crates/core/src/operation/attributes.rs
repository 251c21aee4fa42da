//! What attributes do the operations take?

use std::sync::Arc;

use crate::attribute::{self, Definition, RequestAttribute};
use crate::{Action, Actor, Authorization, Error, LoadedProfile, Origin, ProfileRef, Ra};

impl Ra {
    /// What issuing through this RA profile can be told.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such enabled profile within the actor's scope.
    pub async fn issue_attributes(
        &self,
        actor: &Actor,
        origin: &Origin,
        profile: &ProfileRef,
    ) -> Result<Vec<Definition>, Error> {
        Ok(self.enabled_profile(actor, origin, profile).await?.issue_definitions.clone())
    }

    /// What revoking through this RA profile can be told.
    ///
    /// # Errors
    /// As [`Ra::issue_attributes`].
    pub async fn revoke_attributes(
        &self,
        actor: &Actor,
        origin: &Origin,
        profile: &ProfileRef,
    ) -> Result<Vec<Definition>, Error> {
        Ok(self.enabled_profile(actor, origin, profile).await?.revoke_definitions.clone())
    }

    /// Would these issue attributes do, as far as can be said without a request?
    ///
    /// # Errors
    /// As [`Ra::issue_attributes`]; [`Error::Rejected`] with every fault.
    pub async fn validate_issue_attributes(
        &self,
        actor: &Actor,
        origin: &Origin,
        profile: &ProfileRef,
        values: &[RequestAttribute],
    ) -> Result<(), Error> {
        let loaded = self.enabled_profile(actor, origin, profile).await?;
        self.check_issue_attributes(&loaded, values)
    }

    /// Would these issue attributes do for a caller that is authorized already, as far as can be said without a request?
    ///
    /// # Errors
    /// [`Error::Rejected`] with every fault.
    pub fn foresee(&self, authorization: &Authorization, values: &[RequestAttribute]) -> Result<(), Error> {
        self.check_issue_attributes(&authorization.profile, values)
    }

    fn check_issue_attributes(&self, loaded: &LoadedProfile, values: &[RequestAttribute]) -> Result<(), Error> {
        let attributes = attribute::check(&loaded.issue_definitions, values).map_err(Error::Rejected)?;
        let instance = self.issuing_instance(loaded.profile.authority)?;
        loaded.policy.check_attributes(&attributes, &instance.issuer().1, self.now()).map_err(Error::Rejected)
    }

    /// Would these revoke attributes do?
    ///
    /// # Errors
    /// As [`Ra::validate_issue_attributes`].
    pub async fn validate_revoke_attributes(
        &self,
        actor: &Actor,
        origin: &Origin,
        profile: &ProfileRef,
        values: &[RequestAttribute],
    ) -> Result<(), Error> {
        let loaded = self.enabled_profile(actor, origin, profile).await?;
        super::revoke::invalidity_date(&loaded, values, self.now()).map(|_| ()).map_err(Error::Rejected)
    }

    /// To these questions a disabled profile answers like an unknown one.
    async fn enabled_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        profile: &ProfileRef,
    ) -> Result<Arc<LoadedProfile>, Error> {
        self.demand(actor, origin, Action::ReadProfiles).await?;
        let loaded = self.reachable_profile(actor, origin, profile).await?;
        if loaded.profile.enabled { Ok(loaded) } else { Err(Error::not_found("RA profile", profile)) }
    }
}
