//! What is known of a request before any door looks at it.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage, HttpRequest};
use chancery_core::{Door, Origin};
use ipnet::{IpNet, Ipv4Net};

/// Headers that only a trusted proxy may set.
const FORWARDING: [&str; 4] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// Proxies that are believed, by their addresses; none by default.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Trust exactly the addresses of these networks.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().map(canonical).collect())
    }

    /// `address` is canonical.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address: the peer's own, or behind trusted proxies the nearest address that none of them has. Takes
    /// forwarding headers away from anyone else, so that nothing further in can believe them.
    pub(crate) fn client(&self, peer: Option<IpAddr>, headers: &mut HeaderMap) -> Option<IpAddr> {
        let peer = peer.map(|address| address.to_canonical());
        if !peer.is_some_and(|peer| self.contains(peer)) {
            for name in FORWARDING {
                headers.remove(name);
            }
            return peer;
        }
        let mut nearest = peer;
        let values: Vec<_> = headers.get_all("x-forwarded-for").filter_map(|value| value.to_str().ok()).collect();
        for hop in values.iter().rev().flat_map(|value| value.rsplit(',')) {
            let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
            let hop = hop.to_canonical();
            nearest = Some(hop);
            if !self.contains(hop) {
                break;
            }
        }
        nearest
    }
}

/// A network of IPv4 addresses written as IPv6 (RFC 4291 section 2.5.5.2) is the IPv4 one.
fn canonical(network: IpNet) -> IpNet {
    match (network.addr().to_canonical(), network.prefix_len().checked_sub(96)) {
        (IpAddr::V4(address), Some(prefix)) if matches!(network, IpNet::V6(_)) => {
            Ipv4Net::new(address, prefix).map_or(network, IpNet::V4)
        }
        _ => network,
    }
}

/// One request's id and peer, and who turned out to ask: lives in the request's extensions.
#[derive(Clone, Debug)]
pub struct RequestContext {
    pub(crate) id: Rc<str>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) actor: Rc<RefCell<Option<String>>>,
}

impl RequestContext {
    pub(crate) fn new(id: String, address: Option<IpAddr>) -> Self {
        Self { id: id.into(), address, actor: Rc::default() }
    }

    /// Name the caller for the log line.
    pub(crate) fn name_actor(&self, name: &str) {
        *self.actor.borrow_mut() = Some(name.to_owned());
    }
}

/// The request's id: also in the answer, the log and the audit. Empty outside a [`crate::Frame`].
pub fn request_id(request: &HttpRequest) -> Rc<str> {
    request.extensions().get::<RequestContext>().map_or_else(|| "".into(), |context| context.id.clone())
}

/// Name who asks, for the request's log line: for doors whose callers prove who they are in the body.
pub fn name_actor(request: &HttpRequest, name: &str) {
    if let Some(context) = request.extensions().get::<RequestContext>() {
        context.name_actor(name);
    }
}

/// Where the request came from, for the audit.
pub fn origin(request: &HttpRequest, door: Door) -> Origin {
    let extensions = request.extensions();
    let context = extensions.get::<RequestContext>();
    Origin {
        door,
        request_id: context.map_or_else(String::new, |context| context.id.to_string()),
        address: context
            .map_or_else(|| request.peer_addr().map(|peer| peer.ip().to_canonical()), |context| context.address),
    }
}

/// Whether a client's own request id is taken over: short and plain, so that it can go into headers and logs as it is.
pub(crate) fn is_sane(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
