//! The prober: which challenge is looked at how, from where, and for how long.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chancery_acme::port::{Attempt, AttemptFailed, CaaQuestion, Proof, Validator};
use chancery_acme::{ChallengeType, ProblemType};
use chancery_core::Clock;
use tokio::task::JoinSet;

use crate::attest::{self, Roots};
use crate::config::address_of;
use crate::dial::Dialer;
use crate::http_01::Http01;
use crate::perspective::{Perspective, quorum};
use crate::resolver::Resolver;
use crate::tls_alpn_01::TlsAlpn01;
use crate::{
    AddressPolicy, ConfigError, ValidationConfig, caa, dns_01, dns_persist_01, final_failure, passing_failure, tls,
    tls_alpn_01,
};

/// Resolvers of profiles that are kept set up.
const MOST_RESOLVERS: usize = 256;

/// Looks outside. Cheap to clone.
#[derive(Clone)]
pub struct Prober(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    resolver: Resolver,
    of_profiles: Mutex<HashMap<SocketAddr, Resolver>>,
    policy: Arc<AddressPolicy>,
    http_01: Http01,
    tls_alpn_01: TlsAlpn01,
    timeout: Duration,
    connect_timeout: Duration,
    dns_timeout: Duration,
    perspectives: Vec<Perspective>,
    needed: usize,
    attestation: Roots,
}

impl Prober {
    /// Set up; asks the system for the addresses of configured names, and nothing else of the network.
    ///
    /// # Errors
    /// What [`ValidationConfig::check`] refuses; a resolver or proxy that has no address.
    pub fn new(config: &ValidationConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        config.check()?;
        let resolver = match &config.resolver {
            Some(address) => Resolver::at(address_of("resolver", address)?, config.dns_timeout)?,
            None => Resolver::system(config.dns_timeout)?,
        };
        let perspectives =
            config.perspectives.iter().map(|perspective| Perspective::new(perspective, config.dns_timeout));
        Ok(Self(Arc::new(Inner {
            clock,
            resolver,
            of_profiles: Mutex::new(HashMap::new()),
            policy: Arc::new(
                AddressPolicy::new(config.allow.clone(), config.deny.clone()).with_nat64(config.nat64.clone()),
            ),
            http_01: Http01 {
                port: config.http_port,
                tls_port: config.tls_port,
                redirects: config.redirects,
                any_certificate: tls::any_server()?,
            },
            tls_alpn_01: TlsAlpn01 { port: config.tls_port, client: tls::any_certificate(tls_alpn_01::PROTOCOL)? },
            timeout: config.timeout,
            connect_timeout: config.connect_timeout,
            dns_timeout: config.dns_timeout,
            perspectives: perspectives.collect::<Result<_, _>>()?,
            needed: config.needed(),
            attestation: Roots::load(&config.attestation)?,
        })))
    }

    /// The same under another policy.
    #[cfg(test)]
    pub(crate) fn with_policy(self, policy: AddressPolicy) -> Self {
        let mut inner = Arc::into_inner(self.0).expect("nobody else has it yet");
        inner.policy = Arc::new(policy);
        Self(Arc::new(inner))
    }

    /// The way that this server itself looks, with the resolver of a profile where it has one.
    fn dialer(&self, resolver: Option<SocketAddr>) -> Result<Dialer, AttemptFailed> {
        let resolver = match resolver {
            None => self.0.resolver.clone(),
            Some(address) => self.resolver_of_profile(address).map_err(|error| {
                tracing::error!(%error, %address, "a profile's resolver cannot be used");
                passing_failure(ProblemType::ServerInternal, "the profile's resolver cannot be used")
            })?,
        };
        Ok(Dialer {
            resolver,
            policy: Arc::clone(&self.0.policy),
            proxy: None,
            connect_timeout: self.0.connect_timeout,
            private: Arc::default(),
        })
    }

    fn resolver_of_profile(&self, address: SocketAddr) -> Result<Resolver, ConfigError> {
        let mut known = self.0.of_profiles.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(resolver) = known.get(&address) {
            return Ok(resolver.clone());
        }
        if known.len() >= MOST_RESOLVERS {
            known.clear();
        }
        let resolver = Resolver::at(address, self.0.dns_timeout)?;
        known.insert(address, resolver.clone());
        Ok(resolver)
    }

    async fn look(&self, dialer: &Dialer, attempt: &Attempt) -> Result<Proof, AttemptFailed> {
        match attempt.challenge {
            ChallengeType::Http01 => self.0.http_01.validate(dialer, attempt).await,
            ChallengeType::TlsAlpn01 => self.0.tls_alpn_01.validate(dialer, attempt).await,
            ChallengeType::Dns01 => dns_01::validate(&dialer.resolver, attempt).await,
            ChallengeType::DnsAccount01 => dns_01::validate_account(&dialer.resolver, attempt).await,
            ChallengeType::DnsPersist01 => {
                dns_persist_01::validate(&dialer.resolver, attempt, self.0.clock.now()).await
            }
            ChallengeType::DeviceAttest01 => attest::validate(&self.0.attestation, attempt, self.0.clock.now()),
        }
    }

