//! What operators do with the ACME door, by REST and the command line alike: profiles, activations, accounts, EAB keys,
//! orders to look at, and marks for renewal. Every change is told in the trail with what it changed.
//!
//! Roles and scope are core's: reading asks for [`Action::ReadProfiles`], changing for [`Action::ManageProfiles`], and
//! what hangs on an RA profile is reached by who reaches that RA profile.

mod account;
mod activation;
mod eab;
mod order;
mod profile;
mod renewal;
mod settings;

use chancery_core::{Action, Actor, Error, Origin, ProfileRef, RaProfile, Rejection};
use uuid::Uuid;

use crate::Acme;

pub use account::{AccountFilter, AccountView};
pub use activation::NewActivation;
pub use eab::{MadeEabKey, NewEabKey};
pub use order::OrderView;
pub use profile::{AcmeProfileEdit, AcmeProfileRef, NewAcmeProfile};
pub use renewal::Marked;

impl Acme {
    /// An RA profile that the actor may see, read afresh.
    async fn ra_profile(&self, actor: &Actor, origin: &Origin, reference: &ProfileRef) -> Result<RaProfile, Error> {
        self.0.ra.profile(actor, origin, reference).await
    }

    /// The same, for what changes its ACME door.
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
