//! The certificate inventory.

use std::collections::HashMap;

use actix_web::web::{self, Json, ServiceConfig};
use actix_web::{CustomizeResponder, Responder};
use chancery_core::attribute::{Definition, RequestAttribute, ResponseAttribute, to_response};
use chancery_core::audit::{AuditResult, Event, HistoryEvent};
use chancery_core::{CertificateQuery, CertificateRecord, Door, IssueRequest, ProfileRef, RaProfile, Rejection};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::call::{Call, With, uuid};
use crate::dto::certificate::{
    CertificateDetailDto, CertificateDto, CertificateResponseDto, HistoryDto, ProtocolDto, Read, RelatedDto,
    RelationsDto, relation,
};
use crate::dto::operation::CreateRequest;
use crate::dto::search::{FieldGroupDto, SearchRequest};
use crate::dto::{Object, date, inner};
use crate::{Error, approval, download, filter, read, unknown};

/// Largest page.
const LARGEST_PAGE: i64 = 1000;
/// The header with the `cursor` of the next part of a list; missing when there is none.
pub(crate) const NEXT_CURSOR: &str = "x-next-cursor";

pub(crate) fn routes(config: &mut ServiceConfig) {
    // The fixed names come before `{uuid}`, which would match them too.
    config
        .service(web::resource("/v1/certificates").route(web::post().to(list)))
        .service(web::resource("/v1/certificates/create").route(web::post().to(create)))
        .service(read("/v1/certificates/search", fields))
        .service(read("/v1/certificates/csr/attributes", csr_attributes))
        .service(read("/v1/certificates/{uuid}", detail))
        .service(read("/v1/certificates/{uuid}/chain", download::chain))
        .service(read("/v1/certificates/{uuid}/chain/{format}", download::chain_file))
        .service(read("/v1/certificates/{uuid}/history", history))
        .service(read("/v1/certificates/{uuid}/relations", relations))
        .service(read("/v1/certificates/{uuid}/approvals", approval::of_certificate))
        // What the contract has there and this server not yet; `{format}` would take it for a wrong format.
        .service(web::resource("/v1/certificates/{uuid}/{unbuilt:validate|locations}").to(unknown))
        .service(read("/v1/certificates/{uuid}/{format}", download::file));
}

async fn list(
    With { call, body: Object(body) }: With<Object<SearchRequest>>,
) -> Result<CustomizeResponder<Json<CertificateResponseDto>>, Error> {
    let per_page = body.items_per_page.unwrap_or(10);
    let page = body.page_number.unwrap_or(1);
    let mut faults = Vec::new();
    if !(1..=LARGEST_PAGE).contains(&per_page) {
        faults.push(Rejection::State(format!("itemsPerPage must be from 1 to {LARGEST_PAGE}")));
    }
    if !(1..=i64::from(i32::MAX)).contains(&page) {
        faults.push(Rejection::State("pageNumber must be 1 or more".into()));
    }
    let after = match &body.cursor {
        Some(cursor) => Some(uuid(cursor).ok_or_else(|| Error::malformed("cursor is not a UUID"))?),
        None => None,
    };
    if after.is_some() && page != 1 {
        faults.push(Rejection::State(
            "pageNumber must be 1 or left out beside a cursor, which says where to go on".into(),
        ));
    }
    let profiles = call.ra.profiles(&call.actor, &call.origin).await?;
    let now = call.ra.ports().clock.now();
    let filters = filter::read(inner(body.filters), &profiles, now, &mut faults);
    if !faults.is_empty() {
        return Err(chancery_core::Error::Rejected(faults).into());
    }
    let query = CertificateQuery {
        profiles: None,
        filters,
        include_archived: body.include_archived.unwrap_or(false),
        after,
        offset: (page - 1).unsigned_abs() * per_page.unsigned_abs(),
        limit: u32::try_from(per_page).unwrap_or(u32::MAX),
    };
    let found = call.ra.certificates(&call.actor, &call.origin, query).await?;
    let profiles: HashMap<_, _> = profiles.iter().map(|profile| (profile.id, profile)).collect();
    let certificates = found
        .items
        .iter()
        .map(|record| {
            let profile = record.profile.and_then(|id| profiles.get(&id).copied());
            Ok(Read::of(record, false)?.dto(profile, now))
        })
        .collect::<Result<_, chancery_core::Error>>()?;
    let next = found.items.last().filter(|_| found.more).map(|last| last.id.to_string());
    let list = Json(CertificateResponseDto {
        certificates,
        items_per_page: u32::try_from(per_page).unwrap_or(u32::MAX),
        page_number: u32::try_from(page).unwrap_or(u32::MAX),
        total_pages: u32::try_from(found.total.div_ceil(per_page.unsigned_abs())).unwrap_or(u32::MAX),
        total_items: found.total,
    });
    let list = list.customize();
    Ok(match next {
        Some(next) => list.insert_header((NEXT_CURSOR, next)),
        None => list,
    })
}

