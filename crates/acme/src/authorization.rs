//! Authorizations: RFC 8555 section 7.1.4.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Challenge, Identifier};

mod new;
mod view;

pub(crate) use new::{Needed, is_trusted, vouches};

/// RFC 8555 section 7.1.6. What has expired is told as `expired` whatever is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorizationStatus {
    /// Waits for a challenge.
    Pending,
    /// Proved.
    Valid,
    /// A challenge failed for good.
    Invalid,
    /// Given up by the client.
    Deactivated,
    /// Its time is over.
    Expired,
    /// Taken back by the server.
    Revoked,
}

/// An authorization: whether an account may have certificates for an identifier.
#[derive(Clone, Debug, PartialEq)]
pub struct Authorization {
    /// Identifier of the object, in its URL.
    pub id: Uuid,
    /// The account.
    pub account: Uuid,
    /// The name, without `*.`.
    pub identifier: Identifier,
    /// It is for the wildcard below the name.
    pub wildcard: bool,
    /// RFC 9444: names below this one are authorized too.
    pub subdomains: bool,
    /// As stored; ask [`Authorization::status_at`].
    pub status: AuthorizationStatus,
    /// Until when it can be proved while pending, until when it counts while valid.
    pub expires_at: OffsetDateTime,
    /// The challenges, in the order in which they are shown. Empty when it was authorized without one (trusted mode).
    pub challenges: Vec<Challenge>,
    /// When the next attempt of a processing challenge is due.
    pub attempt_at: Option<OffsetDateTime>,
    /// When CAA last allowed it, where CAA is asked.
    pub caa_checked_at: Option<OffsetDateTime>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

impl Authorization {
    /// Its status at this instant: what is pending or valid expires.
    pub fn status_at(&self, now: OffsetDateTime) -> AuthorizationStatus {
        match self.status {
            AuthorizationStatus::Pending | AuthorizationStatus::Valid if self.expires_at <= now => {
                AuthorizationStatus::Expired
            }
            status => status,
        }
    }
}
