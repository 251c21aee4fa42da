//! Rate limits by GCRA (the generic cell rate algorithm of ITU-T I.371): one instant for each thing that is counted. In
//! memory, of this node.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::call::Call;
use crate::{Account, AcmeSettings, DirectoryId, Identifier, Problem, ProblemType};

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Counted {
    /// Requests of an account.
    Requests(Uuid),
    /// New accounts of an address, at a directory.
    Accounts(DirectoryId, IpAddr),
    /// New orders of an account.
    Orders(Uuid),
    /// New orders of a directory.
    DirectoryOrders(DirectoryId),
    /// New orders of a registered domain, at a directory.
    DomainOrders(DirectoryId, String),
    /// Failed validations of an account and identifier.
    Failures(Uuid, Identifier),
    /// Failed validations of an account.
    AccountFailures(Uuid),
}

impl Counted {
    /// What is counted, for people, with how long the count takes.
    fn says(&self) -> (String, &'static str) {
        match self {
            Self::Requests(_) => ("requests of this account".into(), "a minute"),
            Self::Accounts(..) => ("new accounts from this address".into(), "an hour"),
            Self::Orders(_) => ("new orders of this account".into(), "an hour"),
            Self::DirectoryOrders(_) => ("new orders of this directory".into(), "an hour"),
            Self::DomainOrders(_, domain) => (format!("new orders for {domain}"), "a day"),
            Self::Failures(_, identifier) => (format!("failed validations of {}", identifier.value()), "an hour"),
            Self::AccountFailures(_) => ("failed validations of this account".into(), "an hour"),
        }
    }

    fn period(&self) -> Duration {
        match self {
            Self::Requests(_) => Duration::MINUTE,
            Self::Accounts(..)
            | Self::Orders(_)
            | Self::DirectoryOrders(_)
            | Self::Failures(..)
            | Self::AccountFailures(_) => Duration::HOUR,
            Self::DomainOrders(..) => Duration::DAY,
        }
    }
}

/// So many may be in a period; all of them at once, if none was for a period.
#[derive(Clone, Debug)]
struct Limit {
    counted: Counted,
    most: u32,
}

/// What is known of a thing that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    /// When it will have been idle for long enough to be as if it had never been.
    idle_at: OffsetDateTime,
    /// Until when it has no room.
    full_until: OffsetDateTime,
}

/// Everything that is counted. Bounded.
#[derive(Default)]
pub(crate) struct Limits(Mutex<HashMap<Counted, Known>>);

impl Limits {
    /// Things that are remembered. Beyond, those that are nearest to being forgotten anyway are; never one that has no room,
    /// or whoever is held back would make room for himself by asking for much else.
    const MOST: usize = 200_000;

    /// Until there may be room in a table that is full of what is held back.
    const CROWDED: Duration = Duration::minutes(1);

    /// Count one of each, or none when any limit is reached: which, and when there is room again.
    fn take(&self, limits: &[Limit], now: OffsetDateTime) -> Result<(), (Limit, Duration)> {
        let mut known = self.0.lock().expect("no holder panics");
        for limit in limits {
            Self::room(&known, limit, now).map_err(|wait| (limit.clone(), wait))?;
        }
        for limit in limits.iter().filter(|limit| limit.most > 0) {
            if !Self::count(&mut known, limit, now) {
                return Err((limit.clone(), Self::CROWDED));
            }
        }
        Ok(())
    }

    /// Whether there is room, without counting.
    fn look(&self, limits: &[Limit], now: OffsetDateTime) -> Result<(), (Limit, Duration)> {
        let known = self.0.lock().expect("no holder panics");
        limits.iter().try_for_each(|limit| Self::room(&known, limit, now).map_err(|wait| (limit.clone(), wait)))
    }

    /// Count one, whether there is room or not.
    fn add(&self, limit: &Limit, now: OffsetDateTime) {
        if limit.most > 0 {
            // Where everything is held back already, one more is not remembered.
            let _ = Self::count(&mut self.0.lock().expect("no holder panics"), limit, now);
        }
    }

    fn room(known: &HashMap<Counted, Known>, limit: &Limit, now: OffsetDateTime) -> Result<(), Duration> {
        if limit.most == 0 {
            return Ok(());
        }
        let period = limit.counted.period();
        // A clock that went back far makes nobody wait longer than a period.
        let ahead = known.get(&limit.counted).map_or(Duration::ZERO, |known| (known.idle_at - now).min(period));
        let wait = ahead + period / limit.most - period;
        if wait.is_positive() { Err(wait) } else { Ok(()) }
    }

    /// Count one; false when it is new and there is no place for it.
    fn count(known: &mut HashMap<Counted, Known>, limit: &Limit, now: OffsetDateTime) -> bool {
        let period = limit.counted.period();
        if known.len() >= Self::MOST && !known.contains_key(&limit.counted) {
            Self::sweep(known, now);
            if known.len() >= Self::MOST {
                return false;
            }
        }
        let one = period / limit.most;
        let idle_at = known.get(&limit.counted).map_or(now, |known| known.idle_at).clamp(now, now + period) + one;
        known.insert(limit.counted.clone(), Known { idle_at, full_until: idle_at + one - period });
        true
    }

