//! Authorizations as clients see them: RFC 8555 sections 7.1.4 and 7.5.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::call::{Call, Payload};
use crate::challenge::ChallengeStatus;
use crate::order::{rfc3339, unknown};
use crate::{Acme, Authorization, AuthorizationStatus, Identifier, Problem, ProblemType, Reply, Resource};

#[derive(Serialize)]
struct Document<'a> {
    identifier: &'a Identifier,
    status: AuthorizationStatus,
    expires: String,
    challenges: Vec<serde_json::Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    wildcard: bool,
    /// RFC 9444 section 4.1.
    #[serde(rename = "subdomainAuthAllowed", skip_serializing_if = "std::ops::Not::not")]
    subdomains: bool,
}

#[derive(Deserialize)]
struct Update {
    #[serde(default)]
    status: Option<String>,
}

impl Acme {
    /// RFC 8555 section 7.5: an authorization, read by POST-as-GET or deactivated (section 7.5.2).
    pub(crate) async fn authorization(&self, call: &Call<'_>, id: Uuid) -> Result<Reply, Problem> {
        let mut authorization = self.authorization_of(call, id).await?;
        if let Payload::Json(_) = call.payload {
            let update: Update = call.json()?;
            if update.status.as_deref() != Some("deactivated") {
                let why = "an authorization can only be deactivated: send {\"status\": \"deactivated\"}, or nothing to read it";
                return Err(Problem::new(ProblemType::Malformed, why));
            }
            let ended = self.0.store.deactivate_authorization(id).await?;
            authorization = self.authorization_of(call, id).await?;
            if !ended && authorization.status != AuthorizationStatus::Deactivated {
                let why = "the authorization is neither pending nor valid, so there is nothing to deactivate";
                return Err(Problem::new(ProblemType::Malformed, why));
            }
            // Nothing comes of what was begun: it counts as failed, or whoever gives up in time would look for ever.
            if ended && is_tried(&authorization) {
                let settings = &call.directory.acme_profile.settings;
                self.count_failure(settings, authorization.account, &authorization.identifier);
            }
        }
        Ok(self.authorization_reply(call, 200, &authorization))
    }

    /// An authorization of the account that asks.
    pub(crate) async fn authorization_of(&self, call: &Call<'_>, id: Uuid) -> Result<Authorization, Problem> {
        let account = call.account()?;
        let found = self.0.store.authorization(id).await?;
        found.filter(|authorization| authorization.account == account.id).ok_or_else(|| unknown("authorization"))
    }

    /// The answer that shows an authorization.
    pub(crate) fn authorization_reply(&self, call: &Call<'_>, status: u16, authorization: &Authorization) -> Reply {
        let now = self.0.now();
        let standing = authorization.status_at(now);
        let shown = authorization.challenges.iter().filter(|challenge| match standing {
            AuthorizationStatus::Pending => true,
            AuthorizationStatus::Valid => challenge.status == ChallengeStatus::Valid,
            AuthorizationStatus::Invalid => challenge.status == ChallengeStatus::Invalid,
            // What was tried says why, what was not tried says nothing.
            AuthorizationStatus::Deactivated | AuthorizationStatus::Expired | AuthorizationStatus::Revoked => {
                challenge.status != ChallengeStatus::Pending
            }
        });
        let document = Document {
            identifier: &authorization.identifier,
            status: standing,
            expires: rfc3339(authorization.expires_at),
            challenges: shown.map(|challenge| self.challenge_document(call, authorization, challenge)).collect(),
            wildcard: authorization.wildcard,
            subdomains: authorization.subdomains,
        };
        let waits =
            (standing == AuthorizationStatus::Pending && is_tried(authorization)).then(|| call.directory.retry_after());
        Reply::json(status, &document)
            .with_location(call.directory.url(&Resource::Authorization(authorization.id)))
            .with_retry_after(waits)
    }
}

/// A challenge of it was begun, and neither proved it nor failed.
fn is_tried(authorization: &Authorization) -> bool {
    authorization.challenges.iter().any(|challenge| challenge.status == ChallengeStatus::Processing)
}
