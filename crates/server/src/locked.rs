//! An authority whose keys are not open: it signs nothing. Enough to read the audit trail.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_core::Error;
use chancery_core::attribute::Definition;
use chancery_core::port::{Authority, AuthorityInstance};
use chancery_pki::{Certificate, CertificateTemplate};
use uuid::Uuid;

/// See the module.
pub struct Locked;

#[async_trait]
impl Authority for Locked {
    fn instances(&self) -> Vec<Arc<AuthorityInstance>> {
        Vec::new()
    }

    fn instance(&self, _: Uuid) -> Option<Arc<AuthorityInstance>> {
        None
    }

    fn chain(&self, _: Uuid) -> Option<Vec<(Uuid, Certificate)>> {
        None
    }

    fn profile_definitions(&self) -> Arc<[Definition]> {
        Arc::from([])
    }

    async fn sign(&self, _: Uuid, _: CertificateTemplate) -> Result<(Uuid, Certificate), Error> {
        Err(Error::unavailable("the keys of this installation are not open"))
    }

    fn revoked(&self, _: Uuid) {}
}
