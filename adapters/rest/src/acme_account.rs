//! ACME accounts, EAB keys, and marks for renewal.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::web::{self, Json, ServiceConfig};
use actix_web::{CustomizeResponder, Responder};
use chancery_acme::{AccountFilter, AccountView, AcmeProfile, EabKey, Marked, NewEabKey};
use chancery_core::{ProfileRef, Rejection};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::acme_profile::identifiers;
use crate::call::{Call, With, uuid};
use crate::certificate::NEXT_CURSOR;
use crate::dto::Object;
use crate::dto::acme_account::{
    AcmeAccountDto, AcmeAccountListDto, EabKeyDto, EabKeyRequest, MadeEabKeyDto, MarkedDto, RenewalMarkRequest,
};
use crate::dto::profile::SimplifiedRaProfileDto;
use crate::{Error, read};

/// Accounts of one answer; the rest by `cursor`.
const PAGE: u32 = 1000;

pub(crate) fn routes(config: &mut ServiceConfig) {
    const ALL: &str = "/v1/acmeAccounts";
    const ONE: &str = "/v1/acmeProfiles/{acmeProfileUuid}/acmeAccounts/{acmeAccountUuid}";
    const KEYS: &str = "/v1/acmeProfiles/{acmeProfileUuid}/eabKeys";
    const ALL_KEYS: &str = "/v1/acmeEabKeys";
    config
        .service(read(ALL, list))
        .service(web::resource(format!("{ALL}/enable")).route(web::patch().to(enable_all)))
        .service(web::resource(format!("{ALL}/disable")).route(web::patch().to(disable_all)))
        .service(web::resource(format!("{ALL}/revoke")).route(web::put().to(revoke_all)))
        .service(read(ONE, detail).route(web::post().to(revoke)))
        .service(web::resource(format!("{ONE}/enable")).route(web::patch().to(enable)))
        .service(web::resource(format!("{ONE}/disable")).route(web::patch().to(disable)))
        .service(read(KEYS, eab_keys).route(web::post().to(create_eab_key)))
        .service(web::resource(format!("{KEYS}/{{eabKeyUuid}}")).route(web::delete().to(revoke_eab_key)))
        .service(read(ALL_KEYS, all_eab_keys))
        .service(web::resource(format!("{ALL_KEYS}/{{eabKeyUuid}}")).route(web::delete().to(revoke_any_eab_key)))
        .service(web::resource("/v1/acmeRenewalMarks").route(web::put().to(mark)).route(web::delete().to(unmark)));
}

/// All accounts, newest first, the first thousand: the header `x-next-cursor` says where to go on.
async fn list(call: Call) -> Result<CustomizeResponder<Json<Vec<AcmeAccountListDto>>>, Error> {
    let after = match call.query("cursor").as_deref() {
        None | Some("") => None,
        Some(cursor) => Some(uuid(cursor).ok_or_else(|| Error::malformed("cursor is not a UUID"))?),
    };
    let filter = AccountFilter { after, limit: PAGE, ..AccountFilter::default() };
    let views = call.acme.accounts(&call.actor, &call.origin, filter).await?;
    let names: HashMap<Uuid, String> = call
        .acme
        .acme_profiles(&call.actor, &call.origin)
        .await?
        .into_iter()
        .map(|profile| (profile.id, profile.name))
        .collect();
    let ra_profiles: HashMap<Uuid, SimplifiedRaProfileDto> = call
        .ra
        .profiles(&call.actor, &call.origin)
        .await?
        .iter()
        .map(|profile| (profile.id, SimplifiedRaProfileDto::of(profile)))
        .collect();
    let shown = |view: &AccountView| {
        let directory = view.account.directory;
        let ra_profile = ra_profiles.get(&directory.ra_profile).cloned();
        AcmeAccountListDto::of(view, ra_profile, names.get(&directory.acme_profile).cloned())
    };
    let list = Json(views.iter().map(shown).collect::<Vec<_>>()).customize();
    Ok(match views.last().filter(|_| views.len() == PAGE as usize) {
        Some(last) => list.insert_header((NEXT_CURSOR, last.account.id.to_string())),
        None => list,
    })
}

