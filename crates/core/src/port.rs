//! What the domain needs from outside: traits that `store` and `authority` implement.
//!
//! One method is one transaction, named for its intent. Absence is `Ok(None)`; a conditional change that found nothing
//! to change says so. Every method may answer [`StoreError::Unavailable`], and then nothing was written.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use chancery_pki::{Certificate, CertificateTemplate, KeyType, RevocationReason, SerialNumber, Signer};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::attribute::{Definition, RequestAttribute};
use crate::audit::{AuditEntry, ChainHead, ChainPosition, ChainedEntry, Checkpoint};
use crate::{
    ApprovalRecord, CertificateQuery, CertificateRecord, CertificateState, ClosedApproval, Error, Identified,
    OidcSubject, Page, RaProfile, SearchName, StoreError, TokenRecord, UserRecord,
};

/// RA profiles at rest.
#[async_trait]
pub trait ProfileStore: Send + Sync {
    /// All of them, by name.
    async fn profiles(&self) -> Result<Vec<RaProfile>, StoreError>;
    /// One by its id.
    async fn profile(&self, id: Uuid) -> Result<Option<RaProfile>, StoreError>;
    /// One by its name.
    async fn profile_by_name(&self, name: &str) -> Result<Option<RaProfile>, StoreError>;
    /// A new one; [`StoreError::Duplicate`] when the name is taken.
    async fn create_profile(&self, profile: RaProfile, audit: AuditEntry) -> Result<(), StoreError>;
    /// Replace the one whose version is `profile.version - 1`; [`StoreError::Stale`] when it is not any more.
    async fn update_profile(&self, profile: RaProfile, audit: AuditEntry) -> Result<(), StoreError>;
    /// Delete; false when it was not there. Certificates keep the id.
    async fn delete_profile(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError>;
}

/// Rows of a door that join a certificate's transaction: made by the protocol crate, opaque to core, opened by the
/// store alone. May be written more than once when a transaction is replayed.
#[derive(Clone)]
pub struct Alongside(pub Arc<dyn Any + Send + Sync>);

impl std::fmt::Debug for Alongside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Alongside")
    }
}

/// Everything of one issuance (or of one request that is kept for later), for one transaction.
#[derive(Clone, Debug)]
pub struct IssueRecord {
    /// The certificate object.
    pub certificate: CertificateRecord,
    /// Its searchable names.
    pub names: Vec<SearchName>,
    /// What the trail says of it.
    pub audit: AuditEntry,
    /// The RA profile's version that the decision was based on, when there is a profile: it must be this one, and
    /// enabled, at the moment of writing ([`crate::Stale::Profile`] otherwise).
    pub profile_version: Option<i64>,
    /// The object that is being renewed, rekeyed or replaced must still be in state issued
    /// ([`crate::Stale::Predecessor`] otherwise).
    pub predecessor_must_stand: bool,
    /// The approval that is asked for, or that was given.
    pub approval: Option<ApprovalChange>,
    /// The door's own rows.
    pub alongside: Option<Alongside>,
}

/// What becomes of an approval in the transaction of its certificate.
#[derive(Clone, Debug)]
pub enum ApprovalChange {
    /// It is asked for.
    Opened(ApprovalRecord),
    /// It is decided: the object must be in state pending_approval and the approval pending
    /// ([`crate::Stale::Certificate`] otherwise).
    Closed(ClosedApproval),
}

/// One revocation, for one transaction.
#[derive(Clone, Debug)]
pub struct RevokeRecord {
    /// The certificate object; must be in state issued (in state pending_approval when an approval is closed).
    pub certificate: Uuid,
    /// When.
    pub at: OffsetDateTime,
    /// Why.
    pub reason: RevocationReason,
    /// When the key is thought to have been lost.
    pub invalidity_date: Option<OffsetDateTime>,
    /// As sent.
    pub attributes: Vec<RequestAttribute>,
    /// Refuse this key from now on (SHA-256 of its SubjectPublicKeyInfo).
    pub block_key: Option<[u8; 32]>,
    /// What the trail says of it.
    pub audit: AuditEntry,
    /// The approval that was given.
    pub approval: Option<ClosedApproval>,
    /// The door's own rows.
    pub alongside: Option<Alongside>,
}

/// Which approvals to list, newest first: all conditions hold together.
#[derive(Clone, Debug, Default)]
pub struct ApprovalQuery {
    /// The caller's reach; `None` is unlimited.
    pub profiles: Option<Vec<Uuid>>,
    /// Of this certificate object.
    pub certificate: Option<Uuid>,
    /// Pending at the instant and asked for by anyone but this id and name.
    pub waiting_for: Option<(Uuid, String, OffsetDateTime)>,
    /// Decided by this id and name.
    pub decided_by: Option<(Uuid, String)>,
    /// How many to skip.
    pub offset: u64,
    /// How many to return at the most.
    pub limit: u32,
}

