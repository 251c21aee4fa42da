//! Authorizations with their challenges.

use std::collections::HashMap;

use chancery_acme::port::Settled;
use chancery_acme::{Authorization, AuthorizationStatus as Status, Challenge, ChallengeStatus, Identifier};
use chancery_core::{StoreError, instant, micros};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use time::OffsetDateTime;
use uuid::Uuid;

use super::code::Code;
use crate::connection::AnyConnection;
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::acme_authorizations as authorizations;

/// The most that a look for usable ones reads: an account that has more of one name asks for them one by one.
const USABLE: i64 = 1_000;
/// A literal, not parameters: only then is the partial index usable.
const LIVE: &str = "acme_authorizations.status IN ('pending', 'valid')";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = authorizations, treat_none_as_default_value = false)]
struct AuthorizationRow {
    id: Vec<u8>,
    account: Vec<u8>,
    /// Type and value with a colon between.
    identifier: String,
    wildcard: i32,
    subdomains: i32,
    status: String,
    expires_at: i64,
    /// JSON array.
    challenges: String,
    attempt_at: Option<i64>,
    caa_checked_at: Option<i64>,
    created_at: i64,
    ends_at: i64,
}

impl AuthorizationRow {
    fn of(authorization: &Authorization) -> Result<Self, StoreError> {
        Ok(Self {
            id: bytes(&authorization.id),
            account: bytes(&authorization.account),
            identifier: authorization.identifier.to_string(),
            wildcard: i32::from(authorization.wildcard),
            subdomains: i32::from(authorization.subdomains),
            status: authorization.status.code().to_owned(),
            expires_at: micros(authorization.expires_at),
            challenges: row::to_text(&authorization.challenges)?,
            attempt_at: authorization.attempt_at.map(micros),
            caa_checked_at: authorization.caa_checked_at.map(micros),
            created_at: micros(authorization.created_at),
            ends_at: ends_at(authorization.status, authorization.expires_at, authorization.created_at),
        })
    }

    fn read(self) -> Result<Authorization, StoreError> {
        Ok(Authorization {
            id: row::id(&self.id)?,
            account: row::id(&self.account)?,
            identifier: identifier(&self.identifier)?,
            wildcard: self.wildcard != 0,
            subdomains: self.subdomains != 0,
            status: Status::read(&self.status)?,
            expires_at: instant(self.expires_at),
            challenges: row::from_text("challenge list", &self.challenges)?,
            attempt_at: self.attempt_at.map(instant),
            caa_checked_at: self.caa_checked_at.map(instant),
            created_at: instant(self.created_at),
        })
    }
}

/// When nobody needs the row any more: at its end, and what came to nothing from the beginning.
fn ends_at(status: Status, expires_at: OffsetDateTime, created_at: OffsetDateTime) -> i64 {
    micros(match status {
        Status::Pending | Status::Valid => expires_at,
        Status::Invalid | Status::Deactivated | Status::Expired | Status::Revoked => created_at,
    })
}

fn identifier(column: &str) -> Result<Identifier, StoreError> {
    let unreadable = || row::unreadable("identifier", column);
    let (kind, value) = column.split_once(':').ok_or_else(unreadable)?;
    Ok(match kind {
        "dns" => Identifier::Dns(value.to_owned()),
        "ip" => Identifier::Ip(row::code("identifier", value)?),
        "permanent-identifier" => Identifier::PermanentIdentifier(value.to_owned()),
        "hardware-module" => Identifier::HardwareModule(value.to_owned()),
        _ => return Err(unreadable()),
    })
}

fn read_all(rows: Vec<AuthorizationRow>) -> Result<Vec<Authorization>, Failure> {
    Ok(rows.into_iter().map(AuthorizationRow::read).collect::<Result<_, _>>()?)
}

/// New ones: single rows for SQLite, whose prepared statement is kept; one statement for PostgreSQL, where each costs a
/// round trip.
pub(super) fn insert(c: &mut AnyConnection, new: &[Authorization]) -> Result<(), Failure> {
    let rows: Vec<_> = new.iter().map(AuthorizationRow::of).collect::<Result<_, _>>()?;
    match c {
        AnyConnection::Sqlite(c) => {
            for row in rows {
                diesel::insert_into(authorizations::table).values(row).execute(c)?;
            }
        }
        AnyConnection::Postgres(_) if rows.is_empty() => {}
        AnyConnection::Postgres(c) => {
            diesel::insert_into(authorizations::table).values(&rows).execute(c)?;
        }
    }
    Ok(())
}

/// How many an account has that are pending and not over.
pub(super) fn count_pending(c: &mut AnyConnection, account: Uuid, now: i64) -> QueryResult<i64> {
    authorizations::table
        .filter(authorizations::account.eq(bytes(&account)))
        // A literal, as above.
        .filter(sql::<Bool>("acme_authorizations.status = 'pending'"))
        .filter(authorizations::expires_at.gt(now))
        .count()
        .get_result(c)
}

