//! The one built-in connector: read-only, there so that `connectorUuid` and `kind` mean something.

use actix_web::web::{Json, ServiceConfig};
use chancery_core::Action;
use uuid::{Uuid, uuid};

use crate::call::Call;
use crate::dto::connector::{ConnectorDto, FunctionGroupDto};
use crate::{Error, read};

/// The connector's identifier, the same in every installation.
pub(crate) const ID: Uuid = uuid!("6b0a7c52-3d1e-4c55-9a57-1f0e3d2c4b5a");
/// Its name.
pub(crate) const NAME: &str = "built-in";
const FUNCTION_GROUP: Uuid = uuid!("b1f6f1c4-90c7-4b7a-8a44-5c2f6d7e8f90");

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(read("/v1/connectors", list)).service(read("/v1/connectors/{uuid}", detail));
}

fn built_in() -> ConnectorDto {
    ConnectorDto {
        uuid: ID,
        name: NAME,
        function_groups: vec![FunctionGroupDto {
            function_group_code: "authorityProvider",
            kinds: vec!["built-in"],
            end_points: Vec::new(),
            uuid: FUNCTION_GROUP,
            name: "authorityProvider",
        }],
        url: "urn:chancery:built-in",
        auth_type: "none",
        auth_attributes: Vec::new(),
        status: "connected",
        custom_attributes: Vec::new(),
    }
}

fn may_read(call: &Call) -> Result<(), Error> {
    if call.actor.may(Action::ReadProfiles) {
        return Ok(());
    }
    Err(chancery_core::Error::Forbidden(format!("the role {} may not read connectors", call.actor.role)).into())
}

async fn list(call: Call) -> Result<Json<Vec<ConnectorDto>>, Error> {
    may_read(&call)?;
    Ok(Json(vec![built_in()]))
}

async fn detail(call: Call) -> Result<Json<ConnectorDto>, Error> {
    may_read(&call)?;
    match call.id("uuid")? {
        ID => Ok(Json(built_in())),
        other => Err(chancery_core::Error::not_found("connector", other).into()),
    }
}