    /// Forget what is idle; and where that leaves more than half, of what has room the half that is idle soonest.
    fn sweep(known: &mut HashMap<Counted, Known>, now: OffsetDateTime) {
        known.retain(|_, known| known.idle_at > now);
        if known.len() > Self::MOST / 2 {
            let has_room = known.values().filter(|known| known.full_until <= now);
            let mut instants: Vec<OffsetDateTime> = has_room.map(|known| known.idle_at).collect();
            if instants.is_empty() {
                return;
            }
            let middle = instants.len() / 2;
            let (_, middle, _) = instants.select_nth_unstable(middle);
            let middle = *middle;
            known.retain(|_, known| known.idle_at > middle || known.full_until > now);
        }
    }
}

/// RFC 8555 section 6.6.
fn limited((limit, wait): (Limit, Duration)) -> Problem {
    let (what, period) = limit.counted.says();
    let seconds = wait.whole_seconds() + i64::from(wait.subsec_nanoseconds() > 0);
    let seconds = u64::try_from(seconds).unwrap_or(0).max(1);
    Problem {
        retry_after: Some(std::time::Duration::from_secs(seconds)),
        ..Problem::new(
            ProblemType::RateLimited,
            format!("too many {what}: at most {} in {period}; try again in {seconds} s", limit.most),
        )
    }
}

/// An IPv6 customer has a whole /64 (RFC 6177): it counts as one address.
fn customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

/// The domain that somebody registered: the label before the public suffix, or the name itself where it is one.
fn registered_domain(name: &str) -> &str {
    let name = name.strip_prefix("*.").unwrap_or(name);
    psl::domain_str(name).unwrap_or(name)
}

fn failures(settings: &AcmeSettings, account: Uuid, identifier: &Identifier) -> Limit {
    Limit { counted: Counted::Failures(account, identifier.base().0), most: settings.failed_validations_per_hour }
}

fn account_failures(settings: &AcmeSettings, account: Uuid) -> Limit {
    Limit { counted: Counted::AccountFailures(account), most: settings.account_failures_per_hour }
}

impl crate::Acme {
    /// Count a request of an account.
    ///
    /// # Errors
    /// `rateLimited`, as for all limits.
    pub(crate) fn limit_requests(&self, settings: &AcmeSettings, account: &Account) -> Result<(), Problem> {
        let limit = Limit { counted: Counted::Requests(account.id), most: settings.account_requests_per_minute };
        self.0.limits.take(&[limit], self.0.now()).map_err(limited)
    }

    /// Count a new account.
    ///
    /// # Errors
    /// `rateLimited`.
    pub(crate) fn limit_new_account(&self, call: &Call<'_>) -> Result<(), Problem> {
        let Some(address) = call.origin.address else { return Ok(()) };
        let counted = Counted::Accounts(call.directory.id, customer(address));
        let limit = Limit { counted, most: call.directory.acme_profile.settings.new_accounts_per_hour };
        self.0.limits.take(&[limit], self.0.now()).map_err(limited)
    }

    /// Count a new order, when neither its account, nor its identifiers, nor the domains above them by which they shall be
    /// proved (RFC 9444) failed too often.
    ///
    /// # Errors
    /// `rateLimited`.
    pub(crate) fn limit_new_order<'a>(
        &self,
        call: &Call<'_>,
        account: &Account,
        identifiers: &'a [Identifier],
        ancestors: impl Iterator<Item = &'a Identifier>,
    ) -> Result<(), Problem> {
        let (directory, settings) = (call.directory.id, &call.directory.acme_profile.settings);
        self.limit_failures(settings, account, identifiers.iter().chain(ancestors))?;
        let mut domains: Vec<&str> = identifiers
            .iter()
            .filter_map(|identifier| match identifier {
                Identifier::Dns(name) => Some(registered_domain(name)),
                Identifier::Ip(_) | Identifier::PermanentIdentifier(_) | Identifier::HardwareModule(_) => None,
            })
            .collect();
        domains.sort_unstable();
        domains.dedup();
        let domains = domains.into_iter().map(|domain| Limit {
            counted: Counted::DomainOrders(directory, domain.to_owned()),
            most: settings.domain_orders_per_day,
        });
        let orders = Limit { counted: Counted::Orders(account.id), most: settings.new_orders_per_hour };
        let all = Limit { counted: Counted::DirectoryOrders(directory), most: settings.directory_orders_per_hour };
        let limits: Vec<Limit> = [orders, all].into_iter().chain(domains).collect();
        self.0.limits.take(&limits, self.0.now()).map_err(limited)
    }

    /// None of the identifiers failed too often, nor the account with whatever it was.
    ///
    /// # Errors
    /// `rateLimited`.
    pub(crate) fn limit_failures<'a>(
        &self,
        settings: &AcmeSettings,
        account: &Account,
        identifiers: impl Iterator<Item = &'a Identifier>,
    ) -> Result<(), Problem> {
        let of_each = identifiers.map(|identifier| failures(settings, account.id, identifier));
        let limits: Vec<Limit> = std::iter::once(account_failures(settings, account.id)).chain(of_each).collect();
        self.0.limits.look(&limits, self.0.now()).map_err(limited)
    }

    /// Count a failed validation.
    pub(crate) fn count_failure(&self, settings: &AcmeSettings, account: Uuid, identifier: &Identifier) {
        for limit in [failures(settings, account, identifier), account_failures(settings, account)] {
            self.0.limits.add(&limit, self.0.now());
        }
    }
}

#[cfg(test)]
mod tests;
