//! Approvals and the one approval profile.

use chancery_core::{APPROVAL_LIFETIME, ApprovalRecord, BUILT_IN_APPROVAL_PROFILE, BUILT_IN_APPROVAL_STEP};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::date;

/// The name of the one approval profile.
pub const PROFILE_NAME: &str = "built-in";
const PROFILE_DESCRIPTION: &str = "One step: an operator or administrator of the RA profile, other than who asked.";
const PROFILE_VERSION: u32 = 1;

/// `ApprovalDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct ApprovalDto {
    pub approval_uuid: Uuid,
    pub creator_uuid: Uuid,
    pub creator_username: String,
    pub version: u32,
    pub created_at: String,
    pub expiry_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
    pub status: &'static str,
    pub resource: &'static str,
    pub resource_action: &'static str,
    pub object_uuid: Uuid,
    pub approval_profile_name: &'static str,
    pub approval_profile_uuid: Uuid,
}

impl ApprovalDto {
    /// Of an approval at an instant.
    pub fn of(approval: &ApprovalRecord, now: OffsetDateTime) -> Self {
        Self {
            approval_uuid: approval.id,
            creator_uuid: approval.requester_id,
            creator_username: approval.requester.clone(),
            version: PROFILE_VERSION,
            created_at: date(approval.created_at),
            expiry_at: date(approval.expires_at),
            closed_at: approval.decision.as_ref().map(|decision| date(decision.at)),
            status: approval.status_at(now).as_str(),
            resource: "certificates",
            resource_action: approval.operation.as_str(),
            object_uuid: approval.certificate,
            approval_profile_name: PROFILE_NAME,
            approval_profile_uuid: BUILT_IN_APPROVAL_PROFILE,
        }
    }
}

/// `ApprovalResponseDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct ApprovalResponseDto {
    pub items_per_page: u32,
    pub page_number: u32,
    pub total_pages: u32,
    pub total_items: u64,
    pub approvals: Vec<ApprovalDto>,
}

/// `ApprovalDetailDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct ApprovalDetailDto {
    #[serde(flatten)]
    pub approval: ApprovalDto,
    /// Hours.
    pub expiry: i64,
    pub description: &'static str,
    pub approval_steps: Vec<ApprovalDetailStepDto>,
}

/// `ApprovalDetailStepDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct ApprovalDetailStepDto {
    #[serde(flatten)]
    pub step: ApprovalStepDto,
    pub approval_step_recipients: Vec<ApprovalStepRecipientDto>,
}

/// `ApprovalStepDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct ApprovalStepDto {
    pub uuid: Uuid,
    pub description: &'static str,
    pub order: u32,
    pub required_approvals: u32,
}

impl ApprovalStepDto {
    fn only() -> Self {
        Self { uuid: BUILT_IN_APPROVAL_STEP, description: PROFILE_DESCRIPTION, order: 1, required_approvals: 1 }
    }
}

/// `ApprovalStepRecipientDto`: the decision, once there is one.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct ApprovalStepRecipientDto {
    pub approval_recipient_uuid: Uuid,
    pub user_uuid: Uuid,
    pub username: String,
    pub created_at: String,
    pub closed_at: String,
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl ApprovalDetailDto {
    /// Of an approval at an instant.
    pub fn of(approval: &ApprovalRecord, now: OffsetDateTime) -> Self {
        let recipients = approval.decision.iter().map(|decision| ApprovalStepRecipientDto {
            approval_recipient_uuid: approval.id,
            user_uuid: decision.approver_id,
            username: decision.approver.clone(),
            created_at: date(approval.created_at),
            closed_at: date(decision.at),
            status: approval.status.as_str(),
            comment: decision.comment.clone(),
        });
        Self {
            approval: ApprovalDto::of(approval, now),
            expiry: APPROVAL_LIFETIME.whole_hours(),
            description: PROFILE_DESCRIPTION,
            approval_steps: vec![ApprovalDetailStepDto {
                step: ApprovalStepDto::only(),
                approval_step_recipients: recipients.collect(),
            }],
        }
    }
}

/// `UserApprovalDto`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct UserApprovalDto {
    pub comment: Option<String>,
}

/// `ApprovalProfileDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct ApprovalProfileDto {
    pub uuid: Uuid,
    pub name: &'static str,
    pub version: u32,
    pub description: &'static str,
    /// Hours.
    pub expiry: i64,
    pub number_of_steps: u32,
    pub associations: usize,
}

impl ApprovalProfileDto {
    /// The one, with how many RA profiles ask for it.
    pub fn built_in(associations: usize) -> Self {
        Self {
            uuid: BUILT_IN_APPROVAL_PROFILE,
            name: PROFILE_NAME,
            version: PROFILE_VERSION,
            description: PROFILE_DESCRIPTION,
            expiry: APPROVAL_LIFETIME.whole_hours(),
            number_of_steps: 1,
            associations,
        }
    }
}

/// `ApprovalProfileDetailDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct ApprovalProfileDetailDto {
    #[serde(flatten)]
    pub profile: ApprovalProfileDto,
    pub approval_steps: Vec<ApprovalStepDto>,
}

impl ApprovalProfileDetailDto {
    /// The one, with how many RA profiles ask for it.
    pub fn built_in(associations: usize) -> Self {
        Self { profile: ApprovalProfileDto::built_in(associations), approval_steps: vec![ApprovalStepDto::only()] }
    }
}

/// `ApprovalProfileResponseDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct ApprovalProfileResponseDto {
    pub items_per_page: u32,
    pub page_number: u32,
    pub total_pages: u32,
    pub total_items: u64,
    pub approval_profiles: Vec<ApprovalProfileDto>,
}

/// `ResourceObjectDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct ResourceObjectDto {
    pub resource: &'static str,
    pub object_uuid: Uuid,
    pub name: String,
}
