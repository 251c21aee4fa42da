//! Closes connections on which nothing was answered for too long. actix itself times the head of a connection's first
//! request and the silence after an answer, but not the head of a second request that begins and never ends.

use std::any::Any;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use actix_tls::accept::{openssl, rustls_0_23};
use actix_web::Error;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Extensions, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::rt::net::TcpStream;

use crate::tls;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(500);
/// A client that reads slower than this many bytes per second may lose its connection before it has all of an answer.
const SLOWEST: u64 = 8 * 1024;

/// The connections of all listeners.
#[derive(Clone)]
pub struct Watch(Arc<Inner>);

struct Inner {
    began: Instant,
    longest: Duration,
    connections: Mutex<Vec<Weak<Connection>>>,
}

/// One connection: dropped with it.
struct Connection {
    /// The same socket again, so that it can be shut down from outside.
    socket: OwnedFd,
    began: Instant,
    /// Requests that are being answered.
    busy: AtomicUsize,
    /// Until when it is left alone while none is, in milliseconds after `began`.
    quiet_until: AtomicU64,
    longest: Duration,
}

impl Connection {
    /// Quiet from now on; `size` more bytes are on their way to the client.
    fn rest(&self, size: u64) {
        let until = self.began.elapsed() + self.longest + Duration::from_secs(size / SLOWEST);
        self.quiet_until.store(u64::try_from(until.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn is_over(&self, now: Instant) -> bool {
        let until = self.began + Duration::from_millis(self.quiet_until.load(Ordering::Relaxed));
        self.busy.load(Ordering::Relaxed) == 0 && now > until
    }
}

impl Watch {
    /// Close what is quiet for longer than `longest`.
    pub fn new(longest: Duration) -> Self {
        Self(Arc::new(Inner { began: Instant::now(), longest, connections: Mutex::default() }))
    }

    /// For `HttpServer::on_connect`, of plain and TLS listeners alike; of the `mtls` listener it also keeps what the
    /// handshake told of the client.
    pub fn on_connect(&self) -> impl Fn(&dyn Any, &mut Extensions) + Send + Sync + use<> {
        let watch = self.clone();
        move |io, extensions| {
            let mutual = io.downcast_ref::<openssl::TlsStream<TcpStream>>();
            if let Some(tls) = mutual {
                extensions.insert(Arc::new(tls::mutual::peer(tls.ssl())));
            }
            let plain = io.downcast_ref::<TcpStream>();
            let https = || io.downcast_ref::<rustls_0_23::TlsStream<TcpStream>>().map(|tls| tls.get_ref().0);
            let stream = plain.or_else(https).or_else(|| mutual.map(|tls| tls.get_ref()));
            // Out of file descriptors: the connection goes unwatched.
            if let Some(socket) = stream.and_then(|stream| stream.as_fd().try_clone_to_owned().ok()) {
                extensions.insert(watch.add(socket));
            }
        }
    }

    fn add(&self, socket: OwnedFd) -> Arc<Connection> {
        let connection = Arc::new(Connection {
            socket,
            began: self.0.began,
            busy: AtomicUsize::new(0),
            quiet_until: AtomicU64::new(0),
            longest: self.0.longest,
        });
        connection.rest(0);
        self.0.connections.lock().expect("no holder panics").push(Arc::downgrade(&connection));
        connection
    }

    /// Look for ever.
    pub async fn run(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.sweep(Instant::now());
        }
    }

    fn sweep(&self, now: Instant) {
        self.0.connections.lock().expect("no holder panics").retain(|connection| {
            let Some(connection) = connection.upgrade() else { return false };
            let over = connection.is_over(now);
            if over {
                // Gone already is as good.
                let _ = rustix::net::shutdown(&connection.socket, rustix::net::Shutdown::Both);
            }
            !over
        });
    }
}

/// A request that is being answered.
struct Busy(Arc<Connection>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Middleware (`from_fn`): tells the watch when a connection is busy.
///
/// # Errors
/// Those of the services inside.
pub async fn watched<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let connection = request.request().conn_data::<Arc<Connection>>().cloned();
    let busy = connection.map(|connection| {
        connection.busy.fetch_add(1, Ordering::Relaxed);
        Busy(connection)
    });
    let answered = next.call(request).await;
    if let Some(busy) = &busy {
        let size = match answered.as_ref().map(|response| response.response().body().size()) {
            Ok(BodySize::Sized(size)) => size,
            Ok(BodySize::None | BodySize::Stream) | Err(_) => 0,
        };
        busy.0.rest(size);
    }
    answered
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    const LONGEST: Duration = Duration::from_secs(15);

    fn pair() -> (TcpStream, OwnedFd) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0.into())
    }

    #[test]
    fn a_quiet_connection_is_closed_and_a_busy_one_is_not() {
        let watch = Watch::new(LONGEST);
        let (mut quiet, socket) = pair();
        let _kept = watch.add(socket);
        let (busy, socket) = pair();
        let kept = watch.add(socket);
        kept.busy.fetch_add(1, Ordering::Relaxed);

        watch.sweep(Instant::now());
        assert_eq!(watch.0.connections.lock().unwrap().len(), 2);
        watch.sweep(Instant::now() + LONGEST + Duration::from_secs(1));
        assert_eq!(quiet.read(&mut [0]).unwrap(), 0, "closed");
        busy.set_nonblocking(true).unwrap();
        assert_eq!((&busy).read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_large_answer_is_given_time() {
        let watch = Watch::new(LONGEST);
        let (_client, socket) = pair();
        let kept = watch.add(socket);
        kept.rest(100 * SLOWEST);
        assert!(!kept.is_over(Instant::now() + LONGEST + Duration::from_secs(90)));
        assert!(kept.is_over(Instant::now() + LONGEST + Duration::from_secs(110)));
    }

    #[test]
    fn a_connection_that_is_gone_is_forgotten() {
        let watch = Watch::new(LONGEST);
        drop(watch.add(pair().1));
        watch.sweep(Instant::now());
        assert!(watch.0.connections.lock().unwrap().is_empty());
    }
}
