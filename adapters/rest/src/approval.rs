//! Approvals, and the one approval profile, which RA profiles ask for by their attributes.

use actix_web::HttpResponse;
use actix_web::web::{self, Json, ServiceConfig};
use chancery_core::attribute::{ContentItem, RequestAttribute, Version};
use chancery_core::{
    ApprovalList, BUILT_IN_APPROVAL_PROFILE, Policy, ProfileEdit, ProfileRef, RaProfile, Rejection, policy,
};

use crate::call::{Call, With};
use crate::dto::Object;
use crate::dto::approval::{
    ApprovalDetailDto, ApprovalDto, ApprovalProfileDetailDto, ApprovalProfileDto, ApprovalProfileResponseDto,
    ApprovalResponseDto, ResourceObjectDto, UserApprovalDto,
};
use crate::{Error, read};

/// Largest page.
const LARGEST_PAGE: u32 = 1000;
/// The resource that approvals are asked for.
const RA_PROFILES: &str = "raProfiles";

pub(crate) fn routes(config: &mut ServiceConfig) {
    const OF_PROFILE: &str = "/v1/authorities/{authorityUuid}/raProfiles/{raProfileUuid}/approvalProfiles";
    let one_of_profile = format!("{OF_PROFILE}/{{approvalProfileUuid}}");
    const ASSOCIATION: &str = "/v1/approvalProfiles/{uuid}/associations/{resource}/{associationObjectUuid}";
    config
        .service(read("/v1/approvals", list))
        .service(read("/v1/approvals/user", mine))
        .service(read("/v1/approvals/{uuid}", detail))
        .service(web::resource("/v1/approvals/{uuid}/approve").route(web::patch().to(approve)))
        .service(web::resource("/v1/approvals/{uuid}/approveRecipient").route(web::patch().to(approve_saying)))
        .service(web::resource("/v1/approvals/{uuid}/reject").route(web::patch().to(reject)))
        .service(web::resource("/v1/approvals/{uuid}/rejectRecipient").route(web::patch().to(reject_saying)))
        .service(read("/v1/approvalProfiles", profiles).route(web::post().to(fixed)))
        .service(read("/v1/approvalProfiles/associations/{resource}/{associationObjectUuid}", profiles_of))
        .service(
            read("/v1/approvalProfiles/{uuid}", profile).route(web::put().to(fixed)).route(web::delete().to(fixed)),
        )
        .service(read("/v1/approvalProfiles/{uuid}/associations", associations))
        .service(web::resource(ASSOCIATION).route(web::patch().to(associate)).route(web::delete().to(disassociate)))
        .service(read(OF_PROFILE, approvals_of_profile))
        .service(
            web::resource(one_of_profile)
                .route(web::patch().to(ask_for_approvals))
                .route(web::delete().to(ask_for_none)),
        );
}

