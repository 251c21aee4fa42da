//! A DNS responder of the tests' own: it answers for everything, over UDP and TCP on one free loopback port.
//!
//! Every name under `.test` has the address 127.0.0.1 until a test says otherwise; everything else does not exist. What a
//! test sets for a name counts for that name alone. Foreign clients' hooks set TXT records by writing a file
//! ([`Dns::txt_folder`]). Aliases are followed in the answer, as a recursive resolver does.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NULL, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tempfile::TempDir;

/// How many aliases one answer follows.
const ALIASES: usize = 12;
/// What a client without EDNS takes over UDP (RFC 1035 section 2.3.4).
const UDP_PAYLOAD: usize = 512;
/// How long a TCP connection may say nothing.
const IDLE: Duration = Duration::from_secs(5);

/// How a name is answered when it is not by its records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// `NXDOMAIN`, whatever records it has.
    Absent,
    /// `SERVFAIL`.
    ServFail,
    /// `REFUSED`.
    Refused,
    /// No answer at all.
    Silent,
    /// Over UDP only the truncation flag (RFC 2181 section 9); over TCP all of it.
    Truncated,
    /// An answer to another question.
    Garbled,
}

/// One question that came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The name, in lower case and without the last dot.
    pub name: String,
    /// `A`, `TXT`, `CAA` and so on.
    pub kind: String,
    /// Whether it came over TCP.
    pub tcp: bool,
}

#[derive(Default)]
struct Zone {
    records: HashMap<String, Vec<RData>>,
    addresses: HashMap<String, VecDeque<Vec<IpAddr>>>,
    faults: HashMap<(String, Option<RecordType>), Fault>,
    questions: Vec<Question>,
}

/// A running responder. Dropped, it stops.
pub struct Dns {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    folder: TempDir,
}

struct Shared {
    zone: Mutex<Zone>,
    texts: PathBuf,
    stopped: AtomicBool,
}

