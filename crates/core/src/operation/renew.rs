//! Renew and rekey: the one renewal rule, which every door asks with parameters of its own.

use chancery_pki::{Certificate, CertificateTemplate, Csr, GeneralName, PublicKey};
use time::OffsetDateTime;
use uuid::Uuid;

use super::issue::{Succession, Work};
use super::{IssueRequest, Outcome};
use crate::audit::Event;
use crate::{ApprovalOperation, Authorization, CertificateRecord, CertificateState, Error, Policy, Ra, Rejection};

/// Which key a renewal may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewalKey {
    /// The predecessor's own.
    Same,
    /// Any but the predecessor's.
    Other,
}

impl Ra {
    /// Renew: the same key and subject, a new certificate. Without a request the stored one is used again.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown certificate or one out of scope; [`Error::Rejected`] with every broken rule.
    pub async fn renew(
        &self,
        authorization: Authorization,
        certificate: Uuid,
        csr: Option<Csr>,
    ) -> Result<Outcome, Error> {
        let done = self.succeed(&authorization, certificate, csr, RenewalKey::Same, Event::CertificateRenew).await;
        self.told(&authorization, Event::CertificateRenew, Some(certificate), done).await.map(Outcome::of)
    }

    /// Rekey: another key, the same subject.
    ///
    /// # Errors
    /// As [`Ra::renew`].
    pub async fn rekey(&self, authorization: Authorization, certificate: Uuid, csr: Csr) -> Result<Outcome, Error> {
        let done =
            self.succeed(&authorization, certificate, Some(csr), RenewalKey::Other, Event::CertificateRekey).await;
        self.told(&authorization, Event::CertificateRekey, Some(certificate), done).await.map(Outcome::of)
    }

    /// Replace (RFC 9773 section 5): any key and names that the profile allows; the predecessor may be expired or revoked.
    /// Whether the caller may replace it (same account, a name in common, not replaced yet) is the door's to have asked.
    ///
    /// # Errors
    /// As [`Ra::issue`]; [`Error::NotFound`] for an unknown predecessor or one out of scope; [`Error::Rejected`] when that
    /// was never issued, or the profile's renewal window or its rules for keys forbid it.
    pub async fn replace(
        &self,
        authorization: Authorization,
        predecessor: Uuid,
        request: IssueRequest,
    ) -> Result<Outcome, Error> {
        let done = self.take_place(&authorization, predecessor, &request).await;
        self.told(&authorization, Event::CertificateRenew, Some(predecessor), done).await.map(Outcome::of)
    }

    async fn take_place(
        &self,
        authorization: &Authorization,
        predecessor: Uuid,
        request: &IssueRequest,
    ) -> Result<CertificateRecord, Error> {
        let predecessor = self.reachable_certificate(&authorization.actor, &authorization.origin, predecessor).await?;
        let mut faults = match predecessor.state {
            CertificateState::Issued | CertificateState::Revoked => vec![],
            _ => object_faults(&predecessor, authorization, CertificateState::Issued),
        };
        // A revoked certificate is replaced at once, whatever the window says.
        if predecessor.state == CertificateState::Issued {
            faults.extend(self.window_fault(authorization, &predecessor));
        }
        faults.extend(key_faults(authorization, &predecessor, request.csr.public_key()));
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        let work = Work {
            event: Event::CertificateRenew,
            id: self.new_id(),
            csr: &request.csr,
            attributes: &request.attributes,
            predecessor: Some(&predecessor),
            succession: Succession::Replacement,
            facts: &request.facts,
            alongside: request.alongside.as_ref(),
            requested: None,
            approved: None,
        };
        self.perform(authorization, work).await
    }

    /// Enrol again (RFC 7030 section 4.2.2, RFC 8894 section 2.3): the holder of a certificate's key asks for its
    /// successor, with the same key or another as the RA profile allows, and with the same subject and alternative names.
    /// That the caller holds the key is the door's to have seen.
    ///
    /// # Errors
    /// As [`Ra::issue`]; [`Error::NotFound`] for an unknown predecessor or one out of scope; [`Error::Rejected`] when that
    /// is not issued, not of this RA profile, not in time, or its names differ.
    pub async fn reenrol(
        &self,
        authorization: Authorization,
        predecessor: Uuid,
        request: IssueRequest,
    ) -> Result<Outcome, Error> {
        let found = self.reachable_certificate(&authorization.actor, &authorization.origin, predecessor).await;
        let found = self.told(&authorization, Event::CertificateRenew, Some(predecessor), found).await?;
        let event = if request.csr.public_key().identity() == found.key_hash {
            Event::CertificateRenew
        } else {
            Event::CertificateRekey
        };
        let done = self.enrol_again(&authorization, &found, &request, event).await;
        self.told(&authorization, event, Some(predecessor), done).await.map(Outcome::of)
    }

