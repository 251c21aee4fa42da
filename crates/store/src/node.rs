//! This node's number in the database: it keys the node's audit chains.

use chancery_core::StoreError;
use diesel::prelude::*;
use uuid::Uuid;

use crate::connection::{AnyConnection, each};
use crate::fault::Failure;
use crate::row::bytes;
use crate::schema::nodes;

/// A node as the database knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// The node's own identifier, kept in its data folder.
    pub id: Uuid,
    /// Its number, from 1 upward, never given to another.
    pub number: i32,
    /// How often it has opened this database, this time included.
    pub boot: i64,
}

/// Find the node's number or give it the next one, and count this boot. Two new nodes may want the same number: the
/// loser is told [`Failure`] by the uniqueness of numbers and asks again.
pub(crate) fn register(connection: &mut AnyConnection, id: Uuid) -> Result<Node, Failure> {
    let known = diesel::update(nodes::table.find(bytes(&id)))
        .set(nodes::boot.eq(nodes::boot + 1))
        .returning((nodes::number, nodes::boot))
        .get_result::<(i32, i64)>(connection)
        .optional()?;
    if let Some((number, boot)) = known {
        return Ok(Node { id, number, boot });
    }
    let last: Option<i32> = nodes::table.select(diesel::dsl::max(nodes::number)).first(connection)?;
    let number = last.unwrap_or(0) + 1;
    let row = (nodes::id.eq(bytes(&id)), nodes::number.eq(number), nodes::boot.eq(1_i64));
    let added =
        each!(connection, c => diesel::insert_into(nodes::table).values(row).on_conflict_do_nothing().execute(c))?;
    if added == 0 {
        return Err(StoreError::Duplicate(chancery_core::Unique::Other).into());
    }
    Ok(Node { id, number, boot: 1 })
}
