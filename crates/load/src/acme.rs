//! Whole orders by ACME (RFC 8555): a new order, its authorization, the challenge answered, finalize, download. One
//! account for the whole run; http-01, with a name and a key of its own for each order.

mod jws;
mod responder;

use std::cell::Cell;
use std::net::{SocketAddr, ToSocketAddrs};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_pki::{Certificate, Csr};
use serde_json::Value;
use tokio::task::{JoinSet, LocalSet};

use self::jws::{AccountKey, Signer};
use self::responder::Responder;
use crate::arguments::AcmeOptions;
use crate::client::{Connection, Endpoint};
use crate::latency::Latencies;
use crate::limit::{Group, Limit, Rows, Work};
use crate::ready::Ready;
use crate::report::{Found, Report};
use crate::request::{Prepared, prepare, random};
use crate::rest::refusal;
use crate::shared::Shared;

/// How long an order may be waited for at each of its steps.
const PATIENCE: Duration = Duration::from_secs(30);
/// The first pause between two looks at something that is being done; each is twice the one before, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LAST_PAUSE: Duration = Duration::from_millis(64);

/// Load the door, and measure the limit where the server is ours.
pub fn run(options: &AcmeOptions) -> anyhow::Result<Report> {
    let server = Server::find(options)?;
    let load = &options.load;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    load.progress(format_args!("making {} requests", load.prepared(ORDERS)));
    let requests = Rc::new(prepare(load.prepared(ORDERS), random()?)?);
    load.progress(format_args!("loading for {} s over {} connections", load.seconds, load.connections));
    let (found, work) = LocalSet::new().block_on(&runtime, orders(&server, options, &requests))?;
    drop(runtime);
    let limit = match &server.database {
        Some(database) => {
            load.progress(format_args!("measuring the limit of this machine"));
            let database = load.limit_database.as_deref().unwrap_or(database);
            Some(Limit::measure(&work, database, Group::Connections(load.connections.into())))
        }
        None => None,
    };
    let asked = options.directory.as_deref().unwrap_or(&load.profile);
    Ok(Report::new("acme", asked, load.connections, found, limit))
}

/// Orders that are prepared for each second.
const ORDERS: usize = 1_000;

/// The server and its directory.
struct Server {
    endpoint: Endpoint,
    /// `https://host:port`, as URLs begin.
    origin: String,
    authority: String,
    directory: String,
    /// None for a server that is not ours.
    database: Option<String>,
}

impl Server {
    fn find(options: &AcmeOptions) -> anyhow::Result<Self> {
        let (directory, address, root, database) = match (&options.ready, &options.directory, &options.root) {
            (Some(ready), None, None) => {
                let ready = Ready::read(ready)?;
                let directory = format!("{}/acme/{}/directory", ready.base_url, options.load.profile);
                (directory, Some(ready.address()), ready.root_pem, Some(ready.database))
            }
            (None, Some(directory), Some(root)) => (directory.clone(), None, root.clone(), None),
            _ => bail!("name either --ready, or both --directory and --root"),
        };
        let rest = directory.strip_prefix("https://").context("the directory's URL does not begin with https://")?;
        let authority = rest.split('/').next().unwrap_or(rest).to_owned();
        let host = match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or(v6),
            None => authority.split(':').next().unwrap_or(&authority),
        };
        let address = match address {
            Some(address) => address,
            None => resolve(&authority)?,
        };
        let endpoint = Endpoint::new(address, host, &root)?;
        Ok(Self { endpoint, origin: format!("https://{authority}"), authority, directory, database })
    }
}

fn resolve(authority: &str) -> anyhow::Result<SocketAddr> {
    let with_port = if authority.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok()) {
        authority.to_owned()
    } else {
        format!("{authority}:443")
    };
    let mut addresses = with_port.to_socket_addrs().with_context(|| format!("resolve {authority}"))?;
    addresses.next().with_context(|| format!("{authority} has no address"))
}

/// The directory's URLs that an order needs.
struct Directory {
    new_nonce: String,
    new_account: String,
    new_order: String,
}

/// What the connections share.
struct Run {
    endpoint: Endpoint,
    origin: String,
    /// The head of every POST after its path.
    headers: String,
    authority: String,
    directory: Directory,
    key: AccountKey,
    account: String,
    responder: Responder,
    /// Signed requests sent.
    sent: Cell<u64>,
}

