//! Approvals.

use async_trait::async_trait;
use chancery_core::attribute::RequestAttribute;
use chancery_core::audit::AuditEntry;
use chancery_core::port::{ApprovalQuery, ApprovalStore};
use chancery_core::{
    ApprovalRecord, ApprovalStatus, CertificateState, ClosedApproval, Decision, Page, Stale, StoreError,
    WaitingRevocation, instant, micros,
};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Store;
use crate::connection::{AnyBackend, AnyConnection, snapshot};
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::{approvals, certificates};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = approvals, treat_none_as_default_value = false)]
struct ApprovalRow {
    id: Vec<u8>,
    certificate: Vec<u8>,
    profile: Vec<u8>,
    operation: String,
    requester_id: Vec<u8>,
    requester: String,
    digest: Vec<u8>,
    revocation: Option<String>,
    status: String,
    created_at: i64,
    expires_at: i64,
    approver_id: Option<Vec<u8>>,
    approver: Option<String>,
    decided_at: Option<i64>,
    comment: Option<String>,
}

/// A waiting revocation as its column keeps it.
#[derive(Serialize, Deserialize)]
struct RevocationColumn {
    reason: String,
    attributes: Vec<RequestAttribute>,
}

impl ApprovalRow {
    fn of(approval: &ApprovalRecord) -> Result<Self, StoreError> {
        let revocation = approval.revocation.as_ref().map(|waiting| {
            let reason = waiting.reason.wire().to_owned();
            row::to_text(&RevocationColumn { reason, attributes: waiting.attributes.clone() })
        });
        let decision = approval.decision.as_ref();
        Ok(Self {
            id: bytes(&approval.id),
            certificate: bytes(&approval.certificate),
            profile: bytes(&approval.profile),
            operation: approval.operation.as_str().to_owned(),
            requester_id: bytes(&approval.requester_id),
            requester: approval.requester.clone(),
            digest: approval.digest.to_vec(),
            revocation: revocation.transpose()?,
            status: approval.status.as_str().to_owned(),
            created_at: micros(approval.created_at),
            expires_at: micros(approval.expires_at),
            approver_id: decision.map(|decision| bytes(&decision.approver_id)),
            approver: decision.map(|decision| decision.approver.clone()),
            decided_at: decision.map(|decision| micros(decision.at)),
            comment: decision.and_then(|decision| decision.comment.clone()),
        })
    }

    fn read(self) -> Result<ApprovalRecord, StoreError> {
        let revocation = match self.revocation.as_deref() {
            Some(column) => {
                let RevocationColumn { reason, attributes } = row::from_text("revocation", column)?;
                Some(WaitingRevocation { reason: row::code("reason", &reason)?, attributes })
            }
            None => None,
        };
        let decision = match (self.approver_id, self.approver, self.decided_at) {
            (Some(approver_id), Some(approver), Some(at)) => {
                Some(Decision { approver_id: row::id(&approver_id)?, approver, at: instant(at), comment: self.comment })
            }
            _ => None,
        };
        Ok(ApprovalRecord {
            id: row::id(&self.id)?,
            certificate: row::id(&self.certificate)?,
            profile: row::id(&self.profile)?,
            operation: row::code("operation", &self.operation)?,
            requester_id: row::id(&self.requester_id)?,
            requester: self.requester,
            digest: row::hash(&self.digest)?,
            revocation,
            status: row::code("status", &self.status)?,
            created_at: instant(self.created_at),
            expires_at: instant(self.expires_at),
            decision,
        })
    }
}

#[async_trait]
impl ApprovalStore for Store {
    async fn approval(&self, id: Uuid) -> Result<Option<ApprovalRecord>, StoreError> {
        self.read(move |c| {
            let row: Option<ApprovalRow> =
                approvals::table.find(bytes(&id)).select(ApprovalRow::as_select()).first(c).optional()?;
            Ok(row.map(ApprovalRow::read).transpose()?)
        })
        .await
    }

    async fn approvals(&self, query: ApprovalQuery) -> Result<Page<ApprovalRecord>, StoreError> {
        self.list(move |c| {
            snapshot(c, |c| {
                let total: i64 = matching(&query).select(diesel::dsl::count_star()).get_result(c)?;
                let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
                let mut rows: Vec<ApprovalRow> = matching(&query)
                    .order(approvals::id.desc())
                    // One more tells whether there are more.
                    .limit(i64::from(query.limit) + 1)
                    .offset(i64::try_from(query.offset).unwrap_or(i64::MAX))
                    .select(ApprovalRow::as_select())
                    .load(c)?;
                let more = rows.len() > limit;
                rows.truncate(limit);
                let items = rows.into_iter().map(ApprovalRow::read).collect::<Result<_, _>>()?;
                Ok::<_, Failure>(Page { items, total: u64::try_from(total).unwrap_or(0), more })
            })
        })
        .await
    }

