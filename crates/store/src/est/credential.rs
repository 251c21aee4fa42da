//! Users and codes.

use chancery_core::{StoreError, instant, micros};
use chancery_est::port::Spent;
use chancery_est::{EstCode, EstUser, Grant, MOST_MISMATCHES, PasswordHash};
use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::connection::AnyConnection;
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::{est_codes as codes, est_users as users};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
struct UserRow {
    id: Vec<u8>,
    ra_profile: Vec<u8>,
    name: String,
    salt: Vec<u8>,
    hash: Vec<u8>,
    /// JSON array; NULL is its own name only.
    names: Option<String>,
    uses: Option<i64>,
    used: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    created_at: i64,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = codes, treat_none_as_default_value = false)]
struct CodeRow {
    id: Vec<u8>,
    ra_profile: Vec<u8>,
    name: String,
    hash: Vec<u8>,
    mismatches: i64,
    /// JSON array; NULL is its own name only.
    names: Option<String>,
    uses: Option<i64>,
    used: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
    created_at: i64,
}

fn count(column: i64) -> Result<u32, StoreError> {
    u32::try_from(column).map_err(|error| row::unreadable("count", error))
}

macro_rules! read_grant {
    ($row:expr) => {
        Grant {
            id: row::id(&$row.id)?,
            ra_profile: row::id(&$row.ra_profile)?,
            name: $row.name,
            names: $row.names.as_deref().map(|names| row::from_text("name list", names)).transpose()?,
            uses: $row.uses.map(count).transpose()?,
            used: count($row.used)?,
            expires_at: $row.expires_at.map(instant),
            revoked_at: $row.revoked_at.map(instant),
            created_at: instant($row.created_at),
        }
    };
}

impl UserRow {
    fn of(user: &EstUser) -> Result<Self, StoreError> {
        let grant = &user.grant;
        Ok(Self {
            id: bytes(&grant.id),
            ra_profile: bytes(&grant.ra_profile),
            name: grant.name.clone(),
            salt: user.password.salt.to_vec(),
            hash: user.password.hash.to_vec(),
            names: grant.names.as_ref().map(row::to_text).transpose()?,
            uses: grant.uses.map(i64::from),
            used: i64::from(grant.used),
            expires_at: grant.expires_at.map(micros),
            revoked_at: grant.revoked_at.map(micros),
            created_at: micros(grant.created_at),
        })
    }

    fn read(self) -> Result<EstUser, StoreError> {
        let salt = self.salt.as_slice().try_into().map_err(|error| row::unreadable("salt", error))?;
        let password = PasswordHash { salt, hash: row::hash(&self.hash)? };
        Ok(EstUser { grant: read_grant!(self), password })
    }
}

impl CodeRow {
    fn of(code: &EstCode) -> Result<Self, StoreError> {
        let grant = &code.grant;
        Ok(Self {
            id: bytes(&grant.id),
            ra_profile: bytes(&grant.ra_profile),
            name: grant.name.clone(),
            hash: code.hash.to_vec(),
            mismatches: i64::from(code.mismatches),
            names: grant.names.as_ref().map(row::to_text).transpose()?,
            uses: grant.uses.map(i64::from),
            used: i64::from(grant.used),
            expires_at: grant.expires_at.map(micros),
            revoked_at: grant.revoked_at.map(micros),
            created_at: micros(grant.created_at),
        })
    }

    fn read(self) -> Result<EstCode, StoreError> {
        let (hash, mismatches) = (row::hash(&self.hash)?, count(self.mismatches)?);
        Ok(EstCode { grant: read_grant!(self), hash, mismatches })
    }
}

/// A new user.
pub(super) fn create_user(c: &mut AnyConnection, user: &EstUser) -> Result<(), Failure> {
    diesel::insert_into(users::table).values(UserRow::of(user)?).execute(c)?;
    Ok(())
}

