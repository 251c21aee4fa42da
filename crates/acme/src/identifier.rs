//! What a certificate is asked for.

use std::net::IpAddr;

use chancery_core::policy::dns_name;
use chancery_pki::{GeneralName, ObjectIdentifier};
use serde::{Deserialize, Serialize};

use crate::problem::shown;
use crate::{Problem, ProblemType};

/// An identifier of an order or authorization, in its normal form: DNS names in lower case and as A-labels without a
/// final dot; a wildcard of an order keeps its `*.`, an authorization has the name below it (RFC 8555 section 7.1.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", content = "value")]
pub enum Identifier {
    /// RFC 8555 section 9.7.7.
    #[serde(rename = "dns")]
    Dns(String),
    /// RFC 8738.
    #[serde(rename = "ip")]
    Ip(IpAddr),
    /// The serial number or UDID of a device, proved by device-attest-01.
    #[serde(rename = "permanent-identifier")]
    PermanentIdentifier(String),
    /// A hardware module name, proved by device-attest-01.
    #[serde(rename = "hardware-module")]
    HardwareModule(String),
}

/// id-on-permanentIdentifier, RFC 4043 section 2.
const PERMANENT_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.8.3");

/// More labels than any host's name has need of.
const MOST_LABELS: usize = 10;

/// The longest permanent identifier, so that it is one short DER element.
const LONGEST_PERMANENT: usize = 64;

/// An identifier as a client wrote it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AskedIdentifier {
    #[serde(rename = "type")]
    kind: String,
    value: String,
    /// RFC 9444 section 4.1: in a new authorization, whether it shall cover the names below.
    #[serde(default)]
    pub(crate) subdomain_auth_allowed: bool,
    /// RFC 9444 section 4.2: in a new order, the domain above the name that the client can prove.
    #[serde(default)]
    pub(crate) ancestor_domain: Option<String>,
}

impl AskedIdentifier {
    /// The identifier in its normal form.
    ///
    /// # Errors
    /// `malformed` when the value has not the form of its type, `rejectedIdentifier` when nobody gets such a name,
    /// `unsupportedIdentifier` for other types; said of the identifier, for a subproblem.
    pub(crate) fn read(&self) -> Result<Identifier, Problem> {
        let value = self.value.as_str();
        match self.kind.as_str() {
            "dns" => dns(value),
            "ip" => ip(value),
            "permanent-identifier" => {
                let printable = value.bytes().all(|byte| byte.is_ascii_graphic());
                if !printable || !(1..=LONGEST_PERMANENT).contains(&value.len()) {
                    let why = format!("must be 1 to {LONGEST_PERMANENT} printable ASCII characters without spaces");
                    return Err(malformed(format!("permanent-identifier {:?}: it {why}", shown(value))));
                }
                Ok(Identifier::PermanentIdentifier(value.into()))
            }
            kind => {
                let detail =
                    format!("identifiers of type {:?} are not certified here: ask for \"dns\" or \"ip\"", shown(kind));
                Err(Problem::new(ProblemType::UnsupportedIdentifier, detail))
            }
        }
    }
}

fn dns(value: &str) -> Result<Identifier, Problem> {
    let named = |problem: Problem| problem.of(Identifier::Dns(shown(value)));
    let fault = |why: &str| named(malformed(format!("dns {:?}: {why}", shown(value))));
    if !value.is_ascii() {
        // RFC 8555 section 7.1.4: internationalised names come as A-labels.
        return Err(fault("it is not ASCII; write international labels as A-labels (xn--…)"));
    }
    let (base, wildcard) = dns_name(value).map_err(|why| fault(&why))?;
    let labels = base.split('.').count();
    if labels > MOST_LABELS {
        let why = format!("dns {:?}: it has {labels} labels; at most {MOST_LABELS} are certified", shown(value));
        return Err(named(Problem::new(ProblemType::RejectedIdentifier, why)));
    }
    Ok(Identifier::Dns(if wildcard { format!("*.{base}") } else { base }))
}

/// RFC 8738 section 3: one spelling each, RFC 1123 section 2.1 and RFC 5952 section 4.
fn ip(value: &str) -> Result<Identifier, Problem> {
    let fault = |why: &str| malformed(format!("ip {:?}: {why}", shown(value)));
    let address: IpAddr = value.parse().map_err(|_| fault("it is not an IP address"))?;
    if let IpAddr::V6(six) = address
        && let Some(four) = six.to_ipv4_mapped()
    {
        return Err(fault(&format!("it is an IPv4 address in IPv6 clothes; write {four}")));
    }
    let canonical = address.to_string();
    if canonical != value {
        return Err(fault(&format!("it is not in its canonical form; write {canonical}")));
    }
    Ok(Identifier::Ip(address))
}

