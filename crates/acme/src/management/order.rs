//! Orders, as operators look at them when a client complains.

use chancery_core::{Action, Actor, Error, Origin};
use uuid::Uuid;

use crate::{Acme, Authorization, Order, OrderStatus};

/// An order with its authorizations and its status at the moment of asking.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderView {
    /// The order.
    pub order: Order,
    /// Its status.
    pub status: OrderStatus,
    /// Its authorizations with their challenges, in the order of the identifiers; purged ones are missing.
    pub authorizations: Vec<Authorization>,
}

impl Acme {
    /// One order.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none on an RA profile within the actor's scope.
    pub async fn show_order(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<OrderView, Error> {
        self.0.ra.demand(actor, origin, Action::ReadProfiles).await?;
        let found = self.0.store.order(id).await?;
        let (order, mut authorizations) = found
            .filter(|(order, _)| actor.scope.contains(Some(order.ra_profile)))
            .ok_or_else(|| Error::not_found("ACME order", id))?;
        let status = order.status_at(&authorizations, self.0.now());
        let place = |authorization: &Authorization| order.authorizations.iter().position(|id| *id == authorization.id);
        authorizations.sort_by_key(place);
        Ok(OrderView { order, status, authorizations })
    }
}
