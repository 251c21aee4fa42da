//! The SCEP door of this node, wired: its state in the database, its keys and secrets under the vault.

use std::sync::Arc;

use async_trait::async_trait;
use chancery_authority::{BuiltInAuthority, SoftwareKeys, Vault};
use chancery_core::port::{AuthorityStore, CrlRecord};
use chancery_core::{Actor, Error, Origin, ProfileRef, Ra};
use chancery_pki::{KeyType, PrivateKey};
use chancery_scep::port::{Crls, RaKeys, Secrets};
use chancery_scep::{NewActivation, NewScepProfile, Scep, ScepConfig, ScepPorts, ScepProfileRef};
use chancery_store::Store;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::command::Failure;
use crate::config::Scep as Settings;

/// The name under which the key that finds challenges is kept, wrapped with the same label.
const CHALLENGE_KEY: &str = "scep-challenge-key";
/// The SCEP profile that a first start makes, and the RA profile whose door it opens.
const FIRST_PROFILE: (&str, &str) = ("default", "device");

/// Put it together. `base_url` has no slash at the end.
pub async fn open(
    settings: &Settings,
    store: &Store,
    vault: &Vault,
    keys: &Arc<SoftwareKeys>,
    authority: &BuiltInAuthority,
    ra: &Ra,
    base_url: &str,
) -> Result<Scep, Failure> {
    let ports = ScepPorts {
        store: Arc::new(store.clone()),
        keys: Arc::new(Keys { store: store.clone(), keys: keys.clone() }),
        secrets: Arc::new(Sealed(vault.clone())),
        crls: Arc::new(Published(authority.clone())),
        ra: ra.clone(),
    };
    let config = ScepConfig {
        base_url: base_url.to_owned(),
        default_profile: settings.default_profile.clone(),
        challenge_key: *challenge_key(store, vault, ra).await?,
        cores: std::thread::available_parallelism().map_or(2, usize::from),
    };
    Ok(Scep::new(ports, config))
}

/// The key of all nodes, made by the first.
async fn challenge_key(store: &Store, vault: &Vault, ra: &Ra) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let lost = |why: String| Failure::new(format!("the key of SCEP challenges cannot be opened: {why}"));
    let unavailable = |error| Failure::from(Error::from(error));
    let standing = match store.secret(CHALLENGE_KEY).await.map_err(unavailable)? {
        Some(standing) => standing,
        None => {
            let mut made = Zeroizing::new([0; 32]);
            ra.ports().rng.fill(&mut *made);
            store.secret_or_insert(CHALLENGE_KEY, vault.wrap(CHALLENGE_KEY, &*made)).await.map_err(unavailable)?
        }
    };
    let opened = vault.unwrap(CHALLENGE_KEY, &standing).map_err(|error| lost(error.to_string()))?;
    let mut key = Zeroizing::new([0; 32]);
    if opened.len() != key.len() {
        return Err(lost("it has another length".into()));
    }
    key.copy_from_slice(&opened);
    Ok(key)
}

/// What a first start opens: a door that takes one-time challenges.
pub async fn first_start(scep: &Scep) -> Result<(), Failure> {
    let (actor, origin) = (Actor::system(), Origin::system());
    let (name, ra_profile) = FIRST_PROFILE;
    let known = scep.scep_profiles(&actor, &origin).await?;
    if !known.iter().any(|profile| profile.name == name) {
        let new = NewScepProfile {
            name: name.into(),
            description: Some("One-time challenges, one for each device.".into()),
            enabled: true,
            ..NewScepProfile::default()
        };
        scep.create_scep_profile(&actor, &origin, new).await?;
    }
    let reference = ProfileRef::Name(ra_profile.into());
    let standing = match scep.activation(&actor, &origin, &reference).await {
        Ok(standing) => standing,
        // A first start that was broken off, and somebody has deleted the RA profile since.
        Err(Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if standing.is_none() {
        let new = NewActivation { scep_profile: ScepProfileRef::Name(name.into()), issue_attributes: Vec::new() };
        scep.activate(&actor, &origin, &reference, new).await?;
    }
    Ok(())
}

/// The RA's keys among the others, encrypted as they are.
struct Keys {
    store: Store,
    keys: Arc<SoftwareKeys>,
}

#[async_trait]
impl RaKeys for Keys {
    async fn make(&self, label: &str) -> Result<(Uuid, PrivateKey), Error> {
        self.keys.add(KeyType::Rsa(2048), label).await
    }

    async fn open(&self, id: Uuid) -> Result<Option<PrivateKey>, Error> {
        match self.store.key(id).await? {
            Some(record) => Ok(Some(self.keys.open(&record)?)),
            None => Ok(None),
        }
    }
}

/// Secrets under the installation's data key.
struct Sealed(Vault);

impl Secrets for Sealed {
    fn seal(&self, label: &str, secret: &[u8]) -> Vec<u8> {
        self.0.wrap(label, secret)
    }

    fn open(&self, label: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let opened = self.0.unwrap(label, sealed);
        opened.inspect_err(|error| tracing::error!(%error, label, "a secret does not open")).ok()
    }
}

/// The CRLs that the status door publishes.
struct Published(BuiltInAuthority);

impl Crls for Published {
    fn crl(&self, issuer: Uuid) -> Option<Arc<CrlRecord>> {
        self.0.current_crl(issuer)
    }
}
