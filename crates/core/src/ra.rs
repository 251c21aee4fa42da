//! The registration authority: every door holds one [`Ra`] and asks it for the same operations.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use chancery_pki::key_check::KeyChecks;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::audit::{ChainHead, Refusals};
use crate::port::{
    Alongside, ApprovalStore, AuditStore, Authority, Database, DoorRecheck, IdentityProvider, InventoryStore,
    ProfileStore, TokenStore, UserStore,
};
use crate::profile::ProfileCache;
use crate::token::TokenCache;
use crate::{CertificateRecord, Clock, Door, Error, Health, Rng};

/// From one group of login failures in the trail to the next.
const STRANGERS_PACE: Duration = Duration::from_millis(250);

/// What the domain needs from outside.
#[derive(Clone)]
pub struct Ports {
    /// RA profiles at rest.
    pub profiles: Arc<dyn ProfileStore>,
    /// Certificates at rest.
    pub inventory: Arc<dyn InventoryStore>,
    /// Approvals at rest.
    pub approvals: Arc<dyn ApprovalStore>,
    /// The audit trail.
    pub audit: Arc<dyn AuditStore>,
    /// Bearer tokens at rest.
    pub tokens: Arc<dyn TokenStore>,
    /// Users at rest.
    pub users: Arc<dyn UserStore>,
    /// What signs.
    pub authority: Arc<dyn Authority>,
    /// The database as such.
    pub database: Arc<dyn Database>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: Arc<dyn Rng>,
    /// The checks that every foreign key must pass.
    pub key_checks: KeyChecks,
}

/// The registration authority. Cheap to clone.
#[derive(Clone)]
pub struct Ra(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) ports: Ports,
    pub(crate) profiles: ProfileCache,
    pub(crate) tokens: TokenCache,
    /// Refusals to known callers.
    pub(crate) refusals: Refusals,
    /// Login failures: anybody can make them, so they are written at a pace.
    pub(crate) strangers: Refusals,
    pub(crate) health: Health,
    /// Doors that are asked again when an approval is given.
    rechecks: RwLock<BTreeMap<Door, Arc<dyn DoorRecheck>>>,
    /// What reads signed tokens of other issuers.
    pub(crate) identities: RwLock<Option<Arc<dyn IdentityProvider>>>,
    /// What the last checkpoint of this process stated.
    pub(crate) checkpointed: Mutex<Vec<ChainHead>>,
}

impl Ra {
    /// A registration authority over these ports.
    pub fn new(ports: Ports) -> Self {
        let refusals = Refusals::new(ports.audit.clone(), Duration::ZERO);
        let strangers = Refusals::new(ports.audit.clone(), STRANGERS_PACE);
        let health = Health::new(ports.database.clone(), ports.clock.clone());
        Self(Arc::new(Inner {
            ports,
            profiles: ProfileCache::default(),
            tokens: TokenCache::default(),
            refusals,
            strangers,
            health,
            rechecks: RwLock::default(),
            identities: RwLock::default(),
            checkpointed: Mutex::default(),
        }))
    }

    /// What it stands on.
    pub fn ports(&self) -> &Ports {
        &self.0.ports
    }

    /// Have a door asked again before what waited behind it is signed. A door that says nothing here has no state that may
    /// have changed meanwhile.
    pub fn recheck_by(&self, door: Door, recheck: Arc<dyn DoorRecheck>) {
        self.0.rechecks.write().unwrap_or_else(PoisonError::into_inner).insert(door, recheck);
    }

    /// Does the door through which this was asked for still stand by it?
    pub(crate) async fn door_stands_by(&self, waiting: &CertificateRecord) -> Result<Option<Alongside>, Error> {
        let recheck = self.0.rechecks.read().unwrap_or_else(PoisonError::into_inner).get(&waiting.door).cloned();
        match recheck {
            Some(recheck) => recheck.recheck(waiting).await,
            None => Ok(None),
        }
    }

    /// Whether it can do its work: what every health check answers by.
    pub fn health(&self) -> &Health {
        &self.0.health
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.0.ports.clock.now()
    }

    pub(crate) fn new_id(&self) -> Uuid {
        crate::new_id(&*self.0.ports.clock, &*self.0.ports.rng)
    }
}
