//! The built-in authority: what it is made of, and how it comes to life.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use chancery_core::attribute::Definition;
use chancery_core::port::{Authority, AuthorityInstance, AuthorityStore, IssuerRecord, KeyProvider, LeaseStore};
use chancery_core::{Clock, Error, Rng, StoreError};
use chancery_pki::{Certificate, CertificateTemplate};
use uuid::Uuid;

use crate::crl::{Crls, Schedule};
use crate::issuer::{BrokenChain, Issuer, Loaded};
use chancery_core::Pool;

/// How many slow signatures may wait, per core.
const WAITING: usize = 64;
/// How long a slow signature may wait for its turn.
const DEADLINE: Duration = Duration::from_secs(5);

/// What the built-in authority is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where relying parties find CRLs and CA certificates, without a path behind: `http://ca.example:8080`. It goes into
    /// certificates: see [`crl_url`](crate::crl_url) and [`ca_url`](crate::ca_url).
    pub status_url: String,
    /// This node, as holder of leases.
    pub node: Uuid,
    /// When CRLs are made.
    pub crl: Schedule,
    /// How many slow signatures (RSA, P-521) run at once.
    pub cores: usize,
}

/// What the built-in authority needs.
#[derive(Clone)]
pub struct Ports {
    /// Authorities, CA certificates, keys, CRLs.
    pub store: Arc<dyn AuthorityStore>,
    /// Work of one node at a time.
    pub leases: Arc<dyn LeaseStore>,
    /// Private keys.
    pub keys: Arc<dyn KeyProvider>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: Arc<dyn Rng>,
}

/// The built-in authority: every CA of this installation. Cheap to clone.
#[derive(Clone)]
pub struct BuiltInAuthority {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) ports: Ports,
    pub(crate) config: Config,
    pub(crate) loaded: ArcSwap<Loaded>,
    pub(crate) crls: Crls,
    pub(crate) pool: Pool,
    /// One change of `loaded` at a time.
    loading: tokio::sync::Mutex<()>,
}

/// Why the authorities of a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A CA certificate cannot be read.
    #[error("CA certificate {id} cannot be read ({why}); restore it from a backup of this database")]
    Certificate {
        /// Its inventory id.
        id: Uuid,
        /// What is wrong with it.
        why: String,
    },
    /// A CA's key is gone.
    #[error("key {key} of CA certificate {id} is not in this database; restore it from a backup")]
    NoKey {
        /// The CA certificate's inventory id.
        id: Uuid,
        /// The key's id.
        key: Uuid,
    },
    /// A CA certificate names another key.
    #[error("key {key} is not the key that CA certificate {id} certifies; restore both from one backup")]
    OtherKey {
        /// The CA certificate's inventory id.
        id: Uuid,
        /// The key's id.
        key: Uuid,
    },
    /// A CA's key cannot be used.
    #[error("the key of CA certificate {id} cannot be used: {}", told(.source))]
    Key {
        /// The CA certificate's inventory id.
        id: Uuid,
        /// Why not.
        #[source]
        source: Error,
    },
    /// A chain does not end in a root.
    #[error(transparent)]
    Chain(#[from] BrokenChain),
}

/// An internal error tells clients nothing, but who starts a server must know.
pub(crate) fn told(error: &Error) -> String {
    match error {
        Error::Internal(source) => source.to_string(),
        other => other.to_string(),
    }
}

impl From<LoadError> for Error {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Store(error) => error.into(),
            LoadError::Key { source: source @ Error::Unavailable { .. }, .. } => source,
            other => Self::internal(other),
        }
    }
}

impl BuiltInAuthority {
    /// Load every authority of the database, open its keys and read its newest CRLs. An empty database has none yet.
    ///
    /// # Errors
    /// Keys that do not open, chains that are not whole, a database that does not answer.
    pub async fn open(ports: Ports, config: Config) -> Result<Self, LoadError> {
        let config = Config { status_url: config.status_url.trim_end_matches('/').to_owned(), ..config };
        let cores = config.cores.max(1);
        let authority = Self {
            inner: Arc::new(Inner {
                ports,
                config,
                loaded: ArcSwap::default(),
                crls: Crls::default(),
                pool: Pool::new(cores, cores * WAITING, DEADLINE),
                loading: tokio::sync::Mutex::default(),
            }),
        };
        authority.reload().await?;
        for id in authority.inner.loaded.load().issuers.keys() {
            if let Some(crl) = authority.inner.ports.store.crl(*id).await? {
                authority.inner.crls.keep(crl);
            }
        }
        Ok(authority)
    }

    /// Read again which authorities there are: another node, or the command line, may have made one.
    ///
    /// # Errors
    /// Like [`BuiltInAuthority::open`]; what was loaded before stays.
    pub async fn reload(&self) -> Result<(), LoadError> {
        self.refresh().await.map(drop)
    }

    /// Reload what changed; the rows of all CA certificates come back, with their revocation counts.
    pub(crate) async fn refresh(&self) -> Result<Vec<IssuerRecord>, LoadError> {
        // Read under the lock: rows read before another reload must not replace what it loaded.
        let _alone = self.inner.loading.lock().await;
        let authorities = self.inner.ports.store.authorities().await?;
        let rows = self.inner.ports.store.issuers().await?;
        let known = self.inner.loaded.load_full();
        if !known.is(&authorities, &rows) {
            let mut issuers = HashMap::with_capacity(rows.len());
            for row in &rows {
                let issuer = match known.issuers.get(&row.id) {
                    Some(issuer) => issuer.clone(),
                    None => Arc::new(self.issuer(row).await?),
                };
                issuers.insert(issuer.id, issuer);
            }
            let revoked = rows.iter().filter(|row| row.revoked).map(|row| row.id).collect();
            self.inner.loaded.store(Arc::new(Loaded::new(authorities, issuers, revoked)?));
        }
        Ok(rows)
    }

    async fn issuer(&self, row: &IssuerRecord) -> Result<Issuer, LoadError> {
        let &IssuerRecord { id, key, parent, ref certificate, .. } = row;
        let certificate = Certificate::from_der(certificate)
            .map_err(|error| LoadError::Certificate { id, why: error.to_string() })?;
        let signer = self.inner.ports.keys.signer(key).await.map_err(|source| LoadError::Key { id, source })?;
        let signer = signer.ok_or(LoadError::NoKey { id, key })?;
        if signer.public_key().spki_der() != certificate.public_key().spki_der() {
            return Err(LoadError::OtherKey { id, key });
        }
        Ok(Issuer::new(id, parent, certificate, signer))
    }
}

#[async_trait]
impl Authority for BuiltInAuthority {
    fn instances(&self) -> Vec<Arc<AuthorityInstance>> {
        self.inner.loaded.load().instances.clone()
    }

    fn instance(&self, id: Uuid) -> Option<Arc<AuthorityInstance>> {
        self.inner.loaded.load().instances.iter().find(|instance| instance.id == id).cloned()
    }

    fn chain(&self, issuer: Uuid) -> Option<Vec<(Uuid, Certificate)>> {
        self.inner.loaded.load().chain(issuer)
    }

    fn profile_definitions(&self) -> Arc<[Definition]> {
        chancery_core::policy::definitions()
    }

    async fn sign(&self, authority: Uuid, template: CertificateTemplate) -> Result<(Uuid, Certificate), Error> {
        self.sign_with(authority, template).await
    }

    fn revoked(&self, _issuer: Uuid) {
        self.inner.crls.wake();
    }
}

#[cfg(test)]
mod tests;
