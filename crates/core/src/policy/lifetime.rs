//! How long certificates are valid.

use chancery_pki::Validity;
use time::{Duration, OffsetDateTime};

use super::duration;
use super::operation::{NOT_AFTER, NOT_BEFORE, VALIDITY};
use crate::Rejection;
use crate::attribute::AttributeSet;

/// Certificates begin this long before they are made, for clients whose clocks are late.
pub const BACKDATE: Duration = Duration::seconds(60);

/// What happens when a certificate would outlive its issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerEnd {
    /// It ends with its issuer.
    Shorten,
    /// It is refused.
    Refuse,
}

/// Lengths and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifetimeRules {
    /// When the request does not say, counted from the first second of validity to the last, both included.
    pub default: Duration,
    /// The longest length, counted in the same way.
    pub maximum: Duration,
    /// Requests may choose the start.
    pub requested_start: bool,
    /// Requests may choose the end, or the length.
    pub requested_end: bool,
    /// At the issuer's end.
    pub issuer_end: IssuerEnd,
}

impl LifetimeRules {
    /// Certificates begin [`BACKDATE`] before now, but not before their issuer, and not so early that a requested end
    /// which the maximum allows from now on would be refused for it.
    pub(super) fn decide(
        &self,
        attributes: &AttributeSet,
        issuer: Validity,
        now: OffsetDateTime,
        faults: &mut Vec<Rejection>,
    ) -> Option<Validity> {
        let before = faults.len();
        let mut fault = |why: String| faults.push(Rejection::Validity(why));
        let now = whole_second(now);
        if issuer.not_after <= now || issuer.not_before > now {
            fault(format!(
                "the issuer's own certificate is valid from {} to {}, not now; ask the operator for a new issuer",
                issuer.not_before, issuer.not_after
            ));
            return None;
        }
        let start = attributes.datetime(NOT_BEFORE).map(whole_second);
        let end = attributes.datetime(NOT_AFTER).map(whole_second);
        let length = attributes.string(VALIDITY).map(duration::parse);
        if end.is_some() && length.is_some() {
            fault(format!("{NOT_AFTER} and {VALIDITY} are both given; give one of them"));
        }
        if length == Some(None) {
            fault(format!("{VALIDITY} is no length of time; {}", duration::DURATION_HELP));
        }
        // Nothing can be reckoned from a start that is out of all bounds.
        if start.is_some_and(|start| start < now - BACKDATE) {
            fault(format!("{NOT_BEFORE} has passed; the earliest is {now}"));
            return None;
        }
        if start.is_some_and(|start| start > now + self.maximum) {
            fault(format!("{NOT_BEFORE} is too far away; the latest is {}", now + self.maximum));
            return None;
        }
        // From the first second to the last of the longest certificate.
        let span = self.maximum - Duration::SECOND;
        let not_before = start.unwrap_or_else(|| match end {
            Some(end) => (now - BACKDATE).max((end - span).min(now)),
            None => now - BACKDATE,
        });
        let not_before = not_before.max(issuer.not_before);
        let wanted = match (end, length.flatten()) {
            (Some(end), _) => end,
            (None, length) => {
                let length = length.unwrap_or(self.default) - Duration::SECOND;
                let Some(end) = not_before.checked_add(length) else {
                    fault(format!(
                        "it would begin at {not_before} and end after the year 9999; ask for an earlier start"
                    ));
                    return None;
                };
                end
            }
        };
        if wanted <= now.max(not_before) {
            fault(format!("it would end at {wanted}, before it begins or before now; ask for a later end"));
        }
        if wanted - not_before > span {
            fault(format!(
                "it would be valid until {wanted}; this RA profile allows {} at most, that is until {}",
                duration::format(self.maximum),
                not_before + span
            ));
        }
        let not_after = if wanted > issuer.not_after { issuer.not_after } else { wanted };
        if not_after < wanted && self.issuer_end == IssuerEnd::Refuse {
            fault(format!(
                "it would end at {wanted}, after its issuer's end at {}; ask for an earlier end",
                issuer.not_after
            ));
        }
        if not_before > issuer.not_after {
            fault(format!("it would begin after its issuer's end at {}", issuer.not_after));
        }
        (faults.len() == before).then_some(Validity { not_before, not_after })
    }
}

/// Certificates know no fractions (RFC 5280 section 4.1.2.5).
fn whole_second(instant: OffsetDateTime) -> OffsetDateTime {
    instant.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).unwrap_or(instant)
}
