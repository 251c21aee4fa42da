//! One address for several servers: what a load balancer is to clients.

use std::io::copy;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Hands each new connection to the next of its servers. Dropped, it stops.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    servers: Mutex<Vec<(SocketAddr, usize)>>,
    next: AtomicUsize,
    stopped: AtomicBool,
}

impl Relay {
    /// Start it on a free port of 127.0.0.1, without any server yet.
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
                serving.hand_on(stream);
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Where clients come.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// One more server.
    pub fn add(&self, server: SocketAddr) {
        self.shared.servers.lock().expect("no holder panics").push((server, 0));
    }

    /// How many connections each server got, in the order in which they were added.
    pub fn served(&self) -> Vec<usize> {
        self.shared.servers.lock().expect("no holder panics").iter().map(|(_, served)| *served).collect()
    }
}

impl Shared {
    fn hand_on(&self, client: TcpStream) {
        let server = {
            let mut servers = self.servers.lock().expect("no holder panics");
            if servers.is_empty() {
                return;
            }
            let next = self.next.fetch_add(1, Ordering::Relaxed) % servers.len();
            servers[next].1 += 1;
            servers[next].0
        };
        let Ok(server) = TcpStream::connect(server) else { return };
        for (mut from, mut to) in [(client.try_clone(), server.try_clone()), (server.try_clone(), client.try_clone())]
            .map(|(from, to)| (from.expect("a second handle"), to.expect("a second handle")))
        {
            std::thread::spawn(move || {
                let _ = copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        // Wake the thread.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
