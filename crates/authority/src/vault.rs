//! Envelope encryption for everything secret that rests in the database.
//!
//! passphrase → Argon2id → key-encryption key → wraps one random data key per installation → wraps each secret, with a
//! label (a key's id, say) as associated data, so that no wrapped secret can stand in for another.
//! Changing the passphrase wraps the data key anew and touches nothing else.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use chancery_core::port::AuthorityStore;
use chancery_core::{Rng, StoreError};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// The name under which the wrapped data key is kept ([`AuthorityStore::secret`]).
pub const DATA_KEY: &str = "data-key";

/// The first byte of every wrapped form, so that another one can come.
const FORMAT: u8 = 1;
const SALT: usize = 16;
const KEY: usize = 32;
const TAG: usize = 16;
/// Format, three costs, salt.
const HEADER: usize = 1 + 3 * 4 + SALT;
/// A new passphrase is at least this long (characters). It guards against slips, not against bad choices.
const SHORTEST: usize = 8;

/// What is wrong with a passphrase or with something wrapped.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The passphrase does not fit, or the data key was altered; the two cannot be told apart.
    #[error(
        "the passphrase does not open this installation's data key; give the passphrase that the database was made with \
         (nothing was changed)"
    )]
    Passphrase,
    /// A passphrase for a new installation is too short.
    #[error("the passphrase has {length} characters; a new installation needs at least {SHORTEST}")]
    TooShort {
        /// Its length in characters.
        length: usize,
    },
    /// There are encrypted keys and no data key: a new one would make them unreadable for good.
    #[error(
        "the database holds encrypted keys, but the data key that opens them is gone; restore the row {DATA_KEY:?} of \
         the table of secrets from a backup (no new one was made)"
    )]
    Lost,
    /// Something wrapped does not open under its label.
    #[error(
        "the encrypted {label} does not open: it was altered, belongs to another id, or comes from another installation; \
         restore it from a backup of this database"
    )]
    Tampered {
        /// What was to be opened.
        label: String,
    },
    /// Something wrapped is not in a form that this version reads.
    #[error(
        "the encrypted {label} is in a form that this version cannot read ({why}); a newer version may have written it"
    )]
    Format {
        /// What was to be opened.
        label: String,
        /// What is unexpected.
        why: String,
    },
    /// The key derivation could not run.
    #[error("deriving a key from the passphrase failed: {0}")]
    Derivation(String),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<VaultError> for chancery_core::Error {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Store(error) => error.into(),
            VaultError::Passphrase
            | VaultError::TooShort { .. }
            | VaultError::Lost
            | VaultError::Tampered { .. }
            | VaultError::Format { .. }
            | VaultError::Derivation(_) => Self::internal(error),
        }
    }
}

/// What deriving a key from the passphrase costs. Kept beside the wrapped data key, so that it may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Cost {
    /// RFC 9106 section 4, the second recommended choice: 64 MiB, 3 passes, 4 lanes.
    fn default() -> Self {
        Self { memory: 64 * 1024, passes: 3, lanes: 4 }
    }
}

impl Cost {
    /// A row that somebody altered must not make the start take all memory or all day.
    const MOST: Self = Self { memory: 1024 * 1024, passes: 64, lanes: 64 };

    fn derive(self, passphrase: &SecretString, salt: &[u8]) -> Result<Zeroizing<[u8; KEY]>, VaultError> {
        let params = Params::new(self.memory, self.passes, self.lanes, Some(KEY)).map_err(derivation)?;
        let mut key = Zeroizing::new([0; KEY]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.expose_secret().as_bytes(), salt, key.as_mut())
            .map_err(derivation)?;
        Ok(key)
    }
}

fn derivation(error: argon2::Error) -> VaultError {
    VaultError::Derivation(error.to_string())
}