    /// Look in bounded time.
    async fn look_once(&self, dialer: &Dialer, attempt: &Attempt) -> Result<Proof, AttemptFailed> {
        let dialer = Dialer { private: Arc::default(), ..dialer.clone() };
        let looked = tokio::time::timeout(self.0.timeout, self.look(&dialer, attempt)).await;
        let looked = looked.unwrap_or_else(|_| Err(self.too_slow(attempt.challenge, &attempt.identifier.value())));
        looked.map_err(|failed| if dialer.private.load(Ordering::Relaxed) { untold(attempt, &failed) } else { failed })
    }

    async fn ask_once(&self, resolver: &Resolver, question: &CaaQuestion) -> Result<(), AttemptFailed> {
        match tokio::time::timeout(self.0.timeout, caa::ask(resolver, question)).await {
            Ok(result) => result,
            Err(_) => Err(self.too_slow("CAA", &question.name)),
        }
    }

    fn too_slow(&self, what: impl std::fmt::Display, of: &str) -> AttemptFailed {
        let detail = format!("{what} of {of} took longer than {} s", self.0.timeout.as_secs_f32());
        passing_failure(ProblemType::Connection, detail)
    }

    /// The same look from every perspective at once.
    fn elsewhere<T, F>(
        &self,
        here: &Dialer,
        look: impl Fn(Self, Dialer) -> F,
    ) -> JoinSet<(String, Result<T, AttemptFailed>)>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, AttemptFailed>> + Send + 'static,
    {
        let mut looks = JoinSet::new();
        for perspective in &self.0.perspectives {
            let dialer = Dialer {
                resolver: perspective.resolver.clone().unwrap_or_else(|| here.resolver.clone()),
                proxy: perspective.proxy.clone(),
                ..here.clone()
            };
            let name = perspective.name.clone();
            let look = look(self.clone(), dialer);
            looks.spawn(async move { (name, look.await) });
        }
        looks
    }
}

/// Attempts at what is not told. Those are tried again whatever happened, as what is final would say more than is told, and
/// most of it is final: three attempts are about 7 s of waits, and over before clients give up.
const UNTOLD_ATTEMPTS: u32 = 3;

/// One answer for whatever happened at a private address, or on the way to what a server named, or strangers could explore
/// the network through this server: which names exist, which ports are open, and what speaks there. The operator's log says
/// what it was.
fn untold(attempt: &Attempt, failed: &AttemptFailed) -> AttemptFailed {
    let name = attempt.identifier.value();
    tracing::info!(challenge = %attempt.challenge, %name, why = %failed.problem, "no proof, and the client is not told why");
    let detail = format!(
        "{} of {name} was not proved: its address, or where it redirects to, is private or cannot be reached, and no more is \
         told of it (the operator finds it in the log, and can list the network in acme.validation.allow)",
        attempt.challenge
    );
    AttemptFailed { at_most: Some(UNTOLD_ATTEMPTS), ..passing_failure(ProblemType::Connection, detail) }
}

#[async_trait]
impl Validator for Prober {
    async fn validate(&self, attempt: &Attempt) -> Result<Proof, AttemptFailed> {
        // RFC 8555 section 7.1.4 leaves it to policy; no HTTP or TLS answer of one name speaks for all below it.
        if attempt.wildcard && matches!(attempt.challenge, ChallengeType::Http01 | ChallengeType::TlsAlpn01) {
            let detail = format!("{} cannot prove a wildcard", attempt.challenge);
            return Err(final_failure(ProblemType::Malformed, detail));
        }
        let here = self.dialer(attempt.resolver)?;
        let proof = self.look_once(&here, attempt).await?;
        // What is inside the attempt itself looks the same from everywhere.
        if attempt.challenge != ChallengeType::DeviceAttest01 {
            let looks = self.elsewhere(&here, |prober, dialer| {
                let attempt = attempt.clone();
                async move { prober.look_once(&dialer, &attempt).await }
            });
            quorum(looks, self.0.needed).await?;
        }
        Ok(proof)
    }

    async fn caa(&self, question: &CaaQuestion) -> Result<(), AttemptFailed> {
        let here = self.dialer(question.resolver)?;
        self.ask_once(&here.resolver, question).await?;
        let looks = self.elsewhere(&here, |prober, dialer| {
            let question = question.clone();
            async move { prober.ask_once(&dialer.resolver, &question).await }
        });
        quorum(looks, self.0.needed).await
    }

    fn longest(&self) -> Duration {
        // From here, and where there are perspectives from there after it; for the challenge, and for CAA.
        let looks = if self.0.perspectives.is_empty() { 1 } else { 2 };
        self.0.timeout * 2 * looks + Duration::from_secs(1)
    }
}

#[cfg(test)]
mod tests;
