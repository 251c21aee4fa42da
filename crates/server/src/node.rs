//! One node: store, vault, built-in authority and registration authority, wired.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chancery_acme::Acme;
use chancery_authority::{
    BuiltInAuthority, CaSpec, DATA_KEY, NewAuthorityRequest, Root, Schedule, SoftwareKeys, Vault,
};
use chancery_core::port::{Authority, AuthorityInstance, AuthorityStore, CrlRecord, InventoryStore, LeaseStore};
use chancery_core::{Actor, Clock, Origin, Ports, Ra, Rng, SystemClock, SystemRng};
use chancery_est::Est;
use chancery_pki::Certificate;
use chancery_pki::key_check::KeyChecks;
use chancery_scep::Scep;
use chancery_status::Published;
use chancery_store::{Store, StoreOptions};
use uuid::Uuid;

use crate::admin_token::AdminToken;
use crate::command::Failure;
use crate::config::{Settings, shown};
use crate::counted::{CountedInventory, IssuanceCounters};
use crate::data_folder::{DataFolder, FolderLock};
use crate::locked::Locked;
use crate::passphrase::Passphrase;
use crate::witness::Witness;

/// The work of the first start, done by one node.
const FIRST_START: &str = "first-start";
/// As long as making RSA-8192 keys may take.
const FIRST_START_LEASE: time::Duration = time::Duration::minutes(5);

/// A node that can do everything but listen. Cheap to clone.
#[derive(Clone)]
pub struct Node {
    /// What every door asks.
    pub ra: Ra,
    /// The built-in authority; none when the keys were not opened.
    pub authority: Option<BuiltInAuthority>,
    /// Private keys; none when they were not opened.
    pub keys: Option<Arc<SoftwareKeys>>,
    /// The ACME door; none when the keys were not opened.
    pub acme: Option<Acme>,
    /// The EST door; none when the keys were not opened.
    pub est: Option<Est>,
    /// The SCEP door; none when the keys were not opened.
    pub scep: Option<Scep>,
    /// By what address clients come, without a slash at the end.
    pub base_url: String,
    /// The database.
    pub store: Store,
    /// Where the world finds CRLs and issuer certificates, without a slash at the end.
    pub status_url: String,
    /// Checkpoints outside the database.
    pub witness: Witness,
    /// The node's identity.
    pub id: Uuid,
    /// Its folder.
    pub folder: DataFolder,
    /// The database, without its password.
    pub database: String,
    /// What was issued and revoked by this process.
    pub counters: IssuanceCounters,
    _lock: Arc<FolderLock>,
}

/// By what addresses the world comes, without a slash at the end.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    /// The https listener.
    pub base_url: String,
    /// The mtls listener.
    pub est_url: String,
    /// CRLs and issuer certificates.
    pub status_url: String,
}

/// What to do about a database of an older schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldSchema {
    /// Bring it up to date.
    Migrate,
    /// Refuse it: whoever only wants to look changes nothing.
    Refuse,
}

/// The database to work on: the one that is named, else the one that the folder was used with last, else SQLite in it.
pub fn database_url(settings: &Settings, folder: &DataFolder) -> Result<String, Failure> {
    if let Some(url) = settings.database.url.get() {
        return Ok(absolute(url));
    }
    match folder.node()?.and_then(|identity| identity.database) {
        Some(database) if database.contains("***") => Err(Failure::new(format!(
            "this data folder was used with the database {database} last, whose password is not kept: name it with \
             --database or database.url"
        ))),
        Some(database) => Ok(database),
        None => Ok(own_database(folder)),
    }
}

/// Where the world finds CRLs and issuer certificates: the address that is named, else the one that was named for this
/// folder last, else `otherwise`. One that was only made up from a listener is not remembered: its port may change.
pub fn status_url(settings: &Settings, folder: &DataFolder, otherwise: String) -> Result<String, Failure> {
    if let Some(url) = named_status_url(settings) {
        return Ok(url);
    }
    Ok(folder.node()?.and_then(|identity| identity.status_url).unwrap_or(otherwise))
}