    async fn expired_approvals(&self, now: OffsetDateTime, limit: u32) -> Result<Vec<ApprovalRecord>, StoreError> {
        self.read(move |c| {
            let rows: Vec<ApprovalRow> = approvals::table
                .filter(approvals::status.eq(ApprovalStatus::Pending.as_str()))
                .filter(approvals::expires_at.le(micros(now)))
                .order(approvals::expires_at)
                .limit(limit.into())
                .select(ApprovalRow::as_select())
                .load(c)?;
            Ok(rows.into_iter().map(ApprovalRow::read).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn open_revocation(
        &self,
        approval: ApprovalRecord,
        replaced: Option<ClosedApproval>,
        audit: AuditEntry,
    ) -> Result<(), StoreError> {
        self.write(move |c, told| {
            let from = match &replaced {
                Some(replaced) => {
                    close(c, &approval.certificate, replaced)?;
                    CertificateState::PendingApproval
                }
                None => CertificateState::Issued,
            };
            turn(c, &approval.certificate, from, CertificateState::PendingApproval)?;
            open(c, &approval)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn close_approval(
        &self,
        certificate: Uuid,
        state: CertificateState,
        closed: ClosedApproval,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        let written = self
            .write(move |c, told| {
                close(c, &certificate, &closed)?;
                turn(c, &certificate, CertificateState::PendingApproval, state)?;
                told.push(audit.clone());
                Ok(())
            })
            .await;
        match written {
            Ok(()) => Ok(true),
            Err(StoreError::Stale(Stale::Certificate)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// A new approval.
pub(crate) fn open(c: &mut AnyConnection, approval: &ApprovalRecord) -> Result<(), Failure> {
    diesel::insert_into(approvals::table).values(ApprovalRow::of(approval)?).execute(c)?;
    Ok(())
}

/// The end of a pending one: given and denied before its time is over, expired after.
pub(crate) fn close(c: &mut AnyConnection, certificate: &Uuid, closed: &ClosedApproval) -> Result<(), Failure> {
    let decision = &closed.decision;
    let pending = approvals::table
        .find(bytes(&closed.id))
        .filter(approvals::certificate.eq(bytes(certificate)))
        .filter(approvals::status.eq(ApprovalStatus::Pending.as_str()));
    let values = (
        approvals::status.eq(closed.status.as_str()),
        approvals::approver_id.eq(Some(bytes(&decision.approver_id))),
        approvals::approver.eq(Some(decision.approver.clone())),
        approvals::decided_at.eq(Some(micros(decision.at))),
        approvals::comment.eq(decision.comment.clone()),
    );
    let changed = match closed.status {
        ApprovalStatus::Expired => {
            diesel::update(pending.filter(approvals::expires_at.le(micros(decision.at)))).set(values).execute(c)?
        }
        ApprovalStatus::Approved | ApprovalStatus::Rejected | ApprovalStatus::Pending => {
            diesel::update(pending.filter(approvals::expires_at.gt(micros(decision.at)))).set(values).execute(c)?
        }
    };
    if changed == 1 { Ok(()) } else { Err(StoreError::Stale(Stale::Certificate).into()) }
}

/// A certificate object goes from one state to another, and nothing else of it changes.
fn turn(
    c: &mut AnyConnection,
    certificate: &Uuid,
    from: CertificateState,
    to: CertificateState,
) -> Result<(), Failure> {
    let object = certificates::table.find(bytes(certificate)).filter(certificates::state.eq(from.as_str()));
    let changed = diesel::update(object).set(certificates::state.eq(to.as_str())).execute(c)?;
    if changed == 1 { Ok(()) } else { Err(StoreError::Stale(Stale::Certificate).into()) }
}

type Approvals<'a> = approvals::BoxedQuery<'a, AnyBackend>;

fn matching(query: &ApprovalQuery) -> Approvals<'_> {
    let mut wanted = approvals::table.into_boxed();
    if let Some(profiles) = &query.profiles {
        wanted = wanted.filter(approvals::profile.eq_any(profiles.iter().map(bytes).collect::<Vec<_>>()));
    }
    if let Some(certificate) = &query.certificate {
        wanted = wanted.filter(approvals::certificate.eq(bytes(certificate)));
    }
    if let Some((id, name, now)) = &query.waiting_for {
        wanted = wanted
            .filter(approvals::status.eq(ApprovalStatus::Pending.as_str()))
            .filter(approvals::expires_at.gt(micros(*now)))
            .filter(approvals::requester_id.ne(bytes(id)).or(approvals::requester.ne(name.clone())));
    }
    if let Some((id, name)) = &query.decided_by {
        wanted = wanted
            .filter(approvals::approver_id.eq(Some(bytes(id))))
            .filter(approvals::approver.eq(Some(name.clone())));
    }
    wanted
}
