//! Passwords of EST users: Argon2id, a few at a time, and no faster for a user that there is not.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration as Wait;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use chancery_core::{Error, Rng};
use time::{Duration, OffsetDateTime};
use tokio::sync::Semaphore;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What hashing costs: OWASP's second choice of Argon2id (19 MiB, two passes), about 30 ms.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// Passwords that are looked at together: strangers can ask for no more work than this.
const AT_ONCE: usize = 2;
/// Passwords that wait for it.
const WAITING: usize = 64;

/// A password's Argon2id hash with its salt.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    /// Random.
    pub salt: [u8; 16],
    /// The hash.
    pub hash: [u8; 32],
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash")
    }
}

impl PasswordHash {
    fn of(password: &str, salt: [u8; 16]) -> Result<Self, argon2::Error> {
        let mut hash = [0; 32];
        let params = Params::new(MEMORY, PASSES, 1, Some(hash.len()))?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
            password.as_bytes(),
            &salt,
            &mut hash,
        )?;
        Ok(Self { salt, hash })
    }
}

/// Looks at passwords.
pub(crate) struct Passwords {
    at_once: Arc<Semaphore>,
    waiting: Semaphore,
    /// Of no user: what a password is held against when there is no such user.
    nobody: PasswordHash,
    /// Passwords that were right lately, as a MAC under a key of this process, so that a device that comes often does not
    /// cost a hash each time.
    seen: Mutex<HashMap<Uuid, [u8; 32]>>,
    key: hmac::Key,
    failures: Failures,
}

impl Passwords {
    /// Users whose password is remembered.
    const MOST_SEEN: usize = 10_000;

    pub(crate) fn new(rng: &dyn Rng) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill(&mut *key);
        let mut nobody = PasswordHash { salt: [0; 16], hash: [0; 32] };
        rng.fill(&mut nobody.salt);
        rng.fill(&mut nobody.hash);
        Self {
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Semaphore::new(WAITING),
            nobody,
            seen: Mutex::default(),
            key: hmac::Key::new(hmac::HMAC_SHA256, &*key),
            failures: Failures::default(),
        }
    }

    /// Hash a new password.
    pub(crate) async fn hash(&self, password: Zeroizing<String>, rng: &dyn Rng) -> Result<PasswordHash, Error> {
        let mut salt = [0; 16];
        rng.fill(&mut salt);
        self.work(password, salt).await
    }

    /// Whether the password is this user's; none stands for a user that there is not, and takes as long.
    pub(crate) async fn is_right(&self, user: Option<(Uuid, &PasswordHash)>, password: &str) -> Result<bool, Error> {
        let mac = self.mac(user.map(|(id, hash)| (id, hash.hash)), password);
        if let Some((id, _)) = user
            && self.seen.lock().expect("no holder panics").get(&id).is_some_and(|seen| equal(seen, &mac))
        {
            return Ok(true);
        }
        let known = user.map_or(&self.nobody, |(_, hash)| hash);
        let made = self.work(Zeroizing::new(password.to_owned()), known.salt).await?;
        let right = equal(&made.hash, &known.hash);
        if let (Some((id, _)), true) = (user, right) {
            let mut seen = self.seen.lock().expect("no holder panics");
            if seen.len() >= Self::MOST_SEEN {
                seen.clear();
            }
            seen.insert(id, mac);
        }
        Ok(right)
    }

    /// Refuse for a while whoever was wrong too often.
    pub(crate) fn admit(&self, address: Option<IpAddr>, user: &str, now: OffsetDateTime) -> Result<(), Error> {
        self.failures.admit(address, user, now)
    }

    /// Count a wrong password.
    pub(crate) fn failed(&self, address: Option<IpAddr>, user: &str, now: OffsetDateTime) {
        self.failures.add(address, user, now);
    }

    /// The hash is a part, so that another password, once set, is looked at anew.
    fn mac(&self, user: Option<(Uuid, [u8; 32])>, password: &str) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        if let Some((id, hash)) = user {
            context.update(id.as_bytes());
            context.update(&hash);
        }
        context.update(password.as_bytes());
        let mut mac = [0; 32];
        mac.copy_from_slice(context.sign().as_ref());
        mac
    }

    async fn work(&self, password: Zeroizing<String>, salt: [u8; 16]) -> Result<PasswordHash, Error> {
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(Error::Throttled { retry_after: Wait::from_secs(2) });
        };
        let permit = self.at_once.clone().acquire_owned().await.map_err(Error::internal)?;
        let hashed = tokio::task::spawn_blocking(move || {
            // Kept until the work is done, whether anybody still waits for it or not.
            let _permit = permit;
            PasswordHash::of(&password, salt)
        });
        hashed.await.map_err(Error::internal)?.map_err(|why| Error::internal(why.to_string()))
    }
}

