//! What the tests look at: servers of DNS, HTTP and TLS on loopback, each as broken as a test needs it. They end with the
//! test's runtime.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chancery_acme::port::{Attempt, CaaQuestion};
use chancery_acme::{ChallengeType, Identifier};
use chancery_core::Clock;
use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::{Prober, ValidationConfig};

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";
pub(crate) const KEY_AUTHORIZATION: &str =
    "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI";
pub(crate) const ACCOUNT: &str = "https://ca.example/acme/default/account/1";

pub(crate) struct At(pub OffsetDateTime);

impl Clock for At {
    fn now(&self) -> OffsetDateTime {
        self.0
    }
}

pub(crate) fn now() -> OffsetDateTime {
    time::macros::datetime!(2026-11-24 12:00 UTC)
}

pub(crate) fn attempt(challenge: ChallengeType, name: &str) -> Attempt {
    Attempt {
        identifier: name.parse().map_or_else(|_| Identifier::Dns(name.to_owned()), Identifier::Ip),
        wildcard: false,
        challenge,
        token: TOKEN.to_owned(),
        key_authorization: KEY_AUTHORIZATION.to_owned(),
        account_url: ACCOUNT.to_owned(),
        issuer_domains: vec!["ca.example".to_owned()],
        payload: None,
        resolver: None,
    }
}

pub(crate) fn caa_question(name: &str) -> CaaQuestion {
    CaaQuestion {
        name: name.to_owned(),
        wildcard: false,
        issuer_domains: vec!["ca.example".to_owned()],
        account_url: ACCOUNT.to_owned(),
        method: ChallengeType::Http01,
        resolver: None,
    }
}

/// Loopback is dialled; names are asked of `dns`.
pub(crate) fn config(dns: &Dns) -> ValidationConfig {
    ValidationConfig {
        resolver: Some(dns.address.to_string()),
        allow: vec!["127.0.0.1/32".parse().unwrap()],
        timeout: Duration::from_secs(5),
        dns_timeout: Duration::from_secs(2),
        ..ValidationConfig::default()
    }
}

pub(crate) fn prober(config: &ValidationConfig) -> Prober {
    Prober::new(config, Arc::new(At(now()))).unwrap()
}

/// What a DNS server says.
pub(crate) enum Says {
    /// These, all of the name that was asked for.
    Data(Vec<RData>),
    /// These, each of the name beside it.
    Of(Vec<(String, RData)>),
    Code(ResponseCode),
    /// The same, but over UDP only that there is more.
    OverTcp(Vec<RData>),
    Nothing,
}

/// A DNS server over UDP and TCP.
pub(crate) struct Dns {
    pub address: SocketAddr,
    asked: Arc<Mutex<HashMap<(String, RecordType), usize>>>,
}

type Zone = Arc<dyn Fn(&str, RecordType, usize) -> Says + Send + Sync>;

impl Dns {
    /// It answers as the zone says: name without the final dot, type, and how often that was asked before.
    pub async fn start(zone: impl Fn(&str, RecordType, usize) -> Says + Send + Sync + 'static) -> Self {
        let (udp, tcp) = loop {
            let tcp = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = tcp.local_addr().unwrap();
        let zone: Zone = Arc::new(zone);
        let asked = Arc::new(Mutex::new(HashMap::new()));
        let (zone_tcp, asked_tcp) = (Arc::clone(&zone), Arc::clone(&asked));
        let asked_udp = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, peer)) = udp.recv_from(&mut buffer).await {
                if let Some(answer) = answer(&buffer[..length], &zone, &asked_udp, false) {
                    udp.send_to(&answer, peer).await.unwrap();
                }
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let (zone, asked) = (Arc::clone(&zone_tcp), Arc::clone(&asked_tcp));
                tokio::spawn(async move {
                    while let Ok(length) = stream.read_u16().await {
                        let mut question = vec![0; usize::from(length)];
                        stream.read_exact(&mut question).await.unwrap();
                        if let Some(answer) = answer(&question, &zone, &asked, true) {
                            stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
                            stream.write_all(&answer).await.unwrap();
                        }
                    }
                });
            }
        });
        Self { address, asked }
    }

    /// One name with an address.
    pub async fn host(name: &'static str, address: IpAddr) -> Self {
        Self::start(move |asked, kind, _| if asked == name { addresses(kind, &[address]) } else { no_name() }).await
    }

    /// How often this was asked.
    pub fn asked(&self, name: &str, kind: RecordType) -> usize {
        self.asked.lock().unwrap().get(&(name.to_owned(), kind)).copied().unwrap_or_default()
    }
}

