//! What operators do with the EST door, by REST and the command line alike: profiles, activations, users and codes. Every
//! change is told in the trail with what it changed.
//!
//! Roles and scope are core's: reading asks for [`Action::ReadProfiles`], changing for [`Action::ManageProfiles`], and
//! what hangs on an RA profile is reached by who reaches that RA profile.

mod activation;
mod credential;
mod profile;
mod settings;

use chancery_core::{Action, Actor, Error, Origin, ProfileRef, RaProfile, Rejection};
use uuid::Uuid;

use crate::Est;

pub use activation::NewEstActivation;
pub use credential::{MadeEstCode, NewEstCode, NewEstUser, NewGrant};
pub use profile::{EstProfileEdit, EstProfileRef, NewEstProfile};

impl Est {
    /// An RA profile that the actor may see, read afresh.
    async fn ra_profile(&self, actor: &Actor, origin: &Origin, reference: &ProfileRef) -> Result<RaProfile, Error> {
        self.0.ra.profile(actor, origin, reference).await
    }

    /// The same, for what changes its EST door.
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

/// RA profiles that the actor does not reach.
fn out_of_reach(actor: &Actor, profiles: impl IntoIterator<Item = Uuid>) -> Vec<Uuid> {
    profiles.into_iter().filter(|profile| !actor.scope.contains(Some(*profile))).collect()
}
