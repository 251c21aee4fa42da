//! Who am I: what cert-manager's issuer asks as its health check.

use actix_web::web::{Json, ServiceConfig};
use chancery_core::{Action, Role};
use uuid::{Uuid, uuid};

use crate::call::Call;
use crate::dto::user::{PermissionsDto, RoleDto, UserProfileDetailDto};
use crate::read;

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(read("/v1/auth/profile", profile));
}

async fn profile(call: Call) -> Json<UserProfileDetailDto> {
    let listings = [
        ("certificates", Action::ReadCertificates),
        ("raProfiles", Action::ReadProfiles),
        ("authorities", Action::ReadProfiles),
        ("connectors", Action::ReadProfiles),
        ("acmeProfiles", Action::ReadProfiles),
        ("acmeAccounts", Action::ReadProfiles),
    ];
    let allowed_listings =
        listings.into_iter().filter(|(_, action)| call.actor.may(*action)).map(|(resource, _)| resource).collect();
    Json(UserProfileDetailDto {
        uuid: call.actor.id,
        username: call.actor.name.clone(),
        groups: Vec::new(),
        enabled: true,
        system_user: false,
        roles: vec![RoleDto { uuid: role_id(call.actor.role), name: call.actor.role.as_str(), system_role: true }],
        custom_attributes: Vec::new(),
        permissions: PermissionsDto { allowed_listings },
    })
}

/// Roles are fixed, and so are their identifiers.
fn role_id(role: Role) -> Uuid {
    match role {
        Role::Requester => uuid!("2f0c1a7e-0001-4e7b-9b1a-6d5c4b3a2f10"),
        Role::Operator => uuid!("2f0c1a7e-0002-4e7b-9b1a-6d5c4b3a2f10"),
        Role::Auditor => uuid!("2f0c1a7e-0003-4e7b-9b1a-6d5c4b3a2f10"),
        Role::Administrator => uuid!("2f0c1a7e-0004-4e7b-9b1a-6d5c4b3a2f10"),
    }
}