/// By what address clients come: the one that is named, else `otherwise`.
pub fn base_url(settings: &Settings, otherwise: impl FnOnce() -> String) -> String {
    settings.base_url.as_ref().map_or_else(otherwise, |url| url.as_str().trim_end_matches('/').to_owned())
}

/// By what address clients of the mtls listener come: the host that is named, else the listener's own address.
pub fn est_url(settings: &Settings, mtls: SocketAddr) -> String {
    let host = settings.base_url.as_ref().and_then(|url| url.host_str());
    match host {
        Some(host) => format!("https://{host}:{}", mtls.port()),
        None => format!("https://{mtls}"),
    }
}

fn named_status_url(settings: &Settings) -> Option<String> {
    settings.status_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned())
}

/// The database of a folder that nobody names another for. Not remembered: the folder may be moved.
fn own_database(folder: &DataFolder) -> String {
    format!("sqlite://{}", folder.file("chancery.db").display())
}

/// A SQLite file is named from where the command stands; it must be found again from anywhere else.
pub fn absolute(url: &str) -> String {
    match url.strip_prefix("sqlite://").filter(|path| !path.is_empty() && !path.starts_with('/')) {
        Some(path) => match std::path::absolute(path) {
            Ok(path) => format!("sqlite://{}", path.display()),
            Err(_) => url.to_owned(),
        },
        None => url.to_owned(),
    }
}

impl Node {
    /// Open the database and the keys in it.
    pub async fn open(
        settings: &Settings,
        folder: DataFolder,
        lock: FolderLock,
        old_schema: OldSchema,
        addresses: &Addresses,
    ) -> Result<Self, Failure> {
        let key_checks = crate::blocked::key_checks(&settings.keys)?;
        let (mut opening, store) = Self::open_store(settings, folder, lock, old_schema).await?;
        opening.key_checks = key_checks;
        let passphrase = opening.passphrase(settings, &store).await?;
        if let Some(warning) = passphrase.warning(&opening.folder) {
            tracing::warn!("{warning}");
        }
        let port: Arc<dyn AuthorityStore> = Arc::new(store.clone());
        let vault = Vault::open(&*port, passphrase.secret, opening.rng.clone())
            .await
            .map_err(|error| Failure::new(format!("the private keys cannot be opened: {error}")))?;
        let keys = Arc::new(SoftwareKeys::new(port.clone(), vault.clone(), opening.clock.clone(), opening.rng.clone()));
        let ports = chancery_authority::Ports {
            store: port,
            leases: Arc::new(store.clone()),
            keys: keys.clone(),
            clock: opening.clock.clone(),
            rng: opening.rng.clone(),
        };
        let config = chancery_authority::Config {
            status_url: addresses.status_url.clone(),
            node: opening.id,
            crl: Schedule {
                lifetime: settings.crl.lifetime.signed(),
                interval: settings.crl.remake_after.signed(),
                ..Schedule::default()
            },
            cores: std::thread::available_parallelism().map_or(2, usize::from),
        };
        let authority = BuiltInAuthority::open(ports, config)
            .await
            .map_err(|error| Failure::new(format!("the authorities cannot be loaded: {error}")))?;
        let mut node =
            opening.node(store, Arc::new(authority.clone()), Some(authority.clone()), Some(keys.clone()), addresses);
        let acme = crate::acme::open(&settings.acme, &node.store, &vault, &node.ra, &node.base_url).await?;
        node.acme = Some(acme);
        node.est = Some(crate::est::open(&node.store, &vault, &node.ra, &addresses.est_url).await?);
        let (store, ra, base_url) = (&node.store, &node.ra, &node.base_url);
        let scep = crate::scep::open(&settings.scep, store, &vault, &keys, &authority, ra, base_url).await?;
        node.scep = Some(scep);
        Ok(node)
    }

