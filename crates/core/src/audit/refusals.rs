//! Refusals and login failures: told before they are answered, grouped so that a flood of them cannot flood the trail.
//!
//! While one group is being written, further refusals wait; those that say the same are counted in one entry. Whoever is
//! refused gets the answer after the commit: no refusal is dropped, not even by a crash.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{AuditEntry, Telling};
use crate::Error;
use crate::port::AuditStore;

pub(crate) struct Refusals {
    store: Arc<dyn AuditStore>,
    state: Arc<Mutex<State>>,
    /// At least this long from one group to the next: what strangers ask for may cost only so much.
    pace: Duration,
}

#[derive(Default)]
struct State {
    waiting: HashMap<String, Group>,
    writing: bool,
    written_at: Option<Instant>,
}

/// Refusals that say the same, save for their time and request id.
struct Group {
    first: Told,
    count: u64,
    callers: Vec<oneshot::Sender<bool>>,
}

/// A telling that has let go of what it borrowed.
struct Told {
    actor: String,
    identity: Option<(uuid::Uuid, crate::ActorKind)>,
    origin: crate::Origin,
    event: super::Event,
    result: super::AuditResult,
    profile: Option<uuid::Uuid>,
    certificate: Option<uuid::Uuid>,
    detail: std::collections::BTreeMap<&'static str, serde_json::Value>,
    time: OffsetDateTime,
}

impl Told {
    fn entry(self, count: u64) -> AuditEntry {
        let mut telling =
            Telling::of(&self.actor, &self.origin, self.event, self.result).profile(self.profile).count(count);
        telling.identity = self.identity;
        telling.certificate = self.certificate;
        telling.detail = self.detail;
        telling.at(self.time)
    }
}

impl Refusals {
    pub(crate) fn new(store: Arc<dyn AuditStore>, pace: Duration) -> Self {
        Self { store, state: Arc::default(), pace }
    }

    /// Tell a refusal, and return when it is committed.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the trail cannot be written: the door then answers so instead of refusing.
    pub(crate) async fn tell(&self, telling: Telling<'_>, now: OffsetDateTime) -> Result<(), Error> {
        let (committed, wait) = oneshot::channel();
        if self.queue(telling, now, committed) {
            tokio::spawn(write_all(self.store.clone(), self.state.clone(), self.pace));
        }
        match wait.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Error::unavailable("the audit trail cannot be written")),
        }
    }

    /// Add to the waiting groups; true when nobody is writing and the caller must start.
    fn queue(&self, telling: Telling<'_>, time: OffsetDateTime, committed: oneshot::Sender<bool>) -> bool {
        let key = format!(
            "{:?}",
            (
                telling.event.as_str(),
                telling.actor,
                telling.identity,
                telling.origin.door,
                telling.origin.address,
                telling.profile,
                telling.certificate,
                &telling.detail
            )
        );
        let mut state = self.state.lock().expect("no holder panics");
        match state.waiting.entry(key) {
            Entry::Occupied(mut group) => {
                let group = group.get_mut();
                group.count += telling.count;
                group.callers.push(committed);
            }
            Entry::Vacant(vacant) => {
                vacant.insert(Group {
                    count: telling.count,
                    first: Told {
                        actor: telling.actor.to_owned(),
                        identity: telling.identity,
                        origin: telling.origin.clone(),
                        event: telling.event,
                        result: telling.result,
                        profile: telling.profile,
                        certificate: telling.certificate,
                        detail: telling.detail,
                        time,
                    },
                    callers: vec![committed],
                });
            }
        }
        !std::mem::replace(&mut state.writing, true)
    }
}

/// Write what waits, group after group, until nothing waits.
async fn write_all(store: Arc<dyn AuditStore>, state: Arc<Mutex<State>>, pace: Duration) {
    loop {
        let written_at = state.lock().expect("no holder panics").written_at;
        if let Some(written_at) = written_at {
            tokio::time::sleep_until(written_at + pace).await;
        }
        let waiting = {
            let mut state = state.lock().expect("no holder panics");
            if state.waiting.is_empty() {
                state.writing = false;
                return;
            }
            std::mem::take(&mut state.waiting)
        };
        let mut callers = Vec::new();
        let mut entries = Vec::with_capacity(waiting.len());
        for group in waiting.into_values() {
            callers.extend(group.callers);
            entries.push(group.first.entry(group.count));
        }
        entries.sort_by_key(|entry| entry.time);
        let written = store.append(entries).await;
        state.lock().expect("no holder panics").written_at = Some(Instant::now());
        if let Err(error) = &written {
            tracing::error!(%error, "refusals could not be told in the audit trail");
        }
        for caller in callers {
            // A caller that went away has no need of the answer.
            let _ = caller.send(written.is_ok());
        }
    }
}
