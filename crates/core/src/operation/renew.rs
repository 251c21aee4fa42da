//! Renew and rekey: the one renewal rule, which every door asks with parameters of its own.

use chancery_pki::{Certificate, CertificateTemplate, Csr, PublicKey};
use uuid::Uuid;

use super::Outcome;
use super::issue::Work;
use crate::audit::Event;
use crate::{Authorization, CertificateRecord, CertificateState, Error, Policy, Ra, Rejection};

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
            (None, Some(stored)) => Some(Csr::from_der(stored).map_err(Error::internal)?),
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
            alongside: None,
            requested: None,
        };
        self.perform(authorization, work).await
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
        let renewal = authorization.profile.policy.renewal();
        if same && !renewal.key_reuse {
            faults.push(Rejection::Renewal("this RA profile allows no key to be used again: rekey instead".into()));
        }
        if !same && !renewal.key_change {
            faults.push(Rejection::Renewal("this RA profile lets no key be changed: ask for a new certificate".into()));
        }
        if let (Some(window), Some(not_after)) = (renewal.window, predecessor.not_after)
            && self.now() < not_after - window
        {
            faults.push(Rejection::Renewal(format!(
                "too early: this RA profile renews from {} on, {} days before the end",
                not_after - window,
                window.whole_days()
            )));
        }
        Ok(faults)
    }
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
        let request = Csr::from_der(request).map_err(Error::internal)?;
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
