//! The EST door of this node, wired: its state in the database, its key under the vault.

use std::sync::Arc;

use chancery_authority::Vault;
use chancery_core::port::AuthorityStore;
use chancery_core::{Actor, Origin, ProfileRef, Ra};
use chancery_est::{Est, EstConfig, EstProfileRef, NewEstActivation, NewEstProfile};
use chancery_store::Store;
use zeroize::Zeroizing;

use crate::command::Failure;

/// The name under which the key that finds codes is kept, wrapped with the same label.
const CODE_KEY: &str = "est-code-key";
/// The EST profile that a first start makes, and the RA profile whose door it opens.
const FIRST_PROFILE: (&str, &str) = ("default", "device");

/// Put it together. `url` is by what address clients of the mtls listener come, without a slash at the end.
pub async fn open(store: &Store, vault: &Vault, ra: &Ra, url: &str) -> Result<Est, Failure> {
    let config = EstConfig { base_url: url.to_owned(), code_key: *code_key(store, vault, ra).await? };
    Ok(Est::new(Arc::new(store.clone()), ra.clone(), config))
}

/// The key of all nodes, made by the first.
async fn code_key(store: &Store, vault: &Vault, ra: &Ra) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let lost = |why: String| Failure::new(format!("the key of EST codes cannot be opened: {why}"));
    let unavailable = |error| Failure::from(chancery_core::Error::from(error));
    let standing = match store.secret(CODE_KEY).await.map_err(unavailable)? {
        Some(standing) => standing,
        None => {
            let mut made = Zeroizing::new([0; 32]);
            ra.ports().rng.fill(&mut *made);
            store.secret_or_insert(CODE_KEY, vault.wrap(CODE_KEY, &*made)).await.map_err(unavailable)?
        }
    };
    let opened = vault.unwrap(CODE_KEY, &standing).map_err(|error| lost(error.to_string()))?;
    let mut key = Zeroizing::new([0; 32]);
    if opened.len() != key.len() {
        return Err(lost("it has another length".into()));
    }
    key.copy_from_slice(&opened);
    Ok(key)
}

/// What a first start opens: a door for whoever has a credential, with a label and without.
pub async fn first_start(est: &Est) -> Result<(), Failure> {
    let (actor, origin) = (Actor::system(), Origin::system());
    let (name, ra_profile) = FIRST_PROFILE;
    let known = est.est_profiles(&actor, &origin).await?;
    if !known.iter().any(|profile| profile.name == name) {
        let new = NewEstProfile {
            name: name.into(),
            description: Some("Open to certificates of its own CA, EST users, codes and tokens.".into()),
            enabled: true,
            ..NewEstProfile::default()
        };
        est.create_est_profile(&actor, &origin, new).await?;
    }
    let reference = ProfileRef::Name(ra_profile.into());
    let standing = match est.activation(&actor, &origin, &reference).await {
        Ok(standing) => standing,
        // A first start that was broken off, and somebody has deleted the RA profile since.
        Err(chancery_core::Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if standing.is_none() {
        let new = NewEstActivation {
            est_profile: EstProfileRef::Name(name.into()),
            unlabelled: true,
            issue_attributes: Vec::new(),
        };
        est.activate(&actor, &origin, &reference, new).await?;
    }
    Ok(())
}
