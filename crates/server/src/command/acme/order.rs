//! `chancery acme order`.

use chancery_acme::{AuthorizationStatus, ChallengeStatus, ChallengeType, OrderStatus, OrderView};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::cli::Json;
use crate::command::table::sheet;
use crate::command::{Asked, Failure};
use crate::instant;

/// What can be done with orders.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show one, with what its challenges found
    Show(WhichArgs),
}

/// A command on one order.
#[derive(Args, Debug)]
pub struct WhichArgs {
    /// Which.
    #[command(flatten)]
    pub which: Which,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The order that is meant.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct Which {
    /// The order's uuid: the end of its URL
    order: Uuid,
}

/// An order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order {
    uuid: Uuid,
    account: Uuid,
    status: OrderStatus,
    ra_profile_uuid: Uuid,
    profile: Option<String>,
    identifiers: Vec<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    not_before: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    not_after: Option<OffsetDateTime>,
    error: Option<String>,
    certificate: Option<Uuid>,
    replaces: Option<Uuid>,
    authorizations: Vec<Authorization>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// An authorization of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authorization {
    uuid: Uuid,
    identifier: String,
    wildcard: bool,
    status: AuthorizationStatus,
    challenges: Vec<Challenge>,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// A challenge of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Challenge {
    #[serde(rename = "type")]
    kind: ChallengeType,
    status: ChallengeStatus,
    attempts: u32,
    error: Option<String>,
}

impl Which {
    pub(super) async fn show(self, asked: Asked<'_>) -> Result<Order, Failure> {
        let now = asked.node.ra.ports().clock.now();
        let OrderView { order, status, authorizations } =
            asked.node.acme()?.show_order(asked.actor, asked.origin, self.order).await?;
        Ok(Order {
            uuid: order.id,
            account: order.account,
            status,
            ra_profile_uuid: order.ra_profile,
            profile: order.profile,
            identifiers: order.identifiers.iter().map(ToString::to_string).collect(),
            not_before: order.not_before,
            not_after: order.not_after,
            error: order.error.map(|problem| problem.to_string()),
            certificate: order.certificate,
            replaces: order.replaces,
            authorizations: authorizations
                .into_iter()
                .map(|authorization| Authorization {
                    status: authorization.status_at(now),
                    uuid: authorization.id,
                    identifier: authorization.identifier.to_string(),
                    wildcard: authorization.wildcard,
                    expires_at: authorization.expires_at,
                    challenges: authorization
                        .challenges
                        .into_iter()
                        .map(|challenge| Challenge {
                            kind: challenge.kind,
                            status: challenge.status,
                            attempts: challenge.attempts,
                            error: challenge.error.map(|problem| problem.to_string()),
                        })
                        .collect(),
                })
                .collect(),
            created_at: order.created_at,
            expires_at: order.expires_at,
        })
    }
}

/// A status as the protocol writes it.
fn word(status: impl Serialize) -> String {
    match serde_json::to_value(status) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

impl Order {
    pub(super) fn text(&self) -> String {
        let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        let mut text = sheet(&[
            ("uuid", self.uuid.to_string()),
            ("status", word(self.status)),
            ("account", self.account.to_string()),
            ("RA profile", self.ra_profile_uuid.to_string()),
            ("profile", self.profile.clone().unwrap_or_default()),
            ("identifiers", self.identifiers.join(", ")),
            ("not before", self.not_before.map(instant).unwrap_or_default()),
            ("not after", self.not_after.map(instant).unwrap_or_default()),
            ("error", self.error.clone().unwrap_or_default()),
            ("certificate", id(self.certificate)),
            ("replaces", id(self.replaces)),
            ("made", instant(self.created_at)),
            ("expires", instant(self.expires_at)),
        ]);
        for authorization in &self.authorizations {
            let wildcard = if authorization.wildcard { " (wildcard)" } else { "" };
            text += &format!(
                "authorization {} of {}{wildcard}: {}, until {}\n",
                authorization.uuid,
                authorization.identifier,
                word(authorization.status),
                instant(authorization.expires_at)
            );
            for challenge in &authorization.challenges {
                text += &format!("  {}: {}", challenge.kind, word(challenge.status));
                if challenge.attempts > 0 {
                    text += &format!(", {} attempt(s)", challenge.attempts);
                }
                if let Some(error) = &challenge.error {
                    text += &format!(": {error}");
                }
                text.push('\n');
            }
        }
        text
    }
}
