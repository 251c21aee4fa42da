//! Approvals: a second person decides, where the RA profile says so.
//!
//! An approval is bound to what was asked for and to the RA profile's version: of anything else it is none. When it is
//! given, every rule is asked again; it is closed in the transaction that issues or revokes.

use aws_lc_rs::digest;
use chancery_pki::RevocationReason;
use time::{Duration, OffsetDateTime};
use uuid::{Uuid, uuid};

use crate::attribute::RequestAttribute;
use crate::audit::{Event, Telling};
use crate::port::ApprovalQuery;
use crate::{
    Action, Actor, Authorization, CertificateRecord, CertificateState, Error, Origin, Page, ProfileRef, Ra, Rejection,
    Scope,
};

/// The one approval profile: one step, one approval, by an operator or administrator other than the requester.
pub const BUILT_IN_APPROVAL_PROFILE: Uuid = uuid!("6b1a3b52-54a5-4ff0-9d55-6a3f0c6d8f11");
/// Its only step.
pub const BUILT_IN_APPROVAL_STEP: Uuid = uuid!("0d0c8dd6-0ac8-4b0e-8c0f-1d6b3d1c4c52");
/// How long an approval can be given.
pub const APPROVAL_LIFETIME: Duration = Duration::days(7);
/// Pages of approvals that end behind this many are refused.
const DEEPEST: u64 = 10_000;
/// Characters of an approver's comment that are kept.
const LONGEST_COMMENT: usize = 1_000;
/// Expired approvals that are closed at a time.
const SWEEP: u32 = 100;

/// What waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalOperation {
    /// A first certificate.
    Issue,
    /// A renewal with the same key.
    Renew,
    /// A renewal with another key.
    Rekey,
    /// What takes another's place (RFC 9773).
    Replace,
    /// A revocation.
    Revoke,
}

impl ApprovalOperation {
    /// Every operation.
    pub const ALL: [Self; 5] = [Self::Issue, Self::Renew, Self::Rekey, Self::Replace, Self::Revoke];

    /// Its name in the store and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Renew => "renew",
            Self::Rekey => "rekey",
            Self::Replace => "replace",
            Self::Revoke => "revoke",
        }
    }

    /// What the trail calls it when it is done.
    pub fn event(self) -> Event {
        match self {
            Self::Issue => Event::CertificateIssue,
            Self::Renew | Self::Replace => Event::CertificateRenew,
            Self::Rekey => Event::CertificateRekey,
            Self::Revoke => Event::CertificateRevoke,
        }
    }
}

impl std::str::FromStr for ApprovalOperation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| format!("unknown operation {text:?}"))
    }
}

/// Where an approval stands (rest-api: `ApprovalStatusEnum`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalStatus {
    /// Waits for a decision.
    Pending,
    /// Given, and what waited is done.
    Approved,
    /// Denied.
    Rejected,
    /// Nobody decided in time.
    Expired,
}

impl ApprovalStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Approved, Self::Rejected, Self::Expired];

    /// The code on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
        }
    }
}

impl std::str::FromStr for ApprovalStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| format!("unknown status {text:?}"))
    }
}

/// A revocation that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitingRevocation {
    /// Why.
    pub reason: RevocationReason,
    /// Revoke attributes as sent.
    pub attributes: Vec<RequestAttribute>,
}

/// An approval, asked for or decided.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalRecord {
    /// Identifier.
    pub id: Uuid,
    /// The certificate object that waits.
    pub certificate: Uuid,
    /// Its RA profile.
    pub profile: Uuid,
    /// What waits.
    pub operation: ApprovalOperation,
    /// The requester's id; nil for the local command line.
    pub requester_id: Uuid,
    /// The requester's name.
    pub requester: String,
    /// What it is bound to: [`ApprovalRecord::digest_of`].
    pub digest: [u8; 32],
    /// For a revocation: what was asked for.
    pub revocation: Option<WaitingRevocation>,
    /// As stored; ask [`ApprovalRecord::status_at`].
    pub status: ApprovalStatus,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// Until when it can be given.
    pub expires_at: OffsetDateTime,
    /// The decision.
    pub decision: Option<Decision>,
}

