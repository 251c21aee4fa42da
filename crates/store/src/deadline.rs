//! A time limit for SQLite's lists, which PostgreSQL has built in (`statement_timeout`): a function in the statement's
//! WHERE is asked for every row that is looked at, and says no to all that come after the end of the time. What is left
//! of the statement runs through at once, and its result is thrown away.

use std::cell::Cell;
use std::time::{Duration, Instant};

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::sql_types::Bool;
use diesel::{QueryResult, SqliteConnection};

use crate::connection::AnyConnection;

/// The clock is looked at once in so many rows.
const ROWS: u32 = 64;

thread_local! {
    /// SQLite calls back on the thread that runs the statement.
    static STATE: Cell<State> = const { Cell::new(State { until: None, late: false, rows: 0 }) };
}

#[derive(Clone, Copy)]
struct State {
    until: Option<Instant>,
    late: bool,
    rows: u32,
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// Whether the statement that asks is still within its time.
    fn chancery_in_time() -> Bool;
}

/// Make the function known to a connection that answers lists.
pub(crate) fn register(connection: &mut SqliteConnection) -> QueryResult<()> {
    chancery_in_time_utils::register_nondeterministic_impl(connection, in_time)
}

fn in_time() -> bool {
    let mut state = STATE.get();
    state.rows = state.rows.wrapping_add(1);
    if !state.late && state.rows.is_multiple_of(ROWS) {
        state.late = state.until.is_some_and(|until| Instant::now() > until);
    }
    STATE.set(state);
    !state.late
}

/// The condition, for a WHERE of its own or before others: it costs least there.
pub(crate) fn condition(connection: &AnyConnection) -> SqlLiteral<Bool> {
    sql(match connection {
        AnyConnection::Sqlite(_) => "chancery_in_time()",
        AnyConnection::Postgres(_) => "TRUE",
    })
}

/// Run `body` with a time limit for its statements on SQLite; `None` when they did not keep it.
pub(crate) fn limited<T>(limit: Duration, body: impl FnOnce() -> T) -> Option<T> {
    STATE.set(State { until: Some(Instant::now() + limit), late: false, rows: 0 });
    let value = body();
    let late = STATE.replace(State { until: None, late: false, rows: 0 }).late;
    (!late).then_some(value)
}
