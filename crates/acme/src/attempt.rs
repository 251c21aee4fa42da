//! Attempts at challenges, in the background: the first at once, others by a schedule, and those that another node left.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration as Wait;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use time::{Duration, OffsetDateTime};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::order::whole_second;
use crate::port::{Attempt, AttemptFailed, CaaQuestion, Proof, Settled};
use crate::{
    Account, Acme, Authorization, AuthorizationStatus, Challenge, ChallengeStatus, ChallengeType, Directory,
    Identifier, Problem, ProblemType, Resource,
};

/// For how long a node has an attempt for itself: longer than any attempt takes.
pub(crate) const CLAIMED: Duration = Duration::seconds(120);

/// The waits between the attempts; the last stands for all that follow.
const SCHEDULE: [i64; 6] = [2, 5, 10, 30, 60, 120];

/// How often what is due here is looked for.
const TICK: Wait = Wait::from_millis(500);

/// How often what other nodes left is looked for.
const LOOK_AROUND: Duration = Duration::seconds(15);

/// So many due instants are remembered.
const MOST_REMEMBERED: usize = 10_000;

/// The attempts of this node.
pub(crate) struct Attempts {
    free: Arc<Semaphore>,
    running: Arc<Running>,
    /// When the next attempts of challenges that were tried here are due.
    due: Mutex<BTreeSet<OffsetDateTime>>,
}

#[derive(Default)]
struct Running {
    count: AtomicUsize,
    idle: Notify,
}

/// Held while an attempt runs.
struct Busy(Arc<Running>);

impl Busy {
    fn new(running: &Arc<Running>) -> Self {
        running.count.fetch_add(1, Ordering::SeqCst);
        Self(running.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

impl Attempts {
    pub(crate) fn new(at_once: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(at_once)), running: Arc::default(), due: Mutex::default() }
    }

    fn is_due(&self, now: OffsetDateTime) -> bool {
        let mut due = self.due.lock().expect("no holder panics");
        let before = due.len();
        due.retain(|at| *at > now);
        due.len() < before
    }

    fn remember(&self, at: OffsetDateTime) {
        let mut due = self.due.lock().expect("no holder panics");
        // What is not remembered is found by looking around.
        if due.len() < MOST_REMEMBERED {
            due.insert(at);
        }
    }
}

/// When the next attempt follows, after so many.
fn wait(attempts: u32, most: u32) -> Option<Duration> {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX).min(SCHEDULE.len() - 1);
    (attempts < most).then(|| Duration::seconds(SCHEDULE[index]))
}

impl Acme {
    /// Try a challenge that was begun just now. When too many are tried already it is left for later.
    pub(crate) fn attempt_soon(&self, account: Account, authorization: Authorization) {
        match self.0.attempts.free.clone().try_acquire_owned() {
            Ok(permit) => self.spawn(permit, Some(account), authorization),
            // Its claim must be over first.
            Err(_) => self.0.attempts.remember(self.0.now() + CLAIMED),
        }
    }

    fn spawn(&self, permit: OwnedSemaphorePermit, account: Option<Account>, authorization: Authorization) {
        let (acme, busy) = (self.clone(), Busy::new(&self.0.attempts.running));
        tokio::spawn(async move {
            if let Err(problem) = acme.attempt(account, &authorization).await {
                tracing::error!(authorization = %authorization.id, %problem, "an attempt at a challenge is left for later");
                // Whoever looks around finds it when this node's claim is over.
                acme.0.attempts.remember(acme.0.now() + CLAIMED);
            }
            drop((permit, busy));
        });
    }

