//! PKCSReq and RenewalReq (RFC 8894 sections 3.3.1 and 4.3 to 4.5).

use std::sync::Arc;

use chancery_core::port::Alongside;
use chancery_core::{Actor, ActorKind, CertificateRecord, CertificateState, Error, IssueRequest, Outcome, ProfileRef};
use chancery_pki::{Certificate, Csr};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::answer::{Answer, Mirror, Recipient};
use crate::failure::Failure;
use crate::port::{Enrolment, Transaction};
use crate::service::Call;
use crate::signer::Signer;
use crate::{Challenge, FailInfo, MessageType, Scep};

/// What lets the request in.
enum Ground {
    /// A certificate of ours: its successor is asked for.
    Certificate(Box<CertificateRecord>),
    /// A one-time challenge.
    Challenge(Challenge),
    /// The SCEP profile's static challenge.
    Static,
}

/// What is known of a request's transaction.
enum Repeat {
    /// Nothing.
    New,
    /// The same request came before: this is its outcome.
    Known(Box<Answer>),
    /// Another request's certificate object, which is over: clients whose transactionID is their key's hash begin again.
    Ended(Uuid),
}

/// What a client without a valid challenge is told, whatever is wrong with it.
const INVALID: &str = "the challenge password is not valid, was used before, or has expired: ask for a new one";
/// What the signer of a renewal is told, whatever is wrong with his certificate.
const NOT_A_HOLDER: &str =
    "a renewal is signed with a certificate of this door that is issued and in time; enrol anew instead";

impl Scep {
    /// A request for a certificate, or for its successor.
    pub(crate) async fn enrol(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        self.stands_under(call)?;
        let signer = self.signer(call).await?;
        if call.message.kind == MessageType::RenewalReq && matches!(signer, Signer::Stranger) {
            return Err(Failure::new(FailInfo::BadMessageCheck, NOT_A_HOLDER));
        }
        let (csr, mirror) = self.request(call).await?;
        let holder = holder(call, signer, &csr)?;
        let predecessor = holder.as_ref().map(|record| record.id);
        let recipient = recipient(call, &csr)?;
        let ended = match self.repeated(call, &csr, predecessor, &recipient, mirror).await? {
            Repeat::Known(answer) => return Ok(*answer),
            Repeat::Ended(certificate) => Some(certificate),
            Repeat::New => None,
        };
        let ground = match holder {
            Some(record) => {
                self.in_window(call, &record)?;
                Ground::Certificate(record)
            }
            None => self.challenge(call, &csr).await?,
        };
        self.issue(call, csr, ground, ended, (recipient, mirror)).await
    }

    /// The profile may say under which CA the door shall stand.
    fn stands_under(&self, call: &Call<'_>) -> Result<(), Failure> {
        match call.door.scep_profile.settings.ca_certificate {
            Some(wanted) if wanted != call.identity.authority.issuer().0 => Err(Failure::new(
                FailInfo::BadRequest,
                "this SCEP profile stands under another CA certificate than the RA profile's authority signs with now: the \
                 operator sets it anew",
            )),
            _ => Ok(()),
        }
    }

    /// RFC 8894 section 3.2.1.1: the same request again has the same outcome, and issues nothing.
    async fn repeated(
        &self,
        call: &Call<'_>,
        csr: &Csr,
        predecessor: Option<Uuid>,
        recipient: &Recipient,
        mirror: Mirror,
    ) -> Result<Repeat, Failure> {
        let id = call.message.transaction.octets.clone();
        let known = self.0.store.transactions(call.door.id, id).await?;
        let Some(known) = known.into_iter().find(|known| known.predecessor == predecessor) else {
            return Ok(Repeat::New);
        };
        if known.request != hash(csr) || known.signer != call.message.key.identity() {
            let record = self.0.ra.ports().inventory.certificate(known.certificate).await?;
            if record.is_none_or(|record| has_ended(&record, self.0.now())) {
                return Ok(Repeat::Ended(known.certificate));
            }
            return Err(Failure::new(
                FailInfo::BadRequest,
                "this transactionID belongs to another request: begin with a new one (RFC 8894 section 3.2.1.1)",
            ));
        }
        self.outcome(call, known.certificate, recipient.clone(), mirror)
            .await
            .map(|answer| Repeat::Known(Box::new(answer)))
    }

