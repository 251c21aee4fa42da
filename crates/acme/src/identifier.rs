//! What a certificate is asked for.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

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
}

impl std::fmt::Display for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.kind(), self.value())
    }
}
