//! Deleting what is over.

use chancery_core::{CertificateState, micros};
use diesel::dsl::exists;
use diesel::prelude::*;
use time::OffsetDateTime;

use crate::connection::AnyConnection;
use crate::fault::Failure;
use crate::schema::{certificates, scep_challenges as challenges, scep_transactions as transactions};

/// At most `limit` rows of each table. A transaction goes when its certificate ended, or nothing came of it; one that waits
/// for somebody stays.
pub(super) fn purge(c: &mut AnyConnection, before: OffsetDateTime, limit: u32) -> Result<u64, Failure> {
    let (limit, before) = (i64::from(limit), micros(before));
    let over: Vec<Vec<u8>> = challenges::table
        .filter(challenges::expires_at.lt(before))
        .order(challenges::expires_at)
        .limit(limit)
        .select(challenges::id)
        .load(c)?;
    let mut deleted = diesel::delete(challenges::table.filter(challenges::id.eq_any(over))).execute(c)?;
    let nothing = [CertificateState::Rejected, CertificateState::Failed].map(CertificateState::as_str);
    let ended = certificates::table
        .filter(certificates::id.eq(transactions::certificate))
        .filter(certificates::not_after.lt(Some(before)).or(certificates::state.eq_any(nothing)));
    let over: Vec<Vec<u8>> = transactions::table
        .filter(transactions::created_at.lt(before))
        .filter(exists(ended))
        .order(transactions::created_at)
        .limit(limit)
        .select(transactions::certificate)
        .load(c)?;
    let over =
        transactions::table.filter(transactions::certificate.eq_any(over)).filter(transactions::created_at.lt(before));
    deleted += diesel::delete(over).execute(c)?;
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}