    /// How a transaction's certificate object stands.
    pub(crate) async fn outcome(
        &self,
        call: &Call<'_>,
        certificate: Uuid,
        recipient: Recipient,
        mirror: Mirror,
    ) -> Result<Answer, Failure> {
        let record = self.0.ra.ports().inventory.certificate(certificate).await?;
        let record = record.ok_or_else(|| Call::unknown("the certificate of this transaction is gone"))?;
        match record.state {
            CertificateState::Issued => success(call, &record, recipient, mirror),
            CertificateState::Requested | CertificateState::PendingApproval => Ok(Answer::Pending),
            CertificateState::Rejected => Err(Failure::new(
                FailInfo::BadRequest,
                "the request was rejected by an approver, or nobody approved it in time",
            )),
            CertificateState::Failed => Err(Failure::new(FailInfo::BadRequest, "the authority could not sign it")),
            CertificateState::Revoked => {
                Err(Failure::new(FailInfo::BadRequest, "the certificate of this transaction was revoked: enrol anew"))
            }
        }
    }

    /// When a certificate may be renewed: the SCEP profile's and the RA profile's word together.
    fn in_window(&self, call: &Call<'_>, record: &CertificateRecord) -> Result<(), Failure> {
        let own = call.door.scep_profile.settings.renewal_threshold.filter(|days| *days > 0);
        let Some((days, end)) = own.zip(record.not_after) else { return Ok(()) };
        let opens = end - Duration::days(days.into());
        if self.0.now() < opens {
            let why = format!(
                "too early: certificates are renewed here from {days} days before their end on, which is {opens}"
            );
            return Err(Failure::new(FailInfo::BadTime, why));
        }
        Ok(())
    }

    /// The challenge of a request that nothing else lets in.
    async fn challenge(&self, call: &Call<'_>, csr: &Csr) -> Result<Ground, Failure> {
        let refused = |why: &str| Failure::new(FailInfo::BadRequest, why.to_owned());
        if call.door.scep_profile.settings.require_signer_key
            && csr.public_key().identity() != call.message.key.identity()
        {
            // RFC 8894 section 2.3: somebody else's request cannot be sent under one's own signature.
            return Err(refused("the message is signed with another key than that of the request inside"));
        }
        let text = csr.challenge_password().filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| {
            refused(
                "the challenge password is missing: put one into the request's challengePassword attribute (RFC 2985)",
            )
        })?;
        if let Some(known) = self.static_challenge(&call.door.scep_profile)?
            && self.0.hasher.same(&known, text)
        {
            return Ok(Ground::Static);
        }
        let lookup = self.0.hasher.lookup(text).ok_or_else(|| refused(INVALID))?;
        let challenge = self.0.store.challenge_by_lookup(lookup).await?.ok_or_else(|| refused(INVALID))?;
        if let Some(fault) = challenge.fault(self.0.now()) {
            tracing::info!(challenge = %challenge.id, fault, request_id = call.origin.request_id, "a SCEP challenge is refused");
            return Err(refused(INVALID));
        }
        if challenge.ra_profile != call.door.id.ra_profile {
            self.0.store.challenge_mismatched(challenge.id).await?;
            return Err(refused(INVALID));
        }
        if let Some(why) = challenge.mismatch(csr) {
            self.0.store.challenge_mismatched(challenge.id).await?;
            return Err(Failure::new(FailInfo::BadRequest, why));
        }
        Ok(Ground::Challenge(challenge))
    }

    async fn issue(
        &self,
        call: &Call<'_>,
        csr: Csr,
        ground: Ground,
        ended: Option<Uuid>,
        (recipient, mirror): (Recipient, Mirror),
    ) -> Result<Answer, Failure> {
        let (actor, predecessor, challenge) = match &ground {
            Ground::Certificate(record) => (holder_actor(call, record.id), Some(record.id), None),
            Ground::Challenge(challenge) => {
                let name = format!("scep-challenge:{}", challenge.id);
                (client(call, challenge.id, name), None, Some(challenge.id))
            }
            Ground::Static => {
                let profile = &call.door.scep_profile;
                (client(call, profile.id, format!("scep-static:{}", profile.name)), None, None)
            }
        };
        let may = self.0.ra.authorize(&actor, call.origin, &ProfileRef::Id(call.door.id.ra_profile)).await?;
        if may.profile().policy.approval_required() && matches!(recipient, Recipient::Challenge(_)) {
            return Err(Failure::new(
                FailInfo::BadAlg,
                "somebody has to approve this request, and nothing can be encrypted to its key until then: use an RSA key",
            ));
        }
        let transaction = Transaction {
            door: call.door.id,
            transaction_id: call.message.transaction.octets.clone(),
            predecessor,
            request: hash(&csr),
            signer: call.message.key.identity(),
            certificate: Uuid::nil(),
            created_at: self.0.now(),
        };
        let request = IssueRequest {
            attributes: call.door.issue_attributes().to_vec(),
            facts: facts(call, challenge),
            alongside: Some(Alongside(Arc::new(Enrolment { transaction, ended, challenge }))),
            csr: csr.clone(),
        };
        let done = match predecessor {
            Some(predecessor) => self.0.ra.reenrol(may, predecessor, request).await,
            None => self.0.ra.issue(may, request).await,
        };
        match done {
            Ok(Outcome::Issued(record)) => success(call, &record, recipient, mirror),
            Ok(Outcome::Pending { .. }) => Ok(Answer::Pending),
            // Somebody was faster with this transaction or this challenge.
            Err(Error::Conflict(why)) => match self.repeated(call, &csr, predecessor, &recipient, mirror).await? {
                Repeat::Known(answer) => Ok(*answer),
                _ if challenge.is_some() => Err(Failure::told(FailInfo::BadRequest, INVALID)),
                _ => Err(Failure::told(FailInfo::BadRequest, why)),
            },
            Err(error) => Err(Failure::of_domain(error)),
        }
    }
}

