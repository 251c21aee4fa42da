//! Orders: RFC 8555 section 7.1.3.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Authorization, AuthorizationStatus, Identifier, Problem};

mod new;
mod replaces;
mod view;

pub(crate) use new::{attribute, identifiers, issue_attributes, may_ask, too_many_pending, whole_second};
pub(crate) use view::{rfc3339, unknown};

/// RFC 8555 section 7.1.6, as clients see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderStatus {
    /// Not all authorizations are valid.
    Pending,
    /// All are; it waits for its finalize.
    Ready,
    /// Finalized; the certificate waits for somebody.
    Processing,
    /// The certificate is there.
    Valid,
    /// It will never be.
    Invalid,
}

/// What the store keeps of an order's status; the rest follows from its authorizations and from time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoredOrderStatus {
    /// Not finalized: pending, ready or invalid, as its authorizations say.
    Open,
    /// Finalized: a certificate object exists and waits (approval).
    Processing,
    /// Finalized: the certificate is issued.
    Valid,
    /// Given up, with its error.
    Invalid,
}

/// An order.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// Identifier of the object, in its URL.
    pub id: Uuid,
    /// The account.
    pub account: Uuid,
    /// As stored; ask [`Order::status_at`].
    pub status: StoredOrderStatus,
    /// The RA profile that issues: the directory's own, or the one of the order's `profile`.
    pub ra_profile: Uuid,
    /// The order's `profile` (draft-ietf-acme-profiles), set also when it was defaulted; none where the directory offers
    /// no choice.
    pub profile: Option<String>,
    /// What it is for, each once, in the order in which they were asked for.
    pub identifiers: Vec<Identifier>,
    /// Its authorizations, in the order of the identifiers; several identifiers may share one (RFC 9444).
    pub authorizations: Vec<Uuid>,
    /// The start that was asked for.
    pub not_before: Option<OffsetDateTime>,
    /// The end that was asked for.
    pub not_after: Option<OffsetDateTime>,
    /// Until when it can be finalized.
    pub expires_at: OffsetDateTime,
    /// Why it is invalid.
    pub error: Option<Problem>,
    /// The certificate object, once finalized.
    pub certificate: Option<Uuid>,
    /// RFC 9773 section 5: the certificate object that this one replaces.
    pub replaces: Option<Uuid>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

impl Order {
    /// Its status at this instant, with its authorizations.
    pub fn status_at(&self, authorizations: &[Authorization], now: OffsetDateTime) -> OrderStatus {
        match self.status {
            StoredOrderStatus::Processing => OrderStatus::Processing,
            StoredOrderStatus::Valid => OrderStatus::Valid,
            StoredOrderStatus::Invalid => OrderStatus::Invalid,
            StoredOrderStatus::Open if self.expires_at <= now => OrderStatus::Invalid,
            StoredOrderStatus::Open => {
                let statuses = authorizations.iter().map(|authorization| authorization.status_at(now));
                let (mut found, mut all_valid) = (0, true);
                for status in statuses {
                    found += 1;
                    match status {
                        AuthorizationStatus::Valid => {}
                        AuthorizationStatus::Pending => all_valid = false,
                        AuthorizationStatus::Invalid
                        | AuthorizationStatus::Deactivated
                        | AuthorizationStatus::Expired
                        | AuthorizationStatus::Revoked => return OrderStatus::Invalid,
                    }
                }
                // One that was purged or taken away proves nothing.
                if found < self.authorizations.len() {
                    return OrderStatus::Invalid;
                }
                if all_valid { OrderStatus::Ready } else { OrderStatus::Pending }
            }
        }
    }
}
