//! `chancery serve`: from nothing to answering, and in good order back.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use chancery_core::Ra;
use chancery_http::{CertificateForm, CertificateProxies, Metrics, Proxies};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use crate::admin_token::AdminToken;
use crate::banner::{self, RootShown};
use crate::command::Failure;
use crate::config::{self, CertificateHeader, Loaded, Settings};
use crate::control::ControlSocket;
use crate::data_folder::DataFolder;
use crate::listener::{Bound, Parts, Readiness, Watch};
use crate::node::{self, Addresses, Node, OldSchema};
use crate::oidc::Issuers;
use crate::ready::{Ready, ReadyFile};
use crate::tls::{self, OwnCertificate, ShownCertificate};
use crate::{log, resource};

/// How often it is looked whether the administrator's token still lives.
const TOKEN_LOOK: Duration = Duration::from_secs(30);
/// How often it is looked for expired approvals.
const APPROVALS_LOOK: Duration = Duration::from_secs(60);
/// How long the last words may take, after the listeners are closed.
const LAST_WORDS: Duration = Duration::from_millis(1500);

/// Serve until a signal says stop.
pub async fn serve(loaded: Loaded) -> Result<(), Failure> {
    resource::prepare();
    let mut stop = Stop::new().map_err(|error| Failure::new(format!("cannot listen for signals: {error}")))?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let started = tokio::select! {
        started = Serving::start(loaded.settings) => started?,
        () = stop.asked() => return Ok(()),
    };
    started.until(stop).await
}

/// SIGTERM and SIGINT.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A server that answers.
struct Serving {
    node: Node,
    settings: Settings,
    readiness: Arc<Readiness>,
    handles: Vec<ServerHandle>,
    servers: Vec<JoinHandle<std::io::Result<()>>>,
    control: ControlSocket,
    ready: ReadyFile,
    own: OwnCertificate,
    shown: Arc<ShownCertificate>,
    watch: Watch,
    issuers: Arc<Issuers>,
}

