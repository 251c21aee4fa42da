//! Issue: from a request to a recorded certificate.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use chancery_pki::{Certificate, CertificateTemplate, Csr, GeneralName};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{IssueRequest, Outcome};
use crate::attribute::{self, AttributeSet, RequestAttribute};
use crate::audit::{Event, Telling};
use crate::policy::Wanted;
use crate::port::{Alongside, ApprovalChange, AuthorityInstance, IssueRecord};
use crate::{
    Actor, ApprovalOperation, ApprovalRecord, Authorization, CertificateRecord, CertificateState, ClosedApproval, Door,
    Error, Origin, Ra, Rejection, SearchName, Stale, StoreError, Unique,
};

/// A decision is made again when the profile changed under it, or when a serial number was taken.
const ATTEMPTS: usize = 4;

/// Approvers are people.
const APPROVAL_RETRY: Duration = Duration::from_secs(60);

/// How an object relates to its predecessor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Succession {
    /// It renews it: the predecessor stands, and the subject stays.
    Renewal,
    /// Its holder renews it: the same, and the alternative names stay too.
    Reenrolment,
    /// It takes its place under RFC 9773 section 5: names may differ, and a revoked one may be replaced.
    Replacement,
}

/// What an issuing operation works on.
pub(super) struct Work<'a> {
    /// The event to tell.
    pub event: Event,
    /// The certificate object's id: a new one, or that of a requested object.
    pub id: Uuid,
    pub csr: &'a Csr,
    pub attributes: &'a [RequestAttribute],
    pub predecessor: Option<&'a CertificateRecord>,
    /// Under which rule there is a predecessor.
    pub succession: Succession,
    /// What the door tells the trail.
    pub facts: &'a [(&'static str, Value)],
    pub alongside: Option<&'a Alongside>,
    /// The requested object that becomes the certificate.
    pub requested: Option<&'a CertificateRecord>,
    /// The approval that was given, with its end.
    pub approved: Option<(&'a ApprovalRecord, &'a ClosedApproval)>,
}

impl Work<'_> {
    fn operation(&self) -> ApprovalOperation {
        match (self.event, self.succession) {
            (Event::CertificateRekey, _) => ApprovalOperation::Rekey,
            (Event::CertificateRenew, Succession::Replacement) => ApprovalOperation::Replace,
            (Event::CertificateRenew, Succession::Renewal | Succession::Reenrolment) => ApprovalOperation::Renew,
            _ => ApprovalOperation::Issue,
        }
    }
}

impl Ra {
    /// Issue a certificate.
    ///
    /// # Errors
    /// [`Error::Rejected`] with every broken rule; [`Error::Unavailable`] when it could not be signed or recorded, and
    /// then nothing was.
    pub async fn issue(&self, authorization: Authorization, request: IssueRequest) -> Result<Outcome, Error> {
        let work = Work {
            event: Event::CertificateIssue,
            id: self.new_id(),
            csr: &request.csr,
            attributes: &request.attributes,
            predecessor: None,
            succession: Succession::Renewal,
            facts: &request.facts,
            alongside: request.alongside.as_ref(),
            requested: None,
            approved: None,
        };
        let done = self.perform(&authorization, work).await;
        self.told(&authorization, Event::CertificateIssue, None, done).await.map(Outcome::of)
    }

    /// Record a request that [`Ra::issue_requested`] turns into a certificate later. What the profile forbids is refused
    /// now.
    ///
    /// # Errors
    /// As [`Ra::issue`].
    pub async fn request(
        &self,
        authorization: Authorization,
        request: IssueRequest,
    ) -> Result<CertificateRecord, Error> {
        let work = Work {
            event: Event::CertificateRequest,
            id: self.new_id(),
            csr: &request.csr,
            attributes: &request.attributes,
            predecessor: None,
            succession: Succession::Renewal,
            facts: &request.facts,
            alongside: request.alongside.as_ref(),
            requested: None,
            approved: None,
        };
        let done = self.perform(&authorization, work).await;
        self.told(&authorization, Event::CertificateRequest, None, done).await
    }

    /// Issue what [`Ra::request`] recorded, under the policy as it is now.
    ///
    /// # Errors
    /// As [`Ra::issue`]; [`Error::NotFound`] for an unknown object or one out of scope; [`Error::Rejected`] when its
    /// state is not `requested`, or it belongs to another RA profile.
    pub async fn issue_requested(&self, authorization: Authorization, certificate: Uuid) -> Result<Outcome, Error> {
        let done = self.issue_stored(&authorization, certificate).await;
        self.told(&authorization, Event::CertificateIssue, Some(certificate), done).await.map(Outcome::of)
    }

