//! What certificates are for: key usage, extended key usage and must-staple.

use std::collections::HashSet;

use chancery_pki::oid::{CLIENT_AUTH, EMAIL_PROTECTION, SERVER_AUTH, eku_by_name, eku_name};
use chancery_pki::{Csr, KeyAlgorithm, KeyUsage, ObjectIdentifier};

use super::operation::EXTENDED_KEY_USAGE;
use crate::Rejection;
use crate::attribute::AttributeSet;

/// Usages that are granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRules {
    /// Key usages that a request may ask for.
    pub key: KeyUsage,
    /// Extended key usages when the request does not say; may be empty.
    pub extended: Vec<ObjectIdentifier>,
    /// Extended key usages that a request may choose beside them.
    pub on_request: Vec<ObjectIdentifier>,
    /// RFC 7633 `status_request` is certified when asked for.
    pub must_staple: bool,
}

pub(super) struct Usage {
    pub key: KeyUsage,
    pub extended: Vec<ObjectIdentifier>,
    pub must_staple: bool,
}

impl UsageRules {
    /// The extended key usages that a request can choose among, by name where one is known.
    pub(super) fn offered(&self) -> impl Iterator<Item = String> {
        self.extended.iter().chain(self.on_request.iter().filter(|oid| !self.extended.contains(oid))).map(name)
    }

    pub(super) fn decide(&self, csr: &Csr, attributes: &AttributeSet, faults: &mut Vec<Rejection>) -> Usage {
        let extended = self.extended(csr, attributes, faults);
        let key = self.key(csr, &extended, faults);
        if csr.must_staple() && !self.must_staple {
            let why = "this RA profile does not certify must-staple; leave it out of the request";
            faults.push(Rejection::Extension { name: "tlsFeature".into(), why: why.into() });
        }
        Usage { key, extended, must_staple: csr.must_staple() }
    }

    fn extended(&self, csr: &Csr, attributes: &AttributeSet, faults: &mut Vec<Rejection>) -> Vec<ObjectIdentifier> {
        // The attribute's choices are what is offered, so checked values are known.
        let told: Vec<_> = attributes.strings(EXTENDED_KEY_USAGE).into_iter().filter_map(eku_by_name).collect();
        let wanted = match (told.is_empty(), csr.extended_key_usage()) {
            (false, _) => told.as_slice(),
            (true, Some(requested)) => requested,
            (true, None) => return self.extended.clone(),
        };
        let mut granted = Vec::new();
        let mut seen = HashSet::new();
        for oid in wanted.iter().filter(|oid| seen.insert(**oid)) {
            if !self.extended.contains(oid) && !self.on_request.contains(oid) {
                let offered: Vec<_> = self.offered().collect();
                let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
                let why = format!("this RA profile does not grant it as extended key usage; it grants {offered}");
                faults.push(Rejection::Extension { name: name(oid), why });
            } else {
                granted.push(*oid);
            }
        }
        if granted.is_empty() { self.extended.clone() } else { granted }
    }

    /// A usage that the key's algorithm cannot have is left out, whoever asks for it: common clients ask for
    /// keyEncipherment with every key. One that the key could have and the profile does not grant is refused.
    fn key(&self, csr: &Csr, extended: &[ObjectIdentifier], faults: &mut Vec<Rejection>) -> KeyUsage {
        let possible = possible(csr.public_key().algorithm());
        let Some(requested) = csr.key_usage() else {
            let for_sessions = [SERVER_AUTH, CLIENT_AUTH, EMAIL_PROTECTION].iter().any(|oid| extended.contains(oid));
            let default = if for_sessions { KeyUsage::KEY_ENCIPHERMENT } else { KeyUsage::empty() };
            return KeyUsage::DIGITAL_SIGNATURE | (default & possible & self.key);
        };
        let impossible =
            (KeyUsage::KEY_ENCIPHERMENT | KeyUsage::DATA_ENCIPHERMENT | KeyUsage::KEY_AGREEMENT).without(possible);
        let wanted = requested.without(impossible) | KeyUsage::DIGITAL_SIGNATURE;
        for refused in wanted.without(self.key | KeyUsage::DIGITAL_SIGNATURE).names() {
            let granted = (self.key & possible) | KeyUsage::DIGITAL_SIGNATURE;
            let why = format!("this RA profile does not grant it as key usage; it grants {granted}");
            faults.push(Rejection::Extension { name: refused.into(), why });
        }
        wanted
    }
}

/// RFC 3279 section 2.3, RFC 5480 section 3, RFC 8410 section 5: what a key can do besides signing.
fn possible(algorithm: KeyAlgorithm) -> KeyUsage {
    let signing = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::NON_REPUDIATION;
    match algorithm {
        KeyAlgorithm::Rsa { .. } => signing | KeyUsage::KEY_ENCIPHERMENT | KeyUsage::DATA_ENCIPHERMENT,
        KeyAlgorithm::P256 | KeyAlgorithm::P384 | KeyAlgorithm::P521 => signing | KeyUsage::KEY_AGREEMENT,
        KeyAlgorithm::Ed25519 => signing,
    }
}

fn name(oid: &ObjectIdentifier) -> String {
    eku_name(oid).map_or_else(|| oid.to_string(), str::to_owned)
}
