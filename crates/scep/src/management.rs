//! What operators do with the SCEP door, by REST and the command line alike: profiles, activations and challenges. Every
//! change is told in the trail with what it changed.
//!
//! Roles and scope are core's: reading asks for [`Action::ReadProfiles`], changing for [`Action::ManageProfiles`], and
//! what hangs on an RA profile is reached by who reaches that RA profile.

mod activation;
mod challenge;
mod profile;
mod settings;

use chancery_core::{Action, Actor, Error, Origin, ProfileRef, RaProfile, Rejection};

use crate::Scep;

pub use activation::NewActivation;
pub use challenge::{MadeChallenge, NewChallenge};
pub use profile::{NewScepProfile, ScepProfileEdit, ScepProfileRef};

impl Scep {
    /// An RA profile that the actor may see, read afresh.
    async fn ra_profile(&self, actor: &Actor, origin: &Origin, reference: &ProfileRef) -> Result<RaProfile, Error> {
        self.0.ra.profile(actor, origin, reference).await
    }

    /// The same, for what changes its SCEP door.
    async fn managed_ra_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        reference: &ProfileRef,
    ) -> Result<RaProfile, Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        self.ra_profile(actor, origin, reference).await
    }
}

fn state(why: impl Into<String>) -> Error {
    Error::rejected(Rejection::State(why.into()))
}
