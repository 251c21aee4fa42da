//! Spent nonces, where several nodes share the database.

use chancery_core::micros;
use diesel::prelude::*;
use time::OffsetDateTime;

use crate::connection::{AnyConnection, each};
use crate::fault::Failure;
use crate::schema::acme_nonces as nonces;

/// Spend one: of many at once, the key lets one in.
pub(super) fn spend(c: &mut AnyConnection, nonce: &[u8; 32], expires_at: OffsetDateTime) -> Result<bool, Failure> {
    let row = (nonces::nonce.eq(nonce.as_slice()), nonces::expires_at.eq(micros(expires_at)));
    Ok(each!(c, c => diesel::insert_into(nonces::table).values(row).on_conflict_do_nothing().execute(c))? == 1)
}
