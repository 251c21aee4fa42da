//! SCEP profiles: how a door behaves. What may be issued is the RA profile's matter.

use chancery_core::attribute::RequestAttribute;
use chancery_pki::cms::Legacy;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// The two that a door is made of, and what a transaction belongs to: the same pair is one door whatever its URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DoorId {
    /// How it behaves.
    pub scep_profile: Uuid,
    /// What it issues.
    pub ra_profile: Uuid,
}

/// A SCEP profile.
#[derive(Clone, PartialEq)]
pub struct ScepProfile {
    /// Identifier.
    pub id: Uuid,
    /// Unique; RFC 3986 unreserved characters, for it stands in URLs.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// A disabled one answers nowhere.
    pub enabled: bool,
    /// The RA profile of its own door (`/scep/{name of the SCEP profile}`).
    pub ra_profile: Option<Uuid>,
    /// The static challenge, sealed. Without one, one-time challenges alone are taken: never is a door open to everybody.
    pub sealed_challenge: Option<Vec<u8>>,
    /// Everything else.
    pub settings: ScepSettings,
    /// Counts the edits; writes are conditional on it.
    pub version: i64,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was last edited.
    pub updated_at: OffsetDateTime,
}

impl std::fmt::Debug for ScepProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ScepProfile({}, {})", self.name, self.id)
    }
}

/// The SCEP door of an RA profile: `/scep/{name of the RA profile}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Activation {
    /// The RA profile; at most one activation each.
    pub ra_profile: Uuid,
    /// How its door behaves.
    pub scep_profile: Uuid,
    /// Attributes of every issue.
    pub issue_attributes: Vec<RequestAttribute>,
    /// When it was activated.
    pub created_at: OffsetDateTime,
}

/// How a door behaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ScepSettings {
    /// Days before the end of a certificate from which on it may be renewed; `None`: as the RA profile says.
    pub renewal_threshold: Option<u32>,
    /// The issuing CA's certificate comes with every issued one: some clients need it there, others refuse it.
    pub include_ca: bool,
    /// The whole chain comes with it.
    pub include_ca_chain: bool,
    /// GetCACert ends with the root.
    pub root_in_ca_certificates: bool,
    /// Read SHA-1, Triple DES and single DES, and tell clients so. For devices that can nothing else; never answered with
    /// SHA-1 or single DES.
    pub legacy: bool,
    /// A request that is signed by a self-made certificate has that certificate's key.
    pub require_signer_key: bool,
    /// PENDING and FAILURE have an empty content instead of none, which some devices misread.
    pub empty_content: bool,
    /// How long a one-time challenge holds when nobody says otherwise, in seconds.
    pub challenge_lifetime: u32,
    /// How long the RA's own certificates live, in days.
    pub ra_lifetime: u32,
    /// Failures per minute of one address, after which it is told to come back; 0: no limit.
    pub failures_per_minute: u32,
    /// Attributes of every issue at the profile's own door; an activation has its own.
    pub issue_attributes: Vec<RequestAttribute>,
    /// The CA certificate that the door shall stand under: requests are refused while the RA profile's authority signs with
    /// another. `None`: whichever signs.
    pub ca_certificate: Option<Uuid>,
}

impl Default for ScepSettings {
    fn default() -> Self {
        Self {
            renewal_threshold: None,
            include_ca: false,
            include_ca_chain: false,
            root_in_ca_certificates: true,
            legacy: false,
            require_signer_key: true,
            empty_content: false,
            challenge_lifetime: 86_400,
            ra_lifetime: 365,
            failures_per_minute: 120,
            issue_attributes: Vec::new(),
            ca_certificate: None,
        }
    }
}

impl ScepSettings {
    /// The outdated algorithms that are read.
    pub fn legacy(&self) -> Legacy {
        if self.legacy { Legacy::ALL } else { Legacy::default() }
    }
}
