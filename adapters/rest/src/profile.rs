//! RA profiles.

use actix_web::http::header;
use actix_web::web::{self, Json, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chancery_core::attribute::to_response;
use chancery_core::{NewProfile, ProfileEdit, ProfileRef, RaProfile, Rejection};
use serde_json::json;
use uuid::Uuid;

use crate::call::{Call, With, uuid};
use crate::certificate::absent;
use crate::dto::certificate::{CertificateDetailDto, authority_detail};
use crate::dto::profile::{AddRequest, EditRequest, RaProfileDto, enabled_protocols};
use crate::dto::{Object, UuidDto, inner};
use crate::operation::{Unsupported, issue_attributes, revoke_attributes};
use crate::{Error, read};

/// Most identifiers of one bulk request.
const MOST: usize = 1000;

pub(crate) fn routes(config: &mut ServiceConfig) {
    const LIST: &str = "/v1/authorities/{authorityUuid}/raProfiles";
    const ONE: &str = "/v1/authorities/{authorityUuid}/raProfiles/{raProfileUuid}";
    let at = |tail: &str| format!("{ONE}{tail}");
    config
        .service(read("/v1/raProfiles", list).route(web::delete().to(delete_all)))
        .service(web::resource("/v1/raProfiles/enable").route(web::patch().to(enable_all)))
        .service(web::resource("/v1/raProfiles/disable").route(web::patch().to(disable_all)))
        .service(read("/v1/raProfiles/{raProfileUuid}", detail).route(web::delete().to(delete)))
        .service(web::resource(LIST).route(web::post().to(create)))
        .service(read(ONE, detail).route(web::put().to(edit)).route(web::delete().to(delete)))
        .service(web::resource(at("/enable")).route(web::patch().to(enable)))
        .service(web::resource(at("/disable")).route(web::patch().to(disable)))
        .service(read(&at("/attributes/issue"), issue_attributes))
        .service(read(&at("/attributes/revoke"), revoke_attributes))
        .service(read(&at("/caCertificates"), authority_certificates))
        .service(read(&at("/protocols/{protocol}"), protocol));
}

impl Call {
    /// The RA profile of the path, below an authority where the path names one.
    fn any_profile(&self) -> Result<ProfileRef, Error> {
        match self.request.match_info().get("authorityUuid") {
            Some(_) => self.profile(),
            None => Ok(ProfileRef::Id(self.id("raProfileUuid")?)),
        }
    }

    async fn shown(&self, profile: &RaProfile) -> Result<RaProfileDto, Error> {
        let authority = absent(self.ra.authority(&self.actor, &self.origin, profile.authority).await)?;
        Ok(RaProfileDto {
            uuid: profile.id,
            name: profile.name.clone(),
            description: profile.description.clone(),
            authority_instance_uuid: profile.authority,
            authority_instance_name: authority.map(|authority| authority.name.clone()).unwrap_or_default(),
            legacy_authority: false,
            enabled: profile.enabled,
            attributes: to_response(&self.ra.profile_definitions(), &profile.attributes),
            custom_attributes: Vec::new(),
            enabled_protocols: enabled_protocols(profile),
        })
    }

    async fn answered(&self, profile: &RaProfile) -> Result<HttpResponse, Error> {
        Ok(HttpResponse::Ok().insert_header((header::ETAG, etag(profile.version))).json(self.shown(profile).await?))
    }
}

async fn list(call: Call) -> Result<Json<Vec<RaProfileDto>>, Error> {
    let enabled = call.flag("enabled")?;
    let profiles = call.ra.profiles(&call.actor, &call.origin).await?;
    let mut shown = Vec::with_capacity(profiles.len());
    for profile in profiles.iter().filter(|profile| enabled.is_none_or(|enabled| profile.enabled == enabled)) {
        shown.push(call.shown(profile).await?);
    }
    Ok(Json(shown))
}

async fn detail(call: Call) -> Result<HttpResponse, Error> {
    let profile = call.ra.profile(&call.actor, &call.origin, &call.any_profile()?).await?;
    call.answered(&profile).await
}

async fn create(With { call, body: Object(body) }: With<Object<AddRequest>>) -> Result<HttpResponse, Error> {
    let authority = call.id("authorityUuid")?;
    no_custom_attributes(body.custom_attributes.as_ref().is_some_and(|custom| !custom.is_empty()))?;
    let Some(name) = body.name else {
        let missing = Rejection::State("name must not be null".into());
        return Err(chancery_core::Error::rejected(missing).into());
    };
    let new = NewProfile {
        authority,
        name,
        description: body.description,
        attributes: inner(body.attributes),
        enabled: body.enabled.unwrap_or(false),
    };
    let profile = call.ra.create_profile(&call.actor, &call.origin, new).await?;
    // Of the path alone: the Host header is the client's to choose.
    let location = format!("{}/{}", call.request.path().trim_end_matches('/'), profile.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(UuidDto { uuid: profile.id }))
}

async fn edit(With { call, body: Object(body) }: With<Object<EditRequest>>) -> Result<HttpResponse, Error> {
    let reference = call.profile()?;
    no_custom_attributes(body.custom_attributes.as_ref().is_some_and(|custom| !custom.is_empty()))?;
    let current = call.ra.profile(&call.actor, &call.origin, &reference).await?;
    let conditional = precondition(&call.request, current.version, "RA profile")?;
    let edit = ProfileEdit {
        description: body.description.map(Some),
        attributes: body.attributes.map(|attributes| inner(Some(attributes))),
        enabled: body.enabled,
        expected_version: conditional.then_some(current.version),
    };
    match call.ra.edit_profile(&call.actor, &call.origin, &reference, edit).await {
        Ok(profile) => call.answered(&profile).await,
        Err(chancery_core::Error::Conflict(_)) if conditional => Err(Error::PreconditionFailed("RA profile")),
        Err(error) => Err(error.into()),
    }
}

fn no_custom_attributes(any: bool) -> Result<(), Error> {
    Unsupported::default().when(any, "customAttributes", "custom attributes are not supported").none()
}

pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Whether the request depends on the version that it names; refused when that is not the current one.
pub(crate) fn precondition(request: &HttpRequest, version: i64, noun: &'static str) -> Result<bool, Error> {
    let mut conditions = request.headers().get_all(header::IF_MATCH).peekable();
    if conditions.peek().is_none() {
        return Ok(false);
    }
    let current = etag(version);
    let named = conditions.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim);
    for tag in named {
        if tag == "*" {
            return Ok(false);
        }
        if tag == current {
            return Ok(true);
        }
    }
    Err(Error::PreconditionFailed(noun))
}