async fn create(
    With { call, body: Object(body) }: With<Object<CreateRequest>>,
) -> Result<Json<CertificateDetailDto>, Error> {
    let named = match body.ra_profile_uuid.as_deref().map(uuid) {
        Some(Some(profile)) => Ok(profile),
        Some(None) => Err(chancery_core::Error::Malformed("raProfileUuid is not a UUID".into())),
        None => Err(chancery_core::Error::rejected(Rejection::State("raProfileUuid must not be null".into()))),
    };
    let profile = match named {
        Ok(profile) => profile,
        Err(error) => {
            let event = Event::CertificateRequest;
            return Err(call.ra.refuse_without_profile(&call.actor, &call.origin, event, error).await.into());
        }
    };
    let authorization = call.ra.authorize(&call.actor, &call.origin, &ProfileRef::Id(profile)).await?;
    let settled = body.settled();
    let (request, attributes) = call.settle(&authorization, Event::CertificateRequest, None, settled).await?;
    let csr = request.read(&call, &authorization).await?;
    let record =
        call.ra.request(authorization, IssueRequest { csr, attributes, facts: vec![], alongside: None }).await?;
    Ok(Json(detailed(&call, &record).await?))
}

async fn detail(call: Call) -> Result<Json<CertificateDetailDto>, Error> {
    let record = call.ra.certificate(&call.actor, &call.origin, call.id("uuid")?).await?;
    Ok(Json(detailed(&call, &record).await?))
}

/// The filters that this server answers: one group, the properties.
async fn fields(_: Call) -> Json<Vec<FieldGroupDto>> {
    Json(vec![filter::fields()])
}

/// What a request that the platform makes can be told: nothing, since keys are the clients' own here and requests come
/// with them.
async fn csr_attributes(_: Call) -> Json<Vec<Definition>> {
    Json(Vec::new())
}

async fn history(call: Call) -> Result<Json<Vec<HistoryDto>>, Error> {
    let certificate = call.id("uuid")?;
    let events = call.ra.history(&call.actor, &call.origin, certificate).await?;
    Ok(Json(events.into_iter().map(|event| told(certificate, event)).collect()))
}

fn told(certificate: Uuid, event: HistoryEvent) -> HistoryDto {
    let label = label(event.event);
    let text = |key: &str| event.detail.get(key).and_then(|value| value.as_str());
    let outcome = match event.result {
        AuditResult::Success => "done",
        AuditResult::Refused => "refused",
        AuditResult::Failed => "failed",
    };
    let message = match text("why").or_else(|| text("reason")) {
        Some(why) => format!("{label}: {outcome}: {why}"),
        None => format!("{label}: {outcome}"),
    };
    HistoryDto {
        uuid: event.id,
        certificate_uuid: certificate,
        created: date(event.time),
        created_by: event.actor,
        event: label,
        status: if event.result == AuditResult::Success { "SUCCESS" } else { "FAILED" },
        message,
        additional_information: event.detail,
    }
}

