//! Bearer tokens: 256 random bits, kept as their SHA-256.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::audit::{Event, Telling};
use crate::{Action, Actor, ActorKind, Error, Origin, ProfileRef, Ra, Rejection, Role, Scope};

/// What every token begins with, so that people and secret scanners know one when they see it.
const PREFIX: &str = "chancery_";

/// A token as it is stored; the token itself was shown once and is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Identifier, for listing and revoking.
    pub id: Uuid,
    /// A name for people, told in the audit; need not be unique.
    pub name: String,
    /// SHA-256 of the token's text.
    pub hash: [u8; 32],
    /// What its holder may do.
    pub role: Role,
    /// Where.
    pub scope: Scope,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it ends; `None` never.
    pub expires_at: Option<OffsetDateTime>,
    /// When it was revoked.
    pub revoked_at: Option<OffsetDateTime>,
}

impl TokenRecord {
    /// Whether it opens the door at `now`.
    pub fn is_valid(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    fn actor(&self) -> Actor {
        Actor {
            id: self.id,
            name: self.name.clone(),
            kind: ActorKind::Token,
            role: self.role,
            scope: self.scope.clone(),
        }
    }
}

/// What a new token shall be.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// A name for people.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// RA profiles by name or id; none means all of them.
    pub profiles: Vec<String>,
    /// How long it is valid; `None` for ever.
    pub lifetime: Option<Duration>,
}

/// Tokens seen lately: read again after a second, so that a revocation on another node holds everywhere soon.
#[derive(Default)]
pub(crate) struct TokenCache(Mutex<HashMap<[u8; 32], (OffsetDateTime, TokenRecord)>>);

impl TokenCache {
    const FRESH: Duration = Duration::seconds(1);
    const MOST: usize = 10_000;

    fn find(&self, hash: &[u8; 32], now: OffsetDateTime) -> Option<TokenRecord> {
        let cache = self.0.lock().expect("no holder panics");
        let (read_at, token) = cache.get(hash)?;
        let age = now - *read_at;
        (Duration::ZERO <= age && age < Self::FRESH).then(|| token.clone())
    }

    fn keep(&self, token: TokenRecord, now: OffsetDateTime) {
        let mut cache = self.0.lock().expect("no holder panics");
        if cache.len() >= Self::MOST {
            cache.clear();
        }
        cache.insert(token.hash, (now, token));
    }

    fn forget_all(&self) {
        self.0.lock().expect("no holder panics").clear();
    }
}

impl Ra {
    /// Who holds this bearer token?
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when it is unknown, expired or revoked; which of them is told in the audit alone.
    pub async fn authenticate(&self, token: &str, origin: &Origin) -> Result<Actor, Error> {
        // A JWS in its compact form (RFC 7515 section 7.1); no token of ours has a dot.
        if token.contains('.') {
            return self.authenticate_signed(token, origin).await;
        }
        let now = self.now();
        let hash = sha256(token.as_bytes());
        let record = match self.0.tokens.find(&hash, now) {
            Some(record) => record,
            None => match self.0.ports.tokens.token_by_hash(&hash).await? {
                Some(record) => {
                    self.0.tokens.keep(record.clone(), now);
                    record
                }
                None => return Err(self.login_failed(origin, "unknown token").await),
            },
        };
        if record.is_valid(now) {
            return Ok(record.actor());
        }
        let why = if record.revoked_at.is_some() { "revoked token" } else { "expired token" };
        let actor = record.actor();
        let telling = Telling::refused(Some(&actor), origin, Event::LoginFailure).with("why", why);
        self.0.strangers.tell(telling, now).await?;
        Err(Error::Unauthenticated)
    }

    /// Tell of a missing or malformed credential.
    ///
    /// The error to answer with: [`Error::Unauthenticated`], or [`Error::Unavailable`] when it cannot be told.
    pub async fn login_failed(&self, origin: &Origin, why: &'static str) -> Error {
        let telling = Telling::refused(None, origin, Event::LoginFailure).with("why", why);
        match self.0.strangers.tell(telling, self.now()).await {
            Ok(()) => Error::Unauthenticated,
            Err(error) => error,
        }
    }

