//! csrattrs (RFC 7030 section 4.5, RFC 9908): what requests shall look like, out of the very rules that are enforced.

use std::collections::BTreeSet;

use chancery_core::Error;
use chancery_core::policy::{CommonNameRule, KeyKind, Policy};
use chancery_pki::{AttributeKind, CsrAttributes, KeyType, oid};

use crate::{Endpoint, Est, Linking, Refusal};

impl Est {
    /// What requests at this endpoint shall look like, in DER; none when they may look as they like.
    ///
    /// # Errors
    /// 500 when the RA profile does not read.
    pub fn csr_attributes(&self, endpoint: &Endpoint) -> Result<Option<Vec<u8>>, Refusal> {
        let policy = Policy::from_attributes(&endpoint.ra_profile.attributes).map_err(|faults| {
            Error::internal(format!("RA profile {}: {}", endpoint.ra_profile.id, Error::Rejected(faults)))
        })?;
        Ok(attributes(&policy, endpoint.est_profile.settings.linking).to_der())
    }
}

fn attributes(policy: &Policy, linking: Linking) -> CsrAttributes {
    let mut asked = CsrAttributes { key: only_key(policy), ..CsrAttributes::default() };
    if linking == Linking::Required {
        asked.challenge_password();
    }
    for (oid, value) in &policy.subject.fixed {
        asked.subject.push((*oid, Some(value.clone())));
    }
    let common_name = AttributeKind::CommonName.oid();
    let named = policy.subject.taken.contains(&common_name) && policy.subject.common_name != CommonNameRule::Dropped;
    let required = policy.subject.required.iter().copied();
    let mut seen: BTreeSet<_> = policy.subject.fixed.iter().map(|(oid, _)| *oid).collect();
    for oid in required.chain(named.then_some(common_name)) {
        if seen.insert(oid) {
            asked.subject.push((oid, None));
        }
    }
    // Where requests have no choice, they are told what they will get.
    if policy.usages.on_request.is_empty() && !policy.usages.extended.is_empty() {
        asked.extended_key_usage(&policy.usages.extended);
    }
    if policy.names.required {
        asked.extensions.push((oid::SUBJECT_ALT_NAME, false, None));
    }
    asked
}

/// The kind of key, when one alone is taken: of RSA the shortest that is.
fn only_key(policy: &Policy) -> Option<KeyType> {
    let mut kinds = policy.keys.kinds.iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else { return None };
    Some(match kind {
        KeyKind::Rsa => KeyType::Rsa(*policy.keys.rsa_bits.start()),
        KeyKind::P256 => KeyType::P256,
        KeyKind::P384 => KeyType::P384,
        KeyKind::P521 => KeyType::P521,
        KeyKind::Ed25519 => KeyType::Ed25519,
    })
}
