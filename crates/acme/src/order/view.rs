//! Orders as clients see them: RFC 8555 section 7.1.3.

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use chancery_core::{CertificateRecord, CertificateState};

use crate::call::Call;
use crate::challenge::ChallengeStatus;
use crate::renewal_info::CertificateId;
use crate::{
    Acme, Authorization, AuthorizationStatus, Identifier, Order, OrderStatus, Problem, ProblemType, Reply, Resource,
    StoredOrderStatus,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    status: OrderStatus,
    expires: String,
    identifiers: &'a [Identifier],
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
    authorizations: Vec<String>,
    finalize: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

/// RFC 3339, which every instant of ours can be written in.
pub(crate) fn rfc3339(instant: OffsetDateTime) -> String {
    instant.format(&Rfc3339).expect("instants of ours lie between the years 1970 and 9999")
}

/// What somebody who may not see it, or asks for what is not there, is told: the same.
pub(crate) fn unknown(what: &str) -> Problem {
    Problem::new(ProblemType::Malformed, format!("there is no such {what} of this account")).with_status(404)
}

impl Acme {
    /// RFC 8555 section 7.4: an order, read by POST-as-GET.
    pub(crate) async fn order(&self, call: &Call<'_>, id: Uuid) -> Result<Reply, Problem> {
        call.post_as_get()?;
        let (order, authorizations) = self.order_of(call, id).await?;
        self.order_reply(call, 200, order, &authorizations).await
    }

    /// An order of the account that asks, with its authorizations, and its status brought up to date where somebody else
    /// has decided about its certificate.
    pub(crate) async fn order_of(&self, call: &Call<'_>, id: Uuid) -> Result<(Order, Vec<Authorization>), Problem> {
        let account = call.account()?;
        let found = self.0.store.order(id).await?;
        let (order, authorizations) =
            found.filter(|(order, _)| order.account == account.id).ok_or_else(|| unknown("order"))?;
        Ok((self.decided(order).await?, authorizations))
    }

    /// A processing order follows its certificate object.
    async fn decided(&self, mut order: Order) -> Result<Order, Problem> {
        if order.status != StoredOrderStatus::Processing {
            return Ok(order);
        }
        let record = match order.certificate {
            Some(certificate) => self.0.ra.ports().inventory.certificate(certificate).await?,
            None => None,
        };
        match record.map(|record| record.state) {
            Some(CertificateState::PendingApproval | CertificateState::Requested) => {}
            // A certificate that was revoked since was issued before.
            Some(CertificateState::Issued | CertificateState::Revoked) => {
                self.0.store.complete_order(order.id).await?;
                order.status = StoredOrderStatus::Valid;
            }
            state => {
                let why = match state {
                    Some(CertificateState::Rejected) => "the request was not approved",
                    _ => "the certificate could not be issued",
                };
                let error = Problem::new(ProblemType::Unauthorized, why);
                self.0.store.fail_order(order.id, error.clone()).await?;
                order.status = StoredOrderStatus::Invalid;
                order.error = Some(error);
            }
        }
        Ok(order)
    }

    /// The answer that shows an order. `Location` on each, for clients look for it (RFC 8555 section 7.4).
    pub(crate) async fn order_reply(
        &self,
        call: &Call<'_>,
        http_status: u16,
        order: Order,
        authorizations: &[Authorization],
    ) -> Result<Reply, Problem> {
        let directory = call.directory;
        let status = order.status_at(authorizations, self.0.now());
        // RFC 9773 section 5: what was accepted is shown in every view.
        let replaces = match order.replaces {
            Some(certificate) => self.certificate_id(certificate).await?,
            None => None,
        };
        let error = match (status, order.error.clone()) {
            (OrderStatus::Invalid, None) => Some(why_invalid(&order, authorizations, self.0.now())),
            (_, error) => error,
        };
        let certificate = order.certificate.filter(|_| status == OrderStatus::Valid);
        let document = Document {
            status,
            expires: rfc3339(order.expires_at),
            identifiers: &order.identifiers,
            profile: order.profile.as_deref(),
            not_before: order.not_before.map(rfc3339),
            not_after: order.not_after.map(rfc3339),
            replaces,
            error,
            authorizations: order
                .authorizations
                .iter()
                .map(|authorization| directory.url(&Resource::Authorization(*authorization)))
                .collect(),
            finalize: directory.url(&Resource::Finalize(order.id)),
            certificate: certificate.map(|certificate| directory.url(&Resource::Certificate(certificate, 0))),
        };
        let waits = (status == OrderStatus::Processing).then(|| directory.retry_after());
        Ok(Reply::json(http_status, &document)
            .with_location(directory.url(&Resource::Order(order.id)))
            .with_retry_after(waits))
    }

    /// RFC 9773 section 4.1: by what a certificate object is known.
    async fn certificate_id(&self, certificate: Uuid) -> Result<Option<String>, Problem> {
        let record = self.0.ra.ports().inventory.certificate(certificate).await?;
        Ok(record.as_ref().and_then(id_of).map(|id| id.to_string()))
    }
}

fn id_of(record: &CertificateRecord) -> Option<CertificateId> {
    let der = record.certificate.as_deref()?;
    CertificateId::of(&chancery_pki::Certificate::from_der(der).ok()?)
}

/// Why an order that was never finalized is invalid.
fn why_invalid(order: &Order, authorizations: &[Authorization], now: OffsetDateTime) -> Problem {
    let mut failed = Vec::new();
    for authorization in authorizations {
        let error = authorization
            .challenges
            .iter()
            .find_map(|challenge| challenge.error.clone().filter(|_| challenge.status == ChallengeStatus::Invalid));
        let why = match (authorization.status_at(now), error) {
            (AuthorizationStatus::Invalid, Some(error)) => error,
            (AuthorizationStatus::Invalid, None) => Problem::new(ProblemType::Unauthorized, "it was not proved"),
            (AuthorizationStatus::Deactivated, _) => {
                Problem::new(ProblemType::Unauthorized, "its authorization was deactivated")
            }
            (AuthorizationStatus::Revoked, _) => {
                Problem::new(ProblemType::Unauthorized, "its authorization was taken back")
            }
            (AuthorizationStatus::Expired, _) => Problem::new(ProblemType::Unauthorized, "its authorization is over"),
            (AuthorizationStatus::Pending | AuthorizationStatus::Valid, _) => continue,
        };
        failed.push(why.of(authorization.identifier.clone()));
    }
    let detail = if order.expires_at <= now {
        "the order was not finalized in time: make a new one"
    } else {
        "not every identifier is authorized: make a new order"
    };
    // RFC 8555 section 6.7.1: the type of all, or none of theirs.
    let kind = match failed.as_slice() {
        [first, rest @ ..] if rest.iter().all(|problem| problem.kind == first.kind) => first.kind,
        [] => ProblemType::Malformed,
        _ => ProblemType::Compound,
    };
    Problem { subproblems: failed, ..Problem::new(kind, detail) }
}