impl Dns {
    /// Start one on 127.0.0.1 and a free port.
    ///
    /// # Panics
    /// When no port is free for both UDP and TCP.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (udp, tcp) = sockets();
        let address = udp.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            zone: Mutex::default(),
            texts: folder.path().to_owned(),
            stopped: AtomicBool::new(false),
        });
        let (a, b) = (shared.clone(), shared.clone());
        let threads =
            vec![std::thread::spawn(move || a.serve_udp(&udp)), std::thread::spawn(move || b.serve_tcp(&tcp))];
        Self { address, shared, threads, folder }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder whose files are TXT records: the file's name is the record's, in lower case and without the last dot;
    /// each line is one record. Read at every question.
    pub fn txt_folder(&self) -> &Path {
        self.folder.path()
    }

    /// Give a name these addresses instead of those it had; none at all leaves it without.
    pub fn addresses(&self, name: &str, addresses: &[IpAddr]) {
        self.addresses_in_turn(name, &[addresses]);
    }

    /// Give a name other addresses at each question for them (A and AAAA each count); the last ones stay: rebinding.
    ///
    /// # Panics
    /// Without a turn.
    pub fn addresses_in_turn(&self, name: &str, turns: &[&[IpAddr]]) {
        assert!(!turns.is_empty(), "at least one turn");
        self.shared.zone().addresses.insert(key(name), turns.iter().map(|turn| turn.to_vec()).collect());
    }

    /// Add a TXT record, its value in strings of at most 255 bytes.
    pub fn txt(&self, name: &str, value: &str) {
        self.add(name, text(value));
    }

    /// Make a name an alias.
    pub fn cname(&self, name: &str, target: &str) {
        self.add(name, RData::CNAME(CNAME(parse(target))));
    }

    /// Add a CAA record (RFC 8659 section 4.1), of any flags, tag and value.
    pub fn caa(&self, name: &str, flags: u8, tag: &str, value: &str) {
        let mut bytes = vec![flags, u8::try_from(tag.len()).expect("a short tag")];
        bytes.extend_from_slice(tag.as_bytes());
        bytes.extend_from_slice(value.as_bytes());
        self.add(name, RData::Unknown { code: RecordType::CAA, rdata: NULL::with(bytes) });
    }

    /// Answer every question about a name like this.
    pub fn fault(&self, name: &str, fault: Fault) {
        self.shared.zone().faults.insert((key(name), None), fault);
    }

    /// Answer questions of one type (`A`, `TXT`, `CAA`) about a name like this.
    pub fn fault_of(&self, name: &str, kind: &str, fault: Fault) {
        let kind = kind.parse().expect("a record type");
        self.shared.zone().faults.insert((key(name), Some(kind)), fault);
    }

    /// Forget everything that was set for a name.
    pub fn clear(&self, name: &str) {
        let mut zone = self.shared.zone();
        let name = key(name);
        zone.records.remove(&name);
        zone.addresses.remove(&name);
        zone.faults.retain(|(faulty, _), _| *faulty != name);
        let _ = std::fs::remove_file(self.folder.path().join(name));
    }

    /// Every question since the start, in order.
    pub fn questions(&self) -> Vec<Question> {
        self.shared.zone().questions.clone()
    }

    /// How often a name was asked about, for one type.
    pub fn asked(&self, name: &str, kind: &str) -> usize {
        let name = key(name);
        self.shared.zone().questions.iter().filter(|q| q.name == name && q.kind == kind).count()
    }

    fn add(&self, name: &str, data: RData) {
        self.shared.zone().records.entry(key(name)).or_default().push(data);
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        // Wake both threads.
        if let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            let _ = socket.send_to(&[], self.address);
        }
        let _ = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn zone(&self) -> MutexGuard<'_, Zone> {
        self.zone.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    fn serve_udp(&self, socket: &UdpSocket) {
        let mut buffer = [0; 4096];
        while !self.stopped() {
            let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
            if let Some(answer) = self.answer(&buffer[..length], false) {
                let _ = socket.send_to(&answer, peer);
            }
        }
    }

    fn serve_tcp(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopped() {
                return;
            }
            let Ok(stream) = stream else { continue };
            let shared = self.clone();
            std::thread::spawn(move || shared.converse(stream));
        }
    }

    /// Messages with their length before them (RFC 1035 section 4.2.2), until the peer has no more.
    fn converse(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(IDLE))?;
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut query = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut query)?;
            let Some(answer) = self.answer(&query, true) else { continue };
            let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
            stream.write_all(&[&length.to_be_bytes(), answer.as_slice()].concat())?;
        }
    }

    /// The answer to a query; none to what is no query, and from a name that is silent.
    fn answer(&self, query: &[u8], tcp: bool) -> Option<Vec<u8>> {
        let query = Message::from_vec(query).ok()?;
        let asked = query.queries.first()?;
        let kind = asked.query_type();
        let mut zone = self.zone();
        let name = key(&asked.name().to_ascii());
        zone.questions.push(Question { name: name.clone(), kind: kind.to_string(), tcp });
        let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
        answer.metadata.recursion_desired = query.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        answer.add_query(asked.clone());
        let mut truncated = false;
        match zone.fault(&name, kind) {
            Some(Fault::Silent) => return None,
            Some(Fault::Absent) => answer.metadata.response_code = ResponseCode::NXDomain,
            Some(Fault::ServFail) => answer.metadata.response_code = ResponseCode::ServFail,
            Some(Fault::Refused) => answer.metadata.response_code = ResponseCode::Refused,
            Some(Fault::Garbled) => {
                answer.queries[0].set_name(parse("another.test"));
                answer.add_answer(Record::from_rdata(parse("another.test"), 0, text("another")));
            }
            fault @ (Some(Fault::Truncated) | None) => {
                truncated = fault.is_some() && !tcp;
                self.look_up(&mut zone, asked.name().clone(), kind, &mut answer);
            }
        }
        drop(zone);
        if let Some(edns) = &query.edns {
            answer.set_edns(edns.clone());
        }
        let bytes = answer.to_vec().ok()?;
        let payload = query.edns.map_or(UDP_PAYLOAD, |edns| usize::from(edns.max_payload()).max(UDP_PAYLOAD));
        if truncated || (!tcp && bytes.len() > payload) {
            return answer.truncate().to_vec().ok();
        }
        Some(bytes)
    }

    fn look_up(&self, zone: &mut Zone, mut owner: Name, kind: RecordType, answer: &mut Message) {
        for _ in 0..ALIASES {
            let name = key(&owner.to_ascii());
            if let Some(fault) = zone.fault(&name, kind).filter(|fault| *fault != Fault::Truncated) {
                answer.metadata.response_code =
                    if fault == Fault::Absent { ResponseCode::NXDomain } else { ResponseCode::ServFail };
                return;
            }
            let records = zone.records.get(&name).cloned().unwrap_or_default();
            let alias = records.iter().find_map(|data| match data {
                RData::CNAME(CNAME(target)) if kind != RecordType::CNAME => Some(target.clone()),
                _ => None,
            });
            if let Some(target) = alias {
                answer.add_answer(Record::from_rdata(owner, 0, RData::CNAME(CNAME(target.clone()))));
                owner = target;
                continue;
            }
            let texts = self.texts(&name);
            let exists = name == "test" || name.ends_with(".test");
            if !exists && records.is_empty() && texts.is_empty() && !zone.addresses.contains_key(&name) {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            let found = records.iter().chain(&texts).filter(|data| data.record_type() == kind).cloned();
            answer.add_answers(found.map(|data| Record::from_rdata(owner.clone(), 0, data)));
            let addresses = zone.turn(&name, exists, kind);
            answer.add_answers(addresses.into_iter().map(|data| Record::from_rdata(owner.clone(), 0, data)));
            return;
        }
    }

    fn texts(&self, name: &str) -> Vec<RData> {
        let file = std::fs::read_to_string(self.texts.join(name)).unwrap_or_default();
        file.lines().filter(|line| !line.is_empty()).map(text).collect()
    }
}

