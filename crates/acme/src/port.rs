//! What the ACME door needs from outside: traits that `store` and `acme-validation` implement.
//!
//! As in core: one method is one transaction, named for its intent; absence is `Ok(None)`; a conditional change that found
//! nothing to change says so.

use std::collections::HashMap;
use std::net::SocketAddr;

use async_trait::async_trait;
use chancery_core::audit::AuditEntry;
use chancery_core::{RaProfile, StoreError};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Account, AccountStatus, AcmeProfile, Activation, Authorization, AuthorizationStatus, Challenge, ChallengeType,
    DirectoryId, EabKey, Identifier, Order, Problem, StoredOrderStatus,
};

/// What became of a new account.
#[derive(Clone, Debug, PartialEq)]
pub enum Registered {
    /// It was made.
    New,
    /// The key has one already.
    Existing(Box<Account>),
    /// Its EAB key was revoked, is over, or has no use left; nothing was made.
    EabSpent,
}

/// What became of a key change (RFC 8555 section 7.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyChanged {
    /// Done.
    Done,
    /// The new key belongs to this account.
    InUse(Uuid),
    /// The account is not valid any more, or has another key by now.
    Stale,
}

/// What became of a new order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// It was made.
    New,
    /// The account is not valid any more.
    AccountEnded,
    /// It has this many open orders already.
    TooMany(u32),
    /// It would have more pending authorizations than it may.
    TooManyPending,
    /// RFC 9773 section 5: another order, not invalid, replaces the certificate.
    AlreadyReplaced,
}

/// What an account may have unfinished at the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Open orders.
    pub orders: u32,
    /// Pending authorizations.
    pub authorizations: u32,
}

/// Orders of an account, counted for operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderCounts {
    /// Open ones.
    pub open: u32,
    /// Waiting ones.
    pub processing: u32,
    /// Successful ones.
    pub valid: u32,
    /// Failed ones.
    pub invalid: u32,
}

/// The rows that join the certificate's transaction when an order is finalized: inside `chancery_core`'s `Alongside`.
/// The store turns the order from open to valid (or processing, when the certificate object waits), and from processing to
/// valid when the approval is given. It refuses the whole transaction with `Stale(Stale::Alongside)` unless: the order is so,
/// of this account, and (when open) not expired; the account is valid and enabled; every authorization of the order is
/// there, valid, of this account, and not expired; the EAB key is neither revoked nor over. Counts `issued` of the EAB key
/// once for each order, and refuses when its quota is reached.
#[derive(Clone, Debug)]
pub struct FinalizeOrder {
    /// The order.
    pub order: Uuid,
    /// Its account.
    pub account: Uuid,
    /// Its authorizations.
    pub authorizations: Vec<Uuid>,
    /// The account's EAB key.
    pub eab_key: Option<Uuid>,
    /// What the order is before: open, or processing when its certificate object waited for an approval.
    pub from: StoredOrderStatus,
    /// The instant of the decision.
    pub now: OffsetDateTime,
}

/// A certificate that shall be renewed at once (RFC 9773: an incident).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalMark {
    /// The certificate object.
    pub certificate: Uuid,
    /// Where people read why.
    pub explanation_url: Option<String>,
    /// When it was marked.
    pub marked_at: OffsetDateTime,
}

/// How one attempt at a challenge ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// When it ended.
    pub at: OffsetDateTime,
    /// The challenge as it is now, with this attempt counted: valid, invalid, or processing with the attempt's error.
    pub challenge: Challenge,
    /// What becomes of the authorization.
    pub status: AuthorizationStatus,
    /// Until when the authorization counts, when it is valid now.
    pub expires_at: Option<OffsetDateTime>,
    /// When the next attempt is due, when it is still processing.
    pub attempt_at: Option<OffsetDateTime>,
    /// When CAA allowed it.
    pub caa_checked_at: Option<OffsetDateTime>,
}

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purge {
    /// Open orders and authorizations that expired before this are deleted, invalid and deactivated ones made before it
    /// too.
    pub abandoned_before: OffsetDateTime,
    /// Finished orders whose certificate ended before this are deleted, and marks for renewal of such certificates.
    pub ended_before: OffsetDateTime,
    /// Rows per call and table.
    pub limit: u32,
}

