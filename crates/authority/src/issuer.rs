//! CA certificates with their keys, in memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chancery_core::port::{AuthorityInstance, AuthorityRecord, IssuerRecord};
use chancery_pki::{Certificate, KeyAlgorithm, Signer};
use uuid::Uuid;

/// A CA certificate, ready to sign.
pub(crate) struct Issuer {
    /// Inventory id of the CA certificate.
    pub(crate) id: Uuid,
    /// Inventory id of the CA that signed it; its own for a root.
    pub(crate) parent: Uuid,
    pub(crate) certificate: Certificate,
    /// What its certificates carry as authority key identifier.
    pub(crate) key_id: Vec<u8>,
    pub(crate) signer: Arc<dyn Signer>,
}

impl Issuer {
    /// RFC 5280 section 4.2.1.2: the authority key identifier of what it signs is its own subject key identifier.
    pub(crate) fn new(id: Uuid, parent: Uuid, certificate: Certificate, signer: Arc<dyn Signer>) -> Self {
        let key_id = match certificate.subject_key_id() {
            Some(key_id) => key_id.to_vec(),
            None => certificate.public_key().key_id().to_vec(),
        };
        Self { id, parent, certificate, key_id, signer }
    }

    /// Whether a signature takes long enough to block others: RSA takes 1 to 10 ms, P-521 about 0.3 ms, the others less
    /// than 0.1 ms.
    pub(crate) fn slow(&self) -> bool {
        match self.signer.public_key().algorithm() {
            KeyAlgorithm::Rsa { .. } | KeyAlgorithm::P521 => true,
            KeyAlgorithm::P256 | KeyAlgorithm::P384 | KeyAlgorithm::Ed25519 => false,
        }
    }
}

/// All authorities as they were at one moment.
#[derive(Default)]
pub(crate) struct Loaded {
    /// By name.
    pub(crate) instances: Vec<Arc<AuthorityInstance>>,
    /// By the CA certificate's inventory id.
    pub(crate) issuers: HashMap<Uuid, Arc<Issuer>>,
    /// CA certificates that were revoked, by their inventory id.
    revoked: HashSet<Uuid>,
}

impl Loaded {
    pub(crate) fn new(
        authorities: Vec<AuthorityRecord>,
        issuers: HashMap<Uuid, Arc<Issuer>>,
        revoked: HashSet<Uuid>,
    ) -> Result<Self, BrokenChain> {
        let mut loaded = Self { instances: Vec::with_capacity(authorities.len()), issuers, revoked };
        for authority in authorities {
            let chain = loaded.chain(authority.issuer).ok_or(BrokenChain { authority: authority.name.clone() })?;
            loaded.instances.push(Arc::new(AuthorityInstance {
                id: authority.id,
                name: authority.name,
                kind: "built-in",
                chain,
            }));
        }
        loaded.instances.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(loaded)
    }

    /// From this CA certificate to its root; `None` when one of them is not here.
    pub(crate) fn chain(&self, issuer: Uuid) -> Option<Vec<(Uuid, Certificate)>> {
        let mut chain = Vec::new();
        let mut next = issuer;
        loop {
            let issuer = self.issuers.get(&next)?;
            chain.push((issuer.id, issuer.certificate.clone()));
            if issuer.parent == issuer.id {
                return Some(chain);
            }
            if chain.len() > self.issuers.len() {
                return None;
            }
            next = issuer.parent;
        }
    }

    /// The CA that signs for this authority now.
    pub(crate) fn of(&self, authority: Uuid) -> Option<&Arc<Issuer>> {
        let instance = self.instances.iter().find(|instance| instance.id == authority)?;
        self.issuers.get(&instance.issuer().0)
    }

    /// The CA certificate that was revoked between this issuer and its root, itself included.
    pub(crate) fn revoked_above(&self, issuer: Uuid) -> Option<Certificate> {
        let chain = self.chain(issuer)?;
        chain.into_iter().find(|(id, _)| self.revoked.contains(id)).map(|(_, certificate)| certificate)
    }

    /// Whether the store's rows say the same.
    pub(crate) fn is(&self, authorities: &[AuthorityRecord], issuers: &[IssuerRecord]) -> bool {
        self.issuers.len() == issuers.len()
            && self.instances.len() == authorities.len()
            && issuers.iter().all(|row| self.issuers.contains_key(&row.id))
            && issuers.iter().all(|row| self.revoked.contains(&row.id) == row.revoked)
            && authorities.iter().all(|row| {
                let known = self.instances.iter().find(|instance| instance.id == row.id);
                known.is_some_and(|instance| instance.issuer().0 == row.issuer && instance.name == row.name)
            })
    }
}

/// An authority whose chain does not end in a root.
#[derive(Debug, thiserror::Error)]
#[error("authority {authority:?} has no whole chain to a root in this database; restore the missing CA certificate")]
pub struct BrokenChain {
    authority: String,
}
