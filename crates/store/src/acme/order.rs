//! Orders.

use std::collections::HashMap;

use chancery_acme::AuthorizationStatus::Pending;
use chancery_acme::port::{OrderCounts, Ordered, Unfinished};
use chancery_acme::{
    AccountStatus, Authorization, Order, OrderStatus, Problem, ProblemType, StoredOrderStatus as Status,
};
use chancery_core::{StoreError, instant, micros};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use time::OffsetDateTime;
use uuid::Uuid;

use super::authorization;
use super::code::Code;
use crate::connection::{AnyConnection, each};
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::{acme_accounts as accounts, acme_orders as orders, certificates};

/// How many orders other transactions may be making at the same time: nearer than this to its limit, an account makes
/// them one after the other.
const RACING: i64 = 512;

/// Literals, not parameters: only then are the partial indexes usable.
const OPEN: &str = "acme_orders.status = 'open'";
const STANDS: &str = "acme_orders.status <> 'invalid'";

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = orders, treat_none_as_default_value = false)]
struct OrderRow {
    id: Vec<u8>,
    account: Vec<u8>,
    status: String,
    ra_profile: Vec<u8>,
    profile: Option<String>,
    /// JSON array.
    identifiers: String,
    /// Ids one after the other.
    authorizations: Vec<u8>,
    not_before: Option<i64>,
    not_after: Option<i64>,
    expires_at: i64,
    /// JSON.
    error: Option<String>,
    certificate: Option<Vec<u8>>,
    replaces: Option<Vec<u8>>,
    created_at: i64,
    ends_at: Option<i64>,
}

/// A list of ids as its column keeps it.
pub(super) fn ids(list: &[Uuid]) -> Vec<u8> {
    list.iter().flat_map(Uuid::as_bytes).copied().collect()
}

impl OrderRow {
    fn of(order: &Order) -> Result<Self, StoreError> {
        Ok(Self {
            id: bytes(&order.id),
            account: bytes(&order.account),
            status: order.status.code().to_owned(),
            ra_profile: bytes(&order.ra_profile),
            profile: order.profile.clone(),
            identifiers: row::to_text(&order.identifiers)?,
            authorizations: ids(&order.authorizations),
            not_before: order.not_before.map(micros),
            not_after: order.not_after.map(micros),
            expires_at: micros(order.expires_at),
            error: order.error.as_ref().map(row::to_text).transpose()?,
            certificate: order.certificate.as_ref().map(bytes),
            replaces: order.replaces.as_ref().map(bytes),
            created_at: micros(order.created_at),
            ends_at: Some(micros(order.expires_at)),
        })
    }

    fn read(self) -> Result<Order, StoreError> {
        Ok(Order {
            id: row::id(&self.id)?,
            account: row::id(&self.account)?,
            status: Status::read(&self.status)?,
            ra_profile: row::id(&self.ra_profile)?,
            profile: self.profile,
            identifiers: row::from_text("identifier list", &self.identifiers)?,
            authorizations: self.authorizations.chunks(16).map(row::id).collect::<Result<_, _>>()?,
            not_before: self.not_before.map(instant),
            not_after: self.not_after.map(instant),
            expires_at: instant(self.expires_at),
            error: self.error.as_deref().map(|error| row::from_text("order's error", error)).transpose()?,
            certificate: row::optional_id(self.certificate)?,
            replaces: row::optional_id(self.replaces)?,
            created_at: instant(self.created_at),
        })
    }
}

/// How many unexpired open orders an account has; none when it may make no orders.
fn open_orders(c: &mut AnyConnection, account: Uuid, now: i64) -> QueryResult<Option<i64>> {
    let open = orders::table
        .filter(orders::account.eq(bytes(&account)))
        .filter(sql::<Bool>(OPEN))
        .filter(orders::expires_at.gt(now))
        .count();
    accounts::table
        .find(bytes(&account))
        .filter(accounts::status.eq(AccountStatus::Valid.code()))
        .filter(accounts::disabled.eq(0))
        .select(open.single_value())
        .first::<Option<i64>>(c)
        .optional()
        .map(|found| found.map(Option::unwrap_or_default))
}