/// Whether the request is a renewal by its signer's certificate: type 17 always; type 19, the older way, when the request
/// repeats the certificate's subject. A holder who asks for another subject needs a challenge like everybody.
fn holder(call: &Call<'_>, signer: Signer, csr: &Csr) -> Result<Option<Box<CertificateRecord>>, Failure> {
    let Signer::Holder(record, certificate) = signer else { return Ok(None) };
    let same = repeats(csr, &record, &certificate);
    match call.message.kind {
        MessageType::RenewalReq if !same => Err(Failure::new(
            FailInfo::BadRequest,
            format!(
                "the subject {} differs from the certificate's, {}: enrol anew instead",
                csr.subject(),
                certificate.subject()
            ),
        )),
        MessageType::RenewalReq => Ok(Some(record)),
        _ if same => Ok(Some(record)),
        _ => Ok(None),
    }
}

/// The subject is the certificate's, or the one of the request that it came of (the RA profile leaves attributes out).
fn repeats(csr: &Csr, record: &CertificateRecord, certificate: &Certificate) -> bool {
    let before = || record.request.as_deref().and_then(|der| Csr::from_der(der).ok());
    csr.subject().matches(certificate.subject())
        || before().is_some_and(|before| csr.subject().matches(before.subject()))
}

/// RFC 8894 section 3.1: refused before anything is issued when the answer could not be read.
fn recipient(call: &Call<'_>, csr: &Csr) -> Result<Recipient, Failure> {
    let recipient = Recipient::of(&call.message.signer, &call.message.key, csr.challenge_password());
    recipient.ok_or_else(|| {
        Failure::new(
            FailInfo::BadAlg,
            "nothing can be encrypted to the signer's key: sign with an RSA key of 2048 bits or more, or with another kind of \
             key and a challenge password",
        )
    })
}

fn success(
    call: &Call<'_>,
    record: &CertificateRecord,
    recipient: Recipient,
    mirror: Mirror,
) -> Result<Answer, Failure> {
    let der = record.certificate.clone();
    let der = der.ok_or_else(|| Failure::of_domain(Error::internal("an issued certificate has no content")))?;
    let settings = &call.door.scep_profile.settings;
    let above = match (settings.include_ca_chain, settings.include_ca) {
        (true, _) => usize::MAX,
        (false, true) => 1,
        (false, false) => 0,
    };
    let chain = call.identity.authority.chain.iter().take(above).map(|(_, ca)| ca.der().to_vec());
    let certificates = std::iter::once(der).chain(chain).collect();
    Ok(Answer::Success { certificates, crls: Vec::new(), recipient, mirror })
}

/// Nothing can come of it any more.
fn has_ended(record: &CertificateRecord, now: OffsetDateTime) -> bool {
    match record.state {
        CertificateState::Issued => record.not_after.is_some_and(|end| end < now),
        CertificateState::Requested | CertificateState::PendingApproval => false,
        CertificateState::Rejected | CertificateState::Failed | CertificateState::Revoked => true,
    }
}

fn client(call: &Call<'_>, id: Uuid, name: String) -> Actor {
    Actor::enrollee(id, name, ActorKind::ScepClient, [call.door.id.ra_profile])
}

fn holder_actor(call: &Call<'_>, certificate: Uuid) -> Actor {
    let name = format!("certificate:{certificate}");
    Actor::enrollee(certificate, name, ActorKind::CertificateKey, [call.door.id.ra_profile])
}

/// What the trail is told.
fn facts(call: &Call<'_>, challenge: Option<Uuid>) -> Vec<(&'static str, Value)> {
    let transaction = String::from_utf8_lossy(&call.message.transaction.octets).into_owned();
    let mut facts = vec![
        ("messageType", json!(call.message.kind.name())),
        ("transaction", json!(transaction)),
        ("scepProfile", json!(call.door.id.scep_profile)),
    ];
    facts.extend(challenge.map(|challenge| ("challenge", json!(challenge))));
    facts
}

fn hash(csr: &Csr) -> [u8; 32] {
    csr.fingerprint().0
}
