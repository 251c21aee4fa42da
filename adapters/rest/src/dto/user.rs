//! Who am I.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::NameAndUuidDto;

/// `UserProfileDetailDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct UserProfileDetailDto {
    pub uuid: Uuid,
    pub username: String,
    pub groups: Vec<NameAndUuidDto>,
    pub enabled: bool,
    pub system_user: bool,
    pub roles: Vec<RoleDto>,
    pub custom_attributes: Vec<Value>,
    pub permissions: PermissionsDto,
}

/// `RoleDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct RoleDto {
    pub uuid: Uuid,
    pub name: &'static str,
    pub system_role: bool,
}

/// `UserProfilePermissionsDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionsDto {
    /// The kinds of objects that the caller may list.
    pub allowed_listings: Vec<&'static str>,
}
