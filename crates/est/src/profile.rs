//! EST profiles: how an EST door behaves. What may be issued is the RA profile's matter.

use std::collections::BTreeSet;

use chancery_core::attribute::RequestAttribute;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// An EST profile.
#[derive(Clone, Debug, PartialEq)]
pub struct EstProfile {
    /// Identifier.
    pub id: Uuid,
    /// Unique; RFC 3986 unreserved characters, for it can be a label in URLs.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// A disabled one answers at no label.
    pub enabled: bool,
    /// The RA profile of its own label (`/.well-known/est/{name of the EST profile}/`).
    pub ra_profile: Option<Uuid>,
    /// Everything else.
    pub settings: EstSettings,
    /// Counts the edits; writes are conditional on it.
    pub version: i64,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was last edited.
    pub updated_at: OffsetDateTime,
}

/// The EST door of an RA profile: `/.well-known/est/{name of the RA profile}/`.
#[derive(Clone, Debug, PartialEq)]
pub struct EstActivation {
    /// The RA profile; at most one activation each.
    pub ra_profile: Uuid,
    /// How its door behaves.
    pub est_profile: Uuid,
    /// Whether it is the one that answers at `/.well-known/est/` too, without a label: at most one of all.
    pub unlabelled: bool,
    /// Attributes of every issue.
    pub issue_attributes: Vec<RequestAttribute>,
    /// When it was activated.
    pub created_at: OffsetDateTime,
}

/// Whether requests must be linked to their TLS session (RFC 7030 section 3.5). What is present is always checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Linking {
    /// A request without a value is taken.
    #[default]
    WhenPresent,
    /// A request without a value is refused; CSR attributes ask for it.
    Required,
}

/// A third party's CA (a manufacturer's), and what its certificates may ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Anchor {
    /// For people, and the trail.
    pub name: String,
    /// The CA certificate in PEM.
    pub certificate: String,
    /// From its certificates to names, as [`crate::AnchorNames`] reads them: `{own}` for the certificate's own names,
    /// `{serialNumber}.devices.example`, or patterns.
    pub names: Vec<String>,
}

/// How an EST door behaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EstSettings {
    /// Proof-of-possession linking.
    pub linking: Linking,
    /// Certificates of our own may enrol and re-enrol: each for its own names.
    pub certificates: bool,
    /// EST users may enrol by HTTP Basic.
    pub passwords: bool,
    /// One-time codes may enrol, by HTTP Basic.
    pub codes: bool,
    /// Bearer tokens of the REST API may enrol.
    pub tokens: bool,
    /// Enrolling takes a client certificate and a credential in the Authorization header, and what both allow.
    pub certificate_and_credential: bool,
    /// Other RA profiles whose certificates may enrol here, beside those of the RA profile itself.
    pub certificate_profiles: BTreeSet<Uuid>,
    /// SHA-256 fingerprints of certificates with id-kp-cmcRA, issued by our own CA: they ask for any name, and are
    /// excused from linking (RFC 7030 section 3.7).
    pub registrars: Vec<String>,
    /// Third parties whose certificates may enrol.
    pub anchors: Vec<Anchor>,
    /// Re-enrolment demands subject and alternative names byte for byte, not as names compare (RFC 7030 section 4.2.2).
    pub exact_names: bool,
    /// Take PEM and raw DER as bodies too.
    pub lenient_bodies: bool,
    /// Length of the Base64 lines in answers: 0 (one line), 64 or 76.
    pub line_length: u32,
    /// Answer enrolments with the whole chain, not with the certificate alone.
    pub chain_in_answers: bool,
    /// Serve keys made here (RFC 7030 section 4.4).
    pub server_key_generation: bool,
    /// For how long the same request gets the same certificate, in seconds; 0: each gets its own.
    pub repeat_for: u32,
    /// Seconds that clients wait while somebody decides.
    pub retry_after: u32,
    /// Attributes of every issue at the profile's own label; an activation has its own.
    pub issue_attributes: Vec<RequestAttribute>,
}

impl Default for EstSettings {
    fn default() -> Self {
        Self {
            linking: Linking::WhenPresent,
            certificates: true,
            passwords: true,
            codes: true,
            tokens: true,
            certificate_and_credential: false,
            certificate_profiles: BTreeSet::new(),
            registrars: Vec::new(),
            anchors: Vec::new(),
            exact_names: false,
            lenient_bodies: true,
            line_length: 0,
            chain_in_answers: false,
            server_key_generation: false,
            repeat_for: 86_400,
            retry_after: 60,
            issue_attributes: Vec::new(),
        }
    }
}

impl EstSettings {
    /// Whether anything in an Authorization header can open the door.
    pub(crate) fn takes_credentials(&self) -> bool {
        self.passwords || self.codes || self.tokens
    }
}