/// Approvals. They are opened and given in the certificate's transaction: [`IssueRecord::approval`],
/// [`RevokeRecord::approval`].
#[async_trait]
pub trait ApprovalStore: Send + Sync {
    /// One by its id.
    async fn approval(&self, id: Uuid) -> Result<Option<ApprovalRecord>, StoreError>;
    /// A page of them.
    async fn approvals(&self, query: ApprovalQuery) -> Result<Page<ApprovalRecord>, StoreError>;
    /// Pending ones whose time was over at `now`, oldest first.
    async fn expired_approvals(&self, now: OffsetDateTime, limit: u32) -> Result<Vec<ApprovalRecord>, StoreError>;
    /// Have a revocation wait: an issued certificate becomes pending_approval, or one that is so already stays, when the
    /// approval that waits for it is closed. [`StoreError::Stale`] when neither holds any more.
    async fn open_revocation(
        &self,
        approval: ApprovalRecord,
        replaced: Option<ClosedApproval>,
        audit: AuditEntry,
    ) -> Result<(), StoreError>;
    /// Deny a pending approval or let it expire; its certificate object goes from pending_approval to `state`. False when
    /// either is not pending any more.
    async fn close_approval(
        &self,
        certificate: Uuid,
        state: CertificateState,
        closed: ClosedApproval,
        audit: AuditEntry,
    ) -> Result<bool, StoreError>;
}

/// A door that keeps state of its own about what waits: asked again when the approval is given, which may be days later.
#[async_trait]
pub trait DoorRecheck: Send + Sync {
    /// Whether the door still stands by what was asked for through it. What comes back joins the transaction that records
    /// the certificate, with the door's conditions inside.
    ///
    /// # Errors
    /// [`Error::Rejected`] with why it does not; nothing is signed then.
    async fn recheck(&self, waiting: &CertificateRecord) -> Result<Option<Alongside>, Error>;
}

/// The inventory of certificates.
#[async_trait]
pub trait InventoryStore: Send + Sync {
    /// A new certificate object, issued or requested. Grouped with other waiting writes; each caller gets its own
    /// result after the commit.
    async fn record(&self, record: IssueRecord) -> Result<(), StoreError>;
    /// Turn the requested object with this id into an issued one, or have it wait: every column but id, owner, door, request
    /// and creation is taken from the record, its names replaced. [`StoreError::Stale`] when its state is not `requested`
    /// any more (not `pending_approval` any more, when the record closes an approval).
    async fn issue_requested(&self, record: IssueRecord) -> Result<(), StoreError>;
    /// Revoke; [`StoreError::Stale`] when the certificate is not in state issued. Raises the issuer's revocation count.
    async fn revoke(&self, record: RevokeRecord) -> Result<(), StoreError>;
    /// One by id.
    async fn certificate(&self, id: Uuid) -> Result<Option<CertificateRecord>, StoreError>;
    /// One by its issuer (inventory id) and serial number.
    async fn certificate_by_serial(
        &self,
        issuer: Uuid,
        serial: &SerialNumber,
    ) -> Result<Option<CertificateRecord>, StoreError>;
    /// The direct successors of a certificate.
    async fn successors(&self, id: Uuid) -> Result<Vec<CertificateRecord>, StoreError>;
    /// A page of them, newest first, ordered by id.
    async fn certificates(&self, query: CertificateQuery) -> Result<Page<CertificateRecord>, StoreError>;
    /// Whether this key (SHA-256 of its SubjectPublicKeyInfo) is blocked.
    async fn key_blocked(&self, key_hash: [u8; 32]) -> Result<bool, StoreError>;
}

/// The audit trail.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Append entries of their own (refusals, logins, starts), in one transaction.
    async fn append(&self, entries: Vec<AuditEntry>) -> Result<(), StoreError>;
    /// Every entry about one certificate, oldest first.
    async fn history(&self, certificate: Uuid) -> Result<Vec<ChainedEntry>, StoreError>;
    /// The newest entry of every chain.
    async fn heads(&self) -> Result<Vec<ChainHead>, StoreError>;
    /// Entries of one chain from `from.sequence` on, ascending, at most `limit`.
    async fn chain(&self, from: ChainPosition, limit: u32) -> Result<Vec<ChainedEntry>, StoreError>;
    /// The newest entries of all chains by time, newest first, at most `limit`.
    async fn latest(&self, limit: u32) -> Result<Vec<ChainedEntry>, StoreError>;
    /// Keep a signed checkpoint.
    async fn add_checkpoint(&self, checkpoint: Checkpoint) -> Result<(), StoreError>;
    /// Every kept checkpoint, oldest first.
    async fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError>;
    /// How many certificates in state issued or revoked have no audit entry that tells of their issuing (must be none).
    async fn untold_certificates(&self) -> Result<u64, StoreError>;
}

