//! An enrolment's rows, in the transaction of its certificate; and transactions looked up.

use std::any::Any;

use chancery_core::{Stale, StoreError, instant, micros};
use chancery_scep::DoorId;
use chancery_scep::port::{Enrolment, Transaction};
use diesel::prelude::*;

use super::challenge;
use crate::alongside::{Object, Opener};
use crate::connection::{AnyConnection, each};
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::scep_transactions as transactions;

/// Opens [`Enrolment`].
pub(crate) const OPENER: Opener = Opener {
    opens: |rows: &dyn Any| rows.is::<Enrolment>(),
    write: |rows, object, connection| {
        let enrolment = rows.downcast_ref().expect("the opener asked first");
        write(enrolment, object, connection)
    },
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = transactions)]
struct Row {
    transaction_id: Vec<u8>,
    scep_profile: Vec<u8>,
    ra_profile: Vec<u8>,
    /// Empty for a first enrolment.
    predecessor: Vec<u8>,
    request: Vec<u8>,
    signer: Vec<u8>,
    certificate: Vec<u8>,
    created_at: i64,
}

impl Row {
    fn of(transaction: &Transaction, object: Object) -> Self {
        Self {
            transaction_id: transaction.transaction_id.clone(),
            scep_profile: bytes(&transaction.door.scep_profile),
            ra_profile: bytes(&transaction.door.ra_profile),
            predecessor: transaction.predecessor.as_ref().map(bytes).unwrap_or_default(),
            request: transaction.request.to_vec(),
            signer: transaction.signer.to_vec(),
            certificate: bytes(&object.id),
            created_at: micros(transaction.created_at),
        }
    }

    fn read(self) -> Result<Transaction, StoreError> {
        Ok(Transaction {
            door: DoorId { scep_profile: row::id(&self.scep_profile)?, ra_profile: row::id(&self.ra_profile)? },
            transaction_id: self.transaction_id,
            predecessor: row::optional_id(Some(self.predecessor).filter(|id| !id.is_empty()))?,
            request: row::hash(&self.request)?,
            signer: row::hash(&self.signer)?,
            certificate: row::id(&self.certificate)?,
            created_at: instant(self.created_at),
        })
    }
}

/// The transaction's key lets one of several requests through, and so does the challenge's row: whoever comes second writes
/// nothing, and looks again at what became of the first.
fn write(enrolment: &Enrolment, object: Object, c: &mut AnyConnection) -> Result<(), Failure> {
    let Enrolment { transaction, ended, challenge } = enrolment;
    let row = Row::of(transaction, object);
    if let Some(ended) = ended {
        let known = transactions::table
            .filter(transactions::transaction_id.eq(&row.transaction_id))
            .filter(transactions::scep_profile.eq(&row.scep_profile))
            .filter(transactions::ra_profile.eq(&row.ra_profile))
            .filter(transactions::predecessor.eq(&row.predecessor))
            .filter(transactions::certificate.eq(bytes(ended)));
        diesel::delete(known).execute(c)?;
    }
    let begun = each!(c, c => diesel::insert_into(transactions::table)
        .values(&row)
        .on_conflict_do_nothing()
        .execute(c))?;
    let spent = match challenge {
        Some(id) if begun == 1 => challenge::spend(c, *id, transaction.door.ra_profile, transaction.created_at)?,
        _ => true,
    };
    if begun != 1 || !spent {
        return Err(StoreError::Stale(Stale::Alongside).into());
    }
    Ok(())
}

/// Every transaction with this id at this door, newest first.
pub(super) fn find(c: &mut AnyConnection, door: DoorId, id: &[u8]) -> Result<Vec<Transaction>, Failure> {
    let found = transactions::table
        .filter(transactions::transaction_id.eq(id.to_vec()))
        .filter(transactions::scep_profile.eq(bytes(&door.scep_profile)))
        .filter(transactions::ra_profile.eq(bytes(&door.ra_profile)))
        .order(transactions::created_at.desc());
    let rows: Vec<Row> = found.select(Row::as_select()).load(c)?;
    Ok(rows.into_iter().map(Row::read).collect::<Result<_, _>>()?)
}
