//! ACME orders in a database: `orders URL fill COUNT` adds finished ones (stop its server first), `orders URL rate
//! [SECONDS [CLIENTS]]` tells how fast whole orders' rows go in.

use std::time::Duration;

use chancery_store::bench::{Shape, fill_orders, order_rate_at};

const USAGE: &str = "usage: orders URL fill COUNT | orders URL rate [SECONDS [CLIENTS]]";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [url, "fill", count] => {
            let made = runtime.block_on(fill_orders(url, Shape::default(), count.parse()?))?;
            println!("{made} orders added");
        }
        [url, "rate", ref rest @ ..] => {
            let seconds = rest.first().map_or(Ok(10), |text| text.parse())?;
            let clients = rest.get(1).map_or(Ok(64), |text| text.parse())?;
            let shape = Shape { clients, ..Shape::default() };
            let rate = runtime.block_on(order_rate_at(url, shape, Duration::from_secs(seconds)))?;
            println!(
                "{} orders and {} rows in {:.2} s: {:.0} orders/s",
                rate.issued,
                rate.rows,
                rate.elapsed.as_secs_f64(),
                rate.per_second(),
            );
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}
