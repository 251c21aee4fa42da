//! Which addresses are dialled.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Global unicast and private addresses are dialled; special ones (loopback, link-local, metadata services, multicast,
/// reserved) only where `allow` lists them; what `deny` lists never is.
#[derive(Clone, Debug)]
pub struct AddressPolicy {
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
    nat64: Vec<Ipv6Net>,
    private: Vec<IpNet>,
}

impl Default for AddressPolicy {
    fn default() -> Self {
        Self::new(Vec::new(), Vec::new())
    }
}

/// How far what is dialled lies from what anybody could look at himself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// A global address, or one that `allow` lists: whoever asks may be told what was found.
    Open,
    /// A private address, which strangers could explore through this server: they are told no more than whether the proof
    /// was there.
    Private,
}

/// Why an address is not dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A special range that `allow` does not list.
    #[error("{address} is {what} ({range}); it is dialled only where acme.validation.allow lists it")]
    Special {
        /// The address.
        address: IpAddr,
        /// The range.
        range: IpNet,
        /// What the range is for.
        what: &'static str,
    },
    /// Listed by `deny`.
    #[error("{address} is in {range}, which acme.validation.deny lists")]
    Denied {
        /// The address.
        address: IpAddr,
        /// The range.
        range: IpNet,
    },
}

impl Refused {
    /// Why, to whom the address is not told.
    pub(crate) fn without_address(&self) -> String {
        match self {
            Self::Special { what, .. } => {
                format!("its address is {what}; it is dialled only where acme.validation.allow lists it")
            }
            Self::Denied { .. } => "acme.validation.deny lists its address".to_owned(),
        }
    }
}

impl AddressPolicy {
    /// From the configured lists.
    pub fn new(allow: Vec<IpNet>, deny: Vec<IpNet>) -> Self {
        Self { allow, deny, nat64: Vec::new(), private: PRIVATE.to_vec() }
    }

    /// The same, in a network that carries these prefixes to IPv4 (RFC 6052 section 2.2), beside the well-known one.
    pub fn with_nat64(mut self, prefixes: Vec<Ipv6Net>) -> Self {
        self.nat64 = prefixes;
        self
    }

    /// The same, with other private ranges, for tests that can listen on loopback addresses alone.
    #[cfg(test)]
    pub(crate) fn with_private(mut self, ranges: Vec<IpNet>) -> Self {
        self.private = ranges;
        self
    }

    /// Whether this address is dialled, and how much may be told of it. An IPv4 address inside an IPv6 one (mapped, NAT64,
    /// 6to4) is judged as well.
    ///
    /// # Errors
    /// It is not, with the range that says so.
    pub fn check(&self, address: IpAddr) -> Result<Reach, Refused> {
        let plain = address.to_canonical();
        let own = self.own_nat64(plain);
        let embedded = own.or_else(|| embedded(plain));
        let seen = [Some(address), Some(plain), embedded];
        let within = |range: &IpNet| seen.iter().flatten().any(|address| range.contains(address));
        if let Some(range) = self.deny.iter().copied().find(within) {
            return Err(Refused::Denied { address, range });
        }
        if self.allow.iter().any(|range| range.contains(&address) || range.contains(&plain)) {
            return Ok(Reach::Open);
        }
        // The mapped range itself is not looked at, nor that of the network's own translator: their IPv4 addresses are.
        let judged = [Some(plain).filter(|_| own.is_none()), embedded];
        let mut reach = Reach::Open;
        for judged in judged.into_iter().flatten() {
            // Metadata services lie in private ranges.
            let within = |range: &IpNet| range.contains(&judged);
            if self.private.iter().any(within) && !METADATA.iter().any(|(range, _)| within(range)) {
                reach = Reach::Private;
                continue;
            }
            if let Some(&(range, what)) = SPECIAL.iter().chain(&METADATA).find(|(range, _)| range.contains(&judged)) {
                return Err(Refused::Special { address, range, what });
            }
            if let IpAddr::V6(six) = judged
                && !USABLE.iter().any(|range| range.contains(&six))
            {
                return Err(Refused::Special { address, range: ALL_V6, what: "reserved" });
            }
        }
        Ok(reach)
    }