    async fn issue_stored(&self, authorization: &Authorization, certificate: Uuid) -> Result<CertificateRecord, Error> {
        let requested = self.reachable_certificate(&authorization.actor, &authorization.origin, certificate).await?;
        let mut faults = super::renew::object_faults(&requested, authorization, CertificateState::Requested);
        let csr = match requested.request.as_deref().map(Csr::from_stored) {
            Some(Ok(csr)) => csr,
            Some(Err(error)) => return Err(Error::internal(error)),
            None => {
                faults.push(Rejection::State("no certificate request is stored with this object".into()));
                return Err(Error::Rejected(faults));
            }
        };
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        let work = Work {
            event: Event::CertificateIssue,
            id: requested.id,
            csr: &csr,
            attributes: &requested.issue_attributes,
            predecessor: None,
            succession: Succession::Renewal,
            facts: &[],
            alongside: None,
            requested: Some(&requested),
            approved: None,
        };
        self.perform(authorization, work).await
    }

    /// What waited for an approval that was given now.
    pub(crate) async fn issue_approved(
        &self,
        authorization: &Authorization,
        record: &CertificateRecord,
        approval: &ApprovalRecord,
        closed: ClosedApproval,
    ) -> Result<CertificateRecord, Error> {
        let Some(request) = record.request.as_deref() else {
            return Err(Error::internal("an object that waits for an approval has no request"));
        };
        let csr = Csr::from_stored(request).map_err(Error::internal)?;
        let predecessor = match record.predecessor {
            Some(id) => Some(self.reachable_certificate(&authorization.actor, &authorization.origin, id).await?),
            None => None,
        };
        let operation = approval.operation;
        if let Some(predecessor) = &predecessor {
            let faults = self.approved_renewal_faults(authorization, predecessor, csr.public_key(), operation)?;
            if !faults.is_empty() {
                return Err(Error::Rejected(faults));
            }
        }
        // Cheaper than what the door may have to ask of others.
        self.check_binding(authorization, record, approval)?;
        let alongside = self.door_stands_by(record).await?;
        let mut facts = vec![
            ("approval", Value::from(approval.id.to_string())),
            ("requestedBy", Value::from(approval.requester.clone())),
        ];
        facts.extend(closed.decision.comment.clone().map(|comment| ("comment", Value::from(comment))));
        let work = Work {
            event: operation.event(),
            id: record.id,
            csr: &csr,
            attributes: &record.issue_attributes,
            predecessor: predecessor.as_ref(),
            succession: match operation {
                ApprovalOperation::Replace => Succession::Replacement,
                _ => Succession::Renewal,
            },
            facts: &facts,
            alongside: alongside.as_ref(),
            requested: Some(record),
            approved: Some((approval, &closed)),
        };
        self.perform(authorization, work).await
    }

