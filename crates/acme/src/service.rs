//! The door as adapters see it: one call takes a request and gives back what to write out.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chancery_core::{Door, Origin, Ra};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::account::AccountStatus;
use crate::attempt::Attempts;
use crate::call::{Call, Payload, Signer};
use crate::directory::Directories;
use crate::finalize::{Finalizing, Recheck};
use crate::jwk::KnownKeys;
use crate::jws::{Jws, KeyHint};
use crate::limit::Limits;
use crate::nonce::{Nonces, Refused};
use crate::port::{AcmeStore, Secrets, Validator};
use crate::{Account, AccountKey, AcmeSettings, Directory, Problem, ProblemType, Resource};

/// What the door stands on.
#[derive(Clone)]
pub struct AcmePorts {
    /// Its own state.
    pub store: Arc<dyn AcmeStore>,
    /// Proves control of identifiers.
    pub validator: Arc<dyn Validator>,
    /// Seals EAB keys.
    pub secrets: Arc<dyn Secrets>,
    /// What issues, revokes and audits.
    pub ra: Ra,
}

/// What the door is told when the server starts.
#[derive(Clone)]
pub struct AcmeConfig {
    /// The server's base URL, without a slash at the end: all URLs begin with it, whatever host a request names.
    pub base_url: String,
    /// Several nodes stand on one database: nonces of all of them are taken, and spent in the shared table.
    pub cluster: bool,
    /// The key that seals nonces, the same on all nodes.
    pub nonce_key: [u8; 32],
    /// This node.
    pub node: i32,
    /// Counts the starts of this node: never twice the same.
    pub boot: i64,
    /// Attempts at a challenge before it is invalid, where another attempt may end otherwise.
    pub validation_attempts: u32,
    /// Challenges that this node tries at the same time.
    pub validations_at_once: usize,
}

/// The ACME door. Cheap to clone.
#[derive(Clone)]
pub struct Acme(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn AcmeStore>,
    pub(crate) validator: Arc<dyn Validator>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) ra: Ra,
    pub(crate) config: AcmeConfig,
    pub(crate) directories: Directories,
    pub(crate) attempts: Attempts,
    pub(crate) finalizing: Finalizing,
    pub(crate) limits: Limits,
    nonces: Nonces,
    keys: KnownKeys,
}

impl Inner {
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.ra.ports().clock.now()
    }

    /// An identifier for a new object.
    pub(crate) fn new_id(&self) -> Uuid {
        chancery_core::new_id(&*self.ra.ports().clock, &*self.ra.ports().rng)
    }
}

/// A POST request as it came.
#[derive(Debug)]
pub struct Post<'a> {
    /// Where.
    pub directory: &'a Directory,
    /// What.
    pub resource: Resource,
    /// The body, whose content type was application/jose+json.
    pub body: &'a [u8],
    /// The Accept header, for certificates.
    pub accept: Option<&'a str>,
    /// Who and whence, for the audit.
    pub origin: Origin,
    /// Told who signed as soon as that is verified: for the log.
    pub signed_by: &'a OnceLock<String>,
}

impl Acme {
    /// A door over these ports.
    pub fn new(ports: AcmePorts, config: AcmeConfig) -> Self {
        let nonces = Nonces::new(&config.nonce_key, config.node, config.boot, config.cluster);
        let attempts = Attempts::new(config.validations_at_once);
        let AcmePorts { store, validator, secrets, ra } = ports;
        let door = Self(Arc::new(Inner {
            store,
            validator,
            secrets,
            ra,
            config,
            directories: Directories::default(),
            attempts,
            finalizing: Finalizing::default(),
            limits: Limits::default(),
            nonces,
            keys: KnownKeys::default(),
        }));
        door.0.ra.recheck_by(Door::Acme, Arc::new(Recheck(Arc::downgrade(&door.0))));
        door
    }

    /// A fresh nonce (RFC 8555 section 6.5.1). Writes nothing.
    pub fn nonce(&self) -> String {
        self.0.nonces.make(self.0.now())
    }