/// The user of that name who is not revoked.
pub(super) fn user(c: &mut AnyConnection, ra_profile: Uuid, name: &str) -> Result<Option<EstUser>, Failure> {
    let named = users::table.filter(users::ra_profile.eq(bytes(&ra_profile))).filter(users::name.eq(name));
    let row: Option<UserRow> =
        named.filter(users::revoked_at.is_null()).select(UserRow::as_select()).first(c).optional()?;
    Ok(row.map(UserRow::read).transpose()?)
}

/// All users, newest first.
pub(super) fn users(c: &mut AnyConnection) -> Result<Vec<EstUser>, Failure> {
    let rows: Vec<UserRow> = users::table.order(users::id.desc()).select(UserRow::as_select()).load(c)?;
    Ok(rows.into_iter().map(UserRow::read).collect::<Result<_, _>>()?)
}

/// Revoke a user that is not.
pub(super) fn revoke_user(c: &mut AnyConnection, id: Uuid, at: OffsetDateTime) -> Result<bool, Failure> {
    let live = users::table.find(bytes(&id)).filter(users::revoked_at.is_null());
    Ok(diesel::update(live).set(users::revoked_at.eq(Some(micros(at)))).execute(c)? == 1)
}

/// A new code.
pub(super) fn create_code(c: &mut AnyConnection, code: &EstCode) -> Result<(), Failure> {
    diesel::insert_into(codes::table).values(CodeRow::of(code)?).execute(c)?;
    Ok(())
}

/// The code of that hash.
pub(super) fn code(c: &mut AnyConnection, hash: &[u8; 32]) -> Result<Option<EstCode>, Failure> {
    let row: Option<CodeRow> =
        codes::table.filter(codes::hash.eq(hash.as_slice())).select(CodeRow::as_select()).first(c).optional()?;
    Ok(row.map(CodeRow::read).transpose()?)
}

/// All codes, newest first.
pub(super) fn codes(c: &mut AnyConnection) -> Result<Vec<EstCode>, Failure> {
    let rows: Vec<CodeRow> = codes::table.order(codes::id.desc()).select(CodeRow::as_select()).load(c)?;
    Ok(rows.into_iter().map(CodeRow::read).collect::<Result<_, _>>()?)
}

/// Revoke a code that is not.
pub(super) fn revoke_code(c: &mut AnyConnection, id: Uuid, at: OffsetDateTime) -> Result<bool, Failure> {
    let live = codes::table.find(bytes(&id)).filter(codes::revoked_at.is_null());
    Ok(diesel::update(live).set(codes::revoked_at.eq(Some(micros(at)))).execute(c)? == 1)
}

/// Count a wrong request.
pub(super) fn mismatch(c: &mut AnyConnection, id: Uuid) -> Result<(), Failure> {
    diesel::update(codes::table.find(bytes(&id))).set(codes::mismatches.eq(codes::mismatches + 1)).execute(c)?;
    Ok(())
}

/// Count a use; false when it has none left, is revoked, over or locked.
pub(super) fn spend(c: &mut AnyConnection, spent: Spent, now: OffsetDateTime) -> Result<bool, Failure> {
    let now = Some(micros(now));
    Ok(match spent {
        Spent::User(id) => {
            let usable = users::table
                .find(bytes(&id))
                .filter(users::revoked_at.is_null())
                .filter(users::expires_at.is_null().or(users::expires_at.gt(now)))
                .filter(users::uses.is_null().or(users::uses.gt(users::used.nullable())));
            diesel::update(usable).set(users::used.eq(users::used + 1)).execute(c)? == 1
        }
        Spent::Code(id) => {
            let usable = codes::table
                .find(bytes(&id))
                .filter(codes::revoked_at.is_null())
                .filter(codes::mismatches.lt(i64::from(MOST_MISMATCHES)))
                .filter(codes::expires_at.is_null().or(codes::expires_at.gt(now)))
                .filter(codes::uses.is_null().or(codes::uses.gt(codes::used.nullable())));
            diesel::update(usable).set(codes::used.eq(codes::used + 1)).execute(c)? == 1
        }
    })
}
