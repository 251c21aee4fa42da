//! Deleting what is over.

use chancery_acme::StoredOrderStatus;
use chancery_acme::port::Purge;
use chancery_core::micros;
use diesel::prelude::*;
use time::OffsetDateTime;

use super::code::Code;
use crate::connection::AnyConnection;
use crate::fault::Failure;
use crate::schema::{
    acme_authorizations as authorizations, acme_nonces as nonces, acme_orders as orders, acme_renewal_marks as marks,
    certificates,
};

/// Delete the oldest first, at most `limit` rows of each table.
pub(super) fn purge(c: &mut AnyConnection, purge: Purge, now: OffsetDateTime) -> Result<u64, Failure> {
    let limit = i64::from(purge.limit);
    let (abandoned, ended) = (micros(purge.abandoned_before), micros(purge.ended_before));
    let mut deleted = 0;
    // A processing order waits for somebody, however long.
    for (status, before) in [
        (StoredOrderStatus::Open, abandoned),
        (StoredOrderStatus::Invalid, abandoned),
        (StoredOrderStatus::Valid, ended),
    ] {
        let over: Vec<Vec<u8>> = orders::table
            .filter(orders::status.eq(status.code()))
            .filter(orders::ends_at.lt(Some(before)))
            .order(orders::ends_at)
            .limit(limit - deleted)
            .select(orders::id)
            .load(c)?;
        deleted += delete(over, |over| {
            // It may have become another since.
            let over = orders::table.filter(orders::id.eq_any(over)).filter(orders::status.eq(status.code()));
            diesel::delete(over).execute(c)
        })?;
    }
    let over: Vec<Vec<u8>> = authorizations::table
        .filter(authorizations::ends_at.lt(abandoned))
        .order(authorizations::ends_at)
        .limit(limit)
        .select(authorizations::id)
        .load(c)?;
    deleted += delete(over, |over| {
        let over =
            authorizations::table.filter(authorizations::id.eq_any(over)).filter(authorizations::ends_at.lt(abandoned));
        diesel::delete(over).execute(c)
    })?;
    // Nobody asks any more when to renew what is long over.
    let over: Vec<Vec<u8>> = marks::table
        .inner_join(certificates::table.on(certificates::id.eq(marks::certificate)))
        .filter(certificates::not_after.lt(Some(ended)))
        .limit(limit)
        .select(marks::certificate)
        .load(c)?;
    deleted += delete(over, |over| diesel::delete(marks::table.filter(marks::certificate.eq_any(over))).execute(c))?;
    let over: Vec<Vec<u8>> = nonces::table
        .filter(nonces::expires_at.lt(micros(now)))
        .order(nonces::expires_at)
        .limit(limit)
        .select(nonces::nonce)
        .load(c)?;
    deleted += delete(over, |over| diesel::delete(nonces::table.filter(nonces::nonce.eq_any(over))).execute(c))?;
    Ok(u64::try_from(deleted).unwrap_or(0))
}

fn delete(over: Vec<Vec<u8>>, mut body: impl FnMut(Vec<Vec<u8>>) -> QueryResult<usize>) -> Result<i64, Failure> {
    if over.is_empty() {
        return Ok(0);
    }
    Ok(i64::try_from(body(over)?).unwrap_or(i64::MAX))
}
