//! Several places to look from: CA/Browser Forum Baseline Requirements section 3.2.2.9 calls it multi-perspective issuance
//! corroboration.

use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_acme::port::AttemptFailed;
use hyper::header::HeaderValue;
use tokio::task::JoinSet;
use url::Url;

use crate::config::address_of;
use crate::resolver::Resolver;
use crate::{ConfigError, PerspectiveConfig};

/// A way out.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub address: SocketAddr,
    pub authorization: Option<HeaderValue>,
}

/// Another place.
#[derive(Clone)]
pub(crate) struct Perspective {
    pub name: String,
    /// Where it has one of its own.
    pub resolver: Option<Resolver>,
    pub proxy: Option<Proxy>,
}

impl Perspective {
    pub fn new(config: &PerspectiveConfig, dns_timeout: Duration) -> Result<Self, ConfigError> {
        let resolver = match &config.resolver {
            Some(address) => Some(Resolver::at(address_of("resolver", address)?, dns_timeout)?),
            None => None,
        };
        let proxy = config.proxy.as_deref().map(Proxy::parse).transpose()?;
        Ok(Self { name: config.name.clone(), resolver, proxy })
    }
}

impl Proxy {
    fn parse(text: &str) -> Result<Self, ConfigError> {
        // Without what may be a password.
        let odd = || ConfigError::Proxy(text.rsplit('@').next().unwrap_or_default().to_owned());
        let url = Url::parse(text).map_err(|_| odd())?;
        let (Some(host), true) = (url.host_str(), url.scheme() == "http" && url.path() == "/" && url.query().is_none())
        else {
            return Err(odd());
        };
        let address = address_of("proxy", &format!("{host}:{}", url.port().unwrap_or(80)))?;
        let authorization = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => {
                let pair = format!("{}:{}", plain(user), plain(password.unwrap_or_default()));
                let mut value =
                    HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair))).map_err(|_| odd())?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        Ok(Self { address, authorization })
    }
}

/// The text of a URL's part.
fn plain(part: &str) -> String {
    let pairs = format!("x={}", part.replace('+', "%2B"));
    url::form_urlencoded::parse(pairs.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Wait until enough agree, or so many do not that enough cannot; then the failure that came first, with where.
pub(crate) async fn quorum<T: 'static>(
    mut looks: JoinSet<(String, Result<T, AttemptFailed>)>,
    needed: usize,
) -> Result<(), AttemptFailed> {
    let mut agreed = 0;
    let mut first: Option<AttemptFailed> = None;
    while agreed < needed {
        match looks.join_next().await {
            Some(Ok((_, Ok(_)))) => agreed += 1,
            Some(Ok((name, Err(mut failed)))) => {
                failed.problem.detail = format!("seen from {name}: {}", failed.problem.detail);
                first.get_or_insert(failed);
            }
            Some(Err(error)) => {
                tracing::error!(%error, "a look from another perspective broke off");
            }
            None => {
                return Err(first.unwrap_or_else(|| {
                    let detail = format!("{agreed} perspectives agreed where {needed} must");
                    crate::passing_failure(chancery_acme::ProblemType::ServerInternal, detail)
                }));
            }
        }
        if agreed < needed && agreed + looks.len() < needed {
            looks.abort_all();
            if let Some(failed) = first {
                return Err(failed);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