/// The account of the path, with the ACME profile of the path, which must be its own.
async fn found(call: &Call) -> Result<(AccountView, AcmeProfile), Error> {
    let profile = call.acme.acme_profile(&call.actor, &call.origin, &call.acme_profile()?).await?;
    let id = call.id("acmeAccountUuid")?;
    let view = call.acme.account(&call.actor, &call.origin, id).await?;
    if view.account.directory.acme_profile != profile.id {
        return Err(chancery_core::Error::not_found("ACME account", id).into());
    }
    Ok((view, profile))
}

async fn detail(call: Call) -> Result<Json<AcmeAccountDto>, Error> {
    let (view, profile) = found(&call).await?;
    let ra_profile = call.simplified(view.account.directory.ra_profile).await?.map(|(shown, _)| shown);
    let listed = AcmeAccountListDto::of(&view, ra_profile, Some(profile.name));
    Ok(Json(AcmeAccountDto::of(&view, listed)))
}

async fn revoke(call: Call) -> Result<HttpResponse, Error> {
    let id = found(&call).await?.0.account.id;
    call.acme.revoke_account(&call.actor, &call.origin, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn enable(call: Call) -> Result<HttpResponse, Error> {
    switch(&call, false).await
}

async fn disable(call: Call) -> Result<HttpResponse, Error> {
    switch(&call, true).await
}

async fn switch(call: &Call, disabled: bool) -> Result<HttpResponse, Error> {
    let id = found(call).await?.0.account.id;
    call.acme.disable_account(&call.actor, &call.origin, id, disabled).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn enable_all(With { call, body }: With<Vec<String>>) -> Result<HttpResponse, Error> {
    switch_all(&call, &body, false).await
}

async fn disable_all(With { call, body }: With<Vec<String>>) -> Result<HttpResponse, Error> {
    switch_all(&call, &body, true).await
}

async fn switch_all(call: &Call, ids: &[String], disabled: bool) -> Result<HttpResponse, Error> {
    for id in reachable(call, ids).await? {
        call.acme.disable_account(&call.actor, &call.origin, id, disabled).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Those that have ended already stay so.
async fn revoke_all(With { call, body }: With<Vec<String>>) -> Result<HttpResponse, Error> {
    for id in reachable(&call, &body).await? {
        match call.acme.revoke_account(&call.actor, &call.origin, id).await {
            Ok(()) | Err(chancery_core::Error::Rejected(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(HttpResponse::NoContent().finish())
}

/// The accounts of a bulk request: all of them are there, or nothing is done.
async fn reachable(call: &Call, ids: &[String]) -> Result<Vec<Uuid>, Error> {
    let ids = identifiers(ids)?;
    for id in &ids {
        call.acme.account(&call.actor, &call.origin, *id).await?;
    }
    Ok(ids)
}

/// The EAB keys of the RA profiles that the ACME profile serves by its own directory or an activation.
async fn eab_keys(call: Call) -> Result<Json<Vec<EabKeyDto>>, Error> {
    let served = served(&call).await?;
    let keys = call.acme.eab_keys(&call.actor, &call.origin).await?;
    Ok(Json(keys.iter().filter(|key| served.contains(&key.ra_profile)).map(EabKeyDto::of).collect()))
}

/// All of them, those of RA profiles whose ACME door is closed too.
async fn all_eab_keys(call: Call) -> Result<Json<Vec<EabKeyDto>>, Error> {
    let keys = call.acme.eab_keys(&call.actor, &call.origin).await?;
    Ok(Json(keys.iter().map(EabKeyDto::of).collect()))
}

async fn revoke_any_eab_key(call: Call) -> Result<HttpResponse, Error> {
    call.acme.revoke_eab_key(&call.actor, &call.origin, call.id("eabKeyUuid")?).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn served(call: &Call) -> Result<Vec<Uuid>, Error> {
    let profile = call.acme.acme_profile(&call.actor, &call.origin, &call.acme_profile()?).await?;
    let activations = call.acme.activations(&call.actor, &call.origin).await?;
    let activated = activations.iter().filter(|(_, activation)| activation.acme_profile == profile.id);
    let mut served: Vec<Uuid> = activated.map(|(ra_profile, _)| ra_profile.id).collect();
    if let Some(own) = profile.ra_profile
        && !served.contains(&own)
        && call.simplified(own).await?.is_some()
    {
        served.push(own);
    }
    Ok(served)
}

async fn create_eab_key(With { call, body: Object(body) }: With<Object<EabKeyRequest>>) -> Result<HttpResponse, Error> {
    let served = served(&call).await?;
    let ra_profile = match (body.ra_profile_uuid.as_deref().filter(|text| !text.is_empty()), &*served) {
        (Some(text), _) => {
            let id = uuid(text).ok_or_else(|| Error::malformed("raProfileUuid is not a UUID"))?;
            if !served.contains(&id) {
                return Err(rejected(format!("raProfileUuid: the ACME profile does not serve RA profile {id}")));
            }
            id
        }
        (None, [only]) => *only,
        (None, []) => {
            return Err(rejected("the ACME profile serves no RA profile yet: activate it on one first"));
        }
        (None, _) => return Err(rejected("raProfileUuid: the ACME profile serves several RA profiles: name one")),
    };
    let new = NewEabKey {
        ra_profile: ProfileRef::Id(ra_profile),
        acme_profile: Some(call.acme_profile()?),
        description: body.description.unwrap_or_default(),
        names: body.names,
        uses: body.uses,
        quota: body.quota,
        expires_at: body.expires.as_deref().map(instant).transpose()?,
    };
    let made = call.acme.create_eab_key(&call.actor, &call.origin, new).await?;
    Ok(HttpResponse::Created().json(MadeEabKeyDto::of(&made)))
}

fn instant(text: &str) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| Error::malformed("expires is no instant of RFC 3339; write it like 2027-01-31T12:00:00Z"))
}

async fn revoke_eab_key(call: Call) -> Result<HttpResponse, Error> {
    let id = call.id("eabKeyUuid")?;
    let (served, keys) = (served(&call).await?, call.acme.eab_keys(&call.actor, &call.origin).await?);
    let of_this_profile = |key: &EabKey| key.id == id && served.contains(&key.ra_profile);
    if !keys.iter().any(of_this_profile) {
        return Err(chancery_core::Error::not_found("EAB key", id).into());
    }
    call.acme.revoke_eab_key(&call.actor, &call.origin, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn mark(With { call, body: Object(body) }: With<Object<RenewalMarkRequest>>) -> Result<Json<MarkedDto>, Error> {
    let explanation = body.explanation_url.clone().filter(|url| !url.is_empty());
    let certificates = call.acme.mark_for_renewal(&call.actor, &call.origin, marked(&body)?, Some(explanation)).await?;
    Ok(Json(MarkedDto { certificates }))
}

async fn unmark(With { call, body: Object(body) }: With<Object<RenewalMarkRequest>>) -> Result<Json<MarkedDto>, Error> {
    let certificates = call.acme.mark_for_renewal(&call.actor, &call.origin, marked(&body)?, None).await?;
    Ok(Json(MarkedDto { certificates }))
}

fn marked(body: &RenewalMarkRequest) -> Result<Marked, Error> {
    match (&body.certificate_uuids, body.ra_profile_uuid.as_deref()) {
        (Some(certificates), None) => Ok(Marked::Certificates(identifiers(certificates)?)),
        (None, Some(text)) => {
            let id = uuid(text).ok_or_else(|| Error::malformed("raProfileUuid is not a UUID"))?;
            Ok(Marked::Profile(ProfileRef::Id(id)))
        }
        _ => Err(rejected("name either certificateUuids or raProfileUuid")),
    }
}

fn rejected(why: impl Into<String>) -> Error {
    chancery_core::Error::rejected(Rejection::State(why.into())).into()
}
