//! What the command line can ask for. One function executes it, in the running server for a client of the control
//! socket, or in the command's own process when no server runs.

pub mod acme;
pub mod approval;
pub mod audit;
pub mod ca;
pub mod cert;
pub mod doctor;
pub mod est;
pub mod profile;
pub mod scep;
pub mod token;
pub mod user;

mod table;

use chancery_core::{Actor, Door, Error, Origin};
use serde::{Deserialize, Serialize};

use crate::node::Node;

/// One request of the command line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "command", content = "with")]
#[expect(missing_docs, reason = "each is documented where the command line defines it")]
pub enum Command {
    TokenCreate(token::Create),
    TokenList,
    TokenRevoke(token::Revoke),
    UserAdd(user::Add),
    UserList,
    UserEnable(user::Which),
    UserDisable(user::Which),
    UserDelete(user::Which),
    ProfileList,
    ProfileShow(profile::Which),
    ProfileEnable(profile::Which),
    ProfileDisable(profile::Which),
    ProfileCreate(profile::NewProfile),
    ProfileEdit(profile::Edit),
    CaList,
    CaShow(ca::Which),
    CaCreate(ca::Create),
    CaExport(ca::Which),
    CertIssue(cert::Issue),
    CertList(cert::List),
    CertShow(cert::Which),
    CertRevoke(cert::Revoke),
    ApprovalList(approval::List),
    ApprovalApprove(approval::Decide),
    ApprovalReject(approval::Decide),
    AuditVerify,
    AuditList(audit::List),
    Doctor,
    Acme(acme::Command),
    Est(est::Command),
    Scep(scep::Command),
    /// For the load generator, over the control socket; the command line has no word for it.
    WriteGroups,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer", content = "with")]
#[expect(missing_docs, reason = "each is documented at its type")]
pub enum Answer {
    TokenMade(token::Made),
    Tokens(Vec<token::Token>),
    TokenRevoked(token::Revoke),
    User(user::User),
    Users(Vec<user::User>),
    UserDeleted(user::Which),
    Profiles(Vec<profile::Profile>),
    Profile(profile::Profile),
    Authorities(Vec<ca::Authority>),
    Authority(ca::Authority),
    Pem(ca::Pem),
    Issued(cert::Certificate),
    Certificates(cert::Page),
    Certificate(cert::Certificate),
    Approvals(Vec<approval::Approval>),
    Approval(approval::Approval),
    Audit(audit::Report),
    Entries(Vec<audit::Entry>),
    Diagnosis(doctor::Diagnosis),
    Acme(acme::Answer),
    Est(est::Answer),
    Scep(scep::Answer),
    WriteGroups(WriteGroups),
}

/// In how many transactions this process committed how many certificates.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct WriteGroups {
    transactions: u64,
    certificates: u64,
}

/// Why nothing came of it: what, why, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// For people.
    pub message: String,
}

impl Failure {
    /// A failure that says `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            // On the machine itself nobody is spared the cause.
            Error::Internal(source) => Self::new(format!("internal error: {}", chancery_http::chain(&*source))),
            Error::Rejected(rejections) => {
                Self::new(rejections.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
            }
            error @ (Error::Malformed(_)
            | Error::Unauthenticated
            | Error::Forbidden(_)
            | Error::NotFound { .. }
            | Error::Conflict(_)
            | Error::Throttled { .. }
            | Error::Unavailable { .. }) => Self::new(error.to_string()),
        }
    }
}

