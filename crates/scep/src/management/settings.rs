//! Which settings of a SCEP profile make sense.

use chancery_core::Rejection;

use crate::ScepSettings;

const DAY: u32 = 86_400;
/// Shortest static challenge: it is no password of a person, and it is guessed at.
const SHORTEST: usize = 12;
const LONGEST: usize = 256;

/// Every setting that does not make sense, with what would.
pub(super) fn faults(settings: &ScepSettings) -> Vec<Rejection> {
    let ranges = [
        ("renewalThreshold", settings.renewal_threshold.unwrap_or(0), 0, 3_650),
        ("challengeLifetime", settings.challenge_lifetime, 60, 366 * DAY),
        ("raLifetime", settings.ra_lifetime, 7, 3_650),
        ("failuresPerMinute", settings.failures_per_minute, 0, 1_000_000),
    ];
    let out = ranges.into_iter().filter(|(_, value, least, most)| !(least..=most).contains(&value));
    out.map(|(name, value, least, most)| Rejection::State(format!("{name}: {value} is not between {least} and {most}")))
        .collect()
}

/// Why a text is no static challenge.
pub(super) fn challenge_fault(challenge: &str) -> Option<Rejection> {
    let length = challenge.chars().count();
    let why = if length < SHORTEST || challenge.len() > LONGEST {
        format!("it has {length} characters; take {SHORTEST} to {LONGEST}, made by chance, for it is guessed at")
    } else if challenge.chars().any(char::is_control) {
        "it has control characters, which no device can send".into()
    } else {
        return None;
    };
    Some(Rejection::State(format!("challenge: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_make_sense_and_others_do_not() {
        assert_eq!(faults(&ScepSettings::default()), vec![]);
        let wrong = ScepSettings {
            challenge_lifetime: 1,
            ra_lifetime: 0,
            renewal_threshold: Some(9_999),
            ..ScepSettings::default()
        };
        assert_eq!(faults(&wrong).len(), 3);
    }

    #[test]
    fn a_static_challenge_is_not_short() {
        assert_eq!(challenge_fault("correct horse battery"), None);
        for wrong in ["", "secret", "with\nnew line in it", &"x".repeat(257)] {
            assert!(challenge_fault(wrong).is_some(), "{wrong:?}");
        }
    }
}
