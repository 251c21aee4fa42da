//! Accounts: RFC 8555 section 7.1.2.

use chancery_core::Actor;
use chancery_core::audit::{Event, Telling};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::call::{Call, Payload};
use crate::{Acme, Directory, DirectoryId, Problem, ProblemType, Reply, Resource, contact};

/// RFC 8555 section 7.1.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountStatus {
    /// May do everything.
    Valid,
    /// Ended by its holder.
    Deactivated,
    /// Ended by the server.
    Revoked,
}

/// An account: a key that may order certificates at one directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Identifier of the object, in its URL.
    pub id: Uuid,
    /// Where it may order.
    pub directory: DirectoryId,
    /// How it stands.
    pub status: AccountStatus,
    /// RFC 7638 thumbprint (SHA-256) of its key: unique within the directory.
    pub thumbprint: [u8; 32],
    /// Its public key as a JWK, members in the order of RFC 7638 and nothing else.
    pub jwk: String,
    /// `PublicKey::identity` of its key: no certificate is issued for it (RFC 8555 section 11.1).
    pub key_identity: [u8; 32],
    /// Contact URLs.
    pub contacts: Vec<String>,
    /// When the terms of service were agreed to.
    pub terms_agreed_at: Option<OffsetDateTime>,
    /// The EAB key that it was bound with.
    pub eab_key: Option<Uuid>,
    /// The externalAccountBinding as it came (RFC 8555 section 7.3.4: shown again once verified).
    pub eab: Option<serde_json::Value>,
    /// Switched off by an operator, without changing its status.
    pub disabled: bool,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

impl Account {
    /// The account object (RFC 8555 section 7.1.2) as this directory shows it.
    pub(crate) fn object(&self, directory: &Directory) -> Object<'_> {
        Object {
            status: self.status,
            contact: &self.contacts,
            terms_of_service_agreed: self.terms_agreed_at.map(|_| true),
            external_account_binding: self.eab.as_ref(),
            orders: directory.url(&Resource::Orders(self.id, None)),
        }
    }

    /// The account object, with its URL.
    pub(crate) fn reply(&self, status: u16, directory: &Directory) -> Reply {
        Reply::json(status, &self.object(directory)).with_location(directory.url(&Resource::Account(self.id)))
    }
}

/// RFC 8555 section 7.1.2.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Object<'a> {
    status: AccountStatus,
    contact: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    terms_of_service_agreed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_account_binding: Option<&'a serde_json::Value>,
    orders: String,
}

/// What an account may change of itself. Other members are ignored (RFC 8555 section 7.3.2).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Update {
    contact: Option<Vec<String>>,
    status: Option<String>,
}

impl Acme {
    /// RFC 8555 sections 7.3.2 and 7.3.6: read, update or deactivate an account.
    pub(crate) async fn account_at(&self, call: &Call<'_>, id: Uuid) -> Result<Reply, Problem> {
        let account = call.account_is(id)?;
        if matches!(call.payload, Payload::PostAsGet) {
            return Ok(account.reply(200, call.directory));
        }
        let update: Update = call.json()?;
        if update.status.as_deref() == Some("deactivated") {
            return self.deactivate_account(call, account).await;
        }
        let Some(contacts) = update.contact.filter(|contacts| *contacts != account.contacts) else {
            return Ok(account.reply(200, call.directory));
        };
        contact::check(&contacts, &call.directory.acme_profile.settings)?;
        let actor = call.actor();
        let told =
            tell(&actor, call, Event::AcmeAccountUpdate, account).with("contacts", contacts.clone()).at(self.0.now());
        let mut changed = account.clone();
        changed.contacts.clone_from(&contacts);
        if !self.0.store.update_account(id, contacts, account.terms_agreed_at, told).await? {
            return Err(ended());
        }
        Ok(changed.reply(200, call.directory))
    }

    async fn deactivate_account(&self, call: &Call<'_>, account: &Account) -> Result<Reply, Problem> {
        let now = self.0.now();
        let actor = call.actor();
        let told = tell(&actor, call, Event::AcmeAccountEnd, account).with("status", "deactivated").at(now);
        if !self.0.store.end_account(account.id, AccountStatus::Deactivated, now, told).await? {
            return Err(ended());
        }
        let ended = Account { status: AccountStatus::Deactivated, ..account.clone() };
        Ok(ended.reply(200, call.directory))
    }
}

/// RFC 8555 section 7.3.6.
pub(crate) fn ended() -> Problem {
    Problem::new(ProblemType::Unauthorized, "the account is not valid any more: register a new one with a new key")
        .with_status(401)
}

pub(crate) fn tell<'a>(actor: &'a Actor, call: &'a Call<'_>, event: Event, account: &Account) -> Telling<'a> {
    Telling::success(actor, call.origin, event)
        .profile(Some(account.directory.ra_profile))
        .with("account", account.id.to_string())
}