impl Command {
    /// Execute as the user `uid` of this machine, who owns this installation or is root.
    pub async fn execute(self, node: &Node, uid: u32) -> Result<Answer, Failure> {
        let actor = Actor::local(uid);
        let request_id = chancery_core::new_id(&*node.ra.ports().clock, &*node.ra.ports().rng).to_string();
        let origin = Origin { door: Door::Cli, request_id, address: None };
        let asked = Asked { node, actor: &actor, origin: &origin };
        Ok(match self {
            Self::TokenCreate(create) => Answer::TokenMade(create.execute(asked).await?),
            Self::TokenList => Answer::Tokens(token::list(asked).await?),
            Self::TokenRevoke(revoke) => Answer::TokenRevoked(revoke.execute(asked).await?),
            Self::UserAdd(add) => Answer::User(add.execute(asked).await?),
            Self::UserList => Answer::Users(user::list(asked).await?),
            Self::UserEnable(which) => Answer::User(which.enable(asked, true).await?),
            Self::UserDisable(which) => Answer::User(which.enable(asked, false).await?),
            Self::UserDelete(which) => Answer::UserDeleted(which.delete(asked).await?),
            Self::ProfileList => Answer::Profiles(profile::list(asked).await?),
            Self::ProfileShow(which) => Answer::Profile(which.show(asked).await?),
            Self::ProfileEnable(which) => Answer::Profile(which.enable(asked, true).await?),
            Self::ProfileDisable(which) => Answer::Profile(which.enable(asked, false).await?),
            Self::ProfileCreate(new) => Answer::Profile(new.execute(asked).await?),
            Self::ProfileEdit(edit) => Answer::Profile(edit.execute(asked).await?),
            Self::CaList => Answer::Authorities(ca::list(asked).await?),
            Self::CaShow(which) => Answer::Authority(which.show(asked).await?),
            Self::CaCreate(create) => Answer::Authority(create.execute(asked).await?),
            Self::CaExport(which) => Answer::Pem(which.export(asked).await?),
            Self::CertIssue(issue) => Answer::Issued(issue.execute(asked).await?),
            Self::CertList(list) => Answer::Certificates(list.execute(asked).await?),
            Self::CertShow(which) => Answer::Certificate(which.show(asked).await?),
            Self::CertRevoke(revoke) => Answer::Certificate(revoke.execute(asked).await?),
            Self::ApprovalList(list) => Answer::Approvals(list.execute(asked).await?),
            Self::ApprovalApprove(decide) => Answer::Approval(decide.execute(asked, true).await?),
            Self::ApprovalReject(decide) => Answer::Approval(decide.execute(asked, false).await?),
            Self::AuditVerify => Answer::Audit(audit::verify(asked).await?),
            Self::AuditList(list) => Answer::Entries(list.execute(asked).await?),
            Self::Doctor => Answer::Diagnosis(doctor::examine(asked).await?),
            Self::Acme(command) => Answer::Acme(command.execute(asked).await?),
            Self::Est(command) => Answer::Est(command.execute(asked).await?),
            Self::Scep(command) => Answer::Scep(command.execute(asked).await?),
            Self::WriteGroups => {
                let chancery_store::Groups { transactions, certificates } = node.store.groups();
                Answer::WriteGroups(WriteGroups { transactions, certificates })
            }
        })
    }

    /// Whether it changes nothing.
    pub fn only_reads(&self) -> bool {
        match self {
            Self::Acme(command) => command.only_reads(),
            Self::Est(command) => command.only_reads(),
            Self::Scep(command) => command.only_reads(),
            Self::TokenList
            | Self::UserList
            | Self::ProfileList
            | Self::ProfileShow(_)
            | Self::CaList
            | Self::CaShow(_)
            | Self::CaExport(_)
            | Self::CertList(_)
            | Self::CertShow(_)
            | Self::ApprovalList(_)
            | Self::AuditVerify
            | Self::AuditList(_)
            | Self::Doctor
            | Self::WriteGroups => true,
            Self::TokenCreate(_)
            | Self::TokenRevoke(_)
            | Self::UserAdd(_)
            | Self::UserEnable(_)
            | Self::UserDisable(_)
            | Self::UserDelete(_)
            | Self::ProfileEnable(_)
            | Self::ProfileDisable(_)
            | Self::ProfileCreate(_)
            | Self::ProfileEdit(_)
            | Self::CaCreate(_)
            | Self::CertIssue(_)
            | Self::CertRevoke(_)
            | Self::ApprovalApprove(_)
            | Self::ApprovalReject(_) => false,
        }
    }

