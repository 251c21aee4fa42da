//! The binding that a client sends: RFC 8555 section 7.3.4.

use aws_lc_rs::hmac;
use serde_json::Value;
use zeroize::Zeroizing;

use super::label;
use crate::call::Call;
use crate::jws::{Jws, KeyHint};
use crate::{AccountKey, Acme, EabKey, Problem, ProblemType, json};

/// A binding that verified.
pub(crate) struct Binding {
    /// The key that it was made with.
    pub key: EabKey,
    /// The JWS as it came, to be shown in the account object.
    pub shown: Value,
}

impl Acme {
    /// Verify a binding. The key is still to be spent: by the store, in the transaction that makes the account.
    ///
    /// # Errors
    /// `malformed` for what is no binding of this request, `unauthorized` for a key that is unknown, of another directory,
    /// revoked, over, or spent, and for a MAC that does not verify: all these alike.
    pub(crate) async fn verify_binding(
        &self,
        call: &Call<'_>,
        account_key: &AccountKey,
        binding: Value,
    ) -> Result<Binding, Problem> {
        let within = |problem: Problem| wrong(&problem.detail);
        let jws = Jws::from_value(binding.clone()).map_err(within)?;
        let algorithm = algorithm(jws.algorithm_name().map_err(within)?)?;
        let KeyHint::Kid(kid) = jws.key_hint().map_err(within)? else {
            return Err(wrong("its protected header has a jwk, where the kid is expected"));
        };
        if jws.nonce().map_err(within)?.is_some() {
            return Err(wrong("its protected header has a nonce, which must not be there"));
        }
        jws.check_url(&call.url).map_err(within)?;
        // Compared as keys: the client may write the same JWK in another way.
        let bound = json::value("the payload", &jws.payload).and_then(|jwk| AccountKey::from_jwk(&jwk));
        if bound.map_err(within)? != *account_key {
            return Err(wrong("its payload is not the key that signed the request around it"));
        }
        let key = match kid.parse() {
            Ok(id) => self.0.store.eab_key(id).await?,
            Err(_) => None,
        };
        let secret = match &key {
            Some(key) => self.eab_secret(key)?,
            // An unknown key costs what a known one costs.
            None => Zeroizing::new(vec![0; 32]),
        };
        // Compares in constant time.
        let mac_key = hmac::Key::new(algorithm, &secret);
        let verified = hmac::verify(&mac_key, &jws.signed, &jws.signature).is_ok();
        let now = self.0.now();
        let usable = |key: &EabKey| {
            key.is_for(call.directory) && key.is_valid(now) && key.uses.is_none_or(|uses| key.used < uses)
        };
        match key.filter(|key| verified && usable(key)) {
            Some(key) => Ok(Binding { key, shown: binding }),
            None => Err(refused()),
        }
    }

    fn eab_secret(&self, key: &EabKey) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let secret = self.0.secrets.open(&label(key.id), &key.sealed);
        secret.map(Zeroizing::new).ok_or_else(|| {
            let why = format!("EAB key {} cannot be unsealed: it was made by another installation or altered", key.id);
            chancery_core::StoreError::Internal(why).into()
        })
    }
}

/// RFC 8555 section 7.3.4: a MAC-based algorithm.
fn algorithm(name: &str) -> Result<hmac::Algorithm, Problem> {
    match name {
        "HS256" => Ok(hmac::HMAC_SHA256),
        "HS384" => Ok(hmac::HMAC_SHA384),
        "HS512" => Ok(hmac::HMAC_SHA512),
        _ => Err(wrong("its alg must be HS256, HS384 or HS512")),
    }
}

fn wrong(why: &str) -> Problem {
    Problem::new(ProblemType::Malformed, format!("externalAccountBinding: {why}"))
}

/// The one answer to a binding that is well made and not good.
pub(crate) fn refused() -> Problem {
    Problem::new(
        ProblemType::Unauthorized,
        "externalAccountBinding: the key identifier is not known at this directory, is over or spent, or the MAC does not \
         verify: ask the operator for a new key",
    )
}
