//! What the tests share: a store in memory with the rules that the port states, and an authority over it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chancery_core::audit::AuditEntry;
use chancery_core::port::{
    AuthorityRecord, AuthorityStore, CrlRecord, IssuerRecord, KeyRecord, LeaseStore, NewAuthority, RevokedCertificate,
};
use chancery_core::{Actor, CertificateRecord, ManualClock, Origin, Rng, StoreError, SystemRng, Unique};
use chancery_pki::{CertificateTemplate, KeyType, KeyUsage, Name, PrivateKey, SerialNumber, Validity};
use secrecy::SecretString;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{BuiltInAuthority, Config, Cost, NewAuthorityRequest, Ports, Schedule, SoftwareKeys, Vault};

pub(crate) const START: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);
pub(crate) const CHEAP: Cost = Cost { memory: 64, passes: 1, lanes: 1 };
pub(crate) const STATUS: &str = "http://ca.example:8080";

#[derive(Default)]
pub(crate) struct Rows {
    pub(crate) authorities: Vec<AuthorityRecord>,
    pub(crate) issuers: Vec<IssuerRecord>,
    pub(crate) certificates: Vec<CertificateRecord>,
    pub(crate) keys: Vec<KeyRecord>,
    pub(crate) crls: Vec<CrlRecord>,
    pub(crate) audit: Vec<AuditEntry>,
    pub(crate) secrets: HashMap<String, Vec<u8>>,
    pub(crate) revoked: Vec<(Uuid, OffsetDateTime, RevokedCertificate)>,
    pub(crate) leases: HashMap<String, (Uuid, OffsetDateTime)>,
}

/// A store in memory.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) rows: Mutex<Rows>,
    /// Whether it answers.
    pub(crate) away: AtomicBool,
    /// Whether it finds no secret, as it was for a node that looked a moment too early.
    pub(crate) blind: AtomicBool,
}

impl Memory {
    fn rows(&self) -> Result<std::sync::MutexGuard<'_, Rows>, StoreError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("a test took it away".into()));
        }
        Ok(self.rows.lock().expect("no holder panics"))
    }

    /// What the inventory's revocation does to an issuer.
    pub(crate) fn revoke(&self, issuer: Uuid, not_after: OffsetDateTime, revoked: RevokedCertificate) {
        let mut rows = self.rows().expect("it answers");
        rows.revoked.push((issuer, not_after, revoked));
        let row = rows.issuers.iter_mut().find(|row| row.id == issuer).expect("the issuer is known");
        row.revocations += 1;
    }
}

#[async_trait]
impl AuthorityStore for Memory {
    async fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError> {
        Ok(self.rows()?.authorities.clone())
    }

    async fn issuers(&self) -> Result<Vec<IssuerRecord>, StoreError> {
        Ok(self.rows()?.issuers.clone())
    }

    async fn create_authority(&self, new: NewAuthority) -> Result<(), StoreError> {
        let mut rows = self.rows()?;
        if rows.authorities.iter().any(|row| row.name == new.authority.name) {
            return Err(StoreError::Duplicate(Unique::AuthorityName));
        }
        rows.authorities.push(new.authority);
        rows.issuers.extend(new.issuers);
        rows.keys.extend(new.keys);
        for record in new.certificates {
            rows.certificates.push(record.certificate);
            rows.audit.push(record.audit);
        }
        rows.audit.push(new.audit);
        Ok(())
    }

    async fn key(&self, id: Uuid) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.rows()?.keys.iter().find(|row| row.id == id).cloned())
    }

    async fn key_by_label(&self, label: &str) -> Result<Option<KeyRecord>, StoreError> {
        Ok(self.rows()?.keys.iter().rev().find(|row| row.label == label).cloned())
    }

    async fn add_key(&self, key: KeyRecord) -> Result<(), StoreError> {
        self.rows()?.keys.push(key);
        Ok(())
    }

    async fn crl(&self, issuer: Uuid) -> Result<Option<CrlRecord>, StoreError> {
        Ok(self.rows()?.crls.iter().filter(|row| row.issuer == issuer).max_by_key(|row| row.number).cloned())
    }

    async fn add_crl(&self, crl: CrlRecord, audit: AuditEntry) -> Result<(), StoreError> {
        let mut rows = self.rows()?;
        if rows.crls.iter().any(|row| row.issuer == crl.issuer && row.number == crl.number) {
            return Err(StoreError::Duplicate(Unique::Other));
        }
        rows.crls.push(crl);
        rows.audit.push(audit);
        Ok(())
    }

    async fn revoked(
        &self,
        issuer: Uuid,
        expired_after: OffsetDateTime,
    ) -> Result<(i64, Vec<RevokedCertificate>), StoreError> {
        let rows = self.rows()?;
        let count = rows.issuers.iter().find(|row| row.id == issuer).map_or(0, |row| row.revocations);
        let revoked = rows.revoked.iter().filter(|(by, not_after, _)| *by == issuer && *not_after >= expired_after);
        Ok((count, revoked.map(|(_, _, revoked)| revoked.clone()).collect()))
    }

    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let blind = self.blind.load(Ordering::Relaxed);
        Ok(self.rows()?.secrets.get(name).filter(|_| !blind).cloned())
    }

    async fn secret_or_insert(&self, name: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        Ok(self.rows()?.secrets.entry(name.to_owned()).or_insert(value).clone())
    }
}

