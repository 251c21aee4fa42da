//! CRLs: one full CRL for every CA (roots too), from the start, numbered upward only, remade soon after a revocation and
//! long before it grows old.
//!
//! What decides is in the database: the issuer's count of committed revocations against the count that its newest CRL
//! covers. So a restart or another node's revocation is noticed like one's own; the signal only saves the wait.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use chancery_core::audit::{AuditEntry, Event, Telling};
use chancery_core::port::{CrlRecord, RevokedCertificate};
use chancery_core::{Actor, Error, Origin, StoreError};
use chancery_pki::{CrlTemplate, RevokedEntry};
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::BuiltInAuthority;
use crate::issuer::Issuer;
use crate::sign::text;

/// How long a node that died keeps others from building.
const LEASE: Duration = Duration::seconds(15);
/// How often a number may be taken by somebody else before we wait for the next round.
const ATTEMPTS: usize = 4;

/// When CRLs are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// From thisUpdate to nextUpdate.
    pub lifetime: Duration,
    /// The longest time between two CRLs; half of the lifetime if that is shorter.
    pub interval: Duration,
    /// How far the clock may stand before the newest CRL's thisUpdate until nothing is signed any more: further back, it
    /// is the clock that is wrong.
    pub tolerance: Duration,
    /// How often the database is asked whether a CRL is due. A storm of revocations makes one every now and then, not
    /// one for each: after a round it rests for half of this, or twice the round's time, up to three times this. With one
    /// second here, and another for making a large CRL, a revocation shows within 5 s.
    pub poll: std::time::Duration,
}

impl Default for Schedule {
    /// Seven days, remade daily: CA/Browser Forum BR 4.9.7 asks for both.
    fn default() -> Self {
        Self {
            lifetime: Duration::days(7),
            interval: Duration::days(1),
            tolerance: Duration::minutes(5),
            poll: std::time::Duration::from_secs(1),
        }
    }
}

impl Schedule {
    /// Whether a new CRL is due, when the newest one is `current` and `revocations` have been committed.
    fn due(&self, current: Option<&CrlRecord>, revocations: i64, now: OffsetDateTime) -> bool {
        let Some(current) = current else { return true };
        let interval = self.interval.min(self.lifetime / 2);
        current.revocations < revocations || now - current.this_update >= interval
    }

    /// Number, thisUpdate and nextUpdate of the CRL after `previous`.
    ///
    /// Numbers follow the clock (seconds since 1970), so that a database restored from a backup does not give numbers
    /// again that relying parties have seen; they are larger than the previous one in any case (RFC 5280 section 5.2.3).
    fn next(&self, previous: Option<&CrlRecord>, now: OffsetDateTime) -> Result<Period, Error> {
        let mut this_update = now.replace_nanosecond(0).map_err(Error::internal)?;
        let mut number = now.unix_timestamp().max(1);
        if let Some(previous) = previous {
            if now + self.tolerance < previous.this_update {
                let why = format!(
                    "this server's clock says {}, but the newest CRL was made at {}: set the clock",
                    text(now),
                    text(previous.this_update)
                );
                return Err(Error::Unavailable { why, retry_after: std::time::Duration::from_secs(60) });
            }
            this_update = this_update.max(previous.this_update);
            number = number.max(previous.number + 1);
        }
        Ok(Period { number, this_update, next_update: this_update + self.lifetime })
    }

    /// Revoked certificates that ended before this are left out. RFC 5280 section 3.3: an entry stays until it has been
    /// on a regular CRL after the certificate's end. Here it stays for one more lifetime of CRLs, and at least until the
    /// first CRL after its end, however long the server was down.
    fn expired_after(&self, previous: Option<&CrlRecord>, now: OffsetDateTime) -> OffsetDateTime {
        let floor = now - self.lifetime;
        previous.map_or(floor, |previous| floor.min(previous.this_update))
    }
}

/// What the next CRL says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Period {
    number: i64,
    this_update: OffsetDateTime,
    next_update: OffsetDateTime,
}

/// The newest CRL of every CA, in memory.
#[derive(Default)]
pub(crate) struct Crls {
    newest: ArcSwap<HashMap<Uuid, Arc<CrlRecord>>>,
    wake: Notify,
    failing: AtomicBool,
    /// One round at a time.
    tending: tokio::sync::Mutex<()>,
}

impl Crls {
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Keep it unless a newer one is here.
    pub(crate) fn keep(&self, crl: CrlRecord) {
        let crl = Arc::new(crl);
        self.newest.rcu(|newest| {
            let mut newest = HashMap::clone(newest);
            let slot = newest.entry(crl.issuer).or_insert_with(|| crl.clone());
            if slot.number < crl.number {
                *slot = crl.clone();
            }
            newest
        });
    }

    fn of(&self, issuer: Uuid) -> Option<Arc<CrlRecord>> {
        self.newest.load().get(&issuer).cloned()
    }
}

impl BuiltInAuthority {
    /// The newest CRL of a CA certificate (its inventory id), from memory.
    pub fn current_crl(&self, issuer: Uuid) -> Option<Arc<CrlRecord>> {
        self.inner.crls.of(issuer)
    }

