//! Bytes as they are, for what no decent client would send.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::api::trusting;
use crate::server::Ready;

/// What came back until the server closed the connection, or until nothing more came for a while.
#[derive(Debug)]
pub struct Raw {
    /// Everything received.
    pub text: String,
    /// Whether the server closed the connection.
    pub closed: bool,
}

impl Raw {
    /// The status of the (first) answer; none when there was no answer.
    pub fn status(&self) -> Option<u16> {
        self.text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }

    /// A header of the (first) answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (head, _) = self.text.split_once("\r\n\r\n")?;
        head.lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim()))
    }
}

/// Send bytes to the `https` listener and listen for at most `patience`.
pub async fn send_tls(ready: &Ready, bytes: &[u8], patience: Duration) -> Raw {
    let stream = TcpStream::connect(ready.https).await.expect("the listener is open");
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = TlsConnector::from(Arc::new(trusting(ready)));
    send(connector.connect(name, stream).await.expect("a TLS connection"), bytes, patience).await
}

/// Send bytes to the `mtls` listener without a certificate and listen for at most `patience`.
pub async fn send_mtls(ready: &Ready, bytes: &[u8], patience: Duration) -> Raw {
    let stream = TcpStream::connect(ready.mtls.expect("an mtls listener")).await.expect("the listener is open");
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = TlsConnector::from(Arc::new(trusting(ready)));
    send(connector.connect(name, stream).await.expect("a TLS connection"), bytes, patience).await
}

/// Send bytes to the plain listener and listen for at most `patience`.
pub async fn send_plain(ready: &Ready, bytes: &[u8], patience: Duration) -> Raw {
    send(TcpStream::connect(ready.http).await.expect("the listener is open"), bytes, patience).await
}

async fn send(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8], patience: Duration) -> Raw {
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
    let mut received = Vec::new();
    let closed = timeout(patience, stream.read_to_end(&mut received)).await.is_ok();
    Raw { text: String::from_utf8_lossy(&received).into_owned(), closed }
}
