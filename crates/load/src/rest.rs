//! Issuing by the native REST API.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_pki::{Certificate, Csr};
use serde_json::Value;
use tokio::task::{JoinSet, LocalSet};

use crate::arguments::RestOptions;
use crate::client::{Connection, Endpoint};
use crate::groups::Groups;
use crate::limit::{Group, Limit, Rows, Work};
use crate::ready::Ready;
use crate::report::{Found, Report};
use crate::request::{Prepared, prepare, random};
use crate::shared::Shared;

/// Requests that are prepared for each second.
const REQUESTS: usize = 5_000;

/// How long after the end an answer is still waited for: a server that hangs is told in the report, not waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Load the door and measure the limit.
pub fn run(options: &RestOptions) -> anyhow::Result<Report> {
    let load = &options.load;
    let ready = Ready::read(&options.ready)?;
    let token = ready.token(options.token_file.as_deref())?;
    let endpoint = Endpoint::new(ready.address(), ready.host()?, &ready.root_pem)?;
    // The generator takes one thread, so that its cost is known and most of the machine is the server's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let door = runtime.block_on(RestDoor::find(&endpoint, ready.host()?, &token, &load.profile))?;

    load.progress(format_args!("making {} requests", load.prepared(REQUESTS)));
    let requests = Rc::new(prepare(load.prepared(REQUESTS), random()?)?);
    load.progress(format_args!("loading for {} s over {} connections", load.seconds, load.connections));
    let run = Rc::new(door).load(&endpoint, options, &requests);
    let (found, work, group) = LocalSet::new().block_on(&runtime, run)?;

    load.progress(format_args!("measuring the limit of this machine"));
    let database = load.limit_database.as_deref().unwrap_or(&ready.database);
    let limit = Limit::measure(&work, database, group);
    Ok(Report::new("rest", &load.profile, load.connections, found, Some(limit)))
}

/// The operation's address, ready to be sent.
struct RestDoor {
    issue: String,
    get: Box<dyn Fn(&str) -> String>,
}

impl RestDoor {
    /// Look the RA profile up by its name.
    async fn find(endpoint: &Endpoint, host: &str, token: &str, profile: &str) -> anyhow::Result<Self> {
        let headers = format!(
            "Host: {host}\r\nAuthorization: Bearer {token}\r\nAccept: application/json\r\nUser-Agent: chancery-load\r\n"
        );
        let get = {
            let headers = headers.clone();
            Box::new(move |path: &str| format!("GET {path} HTTP/1.1\r\n{headers}"))
        };
        let mut connection = endpoint.connect().await?;
        let profiles = json(&mut connection, &get("/api/v1/raProfiles")).await?;
        let profiles = profiles.as_array().context("the list of RA profiles is no list")?;
        let found = profiles.iter().find(|p| p["name"] == profile).with_context(|| {
            let names: Vec<_> = profiles.iter().filter_map(|p| p["name"].as_str()).collect();
            format!("there is no RA profile {profile:?} within this token's reach; there are: {}", names.join(", "))
        })?;
        let text = |key: &str| found[key].as_str().with_context(|| format!("the RA profile has no {key}"));
        let path = format!(
            "/api/v2/operations/authorities/{}/raProfiles/{}/certificates",
            text("authorityInstanceUuid")?,
            text("uuid")?
        );
        let issue = format!("POST {path} HTTP/1.1\r\n{headers}Content-Type: application/json\r\n");
        Ok(Self { issue, get })
    }

