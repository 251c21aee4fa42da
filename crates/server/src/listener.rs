//! The listeners: sockets bound first, then the doors behind each, with limits on what a client may use up.

mod body;
mod probe;
mod watch;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::{NormalizePath, TrailingSlash, from_fn};
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use chancery_acme::Acme;
use chancery_est::Est;
use chancery_http::{CertificateProxies, Frame, Metrics, Proxies, nothing_here, refuse_credentials};
use chancery_scep::Scep;
use openssl::ssl::SslAcceptorBuilder;
use rustls::ServerConfig;

use crate::config::{Limits, Listen};
use crate::node::Node;

pub use probe::Readiness;
pub use watch::Watch;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
/// A client that does not close its end is dropped after this time.
const DISCONNECT: Duration = Duration::from_secs(2);

/// Sockets that are bound and not answered yet.
pub struct Bound {
    /// TLS.
    pub https: TcpListener,
    /// TLS, asking for a certificate.
    pub mtls: TcpListener,
    /// Plain.
    pub http: TcpListener,
    /// Plain, for metrics.
    pub metrics: Option<TcpListener>,
}

/// An address that cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({key}): {source}; is another server running there? Port 0 takes any free port")]
pub struct BindError {
    key: &'static str,
    address: SocketAddr,
    source: std::io::Error,
}

impl Bound {
    /// Bind all of them, or none. Needs a tokio runtime.
    pub fn bind(listen: &Listen) -> Result<Self, BindError> {
        let bind = |key, address: SocketAddr| listen_on(address).map_err(|source| BindError { key, address, source });
        Ok(Self {
            https: bind("listen.https", listen.https)?,
            mtls: bind("listen.mtls", listen.mtls)?,
            http: bind("listen.http", listen.http)?,
            metrics: listen.metrics.map(|address| bind("listen.metrics", address)).transpose()?,
        })
    }
}

fn listen_on(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    // A restart must not wait for the old connections' last packets.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Limits that hold for every listener: a silent or slow socket is closed within 15 s, and too many wait outside.
/// A macro, for the type of an `HttpServer` cannot be written outside actix.
macro_rules! limited {
    ($app:expr, $parts:expr, $workers:expr) => {
        HttpServer::new($app)
            .on_connect($parts.watch.on_connect())
            .workers($workers)
            .worker_max_blocking_threads(4)
            .max_connections(($parts.connections / $workers).max(4))
            .keep_alive($parts.limits.keep_alive.0)
            .client_request_timeout($parts.limits.head_timeout.0)
            .client_disconnect_timeout(DISCONNECT)
            .shutdown_timeout($parts.limits.stop_timeout.0.as_secs().max(1))
            .disable_signals()
    };
}

/// What every listener is made of.
#[derive(Clone)]
pub struct Parts {
    /// The node behind the doors.
    pub node: Node,
    /// The ACME door.
    pub acme: Acme,
    /// The EST door.
    pub est: Est,
    /// The SCEP door.
    pub scep: Scep,
    /// Request counters.
    pub metrics: Metrics,
    /// Proxies whose forwarding headers are believed.
    pub proxies: Proxies,
    /// Proxies that tell the `https` listener of client certificates.
    pub certificates: CertificateProxies,
    /// Whether the node takes requests.
    pub readiness: Arc<Readiness>,
    /// What a client may use up.
    pub limits: Limits,
    /// Open connections per listener, all workers together.
    pub connections: usize,
    /// Closes what is quiet for too long.
    pub watch: Watch,
}

impl Parts {
    fn frame(&self) -> Frame {
        let ports = self.node.ra.ports();
        Frame::new(ports.clock.clone(), ports.rng.clone(), self.metrics.clone(), self.proxies.clone())
    }

    fn status(&self) -> impl Fn(&mut web::ServiceConfig) + Clone + use<> {
        chancery_status::routes(self.node.published(), self.node.ra.ports().clock.clone())
    }

    /// ACME, SCEP, REST, status, health, over TLS.
    pub fn https(&self, listener: TcpListener, tls: ServerConfig) -> std::io::Result<Server> {
        let parts = self.clone();
        let rest = chancery_rest::routes(self.node.ra.clone(), self.acme.clone(), self.readiness.taking());
        let acme = chancery_acme_door::routes(self.acme.clone());
        let scep = chancery_scep_door::routes(self.scep.clone());
        let status = self.status();
        let app = move || {
            App::new()
                .app_data(Data::new(parts.node.ra.clone()))
                .app_data(Data::from(parts.readiness.clone()))
                .wrap(body::Deadline::new(parts.limits.body_timeout.0))
                .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
                .wrap(parts.frame().with_certificates(parts.certificates.clone()))
                .wrap(from_fn(watch::watched))
                .configure(acme.clone())
                .configure(scep.clone())
                .configure(rest.clone())
                .configure(status.clone())
                .configure(probe::routes)
                .default_service(web::to(nothing_here))
        };
        let server = limited!(app, self, self.workers())
            .tls_handshake_timeout(self.limits.handshake_timeout.0)
            .listen_rustls_0_23(listener, tls)?;
        Ok(server.run())
    }

    /// REST and EST, over TLS with client certificates, for whom a certificate or a credential names; nothing else.
    pub fn mtls(&self, listener: TcpListener, tls: SslAcceptorBuilder) -> std::io::Result<Server> {
        let parts = self.clone();
        let rest = chancery_rest::routes(self.node.ra.clone(), self.acme.clone(), self.readiness.taking());
        let est = chancery_est_door::routes(self.est.clone());
        let app = move || {
            App::new()
                .app_data(Data::new(parts.node.ra.clone()))
                .wrap(body::Deadline::new(parts.limits.body_timeout.0))
                .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
                .wrap(parts.frame())
                .wrap(from_fn(watch::watched))
                .configure(est.clone())
                .configure(rest.clone())
                .default_service(web::to(nothing_here))
        };
        let server = limited!(app, self, self.workers())
            .tls_handshake_timeout(self.limits.handshake_timeout.0)
            .listen_openssl(listener, tls)?;
        Ok(server.run())
    }

    fn workers(&self) -> usize {
        match self.limits.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            workers => workers,
        }
    }

    /// SCEP, CRLs and issuer certificates, plain; nothing else, and never a credential. A SCEP message is encrypted and
    /// signed by itself (RFC 8894 section 7).
    pub fn http(&self, listener: TcpListener) -> std::io::Result<Server> {
        let parts = self.clone();
        let scep = chancery_scep_door::routes(self.scep.clone());
        let status = self.status();
        let app = move || {
            App::new()
                .app_data(Data::new(parts.node.ra.clone()))
                .wrap(from_fn(refuse_credentials))
                .wrap(body::Deadline::new(parts.limits.body_timeout.0))
                .wrap(parts.frame())
                .wrap(from_fn(watch::watched))
                .configure(scep.clone())
                .configure(status.clone())
                .default_service(web::to(nothing_here))
        };
        Ok(limited!(app, self, 1).listen(listener)?.run())
    }

    /// Metrics, plain.
    pub fn metrics(&self, listener: TcpListener) -> std::io::Result<Server> {
        let parts = self.clone();
        let app = move || {
            App::new()
                .app_data(Data::new(parts.metrics.clone()))
                .wrap(parts.frame())
                .wrap(from_fn(watch::watched))
                .route("/metrics", web::get().to(render))
                .default_service(web::to(nothing_here))
        };
        Ok(limited!(app, self, 1).listen(listener)?.run())
    }
}

async fn render(metrics: Data<Metrics>) -> HttpResponse {
    match metrics.render() {
        Ok(text) => HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}