/// Load from every connection at once. The first order of each, which warms the server up and whose certificate is
/// checked through and through, is not timed.
async fn orders(server: &Server, options: &AcmeOptions, requests: &Rc<Vec<Prepared>>) -> anyhow::Result<(Found, Work)> {
    let run = Rc::new(Run::begin(server, options).await?);
    let connections = usize::from(options.load.connections);
    let mut first = JoinSet::new();
    for number in 0..connections {
        let (run, requests) = (Rc::clone(&run), Rc::clone(requests));
        first.spawn_local(async move {
            let mut client = Client::open(&run).await?;
            let chain = client.order(&requests[number]).await?;
            Ok::<_, anyhow::Error>((client.connection, client.nonce, number, chain))
        });
    }
    let (mut opened, mut work) = (Vec::new(), None);
    while let Some(ended) = first.join_next().await {
        let (connection, nonce, number, chain) = ended.context("a connection's first order")??;
        work = Some(checked(&chain, &requests[number])?);
        opened.push((connection, nonce));
    }
    let (certificate, issuer) = work.context("no connection")?;

    let before = run.sent.get();
    let shared = Rc::new(Shared::after(connections));
    let begun = Instant::now();
    let until = begun + Duration::from_secs(options.load.seconds.into());
    let mut drivers = JoinSet::new();
    for (connection, nonce) in opened {
        let (run, requests, shared) = (Rc::clone(&run), Rc::clone(requests), Rc::clone(&shared));
        drivers.spawn_local(async move {
            let client = Client { run: &run, connection, nonce };
            client.drive(&requests, &shared, until).await;
        });
    }
    while let Some(ended) = drivers.join_next().await {
        ended.context("a connection's driver")?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let shared = Rc::into_inner(shared).expect("every driver has ended");
    let signed = run.sent.get() - before;
    let found = shared.found(seconds, Some(signed));
    let each = signed as f64 / found.latencies.count().max(1) as f64;
    let work = Work {
        csr: requests.iter().take(256).map(|request| request.csr.clone()).collect(),
        certificate: certificate.der().to_vec(),
        issuer,
        signed_requests: each.round() as u32,
        rows: Rows::Orders,
    };
    Ok((found, work))
}

impl Run {
    /// Find the directory, register the account, and be ready to be checked.
    async fn begin(server: &Server, options: &AcmeOptions) -> anyhow::Result<Self> {
        let mut connection = server.endpoint.connect().await?;
        let get = |url: &str| -> anyhow::Result<String> {
            Ok(format!(
                "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: chancery-load\r\n",
                path(&server.origin, url)?,
                server.authority
            ))
        };
        let answer = connection.exchange(&get(&server.directory)?, b"").await?;
        ensure!(answer.status == 200, "{}: {}", server.directory, refusal(answer.status, answer.body));
        let directory: Value = serde_json::from_slice(answer.body).context("the directory")?;
        let directory = Directory {
            new_nonce: text(&directory, "newNonce")?,
            new_account: text(&directory, "newAccount")?,
            new_order: text(&directory, "newOrder")?,
        };
        let key = AccountKey::generate()?;
        let responder = Responder::start(key.thumbprint(), options.http_port, options.dns_port).await?;
        let headers = format!(
            " HTTP/1.1\r\nHost: {}\r\nUser-Agent: chancery-load\r\nContent-Type: application/jose+json\r\n",
            server.authority
        );
        let mut run = Self {
            endpoint: server.endpoint.clone(),
            origin: server.origin.clone(),
            authority: server.authority.clone(),
            headers,
            directory,
            key,
            account: String::new(),
            responder,
            sent: Cell::new(0),
        };
        let nonce = run.nonce(&mut connection).await?;
        let mut client = Client { run: &run, connection, nonce };
        let url = run.directory.new_account.clone();
        let made = client.send(Signer::Jwk, &url, r#"{"termsOfServiceAgreed":true}"#).await?;
        run.account = made.location.context("the new account has no Location")?;
        Ok(run)
    }

    async fn nonce(&self, connection: &mut Connection) -> anyhow::Result<String> {
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: chancery-load\r\n",
            path(&self.origin, &self.directory.new_nonce)?,
            self.authority
        );
        connection.exchange(&head, b"").await?.nonce.context("newNonce gave no Replay-Nonce")
    }
}

/// An answer that was kept.
struct Kept {
    body: Vec<u8>,
    location: Option<String>,
}

impl Kept {
    fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).context("an answer that is no JSON")
    }
}

/// One connection with its nonce.
struct Client<'a> {
    run: &'a Run,
    connection: Connection,
    nonce: String,
}

impl<'a> Client<'a> {
    async fn open(run: &'a Run) -> anyhow::Result<Self> {
        let mut connection = run.endpoint.connect().await?;
        let nonce = run.nonce(&mut connection).await?;
        Ok(Self { run, connection, nonce })
    }

    /// Orders one after the other, until the time is over or the requests are used up.
    async fn drive(mut self, requests: &[Prepared], shared: &Shared, until: Instant) {
        let mut latencies = Latencies::default();
        loop {
            let begun = Instant::now();
            let Some(request) = shared.next(requests).filter(|_| begun < until) else { break };
            match self.order(request).await {
                Ok(chain) if chain.starts_with(b"-----BEGIN CERTIFICATE-----") => latencies.add(begun.elapsed()),
                Ok(_) => shared.failed("the certificate is no PEM".to_owned()),
                Err(error) => {
                    shared.failed(format!("{error:#}"));
                    match Self::open(self.run).await {
                        Ok(fresh) => self = fresh,
                        Err(error) => {
                            shared.failed(format!("{error:#}"));
                            break;
                        }
                    }
                }
            }
        }
        shared.add(&mut latencies);
    }