    /// Do what a POST asks for.
    ///
    /// # Errors
    /// The problem to answer with.
    pub async fn post(&self, post: Post<'_>) -> Result<Reply, Problem> {
        let jws = Jws::parse(post.body)?;
        self.spend(jws.nonce()?).await?;
        let url = post.directory.url(&post.resource);
        jws.check_url(&url)?;
        // Before a key is looked for: the algorithms of secrets are none, whatever key it would be.
        jws.algorithm()?;
        let signer = self.signer(post.directory, &post.resource, jws.key_hint()?).await?;
        jws.verify(signer.key())?;
        // A post is made once, and told once.
        let _ = post.signed_by.set(signer.name());
        if let Signer::Account { account, .. } = &signer {
            stands(account)?;
            // Terms hold back nobody who tells of a lost key.
            if post.resource != Resource::RevokeCertificate {
                terms_stand(&post.directory.acme_profile.settings)?;
            }
            self.limit_requests(&post.directory.acme_profile.settings, account)?;
        }
        let call = Call {
            directory: post.directory,
            resource: &post.resource,
            origin: &post.origin,
            accept: post.accept,
            url,
            signer,
            payload: Payload::new(&jws.payload),
        };
        self.dispatch(&call).await
    }

    async fn dispatch(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        match call.resource {
            Resource::Directory => {
                call.account()?;
                call.post_as_get()?;
                Ok(self.directory_document(call.directory))
            }
            Resource::NewNonce => {
                call.account()?;
                call.post_as_get()?;
                Ok(Reply::new(204))
            }
            Resource::NewAccount => self.new_account(call).await,
            Resource::Account(id) => self.account_at(call, *id).await,
            Resource::Orders(account, after) => self.orders_of(call, *account, *after).await,
            Resource::KeyChange => self.key_change(call).await,
            Resource::NewOrder => self.new_order(call).await,
            Resource::NewAuthorization => self.new_authorization(call).await,
            Resource::RevokeCertificate => self.revoke(call).await,
            Resource::Order(id) => self.order(call, *id).await,
            Resource::Finalize(id) => self.finalize(call, *id).await,
            Resource::Authorization(id) => self.authorization(call, *id).await,
            Resource::Challenge(id, kind) => self.challenge_of(call, *id, *kind).await,
            Resource::Certificate(id, alternate) => self.certificate(call, *id, *alternate).await,
            Resource::RenewalInfo(id) => {
                call.account()?;
                call.post_as_get()?;
                self.renewal_info(call.directory, id).await
            }
        }
    }

    /// RFC 8555 section 6.5: a nonce is spent even when the request fails.
    async fn spend(&self, nonce: Option<&str>) -> Result<(), Problem> {
        let bad = |why| Problem::new(ProblemType::BadNonce, format!("JWS has an invalid anti-replay nonce: {why}"));
        let nonce = nonce.ok_or_else(|| bad("there is none; take the one of this answer's Replay-Nonce header"))?;
        match self.0.nonces.spend(nonce, self.0.now(), &*self.0.store).await? {
            Ok(()) => Ok(()),
            Err(Refused::Bad) => {
                Err(bad("it was used before, is too old, or not from here; try again with this answer's Replay-Nonce"))
            }
            Err(Refused::Malformed) => {
                Err(Problem::new(ProblemType::Malformed, "the nonce is not base64url without padding"))
            }
        }
    }

    async fn signer(&self, directory: &Directory, resource: &Resource, hint: KeyHint) -> Result<Signer, Problem> {
        match (hint, resource) {
            (KeyHint::Jwk(jwk), Resource::RevokeCertificate) => {
                // Not checked for being good: a key that became known to others must be able to revoke.
                Ok(Signer::Jwk(AccountKey::from_jwk(&jwk)?))
            }
            (KeyHint::Jwk(jwk), Resource::NewAccount) => {
                let key = AccountKey::from_jwk(&jwk)?;
                self.check_key(&key).await?;
                Ok(Signer::Jwk(key))
            }
            (KeyHint::Jwk(_), _) => Err(Problem::new(
                ProblemType::Malformed,
                "this request must name its account by \"kid\", not its key by \"jwk\" (RFC 8555 section 6.2)",
            )),
            (KeyHint::Kid(_), Resource::NewAccount) => Err(Problem::new(
                ProblemType::Malformed,
                "a new account's request must carry its key by \"jwk\", not \"kid\" (RFC 8555 section 6.2)",
            )),
            (KeyHint::Kid(kid), _) => {
                let account = self.account_of(directory, &kid).await?;
                let key = self.0.keys.find(&account)?;
                Ok(Signer::Account { account: Box::new(account), key })
            }
        }
    }

