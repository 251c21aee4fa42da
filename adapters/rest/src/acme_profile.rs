//! ACME profiles, and the ACME door of an RA profile.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{self, Json, ServiceConfig};
use chancery_acme::{
    AcmeProfile, AcmeProfileEdit, AcmeProfileRef, AcmeSettings, Activation, DirectoryPath, NewAcmeProfile,
    NewActivation,
};
use chancery_core::attribute::{RequestAttribute, ResponseAttribute, to_response};
use chancery_core::{Policy, ProfileRef, RaProfile, Rejection};
use uuid::Uuid;

use crate::call::{Call, With, uuid};
use crate::certificate::absent;
use crate::dto::acme_profile::{
    AcmeProfileDto, AcmeProfileListDto, AcmeProfileRequest, ActivateRequest, BulkActionMessageDto,
    RaProfileAcmeDetailDto,
};
use crate::dto::profile::SimplifiedRaProfileDto;
use crate::dto::{Object, UuidDto, inner};
use crate::operation::Unsupported;
use crate::profile::{etag, precondition};
use crate::{Error, read};

/// Most identifiers of one bulk request.
const MOST: usize = 1000;

pub(crate) fn routes(config: &mut ServiceConfig) {
    const ALL: &str = "/v1/acmeProfiles";
    const ONE: &str = "/v1/acmeProfiles/{acmeProfileUuid}";
    const DOOR: &str = "/v1/authorities/{authorityUuid}/raProfiles/{raProfileUuid}/protocols/acme";
    // The fixed names come before `{acmeProfileUuid}`, which would match them too.
    config
        .service(read(ALL, list).route(web::post().to(create)))
        .service(web::resource(format!("{ALL}/enable")).route(web::patch().to(enable_all)))
        .service(web::resource(format!("{ALL}/disable")).route(web::patch().to(disable_all)))
        .service(web::resource(format!("{ALL}/delete")).route(web::delete().to(delete_all)))
        .service(web::resource(format!("{ALL}/delete/force")).route(web::delete().to(force_delete_all)))
        .service(read(ONE, detail).route(web::put().to(edit)).route(web::delete().to(delete)))
        .service(web::resource(format!("{ONE}/enable")).route(web::patch().to(enable)))
        .service(web::resource(format!("{ONE}/disable")).route(web::patch().to(disable)))
        .service(web::resource(format!("{ONE}/raprofile/{{raProfileUuid}}")).route(web::patch().to(set_ra_profile)))
        .service(read(DOOR, door))
        .service(web::resource(format!("{DOOR}/activate/{{acmeProfileUuid}}")).route(web::patch().to(activate)))
        .service(web::resource(format!("{DOOR}/deactivate")).route(web::patch().to(deactivate)));
}

impl Call {
    /// The ACME profile of the path.
    pub fn acme_profile(&self) -> Result<AcmeProfileRef, Error> {
        Ok(AcmeProfileRef::Id(self.id("acmeProfileUuid")?))
    }

    /// An RA profile as answers show it; `None` when it is not this caller's to see.
    pub async fn simplified(&self, id: Uuid) -> Result<Option<(SimplifiedRaProfileDto, RaProfile)>, Error> {
        let profile = absent(self.ra.profile(&self.actor, &self.origin, &ProfileRef::Id(id)).await)?;
        Ok(profile.map(|profile| (SimplifiedRaProfileDto::of(&profile), profile)))
    }

    async fn listed(&self, profile: &AcmeProfile) -> Result<(AcmeProfileListDto, Option<RaProfile>), Error> {
        let (shown, ra_profile) = match profile.ra_profile {
            Some(id) => self.simplified(id).await?.unzip(),
            None => (None, None),
        };
        let listed = AcmeProfileListDto {
            uuid: profile.id,
            name: profile.name.clone(),
            enabled: profile.enabled,
            description: profile.description.clone(),
            ra_profile: shown,
            // The path that no RA profile's name can take from it.
            directory_url: self.acme.directory_url(&DirectoryPath::AcmeProfile(profile.name.clone())),
        };
        Ok((listed, ra_profile))
    }

