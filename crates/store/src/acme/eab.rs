//! Keys for external account binding.

use chancery_acme::{DirectoryId, EabKey};
use chancery_core::{StoreError, instant, micros};
use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::connection::AnyConnection;
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::acme_eab_keys as keys;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = keys, treat_none_as_default_value = false)]
struct KeyRow {
    id: Vec<u8>,
    ra_profile: Vec<u8>,
    description: String,
    sealed: Vec<u8>,
    /// JSON array; NULL is whatever the profile allows.
    names: Option<String>,
    uses: Option<i64>,
    used: i64,
    quota: Option<i64>,
    issued: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    created_at: i64,
    acme_profile: Option<Vec<u8>>,
}

impl KeyRow {
    fn of(key: &EabKey) -> Result<Self, StoreError> {
        Ok(Self {
            id: bytes(&key.id),
            ra_profile: bytes(&key.ra_profile),
            description: key.description.clone(),
            sealed: key.sealed.clone(),
            names: key.names.as_ref().map(row::to_text).transpose()?,
            uses: key.uses.map(i64::from),
            used: i64::from(key.used),
            quota: key.quota.map(i64::from),
            issued: i64::from(key.issued),
            expires_at: key.expires_at.map(micros),
            revoked_at: key.revoked_at.map(micros),
            created_at: micros(key.created_at),
            acme_profile: key.acme_profile.as_ref().map(bytes),
        })
    }

    fn read(self) -> Result<EabKey, StoreError> {
        let count = |column: i64| u32::try_from(column).map_err(|error| row::unreadable("count", error));
        Ok(EabKey {
            id: row::id(&self.id)?,
            ra_profile: row::id(&self.ra_profile)?,
            acme_profile: row::optional_id(self.acme_profile)?,
            description: self.description,
            sealed: self.sealed,
            names: self.names.as_deref().map(|names| row::from_text("name list", names)).transpose()?,
            uses: self.uses.map(count).transpose()?,
            used: count(self.used)?,
            quota: self.quota.map(count).transpose()?,
            issued: count(self.issued)?,
            expires_at: self.expires_at.map(instant),
            revoked_at: self.revoked_at.map(instant),
            created_at: instant(self.created_at),
        })
    }
}

/// A new one.
pub(super) fn create(c: &mut AnyConnection, key: &EabKey) -> Result<(), Failure> {
    diesel::insert_into(keys::table).values(KeyRow::of(key)?).execute(c)?;
    Ok(())
}

/// One by its id.
pub(super) fn find(c: &mut AnyConnection, id: Uuid) -> Result<Option<EabKey>, Failure> {
    let row: Option<KeyRow> = keys::table.find(bytes(&id)).select(KeyRow::as_select()).first(c).optional()?;
    Ok(row.map(KeyRow::read).transpose()?)
}

/// All, newest first.
pub(super) fn list(c: &mut AnyConnection) -> Result<Vec<EabKey>, Failure> {
    let rows: Vec<KeyRow> = keys::table.order(keys::id.desc()).select(KeyRow::as_select()).load(c)?;
    Ok(rows.into_iter().map(KeyRow::read).collect::<Result<_, _>>()?)
}

/// Revoke one that is not.
pub(super) fn revoke(c: &mut AnyConnection, id: Uuid, at: OffsetDateTime) -> Result<bool, Failure> {
    let live = keys::table.find(bytes(&id)).filter(keys::revoked_at.is_null());
    Ok(diesel::update(live).set(keys::revoked_at.eq(Some(micros(at)))).execute(c)? == 1)
}

/// Count an account that is bound with it; false when it may bind no more.
pub(super) fn use_once(
    c: &mut AnyConnection,
    id: Uuid,
    directory: DirectoryId,
    now: OffsetDateTime,
) -> Result<bool, Failure> {
    let usable = keys::table
        .find(bytes(&id))
        .filter(keys::ra_profile.eq(bytes(&directory.ra_profile)))
        .filter(keys::acme_profile.is_null().or(keys::acme_profile.eq(Some(bytes(&directory.acme_profile)))))
        .filter(keys::revoked_at.is_null())
        .filter(keys::expires_at.is_null().or(keys::expires_at.gt(Some(micros(now)))))
        .filter(keys::uses.is_null().or(keys::uses.gt(keys::used.nullable())));
    Ok(diesel::update(usable).set(keys::used.eq(keys::used + 1)).execute(c)? == 1)
}

/// Whether it is neither revoked nor over.
pub(super) fn stands(c: &mut AnyConnection, id: Uuid, now: i64) -> Result<bool, Failure> {
    let found: Option<Vec<u8>> = keys::table
        .find(bytes(&id))
        .filter(keys::revoked_at.is_null())
        .filter(keys::expires_at.is_null().or(keys::expires_at.gt(Some(now))))
        .select(keys::id)
        .first(c)
        .optional()?;
    Ok(found.is_some())
}

/// Count a certificate; false when the quota is reached, or the key is revoked or over.
pub(super) fn count_issued(c: &mut AnyConnection, id: Uuid, now: i64) -> Result<bool, Failure> {
    let left = keys::table
        .find(bytes(&id))
        .filter(keys::revoked_at.is_null())
        .filter(keys::expires_at.is_null().or(keys::expires_at.gt(Some(now))))
        .filter(keys::quota.is_null().or(keys::quota.gt(keys::issued.nullable())));
    Ok(diesel::update(left).set(keys::issued.eq(keys::issued + 1)).execute(c)? == 1)
}