    /// One whole order: its chain, PEM.
    async fn order(&mut self, request: &Prepared) -> anyhow::Result<Vec<u8>> {
        let run = self.run;
        let payload = format!(r#"{{"identifiers":[{{"type":"dns","value":"{}"}}]}}"#, request.host);
        let made = self.post(&run.directory.new_order, &payload).await?;
        let url = made.location.clone().context("the new order has no Location")?;
        let order = made.json()?;
        let finalize = text(&order, "finalize")?;
        let authorization_url =
            order["authorizations"][0].as_str().context("the order has no authorization")?.to_owned();
        let authorization = self.post(&authorization_url, "").await?.json()?;
        if authorization["status"] != "valid" {
            let challenge =
                authorization["challenges"].as_array().and_then(|all| all.iter().find(|c| c["type"] == "http-01"));
            let challenge = challenge.context("no http-01 is offered")?;
            let fetched = run.responder.fetched(&text(challenge, "token")?);
            self.post(&text(challenge, "url")?, "{}").await?;
            tokio::time::timeout(PATIENCE, fetched)
                .await
                .context("the server did not fetch the key authorization")??;
            self.wait(&authorization_url, "valid", &["pending", "processing"]).await?;
        }
        let csr = URL_SAFE_NO_PAD.encode(&request.csr);
        let mut order = self.post(&finalize, &format!(r#"{{"csr":"{csr}"}}"#)).await?.json()?;
        if order["status"] != "valid" {
            order = self.wait(&url, "valid", &["ready", "processing"]).await?;
        }
        Ok(self.post(&text(&order, "certificate")?, "").await?.body)
    }

    /// Look until it has this status.
    async fn wait(&mut self, url: &str, status: &str, meanwhile: &[&str]) -> anyhow::Result<Value> {
        let until = Instant::now() + PATIENCE;
        let mut pause = FIRST_PAUSE;
        loop {
            let found = self.post(url, "").await?.json()?;
            if found["status"] == status {
                return Ok(found);
            }
            let meanwhile = found["status"].as_str().is_some_and(|now| meanwhile.contains(&now));
            ensure!(meanwhile && Instant::now() < until, "{url} is not {status}: {found}");
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LAST_PAUSE);
        }
    }

    async fn post(&mut self, url: &str, payload: &str) -> anyhow::Result<Kept> {
        let run = self.run;
        self.send(Signer::Kid(&run.account), url, payload).await
    }

    async fn send(&mut self, signer: Signer<'_>, url: &str, payload: &str) -> anyhow::Result<Kept> {
        let jws = self.run.key.sign(signer, &self.nonce, url, payload)?;
        let head = format!("POST {}{}", path(&self.run.origin, url)?, self.run.headers);
        self.run.sent.set(self.run.sent.get() + 1);
        let answer = self.connection.exchange(&head, jws.as_bytes()).await?;
        ensure!(matches!(answer.status, 200 | 201), "{url}: {}", refusal(answer.status, answer.body));
        self.nonce = answer.nonce.context("an answer without Replay-Nonce")?;
        let kept = Kept { body: answer.body.to_vec(), location: answer.location };
        if !answer.keep_alive {
            self.connection = self.run.endpoint.connect().await?;
        }
        Ok(kept)
    }
}

/// The path of a URL of this server.
fn path<'u>(origin: &str, url: &'u str) -> anyhow::Result<&'u str> {
    url.strip_prefix(origin)
        .filter(|path| path.starts_with('/'))
        .with_context(|| format!("{url} is not below {origin}"))
}

fn text(value: &Value, key: &str) -> anyhow::Result<String> {
    Ok(value[key].as_str().with_context(|| format!("no {key} in {value}"))?.to_owned())
}

/// The certificate and the issuer of a chain, which must be for the key of the request and signed by that issuer.
fn checked(chain: &[u8], request: &Prepared) -> anyhow::Result<(Certificate, Certificate)> {
    let chain = Certificate::all_from_pem(std::str::from_utf8(chain)?)?;
    let [certificate, issuer, ..] = chain.as_slice() else { bail!("the chain has no issuer") };
    let csr = Csr::from_der(&request.csr)?;
    ensure!(certificate.public_key().key_hash() == csr.public_key().key_hash(), "the certificate is for another key");
    certificate.verify_signed_by(issuer.public_key()).context("the certificate's signature")?;
    Ok((certificate.clone(), issuer.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_of_the_server_are_followed() {
        assert_eq!(path("https://a:1", "https://a:1/x/y").unwrap(), "/x/y");
        for other in ["https://a:12/x", "http://a:1/x", "https://a:1", "/x"] {
            assert!(path("https://a:1", other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_chain_of_another_key_is_refused() {
        let requests = prepare(2, 1).unwrap();
        assert!(checked(b"-----BEGIN CERTIFICATE-----", &requests[0]).is_err());
    }
}