    /// Try what is due, of this node or left by another; how many attempts were begun.
    ///
    /// # Errors
    /// `serverInternal` when the database does not answer.
    pub async fn attempt_due(&self) -> Result<usize, Problem> {
        let mut begun = 0;
        loop {
            let free = u32::try_from(self.0.attempts.free.available_permits()).unwrap_or(u32::MAX).min(64);
            if free == 0 {
                self.0.attempts.remember(self.0.now());
                return Ok(begun);
            }
            let now = self.0.now();
            // What is due at this very instant lies before the next one that can be stored.
            let claimed = self.0.store.claim_attempts(now + Duration::MICROSECOND, now + CLAIMED, free).await?;
            let last = claimed.len() < usize::try_from(free).unwrap_or(usize::MAX);
            for authorization in claimed {
                let Ok(permit) = self.0.attempts.free.clone().acquire_owned().await else { return Ok(begun) };
                begun += 1;
                self.spawn(permit, None, authorization);
            }
            if last {
                return Ok(begun);
            }
        }
    }

    /// Wait until no attempt runs here.
    pub async fn attempts_ended(&self) {
        loop {
            let idle = self.0.attempts.running.idle.notified();
            tokio::pin!(idle);
            // Registered before the count is read: none is missed.
            idle.as_mut().enable();
            if self.0.attempts.running.count.load(Ordering::SeqCst) == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Try what is due until `stop` ends, then wait for what still runs.
    pub async fn run_attempts(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut looked_at: Option<OffsetDateTime> = None;
        loop {
            let now = self.0.now();
            let look = looked_at.is_none_or(|at| now - at >= LOOK_AROUND || now < at);
            if self.0.attempts.is_due(now) || look {
                looked_at = Some(now);
                if let Err(problem) = self.attempt_due().await {
                    tracing::warn!(%problem, "attempts at challenges that are due cannot be looked for");
                }
            }
            tokio::select! {
                () = &mut stop => break,
                () = tokio::time::sleep(TICK) => {}
            }
        }
        self.attempts_ended().await;
    }

    /// Make one attempt and write down how it ended.
    async fn attempt(&self, account: Option<Account>, authorization: &Authorization) -> Result<(), Problem> {
        let trying = |challenge: &&Challenge| challenge.status == ChallengeStatus::Processing;
        let Some(challenge) = authorization.challenges.iter().find(trying) else { return Ok(()) };
        let account = match account {
            Some(account) => Some(account),
            None => self.0.store.account(authorization.account).await?,
        };
        // Its authorizations end with an account.
        let Some(account) = account else { return Ok(()) };
        let Some(directory) = self.directory_of(account.directory).await? else {
            return Err(Problem::new(ProblemType::ServerInternal, "the account's directory is closed"));
        };
        let tried = self.prove(&directory, &account, authorization, challenge).await;
        let settled = self.settled(&directory, authorization, challenge.clone(), tried);
        if settled.status == AuthorizationStatus::Invalid {
            self.count_failure(&directory.acme_profile.settings, account.id, &authorization.identifier);
        }
        let next = settled.attempt_at;
        self.0.store.settle_challenge(authorization.id, settled).await?;
        if let Some(next) = next {
            self.0.attempts.remember(next);
        }
        Ok(())
    }

    /// The challenge, then CAA (RFC 8555 section 8, RFC 8659).
    async fn prove(
        &self,
        directory: &Directory,
        account: &Account,
        authorization: &Authorization,
        challenge: &Challenge,
    ) -> Result<(Proof, Option<OffsetDateTime>), AttemptFailed> {
        if account.disabled {
            let problem = Problem::new(ProblemType::Unauthorized, "the account is switched off: ask the operator");
            return Err(AttemptFailed { problem, worth_retrying: false });
        }
        let settings = &directory.acme_profile.settings;
        let account_url =
            challenge.account_url.clone().unwrap_or_else(|| directory.url(&Resource::Account(account.id)));
        let attempt = Attempt {
            identifier: authorization.identifier.clone(),
            wildcard: authorization.wildcard,
            challenge: challenge.kind,
            token: challenge.token.clone(),
            // RFC 8555 section 8.1: of the key that the account has now.
            key_authorization: format!("{}.{}", challenge.token, crate::base64url::encode(account.thumbprint)),
            account_url: account_url.clone(),
            issuer_domains: settings.caa_identities.clone(),
            payload: challenge.payload.clone(),
            resolver: settings.resolver,
        };
        let proof = self.0.validator.validate(&attempt).await?;
        if challenge.kind == ChallengeType::DnsPersist01
            && (authorization.wildcard || authorization.subdomains)
            && !proof.wildcard
        {
            let why = "the record does not allow wildcards: it has no policy=wildcard";
            let problem = Problem::new(ProblemType::Unauthorized, why);
            return Err(AttemptFailed { problem, worth_retrying: false });
        }
        let Identifier::Dns(name) = &authorization.identifier else { return Ok((proof, None)) };
        if !settings.caa {
            return Ok((proof, None));
        }
        let question = CaaQuestion {
            name: name.clone(),
            wildcard: authorization.wildcard,
            issuer_domains: settings.caa_identities.clone(),
            account_url,
            method: challenge.kind,
            resolver: settings.resolver,
        };
        self.0.validator.caa(&question).await?;
        Ok((proof, Some(self.0.now())))
    }

    fn settled(
        &self,
        directory: &Directory,
        authorization: &Authorization,
        mut challenge: Challenge,
        tried: Result<(Proof, Option<OffsetDateTime>), AttemptFailed>,
    ) -> Settled {
        let now = self.0.now();
        challenge.attempts += 1;
        match tried {
            Ok((proof, caa_checked_at)) => {
                let lifetime = Duration::seconds(directory.acme_profile.settings.authorization_lifetime.into());
                let end = whole_second(now + lifetime);
                challenge.status = ChallengeStatus::Valid;
                challenge.validated = Some(whole_second(now));
                challenge.error = None;
                // What was sent is large, and says nothing more; finalize asks for the key.
                challenge.payload = proof.attested_key.map(|key| json!({ ATTESTED_KEY: STANDARD.encode(key) }));
                Settled {
                    challenge,
                    status: AuthorizationStatus::Valid,
                    expires_at: Some(proof.until.map_or(end, |until| until.min(end))),
                    attempt_at: None,
                    caa_checked_at,
                }
            }
            Err(AttemptFailed { problem, worth_retrying }) => {
                let most = self.0.config.validation_attempts;
                let next = wait(challenge.attempts, most).filter(|_| worth_retrying).map(|wait| now + wait);
                let next = next.filter(|next| *next < authorization.expires_at);
                challenge.error = Some(problem);
                let status = match next {
                    Some(_) => AuthorizationStatus::Pending,
                    None => {
                        challenge.status = ChallengeStatus::Invalid;
                        AuthorizationStatus::Invalid
                    }
                };
                Settled { challenge, status, expires_at: None, attempt_at: next, caa_checked_at: None }
            }
        }
    }
}

const ATTESTED_KEY: &str = "attestedKey";

/// The key that a device attested, SubjectPublicKeyInfo DER.
pub(crate) fn attested_key(proof: &Challenge) -> Option<Vec<u8>> {
    STANDARD.decode(proof.payload.as_ref()?.get(ATTESTED_KEY)?.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_and_longer_and_not_for_ever() {
        let waits: Vec<_> = (1..=9).map(|attempts| wait(attempts, 9).map(|wait| wait.whole_seconds())).collect();
        assert_eq!(waits, [Some(2), Some(5), Some(10), Some(30), Some(60), Some(120), Some(120), Some(120), None]);
        assert_eq!(wait(1, 1), None);
    }

    #[test]
    fn every_due_attempt_is_remembered() {
        let attempts = Attempts::new(1);
        let start = OffsetDateTime::UNIX_EPOCH;
        attempts.remember(start + Duration::seconds(5));
        attempts.remember(start + Duration::seconds(2));
        assert!(!attempts.is_due(start + Duration::seconds(1)));
        assert!(attempts.is_due(start + Duration::seconds(2)));
        assert!(!attempts.is_due(start + Duration::seconds(4)));
        assert!(attempts.is_due(start + Duration::seconds(9)));
        assert!(!attempts.is_due(start + Duration::seconds(9)));
    }
}
