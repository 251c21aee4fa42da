//! The audit trail: every operation, refusal, login failure and configuration change.
//!
//! Entries form one hash chain per writer lane. What an entry says is fixed here as canonical bytes; the store alone
//! gives it its place in a chain and its hash, last, inside the transaction that writes what the entry tells.

mod history;
mod refusals;
mod verify;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Actor, ActorKind, Origin};

pub use history::HistoryEvent;
pub(crate) use refusals::Refusals;
pub use verify::{AuditFault, AuditReport};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// A certificate object was made and not issued yet.
    CertificateRequest,
    /// A certificate was issued.
    CertificateIssue,
    /// The same with the same key, succeeding another.
    CertificateRenew,
    /// The same with another key.
    CertificateRekey,
    /// A certificate was revoked.
    CertificateRevoke,
    /// A revocation waits for an approval.
    RevocationRequest,
    /// An approval was denied; what waited is not done.
    ApprovalReject,
    /// Nobody decided about an approval in time.
    ApprovalExpire,
    /// A CRL was signed.
    CrlSign,
    /// An RA profile was made.
    ProfileCreate,
    /// An RA profile was edited.
    ProfileEdit,
    /// An RA profile was enabled.
    ProfileEnable,
    /// An RA profile was disabled.
    ProfileDisable,
    /// An RA profile was deleted.
    ProfileDelete,
    /// An authority and its keys were made.
    AuthorityCreate,
    /// A token was made.
    TokenCreate,
    /// A token was revoked.
    TokenRevoke,
    /// A user was made.
    UserCreate,
    /// A user was disabled or enabled.
    UserEdit,
    /// A user was deleted.
    UserDelete,
    /// A credential was missing or not valid.
    LoginFailure,
    /// A caller asked for what it may not reach.
    AccessDenied,
    /// The server began to answer.
    ServerStart,
    /// The server stopped in an orderly way.
    ServerStop,
    /// An ACME profile was made.
    AcmeProfileCreate,
    /// An ACME profile was edited, enabled or disabled.
    AcmeProfileEdit,
    /// An ACME profile was deleted.
    AcmeProfileDelete,
    /// An RA profile's ACME door was opened or changed.
    AcmeActivate,
    /// An RA profile's ACME door was closed.
    AcmeDeactivate,
    /// An ACME account was made.
    AcmeAccountCreate,
    /// An ACME account got other contacts, agreed to terms, or was switched off or on.
    AcmeAccountUpdate,
    /// An ACME account was deactivated or revoked.
    AcmeAccountEnd,
    /// An ACME account got another key.
    AcmeKeyChange,
    /// An EAB key was made.
    AcmeEabCreate,
    /// An EAB key was revoked.
    AcmeEabRevoke,
    /// Certificates were marked for renewal at once, or the mark taken away.
    AcmeRenewalMark,
    /// An EST profile was made.
    EstProfileCreate,
    /// An EST profile was edited, enabled or disabled.
    EstProfileEdit,
    /// An EST profile was deleted.
    EstProfileDelete,
    /// An RA profile's EST door was opened or changed.
    EstActivate,
    /// An RA profile's EST door was closed.
    EstDeactivate,
    /// An EST user was made.
    EstUserCreate,
    /// An EST user was ended.
    EstUserRevoke,
    /// An EST code was made.
    EstCodeCreate,
    /// An EST code was revoked.
    EstCodeRevoke,
    /// A SCEP profile was made.
    ScepProfileCreate,
    /// A SCEP profile was edited, enabled or disabled.
    ScepProfileEdit,
    /// A SCEP profile was deleted.
    ScepProfileDelete,
    /// An RA profile's SCEP door was opened or changed.
    ScepActivate,
    /// An RA profile's SCEP door was closed.
    ScepDeactivate,
    /// A one-time challenge was made.
    ScepChallengeCreate,
    /// A one-time challenge was revoked.
    ScepChallengeRevoke,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 52] = [
        Self::CertificateRequest,
        Self::CertificateIssue,
        Self::CertificateRenew,
        Self::CertificateRekey,
        Self::CertificateRevoke,
        Self::RevocationRequest,
        Self::ApprovalReject,
        Self::ApprovalExpire,
        Self::CrlSign,
        Self::ProfileCreate,
        Self::ProfileEdit,
        Self::ProfileEnable,
        Self::ProfileDisable,
        Self::ProfileDelete,
        Self::AuthorityCreate,
        Self::TokenCreate,
        Self::TokenRevoke,
        Self::UserCreate,
        Self::UserEdit,
        Self::UserDelete,
        Self::LoginFailure,
        Self::AccessDenied,
        Self::ServerStart,
        Self::ServerStop,
        Self::AcmeProfileCreate,
        Self::AcmeProfileEdit,
        Self::AcmeProfileDelete,
        Self::AcmeActivate,
        Self::AcmeDeactivate,
        Self::AcmeAccountCreate,
        Self::AcmeAccountUpdate,
        Self::AcmeAccountEnd,
        Self::AcmeKeyChange,
        Self::AcmeEabCreate,
        Self::AcmeEabRevoke,
        Self::AcmeRenewalMark,
        Self::EstProfileCreate,
        Self::EstProfileEdit,
        Self::EstProfileDelete,
        Self::EstActivate,
        Self::EstDeactivate,
        Self::EstUserCreate,
        Self::EstUserRevoke,
        Self::EstCodeCreate,
        Self::EstCodeRevoke,
        Self::ScepProfileCreate,
        Self::ScepProfileEdit,
        Self::ScepProfileDelete,
        Self::ScepActivate,
        Self::ScepDeactivate,
        Self::ScepChallengeCreate,
        Self::ScepChallengeRevoke,
    ];

    /// The event's name in the trail.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CertificateRequest => "certificate.request",
            Self::CertificateIssue => "certificate.issue",
            Self::CertificateRenew => "certificate.renew",
            Self::CertificateRekey => "certificate.rekey",
            Self::CertificateRevoke => "certificate.revoke",
            Self::RevocationRequest => "certificate.revoke-request",
            Self::ApprovalReject => "approval.reject",
            Self::ApprovalExpire => "approval.expire",
            Self::CrlSign => "crl.sign",
            Self::ProfileCreate => "profile.create",
            Self::ProfileEdit => "profile.edit",
            Self::ProfileEnable => "profile.enable",
            Self::ProfileDisable => "profile.disable",
            Self::ProfileDelete => "profile.delete",
            Self::AuthorityCreate => "authority.create",
            Self::TokenCreate => "token.create",
            Self::TokenRevoke => "token.revoke",
            Self::UserCreate => "user.create",
            Self::UserEdit => "user.edit",
            Self::UserDelete => "user.delete",
            Self::LoginFailure => "login.failure",
            Self::AccessDenied => "access.denied",
            Self::ServerStart => "server.start",
            Self::ServerStop => "server.stop",
            Self::AcmeProfileCreate => "acme.profile.create",
            Self::AcmeProfileEdit => "acme.profile.edit",
            Self::AcmeProfileDelete => "acme.profile.delete",
            Self::AcmeActivate => "acme.activate",
            Self::AcmeDeactivate => "acme.deactivate",
            Self::AcmeAccountCreate => "acme.account.create",
            Self::AcmeAccountUpdate => "acme.account.update",
            Self::AcmeAccountEnd => "acme.account.end",
            Self::AcmeKeyChange => "acme.account.key-change",
            Self::AcmeEabCreate => "acme.eab.create",
            Self::AcmeEabRevoke => "acme.eab.revoke",
            Self::AcmeRenewalMark => "acme.renewal-mark",
            Self::EstProfileCreate => "est.profile.create",
            Self::EstProfileEdit => "est.profile.edit",
            Self::EstProfileDelete => "est.profile.delete",
            Self::EstActivate => "est.activate",
            Self::EstDeactivate => "est.deactivate",
            Self::EstUserCreate => "est.user.create",
            Self::EstUserRevoke => "est.user.revoke",
            Self::EstCodeCreate => "est.code.create",
            Self::EstCodeRevoke => "est.code.revoke",
            Self::ScepProfileCreate => "scep.profile.create",
            Self::ScepProfileEdit => "scep.profile.edit",
            Self::ScepProfileDelete => "scep.profile.delete",
            Self::ScepActivate => "scep.activate",
            Self::ScepDeactivate => "scep.deactivate",
            Self::ScepChallengeCreate => "scep.challenge.create",
            Self::ScepChallengeRevoke => "scep.challenge.revoke",
        }
    }
}

