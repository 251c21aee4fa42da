//! Who may use which RA profile. The issuing functions demand an [`Authorization`], so a door that forgot to ask does
//! not compile.

use std::sync::Arc;

use uuid::Uuid;

use crate::audit::Event;
use crate::{Action, Actor, Error, LoadedProfile, Origin, Ra, Rejection};

/// How a caller names an RA profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileRef {
    /// By its id.
    Id(Uuid),
    /// By its id, below its authority: another authority's profile is not found there.
    Under {
        /// The authority in the path.
        authority: Uuid,
        /// The RA profile in the path.
        profile: Uuid,
    },
    /// By its name.
    Name(String),
}

impl std::fmt::Display for ProfileRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(profile) | Self::Under { profile, .. } => profile.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// An answered question: this actor may use this RA profile. Made by [`Ra::authorize`] alone.
#[derive(Clone, Debug)]
pub struct Authorization {
    pub(crate) actor: Actor,
    pub(crate) origin: Origin,
    pub(crate) profile: Arc<LoadedProfile>,
}

impl Authorization {
    /// The RA profile that may be used.
    pub fn profile(&self) -> &LoadedProfile {
        &self.profile
    }

    /// Who may use it.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }
}

impl Ra {
    /// May `actor` use this RA profile?
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown profile, one of another authority, and one out of scope alike;
    /// [`Error::Forbidden`] when the role does not allow it; [`Error::Rejected`] when the profile is disabled, or closed to
    /// the door that asks.
    pub async fn authorize(
        &self,
        actor: &Actor,
        origin: &Origin,
        profile: &ProfileRef,
    ) -> Result<Authorization, Error> {
        self.demand(actor, origin, Action::UseProfile).await?;
        let profile = self.reachable_profile(actor, origin, profile).await?;
        if !profile.profile.enabled {
            let why = disabled(&profile);
            let telling = crate::audit::Telling::refused(Some(actor), origin, Event::AccessDenied)
                .profile(Some(profile.profile.id))
                .with("why", why.to_string());
            self.0.refusals.tell(telling, self.now()).await?;
            return Err(Error::rejected(why));
        }
        if origin.door.is_protocol() && !profile.profile.doors.contains(&origin.door) {
            let why = Rejection::State(format!(
                "RA profile {} is not open to {}: open that door, or use another profile",
                profile.profile.name,
                origin.door.as_str()
            ));
            let telling = crate::audit::Telling::refused(Some(actor), origin, Event::AccessDenied)
                .profile(Some(profile.profile.id))
                .with("why", why.to_string());
            self.0.refusals.tell(telling, self.now()).await?;
            return Err(Error::rejected(why));
        }
        Ok(Authorization { actor: actor.clone(), origin: origin.clone(), profile })
    }

    /// The same profile as it stands now, after a write found it changed.
    pub(crate) async fn authorize_again(&self, authorization: &Authorization) -> Result<Authorization, Error> {
        let id = authorization.profile.profile.id;
        self.0.profiles.forget(id);
        self.authorize(&authorization.actor, &authorization.origin, &ProfileRef::Id(id)).await
    }

    /// Does the role allow the action at all? A refusal is told. Doors that manage objects of their own ask it too.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when it does not.
    pub async fn demand(&self, actor: &Actor, origin: &Origin, action: Action) -> Result<(), Error> {
        if actor.may(action) {
            return Ok(());
        }
        let why = format!("the role {} may not {}", actor.role, action.describe());
        let telling = crate::audit::Telling::refused(Some(actor), origin, Event::AccessDenied).with("why", &*why);
        self.0.refusals.tell(telling, self.now()).await?;
        Err(Error::Forbidden(why))
    }

    /// An existing profile within the actor's scope. Reaching for one outside is told, and answered like an unknown one.
    pub(crate) async fn reachable_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &ProfileRef,
    ) -> Result<Arc<LoadedProfile>, Error> {
        let unknown = || Error::not_found("RA profile", reference);
        let profile = self.loaded_profile(reference).await?.ok_or_else(unknown)?;
        if let ProfileRef::Under { authority, .. } = reference
            && profile.profile.authority != *authority
        {
            return Err(unknown());
        }
        if !actor.scope.contains(Some(profile.profile.id)) {
            self.out_of_scope(actor, origin, Some(profile.profile.id), None).await?;
            return Err(unknown());
        }
        Ok(profile)
    }

    /// Tell that somebody reached for what lies outside its scope.
    pub(crate) async fn out_of_scope(
        &self,
        actor: &Actor,
        origin: &Origin,
        profile: Option<Uuid>,
        certificate: Option<Uuid>,
    ) -> Result<(), Error> {
        let mut telling = crate::audit::Telling::refused(Some(actor), origin, Event::AccessDenied)
            .profile(profile)
            .with("why", "out of scope");
        if let Some(certificate) = certificate {
            telling = telling.certificate(certificate);
        }
        self.0.refusals.tell(telling, self.now()).await
    }
}

pub(crate) fn disabled(profile: &LoadedProfile) -> Rejection {
    Rejection::State(format!("RA profile {} is disabled: enable it, or use another one", profile.profile.name))
}

impl Action {
    fn describe(self) -> &'static str {
        match self {
            Self::ReadCertificates => "read certificates",
            Self::UseProfile => "issue, renew, rekey or revoke certificates",
            Self::ReadProfiles => "read RA profiles",
            Self::ManageProfiles => "change RA profiles",
            Self::Approve => "decide what waits for an approval",
            Self::ReadAudit => "read the audit trail",
            Self::Administer => "manage tokens, users and authorities",
        }
    }
}
