//! Challenges: RFC 8555 section 8, RFC 8737, and the drafts.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::Problem;

mod respond;

/// How control of an identifier is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ChallengeType {
    /// RFC 8555 section 8.3.
    #[serde(rename = "http-01")]
    Http01,
    /// RFC 8555 section 8.4.
    #[serde(rename = "dns-01")]
    Dns01,
    /// RFC 8737.
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
    /// draft-ietf-acme-dns-account-label.
    #[serde(rename = "dns-account-01")]
    DnsAccount01,
    /// draft-ietf-acme-dns-persist.
    #[serde(rename = "dns-persist-01")]
    DnsPersist01,
    /// draft-acme-device-attest.
    #[serde(rename = "device-attest-01")]
    DeviceAttest01,
}

impl ChallengeType {
    /// Every type.
    pub const ALL: [Self; 6] =
        [Self::Http01, Self::Dns01, Self::TlsAlpn01, Self::DnsAccount01, Self::DnsPersist01, Self::DeviceAttest01];

    /// The registered name: in challenge objects, URLs, and CAA's `validationmethods` (RFC 8657 section 4).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::DnsAccount01 => "dns-account-01",
            Self::DnsPersist01 => "dns-persist-01",
            Self::DeviceAttest01 => "device-attest-01",
        }
    }
}

impl std::fmt::Display for ChallengeType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for ChallengeType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::as_str).join(", ");
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("unknown challenge type {text:?}: one of {known}"))
    }
}

/// RFC 8555 section 7.1.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChallengeStatus {
    /// Offered.
    Pending,
    /// The client says that it is ready; it is being looked at, perhaps again.
    Processing,
    /// Proved.
    Valid,
    /// Not proved, and not tried again.
    Invalid,
}

/// A challenge of an authorization. Kept with its authorization; its URL names both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    /// How.
    #[serde(rename = "type")]
    pub kind: ChallengeType,
    /// How far.
    pub status: ChallengeStatus,
    /// At least 128 random bits, base64url (RFC 8555 section 8).
    pub token: String,
    /// When it was proved.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::rfc3339::option")]
    pub validated: Option<OffsetDateTime>,
    /// What the last attempt found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// Attempts made.
    #[serde(default)]
    pub attempts: u32,
    /// What the client sent with its response, where the type needs it later (device-attest-01: the attestation object).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<serde_json::Value>,
    /// The URL by which the client knows its account: CAA and the DNS methods name the account by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_url: Option<String>,
}
