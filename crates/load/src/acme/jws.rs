//! Signed requests: RFC 8555 section 6.2, ES256 alone.

use anyhow::Context;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// An account's key.
pub struct AccountKey {
    key: EcdsaKeyPair,
    jwk: String,
    random: SystemRandom,
}

/// Who signs: the key itself, or the account that has it.
#[derive(Clone, Copy)]
pub enum Signer<'a> {
    /// For a new account.
    Jwk,
    /// The account's URL.
    Kid(&'a str),
}

impl AccountKey {
    /// A new one.
    pub fn generate() -> anyhow::Result<Self> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok().context("make an account key")?;
        // An uncompressed point: 4, x, y.
        let point = key.public_key().as_ref();
        let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
        // In the order of RFC 7638 section 3.2.
        let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Ok(Self { key, jwk, random: SystemRandom::new() })
    }

    /// RFC 7638, as it stands in key authorizations.
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.jwk.as_bytes()))
    }

    /// A flattened JWS. Nonces and URLs hold nothing that JSON would escape.
    pub fn sign(&self, signer: Signer<'_>, nonce: &str, url: &str, payload: &str) -> anyhow::Result<String> {
        let protected = match signer {
            Signer::Jwk => format!(r#"{{"alg":"ES256","jwk":{},"nonce":"{nonce}","url":"{url}"}}"#, self.jwk),
            Signer::Kid(kid) => format!(r#"{{"alg":"ES256","kid":"{kid}","nonce":"{nonce}","url":"{url}"}}"#),
        };
        let (protected, payload) = (URL_SAFE_NO_PAD.encode(protected), URL_SAFE_NO_PAD.encode(payload));
        let message = format!("{protected}.{payload}");
        let signature = self.key.sign(&self.random, message.as_bytes()).ok().context("sign a request")?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Ok(format!(r#"{{"protected":"{protected}","payload":"{payload}","signature":"{signature}"}}"#))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_signature_is_over_what_is_sent() {
        let key = AccountKey::generate().unwrap();
        let jws: Value = serde_json::from_str(&key.sign(Signer::Jwk, "n-1", "https://x/y", "{}").unwrap()).unwrap();
        let part = |name: &str| URL_SAFE_NO_PAD.decode(jws[name].as_str().unwrap()).unwrap();
        let protected: Value = serde_json::from_slice(&part("protected")).unwrap();
        assert_eq!((&protected["nonce"], &protected["url"]), (&"n-1".into(), &"https://x/y".into()));
        assert_eq!(part("payload"), b"{}");
        let message = format!("{}.{}", jws["protected"].as_str().unwrap(), jws["payload"].as_str().unwrap());
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.key.public_key().as_ref())
            .verify(message.as_bytes(), &part("signature"))
            .unwrap();
        assert_eq!(key.thumbprint().len(), 43);
    }
}