/// A new order with its new authorizations.
pub(super) fn create(
    c: &mut AnyConnection,
    order: &Order,
    new_authorizations: &[Authorization],
    most: Unfinished,
) -> Result<Ordered, Failure> {
    let now = micros(order.created_at);
    let most_pending = i64::from(most.authorizations);
    let most = i64::from(most.orders);
    let added =
        i64::try_from(new_authorizations.iter().filter(|new| new.status == Pending).count()).unwrap_or(i64::MAX);
    let Some(mut open) = open_orders(c, order.account, now)? else { return Ok(Ordered::AccountEnded) };
    let mut pending = if added > 0 { authorization::count_pending(c, order.account, now)? } else { 0 };
    if (open + RACING >= most || added > 0 && pending + added + RACING >= most_pending)
        && let AnyConnection::Postgres(c2) = c
    {
        accounts::table.find(bytes(&order.account)).for_update().select(accounts::id).first::<Vec<u8>>(c2)?;
        let Some(counted) = open_orders(c, order.account, now)? else { return Ok(Ordered::AccountEnded) };
        open = counted;
        pending = if added > 0 { authorization::count_pending(c, order.account, now)? } else { 0 };
    }
    if open >= most {
        return Ok(Ordered::TooMany(u32::try_from(open).unwrap_or(u32::MAX)));
    }
    if added > 0 && pending + added > most_pending {
        return Ok(Ordered::TooManyPending);
    }
    if let Some(certificate) = order.replaces {
        make_way(c, certificate, order.created_at)?;
    }
    let row = OrderRow::of(order)?;
    let made = each!(c, c => diesel::insert_into(orders::table).values(&row).on_conflict_do_nothing().execute(c))? == 1;
    if !made {
        return Ok(Ordered::AlreadyReplaced);
    }
    authorization::insert(c, new_authorizations)?;
    Ok(Ordered::New)
}

/// The order that is not invalid as stored and replaces a certificate: the index lets there be one.
fn replacing(c: &mut AnyConnection, certificate: Uuid) -> Result<Option<(Order, Vec<Authorization>)>, Failure> {
    let row: Option<OrderRow> = orders::table
        .filter(orders::replaces.eq(Some(bytes(&certificate))))
        .filter(sql::<Bool>(STANDS))
        .select(OrderRow::as_select())
        .first(c)
        .optional()?;
    row.map(|row| with_authorizations(c, row.read()?)).transpose()
}

/// An order that is invalid by time or by its authorizations gives up what it replaces: from now on it is so as stored.
fn make_way(c: &mut AnyConnection, certificate: Uuid, now: OffsetDateTime) -> Result<(), Failure> {
    if let Some((order, authorizations)) = replacing(c, certificate)?
        && order.status_at(&authorizations, now) == OrderStatus::Invalid
    {
        let why = Problem::new(ProblemType::Malformed, "the order expired, or one of its authorizations did not hold");
        fail(c, order.id, &why)?;
    }
    Ok(())
}

/// Whether an order that is not invalid at this instant replaces a certificate.
pub(super) fn is_replaced(c: &mut AnyConnection, certificate: Uuid, at: OffsetDateTime) -> Result<bool, Failure> {
    let found = replacing(c, certificate)?;
    Ok(found.is_some_and(|(order, authorizations)| order.status_at(&authorizations, at) != OrderStatus::Invalid))
}

fn with_authorizations(c: &mut AnyConnection, order: Order) -> Result<(Order, Vec<Authorization>), Failure> {
    let authorizations = authorization::find_all(c, &order.authorizations)?;
    Ok((order, authorizations))
}

/// One with its authorizations.
pub(super) fn find(c: &mut AnyConnection, id: Uuid) -> Result<Option<(Order, Vec<Authorization>)>, Failure> {
    let row: Option<OrderRow> = orders::table.find(bytes(&id)).select(OrderRow::as_select()).first(c).optional()?;
    row.map(|row| with_authorizations(c, row.read()?)).transpose()
}

/// The one by which a certificate was issued.
pub(super) fn of_certificate(c: &mut AnyConnection, certificate: Uuid) -> Result<Option<Order>, Failure> {
    let row: Option<OrderRow> = orders::table
        .filter(orders::certificate.eq(Some(bytes(&certificate))))
        .select(OrderRow::as_select())
        .first(c)
        .optional()?;
    Ok(row.map(OrderRow::read).transpose()?)
}

