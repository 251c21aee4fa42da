//! Answering a challenge: RFC 8555 section 7.5.1.

use serde_json::{Map, Value, json};

use uuid::Uuid;

use crate::call::{Call, Payload};
use crate::order::{rfc3339, unknown};
use crate::{
    Acme, Authorization, AuthorizationStatus, Challenge, ChallengeStatus, ChallengeType, Problem, ProblemType, Reply,
    Resource,
};

impl Acme {
    /// RFC 8555 section 7.5.1: read a challenge by POST-as-GET, or say by a JSON object that it can be tried.
    pub(crate) async fn challenge_of(&self, call: &Call<'_>, id: Uuid, kind: ChallengeType) -> Result<Reply, Problem> {
        let mut authorization = self.authorization_of(call, id).await?;
        let challenge = of_kind(&authorization, kind)?.clone();
        if let Payload::Json(_) = call.payload {
            // Unknown members are ignored: old clients send keyAuthorization.
            let response: Map<String, Value> = call.json()?;
            let now = self.0.now();
            if challenge.status == ChallengeStatus::Pending
                && authorization.status_at(now) == AuthorizationStatus::Pending
            {
                let begun = Challenge {
                    status: ChallengeStatus::Processing,
                    payload: sent(kind, response)?,
                    account_url: Some(call.directory.url(&Resource::Account(call.account()?.id))),
                    ..challenge
                };
                // Authorizations of before can be many: what failed too often since is asked here too.
                let settings = &call.directory.acme_profile.settings;
                self.limit_failures(settings, call.account()?, std::iter::once(&authorization.identifier))?;
                let until = self.claim(now);
                // Of many at once one begins; the others are shown what stands.
                if self.0.store.begin_challenge(id, begun.clone(), now, until).await? {
                    for challenge in &mut authorization.challenges {
                        if challenge.kind == kind {
                            *challenge = begun.clone();
                        }
                    }
                    authorization.attempt_at = Some(until);
                    self.attempt_soon(call.account()?.clone(), authorization.clone(), until);
                } else {
                    authorization = self.authorization_of(call, id).await?;
                }
            }
        }
        let challenge = of_kind(&authorization, kind)?;
        let waits = (challenge.status == ChallengeStatus::Processing).then(|| call.directory.retry_after());
        Ok(Reply::json(200, &self.challenge_document(call, &authorization, challenge))
            .with_location(call.directory.url(&Resource::Challenge(id, kind)))
            .with_link(call.directory.url(&Resource::Authorization(id)), "up")
            .with_retry_after(waits))
    }

    /// RFC 8555 section 7.1.5, and what the drafts add.
    pub(crate) fn challenge_document(
        &self,
        call: &Call<'_>,
        authorization: &Authorization,
        challenge: &Challenge,
    ) -> Value {
        let directory = call.directory;
        let url = directory.url(&Resource::Challenge(authorization.id, challenge.kind));
        let mut document = json!({ "type": challenge.kind, "url": url, "status": challenge.status });
        if challenge.kind == ChallengeType::DnsPersist01 {
            // draft-ietf-acme-dns-persist section 3: the record names the account and the CA, and no token.
            document["accounturi"] = directory.url(&Resource::Account(authorization.account)).into();
            document["issuer-domain-names"] = directory.acme_profile.settings.caa_identities.clone().into();
        } else {
            document["token"] = challenge.token.clone().into();
        }
        if let Some(validated) = challenge.validated {
            document["validated"] = rfc3339(validated).into();
        }
        if let Some(error) = &challenge.error {
            document["error"] = serde_json::to_value(error).unwrap_or_default();
        }
        document
    }
}

fn of_kind(authorization: &Authorization, kind: ChallengeType) -> Result<&Challenge, Problem> {
    authorization.challenges.iter().find(|challenge| challenge.kind == kind).ok_or_else(|| unknown("challenge"))
}

/// What of the response must be kept for the attempts.
fn sent(kind: ChallengeType, response: Map<String, Value>) -> Result<Option<Value>, Problem> {
    match kind {
        ChallengeType::DeviceAttest01 if response.get("attObj").is_some_and(Value::is_string) => {
            Ok(Some(Value::Object(response)))
        }
        ChallengeType::DeviceAttest01 => Err(Problem::new(
            ProblemType::Malformed,
            "the response to device-attest-01 has no attObj, the attestation object in base64url",
        )),
        ChallengeType::Http01
        | ChallengeType::Dns01
        | ChallengeType::TlsAlpn01
        | ChallengeType::DnsAccount01
        | ChallengeType::DnsPersist01 => Ok(None),
    }
}