impl Serving {
    async fn start(settings: Settings) -> Result<Self, Failure> {
        let folder = DataFolder::make(&settings.data)?;
        let lock = folder.lock()?;
        ReadyFile::remove_stale(&folder)?;
        let bound = Bound::bind(&settings.listen)?;
        let address = |listener: &std::net::TcpListener| {
            listener.local_addr().map_err(|error| Failure::new(format!("a bound socket has no address: {error}")))
        };
        let (https, mtls, http) = (address(&bound.https)?, address(&bound.mtls)?, address(&bound.http)?);
        let base_url = node::base_url(&settings, || url_of("https", https));
        let status_url = node::status_url(&settings, &folder, url_of("http", http))?;
        if is_loopback(&status_url) {
            tracing::warn!(
                "{status_url} goes into every certificate as the address of CRLs and issuer certificates, and no other \
                 machine can reach it: set --status-url (status_url) before certificates leave this machine"
            );
        }

        let addresses = Addresses {
            base_url: base_url.clone(),
            est_url: settings
                .base_url
                .as_ref()
                .map_or_else(|| url_of("https", mtls), |_| node::est_url(&settings, mtls)),
            status_url: status_url.clone(),
        };
        let node = Node::open(&settings, folder.clone(), lock, OldSchema::Migrate, &addresses).await?;
        node.first_start(&settings).await?;
        let authority = node.own_authority(&settings)?;
        let root = RootShown::of(&authority);
        let root_pem = folder.write("root.pem", root.pem.as_bytes(), 0o644)?;
        // Made before anything is told: a checkpoint without a key witnesses nothing.
        node.witness.key()?;

        let Some(keys) = node.keys.clone() else { return Err(Failure::new("the private keys are not open")) };
        let host =
            settings.base_url.as_ref().and_then(|url| url.host_str()).map_or_else(|| host_of(&base_url), Into::into);
        let own = OwnCertificate {
            ra: node.ra.clone(),
            keys,
            authority: authority.id,
            node: node.id,
            folder: folder.clone(),
            names: tls::names(&host, https.ip(), resource::machine().as_deref(), &settings.tls.names),
            lifetime: settings.tls.lifetime.signed(),
        };
        let shown = ShownCertificate::new(own.current().await?);
        let tls = tls::server_config(shown.clone()).map_err(|error| Failure::new(format!("TLS: {error}")))?;
        let mutual = tls::mutual::acceptor(shown.clone()).map_err(|error| Failure::new(format!("TLS: {error}")))?;

        let issuers = Issuers::new(&settings.oidc)?;
        issuers.refresh().await;
        node.ra.identities_by(issuers.clone());

        let metrics = Metrics::new().map_err(|error| Failure::new(format!("metrics: {error}")))?;
        node.counters.register(metrics.registry()).map_err(|error| Failure::new(format!("metrics: {error}")))?;
        let readiness = Arc::new(Readiness::new(node.ra.health().clone()));
        let watch = Watch::new(settings.limits.keep_alive.0.max(settings.limits.head_timeout.0));
        let parts = Parts {
            watch: watch.clone(),
            acme: node.acme()?.clone(),
            est: node.est()?.clone(),
            scep: node.scep()?.clone(),
            node: node.clone(),
            metrics,
            proxies: Proxies::new(settings.proxies.networks().map_err(|faults| Failure::new(faults.join("\n")))?),
            certificates: certificate_proxies(&settings.proxies)?,
            readiness: readiness.clone(),
            limits: settings.limits.clone(),
            connections: resource::connections(settings.limits.connections),
        };
        let open = |error: std::io::Error| Failure::new(format!("cannot open a listener: {error}"));
        let mut running = vec![
            parts.https(bound.https, tls).map_err(open)?,
            parts.mtls(bound.mtls, mutual).map_err(open)?,
            parts.http(bound.http).map_err(open)?,
        ];
        if let Some(listener) = bound.metrics {
            tracing::info!(address = %address(&listener)?, "metrics");
            running.push(parts.metrics(listener).map_err(open)?);
        }
        let handles = running.iter().map(actix_web::dev::Server::handle).collect();
        let servers = running.into_iter().map(tokio::spawn).collect();

        let control = ControlSocket::bind(&folder)?;
        let detail = BTreeMap::from([
            ("version", env!("CARGO_PKG_VERSION").into()),
            ("https", https.to_string().into()),
            ("mtls", mtls.to_string().into()),
            ("http", http.to_string().into()),
        ]);
        node.ra.server_started(detail).await?;
        let token = AdminToken::find(&folder, &node.ra).await?;
        let ready = Ready {
            pid: std::process::id(),
            https,
            mtls: Some(mtls),
            http,
            base_url,
            root_pem,
            root_sha256: root.sha256,
            admin_token_file: token.as_ref().map(|token| token.file.clone()),
            database: node.database.clone(),
        };
        tracing::info!(
            %https,
            %mtls,
            %http,
            base_url = ready.base_url,
            status_url,
            database = ready.database,
            "chancery {} answers",
            env!("CARGO_PKG_VERSION")
        );
        let text = banner::served(&node, &ready, &status_url, token.as_ref()).await;
        let ready = ReadyFile::write(&folder, ready)?;
        log::print(text);
        Ok(Self { node, settings, readiness, handles, servers, control, ready, own, shown, watch, issuers })
    }

    /// Do the background work until the signal, then stop in good order.
    async fn until(mut self, mut stop: Stop) -> Result<(), Failure> {
        let key = self.node.witness.key()?;
        let mut broken = None;
        {
            let ra = &self.node.ra;
            let servers = first_end(&mut self.servers);
            let Some(authority) = &self.node.authority else {
                return Err(Failure::new("the private keys are not open"));
            };
            let (acme, est) = (self.node.acme()?, self.node.est()?);
            let scep = self.node.scep()?;
            tokio::select! {
                () = stop.asked() => tracing::info!("stopping: running requests are finished, new ones refused"),
                why = servers => broken = Some(why),
                () = self.control.run(&self.node) => {}
                () = authority.clone().run_crls(std::future::pending()) => {}
                () = acme.run_attempts(std::future::pending()) => {}
                () = acme.run_purge(std::future::pending()) => {}
                () = est.run_purge(std::future::pending()) => {}
                () = scep.run(std::future::pending()) => {}
                () = self.node.witness.run(ra, &key, self.settings.audit.checkpoint_every.0) => {}
                () = self.own.keep(&self.shown) => {}
                () = self.watch.run() => {}
                () = self.issuers.run() => {}
                () = expire_approvals(ra) => {}
                () = watch_token(&self.node, &mut self.ready) => {}
            }
        }
        self.readiness.stop();
        let graceful = broken.is_none();
        let stopping = async {
            let all: Vec<_> = self.handles.iter().map(|handle| handle.stop(graceful)).collect();
            for one in all {
                one.await;
            }
        };
        tokio::select! {
            () = stopping => {}
            () = stop.asked() => tracing::warn!("asked twice: stopping at once"),
        }
        // What breaks off is tried again later, by this node or another.
        if tokio::time::timeout(LAST_WORDS, self.node.acme()?.attempts_ended()).await.is_err() {
            tracing::info!("attempts at ACME challenges are broken off, and tried again after the next start");
        }
        let last_words = async {
            if let Err(error) = self.node.ra.server_stopped().await {
                tracing::warn!(error = chancery_http::chain(&error), "the audit could not be told of the stop");
            }
            self.node.witness.checkpoint(&self.node.ra, &key).await;
        };
        if tokio::time::timeout(LAST_WORDS, last_words).await.is_err() {
            tracing::warn!("the database did not take the last audit entry in time");
        }
        self.ready.remove()?;
        self.control.remove()?;
        match broken {
            None => {
                tracing::info!("stopped");
                Ok(())
            }
            Some(why) => Err(Failure::new(format!("a listener ended: {why}"))),
        }
    }
}

