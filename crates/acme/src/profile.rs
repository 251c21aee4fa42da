//! ACME profiles: how a directory behaves. What may be issued is the RA profile's matter.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use chancery_core::attribute::RequestAttribute;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::ChallengeType;

/// The two that a directory is made of, and what an account belongs to: the same pair is one directory whether its URL
/// names the RA profile or the ACME profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DirectoryId {
    /// How it behaves.
    pub acme_profile: Uuid,
    /// What it issues.
    pub ra_profile: Uuid,
}

/// An ACME profile.
#[derive(Clone, Debug, PartialEq)]
pub struct AcmeProfile {
    /// Identifier.
    pub id: Uuid,
    /// Unique; RFC 3986 unreserved characters, for it stands in URLs.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// A disabled one answers at no directory.
    pub enabled: bool,
    /// The RA profile of its own directory (`/acme/{name of the ACME profile}/directory`).
    pub ra_profile: Option<Uuid>,
    /// Everything else.
    pub settings: AcmeSettings,
    /// Counts the edits; writes are conditional on it.
    pub version: i64,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was last edited.
    pub updated_at: OffsetDateTime,
}

/// The ACME door of an RA profile: `/acme/{name of the RA profile}/directory`.
#[derive(Clone, Debug, PartialEq)]
pub struct Activation {
    /// The RA profile; at most one activation each.
    pub ra_profile: Uuid,
    /// How its directory behaves.
    pub acme_profile: Uuid,
    /// Attributes of every issue.
    pub issue_attributes: Vec<RequestAttribute>,
    /// Attributes of every revocation.
    pub revoke_attributes: Vec<RequestAttribute>,
    /// When it was activated.
    pub created_at: OffsetDateTime,
}

/// Whether accounts are bound to EAB keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EabPolicy {
    /// A binding is verified when it comes.
    #[default]
    Optional,
    /// No new account without one (RFC 8555 section 7.3.4: externalAccountRequired).
    Required,
}

/// How a directory behaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AcmeSettings {
    /// Directory meta: the terms that a client agrees to.
    pub terms_of_service: Option<String>,
    /// Directory meta.
    pub website: Option<String>,
    /// New accounts must agree to the terms.
    pub require_terms_agreement: bool,
    /// The terms have changed: every request answers userActionRequired until this is off again (RFC 8555 section 7.3.3).
    pub terms_changed: bool,
    /// Where the changed terms are agreed to.
    pub terms_changed_url: Option<String>,
    /// New accounts must name a contact.
    pub require_contact: bool,
    /// External account binding.
    pub eab: EabPolicy,
    /// Offered challenge types; each is offered only for identifiers that it can prove.
    pub challenges: BTreeSet<ChallengeType>,
    /// Ask CAA (RFC 8659, RFC 8657).
    pub caa: bool,
    /// The issuer domain names that CAA records may name; shown as caaIdentities. dns-persist-01 needs one as well.
    pub caa_identities: Vec<String>,
    /// Attributes of every issue at the profile's own directory; an activation has its own.
    pub issue_attributes: Vec<RequestAttribute>,
    /// Attributes of every revocation at the profile's own directory; an activation has its own.
    pub revoke_attributes: Vec<RequestAttribute>,
    /// The resolver for this profile's DNS questions, in place of the configured one.
    pub resolver: Option<SocketAddr>,
    /// How long an order may take, in seconds.
    pub order_lifetime: u32,
    /// How long a valid authorization counts, in seconds.
    pub authorization_lifetime: u32,
    /// A new order takes up authorizations that are valid already.
    pub reuse_authorizations: bool,
    /// Seconds that clients are told to wait while something is being done.
    pub retry_after: u32,
    /// TRUSTED MODE, for closed networks: accounts bound by an EAB key get the names of that key without any challenge.
    pub trusted_without_challenges: bool,
    /// Other RA profiles that an order may choose by its `profile` (draft-ietf-acme-profiles); with any, the directory's
    /// own is offered too.
    pub profiles: BTreeSet<Uuid>,
    /// RFC 9444: an authorization may cover the names below its own.
    pub subdomains: bool,
    /// Serve newAuthz (RFC 8555 section 7.4.1).
    pub pre_authorization: bool,
    /// Take base64url with padding, which RFC 8555 section 6.1 forbids (Synology pads its CSR).
    pub padded_base64: bool,
    /// Most identifiers of an order.
    pub most_identifiers: u32,
    /// Most open orders of an account.
    pub most_open_orders: u32,
    /// Most pending authorizations of an account.
    pub most_pending_authorizations: u32,
    /// Most contacts of an account.
    pub most_contacts: u32,
    /// Requests per minute of one account; 0: no limit. Likewise below.
    pub account_requests_per_minute: u32,
    /// New accounts per hour of one address.
    pub new_accounts_per_hour: u32,
    /// New orders per hour of one account.
    pub new_orders_per_hour: u32,
    /// New orders per hour of the whole directory.
    pub directory_orders_per_hour: u32,
    /// Certificates per day of one registered domain.
    pub domain_orders_per_day: u32,
    /// Failed validations per hour of one account and identifier.
    pub failed_validations_per_hour: u32,
    /// Failed validations per hour of one account, whatever the identifiers.
    pub account_failures_per_hour: u32,
}

impl Default for AcmeSettings {
    fn default() -> Self {
        Self {
            terms_of_service: None,
            website: None,
            require_terms_agreement: false,
            terms_changed: false,
            terms_changed_url: None,
            require_contact: false,
            eab: EabPolicy::Optional,
            challenges: [ChallengeType::Http01, ChallengeType::Dns01, ChallengeType::TlsAlpn01].into(),
            caa: false,
            caa_identities: Vec::new(),
            issue_attributes: Vec::new(),
            revoke_attributes: Vec::new(),
            resolver: None,
            order_lifetime: 36_000,
            authorization_lifetime: 86_400,
            reuse_authorizations: true,
            retry_after: 3,
            trusted_without_challenges: false,
            profiles: BTreeSet::new(),
            subdomains: false,
            pre_authorization: true,
            padded_base64: false,
            most_identifiers: 100,
            most_open_orders: 1_000,
            most_pending_authorizations: 3_000,
            most_contacts: 10,
            // What succeeds is not limited from the start: what is abused is counted, which is what fails, what is left
            // unfinished, and accounts.
            account_requests_per_minute: 0,
            new_accounts_per_hour: 300,
            new_orders_per_hour: 0,
            directory_orders_per_hour: 0,
            domain_orders_per_day: 0,
            failed_validations_per_hour: 60,
            account_failures_per_hour: 600,
        }
    }
}
