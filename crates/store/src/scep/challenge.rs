//! One-time challenges.

use chancery_core::{StoreError, instant, micros};
use chancery_scep::{Challenge, MOST_MISMATCHES};
use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::connection::AnyConnection;
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::scep_challenges as challenges;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = challenges, treat_none_as_default_value = false)]
struct Row {
    id: Vec<u8>,
    ra_profile: Vec<u8>,
    lookup: Vec<u8>,
    subject: Option<String>,
    /// JSON array; NULL is whatever the profile allows.
    names: Option<String>,
    description: String,
    expires_at: i64,
    mismatches: i64,
    used_at: Option<i64>,
    revoked_at: Option<i64>,
    created_at: i64,
}

impl Row {
    fn of(challenge: &Challenge) -> Result<Self, StoreError> {
        Ok(Self {
            id: bytes(&challenge.id),
            ra_profile: bytes(&challenge.ra_profile),
            lookup: challenge.lookup.to_vec(),
            subject: challenge.subject.clone(),
            names: challenge.names.as_ref().map(row::to_text).transpose()?,
            description: challenge.description.clone(),
            expires_at: micros(challenge.expires_at),
            mismatches: i64::from(challenge.mismatches),
            used_at: challenge.used_at.map(micros),
            revoked_at: challenge.revoked_at.map(micros),
            created_at: micros(challenge.created_at),
        })
    }

    fn read(self) -> Result<Challenge, StoreError> {
        Ok(Challenge {
            id: row::id(&self.id)?,
            ra_profile: row::id(&self.ra_profile)?,
            lookup: row::hash(&self.lookup)?,
            subject: self.subject,
            names: self.names.as_deref().map(|names| row::from_text("name list", names)).transpose()?,
            description: self.description,
            expires_at: instant(self.expires_at),
            mismatches: u32::try_from(self.mismatches).map_err(|error| row::unreadable("count", error))?,
            used_at: self.used_at.map(instant),
            revoked_at: self.revoked_at.map(instant),
            created_at: instant(self.created_at),
        })
    }
}

/// A new one.
pub(super) fn create(c: &mut AnyConnection, challenge: &Challenge) -> Result<(), Failure> {
    diesel::insert_into(challenges::table).values(Row::of(challenge)?).execute(c)?;
    Ok(())
}

/// One by what it is found by.
pub(super) fn by_lookup(c: &mut AnyConnection, lookup: &[u8; 32]) -> Result<Option<Challenge>, Failure> {
    let found = challenges::table.filter(challenges::lookup.eq(lookup.to_vec()));
    let row: Option<Row> = found.select(Row::as_select()).first(c).optional()?;
    Ok(row.map(Row::read).transpose()?)
}

/// Newest first.
pub(super) fn list(c: &mut AnyConnection, limit: u32) -> Result<Vec<Challenge>, Failure> {
    let newest = challenges::table.order(challenges::id.desc()).limit(i64::from(limit));
    let rows: Vec<Row> = newest.select(Row::as_select()).load(c)?;
    Ok(rows.into_iter().map(Row::read).collect::<Result<_, _>>()?)
}

/// Revoke one that was neither used nor revoked.
pub(super) fn revoke(c: &mut AnyConnection, id: Uuid, at: OffsetDateTime) -> Result<bool, Failure> {
    let live = challenges::table
        .find(bytes(&id))
        .filter(challenges::used_at.is_null())
        .filter(challenges::revoked_at.is_null());
    Ok(diesel::update(live).set(challenges::revoked_at.eq(Some(micros(at)))).execute(c)? == 1)
}

/// Count a request that it is not for.
pub(super) fn mismatched(c: &mut AnyConnection, id: Uuid) -> Result<(), Failure> {
    let known = challenges::table.find(bytes(&id));
    diesel::update(known).set(challenges::mismatches.eq(challenges::mismatches + 1)).execute(c)?;
    Ok(())
}

/// Spend it; false when it may not be used, or somebody was faster.
pub(super) fn spend(c: &mut AnyConnection, id: Uuid, ra_profile: Uuid, now: OffsetDateTime) -> Result<bool, Failure> {
    let usable = challenges::table
        .find(bytes(&id))
        .filter(challenges::ra_profile.eq(bytes(&ra_profile)))
        .filter(challenges::used_at.is_null())
        .filter(challenges::revoked_at.is_null())
        .filter(challenges::mismatches.lt(i64::from(MOST_MISMATCHES)))
        .filter(challenges::expires_at.gt(micros(now)));
    Ok(diesel::update(usable).set(challenges::used_at.eq(Some(micros(now)))).execute(c)? == 1)
}
