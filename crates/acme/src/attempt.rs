//! Attempts at challenges, in the background: the first at once, others by a schedule, and those that another node left.

mod queue;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration as Wait;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;
use uuid::Uuid;

use self::queue::{Lane, Queue};
use crate::order::whole_second;
use crate::port::{Attempt, AttemptFailed, CaaQuestion, Proof, Settled};
use crate::{
    Account, Acme, Authorization, AuthorizationStatus, Challenge, ChallengeStatus, ChallengeType, Directory,
    Identifier, Problem, ProblemType, Resource,
};

/// For what is read and written around an attempt.
const SETTLING: Duration = Duration::seconds(15);

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
    queue: Mutex<Queue<Work>>,
    /// Told when nothing runs or waits.
    idle: Notify,
    /// Told when a place is left to what is due.
    left: Notify,
    /// When the next attempts of challenges that were tried here are due.
    due: Mutex<BTreeSet<OffsetDateTime>>,
}

/// An attempt that this node has for itself until an instant.
#[derive(Debug)]
struct Work {
    account: Option<Account>,
    authorization: Authorization,
    until: OffsetDateTime,
}

/// Held while an attempt runs; whoever waits gets the place after it, and be it that the attempt panics.
struct Place {
    acme: Acme,
    account: Uuid,
    lane: Lane,
    /// The attempt has ended by itself: it was not dropped with the runtime.
    ended: bool,
}

impl Place {
    fn end(&mut self) {
        self.ended = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.acme.0.attempts.queue().done(self.account, self.lane);
        // Where the runtime is being shut down there is nobody to go on.
        if self.ended || std::thread::panicking() {
            self.acme.begin_waiting();
        }
        if self.acme.0.attempts.queue().leaves_a_place() {
            self.acme.0.attempts.left.notify_one();
        }
        if self.acme.0.attempts.queue().is_idle() {
            self.acme.0.attempts.idle.notify_waiters();
        }
    }
}

impl Attempts {
    pub(crate) fn new(at_once: usize) -> Self {
        Self { queue: Mutex::new(Queue::new(at_once)), idle: Notify::new(), left: Notify::new(), due: Mutex::default() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue<Work>> {
        self.queue.lock().expect("no holder panics")
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
    /// Until when a node that takes an attempt has it for itself: it may wait for a place as long as it may take.
    pub(crate) fn claim(&self, now: OffsetDateTime) -> OffsetDateTime {
        now + self.0.validator.longest() * 2 + SETTLING
    }

    /// Try a challenge that was begun just now. When too many are tried already it waits for its turn.
    pub(crate) fn attempt_soon(&self, account: Account, authorization: Authorization, until: OffsetDateTime) {
        self.enter(Work { account: Some(account), authorization, until });
        self.begin_waiting();
    }

    fn enter(&self, work: Work) {
        let lane = if work.account.is_some() { Lane::Begun } else { Lane::Due };
        let left = self.0.attempts.queue().push(work.authorization.account, lane, work);
        if let Some(work) = left {
            // Its claim must be over first.
            self.0.attempts.remember(work.until);
        }
    }

    /// Begin what waits, as far as there are places.
    fn begin_waiting(&self) {
        loop {
            let next = self.0.attempts.queue().next();
            let Some((account, lane, work)) = next else { return };
            if self.0.now() + self.0.validator.longest() + SETTLING > work.until {
                // Another node may take it before this one has done: whoever looks around does.
                self.0.attempts.queue().done(account, lane);
                self.0.attempts.remember(work.until);
                continue;
            }
            let mut place = Place { acme: self.clone(), account, lane, ended: false };
            tokio::spawn(async move {
                let acme = &place.acme;
                if let Err(problem) = acme.attempt(work.account, &work.authorization).await {
                    let authorization = work.authorization.id;
                    tracing::error!(%authorization, %problem, "an attempt at a challenge is left for later");
                    // Whoever looks around finds it when this node's claim is over.
                    acme.0.attempts.remember(work.until);
                }
                place.end();
            });
        }
    }

    /// Try what is due, of this node or left by another; how many attempts were taken.
    ///
    /// # Errors
    /// `serverInternal` when the database does not answer.
    pub async fn attempt_due(&self) -> Result<usize, Problem> {
        let mut taken = 0;
        loop {
            let (free, others) = {
                let mut queue = self.0.attempts.queue();
                // Until it is known that nothing is.
                queue.leave_places(true);
                (u32::try_from(queue.free()).unwrap_or(u32::MAX).min(64), queue.accounts())
            };
            let now = self.0.now();
            if free == 0 {
                self.0.attempts.remember(now);
                return Ok(taken);
            }
            if !others.is_empty() {
                // Theirs is looked for when what they have here is begun.
                self.0.attempts.remember(now);
            }
            let until = self.claim(now);
            // What is due at this very instant lies before the next one that can be stored.
            let claimed = self.0.store.claim_attempts(now + Duration::MICROSECOND, until, free, others).await?;
            let last = claimed.is_empty();
            taken += claimed.len();
            for authorization in claimed {
                self.enter(Work { account: None, authorization, until });
            }
            self.0.attempts.queue().leave_places(!last);
            self.begin_waiting();
            if last {
                return Ok(taken);
            }
        }
    }

    /// Wait until no attempt runs here, or waits to run.
    pub async fn attempts_ended(&self) {
        loop {
            let idle = self.0.attempts.idle.notified();
            tokio::pin!(idle);
            // Registered before it is looked: none is missed.
            idle.as_mut().enable();
            if self.0.attempts.queue().is_idle() {
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
                () = self.0.attempts.left.notified() => {}
            }
        }
        // What waits for a place is another node's, or this one's when it is back.
        self.0.attempts.queue().clear();
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
        let longest = self.0.validator.longest();
        let tried = tokio::time::timeout(longest, self.prove(&directory, &account, authorization, challenge)).await;
        let tried = tried.unwrap_or_else(|_| {
            let why =
                format!("{} of {} took longer than {longest:?}", challenge.kind, authorization.identifier.value());
            Err(AttemptFailed {
                problem: Problem::new(ProblemType::Connection, why),
                worth_retrying: true,
                at_most: None,
            })
        });
        let settled = self.settled(&directory, authorization, challenge.clone(), tried);
        let (failed, next) = (settled.status == AuthorizationStatus::Invalid, settled.attempt_at);
        if !self.0.store.settle_challenge(authorization.id, settled).await? {
            // Given up, over, or tried by another meanwhile: what was found says nothing any more.
            return Ok(());
        }
        if failed {
            self.count_failure(&directory.acme_profile.settings, account.id, &authorization.identifier);
        }
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
            return Err(AttemptFailed { problem, worth_retrying: false, at_most: None });
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
            return Err(AttemptFailed { problem, worth_retrying: false, at_most: None });
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
                    at: now,
                    challenge,
                    status: AuthorizationStatus::Valid,
                    expires_at: Some(proof.until.map_or(end, |until| until.min(end))),
                    attempt_at: None,
                    caa_checked_at,
                }
            }
            Err(AttemptFailed { problem, worth_retrying, at_most }) => {
                let most = self.0.config.validation_attempts;
                let most = at_most.map_or(most, |at_most| at_most.min(most));
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
                Settled { at: now, challenge, status, expires_at: None, attempt_at: next, caa_checked_at: None }
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