    async fn answered_acme(&self, profile: &AcmeProfile) -> Result<HttpResponse, Error> {
        let (listed, ra_profile) = self.listed(profile).await?;
        let settings = &profile.settings;
        let attributes = shown(ra_profile.as_ref(), &settings.issue_attributes, &settings.revoke_attributes);
        let dto = AcmeProfileDto::of(profile, listed, attributes);
        Ok(HttpResponse::Ok().insert_header((header::ETAG, etag(profile.version))).json(dto))
    }
}

/// Attributes without their secrets, as the RA profile defines them.
fn shown(
    ra_profile: Option<&RaProfile>,
    issue: &[RequestAttribute],
    revoke: &[RequestAttribute],
) -> [Vec<ResponseAttribute>; 2] {
    let policy = ra_profile.and_then(|profile| Policy::from_attributes(&profile.attributes).ok());
    let definitions = policy.map(|policy| [policy.issue_definitions(), policy.revoke_definitions()]);
    let [issuing, revoking] = definitions.unwrap_or_default();
    [to_response(&issuing, issue), to_response(&revoking, revoke)]
}

async fn list(call: Call) -> Result<Json<Vec<AcmeProfileListDto>>, Error> {
    let profiles = call.acme.acme_profiles(&call.actor, &call.origin).await?;
    let mut shown = Vec::with_capacity(profiles.len());
    for profile in &profiles {
        shown.push(call.listed(profile).await?.0);
    }
    Ok(Json(shown))
}

async fn detail(call: Call) -> Result<HttpResponse, Error> {
    let profile = call.acme.acme_profile(&call.actor, &call.origin, &call.acme_profile()?).await?;
    call.answered_acme(&profile).await
}

async fn create(With { call, body: Object(body) }: With<Object<AcmeProfileRequest>>) -> Result<HttpResponse, Error> {
    unsupported(&body)?;
    let Some(name) = body.name.clone() else {
        return Err(rejected("name must not be null"));
    };
    let description = body.description.clone().filter(|text| !text.is_empty());
    let ra_profile = ra_profile(body.ra_profile_uuid.as_deref())?.flatten();
    // The platform's default, where ours is shorter.
    let mut settings = AcmeSettings { retry_after: 30, ..AcmeSettings::default() };
    body.apply(&mut settings).map_err(chancery_core::Error::Rejected)?;
    let new = NewAcmeProfile { name, description, enabled: false, ra_profile, settings };
    let profile = call.acme.create_acme_profile(&call.actor, &call.origin, new).await?;
    // Of the path alone: the Host header is the client's to choose.
    let location = format!("{}/{}", call.request.path().trim_end_matches('/'), profile.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(UuidDto { uuid: profile.id }))
}

async fn edit(With { call, body: Object(body) }: With<Object<AcmeProfileRequest>>) -> Result<HttpResponse, Error> {
    const NOUN: &str = "ACME profile";
    unsupported(&body)?;
    let reference = call.acme_profile()?;
    let current = call.acme.acme_profile(&call.actor, &call.origin, &reference).await?;
    let conditional = precondition(&call.request, current.version, NOUN)?;
    let description = body.description.clone().map(|text| Some(text).filter(|text| !text.is_empty()));
    let ra_profile = ra_profile(body.ra_profile_uuid.as_deref())?;
    let mut settings = current.settings;
    body.apply(&mut settings).map_err(chancery_core::Error::Rejected)?;
    let edit = AcmeProfileEdit {
        description,
        enabled: None,
        ra_profile,
        settings: Some(settings),
        // What the request leaves out was read here, so nobody else may have changed it since.
        expected_version: Some(current.version),
    };
    match call.acme.edit_acme_profile(&call.actor, &call.origin, &reference, edit).await {
        Ok(profile) => call.answered_acme(&profile).await,
        Err(chancery_core::Error::Conflict(_)) if conditional => Err(Error::PreconditionFailed(NOUN)),
        Err(error) => Err(error.into()),
    }
}