/// The published labels (`CertificateEvent`) are a closed list.
fn label(event: Event) -> &'static str {
    match event {
        Event::CertificateRequest => "Request Certificate",
        Event::CertificateIssue => "Issue Certificate",
        Event::CertificateRenew => "Renew Certificate",
        Event::CertificateRekey => "Rekey Certificate",
        Event::CertificateRevoke => "Revoke Certificate",
        Event::RevocationRequest => "Approve action requested",
        Event::ApprovalReject | Event::ApprovalExpire => "Approve action closed",
        // None of these is told of a certificate, but for refused attempts to reach it.
        Event::CrlSign
        | Event::ProfileCreate
        | Event::ProfileEdit
        | Event::ProfileEnable
        | Event::ProfileDisable
        | Event::ProfileDelete
        | Event::AuthorityCreate
        | Event::TokenCreate
        | Event::TokenRevoke
        | Event::LoginFailure
        | Event::AccessDenied
        | Event::ServerStart
        | Event::ServerStop
        | Event::AcmeProfileCreate
        | Event::AcmeProfileEdit
        | Event::AcmeProfileDelete
        | Event::AcmeActivate
        | Event::AcmeDeactivate
        | Event::AcmeAccountCreate
        | Event::AcmeAccountUpdate
        | Event::AcmeAccountEnd
        | Event::AcmeKeyChange
        | Event::AcmeEabCreate
        | Event::AcmeEabRevoke
        | Event::UserCreate
        | Event::UserEdit
        | Event::UserDelete
        | Event::AcmeRenewalMark
        | Event::ScepProfileCreate
        | Event::ScepProfileEdit
        | Event::ScepProfileDelete
        | Event::ScepActivate
        | Event::ScepDeactivate
        | Event::ScepChallengeCreate
        | Event::ScepChallengeRevoke
        | Event::EstProfileCreate
        | Event::EstProfileEdit
        | Event::EstProfileDelete
        | Event::EstActivate
        | Event::EstDeactivate
        | Event::EstUserCreate
        | Event::EstUserRevoke
        | Event::EstCodeCreate
        | Event::EstCodeRevoke => "Update State",
    }
}

async fn relations(call: Call) -> Result<Json<RelationsDto>, Error> {
    let record = call.ra.certificate(&call.actor, &call.origin, call.id("uuid")?).await?;
    let now = call.ra.ports().clock.now();
    let successors = call.ra.successors(&call.actor, &call.origin, record.id).await?;
    let predecessor = match record.predecessor {
        Some(id) => absent(call.ra.certificate(&call.actor, &call.origin, id).await)?,
        None => None,
    };
    let related = |shown: &CertificateRecord, kind: &'static str| -> Result<RelatedDto, chancery_core::Error> {
        Ok(RelatedDto { certificate: Read::of(shown, false)?.dto(None, now), relation_type: kind })
    };
    Ok(Json(RelationsDto {
        certificate_uuid: record.id,
        successor_certificates: successors
            .iter()
            .map(|after| related(after, relation(&record, after)))
            .collect::<Result<_, _>>()?,
        predecessor_certificates: predecessor
            .iter()
            .map(|before| related(before, relation(before, &record)))
            .collect::<Result<_, _>>()?,
    }))
}

/// What lies out of reach is shown as not there.
pub(crate) fn absent<T>(found: Result<T, chancery_core::Error>) -> Result<Option<T>, chancery_core::Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(chancery_core::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The detail form of a record that the caller may see.
pub(crate) async fn detailed(call: &Call, record: &CertificateRecord) -> Result<CertificateDetailDto, Error> {
    let (ra, actor, origin) = (&call.ra, &call.actor, &call.origin);
    let profile = match record.profile {
        Some(id) => absent(ra.profile(actor, origin, &ProfileRef::Id(id)).await)?,
        None => None,
    };
    let now = ra.ports().clock.now();
    let successors = ra.successors(actor, origin, record.id).await?;
    let related = related(&successors, profile.as_ref(), now)?;
    let attributes = match record.profile {
        Some(id) if !(record.issue_attributes.is_empty() && record.revoke_attributes.is_empty()) => {
            let profile = ProfileRef::Id(id);
            let issue = absent(ra.issue_attributes(actor, origin, &profile).await)?.unwrap_or_default();
            let revoke = absent(ra.revoke_attributes(actor, origin, &profile).await)?.unwrap_or_default();
            [shown(&issue, &record.issue_attributes), shown(&revoke, &record.revoke_attributes)]
        }
        _ => Default::default(),
    };
    let mut detail = Read::of(record, true)?.detail(profile.as_ref(), now, related, attributes);
    if record.door == Door::Acme {
        let account = absent(call.acme.account(actor, origin, record.owner_id).await)?;
        detail.protocol_info = account.map(|view| ProtocolDto {
            protocol: "acme",
            protocol_profile_uuid: view.account.directory.acme_profile,
            additional_protocol_uuid: Some(view.account.id),
        });
    }
    Ok(detail)
}

fn related(
    records: &[CertificateRecord],
    profile: Option<&RaProfile>,
    now: OffsetDateTime,
) -> Result<Vec<CertificateDto>, chancery_core::Error> {
    let of_profile = |record: &CertificateRecord| profile.filter(|profile| record.profile == Some(profile.id));
    records.iter().map(|record| Ok(Read::of(record, false)?.dto(of_profile(record), now))).collect()
}

fn shown(definitions: &[Definition], values: &[RequestAttribute]) -> Vec<ResponseAttribute> {
    to_response(definitions, values)
}
