//! RA profiles: the channel through which certificates are asked for, and its policy.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::attribute::RequestAttribute;
use crate::{Door, Policy};

/// An RA profile as it is stored. Its issuance policy *is* its attributes, published as definitions by the authority.
#[derive(Clone, Debug, PartialEq)]
pub struct RaProfile {
    /// Identifier.
    pub id: Uuid,
    /// Unique name, shown in URLs of the protocol doors.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// A disabled profile issues nothing.
    pub enabled: bool,
    /// The authority that signs.
    pub authority: Uuid,
    /// The protocol doors that are open on it, beside REST, which always is.
    pub doors: BTreeSet<Door>,
    /// The policy, as attribute values.
    pub attributes: Vec<RequestAttribute>,
    /// Counts the edits: the issuing transaction demands the version that the decision was based on.
    pub version: i64,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was last edited.
    pub updated_at: OffsetDateTime,
}

/// An RA profile with its policy read from its attributes.
#[derive(Clone, Debug)]
pub struct LoadedProfile {
    /// As stored.
    pub profile: RaProfile,
    /// Its attributes, read.
    pub policy: Policy,
}
