//! A keep-alive HTTP/1.1 client over TLS that does just enough.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The largest answer that is taken.
const LARGEST_ANSWER: usize = 16 << 20;

/// Where to connect and whom to trust there.
#[derive(Clone)]
pub struct Endpoint {
    address: SocketAddr,
    name: ServerName<'static>,
    connector: TlsConnector,
}

impl Endpoint {
    /// The listener at `address`, whose certificate must be for `host` and end in the root of the PEM file.
    pub fn new(address: SocketAddr, host: &str, root: &Path) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(root).with_context(|| root.display().to_string())? {
            roots.add(certificate?)?;
        }
        ensure!(!roots.is_empty(), "{} has no certificate", root.display());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).with_context(|| format!("{host} is no host name"))?;
        Ok(Self { address, name, connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Open a connection.
    pub async fn connect(&self) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(self.address).await.with_context(|| format!("connect to {}", self.address))?;
        stream.set_nodelay(true)?;
        let stream = self.connector.connect(self.name.clone(), stream).await.context("TLS handshake")?;
        Ok(Connection { stream, sent: Vec::with_capacity(4096), received: vec![0; 8192] })
    }
}

/// One connection, one request at a time.
pub struct Connection {
    stream: TlsStream<TcpStream>,
    sent: Vec<u8>,
    received: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer<'a> {
    /// HTTP status.
    pub status: u16,
    /// The body as sent.
    pub body: &'a [u8],
    /// Whether the server keeps the connection open.
    pub keep_alive: bool,
    /// Header `Replay-Nonce`.
    pub nonce: Option<String>,
    /// Header `Location`.
    pub location: Option<String>,
}

impl Connection {
    /// Send one request and read its answer. `head` is everything up to the Content-Length header, lines ended.
    pub async fn exchange(&mut self, head: &str, body: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.sent.clear();
        self.sent.extend_from_slice(head.as_bytes());
        self.sent.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        self.sent.extend_from_slice(body);
        self.stream.write_all(&self.sent).await?;
        self.stream.flush().await?;

        let mut filled = 0;
        let frame = loop {
            filled = self.more(filled).await?;
            if let Some(frame) = Frame::parse(&self.received[..filled])? {
                break frame;
            }
        };
        let (body, filled) = match frame.length {
            Some(length) => {
                let end = frame.body + length;
                ensure!(end <= LARGEST_ANSWER, "an answer of {length} bytes is too large");
                if self.received.len() < end {
                    self.received.resize(end, 0);
                }
                if filled < end {
                    self.stream.read_exact(&mut self.received[filled..end]).await?;
                }
                (frame.body..end, filled.max(end))
            }
            None => self.chunks(frame.body, filled).await?,
        };
        ensure!(filled <= body.end || frame.length.is_none(), "the server sent more than its answer");
        let Frame { status, keep_alive, nonce, location, .. } = frame;
        Ok(Answer { status, body: &self.received[body], keep_alive, nonce, location })
    }

    /// Read a chunked body (RFC 9112 section 7.1) and put its chunks together at `start`.
    async fn chunks(&mut self, start: usize, mut filled: usize) -> anyhow::Result<(Range<usize>, usize)> {
        let (mut end, mut at) = (start, start);
        loop {
            // The line with a chunk's size, then the chunk and its line's end.
            let line = loop {
                match self.received[at..filled].windows(2).position(|window| window == b"\r\n") {
                    Some(length) => break length,
                    None => filled = self.more(filled).await?,
                }
            };
            let size = std::str::from_utf8(&self.received[at..at + line])?;
            let size =
                usize::from_str_radix(size.split(';').next().unwrap_or(size).trim(), 16).context("a chunk's size")?;
            ensure!(end + size <= LARGEST_ANSWER, "an answer is too large");
            at += line + 2;
            while filled < at + size + 2 {
                filled = self.more(filled).await?;
            }
            ensure!(&self.received[at + size..at + size + 2] == b"\r\n", "a chunk does not end");
            self.received.copy_within(at..at + size, end);
            end += size;
            at += size + 2;
            if size == 0 {
                ensure!(filled == at, "the server sent more than its answer");
                return Ok((start..end, filled));
            }
        }
    }

    async fn more(&mut self, filled: usize) -> anyhow::Result<usize> {
        if filled == self.received.len() {
            self.received.resize(2 * filled, 0);
        }
        let read = self.stream.read(&mut self.received[filled..]).await?;
        ensure!(read > 0, "the server closed the connection in the middle of an answer");
        Ok(filled + read)
    }
}

/// Where an answer's parts lie.
#[derive(Debug, PartialEq, Eq)]
struct Frame {
    status: u16,
    body: usize,
    /// None when the body is chunked.
    length: Option<usize>,
    keep_alive: bool,
    nonce: Option<String>,
    location: Option<String>,
}

impl Frame {
    /// None while the head is not whole.
    fn parse(received: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else {
            ensure!(received.len() < 64 << 10, "the head of an answer does not end");
            return Ok(None);
        };
        let head = std::str::from_utf8(&received[..end]).context("the head of an answer is no text")?;
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 "))
            .and_then(|line| line.get(..3)?.parse().ok())
            .context("the answer does not begin with HTTP/1.1 and a status")?;
        let mut frame = Self { status, body: end + 4, length: Some(0), keep_alive: true, nonce: None, location: None };
        for line in lines {
            let (name, value) = line.split_once(':').context("a header without a colon")?;
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                frame.length = Some(value.parse().context("Content-Length")?);
            } else if name.eq_ignore_ascii_case("connection") {
                frame.keep_alive = !value.eq_ignore_ascii_case("close");
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                ensure!(value.eq_ignore_ascii_case("chunked"), "an answer in {value}, which this client does not take");
                frame.length = None;
            } else if name.eq_ignore_ascii_case("replay-nonce") {
                frame.nonce = Some(value.to_owned());
            } else if name.eq_ignore_ascii_case("location") {
                frame.location = Some(value.to_owned());
            }
        }
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_framed_by_its_head() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nX-Request-Id: 1\r\n\r\nhello";
        let frame = Frame::parse(text).unwrap().unwrap();
        assert_eq!((frame.status, frame.body, frame.length), (200, text.len() - 5, Some(5)));
        assert!(frame.keep_alive && frame.nonce.is_none() && frame.location.is_none());
        let acme =
            b"HTTP/1.1 201 Created\r\nReplay-Nonce: abc\r\nlocation: https://x/1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let frame = Frame::parse(acme).unwrap().unwrap();
        assert_eq!((frame.nonce.as_deref(), frame.location.as_deref()), (Some("abc"), Some("https://x/1")));
        assert_eq!(frame.length, None);
        assert_eq!(Frame::parse(&text[..30]).unwrap(), None);
        let close = Frame::parse(b"HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n").unwrap().unwrap();
        assert!(!close.keep_alive && close.status == 503 && close.length == Some(0));
    }

    #[test]
    fn what_it_does_not_take_is_an_error() {
        assert!(Frame::parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n").is_err());
        assert!(Frame::parse(b"SSH-2.0-x\r\n\r\n").is_err());
        assert!(Frame::parse(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n").is_err());
        assert!(Frame::parse(&vec![b'a'; 70_000]).is_err());
    }
}
