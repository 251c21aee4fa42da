//! Callers by signed tokens of other issuers (OpenID Connect, RFC 7519). The issuers' keys are read at the start and from
//! time to time; a request never makes the server fetch anything.

mod keys;
mod token;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use chancery_core::Identified;
use chancery_core::port::IdentityProvider;
use time::OffsetDateTime;

use crate::command::Failure;
use crate::config::OidcIssuer;
use keys::Key;
use token::Unverified;

/// A set of keys is smaller.
const LARGEST: usize = 1024 * 1024;
/// How long an issuer may take to give its keys.
const PATIENCE: Duration = Duration::from_secs(10);
/// How soon it is asked again when it did not.
const AGAIN: Duration = Duration::from_secs(10);

/// The issuers and their keys.
pub struct Issuers(Vec<Issuer>);

struct Issuer {
    settings: OidcIssuer,
    client: Option<reqwest::Client>,
    keys: ArcSwap<Vec<Key>>,
}

impl Issuers {
    /// These issuers, whose keys are not read yet.
    pub fn new(settings: &[OidcIssuer]) -> Result<Arc<Self>, Failure> {
        let issuer = |settings: &OidcIssuer| {
            let client = settings.jwks_url.is_some().then(|| client(settings)).transpose()?;
            Ok(Issuer { settings: settings.clone(), client, keys: ArcSwap::default() })
        };
        Ok(Arc::new(Self(settings.iter().map(issuer).collect::<Result<_, Failure>>()?)))
    }

    /// Read all keys. Where that fails the ones read before stay.
    pub async fn refresh(&self) {
        for issuer in &self.0 {
            issuer.refresh().await;
        }
    }

    /// Read each issuer's keys when it is time, for ever.
    pub async fn run(&self) {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let next = |issuer: &Issuer| {
            let wait = if issuer.keys.load().is_empty() { AGAIN } else { issuer.settings.refresh.0 };
            Instant::now() + wait
        };
        let mut due: Vec<_> = self.0.iter().map(next).collect();
        loop {
            let Some(first) = due.iter().min().copied() else { return };
            tokio::time::sleep_until(first.into()).await;
            for (issuer, due) in self.0.iter().zip(&mut due) {
                if *due <= first {
                    issuer.refresh().await;
                    *due = next(issuer);
                }
            }
        }
    }
}

impl Issuer {
    async fn refresh(&self) {
        let name = &self.settings.issuer;
        let read = match self.fetch().await {
            Ok(text) => keys::read(&text),
            Err(why) => Err(why),
        };
        match read {
            Ok(keys) => {
                tracing::debug!(issuer = name, keys = keys.len(), "the issuer's keys were read");
                self.keys.store(Arc::new(keys));
            }
            Err(why) => tracing::warn!(issuer = name, why, "the issuer's keys cannot be read; those from before stand"),
        }
    }

    async fn fetch(&self) -> Result<Vec<u8>, String> {
        if let Some(file) = &self.settings.jwks_file {
            let content = tokio::fs::read(&file.0).await.map_err(|error| format!("{file}: {error}"))?;
            return if content.len() > LARGEST { Err(format!("{file} is larger than 1 MiB")) } else { Ok(content) };
        }
        let (Some(url), Some(client)) = (&self.settings.jwks_url, &self.client) else {
            return Err("neither jwks_file nor jwks_url is set".into());
        };
        let failed = |error: reqwest::Error| chancery_http::chain(&error);
        let mut answer = client.get(url.clone()).send().await.map_err(failed)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(format!("{url} answers {}", answer.status()));
        }
        let mut content = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            content.extend_from_slice(&chunk);
            if content.len() > LARGEST {
                return Err(format!("{url} answers with more than 1 MiB"));
            }
        }
        Ok(content)
    }
}

/// A client for one issuer: no redirect, for what it would lead to is nobody that the configuration names.
fn client(settings: &OidcIssuer) -> Result<reqwest::Client, Failure> {
    let failed = |why: String| Failure::new(format!("oidc: {}: {why}", settings.issuer));
    // reqwest takes the process's provider; another one may be there already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .user_agent(concat!("chancery/", env!("CARGO_PKG_VERSION")));
    if let Some(file) = &settings.ca_file {
        let pem = std::fs::read(&file.0).map_err(|error| failed(format!("{file}: {error}")))?;
        let roots = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| failed(format!("{file}: {error}")))?;
        builder = builder.tls_certs_only(roots);
    }
    builder.build().map_err(|error| failed(error.to_string()))
}

#[async_trait]
impl IdentityProvider for Issuers {
    async fn identify(&self, text: &str, now: OffsetDateTime) -> Result<Identified, &'static str> {
        let token = Unverified::read(text)?;
        let named = token.issuer()?;
        let issuer = self.0.iter().find(|issuer| issuer.settings.issuer == named);
        let issuer = issuer.ok_or("a signed token of an unknown issuer")?;
        let claims = token.verify(&issuer.keys.load())?;
        token::judge(&claims, &issuer.settings, now)
    }
}