fn unsupported(body: &AcmeProfileRequest) -> Result<(), Error> {
    let custom = body.custom_attributes.as_ref().is_some_and(|custom| !custom.is_empty());
    let given = |value: &serde_json::Value| match value {
        serde_json::Value::Null => false,
        serde_json::Value::Object(members) => members.values().any(|value| !value.is_null()),
        _ => true,
    };
    let associated = body.certificate_associations.as_ref().is_some_and(given);
    Unsupported::default()
        .when(custom, "customAttributes", "custom attributes are not supported")
        .when(associated, "certificateAssociations", "owners and groups are not put on certificates here")
        .none()
}

/// The RA profile of a body: left out, taken away by an empty text, or named.
fn ra_profile(text: Option<&str>) -> Result<Option<Option<Uuid>>, Error> {
    match text {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(text) => match uuid(text) {
            Some(id) => Ok(Some(Some(id))),
            None => Err(Error::malformed("raProfileUuid is not a UUID")),
        },
    }
}

fn rejected(why: impl Into<String>) -> Error {
    chancery_core::Error::rejected(Rejection::State(why.into())).into()
}

async fn delete(call: Call) -> Result<HttpResponse, Error> {
    call.acme.delete_acme_profile(&call.actor, &call.origin, &call.acme_profile()?, false).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn enable(call: Call) -> Result<HttpResponse, Error> {
    switch(&call, true).await
}

async fn disable(call: Call) -> Result<HttpResponse, Error> {
    switch(&call, false).await
}

/// One that is so already answers 422, as the platform has it.
async fn switch(call: &Call, enabled: bool) -> Result<HttpResponse, Error> {
    let reference = call.acme_profile()?;
    let profile = call.acme.acme_profile(&call.actor, &call.origin, &reference).await?;
    if profile.enabled == enabled {
        let state = if enabled { "enabled" } else { "disabled" };
        return Err(rejected(format!("ACME profile {} is {state} already", profile.name)));
    }
    let edit = AcmeProfileEdit { enabled: Some(enabled), ..AcmeProfileEdit::default() };
    call.acme.edit_acme_profile(&call.actor, &call.origin, &reference, edit).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn set_ra_profile(call: Call) -> Result<HttpResponse, Error> {
    let edit = AcmeProfileEdit { ra_profile: Some(Some(call.id("raProfileUuid")?)), ..AcmeProfileEdit::default() };
    call.acme.edit_acme_profile(&call.actor, &call.origin, &call.acme_profile()?, edit).await?;
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
        if profile.enabled != enabled {
            let edit = AcmeProfileEdit { enabled: Some(enabled), ..AcmeProfileEdit::default() };
            let reference = AcmeProfileRef::Id(profile.id);
            call.acme.edit_acme_profile(&call.actor, &call.origin, &reference, edit).await?;
        }
    }
    Ok(HttpResponse::NoContent().finish())
}

async fn delete_all(With { call, body }: With<Vec<String>>) -> Result<Json<Vec<BulkActionMessageDto>>, Error> {
    delete_each(&call, &body, false).await
}

async fn force_delete_all(With { call, body }: With<Vec<String>>) -> Result<Json<Vec<BulkActionMessageDto>>, Error> {
    delete_each(&call, &body, true).await
}

/// What cannot be deleted is answered with its reason, and the others are deleted.
async fn delete_each(call: &Call, ids: &[String], force: bool) -> Result<Json<Vec<BulkActionMessageDto>>, Error> {
    let mut kept = Vec::new();
    for profile in reachable(call, ids).await? {
        let reference = AcmeProfileRef::Id(profile.id);
        match call.acme.delete_acme_profile(&call.actor, &call.origin, &reference, force).await {
            Ok(()) | Err(chancery_core::Error::NotFound { .. }) => {}
            Err(error @ (chancery_core::Error::Rejected(_) | chancery_core::Error::Conflict(_))) => {
                kept.push(BulkActionMessageDto { uuid: profile.id, name: profile.name, message: error.to_string() });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Json(kept))
}

/// The profiles of a bulk request: all of them are there, or nothing is done.
async fn reachable(call: &Call, ids: &[String]) -> Result<Vec<AcmeProfile>, Error> {
    let profiles = call.acme.acme_profiles(&call.actor, &call.origin).await?;
    let find = |id: Uuid| {
        let profile = profiles.iter().find(|profile| profile.id == id).cloned();
        profile.ok_or_else(|| chancery_core::Error::not_found("ACME profile", id).into())
    };
    identifiers(ids)?.into_iter().map(find).collect()
}

/// The identifiers of a bulk request, each once.
pub(crate) fn identifiers(ids: &[String]) -> Result<Vec<Uuid>, Error> {
    if ids.len() > MOST {
        return Err(Error::malformed(format!("more than {MOST} identifiers")));
    }
    let malformed = || Error::malformed("the body is not a list of UUIDs");
    let mut ids = ids.iter().map(|id| uuid(id).ok_or_else(malformed)).collect::<Result<Vec<Uuid>, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Whether the RA profile may be used by ACME, and how. The required `uuid` and `name`, which are the ACME profile's, are
/// the RA profile's own while its door is closed.
async fn door(call: Call) -> Result<Json<RaProfileAcmeDetailDto>, Error> {
    let reference = call.profile()?;
    let profile = call.ra.profile(&call.actor, &call.origin, &reference).await?;
    let activation = call.acme.activation(&call.actor, &call.origin, &reference).await?;
    Ok(Json(match activation {
        Some((activation, acme_profile)) => opened(&call, &profile, &activation, &acme_profile),
        None => RaProfileAcmeDetailDto {
            uuid: profile.id,
            name: profile.name,
            acme_available: false,
            directory_url: None,
            issue_certificate_attributes: Vec::new(),
            revoke_certificate_attributes: Vec::new(),
        },
    }))
}

fn opened(
    call: &Call,
    profile: &RaProfile,
    activation: &Activation,
    acme_profile: &AcmeProfile,
) -> RaProfileAcmeDetailDto {
    let [issue_certificate_attributes, revoke_certificate_attributes] =
        shown(Some(profile), &activation.issue_attributes, &activation.revoke_attributes);
    RaProfileAcmeDetailDto {
        uuid: acme_profile.id,
        name: acme_profile.name.clone(),
        acme_available: true,
        directory_url: Some(call.acme.directory_url(&DirectoryPath::Named(profile.name.clone()))),
        issue_certificate_attributes,
        revoke_certificate_attributes,
    }
}

async fn activate(
    With { call, body: Object(body) }: With<Object<ActivateRequest>>,
) -> Result<Json<RaProfileAcmeDetailDto>, Error> {
    let reference = call.profile()?;
    let profile = call.ra.profile(&call.actor, &call.origin, &reference).await?;
    let new = NewActivation {
        acme_profile: call.acme_profile()?,
        issue_attributes: inner(body.issue_certificate_attributes),
        revoke_attributes: inner(body.revoke_certificate_attributes),
    };
    let (activation, acme_profile) = call.acme.activate(&call.actor, &call.origin, &reference, new).await?;
    Ok(Json(opened(&call, &profile, &activation, &acme_profile)))
}

async fn deactivate(call: Call) -> Result<HttpResponse, Error> {
    call.acme.deactivate(&call.actor, &call.origin, &call.profile()?).await?;
    Ok(HttpResponse::NoContent().finish())
}
