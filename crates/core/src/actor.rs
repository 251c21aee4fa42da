//! Who asks, through which door, and what they may reach.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A caller that has proved who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The credential's own identifier (a token's id); nil for the system and the local command line.
    pub id: Uuid,
    /// How the audit and the certificate's owner field name the caller.
    pub name: String,
    /// How the caller proved who it is.
    pub kind: ActorKind,
    /// What it may do.
    pub role: Role,
    /// Where it may do it.
    pub scope: Scope,
}

/// How a caller proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActorKind {
    /// A bearer token.
    Token,
    /// The command line on this machine, by the peer's user id.
    Local,
    /// The server itself: first start, its own TLS certificate, CRLs.
    System,
    /// An ACME account, by its key (RFC 8555 section 6.2).
    AcmeAccount,
    /// A SCEP client, by its challenge (RFC 8894 section 2.3).
    ScepClient,
    /// Whoever holds a certificate's private key (RFC 8555 section 7.6: a revocation signed by it).
    CertificateKey,
    /// A user, by a client certificate.
    ClientCertificate,
    /// A user or a caller of no account, by a signed token of an OIDC issuer.
    Oidc,
    /// An EST user, by its password.
    EstUser,
    /// Whoever holds an EST code.
    EstCode,
    /// Whoever holds the private key of a third party's certificate, which an EST profile vouches for.
    ForeignCertificate,
}

impl Actor {
    /// The server itself.
    pub fn system() -> Self {
        Self {
            id: Uuid::nil(),
            name: "system".into(),
            kind: ActorKind::System,
            role: Role::Administrator,
            scope: Scope::All,
        }
    }

    /// The command line on this machine, run by the user `uid`.
    pub fn local(uid: u32) -> Self {
        Self {
            id: Uuid::nil(),
            name: format!("local:uid={uid}"),
            kind: ActorKind::Local,
            role: Role::Administrator,
            scope: Scope::All,
        }
    }

    /// A caller known to a protocol door, which may use these RA profiles and nothing else.
    pub fn enrollee(id: Uuid, name: String, kind: ActorKind, profiles: impl IntoIterator<Item = Uuid>) -> Self {
        let scope = Scope::Profiles(profiles.into_iter().collect());
        Self { id, name, kind, role: Role::Requester, scope }
    }

    /// Whether the caller's role may do `action` at all; the scope is asked separately.
    pub fn may(&self, action: Action) -> bool {
        self.role.may(action)
    }
}

/// The four roles. An administrator may do everything within its scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Asks for certificates, and renews, rekeys and revokes them, within its profiles.
    Requester,
    /// A requester that also manages the RA profiles of its scope, and approves what others ask for there.
    Operator,
    /// Reads everything of its scope, the audit too, and changes nothing.
    Auditor,
    /// Everything, credentials and authorities too.
    Administrator,
}

/// What a role may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read certificates and their history.
    ReadCertificates,
    /// Issue, renew, rekey and revoke.
    UseProfile,
    /// Read RA profiles, authorities, connectors and attribute definitions.
    ReadProfiles,
    /// Create, edit, enable, disable and delete RA profiles.
    ManageProfiles,
    /// Decide what waits for an approval.
    Approve,
    /// Read the audit trail.
    ReadAudit,
    /// Make and revoke tokens, make users and authorities.
    Administer,
}

impl Role {
    /// Whether this role may do `action` within its scope.
    pub fn may(self, action: Action) -> bool {
        match (self, action) {
            (Self::Administrator, _) => true,
            (_, Action::ReadCertificates | Action::ReadProfiles) => true,
            (Self::Requester | Self::Operator, Action::UseProfile) => true,
            (Self::Operator, Action::ManageProfiles | Action::Approve) => true,
            (Self::Auditor, Action::ReadAudit) => true,
            (Self::Auditor, Action::UseProfile)
            | (Self::Requester | Self::Auditor, Action::ManageProfiles | Action::Approve)
            | (Self::Requester | Self::Operator, Action::ReadAudit)
            | (Self::Requester | Self::Operator | Self::Auditor, Action::Administer) => false,
        }
    }

    /// The name as commands and tokens spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Requester, Self::Operator, Self::Auditor, Self::Administrator]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| format!("unknown role {text:?}: one of requester, operator, auditor, administrator"))
    }
}

/// The RA profiles that a caller can reach. What lies outside answers like an unknown object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// These RA profiles and what hangs on them.
    Profiles(BTreeSet<Uuid>),
}

impl Scope {
    /// Whether the RA profile lies within this scope; `None` stands for objects of no profile (CA certificates), which
    /// only an unlimited scope reaches.
    pub fn contains(&self, profile: Option<Uuid>) -> bool {
        match (self, profile) {
            (Self::All, _) => true,
            (Self::Profiles(profiles), Some(profile)) => profiles.contains(&profile),
            (Self::Profiles(_), None) => false,
        }
    }

    /// Whether everything that `other` reaches lies within this scope.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Profiles(_), Self::All) => false,
            (Self::Profiles(own), Self::Profiles(other)) => other.is_subset(own),
        }
    }
}

/// A way into the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// The native REST API.
    Rest,
    /// RFC 8555.
    Acme,
    /// RFC 8894.
    Scep,
    /// RFC 7030.
    Est,
    /// The command line on this machine.
    Cli,
    /// The server's own doing.
    System,
}

impl Door {
    /// Whether it is a protocol's: open on those RA profiles only that say so.
    pub fn is_protocol(self) -> bool {
        matches!(self, Self::Acme | Self::Scep | Self::Est)
    }

    /// The door's name in the store and the audit.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Acme => "acme",
            Self::Scep => "scep",
            Self::Est => "est",
            Self::Cli => "cli",
            Self::System => "system",
        }
    }
}

impl std::str::FromStr for Door {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Rest, Self::Acme, Self::Scep, Self::Est, Self::Cli, Self::System]
            .into_iter()
            .find(|door| door.as_str() == text)
            .ok_or_else(|| format!("unknown door {text:?}"))
    }
}

/// Where a request came from, for the audit.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The door.
    pub door: Door,
    /// The request's id: also in the log and in the answer.
    pub request_id: String,
    /// The peer's address, where there is one.
    pub address: Option<IpAddr>,
}

impl Origin {
    /// The server's own doing.
    pub fn system() -> Self {
        Self { door: Door::System, request_id: String::new(), address: None }
    }
}
