//! A request that was let in: who signed it, and what it says.

use chancery_core::{Actor, ActorKind, Origin};
use serde::de::DeserializeOwned;

use crate::{Account, AccountKey, Directory, Problem, ProblemType, Resource, json};

/// A verified request, for one handler.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// Where.
    pub(crate) directory: &'a Directory,
    /// What.
    pub(crate) resource: &'a Resource,
    /// Whence.
    pub(crate) origin: &'a Origin,
    /// The Accept header.
    pub(crate) accept: Option<&'a str>,
    /// The URL that was signed: the resource's own.
    pub(crate) url: String,
    /// Who signed.
    pub(crate) signer: Signer,
    /// What was signed.
    pub(crate) payload: Payload<'a>,
}

/// Whose signature was verified.
#[derive(Clone, Debug)]
pub(crate) enum Signer {
    /// The holder of this key, which came with the request: new accounts, and revocations by the certificate's key.
    Jwk(AccountKey),
    /// This account: valid, enabled, and of this directory.
    Account {
        /// The account.
        account: Box<Account>,
        /// Its key.
        key: AccountKey,
    },
}

impl Signer {
    pub(crate) fn key(&self) -> &AccountKey {
        match self {
            Self::Jwk(key) | Self::Account { key, .. } => key,
        }
    }

    /// How log and audit name it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Account { account, .. } => format!("acme:{}", account.id),
            Self::Jwk(key) => format!("acme-key:{}", key.thumbprint_text()),
        }
    }
}

/// What was signed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Payload<'a> {
    /// Nothing: POST-as-GET (RFC 8555 section 6.3).
    PostAsGet,
    /// A JSON text, not read yet.
    Json(&'a [u8]),
}

impl<'a> Payload<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        if bytes.is_empty() { Self::PostAsGet } else { Self::Json(bytes) }
    }
}

impl Call<'_> {
    /// The account that signed.
    ///
    /// # Errors
    /// `malformed` when it was a key (RFC 8555 section 6.2).
    pub(crate) fn account(&self) -> Result<&Account, Problem> {
        match &self.signer {
            Signer::Account { account, .. } => Ok(account),
            Signer::Jwk(_) => Err(malformed("this request must name its account by \"kid\", not its key by \"jwk\"")),
        }
    }

    /// The account that signed is this one.
    ///
    /// # Errors
    /// `malformed` when it was a key, `unauthorized` when it is another account.
    pub(crate) fn account_is(&self, owner: uuid::Uuid) -> Result<&Account, Problem> {
        let account = self.account()?;
        if account.id == owner {
            return Ok(account);
        }
        Err(Problem::new(ProblemType::Unauthorized, "this belongs to another account"))
    }

    /// The key that signed and came with the request.
    ///
    /// # Errors
    /// `malformed` when it was an account.
    pub(crate) fn jwk(&self) -> Result<&AccountKey, Problem> {
        match &self.signer {
            Signer::Jwk(key) => Ok(key),
            Signer::Account { .. } => Err(malformed("this request must carry its key by \"jwk\", not \"kid\"")),
        }
    }

    /// The payload as what it must be.
    ///
    /// # Errors
    /// `malformed`: POST-as-GET, no JSON, a member twice, or a member that is missing or of another type, with its place.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        match self.payload {
            Payload::Json(text) => json::read("the payload", text),
            Payload::PostAsGet => {
                Err(malformed("this resource is not one to be read: the payload must be a JSON object"))
            }
        }
    }

    /// There is no payload.
    ///
    /// # Errors
    /// `malformed` when there is one (RFC 8555 section 6.3).
    pub(crate) fn post_as_get(&self) -> Result<(), Problem> {
        match self.payload {
            Payload::PostAsGet => Ok(()),
            Payload::Json(_) => {
                Err(malformed("this resource can only be read: the payload must be empty (POST-as-GET)"))
            }
        }
    }

    /// Who asks, for core: the account with the RA profiles of the directory, or the holder of a certificate's key.
    pub(crate) fn actor(&self) -> Actor {
        let profiles = std::iter::once(&self.directory.ra_profile).chain(&self.directory.choices);
        let profiles = profiles.map(|profile| profile.id);
        match &self.signer {
            Signer::Account { account, .. } => {
                Actor::enrollee(account.id, self.signer.name(), ActorKind::AcmeAccount, profiles)
            }
            Signer::Jwk(_) => {
                Actor::enrollee(uuid::Uuid::nil(), self.signer.name(), ActorKind::CertificateKey, profiles)
            }
        }
    }
}

fn malformed(why: &str) -> Problem {
    Problem::new(ProblemType::Malformed, why)
}
