//! The RA's own certificates.

use chancery_core::{StoreError, instant, micros};
use chancery_scep::port::RaCertificate;
use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::connection::{AnyConnection, each};
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::scep_ra_certificates as certificates;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = certificates)]
struct Row {
    scep_profile: Vec<u8>,
    authority: Vec<u8>,
    purpose: String,
    generation: i64,
    key_id: Vec<u8>,
    certificate: Vec<u8>,
    issuer: Vec<u8>,
    der: Vec<u8>,
    not_after: i64,
}

impl Row {
    fn read(self) -> Result<RaCertificate, StoreError> {
        Ok(RaCertificate {
            scep_profile: row::id(&self.scep_profile)?,
            authority: row::id(&self.authority)?,
            purpose: row::code("purpose", &self.purpose)?,
            generation: self.generation,
            key: row::id(&self.key_id)?,
            certificate: row::id(&self.certificate)?,
            issuer: row::id(&self.issuer)?,
            der: self.der,
            not_after: instant(self.not_after),
        })
    }
}

/// A new one; false when this generation is there.
pub(super) fn add(c: &mut AnyConnection, certificate: &RaCertificate) -> Result<bool, Failure> {
    let row = Row {
        scep_profile: bytes(&certificate.scep_profile),
        authority: bytes(&certificate.authority),
        purpose: certificate.purpose.as_str().to_owned(),
        generation: certificate.generation,
        key_id: bytes(&certificate.key),
        certificate: bytes(&certificate.certificate),
        issuer: bytes(&certificate.issuer),
        der: certificate.der.clone(),
        not_after: micros(certificate.not_after),
    };
    let added = each!(c, c => diesel::insert_into(certificates::table)
        .values(&row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(added == 1)
}

/// Those that end after an instant, newest first.
pub(super) fn list(
    c: &mut AnyConnection,
    scep_profile: Uuid,
    authority: Uuid,
    after: OffsetDateTime,
) -> Result<Vec<RaCertificate>, Failure> {
    let found = certificates::table
        .filter(certificates::scep_profile.eq(bytes(&scep_profile)))
        .filter(certificates::authority.eq(bytes(&authority)))
        .filter(certificates::not_after.gt(micros(after)))
        .order(certificates::generation.desc());
    let rows: Vec<Row> = found.select(Row::as_select()).load(c)?;
    Ok(rows.into_iter().map(Row::read).collect::<Result<_, _>>()?)
}