/// Bearer tokens.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// A new one.
    async fn create_token(&self, token: TokenRecord, audit: AuditEntry) -> Result<(), StoreError>;
    /// One by the SHA-256 of its text, revoked and expired ones too.
    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<TokenRecord>, StoreError>;
    /// All of them, newest first.
    async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError>;
    /// Revoke; false when there is none or it was revoked before.
    async fn revoke_token(&self, id: Uuid, at: OffsetDateTime, audit: AuditEntry) -> Result<bool, StoreError>;
}

/// Users at rest.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// A new one. [`StoreError::Duplicate`] when its name, its key or its OIDC subject is taken.
    async fn create_user(&self, user: UserRecord, audit: AuditEntry) -> Result<(), StoreError>;
    /// The one whose certificate has this key, by the SHA-256 of its SubjectPublicKeyInfo.
    async fn user_by_key(&self, key_hash: &[u8; 32]) -> Result<Option<UserRecord>, StoreError>;
    /// The one of whom this issuer speaks so.
    async fn user_by_oidc(&self, subject: &OidcSubject) -> Result<Option<UserRecord>, StoreError>;
    /// All of them, by name.
    async fn users(&self) -> Result<Vec<UserRecord>, StoreError>;
    /// Disable or enable; false when there is none.
    async fn enable_user(&self, id: Uuid, enabled: bool, audit: AuditEntry) -> Result<bool, StoreError>;
    /// Delete; false when there is none.
    async fn delete_user(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError>;
}

/// What reads signed tokens of other issuers (RFC 7519, OpenID Connect).
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Whom a token speaks of, once its signature, issuer, audience and times are checked; or why it says nothing, for
    /// the audit alone.
    async fn identify(&self, token: &str, now: OffsetDateTime) -> Result<Identified, &'static str>;
}

/// An authority at rest.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorityRecord {
    /// Identifier: the `authorityUuid` of the REST API.
    pub id: Uuid,
    /// Unique name.
    pub name: String,
    /// The issuer that signs now.
    pub issuer: Uuid,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

/// A CA certificate with its key.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuerRecord {
    /// The inventory id of the CA certificate.
    pub id: Uuid,
    /// The authority that it serves.
    pub authority: Uuid,
    /// The key that signs.
    pub key: Uuid,
    /// The CA certificate's DER.
    pub certificate: Vec<u8>,
    /// The inventory id of the CA that signed it; its own id for a root.
    pub parent: Uuid,
    /// How many revocations have been committed for this issuer: a CRL that covers fewer is out of date.
    pub revocations: i64,
    /// Whether the CA certificate itself was revoked: it signs CRLs and nothing else any more.
    pub revoked: bool,
}

/// A private key, encrypted.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRecord {
    /// Identifier; bound into the encryption as associated data.
    pub id: Uuid,
    /// What it is for, in words.
    pub label: String,
    /// SubjectPublicKeyInfo DER.
    pub public_key: Vec<u8>,
    /// The encrypted PKCS#8.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

/// A signed CRL.
#[derive(Clone, Debug, PartialEq)]
pub struct CrlRecord {
    /// The issuer (inventory id).
    pub issuer: Uuid,
    /// RFC 5280 section 5.2.3: only ever upward.
    pub number: i64,
    /// When it was made.
    pub this_update: OffsetDateTime,
    /// When the next one is due at the latest.
    pub next_update: OffsetDateTime,
    /// The issuer's revocation count that it covers.
    pub revocations: i64,
    /// Its DER.
    pub der: Vec<u8>,
}

/// One line of a CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Serial number.
    pub serial: SerialNumber,
    /// When it was revoked.
    pub at: OffsetDateTime,
    /// Why.
    pub reason: RevocationReason,
    /// RFC 5280 section 5.3.2.
    pub invalidity_date: Option<OffsetDateTime>,
}

/// A new authority with all that belongs to it, for one transaction.
#[derive(Clone, Debug)]
pub struct NewAuthority {
    /// The authority.
    pub authority: AuthorityRecord,
    /// Its CA certificates as inventory rows, root first.
    pub certificates: Vec<IssueRecord>,
    /// The same as issuers.
    pub issuers: Vec<IssuerRecord>,
    /// Their keys.
    pub keys: Vec<KeyRecord>,
    /// What the trail says of it.
    pub audit: AuditEntry,
}

