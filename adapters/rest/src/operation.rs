//! The nine operations of an RA profile (published tag "Client Operations v2").

use actix_web::HttpResponse;
use actix_web::web::{self, Json, ServiceConfig};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_core::attribute::{Definition, RequestAttribute};
use chancery_core::audit::Event;
use chancery_core::{Authorization, IssueRequest, Outcome, Rejection, RevokeRequest};
use chancery_pki::{Csr, RevocationReason};

use crate::call::{Call, With};
use crate::dto::operation::{self as dto, DataResponse, Format};
use crate::dto::{Object, inner};
use crate::{Error, read};

const BELOW: &str = "/v2/operations/authorities/{authorityUuid}/raProfiles/{raProfileUuid}";

pub(crate) fn routes(config: &mut ServiceConfig) {
    let at = |tail: &str| format!("{BELOW}{tail}");
    config
        .service(web::resource(at("/certificates")).route(web::post().to(issue)))
        .service(web::resource(at("/certificates/{certificateUuid}/revoke")).route(web::post().to(revoke)))
        .service(web::resource(at("/certificates/{certificateUuid}/renew")).route(web::post().to(renew)))
        .service(web::resource(at("/certificates/{certificateUuid}/rekey")).route(web::post().to(rekey)))
        .service(web::resource(at("/certificates/{certificateUuid}/issue")).route(web::post().to(issue_requested)))
        .service(web::resource(at("/attributes/revoke/validate")).route(web::post().to(validate_revoke)))
        .service(web::resource(at("/attributes/issue/validate")).route(web::post().to(validate_issue)))
        .service(read(&at("/attributes/revoke"), revoke_attributes))
        .service(read(&at("/attributes/issue"), issue_attributes));
}

async fn issue(With { call, body: Object(body) }: With<Object<dto::SignRequest>>) -> Result<Json<DataResponse>, Error> {
    let authorization = call.authorize().await?;
    let settled = body.settled();
    let (request, attributes) = call.settle(&authorization, Event::CertificateIssue, None, settled).await?;
    let csr = request.read(&call, &authorization).await?;
    let outcome =
        call.ra.issue(authorization, IssueRequest { csr, attributes, facts: vec![], alongside: None }).await?;
    Ok(answer(outcome))
}

async fn issue_requested(call: Call) -> Result<Json<DataResponse>, Error> {
    let authorization = call.authorize().await?;
    let outcome = call.ra.issue_requested(authorization, call.id("certificateUuid")?).await?;
    Ok(answer(outcome))
}

async fn renew(
    With { call, body: Object(body) }: With<Object<dto::RenewRequest>>,
) -> Result<Json<DataResponse>, Error> {
    let authorization = call.authorize().await?;
    let certificate = call.id("certificateUuid")?;
    let settled = body.settled();
    let csr = match call.settle(&authorization, Event::CertificateRenew, Some(certificate), settled).await? {
        Some(request) => Some(request.read(&call, &authorization).await?),
        None => None,
    };
    Ok(answer(call.ra.renew(authorization, certificate, csr).await?))
}

async fn rekey(
    With { call, body: Object(body) }: With<Object<dto::RekeyRequest>>,
) -> Result<Json<DataResponse>, Error> {
    let authorization = call.authorize().await?;
    let certificate = call.id("certificateUuid")?;
    let settled = body.settled();
    let request = call.settle(&authorization, Event::CertificateRekey, Some(certificate), settled).await?;
    let csr = request.read(&call, &authorization).await?;
    Ok(answer(call.ra.rekey(authorization, certificate, csr).await?))
}

async fn revoke(With { call, body: Object(body) }: With<Object<dto::RevokeRequest>>) -> Result<HttpResponse, Error> {
    let authorization = call.authorize().await?;
    let certificate = call.id("certificateUuid")?;
    let settled = body.settled();
    let request = call.settle(&authorization, Event::CertificateRevoke, Some(certificate), settled).await?;
    call.ra.revoke(authorization, certificate, request).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(crate) async fn issue_attributes(call: Call) -> Result<Json<Vec<Definition>>, Error> {
    Ok(Json(call.ra.issue_attributes(&call.actor, &call.origin, &call.profile()?).await?))
}

pub(crate) async fn revoke_attributes(call: Call) -> Result<Json<Vec<Definition>>, Error> {
    Ok(Json(call.ra.revoke_attributes(&call.actor, &call.origin, &call.profile()?).await?))
}

type Attributes = Vec<Object<RequestAttribute>>;

async fn validate_issue(With { call, body }: With<Attributes>) -> Result<HttpResponse, Error> {
    let values = inner(Some(body));
    call.ra.validate_issue_attributes(&call.actor, &call.origin, &call.profile()?, &values).await?;
    Ok(HttpResponse::Ok().finish())
}

async fn validate_revoke(With { call, body }: With<Attributes>) -> Result<HttpResponse, Error> {
    let values = inner(Some(body));
    call.ra.validate_revoke_attributes(&call.actor, &call.origin, &call.profile()?, &values).await?;
    Ok(HttpResponse::Ok().finish())
}

fn answer(outcome: Outcome) -> Json<DataResponse> {
    Json(match outcome {
        Outcome::Issued(record) => DataResponse {
            uuid: record.id,
            certificate_data: record.certificate.map(|der| STANDARD.encode(der)).unwrap_or_default(),
        },
        Outcome::Pending { certificate, .. } => DataResponse { uuid: certificate, certificate_data: String::new() },
    })
}

/// Collects the fields of a body that ask for what this server does not have.
#[derive(Default)]
pub(crate) struct Unsupported(Vec<Rejection>);

impl Unsupported {
    /// `field` was given a meaning that nothing here has.
    pub fn when(mut self, given: bool, field: &str, why: &str) -> Self {
        if given {
            self.0.push(Rejection::Unsupported { field: field.into(), why: why.into() });
        }
        self
    }

    fn list(self, values: &Option<Attributes>, field: &str, why: &str) -> Self {
        self.when(values.as_ref().is_some_and(|values| !values.is_empty()), field, why)
    }

    fn alternative(self, key: &Option<String>, token: &Option<String>, attributes: &Option<Attributes>) -> Self {
        const WHY: &str = "certificates with an alternative key are not supported";
        self.when(given(key), "altKeyUuid", WHY).when(given(token), "altTokenProfileUuid", WHY).list(
            attributes,
            "altSignatureAttributes",
            WHY,
        )
    }

    /// Platform-held keys are not supported: a request is needed. Beside one, older clients always send `keyUuid` and
    /// `tokenProfileUuid`, which then mean nothing.
    fn request(self, request: &Option<String>, key: &Option<String>, csr: &Option<Attributes>) -> Self {
        if given(request) {
            return self;
        }
        const KEY: &str = "keys held by the platform are not supported; make the key yourself and send a request";
        self.when(given(key), "keyUuid", KEY)
            .list(csr, "csrAttributes", "requests are not made by this server; send a request")
            .when(true, "request", "must not be empty; send a PKCS#10 request as PEM or Base64, or CRMF as Base64")
    }

    pub fn none(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(chancery_core::Error::Rejected(self.0).into()) }
    }
}