    /// Open the database alone: enough to read the audit trail, without the passphrase.
    pub async fn open_without_keys(
        settings: &Settings,
        folder: DataFolder,
        lock: FolderLock,
        old_schema: OldSchema,
    ) -> Result<Self, Failure> {
        let (opening, store) = Self::open_store(settings, folder, lock, old_schema).await?;
        Ok(opening.node(store, Arc::new(Locked), None, None, &Addresses::default()))
    }

    async fn open_store(
        settings: &Settings,
        folder: DataFolder,
        lock: FolderLock,
        old_schema: OldSchema,
    ) -> Result<(Opening, Store), Failure> {
        let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng));
        let url = database_url(settings, &folder)?;
        let database = shown(&url);
        let named = (url != own_database(&folder)).then_some(&*database);
        let id = folder.node_or_new(named, named_status_url(settings).as_deref(), &*clock, &*rng)?.node;
        let refused = |error: chancery_store::OpenError| {
            Failure::new(format!("the database {database} cannot be opened: {}", chancery_http::chain(&error)))
        };
        if old_schema == OldSchema::Migrate {
            for migration in Store::migrate(&url).await.map_err(refused)? {
                tracing::info!(migration, "the database's schema was brought up to date");
            }
        }
        let options = StoreOptions { readers: settings.database.readers, ..StoreOptions::new(url, id) };
        let store = Store::open(options).await.map_err(refused)?;
        Ok((Opening { clock, rng, key_checks: KeyChecks::default(), folder, lock, id, database }, store))
    }

    /// What the first start of an installation makes: the authority, the RA profiles, the administrator's token. Does
    /// nothing when that is done; of several nodes, one does it and the others wait. Whether this call did it.
    pub async fn first_start(&self, settings: &Settings) -> Result<bool, Failure> {
        let Some(authority) = &self.authority else {
            return Err(Failure::new("the keys of this installation are not open"));
        };
        let done = |error| Failure::from(chancery_core::Error::from(error));
        let clock = self.ra.ports().clock.clone();
        loop {
            if self.store.secret(FIRST_START).await.map_err(done)?.is_some() {
                authority.reload().await.map_err(|error| Failure::new(error.to_string()))?;
                return Ok(false);
            }
            let now = clock.now();
            if self.store.acquire(FIRST_START, self.id, now, now + FIRST_START_LEASE).await.map_err(done)?.is_some() {
                break;
            }
            tracing::info!("another node makes the first start's authority; waiting for it");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        authority.reload().await.map_err(|error| Failure::new(error.to_string()))?;
        let instance = match authority.instances().into_iter().find(|known| known.name == settings.authority.name) {
            Some(instance) => instance,
            None => {
                let request = new_authority(settings);
                authority.create(&Actor::system(), &Origin::system(), request).await?
            }
        };
        self.ra.seed(instance.id).await?;
        crate::acme::first_start(self.acme()?).await?;
        crate::est::first_start(self.est()?).await?;
        crate::scep::first_start(self.scep()?).await?;
        AdminToken::make(&self.folder, &self.ra).await?;
        let stamp = clock.now().unix_timestamp().to_string().into_bytes();
        self.store.secret_or_insert(FIRST_START, stamp).await.map_err(done)?;
        self.store.release(FIRST_START, self.id).await.map_err(done)?;
        Ok(true)
    }

    /// The authority whose root the server itself stands under: the configured one, or the first.
    pub fn own_authority(&self, settings: &Settings) -> Result<Arc<AuthorityInstance>, Failure> {
        let instances = self.ra.ports().authority.instances();
        let named = instances.iter().find(|instance| instance.name == settings.authority.name);
        named
            .or_else(|| instances.first())
            .cloned()
            .ok_or_else(|| Failure::new("this installation has no authority: make one with `chancery ca create`"))
    }

    /// The ACME door.
    pub fn acme(&self) -> Result<&Acme, Failure> {
        self.acme.as_ref().ok_or_else(|| Failure::new("the keys of this installation are not open"))
    }

    /// The EST door.
    pub fn est(&self) -> Result<&Est, Failure> {
        self.est.as_ref().ok_or_else(|| Failure::new("the keys of this installation are not open"))
    }

    /// The SCEP door.
    pub fn scep(&self) -> Result<&Scep, Failure> {
        self.scep.as_ref().ok_or_else(|| Failure::new("the keys of this installation are not open"))
    }

    /// The URL of the directory of an RA profile or ACME profile.
    pub fn directory_url(&self, profile: &str) -> String {
        format!("{}/acme/{profile}/directory", self.base_url)
    }

    /// The URL of the SCEP door of an RA profile or SCEP profile.
    pub fn scep_url(&self, profile: &str) -> String {
        format!("{}/scep/{profile}", self.base_url)
    }

    /// CRLs and CA certificates for the status door.
    pub fn published(&self) -> Arc<dyn Published> {
        Arc::new(Public(self.clone()))
    }
}

