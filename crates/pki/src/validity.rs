//! How long a certificate holds.

use time::{OffsetDateTime, UtcOffset};

use crate::BuildError;

/// First and last second of a certificate's life (RFC 5280 section 4.1.2.5), both included; UTC, whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Validity {
    /// The first second.
    pub not_before: OffsetDateTime,
    /// The last second.
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// Cut to whole seconds of UTC, as certificates have them.
    pub fn new(not_before: OffsetDateTime, not_after: OffsetDateTime) -> Self {
        Self { not_before: whole(not_before), not_after: whole(not_after) }
    }

    /// Whether this moment is inside.
    pub fn contains(&self, at: OffsetDateTime) -> bool {
        self.not_before <= at && whole(at) <= self.not_after
    }

    pub(crate) fn check(&self) -> Result<(), BuildError> {
        if self.not_after < self.not_before {
            return Err(BuildError::new("the validity", "it ends before it begins"));
        }
        if !writable(self.not_before) || !writable(self.not_after) {
            return Err(BuildError::new("the validity", "its years are outside 1970-9999"));
        }
        Ok(())
    }
}

/// Whether a date can be written: RFC 5280 ends with the year 9999, and x509-cert begins with 1970.
pub(crate) fn writable(at: OffsetDateTime) -> bool {
    at.checked_to_offset(UtcOffset::UTC).is_some_and(|at| (1970..=9999).contains(&at.year()))
}

/// `at` in UTC without its fraction of a second.
pub(crate) fn whole(at: OffsetDateTime) -> OffsetDateTime {
    at.checked_to_offset(UtcOffset::UTC).unwrap_or(at).replace_nanosecond(0).unwrap_or(at)
}