    /// Decide, sign, record: again when the profile changed meanwhile or the serial number was taken.
    pub(super) async fn perform(
        &self,
        authorization: &Authorization,
        work: Work<'_>,
    ) -> Result<CertificateRecord, Error> {
        let mut authorization = Cow::Borrowed(authorization);
        for _ in 0..ATTEMPTS {
            if let (Some(record), Some((approval, _))) = (work.requested, work.approved) {
                self.check_binding(&authorization, record, approval)?;
            }
            let template = self.decide(&authorization, &work)?;
            let waits = work.approved.is_none() && authorization.profile.policy.approval_required();
            let record = if work.event == Event::CertificateRequest {
                self.waiting_record(&authorization, &work, &template, CertificateState::Requested)
            } else if waits {
                let mut record =
                    self.waiting_record(&authorization, &work, &template, CertificateState::PendingApproval);
                let approval = self.new_approval(&authorization, &record.certificate, work.operation(), None)?;
                record.approval = Some(ApprovalChange::Opened(approval));
                record
            } else {
                let authority = authorization.profile.profile.authority;
                let (issuer, certificate) = self.0.ports.authority.sign(authority, template).await?;
                self.issued_record(&authorization, &work, issuer, &certificate)
            };
            let recorded = record.certificate.clone();
            let store = &self.0.ports.inventory;
            let written = match work.requested {
                Some(_) => store.issue_requested(record).await,
                None => store.record(record).await,
            };
            match written {
                Ok(()) => return Ok(recorded),
                Err(StoreError::Duplicate(Unique::Serial)) => {}
                Err(StoreError::Stale(Stale::Profile)) => {
                    authorization = Cow::Owned(self.authorize_again(&authorization).await?);
                }
                Err(StoreError::Stale(stale @ (Stale::Predecessor | Stale::Certificate))) => {
                    return Err(Error::rejected(Rejection::State(format!("the {stale} changed meanwhile"))));
                }
                // Its door looks again at what became of it.
                Err(StoreError::Stale(stale @ Stale::Alongside)) => {
                    return Err(Error::Conflict(format!("the {stale} changed meanwhile")));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::unavailable("the RA profile keeps changing, or every serial number is taken"))
    }

    /// Every rule that needs no signature, in the fixed order; all faults at once.
    fn decide(&self, authorization: &Authorization, work: &Work<'_>) -> Result<CertificateTemplate, Error> {
        let policy = &authorization.profile.policy;
        let mut faults = Vec::new();
        let checked = attribute::check(&authorization.profile.issue_definitions, work.attributes);
        let attributes = checked.unwrap_or_else(|more| {
            faults.extend(more);
            AttributeSet::empty()
        });
        if let Err(fault) = self.0.ports.key_checks.check(work.csr.public_key()) {
            faults.push(Rejection::Key(fault.to_string()));
        }
        let instance = self.issuing_instance(authorization.profile.profile.authority)?;
        let wanted = Wanted { csr: work.csr, attributes: &attributes };
        let template = match policy.apply(&wanted, &instance.issuer().1, self.now()) {
            Ok(template) if faults.is_empty() => template,
            Ok(_) => return Err(Error::Rejected(faults)),
            Err(more) => {
                faults.extend(more);
                return Err(Error::Rejected(faults));
            }
        };
        if let Some(predecessor) = work.predecessor {
            match work.succession {
                Succession::Renewal => super::renew::check_subject(policy, work.csr, &template, predecessor)?,
                Succession::Reenrolment => super::renew::check_names(&template, predecessor)?,
                Succession::Replacement => {}
            }
        }
        Ok(template)
    }

    /// The authority that signs for an RA profile.
    pub(super) fn issuing_instance(&self, authority: Uuid) -> Result<Arc<AuthorityInstance>, Error> {
        let unknown = || Error::internal(format!("authority {authority} of an RA profile is not loaded"));
        self.0.ports.authority.instance(authority).ok_or_else(unknown)
    }

    /// What a request that is not signed yet is recorded as: with the names that it would be certified with.
    fn waiting_record(
        &self,
        authorization: &Authorization,
        work: &Work<'_>,
        template: &CertificateTemplate,
        state: CertificateState,
    ) -> IssueRecord {
        let common_name = printable(template.subject.common_name());
        let names = SearchName::of(&common_name, &template.subject_alt_names);
        let certificate = CertificateRecord {
            state,
            subject: template.subject.to_string(),
            common_name,
            ..self.object(authorization, work)
        };
        let telling = Telling::success(&authorization.actor, &authorization.origin, Event::CertificateRequest)
            .profile(certificate.profile)
            .certificate(certificate.id)
            .with("state", state.as_str())
            .with("subject", &*certificate.subject)
            .with("names", texts(&template.subject_alt_names));
        let audit = told_facts(telling, work).at(self.now());
        IssueRecord {
            certificate,
            names,
            audit,
            profile_version: Some(authorization.profile.profile.version),
            predecessor_must_stand: work.predecessor.is_some() && work.succession != Succession::Replacement,
            approval: None,
            alongside: work.alongside.cloned(),
        }
    }

    fn issued_record(
        &self,
        authorization: &Authorization,
        work: &Work<'_>,
        issuer: Uuid,
        certificate: &Certificate,
    ) -> IssueRecord {
        let telling = Telling::success(&authorization.actor, &authorization.origin, work.event);
        let object = self.object(authorization, work);
        IssueRecord {
            profile_version: Some(authorization.profile.profile.version),
            predecessor_must_stand: work.predecessor.is_some() && work.succession != Succession::Replacement,
            approval: work.approved.map(|(_, closed)| ApprovalChange::Closed(closed.clone())),
            alongside: work.alongside.cloned(),
            ..IssueRecord::issued(object, issuer, certificate, told_facts(telling, work), self.now())
        }
    }

    /// The certificate object before anything is known of its certificate.
    fn object(&self, authorization: &Authorization, work: &Work<'_>) -> CertificateRecord {
        let (actor, profile) = (&authorization.actor, &authorization.profile.profile);
        if let Some(requested) = work.requested {
            // Its owner stays who asked for it, and its door the one through which that was.
            return CertificateRecord { authority: Some(profile.authority), ..requested.clone() };
        }
        CertificateRecord {
            profile: Some(profile.id),
            authority: Some(profile.authority),
            request: Some(work.csr.der().to_vec()),
            predecessor: work.predecessor.map(|predecessor| predecessor.id),
            issue_attributes: work.attributes.to_vec(),
            ..CertificateRecord::new(
                work.id,
                actor,
                authorization.origin.door,
                work.csr.public_key().identity(),
                self.now(),
            )
        }
    }

    /// Sign and record a certificate for the server itself, outside every RA profile.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it could not be signed or recorded.
    pub async fn issue_own(&self, authority: Uuid, template: CertificateTemplate) -> Result<CertificateRecord, Error> {
        let (actor, origin) = (Actor::system(), Origin::system());
        for _ in 0..ATTEMPTS {
            let (issuer, certificate) = self.0.ports.authority.sign(authority, template.clone()).await?;
            let object = CertificateRecord {
                authority: Some(authority),
                ..CertificateRecord::new(
                    self.new_id(),
                    &actor,
                    Door::System,
                    template.public_key.identity(),
                    self.now(),
                )
            };
            let telling = Telling::success(&actor, &origin, Event::CertificateIssue);
            let record = IssueRecord::issued(object, issuer, &certificate, telling, self.now());
            let issued = record.certificate.clone();
            match self.0.ports.inventory.record(record).await {
                Ok(()) => return Ok(issued),
                Err(StoreError::Duplicate(Unique::Serial)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::internal("every serial number was taken: the source of chance is broken"))
    }
}

impl Outcome {
    pub(super) fn of(record: CertificateRecord) -> Self {
        match record.state {
            CertificateState::PendingApproval => Self::Pending { certificate: record.id, retry_after: APPROVAL_RETRY },
            _ => Self::Issued(Box::new(record)),
        }
    }
}

impl CertificateRecord {
    /// An object that nothing is known of but who asked, when, through which door, and for which key.
    pub fn new(id: Uuid, owner: &Actor, door: Door, key_hash: [u8; 32], created_at: OffsetDateTime) -> Self {
        Self {
            id,
            state: CertificateState::Requested,
            profile: None,
            authority: None,
            issuer: None,
            door,
            owner: owner.name.clone(),
            owner_id: owner.id,
            subject: String::new(),
            common_name: String::new(),
            serial: None,
            fingerprint: None,
            key_hash,
            not_before: None,
            not_after: None,
            certificate: None,
            request: None,
            predecessor: None,
            issue_attributes: vec![],
            revoke_attributes: vec![],
            created_at,
            revocation: None,
            archived: false,
        }
    }

    /// The same object, issued.
    pub fn issued(self, issuer: Uuid, certificate: &Certificate) -> Self {
        let validity = certificate.validity();
        Self {
            state: CertificateState::Issued,
            issuer: Some(issuer),
            subject: certificate.subject().to_string(),
            common_name: printable(certificate.subject().common_name()),
            serial: Some(certificate.serial().clone()),
            fingerprint: Some(certificate.fingerprint()),
            not_before: Some(validity.not_before),
            not_after: Some(validity.not_after),
            certificate: Some(certificate.der().to_vec()),
            ..self
        }
    }
}

impl IssueRecord {
    /// What an issued certificate is recorded as, with what the trail says of it.
    pub fn issued(
        object: CertificateRecord,
        issuer: Uuid,
        certificate: &Certificate,
        telling: Telling<'_>,
        now: OffsetDateTime,
    ) -> Self {
        let certificate_object = object.issued(issuer, certificate);
        let telling = telling
            .profile(certificate_object.profile)
            .certificate(certificate_object.id)
            .with("fingerprint", certificate.fingerprint().to_hex())
            .with("issuer", issuer.to_string())
            .with("serial", certificate.serial().to_hex())
            .with("subject", &*certificate_object.subject)
            .with("names", texts(certificate.subject_alt_names()))
            .with("notAfter", certificate.validity().not_after.unix_timestamp());
        Self {
            names: SearchName::of(&certificate_object.common_name, certificate.subject_alt_names()),
            certificate: certificate_object,
            audit: telling.at(now),
            profile_version: None,
            predecessor_must_stand: false,
            approval: None,
            alongside: None,
        }
    }
}

/// Control characters have no place in a list, and NUL none in a database.
fn printable(text: Option<String>) -> String {
    text.unwrap_or_default().chars().filter(|c| !c.is_control()).collect()
}

/// What the door knows, and the predecessor.
fn told_facts<'a>(telling: Telling<'a>, work: &Work<'_>) -> Telling<'a> {
    let telling = work.facts.iter().fold(telling, |telling, (name, fact)| telling.with(name, fact.clone()));
    match work.predecessor {
        Some(predecessor) => telling.with("predecessor", predecessor.id.to_string()),
        None => telling,
    }
}

fn texts(names: &[GeneralName]) -> Value {
    names.iter().map(|name| Value::from(name.to_string())).collect()
}
