//! Revoke.

use chancery_pki::RevocationReason;
use time::OffsetDateTime;
use uuid::Uuid;

use super::RevokeRequest;
use crate::attribute::{self, RequestAttribute};
use crate::audit::{Event, Telling};
use crate::port::{ApprovalQuery, RevokeRecord};
use crate::{
    Actor, ActorKind, ApprovalOperation, ApprovalRecord, ApprovalStatus, Authorization, CertificateRecord,
    CertificateState, ClosedApproval, Error, LoadedProfile, Origin, Ra, Rejection, Role, Scope, Stale, StoreError,
    WaitingRevocation, policy,
};

impl Ra {
    /// Revoke a certificate. The CRL tells it within seconds; a key revoked as compromised is refused from now on.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown certificate or one out of scope; [`Error::Rejected`] when it is not in state
    /// issued (a second revocation too), belongs to another RA profile, or an attribute is wrong.
    pub async fn revoke(
        &self,
        authorization: Authorization,
        certificate: Uuid,
        request: RevokeRequest,
    ) -> Result<(), Error> {
        let done = self.revoke_issued(&authorization, certificate, request).await;
        self.told(&authorization, Event::CertificateRevoke, Some(certificate), done).await
    }

    /// Revoke a certificate that belongs to no RA profile, a CA's or the server's own: only a person on the machine itself
    /// may. The issuer's CRL tells it within seconds; a revoked CA signs nothing but CRLs any more.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anyone else; [`Error::NotFound`] for an unknown certificate; [`Error::Rejected`] when it
    /// belongs to an RA profile, is not in state issued, is a root, or the invalidity date is not in the past.
    pub async fn revoke_own(
        &self,
        actor: &Actor,
        origin: &Origin,
        certificate: Uuid,
        reason: RevocationReason,
        invalidity_date: Option<OffsetDateTime>,
    ) -> Result<(), Error> {
        let done = self.revoke_without_profile(actor, origin, certificate, reason, invalidity_date).await;
        self.told_of(actor, origin, Event::CertificateRevoke, None, Some(certificate), done).await
    }

    async fn revoke_without_profile(
        &self,
        actor: &Actor,
        origin: &Origin,
        certificate: Uuid,
        reason: RevocationReason,
        invalidity_date: Option<OffsetDateTime>,
    ) -> Result<(), Error> {
        if actor.kind != ActorKind::Local {
            let why = "CA certificates and the server's own are revoked on the machine itself alone";
            return Err(Error::Forbidden(why.into()));
        }
        let record = self.reachable_certificate(actor, origin, certificate).await?;
        let mut faults = Vec::new();
        if record.profile.is_some() {
            faults.push(Rejection::State("the certificate belongs to an RA profile: revoke it there".into()));
        }
        if record.state != CertificateState::Issued {
            let state = record.state.as_str();
            faults
                .push(Rejection::State(format!("the certificate is in state {state}; only an issued one is revoked")));
        }
        if record.issuer == Some(record.id) {
            // RFC 5280 section 6.1: a trust anchor is no part of the path that is checked.
            faults.push(Rejection::State(
                "nobody looks for a root in a CRL: take it out of every trust store instead".into(),
            ));
        }
        faults.extend(date_fault(invalidity_date, self.now()));
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        let request = RevokeRequest { reason, attributes: vec![], alongside: None };
        let telling = Telling::success(actor, origin, Event::CertificateRevoke);
        self.record_revocation(actor, &record, request, invalidity_date, None, telling).await
    }

    async fn revoke_issued(
        &self,
        authorization: &Authorization,
        certificate: Uuid,
        request: RevokeRequest,
    ) -> Result<(), Error> {
        let Authorization { actor, origin, profile } = authorization;
        let record = self.reachable_certificate(actor, origin, certificate).await?;
        // A lost key takes the place of whatever reason waits.
        let replaced = match record.state {
            CertificateState::PendingApproval if request.reason == RevocationReason::KeyCompromise => {
                self.waiting_revocation(&record).await?
            }
            _ => None,
        };
        let state = replaced.as_ref().map_or(CertificateState::Issued, |_| CertificateState::PendingApproval);
        let mut faults = super::renew::object_faults(&record, authorization, state);
        let invalidity_date = invalidity_date(profile, &request.attributes, self.now()).unwrap_or_else(|more| {
            faults.extend(more);
            None
        });
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        if replaced.is_some() || profile.policy.revocation_approval_required() {
            return self.revoke_later(authorization, &record, request, replaced).await;
        }
        let telling = Telling::success(actor, origin, Event::CertificateRevoke);
        self.record_revocation(actor, &record, request, invalidity_date, None, telling).await
    }

    /// The revocation that waits, when it is for another reason than a lost key.
    async fn waiting_revocation(&self, record: &CertificateRecord) -> Result<Option<ApprovalRecord>, Error> {
        let query = ApprovalQuery { certificate: Some(record.id), limit: 8, ..ApprovalQuery::default() };
        let found = self.0.ports.approvals.approvals(query).await?.items;
        let now = self.now();
        Ok(found.into_iter().find(|approval| {
            let lost = |waiting: &WaitingRevocation| waiting.reason == RevocationReason::KeyCompromise;
            approval.status_at(now) == ApprovalStatus::Pending
                && approval.revocation.as_ref().is_some_and(|waiting| !lost(waiting))
        }))
    }

