//! Certificates that shall be renewed at once.

use chancery_acme::port::RenewalMark;
use chancery_core::{instant, micros};
use diesel::prelude::*;
use uuid::Uuid;

use crate::connection::{AnyConnection, each};
use crate::fault::Failure;
use crate::row::bytes;
use crate::schema::acme_renewal_marks as marks;

/// Mark them, or take their marks away; how many that were.
pub(super) fn mark(c: &mut AnyConnection, certificates: &[Uuid], mark: Option<&RenewalMark>) -> Result<u64, Failure> {
    let mut changed = 0;
    for certificate in certificates {
        let rows = match mark {
            None => diesel::delete(marks::table.find(bytes(certificate))).execute(c)?,
            Some(mark) => {
                let values = (
                    marks::explanation_url.eq(mark.explanation_url.as_deref()),
                    marks::marked_at.eq(micros(mark.marked_at)),
                );
                each!(c, c => diesel::insert_into(marks::table)
                    .values((marks::certificate.eq(bytes(certificate)), values))
                    .on_conflict(marks::certificate)
                    .do_update()
                    .set(values)
                    .execute(c))?
            }
        };
        changed += rows as u64;
    }
    Ok(changed)
}

/// A certificate's mark.
pub(super) fn find(c: &mut AnyConnection, certificate: Uuid) -> Result<Option<RenewalMark>, Failure> {
    let row: Option<(Option<String>, i64)> = marks::table
        .find(bytes(&certificate))
        .select((marks::explanation_url, marks::marked_at))
        .first(c)
        .optional()?;
    Ok(row.map(|(explanation_url, at)| RenewalMark { certificate, explanation_url, marked_at: instant(at) }))
}