const CUSTOM: &str = "custom attributes are not supported";
const LOCATIONS: &str = "locations are not supported; leave it out or send false";

/// Whether an optional text says anything.
pub(crate) fn given(text: &Option<String>) -> bool {
    text.as_ref().is_some_and(|text| !text.trim().is_empty())
}

/// A request as it was sent, and what it is said to be.
pub(crate) struct Sent {
    text: String,
    format: Format,
}

impl Sent {
    fn new(text: Option<String>, format: Option<Format>) -> Self {
        Self { text: text.unwrap_or_default(), format: format.unwrap_or_default() }
    }

    /// The request, whose signature proves possession of its key.
    pub async fn read(&self, call: &Call, authorization: &Authorization) -> Result<Csr, Error> {
        Ok(call.ra.read_request(authorization, self.format.into(), self.text.as_bytes()).await?)
    }
}

impl dto::SignRequest {
    fn settled(self) -> Result<(Sent, Vec<RequestAttribute>), Error> {
        Unsupported::default()
            .request(&self.request, &self.key_uuid, &self.csr_attributes)
            .alternative(&self.alt_key_uuid, &self.alt_token_profile_uuid, &self.alt_signature_attributes)
            .list(&self.custom_attributes, "customAttributes", CUSTOM)
            .none()?;
        Ok((Sent::new(self.request, self.format), inner(self.attributes)))
    }
}

impl dto::CreateRequest {
    pub(crate) fn settled(self) -> Result<(Sent, Vec<RequestAttribute>), Error> {
        Unsupported::default()
            .request(&self.request, &self.key_uuid, &self.csr_attributes)
            .alternative(&self.alt_key_uuid, &self.alt_token_profile_uuid, &self.alt_signature_attributes)
            .list(&self.custom_attributes, "customAttributes", CUSTOM)
            .when(
                given(&self.source_certificate_uuid),
                "sourceCertificateUuid",
                "is not supported here; use the renew or rekey operation of the certificate",
            )
            .none()?;
        Ok((Sent::new(self.request, self.format), inner(self.issue_attributes)))
    }
}

impl dto::RenewRequest {
    fn settled(self) -> Result<Option<Sent>, Error> {
        Unsupported::default().when(self.replace_in_locations == Some(true), "replaceInLocations", LOCATIONS).none()?;
        Ok(given(&self.request).then(|| Sent::new(self.request, self.format)))
    }
}

impl dto::RekeyRequest {
    fn settled(self) -> Result<Sent, Error> {
        Unsupported::default()
            .request(&self.request, &self.key_uuid, &None)
            .alternative(&self.alt_key_uuid, &self.alt_token_profile_uuid, &self.alt_signature_attributes)
            .when(self.replace_in_locations == Some(true), "replaceInLocations", LOCATIONS)
            .none()?;
        Ok(Sent::new(self.request, self.format))
    }
}

impl dto::RevokeRequest {
    fn settled(self) -> Result<RevokeRequest, Error> {
        let reason = match self.reason.as_deref() {
            // The published default is spelled like this; the wire code is `unspecified`.
            None | Some("UNSPECIFIED") => RevocationReason::Unspecified,
            Some(code) => {
                code.parse().map_err(|_| Error::malformed(format!("reason {code:?} is not a revocation reason")))?
            }
        };
        Unsupported::default()
            .when(
                self.destroy_key == Some(true),
                "destroyKey",
                "keys held by the platform are not supported; leave it out or send false",
            )
            .none()?;
        Ok(RevokeRequest { reason, attributes: inner(self.attributes), alongside: None })
    }
}
