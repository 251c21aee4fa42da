//! ACME accounts, and EAB keys and renewal marks (members of our own alone).

use chancery_acme::{AccountStatus, AccountView, EabKey, MadeEabKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::date;
use super::profile::SimplifiedRaProfileDto;

/// `AcmeAccountListResponseDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct AcmeAccountListDto {
    pub account_id: String,
    pub uuid: Uuid,
    pub enabled: bool,
    pub total_orders: u32,
    pub status: AccountStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ra_profile: Option<SimplifiedRaProfileDto>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acme_profile_name: Option<String>,
    pub acme_profile_uuid: Uuid,
}

impl AcmeAccountListDto {
    /// Of an account, with what was read beside it.
    pub fn of(
        view: &AccountView,
        ra_profile: Option<SimplifiedRaProfileDto>,
        acme_profile_name: Option<String>,
    ) -> Self {
        let (account, orders) = (&view.account, &view.orders);
        Self {
            // The last part of its URL, which is all that clients know of it.
            account_id: account.id.to_string(),
            uuid: account.id,
            enabled: !account.disabled,
            total_orders: orders.open + orders.processing + orders.valid + orders.invalid,
            status: account.status,
            ra_profile,
            acme_profile_name,
            acme_profile_uuid: account.directory.acme_profile,
        }
    }
}

/// `AcmeAccountResponseDto`; `eabKeyUuid`, `created` and `termsOfServiceAgreedAt` are our own.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct AcmeAccountDto {
    #[serde(flatten)]
    pub account: AcmeAccountListDto,
    pub successful_orders: u32,
    pub failed_orders: u32,
    pub pending_orders: u32,
    pub valid_orders: u32,
    pub processing_orders: u32,
    pub contact: Vec<String>,
    pub terms_of_service_agreed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service_agreed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eab_key_uuid: Option<Uuid>,
    pub created: String,
}

impl AcmeAccountDto {
    /// Of an account, as lists show it.
    pub fn of(view: &AccountView, shown: AcmeAccountListDto) -> Self {
        let (account, orders) = (&view.account, &view.orders);
        Self {
            account: shown,
            successful_orders: orders.valid,
            failed_orders: orders.invalid,
            pending_orders: orders.open,
            valid_orders: orders.valid,
            processing_orders: orders.processing,
            contact: account.contacts.clone(),
            terms_of_service_agreed: account.terms_agreed_at.is_some(),
            terms_of_service_agreed_at: account.terms_agreed_at.map(date),
            eab_key_uuid: account.eab_key,
            created: date(account.created_at),
        }
    }
}

/// An EAB key, without its secret.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EabKeyDto {
    /// The `kid` that clients are given.
    pub uuid: Uuid,
    /// The RA profile whose directories take it.
    pub ra_profile_uuid: Uuid,
    /// The ACME profile of the one directory that takes it; left out: every directory of the RA profile that is not in
    /// trusted mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acme_profile_uuid: Option<Uuid>,
    /// For people.
    pub description: String,
    /// Names that its accounts may ask for; left out: whatever the RA profile allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
    /// How many accounts may be bound; left out: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// How many were.
    pub used: u32,
    /// How many certificates its accounts may get; left out: any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<u32>,
    /// How many they got.
    pub issued: u32,
    /// When it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
    /// When it was made.
    pub created: String,
}

impl EabKeyDto {
    /// Of a key.
    pub fn of(key: &EabKey) -> Self {
        Self {
            uuid: key.id,
            ra_profile_uuid: key.ra_profile,
            acme_profile_uuid: key.acme_profile,
            description: key.description.clone(),
            names: key.names.clone(),
            uses: key.uses,
            used: key.used,
            quota: key.quota,
            issued: key.issued,
            expires: key.expires_at.map(date),
            revoked: key.revoked_at.map(date),
            created: date(key.created_at),
        }
    }
}

/// An EAB key as it is handed out, once.
#[derive(Clone, Debug, Serialize)]
pub struct MadeEabKeyDto {
    /// The key.
    #[serde(flatten)]
    pub key: EabKeyDto,
    /// The key identifier: its uuid again, as ACME clients ask for it.
    pub kid: String,
    /// The MAC key, base64url without padding.
    #[serde(rename = "hmacKey")]
    pub hmac_key: String,
}

impl MadeEabKeyDto {
    /// Of a key just made.
    pub fn of(made: &MadeEabKey) -> Self {
        Self { key: EabKeyDto::of(&made.key), kid: made.key.id.to_string(), hmac_key: made.secret.to_string() }
    }
}

/// What a new EAB key is asked for with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EabKeyRequest {
    /// The RA profile whose directories take it; left out: that of the ACME profile's own directory.
    pub ra_profile_uuid: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// Names that its accounts may ask for.
    pub names: Option<Vec<String>>,
    /// How many accounts may be bound.
    pub uses: Option<u32>,
    /// How many certificates its accounts may get.
    pub quota: Option<u32>,
    /// When it is over, RFC 3339.
    pub expires: Option<String>,
}

/// Which certificates shall be renewed at once, or not any more: some, or all of an RA profile.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RenewalMarkRequest {
    /// These.
    pub certificate_uuids: Option<Vec<String>>,
    /// All that stand of this RA profile.
    pub ra_profile_uuid: Option<String>,
    /// The page that explains why.
    pub explanation_url: Option<String>,
}

/// How many certificates were marked or freed.
#[derive(Clone, Debug, Serialize)]
pub struct MarkedDto {
    /// The number.
    pub certificates: u64,
}
