//! The five operations of an RA profile: issue, issue what was requested, renew, rekey, revoke; and what attributes they
//! take. Every door asks these, in this order of checks: profile and caller ([`Authorization`]), attributes, request,
//! key, names, lifetime, the renewal rule, approval; then signature; then one transaction.

mod attributes;
mod issue;
mod renew;
mod revoke;

use std::time::Duration;

use chancery_pki::{Csr, CsrError, RequestFormat, RevocationReason, crmf};
use uuid::Uuid;

use crate::attribute::RequestAttribute;
use crate::audit::{AuditResult, Event, Telling};
use crate::port::Alongside;
use crate::{Actor, Authorization, CertificateRecord, Error, Origin, Ra, Rejection};

/// A request for a certificate.
#[derive(Debug)]
pub struct IssueRequest {
    /// The request, whose proof of possession holds.
    pub csr: Csr,
    /// Issue attributes.
    pub attributes: Vec<RequestAttribute>,
    /// What the door knows of it, for the trail: the order, how each name was proved.
    pub facts: Vec<(&'static str, serde_json::Value)>,
    /// The door's own rows, for the same transaction.
    pub alongside: Option<Alongside>,
}

/// A wish to revoke.
#[derive(Clone, Debug)]
pub struct RevokeRequest {
    /// RFC 5280 section 5.3.1.
    pub reason: RevocationReason,
    /// Revoke attributes.
    pub attributes: Vec<RequestAttribute>,
    /// The door's own rows, for the same transaction.
    pub alongside: Option<Alongside>,
}

/// How an operation that asks for a certificate ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Issued and recorded.
    Issued(Box<CertificateRecord>),
    /// Recorded, and waiting for somebody.
    Pending {
        /// The certificate object to ask for.
        certificate: Uuid,
        /// When asking again may be worth while.
        retry_after: Duration,
    },
}

impl Ra {
    /// Read a PKCS#10 request in any of its forms.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is none; [`Error::Rejected`] when its signature does not prove possession.
    pub async fn csr(&self, authorization: &Authorization, bytes: &[u8]) -> Result<Csr, Error> {
        self.read_request(authorization, RequestFormat::Pkcs10, bytes).await
    }

    /// Read a request of either format. The word of an RA that its client has the key (RFC 4211 `raVerified`) is nobody's
    /// word here: a signature must prove it.
    ///
    /// # Errors
    /// As [`Ra::csr`].
    pub async fn read_request(
        &self,
        authorization: &Authorization,
        format: RequestFormat,
        bytes: &[u8],
    ) -> Result<Csr, Error> {
        let read = match format {
            RequestFormat::Pkcs10 => Csr::parse(bytes),
            RequestFormat::Crmf => crmf::parse(bytes).and_then(crmf::CertReqMsg::into_request),
        };
        let read = read.map_err(|error| match error {
            CsrError::Malformed(_) => Error::Malformed(format!("the certificate request cannot be read: {error}")),
            CsrError::BadSignature | CsrError::Unproved(_) | CsrError::UnsupportedAlgorithm { .. } => {
                Error::rejected(Rejection::Proof(error.to_string()))
            }
            CsrError::Key(fault) => Error::rejected(Rejection::Key(fault.to_string())),
        });
        self.told(authorization, Event::CertificateIssue, None, read).await
    }

    /// Tell the trail of an operation that a door refused before it came here (a field whose feature is not built); the
    /// door answers what comes back.
    pub async fn refuse(
        &self,
        authorization: &Authorization,
        event: Event,
        certificate: Option<Uuid>,
        error: Error,
    ) -> Error {
        match self.told::<()>(authorization, event, certificate, Err(error)).await {
            Err(error) => error,
            Ok(()) => Error::internal("a refusal cannot succeed"),
        }
    }

    /// The same for an operation that names no RA profile, so that nobody could be authorised for it.
    pub async fn refuse_without_profile(&self, actor: &Actor, origin: &Origin, event: Event, error: Error) -> Error {
        match self.told_of::<()>(actor, origin, event, None, None, Err(error)).await {
            Err(error) => error,
            Ok(()) => Error::internal("a refusal cannot succeed"),
        }
    }

    async fn told<T>(
        &self,
        authorization: &Authorization,
        event: Event,
        certificate: Option<Uuid>,
        done: Result<T, Error>,
    ) -> Result<T, Error> {
        let Authorization { actor, origin, profile } = authorization;
        self.told_of(actor, origin, event, Some(profile.profile.id), certificate, done).await
    }

    /// Tell the trail of what was refused or failed, of doors' own objects too; the door answers what comes back.
    ///
    /// # Errors
    /// What `done` failed with; [`Error::Unavailable`] when the trail cannot be written.
    pub async fn told_of<T>(
        &self,
        actor: &Actor,
        origin: &Origin,
        event: Event,
        profile: Option<Uuid>,
        certificate: Option<Uuid>,
        done: Result<T, Error>,
    ) -> Result<T, Error> {
        let error = match done {
            Ok(done) => return Ok(done),
            // The trail lies in the database that does not answer, or nothing was decided.
            Err(error @ (Error::Unavailable { .. } | Error::Throttled { .. })) => return Err(error),
            Err(error) => error,
        };
        let result = if matches!(error, Error::Internal(_)) { AuditResult::Failed } else { AuditResult::Refused };
        let mut why = error.to_string();
        if let Some((end, _)) = why.char_indices().nth(MOST_TOLD) {
            why.truncate(end);
        }
        let mut telling = Telling::by(actor, origin, event, result).profile(profile).with("why", why);
        if let Some(certificate) = certificate {
            telling = telling.certificate(certificate);
        }
        self.0.refusals.tell(telling, self.now()).await?;
        Err(error)
    }
}

/// Characters of a refusal that the trail keeps: it quotes what a stranger sent.
const MOST_TOLD: usize = 600;