/// The opened data key: wraps and unwraps secrets. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    key: Arc<LessSafeKey>,
    rng: Arc<dyn Rng>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// Open the installation's data key with the passphrase; the first of several nodes makes it.
    ///
    /// # Errors
    /// A passphrase that does not fit, and a data key that is gone while encrypted keys are there: never is a second data
    /// key made beside an existing one.
    pub async fn open(
        store: &dyn AuthorityStore,
        passphrase: SecretString,
        rng: Arc<dyn Rng>,
    ) -> Result<Self, VaultError> {
        Self::open_at(store, passphrase, rng, Cost::default()).await
    }

    /// The same, with another cost for a data key that has to be made.
    pub async fn open_at(
        store: &dyn AuthorityStore,
        passphrase: SecretString,
        rng: Arc<dyn Rng>,
        cost: Cost,
    ) -> Result<Self, VaultError> {
        let passphrase = Arc::new(passphrase);
        let standing = match store.secret(DATA_KEY).await? {
            Some(standing) => standing,
            None => {
                let length = passphrase.expose_secret().chars().count();
                if length < SHORTEST {
                    return Err(VaultError::TooShort { length });
                }
                if !store.issuers().await?.is_empty() {
                    return Err(VaultError::Lost);
                }
                let mut data_key = Zeroizing::new([0; KEY]);
                rng.fill(data_key.as_mut());
                let made = {
                    let (passphrase, rng) = (passphrase.clone(), rng.clone());
                    blocking(move || wrap_data_key(&data_key, &passphrase, cost, &*rng)).await?
                };
                // Another node may have been faster: what stands is opened, whoever made it.
                store.secret_or_insert(DATA_KEY, made).await?
            }
        };
        let data_key = blocking(move || unwrap_data_key(&standing, &passphrase)).await?;
        Ok(Self { key: Arc::new(aead(&data_key)), rng })
    }

    /// Encrypt `secret` under `label`, which must be given again to open it.
    pub fn wrap(&self, label: &str, secret: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        self.rng.fill(&mut nonce);
        let mut sealed = secret.to_vec();
        seal(&self.key, nonce, associated(label), &mut sealed);
        let mut wrapped = Vec::with_capacity(1 + NONCE_LEN + sealed.len());
        wrapped.push(FORMAT);
        wrapped.extend_from_slice(&nonce);
        wrapped.extend_from_slice(&sealed);
        wrapped
    }

    /// Decrypt what [`Vault::wrap`] made under the same label.
    ///
    /// # Errors
    /// When it was altered, made under another label or by another installation, or is in an unknown form.
    pub fn unwrap(&self, label: &str, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let format = |why: String| VaultError::Format { label: label.to_owned(), why };
        let (&version, rest) = wrapped.split_first().ok_or_else(|| format("it is empty".into()))?;
        if version != FORMAT {
            return Err(format(format!("format {version}, known is {FORMAT}")));
        }
        if rest.len() < NONCE_LEN + TAG {
            return Err(format(format!("{} bytes are too few", wrapped.len())));
        }
        let (nonce, sealed) = rest.split_at(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).expect("the slice has a nonce's length");
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let length = self
            .key
            .open_in_place(nonce, Aad::from(associated(label)), &mut buffer)
            .map_err(|_| VaultError::Tampered { label: label.to_owned() })?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }
}

fn wrap_data_key(
    data_key: &[u8; KEY],
    passphrase: &SecretString,
    cost: Cost,
    rng: &dyn Rng,
) -> Result<Vec<u8>, VaultError> {
    let mut salt = [0; SALT];
    rng.fill(&mut salt);
    let mut nonce = [0; NONCE_LEN];
    rng.fill(&mut nonce);
    let mut wrapped = vec![FORMAT];
    for number in [cost.memory, cost.passes, cost.lanes] {
        wrapped.extend_from_slice(&number.to_be_bytes());
    }
    wrapped.extend_from_slice(&salt);
    let mut sealed = data_key.to_vec();
    seal(&aead(&*cost.derive(passphrase, &salt)?), nonce, wrapped.clone(), &mut sealed);
    wrapped.extend_from_slice(&nonce);
    wrapped.extend_from_slice(&sealed);
    Ok(wrapped)
}

fn unwrap_data_key(wrapped: &[u8], passphrase: &SecretString) -> Result<Zeroizing<[u8; KEY]>, VaultError> {
    let format = |why: String| VaultError::Format { label: "data key".into(), why };
    match wrapped.first() {
        Some(&FORMAT) => {}
        Some(other) => return Err(format(format!("format {other}, known is {FORMAT}"))),
        None => return Err(format("it is empty".into())),
    }
    if wrapped.len() != HEADER + NONCE_LEN + KEY + TAG {
        return Err(format(format!("{} bytes", wrapped.len())));
    }
    let (header, rest) = wrapped.split_at(HEADER);
    let (nonce, sealed) = rest.split_at(NONCE_LEN);
    let number = |at: usize| {
        let bytes = header[1 + 4 * at..5 + 4 * at].try_into().expect("the slice has four bytes");
        u32::from_be_bytes(bytes)
    };
    let cost = Cost { memory: number(0), passes: number(1), lanes: number(2) };
    if cost.memory > Cost::MOST.memory || cost.passes > Cost::MOST.passes || cost.lanes > Cost::MOST.lanes {
        return Err(format(format!("its derivation cost {cost:?} is out of bounds")));
    }
    let key = aead(&*cost.derive(passphrase, &header[HEADER - SALT..])?);
    let nonce = Nonce::try_assume_unique_for_key(nonce).expect("the slice has a nonce's length");
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let opened = key.open_in_place(nonce, Aad::from(header), &mut buffer).map_err(|_| VaultError::Passphrase)?;
    let mut data_key = Zeroizing::new([0; KEY]);
    data_key.copy_from_slice(opened);
    Ok(data_key)
}

fn aead(key: &[u8; KEY]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has the algorithm's length"))
}

fn seal(key: &LessSafeKey, nonce: [u8; NONCE_LEN], associated: Vec<u8>, buffer: &mut Vec<u8>) {
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), buffer)
        .expect("a secret is far below the cipher's limit of 64 GiB");
}

fn associated(label: &str) -> Vec<u8> {
    [&[FORMAT], label.as_bytes()].concat()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| VaultError::Derivation(error.to_string()))?
}

#[cfg(test)]
mod tests;