/// A page of an account's, newest first, without those that came to nothing.
pub(super) fn list(
    c: &mut AnyConnection,
    account: Uuid,
    now: OffsetDateTime,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Uuid>, Failure> {
    let mut wanted = orders::table
        .filter(orders::account.eq(bytes(&account)))
        .filter(orders::status.ne(Status::Invalid.code()))
        .filter(orders::status.ne(Status::Open.code()).or(orders::expires_at.gt(micros(now))))
        .into_boxed();
    if let Some(after) = after {
        wanted = wanted.filter(orders::id.lt(bytes(&after)));
    }
    let rows: Vec<Vec<u8>> = wanted.order(orders::id.desc()).limit(i64::from(limit)).select(orders::id).load(c)?;
    Ok(rows.iter().map(|id| row::id(id)).collect::<Result<_, _>>()?)
}

/// How many of each status these accounts have.
pub(super) fn counts(c: &mut AnyConnection, of: &[Uuid]) -> Result<HashMap<Uuid, OrderCounts>, Failure> {
    let rows: Vec<(Vec<u8>, String, i64)> = orders::table
        .filter(orders::account.eq_any(of.iter().map(bytes).collect::<Vec<_>>()))
        .group_by((orders::account, orders::status))
        .select((orders::account, orders::status, diesel::dsl::count_star()))
        .load(c)?;
    let mut all: HashMap<Uuid, OrderCounts> = HashMap::new();
    for (account, status, count) in rows {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let counts = all.entry(row::id(&account)?).or_default();
        match Status::read(&status)? {
            Status::Open => counts.open = count,
            Status::Processing => counts.processing = count,
            Status::Valid => counts.valid = count,
            Status::Invalid => counts.invalid = count,
        }
    }
    Ok(all)
}

/// Give up one that is not finished.
pub(super) fn fail(c: &mut AnyConnection, id: Uuid, error: &Problem) -> Result<bool, Failure> {
    let unfinished =
        orders::table.find(bytes(&id)).filter(orders::status.eq_any([Status::Open.code(), Status::Processing.code()]));
    let failed = diesel::update(unfinished)
        .set((
            orders::status.eq(Status::Invalid.code()),
            orders::error.eq(Some(row::to_text(error)?)),
            orders::ends_at.eq(orders::created_at.nullable()),
        ))
        .execute(c)?;
    Ok(failed == 1)
}

/// Give up every open one of an account.
pub(super) fn fail_open(c: &mut AnyConnection, account: Uuid, error: &Problem) -> Result<(), Failure> {
    let open = orders::table
        .filter(orders::account.eq(bytes(&account)))
        .filter(sql::<Bool>(OPEN))
        // True of every order: without it SQLite takes the index over all open orders, not the one over the account's.
        .filter(orders::expires_at.gt(0));
    diesel::update(open)
        .set((
            orders::status.eq(Status::Invalid.code()),
            orders::error.eq(Some(row::to_text(error)?)),
            orders::ends_at.eq(orders::created_at.nullable()),
        ))
        .execute(c)?;
    Ok(())
}

/// Give up every processing one of an account.
pub(super) fn fail_processing(c: &mut AnyConnection, account: Uuid, error: &Problem) -> Result<(), Failure> {
    let processing =
        orders::table.filter(orders::account.eq(bytes(&account))).filter(orders::status.eq(Status::Processing.code()));
    diesel::update(processing)
        .set((
            orders::status.eq(Status::Invalid.code()),
            orders::error.eq(Some(row::to_text(error)?)),
            orders::ends_at.eq(orders::created_at.nullable()),
        ))
        .execute(c)?;
    Ok(())
}

/// A processing one has its certificate.
pub(super) fn complete(c: &mut AnyConnection, id: Uuid) -> Result<bool, Failure> {
    let processing = orders::table.find(bytes(&id)).filter(orders::status.eq(Status::Processing.code()));
    let Some(certificate) = processing.select(orders::certificate).first::<Option<Vec<u8>>>(c).optional()?.flatten()
    else {
        return Ok(false);
    };
    let end = certificates::table.filter(certificates::id.eq(certificate)).select(certificates::not_after);
    let processing = orders::table.find(bytes(&id)).filter(orders::status.eq(Status::Processing.code()));
    let completed = diesel::update(processing)
        .set((orders::status.eq(Status::Valid.code()), orders::ends_at.eq(end.single_value())))
        .execute(c)?;
    Ok(completed == 1)
}
