//! simpleenroll and simplereenroll (RFC 7030 section 4.2).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use chancery_core::audit::Event;
use chancery_core::port::Alongside;
use chancery_core::{
    Authorization, CertificateRecord, CertificateState, Error, IssueRequest, Outcome, ProfileRef, Rejection,
};
use chancery_pki::{Certificate, Csr, certs_only, oid};
use serde_json::Value;
use uuid::Uuid;

use crate::authenticate::{Identity, certificate_demanded, state};
use crate::holder::{Holder, NoHolder};
use crate::linking::Linked;
use crate::port::Enrol;
use crate::refusal::{body_error, linking_error};
use crate::service::{Answer, Call};
use crate::{AllowedNames, Est, Linking, Refusal, body, linking};

/// A request that waits is kept this long.
const WAITS_FOR: time::Duration = time::Duration::days(30);

/// How a request is made: anew, or to succeed a certificate.
#[derive(Clone, Copy)]
enum Operation {
    Enrol,
    Reenrol(Uuid),
}

impl Est {
    /// simpleenroll (RFC 7030 section 4.2.1).
    ///
    /// # Errors
    /// The refusal to answer with; the trail has been told.
    pub async fn enrol(&self, call: &Call<'_>) -> Result<Answer, Refusal> {
        let identity = self.identify(call).await?;
        let (may, csr) = self.request(call, &identity).await?;
        let beyond = identity.names.beyond(&csr, &may.profile().policy.subject);
        if !beyond.is_empty() {
            return Err(self.names_refused(call, &identity, &beyond).await.into());
        }
        self.perform(call, &identity, may, csr, Operation::Enrol).await
    }

    /// simplereenroll (RFC 7030 section 4.2.2): the client certificate is what is renewed, with the same names.
    ///
    /// # Errors
    /// As [`Est::enrol`].
    pub async fn reenrol(&self, call: &Call<'_>) -> Result<Answer, Refusal> {
        let holder = match self.holder(call.endpoint, call.peer).await {
            Ok(holder) => holder,
            Err(NoHolder::Absent) => {
                return Err(match self.0.ra.login_failed(&call.origin, "re-enrolment without a certificate").await {
                    Error::Unauthenticated => certificate_demanded().into(),
                    error => error.into(),
                });
            }
            Err(NoHolder::Unknown(why) | NoHolder::Refused(why)) => {
                return Err(self.certificate_refused(call, why).await.into());
            }
            Err(NoHolder::Failed(error)) => return Err(error.into()),
        };
        let Holder::Own { record, certificate, .. } = holder else {
            let why = "a third party's certificate cannot be renewed here: enrol with it instead";
            return Err(self.certificate_refused(call, why).await.into());
        };
        if record.profile != Some(call.endpoint.ra_profile.id) {
            let why = "the client certificate is of another RA profile: renew it at the label of that one";
            return Err(self.certificate_refused(call, why).await.into());
        }
        // A credential beside it must be right, and where both are demanded there must be one.
        let both = call.endpoint.est_profile.settings.certificate_and_credential;
        let identity = if both || !call.authorization.is_empty() {
            Identity { names: AllowedNames::any(), ..self.identify(call).await? }
        } else {
            Identity {
                actor: chancery_core::Actor::enrollee(
                    record.id,
                    certificate.subject().to_string().chars().filter(|c| !c.is_control()).take(200).collect(),
                    chancery_core::ActorKind::CertificateKey,
                    [call.endpoint.ra_profile.id],
                ),
                names: AllowedNames::of(&certificate),
                spent: None,
                exhausted: false,
                registrar: false,
                via: "certificate",
            }
        };
        let (may, csr) = self.request(call, &identity).await?;
        let faults = name_faults(&csr, &certificate, call.endpoint.est_profile.settings.exact_names);
        if !faults.is_empty() {
            let event = Event::CertificateRenew;
            return Err(self.0.ra.refuse(&may, event, Some(record.id), Error::Rejected(faults)).await.into());
        }
        self.perform(call, &identity, may, csr, Operation::Reenrol(record.id)).await
    }