/// Who decided, and what they said.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The approver's id; nil for the local command line and the clock.
    pub approver_id: Uuid,
    /// The approver's name.
    pub approver: String,
    /// When.
    pub at: OffsetDateTime,
    /// In their words.
    pub comment: Option<String>,
}

/// The end of an approval, for one transaction: conditional on its being pending and not expired at the decision (but
/// for its expiry).
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedApproval {
    /// Which.
    pub id: Uuid,
    /// How it ended.
    pub status: ApprovalStatus,
    /// By whom.
    pub decision: Decision,
}

impl ApprovalRecord {
    /// Its status at this instant: what is pending expires.
    pub fn status_at(&self, now: OffsetDateTime) -> ApprovalStatus {
        match self.status {
            ApprovalStatus::Pending if self.expires_at <= now => ApprovalStatus::Expired,
            status => status,
        }
    }

    /// What an approval is bound to: the operation, the request, the attributes, and the RA profile's version.
    pub fn digest_of(
        operation: ApprovalOperation,
        certificate: &CertificateRecord,
        revocation: Option<&WaitingRevocation>,
        profile_version: i64,
    ) -> Result<[u8; 32], serde_json::Error> {
        let attributes = serde_json::to_vec(&certificate.issue_attributes)?;
        let (reason, revoke_attributes) = match revocation {
            Some(waiting) => (waiting.reason.wire(), serde_json::to_vec(&waiting.attributes)?),
            None => ("", Vec::new()),
        };
        let version = profile_version.to_be_bytes();
        let parts: [&[u8]; 8] = [
            operation.as_str().as_bytes(),
            certificate.id.as_bytes(),
            certificate.profile.as_ref().map_or(&[], |profile| profile.as_bytes().as_slice()),
            certificate.request.as_deref().unwrap_or_default(),
            &attributes,
            reason.as_bytes(),
            &revoke_attributes,
            &version,
        ];
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in parts {
            // Each with its length, so that no two lists of parts read alike.
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(hash.finish().as_ref());
        Ok(digest)
    }
}

/// Which approvals to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalList {
    /// Every one within the actor's scope.
    All,
    /// Those of one certificate object.
    Certificate(Uuid),
    /// Those that wait for the actor.
    Mine,
    /// Those that the actor decided.
    Decided,
}

impl Ra {
    /// A page of approvals, newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a certificate out of scope; [`Error::Rejected`] for pages too deep to be read in time.
    pub async fn approvals(
        &self,
        actor: &Actor,
        origin: &Origin,
        list: ApprovalList,
        offset: u64,
        limit: u32,
    ) -> Result<Page<ApprovalRecord>, Error> {
        self.demand(actor, origin, Action::ReadCertificates).await?;
        if offset.saturating_add(limit.into()) > DEEPEST {
            let why = format!("pages reach only the first {DEEPEST} approvals; decide the older ones first");
            return Err(Error::rejected(Rejection::State(why)));
        }
        let mut query = ApprovalQuery { offset, limit, ..ApprovalQuery::default() };
        if let Scope::Profiles(profiles) = &actor.scope {
            query.profiles = Some(profiles.iter().copied().collect());
        }
        match list {
            ApprovalList::All => {}
            ApprovalList::Certificate(id) => {
                self.reachable_certificate(actor, origin, id).await?;
                query.certificate = Some(id);
            }
            ApprovalList::Mine => query.waiting_for = Some((actor.id, actor.name.clone(), self.now())),
            ApprovalList::Decided => query.decided_by = Some((actor.id, actor.name.clone())),
        }
        Ok(self.0.ports.approvals.approvals(query).await?)
    }