fn new_authority(settings: &Settings) -> NewAuthorityRequest {
    let settings = &settings.authority;
    let spec = |subject: &Option<_>, lifetime: crate::config::Span| CaSpec {
        key_type: settings.key_type,
        subject: subject.clone(),
        lifetime: lifetime.signed(),
    };
    NewAuthorityRequest {
        name: settings.name.clone(),
        root: Root::New(spec(&settings.root_subject, settings.root_lifetime)),
        issuing: spec(&settings.issuing_subject, settings.issuing_lifetime),
    }
}

/// A node that is being put together.
struct Opening {
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    key_checks: KeyChecks,
    folder: DataFolder,
    lock: FolderLock,
    id: Uuid,
    database: String,
}

impl Opening {
    /// The passphrase; the embedded default is made for a database that has no keys yet, and for no other.
    async fn passphrase(&self, settings: &Settings, store: &Store) -> Result<Passphrase, Failure> {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY");
        if let Some(found) = Passphrase::find(&settings.keys, credentials.as_deref().map(Path::new), &self.folder)? {
            return Ok(found);
        }
        let has_keys = store.secret(DATA_KEY).await.map_err(chancery_core::Error::from)?.is_some();
        if has_keys {
            return Err(crate::passphrase::PassphraseError::Missing.into());
        }
        Ok(Passphrase::make(&self.folder, &*self.rng)?)
    }

    fn node(
        self,
        store: Store,
        authority: Arc<dyn Authority>,
        built_in: Option<BuiltInAuthority>,
        keys: Option<Arc<SoftwareKeys>>,
        addresses: &Addresses,
    ) -> Node {
        let counters = IssuanceCounters::default();
        let shared = Arc::new(store.clone());
        let inventory: Arc<dyn InventoryStore> = Arc::new(CountedInventory::new(shared.clone(), counters.clone()));
        let ra = Ra::new(Ports {
            profiles: shared.clone(),
            inventory,
            approvals: shared.clone(),
            audit: shared.clone(),
            tokens: shared.clone(),
            users: shared.clone(),
            authority,
            database: shared,
            clock: self.clock,
            rng: self.rng,
            key_checks: self.key_checks,
        });
        Node {
            ra,
            authority: built_in,
            keys,
            acme: None,
            est: None,
            scep: None,
            base_url: addresses.base_url.clone(),
            store,
            status_url: addresses.status_url.clone(),
            witness: Witness::of(&self.folder),
            id: self.id,
            folder: self.folder,
            database: self.database,
            counters,
            _lock: Arc::new(self.lock),
        }
    }
}

struct Public(Node);

impl Published for Public {
    fn crl(&self, issuer: Uuid) -> Option<Arc<CrlRecord>> {
        self.0.authority.as_ref()?.current_crl(issuer)
    }

    fn certificate(&self, issuer: Uuid) -> Option<Certificate> {
        self.0.ra.ports().authority.chain(issuer)?.into_iter().next().map(|(_, certificate)| certificate)
    }
}

macro_rules! failure_from {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(error.to_string())
            }
        })*
    };
}

failure_from!(
    crate::blocked::BlockedListErrors,
    crate::config::ConfigError,
    crate::data_folder::FolderError,
    crate::listener::BindError,
    crate::passphrase::PassphraseError
);