    /// Make a token. Its text is returned once and not kept.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anyone but an administrator; [`Error::NotFound`] for an unknown profile.
    pub async fn create_token(
        &self,
        actor: &Actor,
        origin: &Origin,
        new: NewToken,
    ) -> Result<(String, TokenRecord), Error> {
        self.demand(actor, origin, Action::Administer).await?;
        check_name(&new.name)?;
        let scope = self.scope_of(actor, origin, &new.profiles).await?;
        let mut chance = [0; 32];
        self.0.ports.rng.fill(&mut chance);
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(chance));
        let now = self.now();
        let record = TokenRecord {
            id: self.new_id(),
            name: new.name,
            hash: sha256(text.as_bytes()),
            role: new.role,
            scope,
            created_at: now,
            expires_at: new.lifetime.map(|lifetime| now + lifetime),
            revoked_at: None,
        };
        let mut telling = Telling::success(actor, origin, Event::TokenCreate)
            .with("token", record.id.to_string())
            .with("name", &*record.name)
            .with("role", record.role.as_str());
        if let Scope::Profiles(profiles) = &record.scope {
            telling = telling.with("profiles", profiles.iter().map(Uuid::to_string).collect::<Vec<_>>());
        }
        if let Some(end) = record.expires_at {
            telling = telling.with("expires", crate::micros(end));
        }
        self.0.ports.tokens.create_token(record.clone(), telling.at(now)).await?;
        Ok((text, record))
    }

    /// The scope of a new credential: these RA profiles, by name or id, or all that its maker reaches.
    pub(crate) async fn scope_of(&self, actor: &Actor, origin: &Origin, names: &[String]) -> Result<Scope, Error> {
        let mut profiles = BTreeSet::new();
        for name in names {
            let reference = name.parse().map_or_else(|_| ProfileRef::Name(name.clone()), ProfileRef::Id);
            profiles.insert(self.reachable_profile(actor, origin, &reference).await?.profile.id);
        }
        Ok(match (profiles.is_empty(), &actor.scope) {
            (true, Scope::All) => Scope::All,
            (true, Scope::Profiles(own)) => Scope::Profiles(own.clone()),
            (false, _) => Scope::Profiles(profiles),
        })
    }

    /// The tokens whose scope lies within the actor's, newest first, without their text, which nobody has.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anyone but an administrator.
    pub async fn tokens(&self, actor: &Actor, origin: &Origin) -> Result<Vec<TokenRecord>, Error> {
        self.demand(actor, origin, Action::Administer).await?;
        let mut tokens = self.0.ports.tokens.tokens().await?;
        tokens.retain(|token| actor.scope.covers(&token.scope));
        Ok(tokens)
    }

    /// Revoke a token: on this node at once, on others within a second.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or it was revoked before.
    pub async fn revoke_token(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<(), Error> {
        if !self.tokens(actor, origin).await?.iter().any(|token| token.id == id) {
            return Err(Error::not_found("token", id));
        }
        let now = self.now();
        let telling = Telling::success(actor, origin, Event::TokenRevoke).with("token", id.to_string());
        let revoked = self.0.ports.tokens.revoke_token(id, now, telling.at(now)).await?;
        self.0.tokens.forget_all();
        if revoked { Ok(()) } else { Err(Error::not_found("valid token", id)) }
    }
}

/// A token's or user's name stands in the trail as the actor: nobody may look like the server itself.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let reserved = ["system", "anonymous"].contains(&name)
        || ["local:", "acme:", "oidc:"].iter().any(|prefix| name.starts_with(prefix));
    if !reserved && (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::rejected(Rejection::Attribute {
        name: "name".into(),
        why: "a name is 1 to 64 printable characters, and not system, anonymous, local:..., acme:... or oidc:..."
            .into(),
    }))
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    hash
}