    /// Load from every connection at once. The first request of each, which warms the server up and whose answer is
    /// checked through and through, is not timed.
    async fn load(
        self: Rc<Self>,
        endpoint: &Endpoint,
        options: &RestOptions,
        requests: &Rc<Vec<Prepared>>,
    ) -> anyhow::Result<(Found, Work, Group)> {
        let count = usize::from(options.load.connections);
        let mut connections = Vec::new();
        let mut work = None;
        for request in &requests[..count] {
            let mut connection = endpoint.connect().await?;
            let answer = connection.exchange(&self.issue, &request.body).await?;
            ensure!(answer.status == 200, "{}", refusal(answer.status, answer.body));
            let answer: Value = serde_json::from_slice(answer.body)?;
            let certificate = issued(&answer, request)?;
            if work.is_none() {
                let uuid = answer["uuid"].as_str().context("the answer has no uuid")?;
                let issuer = self.issuer(&mut connection, uuid).await?;
                certificate.verify_signed_by(issuer.public_key()).context("the certificate's signature")?;
                work = Some(Work {
                    csr: Vec::new(),
                    certificate: certificate.der().to_vec(),
                    issuer,
                    signed_requests: 0,
                    rows: Rows::Certificates,
                });
            }
            connections.push(connection);
        }
        let mut work = work.context("no connection")?;
        work.csr = requests.iter().take(256).map(|request| request.csr.clone()).collect();

        let load = Rc::new(Shared::after(connections.len()));
        let before = Groups::ask(&options.ready);
        let begun = Instant::now();
        let until = begun + Duration::from_secs(options.load.seconds.into());
        let mut drivers = JoinSet::new();
        for connection in connections {
            let (door, endpoint, requests, load) = (self.clone(), endpoint.clone(), requests.clone(), load.clone());
            drivers.spawn_local(async move { door.drive(connection, &endpoint, &requests, &load, until).await });
        }
        let all = async {
            while let Some(ended) = drivers.join_next().await {
                ended.context("a connection's driver")?;
            }
            Ok::<_, anyhow::Error>(())
        };
        match tokio::time::timeout_at((until + PATIENCE).into(), all).await {
            Ok(ended) => ended?,
            Err(_) => {
                let open = drivers.len();
                drivers.shutdown().await;
                for _ in 0..open {
                    load.failed(format!("no answer within {} s of the end", PATIENCE.as_secs()));
                }
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        let seen = before.zip(Groups::ask(&options.ready)).and_then(|(before, after)| after.since(before));
        let shared = Rc::into_inner(load).expect("every driver has ended");
        Ok((shared.found(seconds, None), work, seen.map_or(Group::Connections(count), Group::Run)))
    }

    /// The certificate of the CA that signed this one.
    async fn issuer(&self, connection: &mut Connection, uuid: &str) -> anyhow::Result<Certificate> {
        let chain = json(connection, &(self.get)(&format!("/api/v1/certificates/{uuid}/chain"))).await?;
        let issuer = chain["certificates"][0]["certificateContent"].as_str().context("the chain has no issuer")?;
        Ok(Certificate::from_der(&STANDARD.decode(issuer)?)?)
    }

    /// One connection, until the time is over or the requests are used up.
    async fn drive(
        &self,
        mut connection: Connection,
        endpoint: &Endpoint,
        requests: &[Prepared],
        load: &Shared,
        until: Instant,
    ) {
        loop {
            let begun = Instant::now();
            let Some(request) = load.next(requests).filter(|_| begun < until) else { break };
            let alive = match connection.exchange(&self.issue, &request.body).await {
                Ok(answer) if answer.status == 200 && has_certificate(answer.body) => {
                    load.took(begun.elapsed());
                    answer.keep_alive
                }
                Ok(answer) => {
                    load.failed(refusal(answer.status, answer.body));
                    answer.keep_alive
                }
                Err(error) => {
                    load.failed(format!("{error:#}"));
                    false
                }
            };
            if !alive {
                match endpoint.connect().await {
                    Ok(fresh) => connection = fresh,
                    Err(error) => {
                        load.failed(format!("{error:#}"));
                        break;
                    }
                }
            }
        }
    }
}

async fn json(connection: &mut Connection, head: &str) -> anyhow::Result<Value> {
    let answer = connection.exchange(head, b"").await?;
    ensure!(answer.status == 200, "{}", refusal(answer.status, answer.body));
    Ok(serde_json::from_slice(answer.body)?)
}

/// The certificate of an answer, which must be for the key of the request.
fn issued(answer: &Value, request: &Prepared) -> anyhow::Result<Certificate> {
    let data = answer["certificateData"].as_str().context("the answer has no certificateData")?;
    let certificate = Certificate::from_der(&STANDARD.decode(data)?)?;
    let csr = Csr::from_der(&request.csr)?;
    ensure!(certificate.public_key().key_hash() == csr.public_key().key_hash(), "the certificate is for another key");
    Ok(certificate)
}

/// Whether an answer carries a certificate: looked for, because parsing would cost as much as sending. "MI" is how the
/// Base64 of a SEQUENCE of 256 bytes and more begins.
fn has_certificate(body: &[u8]) -> bool {
    const KEY: &[u8] = br#""certificateData":"MI"#;
    body.windows(KEY.len()).any(|window| window == KEY)
}

/// A refusal, short enough to be told.
pub fn refusal(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(300)]);
    format!("the server answered {status} {}", text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_certificate_is_none() {
        assert!(has_certificate(br#"{"uuid":"u","certificateData":"MIIB"}"#));
        assert!(!has_certificate(br#"{"uuid":"u","certificateData":""}"#));
        assert!(!has_certificate(br#"["certificateData"]"#));
    }

    #[test]
    fn a_refusal_is_told_short() {
        assert_eq!(refusal(422, b"[\"no\"]\n"), "the server answered 422 [\"no\"]");
        assert!(refusal(500, &[b'x'; 5000]).len() < 400);
    }
}