/// Why the first of the listeners ended; none does by itself.
async fn first_end(servers: &mut [JoinHandle<std::io::Result<()>>]) -> String {
    std::future::poll_fn(|context| {
        for server in servers.iter_mut() {
            if let std::task::Poll::Ready(end) = std::pin::Pin::new(server).poll(context) {
                return std::task::Poll::Ready(match end {
                    Ok(Ok(())) => "it was closed".to_owned(),
                    Ok(Err(error)) => error.to_string(),
                    Err(error) => error.to_string(),
                });
            }
        }
        std::task::Poll::Pending
    })
    .await
}

/// Close approvals that nobody gave in time. Of several nodes each may try: one closes.
async fn expire_approvals(ra: &Ra) {
    loop {
        tokio::time::sleep(APPROVALS_LOOK).await;
        match ra.expire_approvals().await {
            Ok(0) => {}
            Ok(expired) => tracing::info!(expired, "approvals that nobody gave in time are closed"),
            Err(error) => tracing::warn!(error = chancery_http::chain(&error), "expired approvals cannot be closed"),
        }
    }
}

/// Take the administrator's token away when it is dead.
async fn watch_token(node: &Node, ready: &mut ReadyFile) {
    loop {
        tokio::time::sleep(TOKEN_LOOK).await;
        if ready.content().admin_token_file.is_none() {
            continue;
        }
        match AdminToken::find(&node.folder, &node.ra).await {
            Ok(Some(_)) => {}
            Ok(None) => {
                tracing::info!("the first administrator's token has ended; `chancery token create` makes the next");
                if let Err(error) = ready.forget_token() {
                    tracing::error!(%error, "ready.json cannot be written");
                }
            }
            Err(error) => tracing::warn!(%error, "it cannot be seen whether the administrator's token lives"),
        }
    }
}

fn certificate_proxies(settings: &config::Proxies) -> Result<CertificateProxies, Failure> {
    let networks = settings.certificate_networks().map_err(|faults| Failure::new(faults.join("\n")))?;
    let form = match settings.client_certificate_header {
        CertificateHeader::ClientCert => CertificateForm::ClientCert,
        CertificateHeader::SslClientCert => CertificateForm::SslClientCert,
    };
    Ok(CertificateProxies { proxies: Proxies::new(networks), form })
}

fn url_of(scheme: &str, bound: SocketAddr) -> String {
    if bound.ip().is_unspecified() {
        let machine = resource::machine().unwrap_or_else(|| "localhost".into());
        return format!("{scheme}://{machine}:{}", bound.port());
    }
    format!("{scheme}://{bound}")
}

fn host_of(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(ToOwned::to_owned)).unwrap_or_default()
}

pub(crate) fn is_loopback(url: &str) -> bool {
    let host = host_of(url);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_comes_from_the_bound_address() {
        assert_eq!(url_of("https", "127.0.0.1:8443".parse().unwrap()), "https://127.0.0.1:8443");
        assert_eq!(url_of("http", "[::1]:80".parse().unwrap()), "http://[::1]:80");
        assert!(!url_of("http", "0.0.0.0:80".parse().unwrap()).contains("0.0.0.0"));
    }

    #[test]
    fn loopback_addresses_are_seen() {
        for url in ["http://127.0.0.1:8080", "http://[::1]:1", "http://localhost"] {
            assert!(is_loopback(url), "{url}");
        }
        assert!(!is_loopback("http://ra.example"));
    }
}
