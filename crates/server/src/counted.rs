//! Counts what is issued and revoked, at the inventory's port: whichever door it came through.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_core::port::{InventoryStore, IssueRecord, RevokeRecord};
use chancery_core::{CertificateQuery, CertificateRecord, CertificateState, Page, StoreError};
use chancery_pki::SerialNumber;
use prometheus::{IntCounterVec, Opts, Registry};
use uuid::Uuid;

/// Counters of this process.
#[derive(Clone, Debug)]
pub struct IssuanceCounters {
    issued: IntCounterVec,
    revoked: IntCounterVec,
}

impl Default for IssuanceCounters {
    fn default() -> Self {
        let counter = |name, help, label| {
            IntCounterVec::new(Opts::new(name, help), &[label]).expect("the names of these metrics are well formed")
        };
        Self {
            issued: counter("chancery_certificates_issued_total", "Certificates issued and recorded, by door.", "door"),
            revoked: counter("chancery_certificates_revoked_total", "Certificates revoked, by reason.", "reason"),
        }
    }
}

impl IssuanceCounters {
    /// Show them in this registry.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.issued.clone()))?;
        registry.register(Box::new(self.revoked.clone()))
    }

    fn issued(&self, door: &str, state: CertificateState, result: &Result<(), StoreError>) {
        if result.is_ok() && state == CertificateState::Issued {
            self.issued.with_label_values(&[door]).inc();
        }
    }
}

/// An inventory that counts.
pub struct CountedInventory<S> {
    inner: Arc<S>,
    counters: IssuanceCounters,
}

impl<S> CountedInventory<S> {
    /// Count what goes into `inner`.
    pub fn new(inner: Arc<S>, counters: IssuanceCounters) -> Self {
        Self { inner, counters }
    }
}

#[async_trait]
impl<S: InventoryStore> InventoryStore for CountedInventory<S> {
    async fn record(&self, record: IssueRecord) -> Result<(), StoreError> {
        let (door, state) = (record.certificate.door, record.certificate.state);
        let result = self.inner.record(record).await;
        self.counters.issued(door.as_str(), state, &result);
        result
    }

    async fn issue_requested(&self, record: IssueRecord) -> Result<(), StoreError> {
        let (door, state) = (record.certificate.door, record.certificate.state);
        let result = self.inner.issue_requested(record).await;
        self.counters.issued(door.as_str(), state, &result);
        result
    }

    async fn revoke(&self, record: RevokeRecord) -> Result<(), StoreError> {
        let reason = record.reason;
        let result = self.inner.revoke(record).await;
        if result.is_ok() {
            self.counters.revoked.with_label_values(&[reason.wire()]).inc();
        }
        result
    }

    async fn certificate(&self, id: Uuid) -> Result<Option<CertificateRecord>, StoreError> {
        self.inner.certificate(id).await
    }

    async fn certificate_by_serial(
        &self,
        issuer: Uuid,
        serial: &SerialNumber,
    ) -> Result<Option<CertificateRecord>, StoreError> {
        self.inner.certificate_by_serial(issuer, serial).await
    }

    async fn successors(&self, id: Uuid) -> Result<Vec<CertificateRecord>, StoreError> {
        self.inner.successors(id).await
    }

    async fn certificates(&self, query: CertificateQuery) -> Result<Page<CertificateRecord>, StoreError> {
        self.inner.certificates(query).await
    }

    async fn key_blocked(&self, key_hash: [u8; 32]) -> Result<bool, StoreError> {
        self.inner.key_blocked(key_hash).await
    }
}