impl Call {
    /// Which page of a list is asked for: items per page, page number.
    fn page(&self) -> Result<(u32, u32), Error> {
        let number = |name: &'static str, otherwise: u32, largest: u32| match self.query(name).as_deref() {
            None | Some("") => Ok(otherwise),
            Some(text) => match text.parse() {
                Ok(number) if (1..=largest).contains(&number) => Ok(number),
                Ok(_) => {
                    Err(chancery_core::Error::rejected(Rejection::State(format!("{name} must be from 1 to {largest}")))
                        .into())
                }
                Err(_) => Err(Error::malformed(format!("query parameter {name} is not a number"))),
            },
        };
        Ok((number("itemsPerPage", 10, LARGEST_PAGE)?, number("pageNumber", 1, i32::MAX.unsigned_abs())?))
    }

    async fn approvals(&self, list: ApprovalList) -> Result<Json<ApprovalResponseDto>, Error> {
        let (per_page, page) = self.page()?;
        let offset = u64::from(page - 1) * u64::from(per_page);
        let found = self.ra.approvals(&self.actor, &self.origin, list, offset, per_page).await?;
        let now = self.ra.ports().clock.now();
        Ok(Json(ApprovalResponseDto {
            items_per_page: per_page,
            page_number: page,
            total_pages: pages(found.total, per_page),
            total_items: found.total,
            approvals: found.items.iter().map(|approval| ApprovalDto::of(approval, now)).collect(),
        }))
    }

    /// The approval profile of the path: there is one.
    fn approval_profile(&self, name: &'static str) -> Result<(), Error> {
        let id = self.id(name)?;
        if id == BUILT_IN_APPROVAL_PROFILE {
            return Ok(());
        }
        Err(chancery_core::Error::not_found("approval profile", id).into())
    }

    /// The RA profile that an association of the path names.
    async fn associated(&self) -> Result<RaProfile, Error> {
        match self.request.match_info().get("resource") {
            Some(RA_PROFILES) => {}
            _ => return Err(Error::malformed("approvals are asked for by RA profiles: the resource is raProfiles")),
        }
        let reference = ProfileRef::Id(self.id("associationObjectUuid")?);
        Ok(self.ra.profile(&self.actor, &self.origin, &reference).await?)
    }

    /// The RA profiles of the caller's scope that ask for approvals.
    async fn asking(&self) -> Result<Vec<RaProfile>, Error> {
        let mut profiles = self.ra.profiles(&self.actor, &self.origin).await?;
        profiles.retain(asks);
        Ok(profiles)
    }

    /// Have an RA profile ask for approvals of everything, or of nothing.
    async fn switch(&self, profile: RaProfile, ask: bool) -> Result<(), Error> {
        let names = [policy::APPROVAL_REQUIRED, policy::REVOCATION_APPROVAL_REQUIRED];
        let mut attributes = profile.attributes;
        attributes.retain(|attribute| !names.contains(&&*attribute.name));
        attributes.extend(names.map(|name| RequestAttribute {
            uuid: None,
            name: name.into(),
            content_type: None,
            version: Version::V2,
            content: vec![ContentItem::new(ask)],
        }));
        let edit = ProfileEdit {
            attributes: Some(attributes),
            expected_version: Some(profile.version),
            ..ProfileEdit::default()
        };
        self.ra.edit_profile(&self.actor, &self.origin, &ProfileRef::Id(profile.id), edit).await?;
        Ok(())
    }
}

fn pages(total: u64, per_page: u32) -> u32 {
    u32::try_from(total.div_ceil(per_page.into())).unwrap_or(u32::MAX)
}

/// Whether an RA profile asks for approvals of anything.
fn asks(profile: &RaProfile) -> bool {
    Policy::from_attributes(&profile.attributes)
        .is_ok_and(|policy| policy.approval_required() || policy.revocation_approval_required())
}

async fn list(call: Call) -> Result<Json<ApprovalResponseDto>, Error> {
    call.approvals(ApprovalList::All).await
}

/// What waits for the caller, or (`history`) what the caller decided.
async fn mine(call: Call) -> Result<Json<ApprovalResponseDto>, Error> {
    let history = call.flag("history")?.unwrap_or(false);
    call.approvals(if history { ApprovalList::Decided } else { ApprovalList::Mine }).await
}

/// The approvals of a certificate object.
pub(crate) async fn of_certificate(call: Call) -> Result<Json<ApprovalResponseDto>, Error> {
    call.approvals(ApprovalList::Certificate(call.id("uuid")?)).await
}

async fn detail(call: Call) -> Result<Json<ApprovalDetailDto>, Error> {
    let approval = call.ra.approval(&call.actor, &call.origin, call.id("uuid")?).await?;
    Ok(Json(ApprovalDetailDto::of(&approval, call.ra.ports().clock.now())))
}

async fn approve(call: Call) -> Result<HttpResponse, Error> {
    decide(&call, true, None).await
}

