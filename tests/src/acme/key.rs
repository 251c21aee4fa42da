//! Account keys of the test client: ES256 over aws-lc-rs, with nothing of the product's own code.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use super::base64url;

/// A P-256 key.
pub struct AcmeKey(EcdsaKeyPair);

impl AcmeKey {
    /// A new one.
    #[expect(clippy::new_without_default, reason = "two new keys are never the same")]
    pub fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    /// The same key again.
    pub fn copy(&self) -> Self {
        let der = self.0.to_pkcs8v1().expect("a private key");
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref()).expect("the same key"))
    }

    /// Its PKCS#8.
    pub fn pkcs8(&self) -> Vec<u8> {
        self.0.to_pkcs8v1().expect("a private key").as_ref().to_vec()
    }

    /// Its public key as a JWK.
    pub fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        json!({"crv": "P-256", "kty": "EC", "x": base64url(&point[1..33]), "y": base64url(&point[33..65])})
    }

    /// RFC 7638.
    pub fn thumbprint(&self) -> String {
        // The members are written in lexicographic order and without white space.
        base64url(digest(&SHA256, self.jwk().to_string().as_bytes()))
    }

    /// RFC 8555 section 8.1.
    pub fn authorization(&self, token: &str) -> String {
        format!("{token}.{}", self.thumbprint())
    }

    /// What dns-01 wants in a TXT record (RFC 8555 section 8.4).
    pub fn dns_authorization(&self, token: &str) -> String {
        base64url(digest(&SHA256, self.authorization(token).as_bytes()))
    }

    /// The signature r‖s over these bytes.
    pub fn signature(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(&SystemRandom::new(), bytes).expect("a signature").as_ref().to_vec()
    }

    /// A flattened JWS.
    pub fn sign(&self, protected: &Value, payload: &str) -> Value {
        self.sign_text(&protected.to_string(), payload)
    }

    /// The same with the protected header's text as it is.
    pub fn sign_text(&self, protected: &str, payload: &str) -> Value {
        let (protected, payload) = (base64url(protected), base64url(payload));
        let signature = self.signature(format!("{protected}.{payload}").as_bytes());
        json!({"protected": protected, "payload": payload, "signature": base64url(signature)})
    }
}

/// A flattened JWS by HMAC-SHA256.
pub fn mac(secret: &[u8], protected: &Value, payload: &str) -> Value {
    let (protected, payload) = (base64url(protected.to_string()), base64url(payload));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
    json!({"protected": protected, "payload": payload, "signature": base64url(tag.as_ref())})
}
