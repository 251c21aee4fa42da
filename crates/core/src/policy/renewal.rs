//! A profile's parameters of the one renewal rule.

use time::Duration;

/// How certificates of a profile may be renewed, whatever the door; the door adds its own demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalRules {
    /// The key of the predecessor may be used again.
    pub key_reuse: bool,
    /// Another key than the predecessor's may be used.
    pub key_change: bool,
    /// A renewed certificate may have another subject. A rekeyed one never.
    pub subject_change: bool,
    /// How long before the predecessor's end the renewal opens; `None` is any time.
    pub window: Option<Duration>,
}