    async fn enrol_again(
        &self,
        authorization: &Authorization,
        predecessor: &CertificateRecord,
        request: &IssueRequest,
        event: Event,
    ) -> Result<CertificateRecord, Error> {
        let mut faults = object_faults(predecessor, authorization, CertificateState::Issued);
        faults.extend(time_fault(predecessor, self.now()));
        faults.extend(key_faults(authorization, predecessor, request.csr.public_key()));
        faults.extend(self.window_fault(authorization, predecessor));
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        let work = Work {
            event,
            id: self.new_id(),
            csr: &request.csr,
            attributes: &request.attributes,
            predecessor: Some(predecessor),
            succession: Succession::Reenrolment,
            facts: &request.facts,
            alongside: request.alongside.as_ref(),
            requested: None,
            approved: None,
        };
        self.perform(authorization, work).await
    }

    async fn succeed(
        &self,
        authorization: &Authorization,
        certificate: Uuid,
        csr: Option<Csr>,
        key: RenewalKey,
        event: Event,
    ) -> Result<CertificateRecord, Error> {
        let predecessor = self.reachable_certificate(&authorization.actor, &authorization.origin, certificate).await?;
        let csr = match (csr, predecessor.request.as_deref()) {
            (Some(csr), _) => Some(csr),
            (None, Some(stored)) => Some(Csr::from_stored(stored).map_err(Error::internal)?),
            (None, None) => None,
        };
        let mut faults = object_faults(&predecessor, authorization, CertificateState::Issued);
        let Some(csr) = csr else {
            faults.push(Rejection::Renewal("no request is stored with this certificate: send one".into()));
            return Err(Error::Rejected(faults));
        };
        faults.extend(self.rule_faults(authorization, &predecessor, csr.public_key(), key)?);
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        let attributes = crate::policy::lasting_attributes(&predecessor.issue_attributes);
        let work = Work {
            event,
            id: self.new_id(),
            csr: &csr,
            attributes: &attributes,
            predecessor: Some(&predecessor),
            succession: Succession::Renewal,
            facts: &[],
            alongside: None,
            requested: None,
            approved: None,
        };
        self.perform(authorization, work).await
    }

    /// What the renewal rule says now of something that waited for an approval.
    pub(super) fn approved_renewal_faults(
        &self,
        authorization: &Authorization,
        predecessor: &CertificateRecord,
        new_key: &PublicKey,
        operation: ApprovalOperation,
    ) -> Result<Vec<Rejection>, Error> {
        let key = match operation {
            ApprovalOperation::Renew => RenewalKey::Same,
            ApprovalOperation::Rekey => RenewalKey::Other,
            ApprovalOperation::Issue | ApprovalOperation::Replace | ApprovalOperation::Revoke => {
                return Ok(key_faults(authorization, predecessor, new_key).into_iter().collect());
            }
        };
        let mut faults = object_faults(predecessor, authorization, CertificateState::Issued);
        faults.extend(self.rule_faults(authorization, predecessor, new_key, key)?);
        Ok(faults)
    }

    /// The renewal rule but for the subject, which [`check_subject`] compares once the policy has had its say.
    fn rule_faults(
        &self,
        authorization: &Authorization,
        predecessor: &CertificateRecord,
        new_key: &PublicKey,
        key: RenewalKey,
    ) -> Result<Vec<Rejection>, Error> {
        let mut faults = Vec::new();
        let same = new_key.identity() == predecessor.key_hash;
        if key == RenewalKey::Same && !same {
            faults.push(Rejection::Renewal(
                "the public key differs from the certificate's: renew keeps the key, rekey changes it".into(),
            ));
        }
        if key == RenewalKey::Other && same {
            faults.push(Rejection::Renewal(
                "the public key is the certificate's own: rekey needs a new key, renew keeps it".into(),
            ));
        }
        faults.extend(key_faults(authorization, predecessor, new_key));
        faults.extend(self.window_fault(authorization, predecessor));
        Ok(faults)
    }