    /// What both have in common: may this profile be used, what is asked for, does it belong to this session.
    async fn request(&self, call: &Call<'_>, identity: &Identity) -> Result<(Authorization, Csr), Error> {
        let settings = &call.endpoint.est_profile.settings;
        let profile = ProfileRef::Id(call.endpoint.ra_profile.id);
        let may = self.0.ra.authorize(&identity.actor, &call.origin, &profile).await?;
        let refuse = async |error| self.0.ra.refuse(&may, Event::CertificateIssue, None, error).await;
        let der = match body::decode(call.body, settings.lenient_bodies) {
            Ok(der) => der,
            Err(error) => return Err(refuse(body_error(&error)).await),
        };
        if der.first() != Some(&0x30) {
            let why = "the body's Base64 holds no certificate request in DER (PKCS#10): encode it once, and no PEM";
            return Err(refuse(Error::Malformed(why.into())).await);
        }
        let csr = self.0.ra.csr(&may, &der).await?;
        if !identity.registrar {
            let linked = match linking::check(&csr, call.peer) {
                Ok(linked) => linked,
                Err(error) => return Err(refuse(linking_error(&error)).await),
            };
            if linked == Linked::No && settings.linking == Linking::Required {
                let why = "this EST profile demands that the request is linked to its TLS session: put tls-unique (TLS \
                           1.2) or tls-exporter (TLS 1.3, RFC 9266) in Base64 into challengePassword or \
                           estIdentityLinking (RFC 7030 section 3.5)";
                return Err(refuse(Error::rejected(Rejection::Proof(why.into()))).await);
            }
        }
        Ok((may, csr))
    }

