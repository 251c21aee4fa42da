//! Lengths of time as ISO 8601 writes them, in units of fixed length.

use time::Duration;

/// Weeks, days, hours, minutes and seconds, in this order, at least one of them.
pub(super) const DURATION_PATTERN: &str = r"P(\d{1,5}W)?(\d{1,5}D)?(T(\d{1,6}H)?(\d{1,8}M)?(\d{1,9}S)?)?";
/// How to write one, for people.
pub(super) const DURATION_HELP: &str =
    "Write it like `P90D`, `P2W`, `PT12H` or `P1DT6H30M` (years and months have no fixed length: use days).";

/// Read `P90D` and its like; `None` for anything else, for zero, and beyond a hundred years.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let (days, clock) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some((days, clock)) => (days, clock),
        None => (text.strip_prefix('P')?, ""),
    };
    let days = units(days, &[('W', 7 * 86_400), ('D', 86_400)])?;
    let clock = units(clock, &[('H', 3600), ('M', 60), ('S', 1)])?;
    let seconds = days.checked_add(clock).filter(|seconds| (1..=36_525 * 86_400).contains(seconds))?;
    Some(Duration::seconds(seconds))
}

/// The same text for people and machines, in days as far as it goes.
pub(super) fn format(duration: Duration) -> String {
    let (days, rest) = (duration.whole_days(), duration.whole_seconds() % 86_400);
    let mut text = String::from("P");
    if days > 0 {
        text.push_str(&format!("{days}D"));
    }
    let clock = [(rest / 3600, 'H'), (rest / 60 % 60, 'M'), (rest % 60, 'S')];
    if rest > 0 {
        text.push('T');
    }
    for (number, unit) in clock.into_iter().filter(|(number, _)| *number > 0) {
        text.push_str(&format!("{number}{unit}"));
    }
    text
}

fn units(mut text: &str, known: &[(char, i64)]) -> Option<i64> {
    let mut seconds = 0i64;
    for (unit, length) in known {
        if let Some((number, rest)) = text.split_once(*unit) {
            if number.is_empty() || number.len() > 9 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            seconds = seconds.checked_add(number.parse::<i64>().ok()?.checked_mul(*length)?)?;
            text = rest;
        }
    }
    text.is_empty().then_some(seconds)
}