impl std::str::FromStr for Event {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|event| event.as_str() == text).ok_or_else(|| format!("unknown event {text:?}"))
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditResult {
    /// Done.
    Success,
    /// A rule forbade it.
    Refused,
    /// It could not be done.
    Failed,
}

/// What the trail will say of one happening, before the store gives it its place.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When.
    pub time: OffsetDateTime,
    /// What.
    pub event: Event,
    /// How it ended.
    pub result: AuditResult,
    /// The certificate object that it is about.
    pub certificate: Option<Uuid>,
    /// Canonical bytes: JSON with sorted keys, no white space. These are hashed and kept.
    pub body: String,
}

/// The parts of an entry's canonical body, in alphabetical order of their wire names.
#[derive(Serialize)]
struct Body<'a> {
    actor: &'a str,
    #[serde(rename = "actorId", skip_serializing_if = "Option::is_none")]
    actor_id: Option<Uuid>,
    #[serde(rename = "actorKind", skip_serializing_if = "Option::is_none")]
    actor_kind: Option<ActorKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<Uuid>,
    #[serde(skip_serializing_if = "is_one")]
    count: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    detail: &'a BTreeMap<&'static str, Value>,
    door: &'static str,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Uuid>,
    #[serde(skip_serializing_if = "str::is_empty")]
    request: &'a str,
    result: AuditResult,
    time: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_one(count: &u64) -> bool {
    *count == 1
}

