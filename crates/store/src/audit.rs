//! The audit trail as it is read, appended to on its own, and sealed.

use async_trait::async_trait;
use chancery_core::audit::{AuditEntry, ChainHead, ChainPosition, ChainedEntry, Checkpoint, Event};
use chancery_core::port::AuditStore;
use chancery_core::{CertificateState, StoreError, instant, micros};
use diesel::prelude::*;
use uuid::Uuid;

use crate::connection::{AnyConnection, snapshot};
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::{audit, audit_checkpoints, certificates, nodes};
use crate::{Store, chain};

/// The events that tell of a certificate's issuing.
const ISSUING: [Event; 3] = [Event::CertificateIssue, Event::CertificateRenew, Event::CertificateRekey];

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit)]
struct EntryRow {
    node: i32,
    lane: i32,
    sequence: i64,
    time: i64,
    event: String,
    certificate: Option<Vec<u8>>,
    hash: Vec<u8>,
    body: String,
}

impl EntryRow {
    fn read(self) -> Result<ChainedEntry, StoreError> {
        Ok(ChainedEntry {
            position: ChainPosition { node: self.node, lane: self.lane, sequence: self.sequence },
            time: instant(self.time),
            event: self.event,
            certificate: row::optional_id(self.certificate)?,
            body: self.body,
            hash: row::hash(&self.hash)?,
        })
    }
}

fn read_all(rows: Vec<EntryRow>) -> Result<Vec<ChainedEntry>, StoreError> {
    rows.into_iter().map(EntryRow::read).collect()
}

/// Every chain that can exist: found by node, because a list of distinct chains would read the whole trail.
fn chains(connection: &mut AnyConnection) -> QueryResult<Vec<(i32, i32)>> {
    let nodes: Vec<i32> = nodes::table.order(nodes::number).select(nodes::number).load(connection)?;
    Ok(nodes.into_iter().flat_map(|node| (0..chain::LANES).map(move |lane| (node, lane))).collect())
}

#[async_trait]
impl AuditStore for Store {
    async fn append(&self, entries: Vec<AuditEntry>) -> Result<(), StoreError> {
        self.write(move |_, told| {
            told.extend_from_slice(&entries);
            Ok(())
        })
        .await
    }

    async fn history(&self, certificate: Uuid) -> Result<Vec<ChainedEntry>, StoreError> {
        self.read(move |c| {
            let rows: Vec<EntryRow> = audit::table
                .filter(audit::certificate.eq(bytes(&certificate)))
                .order((audit::time, audit::node, audit::lane, audit::sequence))
                .select(EntryRow::as_select())
                .load(c)?;
            Ok(read_all(rows)?)
        })
        .await
    }

    async fn heads(&self) -> Result<Vec<ChainHead>, StoreError> {
        self.read(|c| {
            snapshot(c, |c| {
                let mut heads = Vec::new();
                for (node, lane) in chains(c)? {
                    let head = chain::head(c, node, lane)?;
                    if head.position.sequence > 0 {
                        heads.push(ChainHead { position: head.position, hash: head.hash });
                    }
                }
                Ok(heads)
            })
        })
        .await
    }

    async fn chain(&self, from: ChainPosition, limit: u32) -> Result<Vec<ChainedEntry>, StoreError> {
        self.read(move |c| {
            let rows: Vec<EntryRow> = audit::table
                .filter(audit::node.eq(from.node).and(audit::lane.eq(from.lane)))
                .filter(audit::sequence.ge(from.sequence))
                .order(audit::sequence)
                .limit(i64::from(limit))
                .select(EntryRow::as_select())
                .load(c)?;
            Ok(read_all(rows)?)
        })
        .await
    }

    /// The newest of each chain, merged: an index by time would cost every issuance a write.
    async fn latest(&self, limit: u32) -> Result<Vec<ChainedEntry>, StoreError> {
        self.read(move |c| {
            snapshot(c, |c| {
                let mut entries = Vec::new();
                for (node, lane) in chains(c)? {
                    let rows: Vec<EntryRow> = audit::table
                        .filter(audit::node.eq(node).and(audit::lane.eq(lane)))
                        .order(audit::sequence.desc())
                        .limit(i64::from(limit))
                        .select(EntryRow::as_select())
                        .load(c)?;
                    entries.extend(read_all(rows)?);
                }
                entries.sort_by_key(|entry| std::cmp::Reverse((entry.time, entry.position)));
                entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                Ok::<_, Failure>(entries)
            })
        })
        .await
    }

    async fn add_checkpoint(&self, checkpoint: Checkpoint) -> Result<(), StoreError> {
        self.write(move |c, _| {
            diesel::insert_into(audit_checkpoints::table)
                .values((
                    audit_checkpoints::time.eq(micros(checkpoint.time)),
                    audit_checkpoints::signature.eq(&checkpoint.signature),
                    audit_checkpoints::public_key.eq(&checkpoint.public_key),
                    audit_checkpoints::body.eq(&checkpoint.body),
                ))
                .execute(c)?;
            Ok(())
        })
        .await
    }

    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError> {
        self.read(|c| {
            let rows: Vec<(i64, Vec<u8>, Vec<u8>, String)> =
                audit_checkpoints::table.order((audit_checkpoints::time, audit_checkpoints::signature)).load(c)?;
            Ok(rows
                .into_iter()
                .map(|(time, signature, public_key, body)| Checkpoint {
                    time: instant(time),
                    body,
                    signature,
                    public_key,
                })
                .collect())
        })
        .await
    }

    async fn untold_certificates(&self) -> Result<u64, StoreError> {
        self.read(|c| {
            let issuing = ISSUING.map(Event::as_str);
            let told = audit::table
                .filter(audit::certificate.eq(certificates::id.nullable()).and(audit::event.eq_any(issuing)));
            let given = [CertificateState::Issued.as_str(), CertificateState::Revoked.as_str()];
            let untold: i64 = certificates::table
                .filter(certificates::state.eq_any(given))
                .filter(diesel::dsl::not(diesel::dsl::exists(told)))
                .count()
                .get_result(c)?;
            Ok(u64::try_from(untold).unwrap_or(0))
        })
        .await
    }
}
