//! `chancery approval`.

use chancery_core::{ApprovalList, ApprovalRecord};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::table::table;
use super::{Asked, Failure};
use crate::cli::Json;
use crate::instant;

/// Most approvals of one list.
const MOST: u32 = 1000;

/// What can be done with approvals.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List what waits for an approval
    List(ListArgs),
    /// Approve: what waits is checked again, and done
    Approve(DecideArgs),
    /// Reject: what waits is not done
    Reject(DecideArgs),
}

/// `approval list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Which.
    #[command(flatten)]
    pub list: List,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// `approval approve`, `approval reject`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    chancery approval approve 0198c0de-0000-7000-8000-000000000000 --comment 'as discussed'")]
pub struct DecideArgs {
    /// Which.
    #[command(flatten)]
    pub decide: Decide,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// Which approvals.
#[derive(Args, Clone, Copy, Debug, Serialize, Deserialize)]
pub struct List {
    /// Decided and expired ones too
    #[arg(long)]
    all: bool,
}

/// The approval that is decided.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Decide {
    /// The approval's uuid, as `approval list` shows it
    approval: Uuid,
    /// Why; kept in the audit
    #[arg(long)]
    comment: Option<String>,
}

/// An approval.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    uuid: Uuid,
    status: String,
    operation: String,
    certificate: Uuid,
    subject: String,
    profile: Uuid,
    requester: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    approver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

impl Approval {
    async fn of(asked: Asked<'_>, approval: ApprovalRecord) -> Result<Self, Failure> {
        let ra = &asked.node.ra;
        let object = ra.certificate(asked.actor, asked.origin, approval.certificate).await?;
        let (approver, comment) = match approval.decision.clone() {
            Some(decision) => (Some(decision.approver), decision.comment),
            None => (None, None),
        };
        Ok(Self {
            uuid: approval.id,
            status: approval.status_at(ra.ports().clock.now()).as_str().to_lowercase(),
            operation: approval.operation.as_str().into(),
            certificate: approval.certificate,
            subject: object.subject,
            profile: approval.profile,
            requester: approval.requester,
            created_at: approval.created_at,
            expires_at: approval.expires_at,
            approver,
            comment,
        })
    }

    /// The decision in words.
    pub(super) fn text(&self) -> String {
        format!("approval {} of {} {}: {}\n", self.uuid, self.operation, self.subject, self.status)
    }
}

impl List {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Vec<Approval>, Failure> {
        let list = if self.all { ApprovalList::All } else { ApprovalList::Mine };
        let page = asked.node.ra.approvals(asked.actor, asked.origin, list, 0, MOST).await?;
        let mut shown = Vec::with_capacity(page.items.len());
        for approval in page.items {
            shown.push(Approval::of(asked, approval).await?);
        }
        Ok(shown)
    }
}

impl Decide {
    pub(super) async fn execute(self, asked: Asked<'_>, approve: bool) -> Result<Approval, Failure> {
        let ra = &asked.node.ra;
        if approve {
            ra.approve(asked.actor, asked.origin, self.approval, self.comment).await?;
        } else {
            ra.reject(asked.actor, asked.origin, self.approval, self.comment).await?;
        }
        let approval = ra.approval(asked.actor, asked.origin, self.approval).await?;
        Approval::of(asked, approval).await
    }
}

pub(super) fn text(approvals: &[Approval]) -> String {
    let rows: Vec<_> = approvals
        .iter()
        .map(|approval| {
            [
                approval.uuid.to_string(),
                approval.status.clone(),
                approval.operation.clone(),
                approval.subject.clone(),
                approval.requester.clone(),
                instant(approval.created_at),
                instant(approval.expires_at),
            ]
        })
        .collect();
    table(
        ["UUID", "STATUS", "OPERATION", "SUBJECT", "REQUESTER", "MADE", "EXPIRES"],
        &rows,
        "nothing waits for an approval",
    )
}