    /// Whether it reads the trail alone, and so needs no private key.
    pub fn is_audit(&self) -> bool {
        matches!(self, Self::AuditVerify | Self::AuditList(_))
    }
}

/// A command at work: where, by whom, from where.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub(crate) node: &'a Node,
    pub(crate) actor: &'a Actor,
    pub(crate) origin: &'a Origin,
}

impl Answer {
    /// As one JSON value for programs.
    pub fn json(&self) -> String {
        let value = match self {
            Self::TokenMade(it) => serde_json::to_string_pretty(it),
            Self::Tokens(it) => serde_json::to_string_pretty(it),
            Self::TokenRevoked(it) => serde_json::to_string_pretty(it),
            Self::User(it) => serde_json::to_string_pretty(it),
            Self::Users(it) => serde_json::to_string_pretty(it),
            Self::UserDeleted(it) => serde_json::to_string_pretty(it),
            Self::Profiles(it) => serde_json::to_string_pretty(it),
            Self::Profile(it) => serde_json::to_string_pretty(it),
            Self::Authorities(it) => serde_json::to_string_pretty(it),
            Self::Authority(it) => serde_json::to_string_pretty(it),
            Self::Pem(it) => serde_json::to_string_pretty(it),
            Self::Issued(it) | Self::Certificate(it) => serde_json::to_string_pretty(it),
            Self::Certificates(it) => serde_json::to_string_pretty(it),
            Self::Approvals(it) => serde_json::to_string_pretty(it),
            Self::Approval(it) => serde_json::to_string_pretty(it),
            Self::Audit(it) => serde_json::to_string_pretty(it),
            Self::Entries(it) => serde_json::to_string_pretty(it),
            Self::Diagnosis(it) => serde_json::to_string_pretty(it),
            Self::Acme(it) => it.json(),
            Self::Est(it) => it.json(),
            Self::Scep(it) => it.json(),
            Self::WriteGroups(it) => serde_json::to_string_pretty(it),
        };
        value.expect("texts, numbers and lists always serialise") + "\n"
    }

    /// As text for people: what goes to standard output, and what to standard error.
    pub fn text(&self) -> (String, String) {
        let out = |text: String| (text, String::new());
        match self {
            Self::TokenMade(it) => it.text(),
            Self::Tokens(it) => out(token::text(it)),
            Self::TokenRevoked(it) => out(format!("token {} is revoked\n", it.token)),
            Self::User(it) => out(it.text()),
            Self::Users(it) => out(user::text(it)),
            Self::UserDeleted(it) => out(format!("user {} is deleted\n", it.name)),
            Self::Profiles(it) => out(profile::text(it)),
            Self::Profile(it) => out(it.text()),
            Self::Authorities(it) => out(ca::text(it)),
            Self::Authority(it) => out(it.text()),
            Self::Pem(it) => out(it.pem.clone()),
            Self::Issued(it) => it.issued(),
            Self::Certificates(it) => out(it.text()),
            Self::Certificate(it) => out(it.text()),
            Self::Approvals(it) => out(approval::text(it)),
            Self::Approval(it) => out(it.text()),
            Self::Audit(it) => out(it.text()),
            Self::Entries(it) => out(audit::text(it)),
            Self::Diagnosis(it) => out(it.text()),
            Self::Acme(it) => it.text(),
            Self::Est(it) => it.text(),
            Self::Scep(it) => it.text(),
            Self::WriteGroups(it) => {
                out(format!("{} transactions, {} certificates\n", it.transactions, it.certificates))
            }
        }
    }

    /// The exit code: 1 when the answer itself is bad news.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Audit(report) => u8::from(!report.faults.is_empty()),
            Self::Diagnosis(diagnosis) => u8::from(diagnosis.is_wrong()),
            _ => 0,
        }
    }
}