/// A new one, unless the account would have too many pending ones. Parallel calls may go beyond by as many as they are.
pub(super) fn create(c: &mut AnyConnection, new: &Authorization, most: u32) -> Result<bool, Failure> {
    if new.status == Status::Pending && count_pending(c, new.account, micros(new.created_at))? >= i64::from(most) {
        return Ok(false);
    }
    insert(c, std::slice::from_ref(new))?;
    Ok(true)
}

/// One by its id.
pub(super) fn find(c: &mut AnyConnection, id: Uuid) -> Result<Option<Authorization>, Failure> {
    let row: Option<AuthorizationRow> =
        authorizations::table.find(bytes(&id)).select(AuthorizationRow::as_select()).first(c).optional()?;
    Ok(row.map(AuthorizationRow::read).transpose()?)
}

/// Those that are there.
pub(super) fn find_all(c: &mut AnyConnection, ids: &[Uuid]) -> Result<Vec<Authorization>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    read_all(
        authorizations::table
            .filter(authorizations::id.eq_any(ids.iter().map(bytes).collect::<Vec<_>>()))
            .select(AuthorizationRow::as_select())
            .load(c)?,
    )
}

/// Pending and valid ones of an account for any of these identifiers, those that hold longest first.
pub(super) fn usable(
    c: &mut AnyConnection,
    account: Uuid,
    identifiers: &[Identifier],
    at: OffsetDateTime,
) -> Result<Vec<Authorization>, Failure> {
    let identifiers: Vec<String> = identifiers.iter().map(ToString::to_string).collect();
    read_all(
        authorizations::table
            .filter(authorizations::account.eq(bytes(&account)))
            .filter(authorizations::identifier.eq_any(identifiers))
            .filter(authorizations::expires_at.gt(micros(at)))
            .filter(sql::<Bool>(LIVE))
            .order(authorizations::expires_at.desc())
            .limit(USABLE)
            .select(AuthorizationRow::as_select())
            .load(c)?,
    )
}

/// One that is pending, so that nobody changes it before the commit.
fn pending(c: &mut AnyConnection, id: Uuid) -> Result<Option<Authorization>, Failure> {
    let row = authorizations::table
        .find(bytes(&id))
        .filter(authorizations::status.eq(Status::Pending.code()))
        .select(authorizations::all_columns);
    let row: Option<AuthorizationRow> = match c {
        AnyConnection::Sqlite(c) => row.first(c).optional()?,
        AnyConnection::Postgres(c) => row.for_update().first(c).optional()?,
    };
    Ok(row.map(AuthorizationRow::read).transpose()?)
}

/// Put a challenge in the place of the one of its type; false when there is none.
fn replace(authorization: &mut Authorization, challenge: &Challenge) -> bool {
    let place = authorization.challenges.iter_mut().find(|known| known.kind == challenge.kind);
    place.map(|known| known.clone_from(challenge)).is_some()
}

/// A pending challenge becomes processing: of many parallel calls one finds them all pending.
pub(super) fn begin(
    c: &mut AnyConnection,
    id: Uuid,
    challenge: &Challenge,
    now: OffsetDateTime,
    attempt_at: OffsetDateTime,
) -> Result<bool, Failure> {
    let Some(mut authorization) = pending(c, id)? else { return Ok(false) };
    let untouched = authorization.challenges.iter().all(|known| known.status == ChallengeStatus::Pending);
    if authorization.expires_at <= now || !untouched || !replace(&mut authorization, challenge) {
        return Ok(false);
    }
    diesel::update(authorizations::table.find(bytes(&id)))
        .set((
            authorizations::challenges.eq(row::to_text(&authorization.challenges)?),
            authorizations::attempt_at.eq(Some(micros(attempt_at))),
        ))
        .execute(c)?;
    Ok(true)
}

/// How an attempt ended.
pub(super) fn settle(c: &mut AnyConnection, id: Uuid, settled: &Settled) -> Result<bool, Failure> {
    let Some(mut authorization) = pending(c, id)? else { return Ok(false) };
    let known = authorization.challenges.iter().find(|known| known.kind == settled.challenge.kind);
    // The outcome of an attempt that another overtook is none any more, nor is that of one that took too long.
    let next = known.is_some_and(|known| known.attempts + 1 == settled.challenge.attempts);
    if !next || authorization.expires_at <= settled.at || !replace(&mut authorization, &settled.challenge) {
        return Ok(false);
    }
    let expires_at = settled.expires_at.unwrap_or(authorization.expires_at);
    let caa_checked_at = settled.caa_checked_at.or(authorization.caa_checked_at);
    diesel::update(authorizations::table.find(bytes(&id)))
        .set((
            authorizations::status.eq(settled.status.code()),
            authorizations::challenges.eq(row::to_text(&authorization.challenges)?),
            authorizations::expires_at.eq(micros(expires_at)),
            authorizations::attempt_at.eq(settled.attempt_at.map(micros)),
            authorizations::caa_checked_at.eq(caa_checked_at.map(micros)),
            authorizations::ends_at.eq(ends_at(settled.status, expires_at, authorization.created_at)),
        ))
        .execute(c)?;
    Ok(true)
}

