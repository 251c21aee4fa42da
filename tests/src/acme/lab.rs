//! A server whose world is this machine: names below `.test` are 127.0.0.1, and http-01 is answered here.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::AcmeClient;
use crate::{Builder, Dns, Server};

/// Answers http-01 on a free port of 127.0.0.1. Dropped, it stops.
pub struct Challenges {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<HashMap<String, Vec<u8>>>,
    requests: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

impl Challenges {
    /// Start it.
    pub fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.stopped.load(Ordering::Acquire) {
                    return;
                }
                let serving = serving.clone();
                std::thread::spawn(move || serving.answer(stream));
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answer a token with this body.
    pub fn put(&self, token: &str, body: &str) {
        let body = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
        self.put_raw(&format!("/.well-known/acme-challenge/{token}"), body.as_bytes());
    }

    /// Answer a path with these bytes, head and all.
    pub fn put_raw(&self, path: &str, answer: &[u8]) {
        self.shared.answers.lock().expect("no holder panics").insert(path.to_owned(), answer.to_vec());
    }

    /// The paths that were asked for, in order.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().expect("no holder panics").clone()
    }
}

impl Drop for Challenges {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        // Wake the thread.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn answer(&self, mut stream: TcpStream) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let mut head = Vec::new();
        let mut buffer = [0; 1024];
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(length) if length > 0 && head.len() < 16 * 1024 => head.extend_from_slice(&buffer[..length]),
                _ => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
        self.requests.lock().expect("no holder panics").push(path.clone());
        let answer = self.answers.lock().expect("no holder panics").get(&path).cloned();
        let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec();
        let _ = stream.write_all(&answer.unwrap_or(missing));
    }
}

/// The server, its DNS and its http-01 responder.
pub struct Lab {
    /// The server under test.
    pub server: Server,
    /// Its resolver.
    pub dns: Dns,
    /// What its http-01 finds.
    pub challenges: Challenges,
}

impl Lab {
    /// Start the program at `program`.
    pub fn start(builder: Builder) -> Self {
        Self::start_with(builder, Dns::start(), Challenges::start())
    }

    /// Start it in a world that is there already.
    pub fn start_with(builder: Builder, dns: Dns, challenges: Challenges) -> Self {
        let server = builder
            .environment("CHANCERY__ACME__VALIDATION__HTTP_PORT", &challenges.address().port().to_string())
            .environment("CHANCERY__ACME__VALIDATION__RESOLVER", &dns.address().to_string())
            .environment("CHANCERY__ACME__VALIDATION__ALLOW", "127.0.0.0/8")
            .start();
        Self { server, dns, challenges }
    }

    /// A client of the first directory, without an account.
    pub async fn client(&self) -> AcmeClient {
        AcmeClient::new(self.server.ready(), "/acme/tls-server/directory").await
    }

    /// A client of the first directory, with an account.
    pub async fn account(&self) -> AcmeClient {
        AcmeClient::registered(self.server.ready(), "/acme/tls-server/directory").await
    }
}