    /// The IPv4 address to which a translator of the network itself would carry this one.
    fn own_nat64(&self, address: IpAddr) -> Option<IpAddr> {
        let IpAddr::V6(six) = address else { return None };
        let prefix = self.nat64.iter().find(|prefix| prefix.contains(&six))?;
        let octets = six.octets();
        // RFC 6052 section 2.2: behind the prefix, and never in the octet 8.
        let start = usize::from(prefix.prefix_len() / 8);
        let mut four = (start..16).filter(|at| *at != 8).map(|at| octets[at]);
        Some(Ipv4Addr::new(four.next()?, four.next()?, four.next()?, four.next()?).into())
    }
}

/// The lengths that a NAT64 prefix may have (RFC 6052 section 2.2).
pub const NAT64_LENGTHS: [u8; 6] = [32, 40, 48, 56, 64, 96];

/// The IPv4 address to which a translator would carry this one: NAT64 (RFC 6052 section 2.1), 6to4 (RFC 3056 section 2).
fn embedded(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(six) = address else { return None };
    let octets = six.octets();
    let at = if NAT64.contains(&six) {
        12
    } else if octets[..2] == [0x20, 0x02] {
        2
    } else {
        return None;
    };
    Some(Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3]).into())
}

const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
const ALL_V6: IpNet = IpNet::V6(v6([0; 8], 0));

/// Outside of these no unicast address of IPv6 is handed out: global unicast, unique local, NAT64.
const USABLE: [Ipv6Net; 3] = [v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3), v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), NAT64];

/// Private ranges: RFC 1918, RFC 6598, RFC 4193.
const PRIVATE: [IpNet; 5] = [
    four([10, 0, 0, 0], 8, "").0,
    four([172, 16, 0, 0], 12, "").0,
    four([192, 168, 0, 0], 16, "").0,
    four([100, 64, 0, 0], 10, "").0,
    six([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "").0,
];

/// The IANA special-purpose address registries, less the private ranges.
const SPECIAL: [(IpNet, &str); 27] = [
    four([0, 0, 0, 0], 8, "\"this network\""),
    four([127, 0, 0, 0], 8, "loopback"),
    four([169, 254, 0, 0], 16, "link-local"),
    four([192, 0, 0, 0], 24, "reserved for protocols"),
    four([192, 0, 2, 0], 24, "for documentation"),
    four([192, 31, 196, 0], 24, "reserved for protocols"),
    four([192, 52, 193, 0], 24, "reserved for protocols"),
    four([192, 88, 99, 0], 24, "reserved for protocols"),
    four([192, 175, 48, 0], 24, "reserved for protocols"),
    four([198, 18, 0, 0], 15, "for benchmarks"),
    four([198, 51, 100, 0], 24, "for documentation"),
    four([203, 0, 113, 0], 24, "for documentation"),
    four([224, 0, 0, 0], 4, "multicast"),
    four([240, 0, 0, 0], 4, "reserved"),
    six([0, 0, 0, 0, 0, 0, 0, 0], 128, "unspecified"),
    six([0, 0, 0, 0, 0, 0, 0, 1], 128, "loopback"),
    six([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "translation of a local network"),
    six([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "discarded"),
    six([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "reserved for protocols"),
    six([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "for documentation"),
    six([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4"),
    six([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "reserved for protocols"),
    six([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "for documentation"),
    six([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "for segment routing"),
    six([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local"),
    six([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "site-local"),
    six([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
];

/// The metadata services of clouds that live in ranges which are dialled otherwise.
const METADATA: [(IpNet, &str); 4] = [
    four([100, 100, 100, 200], 32, "a cloud's metadata service"),
    four([168, 63, 129, 16], 32, "a cloud's metadata service"),
    six([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128, "a cloud's metadata service"),
    six([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, "a cloud's metadata service"),
];

const fn four(octets: [u8; 4], length: u8, what: &'static str) -> (IpNet, &'static str) {
    let address = Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]);
    (IpNet::V4(Ipv4Net::new_assert(address, length)), what)
}

const fn six(groups: [u16; 8], length: u8, what: &'static str) -> (IpNet, &'static str) {
    (IpNet::V6(v6(groups, length)), what)
}

const fn v6(groups: [u16; 8], length: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = groups;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

#[cfg(test)]
mod tests;