    async fn account_of(&self, directory: &Directory, kid: &str) -> Result<Account, Problem> {
        let unknown = || {
            Problem::new(
                ProblemType::AccountDoesNotExist,
                "kid is not the URL of an account of this directory: send what newAccount gave as Location",
            )
        };
        let resource = kid.strip_prefix(&directory.base).and_then(Resource::parse);
        let Some(Resource::Account(id)) = resource else { return Err(unknown()) };
        let account = self.0.store.account(id).await?;
        account.filter(|account| account.directory == directory.id).ok_or_else(unknown)
    }

    /// Whether a key is good enough for an account: the checks of every foreign key, and the blocked ones.
    ///
    /// # Errors
    /// `badPublicKey` (RFC 8555 section 6.2).
    pub(crate) async fn check_key(&self, key: &AccountKey) -> Result<(), Problem> {
        let ports = self.0.ra.ports();
        let bad = |why: String| Problem::new(ProblemType::BadPublicKey, why);
        ports.key_checks.check(key.public_key()).map_err(|fault| bad(fault.to_string()))?;
        if ports.inventory.key_blocked(key.public_key().identity()).await? {
            return Err(bad("the key is blocked (reported as compromised); use another".into()));
        }
        Ok(())
    }
}

/// RFC 8555 section 7.3.3: accounts are kept out while the operator waits for them to agree to changed terms.
pub(crate) fn terms_stand(settings: &AcmeSettings) -> Result<(), Problem> {
    if !settings.terms_changed {
        return Ok(());
    }
    let mut problem = Problem::new(
        ProblemType::UserActionRequired,
        "the terms of service have changed: go to the problem's instance and agree to them",
    );
    problem.instance = settings.terms_changed_url.clone().or_else(|| settings.terms_of_service.clone());
    let terms = settings.terms_of_service.clone().or_else(|| settings.terms_changed_url.clone());
    problem.links.extend(terms.map(|terms| (terms, "terms-of-service")));
    Err(problem)
}

/// RFC 8555 section 7.3.6: an account that has ended may do nothing any more.
pub(crate) fn stands(account: &Account) -> Result<(), Problem> {
    let unauthorized = |why| Err(Problem::new(ProblemType::Unauthorized, why));
    match account.status {
        AccountStatus::Valid if account.disabled => unauthorized("the account is switched off: ask the operator"),
        AccountStatus::Valid => Ok(()),
        AccountStatus::Deactivated => {
            unauthorized("the account was deactivated: make a new one").map_err(|problem| problem.with_status(401))
        }
        AccountStatus::Revoked => {
            unauthorized("the account was revoked: ask the operator").map_err(|problem| problem.with_status(401))
        }
    }
}

/// What to write out. The adapter adds a fresh nonce and the link to the directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Content.
    pub body: Body,
    /// Header `Location`.
    pub location: Option<String>,
    /// Header `Link`: targets and relations.
    pub links: Vec<(String, &'static str)>,
    /// Header `Retry-After`; never in a final state.
    pub retry_after: Option<Duration>,
}

impl Reply {
    /// Without content.
    pub(crate) fn new(status: u16) -> Self {
        Self { status, body: Body::Empty, location: None, links: Vec::new(), retry_after: None }
    }

    /// With a JSON object.
    pub(crate) fn json(status: u16, object: &impl Serialize) -> Self {
        let text = serde_json::to_vec(object).expect("our objects have string keys and finite numbers");
        Self { body: Body::Json(text), ..Self::new(status) }
    }

    pub(crate) fn with_location(mut self, url: impl Into<String>) -> Self {
        self.location = Some(url.into());
        self
    }

    pub(crate) fn with_link(mut self, url: impl Into<String>, relation: &'static str) -> Self {
        self.links.push((url.into(), relation));
        self
    }

    pub(crate) fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.retry_after = after;
        self
    }
}

/// The content of a reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// None.
    Empty,
    /// application/json, serialised.
    Json(Vec<u8>),
    /// Anything else.
    Bytes {
        /// Its media type.
        content_type: &'static str,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}