impl Zone {
    fn fault(&self, name: &str, kind: RecordType) -> Option<Fault> {
        let of = |kind| self.faults.get(&(name.to_owned(), kind)).copied();
        of(Some(kind)).or_else(|| of(None))
    }

    /// The addresses of a name in one family, at this question.
    fn turn(&mut self, name: &str, exists: bool, kind: RecordType) -> Vec<RData> {
        if !matches!(kind, RecordType::A | RecordType::AAAA) {
            return Vec::new();
        }
        let addresses = match self.addresses.get_mut(name) {
            Some(turns) if turns.len() > 1 => turns.pop_front().unwrap_or_default(),
            Some(turns) => turns.front().cloned().unwrap_or_default(),
            None if exists => vec![Ipv4Addr::LOCALHOST.into()],
            None => Vec::new(),
        };
        let data = addresses.into_iter().map(|address| match address {
            IpAddr::V4(address) => RData::A(A(address)),
            IpAddr::V6(address) => RData::AAAA(AAAA(address)),
        });
        data.filter(|data| data.record_type() == kind).collect()
    }
}

/// A port that is free for both.
fn sockets() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free TCP port");
        let address = tcp.local_addr().expect("a bound socket has an address");
        if let Ok(udp) = UdpSocket::bind(address) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

/// A name as the tables have it.
fn key(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn parse(name: &str) -> Name {
    let mut name = Name::from_ascii(name).expect("a domain name");
    name.set_fqdn(true);
    name
}

/// TXT data, in strings of at most 255 bytes (RFC 1035 section 3.3).
fn text(value: &str) -> RData {
    let strings: Vec<&[u8]> = if value.is_empty() { vec![b""] } else { value.as_bytes().chunks(255).collect() };
    RData::TXT(TXT::from_bytes(strings))
}

#[cfg(test)]
mod tests;