    fn window_fault(&self, authorization: &Authorization, predecessor: &CertificateRecord) -> Option<Rejection> {
        let window = authorization.profile.policy.renewal().window?;
        let opens = predecessor.not_after? - window;
        (self.now() < opens).then(|| {
            Rejection::Renewal(format!(
                "too early: this RA profile renews from {opens} on, {} days before the end",
                window.whole_days()
            ))
        })
    }
}

/// What the profile says of a renewal's key.
fn key_faults(
    authorization: &Authorization,
    predecessor: &CertificateRecord,
    new_key: &PublicKey,
) -> Option<Rejection> {
    let renewal = authorization.profile.policy.renewal();
    let same = new_key.identity() == predecessor.key_hash;
    let why = match same {
        true if !renewal.key_reuse => "this RA profile allows no key to be used again: rekey instead",
        false if !renewal.key_change => "this RA profile lets no key be changed: ask for a new certificate",
        _ => return None,
    };
    Some(Rejection::Renewal(why.into()))
}

/// Why an object cannot be used for an operation that asks for `state` and the authorization's RA profile.
pub(super) fn object_faults(
    object: &CertificateRecord,
    authorization: &Authorization,
    state: CertificateState,
) -> Vec<Rejection> {
    let mut faults = Vec::new();
    if object.archived {
        faults.push(Rejection::State("the certificate is archived: take it out of the archive first".into()));
    }
    if object.state != state {
        faults.push(Rejection::State(format!(
            "the certificate is in state {}; this needs state {}",
            object.state.as_str(),
            state.as_str()
        )));
    }
    if object.profile != Some(authorization.profile.profile.id) {
        faults.push(Rejection::State("the certificate belongs to another RA profile than the one in the path".into()));
    }
    faults
}

/// A certificate proves who holds its key while it is in time (RFC 5280 section 4.1.2.5).
fn time_fault(predecessor: &CertificateRecord, now: OffsetDateTime) -> Option<Rejection> {
    let why = if predecessor.not_before.is_some_and(|begin| now < begin) {
        "the certificate is not valid yet: ask again when it is"
    } else if predecessor.not_after.is_none_or(|end| end < now) {
        "the certificate has expired: ask for a new one"
    } else {
        return None;
    };
    Some(Rejection::Renewal(why.into()))
}

/// What would be issued has the subject and the alternative names of its predecessor, in whatever order.
pub(super) fn check_names(template: &CertificateTemplate, predecessor: &CertificateRecord) -> Result<(), Error> {
    let Some(old) = predecessor.certificate.as_deref() else { return Ok(()) };
    let old = Certificate::from_der(old).map_err(Error::internal)?;
    let mut faults = Vec::new();
    if !template.subject.matches(old.subject()) {
        faults.push(Rejection::Renewal(format!(
            "the subject {} differs from the certificate's, {}: ask for a new certificate instead",
            template.subject,
            old.subject()
        )));
    }
    let differing = |these: &[GeneralName], those: &[GeneralName]| {
        these.iter().filter(|name| !those.contains(name)).map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let added = differing(&template.subject_alt_names, old.subject_alt_names());
    let left_out = differing(old.subject_alt_names(), &template.subject_alt_names);
    for (names, how) in [(added, "are not in the certificate"), (left_out, "of the certificate are left out")] {
        if !names.is_empty() {
            faults.push(Rejection::Renewal(format!(
                "alternative names {how}: {names}; name the same ones, or ask for a new certificate instead"
            )));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Rejected(faults)) }
}

/// The subject stays: what would be issued has the predecessor's subject, or the request repeats the predecessor's
/// request. A profile may let it change when the key stays.
pub(super) fn check_subject(
    policy: &Policy,
    csr: &Csr,
    template: &CertificateTemplate,
    predecessor: &CertificateRecord,
) -> Result<(), Error> {
    let same_key = csr.public_key().identity() == predecessor.key_hash;
    if same_key && policy.renewal().subject_change {
        return Ok(());
    }
    let Some(old) = predecessor.certificate.as_deref() else { return Ok(()) };
    let old = Certificate::from_der(old).map_err(Error::internal)?;
    if template.subject.matches(old.subject()) {
        return Ok(());
    }
    if let Some(request) = predecessor.request.as_deref() {
        let request = Csr::from_stored(request).map_err(Error::internal)?;
        if csr.subject().matches(request.subject()) {
            return Ok(());
        }
    }
    Err(Error::rejected(Rejection::Renewal(format!(
        "the subject {} differs from the certificate's, {}: ask for a new certificate instead",
        csr.subject(),
        old.subject()
    ))))
}