#[async_trait]
impl LeaseStore for Memory {
    async fn acquire(
        &self,
        name: &str,
        holder: Uuid,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Option<i64>, StoreError> {
        let mut rows = self.rows()?;
        match rows.leases.get(name) {
            Some((other, end)) if *other != holder && *end > now => Ok(None),
            _ => {
                rows.leases.insert(name.to_owned(), (holder, until));
                Ok(Some(1))
            }
        }
    }

    async fn release(&self, name: &str, holder: Uuid) -> Result<(), StoreError> {
        self.rows()?.leases.retain(|lease, (by, _)| lease != name || *by != holder);
        Ok(())
    }
}

/// Chance that repeats: the same bytes at every call.
pub(crate) struct StuckRng(pub(crate) u8);

impl Rng for StuckRng {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

/// One installation's database and clock; nodes come and go.
pub(crate) struct House {
    pub(crate) store: Arc<Memory>,
    pub(crate) clock: Arc<ManualClock>,
    nodes: AtomicU64,
}

impl House {
    pub(crate) fn new() -> Self {
        Self { store: Arc::default(), clock: Arc::new(ManualClock::at(START)), nodes: AtomicU64::new(1) }
    }

    pub(crate) async fn vault(&self) -> Vault {
        let passphrase = SecretString::from("correct horse");
        Vault::open_at(&*self.store, passphrase, Arc::new(SystemRng), CHEAP).await.expect("opens")
    }

    pub(crate) async fn keys(&self) -> SoftwareKeys {
        SoftwareKeys::new(self.store.clone(), self.vault().await, self.clock.clone(), Arc::new(SystemRng))
    }

    /// Another node on the same database.
    pub(crate) async fn node(&self) -> BuiltInAuthority {
        self.node_with(Arc::new(SystemRng)).await.expect("loads")
    }

    pub(crate) async fn node_with(&self, rng: Arc<dyn Rng>) -> Result<BuiltInAuthority, crate::LoadError> {
        let ports = Ports {
            store: self.store.clone(),
            leases: self.store.clone(),
            keys: Arc::new(self.keys().await),
            clock: self.clock.clone(),
            rng,
        };
        let config = Config {
            status_url: format!("{STATUS}/"),
            node: Uuid::from_u64_pair(0, self.nodes.fetch_add(1, Ordering::Relaxed)),
            crl: Schedule { poll: std::time::Duration::from_millis(10), ..Schedule::default() },
            cores: 1,
        };
        BuiltInAuthority::open(ports, config).await
    }
}

/// An authority by default.
pub(crate) async fn default_authority(node: &BuiltInAuthority) -> Uuid {
    create(node, NewAuthorityRequest::named("default")).await
}

pub(crate) async fn create(node: &BuiltInAuthority, request: NewAuthorityRequest) -> Uuid {
    node.create(&Actor::system(), &Origin::system(), request).await.expect("is made").id
}

/// A leaf for one host, of 90 days.
pub(crate) fn leaf(now: OffsetDateTime) -> CertificateTemplate {
    let key = PrivateKey::generate(KeyType::P256).expect("makes a key");
    CertificateTemplate {
        subject: "CN=host.example".parse::<Name>().expect("is a name"),
        subject_alt_names: vec!["dns:host.example".parse().expect("is a name")],
        public_key: key.public_key().clone(),
        validity: Validity::new(now, now + Duration::days(90)),
        serial: SerialNumber::from_random([1; 16]),
        key_usage: Some(KeyUsage::DIGITAL_SIGNATURE),
        extended_key_usage: Vec::new(),
        basic_constraints: None,
        crl_distribution_points: vec!["http://elsewhere.example/crl".into()],
        aia_issuers: Vec::new(),
        aia_ocsp: vec!["http://elsewhere.example/ocsp".into()],
        policies: Vec::new(),
        must_staple: false,
    }
}
