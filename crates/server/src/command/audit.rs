//! `chancery audit`.

use chancery_core::Action;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::table::table;
use super::{Asked, Failure};
use crate::cli::Json;
use crate::instant;

/// What can be done with the audit trail.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Compute every hash again and hold the trail against the signed checkpoints; exit 1 when anything is wrong
    Verify(Json),
    /// Show the newest entries, newest first
    List(ListArgs),
}

/// `audit list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Which.
    #[command(flatten)]
    pub list: List,
    /// How to print.
    #[command(flatten)]
    pub json: Json,
}

/// The entries that are looked for.
#[derive(Args, Clone, Debug, Serialize, Deserialize)]
pub struct List {
    /// At most this many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

/// What a verification found.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether nothing is wrong.
    pub intact: bool,
    /// Entries read.
    pub entries: u64,
    /// Chains read.
    pub chains: u64,
    /// Checkpoints whose signature holds.
    pub checkpoints: u64,
    /// Checkpoints of other nodes, whose keys are not here.
    pub foreign_checkpoints: u64,
    /// What is wrong.
    pub faults: Vec<String>,
}

/// One entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    node: i32,
    lane: i32,
    sequence: i64,
    #[serde(with = "time::serde::rfc3339")]
    time: OffsetDateTime,
    hash: String,
    body: serde_json::Value,
}

pub(super) async fn verify(asked: Asked<'_>) -> Result<Report, Failure> {
    demand(asked)?;
    let (keys, witnessed) = asked.node.witness.read()?;
    let report = asked.node.ra.verify_audit(&keys, &witnessed).await?;
    Ok(Report {
        intact: report.faults.is_empty(),
        entries: report.entries,
        chains: report.chains,
        checkpoints: report.checkpoints,
        foreign_checkpoints: report.foreign_checkpoints,
        faults: report.faults.iter().map(ToString::to_string).collect(),
    })
}

fn demand(asked: Asked<'_>) -> Result<(), Failure> {
    if asked.actor.may(Action::ReadAudit) { Ok(()) } else { Err(Failure::new("you may not read the audit trail")) }
}

impl List {
    pub(super) async fn execute(self, asked: Asked<'_>) -> Result<Vec<Entry>, Failure> {
        demand(asked)?;
        let entries = asked
            .node
            .ra
            .ports()
            .audit
            .latest(self.limit)
            .await
            .map_err(|error| Failure::from(chancery_core::Error::from(error)))?;
        let entry = |entry: chancery_core::audit::ChainedEntry| Entry {
            node: entry.position.node,
            lane: entry.position.lane,
            sequence: entry.position.sequence,
            time: entry.time,
            hash: crate::hex(&entry.hash),
            body: serde_json::from_str(&entry.body).unwrap_or_else(|_| entry.body.into()),
        };
        Ok(entries.into_iter().map(entry).collect())
    }
}

impl Report {
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{} entries in {} chains, {} signed checkpoints{}\n",
            self.entries,
            self.chains,
            self.checkpoints,
            match self.foreign_checkpoints {
                0 => String::new(),
                foreign => format!(" ({foreign} more by other nodes, not checked here)"),
            }
        );
        for fault in &self.faults {
            text += &format!("FAULT: {fault}\n");
        }
        text += if self.intact { "the trail is intact\n" } else { "the trail is NOT intact\n" };
        text
    }
}

pub(super) fn text(entries: &[Entry]) -> String {
    let word = |entry: &Entry, key: &str| entry.body[key].as_str().unwrap_or_default().to_owned();
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let about = ["certificate", "profile"].map(|key| word(entry, key));
            [
                instant(entry.time),
                format!("{}/{}/{}", entry.node, entry.lane, entry.sequence),
                word(entry, "event"),
                word(entry, "result"),
                word(entry, "actor"),
                about.into_iter().find(|about| !about.is_empty()).unwrap_or_default(),
            ]
        })
        .collect();
    table(["TIME", "PLACE", "EVENT", "RESULT", "ACTOR", "ABOUT"], &rows, "no entries")
}
