//! RA profiles.

use chancery_core::attribute::{RequestAttribute, ResponseAttribute};
use chancery_core::{Door, RaProfile};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Object;

/// `SimplifiedRaProfileDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct SimplifiedRaProfileDto {
    pub uuid: Uuid,
    pub name: String,
    pub enabled: bool,
    pub authority_instance_uuid: Uuid,
}

impl SimplifiedRaProfileDto {
    /// Of a profile.
    pub fn of(profile: &RaProfile) -> Self {
        Self {
            uuid: profile.id,
            name: profile.name.clone(),
            enabled: profile.enabled,
            authority_instance_uuid: profile.authority,
        }
    }
}

/// `RaProfileDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct RaProfileDto {
    pub uuid: Uuid,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub authority_instance_uuid: Uuid,
    pub authority_instance_name: String,
    pub legacy_authority: bool,
    pub enabled: bool,
    pub attributes: Vec<ResponseAttribute>,
    pub custom_attributes: Vec<Value>,
    pub enabled_protocols: Vec<String>,
}

/// The protocols that are open, as the published documents spell them.
pub fn enabled_protocols(profile: &RaProfile) -> Vec<String> {
    let spelled = |door: &Door| match door {
        Door::Acme => Some("ACME".to_owned()),
        Door::Scep => Some("SCEP".to_owned()),
        Door::Est => Some("EST".to_owned()),
        Door::Rest | Door::Cli | Door::System => None,
    };
    profile.doors.iter().filter_map(spelled).collect()
}

/// `AddRaProfileRequestDto`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct AddRequest {
    pub name: Option<String>,
    pub description: Option<String>,
    pub attributes: Option<Vec<Object<RequestAttribute>>>,
    pub custom_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub enabled: Option<bool>,
}

/// `EditRaProfileRequestDto`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct EditRequest {
    pub description: Option<String>,
    pub attributes: Option<Vec<Object<RequestAttribute>>>,
    pub custom_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub enabled: Option<bool>,
}