/// What the built-in authority keeps.
#[async_trait]
pub trait AuthorityStore: Send + Sync {
    /// All authorities, by name.
    async fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError>;
    /// All CA certificates of all authorities.
    async fn issuers(&self) -> Result<Vec<IssuerRecord>, StoreError>;
    /// A new one, whole or not at all; [`StoreError::Duplicate`] when the name is taken.
    async fn create_authority(&self, new: NewAuthority) -> Result<(), StoreError>;
    /// A key by its id.
    async fn key(&self, id: Uuid) -> Result<Option<KeyRecord>, StoreError>;
    /// The newest key with this label.
    async fn key_by_label(&self, label: &str) -> Result<Option<KeyRecord>, StoreError>;
    /// Keep a key (the server's own TLS keys; CA keys come with their authority).
    async fn add_key(&self, key: KeyRecord) -> Result<(), StoreError>;
    /// The newest CRL of an issuer.
    async fn crl(&self, issuer: Uuid) -> Result<Option<CrlRecord>, StoreError>;
    /// Keep a new CRL and forget the ones before its predecessor; [`StoreError::Duplicate`] when its number is taken.
    async fn add_crl(&self, crl: CrlRecord, audit: AuditEntry) -> Result<(), StoreError>;
    /// The issuer's revocation count and every revoked, not yet expired certificate (expired ones stay one CRL longer:
    /// RFC 5280 section 3.3; so `not_after >= expired_after`), read in one snapshot, ordered by id.
    async fn revoked(
        &self,
        issuer: Uuid,
        expired_after: OffsetDateTime,
    ) -> Result<(i64, Vec<RevokedCertificate>), StoreError>;
    /// A secret of the whole installation by name (wrapped data key and the like).
    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;
    /// Keep a secret unless the name is there; the value that stands afterwards comes back.
    async fn secret_or_insert(&self, name: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError>;
}

/// Work that only one node may do at a time.
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Take or keep the lease `name` for `holder` until `until`: the fencing number (grows with each new holder) when it
    /// was free, expired at `now`, or held by `holder` already; `None` when another holds it.
    async fn acquire(
        &self,
        name: &str,
        holder: Uuid,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Option<i64>, StoreError>;
    /// Give it back before its time.
    async fn release(&self, name: &str, holder: Uuid) -> Result<(), StoreError>;
}

/// Private keys by id. What [`KeyRecord::wrapped`] holds is the provider's own: an encrypted key, or the handle of one
/// that never leaves its token.
#[async_trait]
pub trait KeyProvider: Send + Sync {
    /// Make a key, which is not kept until somebody stores the record; sign with it meanwhile.
    async fn generate(&self, key_type: KeyType, label: &str) -> Result<(KeyRecord, Arc<dyn Signer>), Error>;
    /// The signer of a stored key; `None` when there is no such key.
    async fn signer(&self, key: Uuid) -> Result<Option<Arc<dyn Signer>>, Error>;
}

/// The database as such.
#[async_trait]
pub trait Database: Send + Sync {
    /// Its kind and version, for people: (`SQLite`, `3.53.2`).
    async fn describe(&self) -> Result<(String, String), StoreError>;
    /// Whether it takes writes now.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// An authority as the domain sees it.
#[derive(Clone, Debug)]
pub struct AuthorityInstance {
    /// Identifier.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// What kind it is: `built-in`.
    pub kind: &'static str,
    /// Inventory ids and certificates, from the CA that signs now to the root.
    pub chain: Vec<(Uuid, Certificate)>,
}

impl AuthorityInstance {
    /// The CA that signs now: inventory id and certificate.
    pub fn issuer(&self) -> &(Uuid, Certificate) {
        self.chain.first().expect("an authority is made with at least one CA certificate")
    }
}

/// What signs certificates. Built in now; remote ones later.
#[async_trait]
pub trait Authority: Send + Sync {
    /// All instances, by name.
    fn instances(&self) -> Vec<Arc<AuthorityInstance>>;
    /// One by its id.
    fn instance(&self, id: Uuid) -> Option<Arc<AuthorityInstance>>;
    /// The chain of a CA certificate, itself first and the root last, by its inventory id.
    fn chain(&self, issuer: Uuid) -> Option<Vec<(Uuid, Certificate)>>;
    /// What an RA profile of this authority can be set to: the issuance policy as attribute definitions.
    fn profile_definitions(&self) -> Arc<[Definition]>;
    /// Sign. Serial number, CRL and issuer addresses are the authority's to fill in: the template's own are ignored.
    /// Nothing is stored: the caller stores before anyone sees the certificate. Returns the issuer's inventory id too.
    async fn sign(&self, authority: Uuid, template: CertificateTemplate) -> Result<(Uuid, Certificate), Error>;
    /// Told after a revocation was committed, so that the CRL is remade soon.
    fn revoked(&self, issuer: Uuid);
}
