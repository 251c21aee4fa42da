//! Software keys, encrypted at rest.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_core::port::{AuthorityStore, KeyProvider, KeyRecord};
use chancery_core::{Clock, Error, Rng, new_id};
use chancery_pki::{KeyType, PrivateKey, Signer};
use uuid::Uuid;

use crate::{Vault, VaultError};

/// Keys that live in the database, wrapped by the [`Vault`], and in memory while they are used.
#[derive(Clone)]
pub struct SoftwareKeys {
    store: Arc<dyn AuthorityStore>,
    vault: Vault,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

/// A stored key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// It opened to something that is no private key.
    #[error("key {id} opened to something that is no private key ({why}); restore it from a backup of this database")]
    Unreadable {
        /// The key's id.
        id: Uuid,
        /// What is wrong with it.
        why: String,
    },
    /// The row names another public key than the private key has.
    #[error("key {id} has another public key than its row says; restore the row from a backup of this database")]
    Mismatch {
        /// The key's id.
        id: Uuid,
    },
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Vault(error) => error.into(),
            KeyError::Unreadable { .. } | KeyError::Mismatch { .. } => Self::internal(error),
        }
    }
}

impl SoftwareKeys {
    /// Keys of this store, wrapped by this vault.
    pub fn new(store: Arc<dyn AuthorityStore>, vault: Vault, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { store, vault, clock, rng }
    }

    /// Make a key that is not kept until somebody stores the record.
    ///
    /// # Errors
    /// Sizes that the cryptographic library does not make.
    pub async fn make(&self, key_type: KeyType, label: &str) -> Result<(KeyRecord, PrivateKey), Error> {
        // Making an RSA key of 4096 bits takes seconds.
        let made = tokio::task::spawn_blocking(move || PrivateKey::generate(key_type)).await;
        let key = made.map_err(Error::internal)?.map_err(Error::internal)?;
        let id = new_id(&*self.clock, &*self.rng);
        let record = KeyRecord {
            id,
            label: label.to_owned(),
            public_key: key.public_key().spki_der().to_vec(),
            wrapped: self.vault.wrap(&bound_label(id), &key.to_pkcs8_der()),
            created_at: self.clock.now(),
        };
        Ok((record, key))
    }

    /// Make a key and keep it at once (the server's own keys; CA keys come with their authority).
    ///
    /// # Errors
    /// Like [`SoftwareKeys::make`], and when the store does not take it.
    pub async fn add(&self, key_type: KeyType, label: &str) -> Result<(Uuid, PrivateKey), Error> {
        let (record, key) = self.make(key_type, label).await?;
        let id = record.id;
        self.store.add_key(record).await?;
        Ok((id, key))
    }

    /// The newest key with this label, opened.
    ///
    /// # Errors
    /// When it does not open, see [`KeyError`].
    pub async fn by_label(&self, label: &str) -> Result<Option<(Uuid, PrivateKey)>, Error> {
        match self.store.key_by_label(label).await? {
            Some(record) => Ok(Some((record.id, self.open(&record)?))),
            None => Ok(None),
        }
    }

    /// Open a stored key. That it is the key of this id and of this public key is checked.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn open(&self, record: &KeyRecord) -> Result<PrivateKey, KeyError> {
        let pkcs8 = self.vault.unwrap(&bound_label(record.id), &record.wrapped)?;
        let key = PrivateKey::from_pkcs8_der(&pkcs8)
            .map_err(|error| KeyError::Unreadable { id: record.id, why: error.to_string() })?;
        if key.public_key().spki_der() != record.public_key {
            return Err(KeyError::Mismatch { id: record.id });
        }
        Ok(key)
    }
}

/// The label under which a key is wrapped: its id, so that no key can be put in the place of another.
fn bound_label(id: Uuid) -> String {
    format!("key {id}")
}

#[async_trait]
impl KeyProvider for SoftwareKeys {
    async fn generate(&self, key_type: KeyType, label: &str) -> Result<(KeyRecord, Arc<dyn Signer>), Error> {
        let (record, key) = self.make(key_type, label).await?;
        Ok((record, Arc::new(key)))
    }

    async fn signer(&self, key: Uuid) -> Result<Option<Arc<dyn Signer>>, Error> {
        match self.store.key(key).await? {
            Some(record) => Ok(Some(Arc::new(self.open(&record)?))),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
