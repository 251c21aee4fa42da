//! Another key for an account: RFC 8555 section 7.3.5.

use chancery_core::audit::Event;
use serde::Deserialize;
use serde_json::Value;

use crate::call::Call;
use crate::jws::{Jws, KeyHint};
use crate::port::KeyChanged;
use crate::{Account, AccountKey, Acme, Problem, ProblemType, Reply, Resource, account, json};

/// The payload of the inner JWS.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyChange {
    account: String,
    old_key: Value,
}

impl Acme {
    /// RFC 8555 section 7.3.5. The outer JWS, by the old key, was checked before (step 1); the inner one is by the new key.
    pub(crate) async fn key_change(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let account = call.account()?;
        let within = |problem: Problem| wrong(&problem.detail);
        // Steps 2 to 4: well formed, with the new key, and signed by it.
        let inner = Jws::from_value(call.json()?).map_err(within)?;
        let new_key = self.new_key(&inner).await?;
        // Step 5.
        let change: KeyChange = json::read("the payload", &inner.payload).map_err(within)?;
        // Step 6.
        inner.check_url(&call.url).map_err(within)?;
        // Step 7: the very account that signed the outer JWS.
        if change.account != call.directory.url(&Resource::Account(account.id)) {
            return Err(wrong("its account is not the account that signed the request around it"));
        }
        // Step 8, compared as keys: the client may write the same JWK in another way.
        if AccountKey::from_jwk(&change.old_key).map_err(within)?.thumbprint() != account.thumbprint {
            return Err(wrong("its oldKey is not the account's present key"));
        }
        // Step 9 is the store's: in the transaction that changes the key.
        self.change_key(call, account, &new_key).await
    }

    /// The new key, which signed the inner JWS and is good enough for an account.
    async fn new_key(&self, inner: &Jws) -> Result<AccountKey, Problem> {
        let within = |problem: Problem| wrong(&problem.detail);
        if inner.nonce().map_err(within)?.is_some() {
            return Err(wrong("its protected header has a nonce, which must not be there"));
        }
        let KeyHint::Jwk(jwk) = inner.key_hint().map_err(within)? else {
            return Err(wrong("its protected header has a kid, where the new key is expected as jwk"));
        };
        let key = AccountKey::from_jwk(&jwk)?;
        self.check_key(&key).await?;
        inner.verify(&key)?;
        Ok(key)
    }

    async fn change_key(&self, call: &Call<'_>, account: &Account, new: &AccountKey) -> Result<Reply, Problem> {
        let changed = Account {
            thumbprint: new.thumbprint(),
            jwk: new.jwk().into(),
            key_identity: new.public_key().identity(),
            ..account.clone()
        };
        let actor = call.actor();
        let told = account::tell(&actor, call, Event::AcmeKeyChange, account).at(self.0.now());
        let done = self.0.store.change_account_key(changed.clone(), account.thumbprint, told).await;
        match done? {
            KeyChanged::Done => Ok(changed.reply(200, call.directory)),
            KeyChanged::InUse(id) => Err(self.in_use(call, id)),
            KeyChanged::Stale => Err(wrong("the account has ended or has another key by now; nothing was changed")),
        }
    }

    /// RFC 8555 section 7.3.5: 409 with the URL of the account that has the key.
    fn in_use(&self, call: &Call<'_>, id: uuid::Uuid) -> Problem {
        let mut problem = Problem::new(
            ProblemType::Malformed,
            "an account has the new key already, which the Location header names: make a new key",
        )
        .with_status(409);
        problem.location = Some(call.directory.url(&Resource::Account(id)));
        problem
    }
}

fn wrong(why: &str) -> Problem {
    Problem::new(ProblemType::Malformed, format!("keyChange: the inner JWS is not good: {why}"))
}