fn answer(
    question: &[u8],
    zone: &Zone,
    asked: &Mutex<HashMap<(String, RecordType), usize>>,
    tcp: bool,
) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).unwrap();
    let query = question.queries[0].clone();
    let name = query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
    let nth = {
        let mut asked = asked.lock().unwrap();
        let count = asked.entry((name.clone(), query.query_type())).or_default();
        *count += 1;
        *count - 1
    };
    let mut reply = Message::new(question.id, MessageType::Response, OpCode::Query);
    reply.metadata.recursion_desired = true;
    reply.metadata.recursion_available = true;
    reply.add_query(query.clone());
    let record = |name: Name, data: RData| Record::from_rdata(name, 60, data);
    match zone(&name, query.query_type(), nth) {
        Says::Nothing => return None,
        Says::Code(code) => reply.metadata.response_code = code,
        Says::OverTcp(_) if !tcp => reply.metadata.truncation = true,
        Says::OverTcp(data) | Says::Data(data) => {
            for data in data {
                reply.add_answer(record(query.name().clone(), data));
            }
        }
        Says::Of(named) => {
            for (owner, data) in named {
                reply.add_answer(record(fqdn(&owner), data));
            }
        }
    }
    Some(reply.to_vec().unwrap())
}

pub(crate) fn fqdn(name: &str) -> Name {
    Name::from_ascii(format!("{name}.")).unwrap()
}

/// Those of the addresses that are of this kind.
pub(crate) fn addresses(kind: RecordType, addresses: &[IpAddr]) -> Says {
    let data = addresses.iter().filter_map(|address| match (kind, address) {
        (RecordType::A, IpAddr::V4(four)) => Some(RData::A((*four).into())),
        (RecordType::AAAA, IpAddr::V6(six)) => Some(RData::AAAA((*six).into())),
        _ => None,
    });
    Says::Data(data.collect())
}

pub(crate) fn text(strings: &[&str]) -> RData {
    RData::TXT(hickory_resolver::proto::rr::rdata::TXT::new(strings.iter().map(ToString::to_string).collect()))
}

pub(crate) fn no_name() -> Says {
    Says::Code(ResponseCode::NXDomain)
}

/// What an HTTP server does with a request.
pub(crate) enum Serves {
    /// These bytes, and the end.
    Bytes(Vec<u8>),
    /// The first, then the second again and again.
    Forever(Vec<u8>, Vec<u8>),
    /// One of these bytes each 100 ms.
    Drip(Vec<u8>),
    /// Nothing, and no end either.
    Hang,
}

pub(crate) fn ok(body: &str) -> Serves {
    Serves::Bytes(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

pub(crate) fn redirect(status: u16, location: &str) -> Serves {
    Serves::Bytes(
        format!("HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes(),
    )
}

/// A server on TCP that counts who comes.
pub(crate) struct Tcp {
    pub port: u16,
    came: Arc<AtomicUsize>,
}

impl Tcp {
    pub fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }

    /// HTTP: what to do with each request's head.
    pub async fn http(serves: impl Fn(&str) -> Serves + Send + Sync + 'static) -> Self {
        Self::http_at(LOOPBACK, 0, serves).await
    }

    pub async fn http_at(address: IpAddr, port: u16, serves: impl Fn(&str) -> Serves + Send + Sync + 'static) -> Self {
        let serves = Arc::new(serves);
        Self::start(address, port, move |stream| {
            let serves = Arc::clone(&serves);
            async move { serve(stream, &*serves).await }
        })
        .await
    }

    /// It speaks first, and no TLS.
    pub async fn plain() -> Self {
        Self::start(LOOPBACK, 0, |mut stream| async move {
            let _ = stream.write_all(b"220 mail.example.com ESMTP\r\n").await;
        })
        .await
    }

    pub async fn start<F>(address: IpAddr, port: u16, each: impl Fn(TcpStream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((address, port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let came = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&came);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(each(stream));
            }
        });
        Self { port, came }
    }
}

pub(crate) async fn serve(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    serves: &(dyn Fn(&str) -> Serves + Send + Sync),
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(octet) => head.push(octet),
            Err(_) => return,
        }
    }
    match serves(&String::from_utf8_lossy(&head)) {
        Serves::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Serves::Forever(first, again) => {
            let _ = stream.write_all(&first).await;
            while stream.write_all(&again).await.is_ok() {}
        }
        Serves::Drip(bytes) => {
            for octet in bytes {
                if stream.write_all(&[octet]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Serves::Hang => std::future::pending().await,
    }
}