fn equal(one: &[u8; 32], other: &[u8; 32]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

/// Wrong passwords of a user from an address, and of an address, within a minute. In memory, of this node.
#[derive(Default)]
struct Failures(Mutex<HashMap<Counted, (OffsetDateTime, u32)>>);

/// An address, and a user where it is a user's count.
type Counted = (Option<IpAddr>, Option<String>);

impl Failures {
    const PERIOD: Duration = Duration::minutes(1);
    /// Of one user from one address.
    const OF_USER: u32 = 5;
    /// Of one address.
    const OF_ADDRESS: u32 = 50;
    /// Things that are remembered.
    const MOST: usize = 50_000;

    fn keys(address: Option<IpAddr>, user: &str) -> [(Counted, u32); 2] {
        let user = user.chars().take(256).collect::<String>().to_lowercase();
        [((address, Some(user)), Self::OF_USER), ((address, None), Self::OF_ADDRESS)]
    }

    fn admit(&self, address: Option<IpAddr>, user: &str, now: OffsetDateTime) -> Result<(), Error> {
        let counts = self.0.lock().expect("no holder panics");
        for (key, most) in Self::keys(address, user) {
            let Some((since, count)) = counts.get(&key) else { continue };
            let left = (*since + Self::PERIOD - now).clamp(Duration::ZERO, Self::PERIOD);
            if *count >= most && left > Duration::ZERO {
                let wait = Wait::try_from(left).unwrap_or(Wait::from_secs(60));
                return Err(Error::Throttled { retry_after: wait });
            }
        }
        Ok(())
    }

    fn add(&self, address: Option<IpAddr>, user: &str, now: OffsetDateTime) {
        let mut counts = self.0.lock().expect("no holder panics");
        if counts.len() >= Self::MOST {
            counts.retain(|_, (since, _)| now - *since < Self::PERIOD);
            if counts.len() >= Self::MOST {
                counts.clear();
            }
        }
        for (key, _) in Self::keys(address, user) {
            let entry = counts.entry(key).or_insert((now, 0));
            if now - entry.0 >= Self::PERIOD {
                *entry = (now, 0);
            }
            entry.1 = entry.1.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use chancery_core::SystemRng;
    use time::macros::datetime;

    use super::*;

    #[tokio::test]
    async fn a_password_is_right_or_wrong() {
        let passwords = Passwords::new(&SystemRng);
        let hash = passwords.hash(Zeroizing::new("correct horse".into()), &SystemRng).await.unwrap();
        let user = Uuid::from_u128(1);
        for _ in 0..2 {
            assert!(passwords.is_right(Some((user, &hash)), "correct horse").await.unwrap());
            assert!(!passwords.is_right(Some((user, &hash)), "correct horsf").await.unwrap());
        }
        assert!(!passwords.is_right(None, "correct horse").await.unwrap());
        // Another password was set: the one that was seen does not open any more.
        let other = passwords.hash(Zeroizing::new("battery".into()), &SystemRng).await.unwrap();
        assert!(!passwords.is_right(Some((user, &other)), "correct horse").await.unwrap());
    }

    #[test]
    fn es_04_wrong_passwords_are_throttled_per_user_and_address() {
        let failures = Failures::default();
        let now = datetime!(2026-11-24 12:00 UTC);
        let (here, there) = (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into()));
        for _ in 0..5 {
            assert!(failures.admit(here, "gw", now).is_ok());
            failures.add(here, "gw", now);
        }
        assert!(matches!(failures.admit(here, "GW", now), Err(Error::Throttled { .. })));
        assert!(failures.admit(here, "other", now).is_ok() && failures.admit(there, "gw", now).is_ok());
        assert!(failures.admit(here, "gw", now + Failures::PERIOD).is_ok());
        for n in 0..50 {
            failures.add(there, &format!("user-{n}"), now);
        }
        assert!(failures.admit(there, "never seen", now).is_err());
    }
}