/// What is being told, while it is put together.
#[derive(Clone, Debug)]
pub struct Telling<'a> {
    actor: &'a str,
    identity: Option<(Uuid, ActorKind)>,
    origin: &'a Origin,
    event: Event,
    result: AuditResult,
    profile: Option<Uuid>,
    certificate: Option<Uuid>,
    count: u64,
    detail: BTreeMap<&'static str, Value>,
}

impl<'a> Telling<'a> {
    /// Begin to tell what `actor` did through `origin`.
    pub fn success(actor: &'a Actor, origin: &'a Origin, event: Event) -> Self {
        Self::by(actor, origin, event, AuditResult::Success)
    }

    /// Begin to tell what was refused to somebody, who may be nobody known.
    pub fn refused(actor: Option<&'a Actor>, origin: &'a Origin, event: Event) -> Self {
        match actor {
            Some(actor) => Self::by(actor, origin, event, AuditResult::Refused),
            None => Self::of("anonymous", origin, event, AuditResult::Refused),
        }
    }

    /// Begin to tell how something ended that `actor` did: by name, id and kind, because names are for people and need
    /// not be unique.
    pub fn by(actor: &'a Actor, origin: &'a Origin, event: Event, result: AuditResult) -> Self {
        Self { identity: Some((actor.id, actor.kind)), ..Self::of(&actor.name, origin, event, result) }
    }

    /// Begin to tell of nobody with an identity of its own.
    fn of(actor: &'a str, origin: &'a Origin, event: Event, result: AuditResult) -> Self {
        Self {
            actor,
            identity: None,
            origin,
            event,
            result,
            profile: None,
            certificate: None,
            count: 1,
            detail: BTreeMap::new(),
        }
    }

    /// The RA profile that it is about.
    pub fn profile(mut self, profile: Option<Uuid>) -> Self {
        self.profile = profile;
        self
    }

    /// The certificate object that it is about.
    pub fn certificate(mut self, certificate: Uuid) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// How many times the same thing happened.
    pub fn count(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    /// Anything else that a reader will ask for. Never a secret.
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.detail.insert(key, value.into());
        self
    }

    /// The entry, with its canonical bytes.
    pub fn at(self, time: OffsetDateTime) -> AuditEntry {
        let body = Body {
            actor: self.actor,
            actor_id: self.identity.map(|(id, _)| id).filter(|id| !id.is_nil()),
            actor_kind: self.identity.map(|(_, kind)| kind),
            address: self.origin.address.map(|address| address.to_string()),
            certificate: self.certificate,
            count: self.count,
            detail: &self.detail,
            door: self.origin.door.as_str(),
            event: self.event.as_str(),
            profile: self.profile,
            request: &self.origin.request_id,
            result: self.result,
            time: crate::micros(time),
        };
        AuditEntry {
            time,
            event: self.event,
            result: self.result,
            certificate: self.certificate,
            body: serde_json::to_string(&body).expect("a body of strings and numbers always serialises"),
        }
    }
}

/// An entry's place: one chain per writer lane of each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChainPosition {
    /// The node that wrote it.
    pub node: i32,
    /// Its writer lane.
    pub lane: i32,
    /// From 1 upward, without gaps.
    pub sequence: i64,
}

/// An entry in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainedEntry {
    /// Where.
    pub position: ChainPosition,
    /// When, as the row's own column says it (microseconds since 1970): must agree with the body.
    pub time: OffsetDateTime,
    /// What, as the row's own column says it: must agree with the body.
    pub event: String,
    /// About which certificate, as the row's own column says it: must agree with the body.
    pub certificate: Option<Uuid>,
    /// The canonical bytes.
    pub body: String,
    /// SHA-256 over the previous hash, the position and the body.
    pub hash: [u8; 32],
}

/// The hash of an entry: SHA-256 over previous hash (32 zero bytes for the first), node, lane and sequence as big-endian
/// integers, and the canonical bytes.
pub fn chain_hash(previous: &[u8; 32], position: ChainPosition, body: &str) -> [u8; 32] {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(previous);
    context.update(&position.node.to_be_bytes());
    context.update(&position.lane.to_be_bytes());
    context.update(&position.sequence.to_be_bytes());
    context.update(body.as_bytes());
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The newest entry of one chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainHead {
    /// Its position.
    pub position: ChainPosition,
    /// Its hash.
    pub hash: [u8; 32],
}

/// A signed statement of where every chain ended at one moment: makes a cut tail or a rewritten chain visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// When it was signed.
    pub time: OffsetDateTime,
    /// The signed bytes: canonical JSON of time and heads.
    pub body: String,
    /// Ed25519 signature over the body, by the key of the node's data folder.
    pub signature: Vec<u8>,
    /// The public key (SubjectPublicKeyInfo DER) that verifies it.
    pub public_key: Vec<u8>,
}