/// CAA was asked again.
pub(super) fn caa_checked(c: &mut AnyConnection, ids: &[Uuid], at: OffsetDateTime) -> Result<(), Failure> {
    let asked = authorizations::table.filter(authorizations::id.eq_any(ids.iter().map(bytes).collect::<Vec<_>>()));
    diesel::update(asked).set(authorizations::caa_checked_at.eq(Some(micros(at)))).execute(c)?;
    Ok(())
}

/// Give up one that is pending or valid.
pub(super) fn deactivate(c: &mut AnyConnection, id: Uuid) -> Result<bool, Failure> {
    let live = authorizations::table.find(bytes(&id)).filter(sql::<Bool>(LIVE));
    let deactivated = diesel::update(live)
        .set((
            authorizations::status.eq(Status::Deactivated.code()),
            authorizations::attempt_at.eq(None::<i64>),
            authorizations::ends_at.eq(authorizations::created_at),
        ))
        .execute(c)?;
    Ok(deactivated == 1)
}

/// Give up all of an account's.
pub(super) fn deactivate_all(c: &mut AnyConnection, account: Uuid) -> Result<(), Failure> {
    let live = authorizations::table.filter(authorizations::account.eq(bytes(&account))).filter(sql::<Bool>(LIVE));
    diesel::update(live)
        .set((
            authorizations::status.eq(Status::Deactivated.code()),
            authorizations::attempt_at.eq(None::<i64>),
            authorizations::ends_at.eq(authorizations::created_at),
        ))
        .execute(c)?;
    Ok(())
}

/// A look for what is due reads so many, those that have been due for longest: the others come up as these go.
const WINDOW: i64 = 4_096;

/// Whose attempt was due before `now`, of each account its first before the second of any. Read, not written, so that nobody
/// waits for a look however much is due; [`claim`] takes them.
pub(super) fn due(
    c: &mut AnyConnection,
    now: OffsetDateTime,
    limit: u32,
    except: &[Uuid],
) -> Result<Vec<Vec<u8>>, Failure> {
    let oldest: Vec<(Vec<u8>, Vec<u8>)> = authorizations::table
        .filter(authorizations::attempt_at.lt(Some(micros(now))))
        .filter(authorizations::status.eq(Status::Pending.code()))
        .filter(authorizations::expires_at.gt(micros(now)))
        .filter(authorizations::account.ne_all(except.iter().map(bytes).collect::<Vec<_>>()))
        .order(authorizations::attempt_at)
        .limit(WINDOW)
        .select((authorizations::account, authorizations::id))
        .load(c)?;
    let mut of_account: HashMap<Vec<u8>, usize> = HashMap::new();
    let turn = |(account, id)| {
        let turn = of_account.entry(account).or_default();
        *turn += 1;
        (*turn, id)
    };
    let mut turns: Vec<(usize, Vec<u8>)> = oldest.into_iter().map(turn).collect();
    // Stable: of one turn, who has been due for longest.
    turns.sort_by_key(|(turn, _)| *turn);
    Ok(turns.into_iter().map(|(_, id)| id).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
}

/// Take those of the chosen whose attempt nobody took meanwhile. On PostgreSQL several nodes take different ones at the same
/// time.
pub(super) fn claim(
    c: &mut AnyConnection,
    chosen: &[Vec<u8>],
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<Vec<Authorization>, Failure> {
    let due = authorizations::table
        .filter(authorizations::id.eq_any(chosen))
        .filter(authorizations::attempt_at.lt(Some(micros(now))))
        .filter(authorizations::status.eq(Status::Pending.code()))
        .select(authorizations::all_columns);
    let rows: Vec<AuthorizationRow> = match c {
        AnyConnection::Sqlite(c) => due.load(c)?,
        AnyConnection::Postgres(c) => due.for_update().skip_locked().load(c)?,
    };
    let claimed = rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    diesel::update(authorizations::table.filter(authorizations::id.eq_any(claimed)))
        .set(authorizations::attempt_at.eq(Some(micros(until))))
        .execute(c)?;
    let taken = rows.into_iter().map(|row| AuthorizationRow { attempt_at: Some(micros(until)), ..row }).collect();
    read_all(taken)
}