fn malformed(detail: String) -> Problem {
    Problem::new(ProblemType::Malformed, detail)
}

impl Identifier {
    /// The registered name of its type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Dns(_) => "dns",
            Self::Ip(_) => "ip",
            Self::PermanentIdentifier(_) => "permanent-identifier",
            Self::HardwareModule(_) => "hardware-module",
        }
    }

    /// Its value as text.
    pub fn value(&self) -> String {
        match self {
            Self::Dns(name) | Self::PermanentIdentifier(name) | Self::HardwareModule(name) => name.clone(),
            Self::Ip(address) => address.to_string(),
        }
    }

    /// What an authorization for it is about: without `*.`, and whether that was there.
    pub(crate) fn base(&self) -> (Self, bool) {
        match self {
            Self::Dns(name) => match name.strip_prefix("*.") {
                Some(base) => (Self::Dns(base.into()), true),
                None => (self.clone(), false),
            },
            _ => (self.clone(), false),
        }
    }

    /// The names above a DNS name, nearest first, that have a dot themselves.
    pub(crate) fn ancestors(&self) -> Vec<Self> {
        let mut ancestors = Vec::new();
        if let Self::Dns(name) = self {
            let mut rest = name.as_str();
            while let Some((_, above)) = rest.split_once('.').filter(|(_, above)| above.contains('.')) {
                ancestors.push(Self::Dns(above.into()));
                rest = above;
            }
        }
        ancestors
    }

    /// Whether it is a DNS name (or wildcard) below the other.
    pub(crate) fn is_below(&self, above: &Self) -> bool {
        match (self, above) {
            (Self::Dns(name), Self::Dns(above)) => {
                name.strip_suffix(above.as_str()).is_some_and(|front| front.ends_with('.'))
            }
            _ => false,
        }
    }

    /// The alternative name that certifies it; none for what no certificate of ours states.
    pub(crate) fn general_name(&self) -> Option<GeneralName> {
        match self {
            Self::Dns(name) => Some(GeneralName::Dns(name.clone())),
            Self::Ip(address) => Some(GeneralName::Ip(*address)),
            Self::PermanentIdentifier(text) => {
                // PermanentIdentifier ::= SEQUENCE { identifierValue UTF8String OPTIONAL, assigner OID OPTIONAL }
                let length = u8::try_from(text.len()).ok().filter(|length| *length < 126)?;
                let mut value = vec![0x30, length + 2, 0x0c, length];
                value.extend_from_slice(text.as_bytes());
                Some(GeneralName::OtherName { oid: PERMANENT_IDENTIFIER, value })
            }
            Self::HardwareModule(_) => None,
        }
    }

    /// What a certificate's or request's alternative name identifies; none for kinds that ACME does not certify, and for
    /// DNS names that are not such.
    pub(crate) fn of_general_name(name: &GeneralName) -> Option<Self> {
        match name {
            GeneralName::Dns(name) if name.is_ascii() => {
                let (base, wildcard) = dns_name(name).ok()?;
                Some(Self::Dns(if wildcard { format!("*.{base}") } else { base }))
            }
            GeneralName::Ip(address) => Some(Self::Ip(*address)),
            GeneralName::OtherName { oid, value } if *oid == PERMANENT_IDENTIFIER => match value.as_slice() {
                [0x30, outer, 0x0c, inner, text @ ..]
                    if usize::from(*inner) == text.len() && usize::from(*outer) == text.len() + 2 =>
                {
                    Some(Self::PermanentIdentifier(String::from_utf8(text.to_vec()).ok()?))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

impl std::fmt::Display for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.kind(), self.value())
    }
}

/// RFC 8555 section 6.7.1: faults of several identifiers in one problem.
pub(crate) fn faults(problems: Vec<Problem>) -> Result<(), Problem> {
    let Some(first) = problems.first() else { return Ok(()) };
    let (kind, status) = (first.kind, first.status);
    let kind = if problems.iter().all(|problem| problem.kind == kind) { kind } else { ProblemType::Compound };
    let detail = match problems.as_slice() {
        [only] => only.detail.clone(),
        several => format!("{} identifiers are at fault; the subproblems tell of each", several.len()),
    };
    Err(Problem { subproblems: problems, ..Problem::new(kind, detail).with_status(status) })
}

#[cfg(test)]
mod tests;