    /// One approval.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none within the actor's scope.
    pub async fn approval(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<ApprovalRecord, Error> {
        self.demand(actor, origin, Action::ReadCertificates).await?;
        self.reachable_approval(actor, origin, id).await
    }

    /// Approve: what waited is checked again, and done.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none within the actor's scope; [`Error::Forbidden`] when the role may not, or the
    /// actor asked for it; [`Error::Rejected`] when it is decided or expired, when the RA profile has changed since, and
    /// with every rule that the operation breaks now.
    pub async fn approve(
        &self,
        actor: &Actor,
        origin: &Origin,
        id: Uuid,
        comment: Option<String>,
    ) -> Result<(), Error> {
        let (approval, record) = self.decidable(actor, origin, id).await?;
        let done = self.do_approved(actor, origin, &approval, &record, comment).await;
        let (profile, certificate) = (Some(approval.profile), Some(record.id));
        self.told_of(actor, origin, approval.operation.event(), profile, certificate, done).await
    }

    async fn do_approved(
        &self,
        actor: &Actor,
        origin: &Origin,
        approval: &ApprovalRecord,
        record: &CertificateRecord,
        comment: Option<String>,
    ) -> Result<(), Error> {
        let authorization = self.authorize(actor, origin, &ProfileRef::Id(approval.profile)).await?;
        let profile = &authorization.profile.profile;
        if record.door.is_protocol() && !profile.doors.contains(&record.door) {
            return Err(Error::rejected(Rejection::State(format!(
                "RA profile {} is not open to {} any more, through which this was asked for: open that door, or reject \
                 the approval",
                profile.name,
                record.door.as_str()
            ))));
        }
        let closed = self.closed(actor, approval, ApprovalStatus::Approved, comment)?;
        match &approval.revocation {
            Some(waiting) => self.revoke_approved(&authorization, record, waiting, approval, closed).await,
            None => self.issue_approved(&authorization, record, approval, closed).await.map(drop),
        }
    }

    /// Reject: what waited is not done. A certificate that was to be revoked stands again.
    ///
    /// # Errors
    /// As [`Ra::approve`], but for the rules of the operation.
    pub async fn reject(&self, actor: &Actor, origin: &Origin, id: Uuid, comment: Option<String>) -> Result<(), Error> {
        let (approval, _) = self.decidable(actor, origin, id).await?;
        let closed = self.closed(actor, &approval, ApprovalStatus::Rejected, comment)?;
        let telling = Telling::success(actor, origin, Event::ApprovalReject);
        if self.close(telling, &approval, closed).await? { Ok(()) } else { Err(decided(&approval)) }
    }

    /// Close what nobody decided in time: how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer.
    pub async fn expire_approvals(&self) -> Result<u64, Error> {
        let now = self.now();
        let (actor, origin) = (Actor::system(), Origin::system());
        let mut closed = 0;
        for approval in self.0.ports.approvals.expired_approvals(now, SWEEP).await? {
            let end = self.closed(&actor, &approval, ApprovalStatus::Expired, None)?;
            let telling = Telling::success(&actor, &origin, Event::ApprovalExpire);
            closed += u64::from(self.close(telling, &approval, end).await?);
        }
        Ok(closed)
    }

    async fn close(
        &self,
        telling: Telling<'_>,
        approval: &ApprovalRecord,
        closed: ClosedApproval,
    ) -> Result<bool, Error> {
        let state = match approval.operation {
            ApprovalOperation::Revoke => CertificateState::Issued,
            _ => CertificateState::Rejected,
        };
        let mut telling = telling
            .profile(Some(approval.profile))
            .certificate(approval.certificate)
            .with("approval", approval.id.to_string())
            .with("operation", approval.operation.as_str());
        if let Some(comment) = &closed.decision.comment {
            telling = telling.with("comment", &**comment);
        }
        let audit = telling.at(self.now());
        Ok(self.0.ports.approvals.close_approval(approval.certificate, state, closed, audit).await?)
    }

    async fn reachable_approval(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<ApprovalRecord, Error> {
        let unknown = || Error::not_found("approval", id);
        let approval = self.0.ports.approvals.approval(id).await?.ok_or_else(unknown)?;
        if !actor.scope.contains(Some(approval.profile)) {
            self.out_of_scope(actor, origin, Some(approval.profile), Some(approval.certificate)).await?;
            return Err(unknown());
        }
        Ok(approval)
    }

    /// An approval that this actor may decide now, and the object that waits for it.
    async fn decidable(
        &self,
        actor: &Actor,
        origin: &Origin,
        id: Uuid,
    ) -> Result<(ApprovalRecord, CertificateRecord), Error> {
        self.demand(actor, origin, Action::Approve).await?;
        let approval = self.reachable_approval(actor, origin, id).await?;
        if approval.requester_id == actor.id && approval.requester == actor.name {
            let why = "whoever asked for it cannot decide it: ask another operator or administrator";
            let telling = Telling::refused(Some(actor), origin, Event::AccessDenied)
                .profile(Some(approval.profile))
                .certificate(approval.certificate)
                .with("why", why);
            self.0.refusals.tell(telling, self.now()).await?;
            return Err(Error::Forbidden(why.into()));
        }
        if approval.status_at(self.now()) != ApprovalStatus::Pending {
            let (event, profile) = (approval.operation.event(), Some(approval.profile));
            let refused = Err(decided(&approval));
            return self.told_of(actor, origin, event, profile, Some(approval.certificate), refused).await;
        }
        let record = self.reachable_certificate(actor, origin, approval.certificate).await?;
        if record.state != CertificateState::PendingApproval {
            return Err(Error::internal(format!("approval {id} is pending, its certificate object is not")));
        }
        Ok((approval, record))
    }

    pub(crate) fn closed(
        &self,
        actor: &Actor,
        approval: &ApprovalRecord,
        status: ApprovalStatus,
        comment: Option<String>,
    ) -> Result<ClosedApproval, Error> {
        let comment = comment.map(|comment| comment.trim().to_owned()).filter(|comment| !comment.is_empty());
        if comment.as_ref().is_some_and(|comment| comment.chars().count() > LONGEST_COMMENT) {
            let why = format!("the comment is longer than {LONGEST_COMMENT} characters; shorten it");
            return Err(Error::rejected(Rejection::State(why)));
        }
        let decision = Decision { approver_id: actor.id, approver: actor.name.clone(), at: self.now(), comment };
        Ok(ClosedApproval { id: approval.id, status, decision })
    }

    /// A new approval for an object that is about to wait.
    pub(crate) fn new_approval(
        &self,
        authorization: &Authorization,
        certificate: &CertificateRecord,
        operation: ApprovalOperation,
        revocation: Option<WaitingRevocation>,
    ) -> Result<ApprovalRecord, Error> {
        let profile = &authorization.profile.profile;
        let digest = ApprovalRecord::digest_of(operation, certificate, revocation.as_ref(), profile.version)
            .map_err(Error::internal)?;
        let now = self.now();
        Ok(ApprovalRecord {
            id: self.new_id(),
            certificate: certificate.id,
            profile: profile.id,
            operation,
            requester_id: authorization.actor.id,
            requester: authorization.actor.name.clone(),
            digest,
            revocation,
            status: ApprovalStatus::Pending,
            created_at: now,
            expires_at: now + APPROVAL_LIFETIME,
            decision: None,
        })
    }

    /// Is the approval still of what would be done under the profile as it is now?
    pub(crate) fn check_binding(
        &self,
        authorization: &Authorization,
        certificate: &CertificateRecord,
        approval: &ApprovalRecord,
    ) -> Result<(), Error> {
        let profile = &authorization.profile.profile;
        let digest =
            ApprovalRecord::digest_of(approval.operation, certificate, approval.revocation.as_ref(), profile.version)
                .map_err(Error::internal)?;
        if digest == approval.digest {
            return Ok(());
        }
        Err(Error::rejected(Rejection::State(format!(
            "RA profile {} has changed since this was asked for, and an approval holds for what was seen then only: \
             reject it and ask again",
            profile.name
        ))))
    }
}

fn decided(approval: &ApprovalRecord) -> Error {
    let what = match approval.status {
        ApprovalStatus::Pending | ApprovalStatus::Expired => "has expired: ask for the operation again",
        ApprovalStatus::Approved => "was given already",
        ApprovalStatus::Rejected => "was rejected already: ask for the operation again",
    };
    Error::rejected(Rejection::State(format!("the approval {what}")))
}
