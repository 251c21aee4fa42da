//! Enrolments: what the same request is known by, kept in the transaction of its certificate.

use std::any::Any;

use chancery_core::{Stale, StoreError, instant, micros};
use chancery_est::port::{Enrol, Enrolment};
use diesel::prelude::*;
use time::OffsetDateTime;

use super::credential;
use crate::alongside::{Object, Opener};
use crate::connection::{AnyConnection, each};
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::est_enrolments as enrolments;

/// Opens [`Enrol`].
pub(crate) const OPENER: Opener = Opener {
    opens: |rows: &dyn Any| rows.is::<Enrol>(),
    write: |rows, object, connection| {
        let enrol = rows.downcast_ref().expect("the opener asked first");
        write(enrol, object, connection)
    },
};

/// Of several at once the digest's row lets one through; a credential's last use is counted by one statement.
fn write(enrol: &Enrol, object: Object, c: &mut AnyConnection) -> Result<(), Failure> {
    if let Some(digest) = &enrol.digest {
        let (certificate, ends_at) = (bytes(&object.id), micros(enrol.ends_at));
        let kept = match enrol.replaces {
            None => {
                let row = (
                    enrolments::digest.eq(digest.as_slice()),
                    enrolments::certificate.eq(certificate),
                    enrolments::ends_at.eq(ends_at),
                );
                each!(c, c => diesel::insert_into(enrolments::table).values(row).on_conflict_do_nothing().execute(c))?
            }
            Some(before) => {
                let over = enrolments::table.find(digest.as_slice()).filter(enrolments::certificate.eq(bytes(&before)));
                diesel::update(over)
                    .set((enrolments::certificate.eq(certificate), enrolments::ends_at.eq(ends_at)))
                    .execute(c)?
            }
        };
        if kept != 1 {
            return Err(StoreError::Stale(Stale::Alongside).into());
        }
    }
    if let Some(spent) = enrol.spent
        && !credential::spend(c, spent, enrol.now)?
    {
        return Err(StoreError::Stale(Stale::Alongside).into());
    }
    Ok(())
}

/// The enrolment of a request.
pub(super) fn find(c: &mut AnyConnection, digest: &[u8; 32]) -> Result<Option<Enrolment>, Failure> {
    let row: Option<(Vec<u8>, i64)> = enrolments::table
        .find(digest.as_slice())
        .select((enrolments::certificate, enrolments::ends_at))
        .first(c)
        .optional()?;
    let read = |(certificate, ends_at): (Vec<u8>, i64)| {
        Ok::<_, StoreError>(Enrolment {
            digest: *digest,
            certificate: row::id(&certificate)?,
            ends_at: instant(ends_at),
        })
    };
    Ok(row.map(read).transpose()?)
}

/// Delete the oldest that are over, at most `limit`.
pub(super) fn purge(c: &mut AnyConnection, before: OffsetDateTime, limit: u32) -> Result<u64, Failure> {
    let before = micros(before);
    let over: Vec<Vec<u8>> = enrolments::table
        .filter(enrolments::ends_at.lt(before))
        .order(enrolments::ends_at)
        .limit(i64::from(limit))
        .select(enrolments::digest)
        .load(c)?;
    if over.is_empty() {
        return Ok(0);
    }
    // It may have been replaced since.
    let over = enrolments::table.filter(enrolments::digest.eq_any(over)).filter(enrolments::ends_at.lt(before));
    Ok(diesel::delete(over).execute(c)? as u64)
}
