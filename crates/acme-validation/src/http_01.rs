//! http-01: RFC 8555 section 8.3, RFC 8738 section 4.

use std::sync::Arc;

use chancery_acme::port::{Attempt, AttemptFailed, Proof};
use chancery_acme::{Identifier, ProblemType};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::address::Reach;
use crate::dial::{Connection, Dialer};
use crate::http::{self, Answer, LONGEST_BODY};
use crate::{final_failure, passing_failure, tls};

/// A longer redirect is not followed.
const LONGEST_REDIRECT: usize = 2048;

/// What http-01 is set up with.
#[derive(Clone)]
pub(crate) struct Http01 {
    pub port: u16,
    pub tls_port: u16,
    pub redirects: u32,
    /// Takes any certificate: where a redirect leads to https, there may be none that counts yet.
    pub any_certificate: Arc<rustls::ClientConfig>,
}

impl Http01 {
    /// Fetch the key authorization.
    pub async fn validate(&self, dialer: &Dialer, attempt: &Attempt) -> Result<Proof, AttemptFailed> {
        let mut url = self.first(&attempt.identifier, &attempt.token)?;
        let (mut followed, mut reach) = (0, None);
        loop {
            let Connection { stream, reach: reached, .. } = self.connect(dialer, reach, &url).await?;
            reach = Some(reached);
            match http::get(stream, &url).await? {
                Answer::Body(body) => return compare(&url, &body, &attempt.key_authorization),
                Answer::TooLong => {
                    let detail = format!(
                        "what {} answers is longer than {LONGEST_BODY} bytes: it is not the key authorization",
                        place(&url)
                    );
                    return Err(final_failure(ProblemType::IncorrectResponse, detail));
                }
                Answer::Status(status) => return Err(wrong_status(&url, status)),
                Answer::Redirect(_) if followed == self.redirects => {
                    let detail = format!("more than {} redirects: the last one by {}", self.redirects, place(&url));
                    return Err(final_failure(ProblemType::Connection, detail));
                }
                Answer::Redirect(location) => url = self.follow(&url, location)?,
            }
            followed += 1;
        }
    }

    fn first(&self, identifier: &Identifier, token: &str) -> Result<Url, AttemptFailed> {
        let host = match identifier {
            Identifier::Dns(name) => Host::Domain(name.clone()),
            Identifier::Ip(address) => match address {
                std::net::IpAddr::V4(four) => Host::Ipv4(*four),
                std::net::IpAddr::V6(six) => Host::Ipv6(*six),
            },
            Identifier::PermanentIdentifier(_) | Identifier::HardwareModule(_) => {
                let detail = format!("http-01 cannot prove a {}", identifier.kind());
                return Err(final_failure(ProblemType::UnsupportedIdentifier, detail));
            }
        };
        let text = format!("http://{host}:{}/.well-known/acme-challenge/{token}", self.port);
        // A URL takes 0x7f.1 for an address; a DNS name is none.
        Url::parse(&text).ok().filter(|url| url.host() == Some(as_ref(&host))).ok_or_else(|| {
            final_failure(ProblemType::Malformed, format!("{identifier} is no host name that stands in a URL"))
        })
    }

    async fn connect(&self, dialer: &Dialer, from: Option<Reach>, url: &Url) -> Result<Connection, AttemptFailed> {
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(final_failure(ProblemType::Connection, "a URL without a host"));
        };
        let host = host.to_owned();
        let connection = match from {
            None => dialer.connect(&host, port).await?,
            Some(from) => dialer.connect_on(from, &host, port).await?,
        };
        if url.scheme() == "http" {
            return Ok(connection);
        }
        let Connection { stream, reach, inside } = connection;
        let name = tls::server_name(&host)
            .ok_or_else(|| final_failure(ProblemType::Connection, format!("{host} cannot be a TLS server's name")))?;
        match TlsConnector::from(Arc::clone(&self.any_certificate)).connect(name, stream).await {
            Ok(stream) => Ok(Connection { stream: Box::new(stream), reach, inside }),
            Err(error) => Err(passing_failure(ProblemType::Tls, format!("no TLS with {}: {error}", place(url)))),
        }
    }

    /// Where a redirect leads, if there.
    fn follow(&self, from: &Url, location: Option<String>) -> Result<Url, AttemptFailed> {
        let refuse = |why: String| {
            let detail = format!("a redirect by {} is not followed: {why}", place(from));
            Err(final_failure(ProblemType::Connection, detail))
        };
        let Some(location) = location else {
            return refuse("it has no Location that is ASCII".to_owned());
        };
        if location.len() > LONGEST_REDIRECT {
            return refuse(format!("its Location is longer than {LONGEST_REDIRECT} bytes"));
        }
        let Ok(mut url) = from.join(&location) else {
            return refuse("its Location is no URL".to_owned());
        };
        url.set_fragment(None);
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("only http and https are followed".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("its Location has a user or a password".to_owned());
        }
        let ports = [80, 443, self.port, self.tls_port];
        match url.port_or_known_default() {
            Some(port) if ports.contains(&port) => {}
            _ => return refuse(format!("only the ports {} and {} are dialled", self.port, self.tls_port)),
        }
        if url == *from {
            return refuse("it leads back to where it comes from".to_owned());
        }
        Ok(url)
    }
}

fn as_ref(host: &Host<String>) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    }
}

/// Host and port, all of a URL that errors tell.
fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{host} port {port}")
}

/// RFC 8555 section 8.3: white space at the end does not count.
fn compare(url: &Url, body: &[u8], expected: &str) -> Result<Proof, AttemptFailed> {
    if body.trim_ascii_end() == expected.as_bytes() {
        return Ok(Proof::default());
    }
    let detail = format!(
        "what {} answers is not the key authorization of this challenge and account (token \".\" thumbprint)",
        place(url)
    );
    Err(final_failure(ProblemType::IncorrectResponse, detail))
}

fn wrong_status(url: &Url, status: u16) -> AttemptFailed {
    if (300..400).contains(&status) {
        let detail = format!("{} answered {status}: only redirects by 301, 302, 307 and 308 are followed", place(url));
        return final_failure(ProblemType::Connection, detail);
    }
    let detail = format!("{} answered {status} where 200 with the key authorization was expected", place(url));
    // Not there yet, or not able at the moment.
    match status {
        404 | 408 | 429 | 500..=599 => passing_failure(ProblemType::IncorrectResponse, detail),
        _ => final_failure(ProblemType::IncorrectResponse, detail),
    }
}

#[cfg(test)]
mod tests;