/// The state of the ACME door.
#[async_trait]
pub trait AcmeStore: Send + Sync {
    /// All ACME profiles, by name.
    async fn acme_profiles(&self) -> Result<Vec<AcmeProfile>, StoreError>;
    /// A new one; [`StoreError::Duplicate`] when the name is taken.
    async fn create_acme_profile(&self, profile: AcmeProfile, audit: AuditEntry) -> Result<(), StoreError>;
    /// Replace the one whose version is `profile.version - 1`; false when it is not any more.
    async fn update_acme_profile(&self, profile: AcmeProfile, audit: AuditEntry) -> Result<bool, StoreError>;
    /// Delete; false when it was not there. [`StoreError::Duplicate`] while an activation or an account needs it.
    async fn delete_acme_profile(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError>;
    /// Every activation.
    async fn activations(&self) -> Result<Vec<Activation>, StoreError>;
    /// Open an RA profile's ACME door, or change how it behaves; `profile` is the RA profile's next version (its doors
    /// changed), written under the same condition as [`chancery_core::port::ProfileStore::update_profile`].
    async fn activate(&self, activation: Activation, profile: RaProfile, audit: AuditEntry) -> Result<(), StoreError>;
    /// Close it.
    async fn deactivate(&self, profile: RaProfile, audit: AuditEntry) -> Result<(), StoreError>;

    /// An account by its id.
    async fn account(&self, id: Uuid) -> Result<Option<Account>, StoreError>;
    /// The account of a key at a directory, ended ones too.
    async fn account_by_key(&self, directory: DirectoryId, thumbprint: [u8; 32])
    -> Result<Option<Account>, StoreError>;
    /// Whether any account has this key (`PublicKey::identity`).
    async fn is_account_key(&self, key_identity: [u8; 32]) -> Result<bool, StoreError>;
    /// A new account; counts a use of its EAB key at `account.created_at` in the same transaction.
    async fn create_account(&self, account: Account, audit: AuditEntry) -> Result<Registered, StoreError>;
    /// Other contacts, and agreement to the terms (none leaves what was agreed); false when it is not valid any more.
    async fn update_account(
        &self,
        id: Uuid,
        contacts: Vec<String>,
        terms_agreed_at: Option<OffsetDateTime>,
        audit: AuditEntry,
    ) -> Result<bool, StoreError>;
    /// End a valid account: its open and processing orders become invalid and its pending and valid authorizations
    /// deactivated with it.
    /// False when it is not valid any more.
    async fn end_account(
        &self,
        id: Uuid,
        status: AccountStatus,
        at: OffsetDateTime,
        audit: AuditEntry,
    ) -> Result<bool, StoreError>;
    /// Switch an account off or on; false when it was so already, or is not there. Its processing orders become invalid when
    /// it is switched off: what waits for an approval is not issued to it any more.
    async fn disable_account(&self, id: Uuid, disabled: bool, audit: AuditEntry) -> Result<bool, StoreError>;
    /// Another key for a valid account whose key's thumbprint is `old` (RFC 8555 section 7.3.5); `account` has the new one.
    async fn change_account_key(
        &self,
        account: Account,
        old: [u8; 32],
        audit: AuditEntry,
    ) -> Result<KeyChanged, StoreError>;
    /// Accounts by id, newest first, after `after`; of one ACME profile or of all; of these RA profiles or of all.
    async fn accounts(
        &self,
        acme_profile: Option<Uuid>,
        ra_profiles: Option<Vec<Uuid>>,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError>;
    /// How many orders these accounts have; those without any may be missing.
    async fn order_counts(&self, accounts: Vec<Uuid>) -> Result<HashMap<Uuid, OrderCounts>, StoreError>;

    /// A new EAB key.
    async fn create_eab_key(&self, key: EabKey, audit: AuditEntry) -> Result<(), StoreError>;
    /// One by its id.
    async fn eab_key(&self, id: Uuid) -> Result<Option<EabKey>, StoreError>;
    /// All, newest first.
    async fn eab_keys(&self) -> Result<Vec<EabKey>, StoreError>;
    /// Revoke; false when there is none or it was revoked before.
    async fn revoke_eab_key(&self, id: Uuid, at: OffsetDateTime, audit: AuditEntry) -> Result<bool, StoreError>;

    /// A new order with the authorizations that it needs anew, while the account is valid, has fewer open orders and no more
    /// pending authorizations than `most`, and nobody else replaces the same certificate.
    async fn create_order(
        &self,
        order: Order,
        new_authorizations: Vec<Authorization>,
        most: Unfinished,
    ) -> Result<Ordered, StoreError>;
    /// An order with its authorizations (in no particular order; purged ones are missing).
    async fn order(&self, id: Uuid) -> Result<Option<(Order, Vec<Authorization>)>, StoreError>;
    /// Orders of an account that are neither invalid as stored nor open and over at `now`, newest first, older than
    /// `after` (RFC 8555 section 7.1.2.1: invalid ones are left out).
    async fn orders(
        &self,
        account: Uuid,
        now: OffsetDateTime,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<Uuid>, StoreError>;
    /// An open or processing order becomes invalid; false when it is neither.
    async fn fail_order(&self, id: Uuid, error: Problem) -> Result<bool, StoreError>;
    /// A processing order becomes valid; false when it is not processing.
    async fn complete_order(&self, id: Uuid) -> Result<bool, StoreError>;
    /// The order by which a certificate was issued.
    async fn order_of_certificate(&self, certificate: Uuid) -> Result<Option<Order>, StoreError>;
    /// Whether an order that is not invalid at this instant replaces the certificate.
    async fn is_replaced(&self, certificate: Uuid, at: OffsetDateTime) -> Result<bool, StoreError>;

    /// A new authorization (RFC 8555 section 7.4.1); false when the account would have more than `most` pending ones.
    async fn create_authorization(&self, authorization: Authorization, most: u32) -> Result<bool, StoreError>;
    /// One by its id.
    async fn authorization(&self, id: Uuid) -> Result<Option<Authorization>, StoreError>;
    /// Pending and valid authorizations of an account for any of these identifiers that do not expire before `at`.
    async fn authorizations_for(
        &self,
        account: Uuid,
        identifiers: Vec<Identifier>,
        at: OffsetDateTime,
    ) -> Result<Vec<Authorization>, StoreError>;
    /// A pending challenge becomes processing (with its payload), its next attempt due at `attempt_at`; false when the
    /// authorization is not pending, expired at `now`, or any of its challenges is not pending: of many parallel calls one
    /// wins.
    async fn begin_challenge(
        &self,
        authorization: Uuid,
        challenge: Challenge,
        now: OffsetDateTime,
        attempt_at: OffsetDateTime,
    ) -> Result<bool, StoreError>;
    /// Write down how an attempt ended, the one after those that the challenge counts; false when the authorization is not
    /// pending any more at `settled.at`, or another attempt was written down meanwhile.
    async fn settle_challenge(&self, authorization: Uuid, settled: Settled) -> Result<bool, StoreError>;
    /// CAA was asked again and allowed it.
    async fn caa_checked(&self, authorizations: Vec<Uuid>, at: OffsetDateTime) -> Result<(), StoreError>;
    /// A pending or valid authorization becomes deactivated; false when it is neither.
    async fn deactivate_authorization(&self, id: Uuid) -> Result<bool, StoreError>;
    /// Pending authorizations whose attempt was due before `now`, claimed by moving their next attempt to `until`: what a
    /// node that died left, and what is tried again. Of several nodes one gets each, so that it may be fewer than there are.
    /// Accounts take turns, but for `except`.
    async fn claim_attempts(
        &self,
        now: OffsetDateTime,
        until: OffsetDateTime,
        limit: u32,
        except: Vec<Uuid>,
    ) -> Result<Vec<Authorization>, StoreError>;

    /// Mark certificates for renewal at once, or take the mark away when `mark` is none.
    async fn mark_for_renewal(
        &self,
        certificates: Vec<Uuid>,
        mark: Option<RenewalMark>,
        audit: AuditEntry,
    ) -> Result<u64, StoreError>;
    /// A certificate's mark.
    async fn renewal_mark(&self, certificate: Uuid) -> Result<Option<RenewalMark>, StoreError>;

    /// Spend a nonce of any node (several nodes on one database); false when it was spent before.
    async fn spend_nonce(&self, nonce: [u8; 32], expires_at: OffsetDateTime) -> Result<bool, StoreError>;
    /// Delete what is over; the number of rows deleted. Called again while it deletes as much as it may.
    async fn purge(&self, purge: Purge, now: OffsetDateTime) -> Result<u64, StoreError>;
}

/// One attempt to prove control of an identifier.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The name, without `*.`.
    pub identifier: Identifier,
    /// It is for the wildcard below the name.
    pub wildcard: bool,
    /// How.
    pub challenge: ChallengeType,
    /// The challenge's token.
    pub token: String,
    /// RFC 8555 section 8.1.
    pub key_authorization: String,
    /// The account's URL (dns-account-01, dns-persist-01).
    pub account_url: String,
    /// The issuer domain names of this CA (dns-persist-01).
    pub issuer_domains: Vec<String>,
    /// What the client sent (device-attest-01).
    pub payload: Option<serde_json::Value>,
    /// The resolver of the profile, in place of the configured one.
    pub resolver: Option<SocketAddr>,
}

/// Why an attempt failed.
#[derive(Clone, Debug)]
pub struct AttemptFailed {
    /// What the client is told.
    pub problem: Problem,
    /// Whether trying again soon may end otherwise (a refused connection, a record that is not there yet).
    pub worth_retrying: bool,
    /// Attempts in all, where these are to be fewer than others get.
    pub at_most: Option<u32>,
}

/// A proof.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proof {
    /// Not valid after this instant, whatever the profile says (dns-persist-01: `persistUntil`).
    pub until: Option<OffsetDateTime>,
    /// The proof covers names below this one (dns-persist-01: `policy=wildcard`).
    pub wildcard: bool,
    /// device-attest-01: the key that the attestation is about, SubjectPublicKeyInfo DER; the CSR must have it.
    pub attested_key: Option<Vec<u8>>,
}

/// A CAA question.
#[derive(Clone, Debug)]
pub struct CaaQuestion {
    /// The DNS name, without `*.`.
    pub name: String,
    /// Ask for `issuewild` first (RFC 8659 section 4.3).
    pub wildcard: bool,
    /// The issuer domain names of this CA.
    pub issuer_domains: Vec<String>,
    /// RFC 8657 section 3.
    pub account_url: String,
    /// RFC 8657 section 4: the method by which control was proved.
    pub method: ChallengeType,
    /// The resolver of the profile, in place of the configured one.
    pub resolver: Option<SocketAddr>,
}

/// Proves control of identifiers: the only outbound prober.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Try once, within the configured time.
    async fn validate(&self, attempt: &Attempt) -> Result<Proof, AttemptFailed>;
    /// Whether CAA allows the name (RFC 8659, RFC 8657). The problem is of type `caa`, or `dns` when the question could
    /// not be answered.
    async fn caa(&self, question: &CaaQuestion) -> Result<(), AttemptFailed>;
    /// The longest that both take, one after the other.
    fn longest(&self) -> std::time::Duration;
}

/// Seals what must be read again (EAB keys), under the installation's key.
pub trait Secrets: Send + Sync {
    /// Encrypt, bound to a label.
    fn seal(&self, label: &str, secret: &[u8]) -> Vec<u8>;
    /// Decrypt; `None` when it is not sealed under this label and key.
    fn open(&self, label: &str, sealed: &[u8]) -> Option<Vec<u8>>;
}
