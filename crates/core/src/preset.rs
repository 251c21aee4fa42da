//! The RA profiles that a first start makes. Each is an ordinary profile and can be edited like any other.

use crate::attribute::RequestAttribute;
use crate::policy::{definition as d, setting};

/// A profile to start from.
#[derive(Clone, Debug)]
pub struct Preset {
    /// The profile's name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Its policy.
    pub attributes: Vec<RequestAttribute>,
}

/// All four.
pub fn all() -> [Preset; 4] {
    [tls_server(), tls_client(), device(), email()]
}

fn tls_server() -> Preset {
    let mut attributes = vec![
        setting(d::SUBJECT_ATTRIBUTES, ["CN"]),
        setting(d::COMMON_NAME, ["nameOrDropped"]),
        setting(d::NAME_KINDS, ["dns", "ip"]),
        setting(d::NAMES_REQUIRED, [true]),
        setting(d::DNS_WILDCARDS, [true]),
        setting(d::DNS_SINGLE_LABEL, [true]),
        setting(d::EXTENDED_KEY_USAGES_SET, ["serverAuth"]),
    ];
    attributes.extend(keys(&["RSA", "P-256", "P-384", "Ed25519"]));
    attributes.extend(lifetime("P90D", "P398D"));
    Preset { name: "tls-server", description: "TLS servers: DNS names and IP addresses.", attributes }
}

fn tls_client() -> Preset {
    let mut attributes = vec![
        setting(d::SUBJECT_ATTRIBUTES, ["CN"]),
        setting(d::COMMON_NAME, ["free"]),
        setting(d::NAME_KINDS, ["email", "uri", "dns"]),
        setting(d::NAMES_REQUIRED, [false]),
        setting(d::DNS_WILDCARDS, [false]),
        setting(d::EXTENDED_KEY_USAGES_SET, ["clientAuth"]),
    ];
    attributes.extend(keys(&["RSA", "P-256", "P-384", "Ed25519"]));
    attributes.extend(lifetime("P90D", "P398D"));
    Preset { name: "tls-client", description: "TLS clients: people, services and SPIFFE workloads.", attributes }
}

fn device() -> Preset {
    let mut attributes = vec![
        setting(d::SUBJECT_ATTRIBUTES, ["CN", "serialNumber", "O", "OU"]),
        setting(d::COMMON_NAME, ["free"]),
        setting(d::NAME_KINDS, ["dns", "ip", "uri", "other"]),
        setting(d::OTHER_NAME_TYPES, ["1.3.6.1.5.5.7.8.4"]),
        setting(d::NAMES_REQUIRED, [false]),
        setting(d::DNS_WILDCARDS, [false]),
        setting(d::EXTENDED_KEY_USAGES_SET, ["clientAuth", "serverAuth"]),
    ];
    attributes.extend(keys(&["RSA", "P-256", "P-384"]));
    attributes.extend(lifetime("P365D", "P1095D"));
    Preset { name: "device", description: "Devices: network equipment, printers, sensors.", attributes }
}

fn email() -> Preset {
    let mut attributes = vec![
        setting(d::SUBJECT_ATTRIBUTES, ["CN"]),
        setting(d::COMMON_NAME, ["free"]),
        setting(d::NAME_KINDS, ["email"]),
        setting(d::NAMES_REQUIRED, [true]),
        // Without asking, requests get what TLS gets; mail clients that sign or agree on keys may ask for more.
        setting(d::KEY_USAGES, ["digitalSignature", "nonRepudiation", "keyEncipherment", "keyAgreement"]),
        setting(d::EXTENDED_KEY_USAGES_SET, ["emailProtection"]),
    ];
    attributes.extend(keys(&["RSA", "P-256", "P-384", "P-521"]));
    attributes.extend(lifetime("P365D", "P1095D"));
    Preset { name: "email", description: "E-mail signing and encryption (S/MIME).", attributes }
}

fn keys(kinds: &[&str]) -> [RequestAttribute; 3] {
    [
        setting(d::KEY_TYPES, kinds.iter().copied()),
        setting(d::RSA_MINIMUM_BITS, [2048]),
        setting(d::RSA_MAXIMUM_BITS, [4096]),
    ]
}

fn lifetime(default: &str, maximum: &str) -> [RequestAttribute; 2] {
    [setting(d::VALIDITY, [default]), setting(d::MAXIMUM_VALIDITY, [maximum])]
}

#[cfg(test)]
mod tests;