async fn delete(call: Call) -> Result<HttpResponse, Error> {
    call.ra.delete_profile(&call.actor, &call.origin, &call.any_profile()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn enable(call: Call) -> Result<HttpResponse, Error> {
    call.ra.enable_profile(&call.actor, &call.origin, &call.profile()?, true).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn disable(call: Call) -> Result<HttpResponse, Error> {
    call.ra.enable_profile(&call.actor, &call.origin, &call.profile()?, false).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn enable_all(With { call, body }: With<Vec<String>>) -> Result<HttpResponse, Error> {
    switch_all(&call, &body, true).await
}

async fn disable_all(With { call, body }: With<Vec<String>>) -> Result<HttpResponse, Error> {
    switch_all(&call, &body, false).await
}

async fn switch_all(call: &Call, ids: &[String], enabled: bool) -> Result<HttpResponse, Error> {
    for profile in reachable(call, ids).await? {
        call.ra.enable_profile(&call.actor, &call.origin, &profile, enabled).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

async fn delete_all(With { call, body }: With<Vec<String>>) -> Result<HttpResponse, Error> {
    for profile in reachable(&call, &body).await? {
        call.ra.delete_profile(&call.actor, &call.origin, &profile).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// The profiles of a bulk request: all of them are there, or nothing is done.
async fn reachable(call: &Call, ids: &[String]) -> Result<Vec<ProfileRef>, Error> {
    if ids.len() > MOST {
        return Err(Error::malformed(format!("more than {MOST} identifiers")));
    }
    let malformed = || Error::malformed("the body is not a list of UUIDs");
    let mut ids = ids.iter().map(|id| uuid(id).ok_or_else(malformed)).collect::<Result<Vec<Uuid>, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    let profiles: Vec<_> = ids.into_iter().map(ProfileRef::Id).collect();
    for profile in &profiles {
        call.ra.profile(&call.actor, &call.origin, profile).await?;
    }
    Ok(profiles)
}

async fn authority_certificates(call: Call) -> Result<Json<Vec<CertificateDetailDto>>, Error> {
    let profile = call.ra.profile(&call.actor, &call.origin, &call.profile()?).await?;
    let authority = call.ra.authority(&call.actor, &call.origin, profile.authority).await?;
    let now = call.ra.ports().clock.now();
    Ok(Json(authority.chain.iter().map(|(id, certificate)| authority_detail(*id, certificate, now)).collect()))
}

/// These protocol doors come with their own issues; until then neither is available on any profile. The required `uuid`
/// and `name`, which would be the protocol profile's, are the RA profile's.
async fn protocol(call: Call) -> Result<HttpResponse, Error> {
    let available = match call.request.match_info().get("protocol") {
        Some("scep") => "scepAvailable",
        Some("cmp") => "cmpAvailable",
        _ => return Err(chancery_core::Error::not_found("protocol", "in this path").into()),
    };
    let profile = call.ra.profile(&call.actor, &call.origin, &call.profile()?).await?;
    Ok(HttpResponse::Ok().json(json!({ "uuid": profile.id, "name": profile.name, available: false })))
}
