//! What the server's checks find: every name is this machine, and answers http-01 for the run's one account.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::rc::Rc;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::oneshot;

const PATH: &str = "/.well-known/acme-challenge/";

/// Answers key authorizations (RFC 8555 section 8.3) and tells when one was fetched.
#[derive(Clone)]
pub struct Responder(Rc<Inner>);

struct Inner {
    thumbprint: String,
    waiting: RefCell<HashMap<String, oneshot::Sender<()>>>,
}

impl Responder {
    /// Listen on loopback. `dns` as well when it is not 0.
    pub async fn start(thumbprint: String, http: u16, dns: u16) -> anyhow::Result<Self> {
        let responder = Self(Rc::new(Inner { thumbprint, waiting: RefCell::default() }));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, http))
            .await
            .with_context(|| format!("listen for http-01 on 127.0.0.1:{http}; choose another port by --http-port"))?;
        tokio::task::spawn_local(responder.clone().listen(listener));
        if dns != 0 {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, dns))
                .await
                .with_context(|| format!("answer DNS on 127.0.0.1:{dns}; choose another port by --dns-port"))?;
            tokio::task::spawn_local(answer_names(socket));
        }
        Ok(responder)
    }

    /// Done when the server has fetched this token's key authorization for the first time.
    pub fn fetched(&self, token: &str) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        self.0.waiting.borrow_mut().insert(token.to_owned(), tell);
        told
    }

    async fn listen(self, listener: TcpListener) {
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                let responder = self.clone();
                tokio::task::spawn_local(async move {
                    // A checker that goes away early has failed by itself.
                    drop(responder.answer(stream).await);
                });
            } else {
                // Too many open files: some will be closed.
                tokio::task::yield_now().await;
            }
        }
    }

    async fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut received = Vec::with_capacity(1024);
        while !received.windows(4).any(|window| window == b"\r\n\r\n") && received.len() < 8192 {
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
        }
        let answer = match token(&received) {
            Some(token) => {
                if let Some(tell) = self.0.waiting.borrow_mut().remove(token) {
                    // Nobody waits after the end of the run.
                    let _ = tell.send(());
                }
                let body = format!("{token}.{}", self.0.thumbprint);
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n{body}",
                    body.len()
                )
            }
            None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    }
}

/// The token of a GET request.
fn token(received: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(received).ok()?.lines().next()?;
    let path = line.strip_prefix("GET ")?.split(' ').next()?;
    path.strip_prefix(PATH).filter(|token| !token.is_empty())
}

async fn answer_names(socket: UdpSocket) {
    let mut question = [0; 1500];
    loop {
        if let Ok((length, from)) = socket.recv_from(&mut question).await
            && let Some(answer) = names(&question[..length])
        {
            // UDP: who lost the answer asks again.
            drop(socket.send_to(&answer, from).await);
        }
    }
}

/// The answer to one question (RFC 1035 section 4): an A record of 127.0.0.1 for every name, and no other record of any.
fn names(message: &[u8]) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    if message.len() < HEADER || message[2] & 0x80 != 0 || message[4..6] != [0, 1] {
        return None;
    }
    let mut end = HEADER;
    while *message.get(end)? != 0 {
        let length = usize::from(message[end]);
        if length > 63 {
            return None;
        }
        end += 1 + length;
    }
    let question = message.get(HEADER..end + 5)?;
    let address = question[question.len() - 4..] == [0, 1, 0, 1];
    let mut answer = Vec::with_capacity(64);
    answer.extend_from_slice(&message[..2]);
    // A response, authoritative, recursion as it was asked for, no error.
    answer.extend_from_slice(&[0x84 | (message[2] & 1), 0x80, 0, 1, 0, u8::from(address), 0, 0, 0, 0]);
    answer.extend_from_slice(question);
    if address {
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    }
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(kind: u8) -> Vec<u8> {
        let mut message = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        message.extend_from_slice(b"\x04host\x07example\x00");
        message.extend_from_slice(&[0, kind, 0, 1]);
        message
    }

    #[test]
    fn every_name_is_this_machine_and_nothing_else() {
        let address = names(&question(1)).unwrap();
        assert_eq!(address[..12], [7, 7, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        assert_eq!(address[address.len() - 4..], [127, 0, 0, 1]);
        let other = names(&question(28)).unwrap();
        assert_eq!(other[6..8], [0, 0]);
        assert_eq!(other.len(), question(28).len());
        for broken in [&question(1)[..20], &[0; 5], &[]] {
            assert_eq!(names(broken), None);
        }
        assert_eq!(names(&address), None, "an answer is no question");
    }

    #[test]
    fn only_the_challenge_path_is_answered() {
        assert_eq!(token(b"GET /.well-known/acme-challenge/abc HTTP/1.1\r\nHost: x\r\n\r\n"), Some("abc"));
        assert_eq!(token(b"GET /.well-known/acme-challenge/ HTTP/1.1\r\n\r\n"), None);
        assert_eq!(token(b"POST /.well-known/acme-challenge/abc HTTP/1.1\r\n\r\n"), None);
        assert_eq!(token(b"GET / HTTP/1.1\r\n\r\n"), None);
    }
}
