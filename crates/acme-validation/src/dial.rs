//! Connections to what strangers name: resolve, hold against the policy, dial exactly what was held.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chancery_acme::ProblemType;
use chancery_acme::port::AttemptFailed;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use url::Host;

use crate::address::{Reach, Refused};
use crate::perspective::Proxy;
use crate::resolver::Resolver;
use crate::{AddressPolicy, final_failure, passing_failure};

/// A connection, through a proxy or not.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}
pub(crate) type Stream = Box<dyn Io>;

/// Makes connections from one place.
#[derive(Clone)]
pub(crate) struct Dialer {
    pub resolver: Resolver,
    pub policy: Arc<AddressPolicy>,
    pub proxy: Option<Proxy>,
    pub connect_timeout: Duration,
    /// It leads, or may lead, to what strangers cannot see themselves: what comes of it is not told.
    pub private: Arc<AtomicBool>,
}

/// A connection, and how far it leads.
pub(crate) struct Connection {
    pub stream: Stream,
    pub reach: Reach,
    /// The host has an address that is private or denied, whichever was dialled.
    pub inside: bool,
}

impl Dialer {
    /// Connect to a host: each of its addresses that the policy lets through is tried in turn.
    ///
    /// # Errors
    /// `dns` when the name has no address, `connection` when none is dialled or answers.
    pub async fn connect(&self, host: &Host<String>, port: u16) -> Result<Connection, AttemptFailed> {
        self.dial(host, port, false).await
    }

    /// The same for what a server names: a public one shows the way to no private address. Strangers can have any name
    /// asked for so; until it has led to an open address, not even whether it exists is told.
    pub async fn connect_on(&self, from: Reach, host: &Host<String>, port: u16) -> Result<Connection, AttemptFailed> {
        // Before anything is asked, so that it holds when the time is over meanwhile.
        let before = self.private.swap(true, Ordering::Relaxed);
        let connection = self.dial(host, port, from == Reach::Open).await?;
        self.private.store(before || connection.inside, Ordering::Relaxed);
        Ok(connection)
    }

    async fn dial(&self, host: &Host<String>, port: u16, open_only: bool) -> Result<Connection, AttemptFailed> {
        let (mut addresses, inside) = self.addresses(host).await?;
        if open_only {
            addresses.retain(|(_, reach)| *reach == Reach::Open);
            if addresses.is_empty() {
                let detail = format!(
                    "a redirect from a public address to {host}, a private one, is not followed, but where \
                     acme.validation.allow lists it"
                );
                return Err(final_failure(ProblemType::Connection, detail));
            }
        }
        let until = Instant::now() + self.connect_timeout;
        let mut last = String::new();
        for (tried, (address, reach)) in addresses.iter().enumerate() {
            // Each gets a fair part of what is left, so that a dead one does not use it up.
            let left = addresses.len() - tried;
            let share = until.saturating_duration_since(Instant::now()) / u32::try_from(left).unwrap_or(u32::MAX);
            let target = SocketAddr::new(*address, port);
            match timeout(share, self.open(target)).await {
                Ok(Ok(stream)) => return Ok(Connection { stream, reach: *reach, inside }),
                Ok(Err(error)) => last = format!("{target}: {error}"),
                Err(_) => last = format!("{target}: no answer in time"),
            }
        }
        Err(passing_failure(ProblemType::Connection, format!("no connection to {host} port {port}: {last}")))
    }

    /// The addresses of a host that may be dialled, and whether any of its addresses is private or denied.
    async fn addresses(&self, host: &Host<String>) -> Result<(Vec<(IpAddr, Reach)>, bool), AttemptFailed> {
        let found = match host {
            Host::Ipv4(address) => vec![IpAddr::V4(*address)],
            Host::Ipv6(address) => vec![IpAddr::V6(*address)],
            Host::Domain(name) => self
                .resolver
                .addresses(name)
                .await
                .map_err(|why| passing_failure(ProblemType::Dns, format!("no addresses of {name}: {why}")))?,
        };
        if found.is_empty() {
            let detail = format!("{host} has no address: neither an A nor an AAAA record was found");
            return Err(passing_failure(ProblemType::Dns, detail));
        }
        let (mut refused, mut inside) = (None, false);
        let mut dialled = Vec::with_capacity(found.len());
        for address in found {
            match self.policy.check(address) {
                Ok(reach) => {
                    inside |= reach == Reach::Private;
                    dialled.push((address, reach));
                }
                Err(why) => {
                    inside |= matches!(why, Refused::Denied { .. });
                    refused = Some(why);
                }
            }
        }
        if inside {
            self.private.store(true, Ordering::Relaxed);
        }
        match refused {
            Some(why) if dialled.is_empty() => {
                let told = match host {
                    // Which addresses it has is nobody's business but the operator's.
                    Host::Domain(name) => {
                        tracing::info!(%name, %why, "a name is not dialled");
                        why.without_address()
                    }
                    Host::Ipv4(_) | Host::Ipv6(_) => why.to_string(),
                };
                Err(final_failure(ProblemType::Connection, format!("{host} is not dialled: {told}")))
            }
            _ => Ok((dialled, inside)),
        }
    }

    async fn open(&self, target: SocketAddr) -> std::io::Result<Stream> {
        match &self.proxy {
            None => Ok(Box::new(tcp(target).await?)),
            Some(proxy) => through(proxy, target).await,
        }
    }
}

async fn tcp(target: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// RFC 9110 section 9.3.6: CONNECT to the address, not to the name, so that the proxy resolves nothing.
async fn through(proxy: &Proxy, target: SocketAddr) -> std::io::Result<Stream> {
    let failed = |error: hyper::Error| std::io::Error::other(format!("proxy: {error}"));
    let io = TokioIo::new(tcp(proxy.address).await?);
    let (mut sender, connection) = http1::handshake(io).await.map_err(failed)?;
    let driver = tokio::spawn(connection.with_upgrades());
    let _stops = StopOnDrop(driver.abort_handle());
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = Method::CONNECT;
    let authority = target.to_string();
    *request.uri_mut() = authority.parse().map_err(std::io::Error::other)?;
    request.headers_mut().insert(HOST, HeaderValue::from_str(&authority).map_err(std::io::Error::other)?);
    if let Some(credentials) = &proxy.authorization {
        request.headers_mut().insert(PROXY_AUTHORIZATION, credentials.clone());
    }
    let response = sender.send_request(request).await.map_err(failed)?;
    match response.status() {
        StatusCode::OK => {
            let upgraded = hyper::upgrade::on(response).await.map_err(failed)?;
            Ok(Box::new(TokioIo::new(upgraded)))
        }
        other => Err(std::io::Error::other(format!("the proxy answered {other}"))),
    }
}

/// The driver of a proxy's connection has ended once it is upgraded; until then it ends with the attempt.
struct StopOnDrop(tokio::task::AbortHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