    async fn perform(
        &self,
        call: &Call<'_>,
        identity: &Identity,
        may: Authorization,
        csr: Csr,
        operation: Operation,
    ) -> Result<Answer, Refusal> {
        let settings = &call.endpoint.est_profile.settings;
        let now = self.0.now();
        // Where nothing is to be repeated, somebody must decide all the same, and the request comes again for that.
        let repeats = settings.repeat_for > 0 || may.profile().policy.approval_required();
        let digest = repeats.then(|| digest(call, identity, &csr, operation));
        let earlier = match &digest {
            Some(digest) => self.earlier(call, *digest).await?,
            None => Earlier::None,
        };
        let replaces = match earlier {
            Earlier::Answer(answer) => return Ok(answer),
            Earlier::Rejected => {
                let why = "the request was rejected by the operator: ask for something else, or ask the operator";
                return Err(self.0.ra.refuse(&may, Event::CertificateIssue, None, state(why)).await.into());
            }
            Earlier::Over(certificate) => Some(certificate),
            Earlier::None => None,
        };
        if identity.exhausted {
            return Err(self.0.ra.login_failed(&call.origin, "spent EST credential").await.into());
        }
        let waits = may.profile().policy.approval_required();
        let kept = if waits { WAITS_FOR } else { time::Duration::seconds(settings.repeat_for.into()) };
        let alongside = Enrol { digest, replaces, ends_at: now + kept, spent: identity.spent, now };
        let request = IssueRequest {
            csr,
            attributes: match operation {
                Operation::Enrol => call.endpoint.issue_attributes.clone(),
                // The names are those of the request, which are the certificate's.
                Operation::Reenrol(_) => chancery_core::policy::lasting_attributes(&call.endpoint.issue_attributes),
            },
            facts: vec![
                ("label", Value::from(call.endpoint.ra_profile.name.clone())),
                ("estProfile", Value::from(call.endpoint.est_profile.name.clone())),
                ("identity", Value::from(identity.via)),
            ],
            alongside: Some(Alongside(Arc::new(alongside))),
        };
        let done = match operation {
            Operation::Enrol => self.0.ra.issue(may, request).await,
            Operation::Reenrol(predecessor) => self.0.ra.reenrol(may, predecessor, request).await,
        };
        match done {
            Ok(Outcome::Issued(record)) => self.issued(call, &record),
            Ok(Outcome::Pending { .. }) => Ok(self.pending(call)),
            // Another of the same was first, or took the last use.
            Err(Error::Conflict(why)) => {
                if let Some(digest) = digest
                    && let Earlier::Answer(answer) = self.earlier(call, digest).await?
                {
                    return Ok(answer);
                }
                if identity.spent.is_some() {
                    return Err(self.0.ra.login_failed(&call.origin, "spent EST credential").await.into());
                }
                Err(Error::Conflict(why).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What became of the same request before.
    async fn earlier(&self, call: &Call<'_>, digest: [u8; 32]) -> Result<Earlier, Refusal> {
        let Some(enrolment) = self.0.store.enrolment(digest).await? else { return Ok(Earlier::None) };
        let certificate = enrolment.certificate;
        let Some(record) = self.0.ra.ports().inventory.certificate(certificate).await? else {
            return Ok(Earlier::Over(certificate));
        };
        let repeat_for = time::Duration::seconds(call.endpoint.est_profile.settings.repeat_for.into());
        let since = record.not_before.map_or(record.created_at, |begin| begin.max(record.created_at));
        let fresh = self.0.now() < since + repeat_for.max(PICKED_UP_WITHIN);
        Ok(match record.state {
            CertificateState::PendingApproval if record.certificate.is_none() => Earlier::Answer(self.pending(call)),
            CertificateState::Issued | CertificateState::PendingApproval if fresh => {
                Earlier::Answer(self.issued(call, &record)?)
            }
            CertificateState::Rejected if fresh => Earlier::Rejected,
            _ => Earlier::Over(certificate),
        })
    }

    fn pending(&self, call: &Call<'_>) -> Answer {
        let seconds = call.endpoint.est_profile.settings.retry_after;
        Answer::Pending { retry_after: Duration::from_secs(seconds.into()) }
    }

    /// RFC 7030 section 4.2.3: the certificate alone, unless the profile sends the chain.
    fn issued(&self, call: &Call<'_>, record: &CertificateRecord) -> Result<Answer, Refusal> {
        let der =
            record.certificate.as_deref().ok_or_else(|| Error::internal("an issued object has no certificate"))?;
        let mut certificates = vec![Certificate::from_der(der).map_err(Error::internal)?];
        if call.endpoint.est_profile.settings.chain_in_answers
            && let Some(chain) = record.issuer.and_then(|issuer| self.0.ra.ports().authority.chain(issuer))
        {
            certificates.extend(chain.into_iter().map(|(_, certificate)| certificate));
        }
        Ok(Answer::Certificates(certs_only(&certificates)))
    }
}

/// A certificate that was waited for is fetched within this time at least.
const PICKED_UP_WITHIN: time::Duration = time::Duration::hours(1);

enum Earlier {
    /// Nobody asked.
    None,
    /// The same answer again.
    Answer(Answer),
    /// An approver said no.
    Rejected,
    /// Too long ago, or revoked since: this certificate object.
    Over(Uuid),
}

/// What the same request is known by: requester, operation, key, names and extensions. Not the whole request, for a linked
/// client signs it anew each time.
fn digest(call: &Call<'_>, identity: &Identity, csr: &Csr, operation: Operation) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut part = |bytes: &[u8]| {
        context.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(bytes);
    };
    part(call.endpoint.ra_profile.id.as_bytes());
    part(identity.actor.id.as_bytes());
    match operation {
        Operation::Enrol => part(b"enrol"),
        Operation::Reenrol(predecessor) => part(predecessor.as_bytes()),
    }
    part(csr.public_key().spki_der());
    part(csr.subject().der());
    part(csr.requested_extensions().unwrap_or_default());
    let mut made = [0; 32];
    made.copy_from_slice(context.finish().as_ref());
    made
}

/// RFC 7030 section 4.2.2: subject and alternative names are identical to those of the certificate, present in both or
/// in neither. Core compares what would be issued once more.
fn name_faults(csr: &Csr, certificate: &Certificate, exact: bool) -> Vec<Rejection> {
    let mut faults = Vec::new();
    let same_subject =
        if exact { csr.subject() == certificate.subject() } else { csr.subject().matches(certificate.subject()) };
    if !same_subject {
        faults.push(Rejection::Renewal(format!(
            "the subject {} differs from the certificate's, {} (RFC 7030 section 4.2.2)",
            csr.subject(),
            certificate.subject()
        )));
    }
    let same_names = if exact {
        csr.extension_value(oid::SUBJECT_ALT_NAME) == certificate.extension_value(oid::SUBJECT_ALT_NAME)
    } else {
        let sorted = |names: &[chancery_pki::GeneralName]| {
            let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
            names.sort();
            names.dedup();
            names
        };
        sorted(csr.subject_alt_names()) == sorted(certificate.subject_alt_names())
    };
    if !same_names {
        faults.push(Rejection::Renewal(
            "the subject alternative names differ from the certificate's (RFC 7030 section 4.2.2): ask for the same ones"
                .into(),
        ));
    }
    faults
}
