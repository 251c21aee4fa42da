//! `chancery acme renew-now`.

use clap::Args;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cli::Json;
use crate::command::{Asked, Failure, profile};

/// `acme renew-now`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    chancery acme renew-now 0198a2c4-... --explanation https://ca.example/incident\n  \
    chancery acme renew-now --profile tls-server\n  \
    chancery acme renew-now --profile tls-server --undo\n\n\
    Clients that ask for renewal information (RFC 9773) renew at their next look; nothing is revoked.")]
pub struct RenewNowArgs {
    /// What.
    #[command(flatten)]
    pub renew_now: RenewNow,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The certificates that shall be renewed.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct RenewNow {
    /// Certificate objects, as `cert list` shows them
    #[arg(required_unless_present = "profile", conflicts_with = "profile")]
    certificates: Vec<Uuid>,
    /// All certificates of this RA profile that are not over, by name or uuid
    #[arg(long)]
    profile: Option<String>,
    /// Page that explains why
    #[arg(long, value_name = "URL")]
    explanation: Option<String>,
    /// Take the mark away
    #[arg(long, conflicts_with = "explanation")]
    undo: bool,
}

/// How many were marked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Marked {
    certificates: u64,
    renew: bool,
}

impl RenewNow {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Marked, Failure> {
        let marked = match &self.profile {
            Some(text) => chancery_acme::Marked::Profile(profile::reference(text)),
            None => chancery_acme::Marked::Certificates(self.certificates),
        };
        let mark = (!self.undo).then_some(self.explanation);
        let certificates = asked.node.acme()?.mark_for_renewal(asked.actor, asked.origin, marked, mark).await?;
        Ok(Marked { certificates, renew: !self.undo })
    }
}

impl Marked {
    pub(super) fn text(&self) -> String {
        let what = if self.renew { "marked for renewal at once" } else { "no longer marked" };
        format!("{} certificate(s) {what}\n", self.certificates)
    }
}
