//! The ACME door of this node, wired: its state in the database, its secrets under the vault, its prober.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chancery_acme::port::{Attempt, AttemptFailed, CaaQuestion, Proof, Secrets, Validator};
use chancery_acme::{Acme, AcmeConfig, AcmePorts, AcmeProfileRef, NewAcmeProfile, NewActivation, Problem, ProblemType};
use chancery_acme_validation::{AttestationConfig, ConfigError, PerspectiveConfig, Prober, ValidationConfig};
use chancery_authority::Vault;
use chancery_core::port::AuthorityStore;
use chancery_core::{Actor, Origin, ProfileRef, Ra};
use chancery_store::Store;
use zeroize::Zeroizing;

use crate::command::Failure;
use crate::config::{Acme as Settings, Validation};

/// The name under which the key that seals nonces is kept, wrapped with the same label.
const NONCE_KEY: &str = "acme-nonce-key";
/// The ACME profile that a first start makes, and the RA profile whose door it opens.
const FIRST_PROFILE: (&str, &str) = ("default", "tls-server");

/// Put it together. `base_url` has no slash at the end.
pub async fn open(settings: &Settings, store: &Store, vault: &Vault, ra: &Ra, base_url: &str) -> Result<Acme, Failure> {
    let validator: Arc<dyn Validator> = match prober(&settings.validation, ra).await {
        Ok(prober) => Arc::new(prober),
        // The machine has no resolver: everything but proofs of control works, and each attempt says why it does not.
        Err(error) => {
            tracing::error!(%error, "no ACME challenge can be looked at");
            Arc::new(Blind)
        }
    };
    let node = store.node();
    let ports = AcmePorts {
        store: Arc::new(store.clone()),
        validator,
        secrets: Arc::new(Sealed(vault.clone())),
        ra: ra.clone(),
    };
    let config = AcmeConfig {
        base_url: base_url.to_owned(),
        cluster: settings.cluster,
        nonce_key: *nonce_key(store, vault, ra).await?,
        node: node.number,
        boot: node.boot,
        validation_attempts: settings.validation.attempts,
        validations_at_once: settings.validation.at_once,
    };
    Ok(Acme::new(ports, config))
}

fn files(paths: &[String]) -> Vec<PathBuf> {
    paths.iter().map(PathBuf::from).collect()
}

async fn prober(settings: &Validation, ra: &Ra) -> Result<Prober, ConfigError> {
    let config = ValidationConfig {
        http_port: settings.http_port,
        tls_port: settings.tls_port,
        resolver: settings.resolver.as_ref().map(ToString::to_string),
        allow: settings.allowed().unwrap_or_default(),
        deny: settings.denied().unwrap_or_default(),
        nat64: settings.translated().unwrap_or_default(),
        timeout: settings.timeout.0,
        connect_timeout: settings.timeout.0.min(ValidationConfig::default().connect_timeout),
        dns_timeout: settings.timeout.0.min(ValidationConfig::default().dns_timeout),
        perspectives: settings
            .perspectives
            .iter()
            .map(|perspective| PerspectiveConfig {
                name: perspective.name.clone(),
                resolver: perspective.resolver.as_ref().map(ToString::to_string),
                proxy: perspective.proxy.as_ref().map(ToString::to_string),
            })
            .collect(),
        quorum: Some(settings.quorum).filter(|quorum| *quorum > 0),
        attestation: AttestationConfig {
            apple: files(&settings.attestation.apple),
            tpm: files(&settings.attestation.tpm),
            android_key: files(&settings.attestation.android_key),
            step: files(&settings.attestation.step),
        },
        ..ValidationConfig::default()
    };
    let clock = ra.ports().clock.clone();
    // Names of resolvers are looked up as the machine does, which may wait for the network.
    tokio::task::spawn_blocking(move || Prober::new(&config, clock))
        .await
        .unwrap_or_else(|error| Err(ConfigError::Setup(error.to_string())))
}

/// The key of all nodes, made by the first.
async fn nonce_key(store: &Store, vault: &Vault, ra: &Ra) -> Result<Zeroizing<[u8; 32]>, Failure> {
    let lost = |why: String| Failure::new(format!("the key of ACME nonces cannot be opened: {why}"));
    let unavailable = |error| Failure::from(chancery_core::Error::from(error));
    let standing = match store.secret(NONCE_KEY).await.map_err(unavailable)? {
        Some(standing) => standing,
        None => {
            let mut made = Zeroizing::new([0; 32]);
            ra.ports().rng.fill(&mut *made);
            store.secret_or_insert(NONCE_KEY, vault.wrap(NONCE_KEY, &*made)).await.map_err(unavailable)?
        }
    };
    let opened = vault.unwrap(NONCE_KEY, &standing).map_err(|error| lost(error.to_string()))?;
    let mut key = Zeroizing::new([0; 32]);
    if opened.len() != key.len() {
        return Err(lost("it has another length".into()));
    }
    key.copy_from_slice(&opened);
    Ok(key)
}

/// What a first start opens: a door that asks for the three classic challenges and for no external account.
pub async fn first_start(acme: &Acme) -> Result<(), Failure> {
    let (actor, origin) = (Actor::system(), Origin::system());
    let (name, ra_profile) = FIRST_PROFILE;
    let known = acme.acme_profiles(&actor, &origin).await?;
    if !known.iter().any(|profile| profile.name == name) {
        let new = NewAcmeProfile {
            name: name.into(),
            description: Some("Open to everybody who proves control of a name.".into()),
            enabled: true,
            ..NewAcmeProfile::default()
        };
        acme.create_acme_profile(&actor, &origin, new).await?;
    }
    let reference = ProfileRef::Name(ra_profile.into());
    let standing = match acme.activation(&actor, &origin, &reference).await {
        Ok(standing) => standing,
        // A first start that was broken off, and somebody has deleted the RA profile since.
        Err(chancery_core::Error::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if standing.is_none() {
        let new = NewActivation {
            acme_profile: AcmeProfileRef::Name(name.into()),
            issue_attributes: Vec::new(),
            revoke_attributes: Vec::new(),
        };
        acme.activate(&actor, &origin, &reference, new).await?;
    }
    Ok(())
}

/// Secrets under the installation's data key.
struct Sealed(Vault);

impl Secrets for Sealed {
    fn seal(&self, label: &str, secret: &[u8]) -> Vec<u8> {
        self.0.wrap(label, secret)
    }

    fn open(&self, label: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let opened = self.0.unwrap(label, sealed);
        opened.inspect_err(|error| tracing::error!(%error, label, "a secret does not open")).ok().map(|it| it.to_vec())
    }
}

/// In place of a prober that could not be set up.
struct Blind;

impl Blind {
    fn failed() -> AttemptFailed {
        let detail = "this server has no DNS resolver that works; its operator finds the reason in its log";
        AttemptFailed {
            problem: Problem::new(ProblemType::ServerInternal, detail),
            worth_retrying: false,
            at_most: None,
        }
    }
}

#[async_trait]
impl Validator for Blind {
    async fn validate(&self, _: &Attempt) -> Result<Proof, AttemptFailed> {
        Err(Self::failed())
    }

    async fn caa(&self, _: &CaaQuestion) -> Result<(), AttemptFailed> {
        Err(Self::failed())
    }

    fn longest(&self) -> Duration {
        Duration::from_secs(1)
    }
}