    /// Have the revocation wait for an approval, in the place of one that waits already.
    async fn revoke_later(
        &self,
        authorization: &Authorization,
        record: &CertificateRecord,
        request: RevokeRequest,
        replaced: Option<ApprovalRecord>,
    ) -> Result<(), Error> {
        let waiting = WaitingRevocation { reason: request.reason, attributes: request.attributes };
        let telling = Telling::success(&authorization.actor, &authorization.origin, Event::RevocationRequest)
            .profile(record.profile)
            .certificate(record.id)
            .with("reason", waiting.reason.wire());
        let approval = self.new_approval(authorization, record, ApprovalOperation::Revoke, Some(waiting))?;
        let mut telling = telling.with("approval", approval.id.to_string());
        let closed = match &replaced {
            Some(replaced) => {
                telling = telling.with("replaces", replaced.id.to_string());
                let why = "a revocation for keyCompromise took its place".to_owned();
                Some(self.closed(&authorization.actor, replaced, ApprovalStatus::Rejected, Some(why))?)
            }
            None => None,
        };
        let audit = telling.at(self.now());
        match self.0.ports.approvals.open_revocation(approval, closed, audit).await {
            Err(StoreError::Stale(stale)) => Err(changed(stale)),
            done => Ok(done?),
        }
    }

    /// Revoke what waited for an approval that was given now.
    pub(crate) async fn revoke_approved(
        &self,
        authorization: &Authorization,
        record: &CertificateRecord,
        waiting: &WaitingRevocation,
        approval: &ApprovalRecord,
        closed: ClosedApproval,
    ) -> Result<(), Error> {
        let Authorization { actor, origin, profile } = authorization;
        self.check_binding(authorization, record, approval)?;
        let invalidity_date = invalidity_date(profile, &waiting.attributes, self.now()).map_err(Error::Rejected)?;
        let mut telling = Telling::success(actor, origin, Event::CertificateRevoke)
            .with("approval", approval.id.to_string())
            .with("requestedBy", &*approval.requester);
        if let Some(comment) = &closed.decision.comment {
            telling = telling.with("comment", &**comment);
        }
        let request = RevokeRequest { reason: waiting.reason, attributes: waiting.attributes.clone(), alongside: None };
        self.record_revocation(actor, record, request, invalidity_date, Some(closed), telling).await
    }

    async fn record_revocation(
        &self,
        actor: &Actor,
        record: &CertificateRecord,
        request: RevokeRequest,
        invalidity_date: Option<OffsetDateTime>,
        approval: Option<ClosedApproval>,
        telling: Telling<'_>,
    ) -> Result<(), Error> {
        let now = self.now();
        let mut telling = telling
            .profile(record.profile)
            .certificate(record.id)
            .with("reason", request.reason.wire())
            .with("subject", &*record.subject);
        if let Some(serial) = &record.serial {
            telling = telling.with("serial", serial.to_hex());
        }
        if let Some(date) = invalidity_date {
            telling = telling.with("invalidityDate", date.unix_timestamp());
        }
        let revocation = RevokeRecord {
            certificate: record.id,
            at: now,
            reason: request.reason,
            invalidity_date,
            attributes: request.attributes,
            block_key: blocks_key(actor, request.reason).then_some(record.key_hash),
            audit: telling.at(now),
            approval,
            alongside: request.alongside,
        };
        match self.0.ports.inventory.revoke(revocation).await {
            Ok(()) => {}
            Err(StoreError::Stale(stale)) => return Err(changed(stale)),
            Err(error) => return Err(error.into()),
        }
        if let Some(issuer) = record.issuer {
            self.0.ports.authority.revoked(issuer);
        }
        Ok(())
    }
}

fn changed(stale: Stale) -> Error {
    Error::rejected(Rejection::State(format!("the {stale} was revoked, or its revocation asked for, meanwhile")))
}

/// What the revoke attributes say of when the key was lost.
pub(super) fn invalidity_date(
    profile: &LoadedProfile,
    values: &[RequestAttribute],
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, Vec<Rejection>> {
    let date = attribute::check(&profile.revoke_definitions, values)?.datetime(policy::INVALIDITY_DATE);
    date_fault(date, now).map_or(Ok(date), |fault| Err(vec![fault]))
}

fn date_fault(date: Option<OffsetDateTime>, now: OffsetDateTime) -> Option<Rejection> {
    date.is_some_and(|date| date > now || date < OffsetDateTime::UNIX_EPOCH).then(|| Rejection::Attribute {
        name: policy::INVALIDITY_DATE.into(),
        why: "says when the key is thought to have been lost: between 1970 and now".into(),
    })
}

/// Whether a revocation also blocks the key, everywhere and for good. A requester of some profiles could block a key that
/// others use, by asking for a certificate with their request: its word revokes its certificate and no more. Who signs with
/// the key itself has shown that he holds it.
fn blocks_key(actor: &Actor, reason: RevocationReason) -> bool {
    let trusted = actor.scope == Scope::All || actor.role != Role::Requester;
    reason == RevocationReason::KeyCompromise && (trusted || actor.kind == ActorKind::CertificateKey)
}
