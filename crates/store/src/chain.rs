//! The audit chain of a lane: an entry gets its place and its hash last, inside the transaction that it tells of.

use chancery_core::audit::{AuditEntry, ChainPosition, chain_hash};
use chancery_core::micros;
use diesel::prelude::*;

use crate::connection::AnyConnection;
use crate::fault::Failure;
use crate::schema::audit;

/// How many lanes a node can have: chains are found by node and lane without reading the trail.
pub(crate) const LANES: i32 = 2;

/// Where a chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) position: ChainPosition,
    pub(crate) hash: [u8; 32],
}

#[derive(Insertable)]
#[diesel(table_name = audit, treat_none_as_default_value = false)]
struct NewEntry<'a> {
    node: i32,
    lane: i32,
    sequence: i64,
    time: i64,
    event: &'a str,
    certificate: Option<&'a [u8]>,
    hash: &'a [u8],
    body: &'a str,
}

/// The end of a chain as the database has it; sequence 0 and zero bytes before the first entry.
pub(crate) fn head(connection: &mut AnyConnection, node: i32, lane: i32) -> QueryResult<Head> {
    let newest: Option<(i64, Vec<u8>)> = audit::table
        .filter(audit::node.eq(node).and(audit::lane.eq(lane)))
        .order(audit::sequence.desc())
        .select((audit::sequence, audit::hash))
        .first(connection)
        .optional()?;
    let (sequence, hash) = newest.unwrap_or((0, vec![0; 32]));
    let hash =
        hash.try_into().map_err(|_| diesel::result::Error::DeserializationError("a hash has 32 bytes".into()))?;
    Ok(Head { position: ChainPosition { node, lane, sequence }, hash })
}

/// Append entries and move `head` on.
pub(crate) fn append<'a>(
    connection: &mut AnyConnection,
    head: &mut Head,
    entries: impl Iterator<Item = &'a AuditEntry>,
) -> Result<(), Failure> {
    let placed: Vec<(&AuditEntry, Head)> = entries
        .map(|entry| {
            let position = ChainPosition { sequence: head.position.sequence + 1, ..head.position };
            *head = Head { position, hash: chain_hash(&head.hash, position, &entry.body) };
            (entry, *head)
        })
        .collect();
    match connection {
        AnyConnection::Sqlite(connection) => {
            for (entry, head) in &placed {
                diesel::insert_into(audit::table).values(row(entry, head)).execute(connection)?;
            }
        }
        AnyConnection::Postgres(connection) => {
            let rows: Vec<_> = placed.iter().map(|(entry, head)| row(entry, head)).collect();
            if !rows.is_empty() {
                diesel::insert_into(audit::table).values(&rows).execute(connection)?;
            }
        }
    }
    Ok(())
}

fn row<'a>(entry: &'a AuditEntry, head: &'a Head) -> NewEntry<'a> {
    NewEntry {
        node: head.position.node,
        lane: head.position.lane,
        sequence: head.position.sequence,
        time: micros(entry.time),
        event: entry.event.as_str(),
        certificate: entry.certificate.as_ref().map(|id| id.as_bytes().as_slice()),
        hash: &head.hash,
        body: &entry.body,
    }
}