async fn approve_saying(
    With { call, body: Object(body) }: With<Object<UserApprovalDto>>,
) -> Result<HttpResponse, Error> {
    decide(&call, true, body.comment).await
}

async fn reject(call: Call) -> Result<HttpResponse, Error> {
    decide(&call, false, None).await
}

async fn reject_saying(
    With { call, body: Object(body) }: With<Object<UserApprovalDto>>,
) -> Result<HttpResponse, Error> {
    decide(&call, false, body.comment).await
}

async fn decide(call: &Call, approve: bool, comment: Option<String>) -> Result<HttpResponse, Error> {
    let id = call.id("uuid")?;
    if approve {
        call.ra.approve(&call.actor, &call.origin, id, comment).await?;
    } else {
        call.ra.reject(&call.actor, &call.origin, id, comment).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

async fn profiles(call: Call) -> Result<Json<ApprovalProfileResponseDto>, Error> {
    let (per_page, page) = call.page()?;
    let built_in = ApprovalProfileDto::built_in(call.asking().await?.len());
    Ok(Json(ApprovalProfileResponseDto {
        items_per_page: per_page,
        page_number: page,
        total_pages: 1,
        total_items: 1,
        approval_profiles: if page == 1 { vec![built_in] } else { vec![] },
    }))
}

async fn profile(call: Call) -> Result<Json<ApprovalProfileDetailDto>, Error> {
    call.approval_profile("uuid")?;
    Ok(Json(ApprovalProfileDetailDto::built_in(call.asking().await?.len())))
}

/// There is one approval profile, and it cannot be changed.
async fn fixed(_: Call) -> Result<HttpResponse, Error> {
    let why = "the built-in approval profile is the only one and cannot be changed; have RA profiles ask for it by their \
               attributes approvalRequired and revocationApprovalRequired";
    Err(chancery_core::Error::rejected(Rejection::State(why.into())).into())
}

async fn associations(call: Call) -> Result<Json<Vec<ResourceObjectDto>>, Error> {
    call.approval_profile("uuid")?;
    let asking = call.asking().await?.into_iter();
    let shown =
        |profile: RaProfile| ResourceObjectDto { resource: RA_PROFILES, object_uuid: profile.id, name: profile.name };
    Ok(Json(asking.map(shown).collect()))
}

async fn profiles_of(call: Call) -> Result<Json<Vec<ApprovalProfileDto>>, Error> {
    let profile = call.associated().await?;
    asked_by(&call, &profile).await
}

async fn approvals_of_profile(call: Call) -> Result<Json<Vec<ApprovalProfileDto>>, Error> {
    let profile = call.ra.profile(&call.actor, &call.origin, &call.profile()?).await?;
    asked_by(&call, &profile).await
}

async fn asked_by(call: &Call, profile: &RaProfile) -> Result<Json<Vec<ApprovalProfileDto>>, Error> {
    if !asks(profile) {
        return Ok(Json(vec![]));
    }
    Ok(Json(vec![ApprovalProfileDto::built_in(call.asking().await?.len())]))
}

async fn associate(call: Call) -> Result<HttpResponse, Error> {
    call.approval_profile("uuid")?;
    call.switch(call.associated().await?, true).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn disassociate(call: Call) -> Result<HttpResponse, Error> {
    call.approval_profile("uuid")?;
    call.switch(call.associated().await?, false).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn ask_for_approvals(call: Call) -> Result<HttpResponse, Error> {
    of_path(&call, true).await
}

async fn ask_for_none(call: Call) -> Result<HttpResponse, Error> {
    of_path(&call, false).await
}

async fn of_path(call: &Call, ask: bool) -> Result<HttpResponse, Error> {
    call.approval_profile("approvalProfileUuid")?;
    let profile = call.ra.profile(&call.actor, &call.origin, &call.profile()?).await?;
    call.switch(profile, ask).await?;
    Ok(HttpResponse::Ok().finish())
}