    /// Keep CRLs fresh until `shutdown` is ready; new authorities made elsewhere are loaded on the way. A CRL that is
    /// being made is finished first.
    pub async fn run_crls(self, shutdown: impl Future<Output = ()> + Send) {
        tokio::pin!(shutdown);
        let (crls, poll) = (&self.inner.crls, self.inner.config.crl.poll);
        loop {
            let began = Instant::now();
            match self.tend_crls().await {
                Ok(()) => {
                    if crls.failing.swap(false, Ordering::Relaxed) {
                        tracing::info!("CRLs are being made again");
                    }
                }
                Err(error) => {
                    if !crls.failing.swap(true, Ordering::Relaxed) {
                        tracing::error!(error = %crate::authority::told(&error), "CRLs cannot be made; trying on");
                    }
                }
            }
            let rest = (began.elapsed() * 2).clamp(poll / 2, poll * 3);
            tokio::select! {
                () = &mut shutdown => return,
                () = tokio::time::sleep(rest) => {}
            }
            tokio::select! {
                () = &mut shutdown => return,
                () = crls.wake.notified() => {}
                () = tokio::time::sleep(poll) => {}
            }
        }
    }

    /// One round: every CA whose CRL is due gets one, unless another node is making it.
    ///
    /// # Errors
    /// The first one that was met; the other CAs are served all the same.
    pub async fn tend_crls(&self) -> Result<(), Error> {
        let _alone = self.inner.crls.tending.lock().await;
        let rows = self.refresh().await?;
        let loaded = self.inner.loaded.load_full();
        let mut outcome = Ok(());
        for row in rows {
            let Some(issuer) = loaded.issuers.get(&row.id) else { continue };
            // After a CA's end nobody needs its CRL (RFC 5280 section 6.3.3 works on valid paths only).
            if issuer.certificate.validity().not_after < self.inner.ports.clock.now() {
                continue;
            }
            let tended = self.tend(issuer, row.revocations).await;
            outcome = outcome.and(tended);
        }
        outcome
    }

    async fn tend(&self, issuer: &Arc<Issuer>, revocations: i64) -> Result<(), Error> {
        let (ports, crls, schedule) = (&self.inner.ports, &self.inner.crls, &self.inner.config.crl);
        let due = |current: Option<&CrlRecord>| schedule.due(current, revocations, ports.clock.now());
        if !due(crls.of(issuer.id).as_deref()) {
            return Ok(());
        }
        let lease = format!("crl:{}", issuer.id);
        let (node, now) = (self.inner.config.node, ports.clock.now());
        let ours = ports.leases.acquire(&lease, node, now, now + LEASE).await?.is_some();
        let outcome = self.remake(issuer, due, ours).await;
        if ours {
            // A lease that cannot be given back ends by itself.
            if let Err(error) = ports.leases.release(&lease, node).await {
                tracing::debug!(%error, "the CRL lease was not given back");
            }
        }
        outcome
    }

    /// Take what another node has made meanwhile; if that is not enough and the lease is ours, make the next.
    async fn remake(
        &self,
        issuer: &Arc<Issuer>,
        due: impl Fn(Option<&CrlRecord>) -> bool,
        ours: bool,
    ) -> Result<(), Error> {
        let (ports, crls) = (&self.inner.ports, &self.inner.crls);
        for _ in 0..ATTEMPTS {
            let previous = ports.store.crl(issuer.id).await?;
            if let Some(newest) = &previous {
                crls.keep(newest.clone());
            }
            if !ours || !due(previous.as_ref()) {
                return Ok(());
            }
            let (crl, audit) = self.build(issuer, previous.as_ref()).await?;
            match ports.store.add_crl(crl.clone(), audit).await {
                Ok(()) => {
                    tracing::debug!(issuer = %issuer.id, number = crl.number, bytes = crl.der.len(), "CRL made");
                    crls.keep(crl);
                    return Ok(());
                }
                // UNIQUE(issuer, number) is the arbiter between nodes, should the lease fail.
                Err(StoreError::Duplicate(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::unavailable("another node keeps taking the CRL's number"))
    }

    async fn build(
        &self,
        issuer: &Arc<Issuer>,
        previous: Option<&CrlRecord>,
    ) -> Result<(CrlRecord, AuditEntry), Error> {
        let (ports, schedule) = (&self.inner.ports, &self.inner.config.crl);
        let now = ports.clock.now();
        let period = schedule.next(previous, now)?;
        let (revocations, revoked) = ports.store.revoked(issuer.id, schedule.expired_after(previous, now)).await?;
        let entries = revoked.len();
        let der = {
            let issuer = issuer.clone();
            tokio::task::spawn_blocking(move || sign(&issuer, period, revoked)).await.map_err(Error::internal)??
        };
        let audit = Telling::success(&Actor::system(), &Origin::system(), Event::CrlSign)
            .certificate(issuer.id)
            .with("entries", entries)
            .with("nextUpdate", period.next_update.unix_timestamp())
            .with("number", period.number)
            .with("thisUpdate", period.this_update.unix_timestamp())
            .at(now);
        let crl = CrlRecord {
            issuer: issuer.id,
            number: period.number,
            this_update: period.this_update,
            next_update: period.next_update,
            revocations,
            der,
        };
        Ok((crl, audit))
    }
}

fn sign(issuer: &Issuer, period: Period, revoked: Vec<RevokedCertificate>) -> Result<Vec<u8>, Error> {
    let template = CrlTemplate {
        issuer: issuer.certificate.subject().clone(),
        authority_key_id: issuer.key_id.clone(),
        number: period.number.unsigned_abs(),
        this_update: period.this_update,
        next_update: period.next_update,
        idp: None,
    };
    let entries = revoked.into_iter().map(|certificate| RevokedEntry {
        serial: certificate.serial,
        revoked_at: certificate.at,
        reason: Some(certificate.reason),
        invalidity_date: certificate.invalidity_date,
    });
    let crl = template.sign(entries, &*issuer.signer).map_err(Error::internal)?;
    Ok(crl.der().to_vec())
}

#[cfg(test)]
mod tests;
