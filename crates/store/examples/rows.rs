//! How fast the row set of issuances goes into a database: `rows URL [SECONDS [CLIENTS]]`, on an empty database.

use std::time::Duration;

use chancery_store::bench::{Shape, issue_rate_at};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("usage: rows URL [SECONDS [CLIENTS]]")?;
    let seconds = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let clients = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let shape = Shape { clients, ..Shape::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rate = runtime.block_on(issue_rate_at(&url, shape, Duration::from_secs(seconds)))?;
    println!(
        "{} issuances and {} rows in {:.2} s: {:.0} issuances/s, {:.0} rows/s",
        rate.issued,
        rate.rows,
        rate.elapsed.as_secs_f64(),
        rate.per_second(),
        rate.rows as f64 / rate.elapsed.as_secs_f64(),
    );
    Ok(())
}
