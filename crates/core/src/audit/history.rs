//! What the trail says about one certificate, for people.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{AuditResult, ChainedEntry, Event};

/// One happening in a certificate's life.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEvent {
    /// Stable identifier of the entry, made from its place in the trail.
    pub id: Uuid,
    /// When.
    pub time: OffsetDateTime,
    /// Who.
    pub actor: String,
    /// What.
    pub event: Event,
    /// How it ended.
    pub result: AuditResult,
    /// Everything else that the trail says: serial number, names, reasons.
    pub detail: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Body {
    actor: String,
    #[serde(default)]
    detail: BTreeMap<String, Value>,
    event: String,
    result: String,
}

impl HistoryEvent {
    /// Read an entry of the trail.
    ///
    /// # Errors
    /// When the entry's body is not one that this server wrote: the trail has been tampered with.
    pub fn read(entry: &ChainedEntry) -> Result<Self, String> {
        let unreadable = |why: String| format!("audit entry {:?} cannot be read: {why}", entry.position);
        let body: Body = serde_json::from_str(&entry.body).map_err(|error| unreadable(error.to_string()))?;
        let mut id = [0; 16];
        id[..4].copy_from_slice(&entry.position.node.to_be_bytes());
        id[4..8].copy_from_slice(&entry.position.lane.to_be_bytes());
        id[8..].copy_from_slice(&entry.position.sequence.to_be_bytes());
        Ok(Self {
            id: uuid::Builder::from_custom_bytes(id).into_uuid(),
            time: entry.time,
            actor: body.actor,
            event: body.event.parse().map_err(unreadable)?,
            result: match &*body.result {
                "success" => AuditResult::Success,
                "refused" => AuditResult::Refused,
                "failed" => AuditResult::Failed,
                other => return Err(unreadable(format!("unknown result {other:?}"))),
            },
            detail: body.detail,
        })
    }
}
