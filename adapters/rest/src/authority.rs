//! Authority instances: read here, made by the command line.

use actix_web::HttpResponse;
use actix_web::web::{self, Json, ServiceConfig};
use chancery_core::attribute::{Definition, RequestAttribute};
use chancery_core::port::AuthorityInstance;

use crate::call::{Call, With};
use crate::connector;
use crate::dto::authority::AuthorityInstanceDto;
use crate::dto::{Object, inner};
use crate::{Error, read};

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(read("/v1/authorities", list))
        .service(read("/v1/authorities/{uuid}", detail))
        .service(read("/v1/authorities/{uuid}/attributes/raProfile", profile_attributes))
        .service(
            web::resource("/v1/authorities/{uuid}/attributes/raProfile/validate")
                .route(web::post().to(validate_profile)),
        );
}

fn shown(authority: &AuthorityInstance) -> AuthorityInstanceDto {
    AuthorityInstanceDto {
        uuid: authority.id,
        name: authority.name.clone(),
        attributes: Vec::new(),
        custom_attributes: Vec::new(),
        status: "connected",
        connector_uuid: connector::ID,
        connector_name: connector::NAME,
        kind: authority.kind,
    }
}

async fn list(call: Call) -> Result<Json<Vec<AuthorityInstanceDto>>, Error> {
    Ok(Json(call.ra.authorities(&call.actor, &call.origin).await?.iter().map(|authority| shown(authority)).collect()))
}

async fn detail(call: Call) -> Result<Json<AuthorityInstanceDto>, Error> {
    Ok(Json(shown(&*call.ra.authority(&call.actor, &call.origin, call.id("uuid")?).await?)))
}

/// The whole issuance policy, as attributes that an RA profile of this authority can be given.
async fn profile_attributes(call: Call) -> Result<Json<Vec<Definition>>, Error> {
    call.ra.authority(&call.actor, &call.origin, call.id("uuid")?).await?;
    Ok(Json(call.ra.profile_definitions().to_vec()))
}

async fn validate_profile(With { call, body }: With<Vec<Object<RequestAttribute>>>) -> Result<HttpResponse, Error> {
    call.ra.authority(&call.actor, &call.origin, call.id("uuid")?).await?;
    chancery_core::Policy::from_attributes(&inner(Some(body))).map_err(chancery_core::Error::Rejected)?;
    Ok(HttpResponse::Ok().finish())
}
