//! One-time challenges: made for one request, found by a keyed hash, spent by the transaction that decides.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use chancery_core::Rng;
use chancery_pki::{AttributeKind, Csr, GeneralName, Name};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Mismatches after which a challenge is locked: who holds it is guessing at what it is for.
pub const MOST_MISMATCHES: u32 = 5;
/// Longest challenge that is looked at, in bytes.
const LONGEST: usize = 256;
/// 32 characters of 5 bits: 160 bits.
const CHARACTERS: usize = 32;

/// What is known of a one-time challenge. Its text is not: it is shown once.
#[derive(Clone, Debug, PartialEq)]
pub struct Challenge {
    /// Identifier.
    pub id: Uuid,
    /// The RA profile at whose doors it counts.
    pub ra_profile: Uuid,
    /// What it is found by: HMAC-SHA-256 of its text.
    pub lookup: [u8; 32],
    /// The subject that may be asked for (RFC 4514 text).
    pub subject: Option<String>,
    /// The alternative names that may be asked for, as `dns:host.example`.
    pub names: Option<Vec<String>>,
    /// For people.
    pub description: String,
    /// Until when it may be used.
    pub expires_at: OffsetDateTime,
    /// How often it was sent with a request that it is not for.
    pub mismatches: u32,
    /// When it was used.
    pub used_at: Option<OffsetDateTime>,
    /// When it was revoked.
    pub revoked_at: Option<OffsetDateTime>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

impl Challenge {
    /// Why it may not be used now, for the trail.
    pub fn fault(&self, now: OffsetDateTime) -> Option<&'static str> {
        if self.used_at.is_some() {
            Some("used before")
        } else if self.revoked_at.is_some() {
            Some("revoked")
        } else if self.mismatches >= MOST_MISMATCHES {
            Some("locked after requests that it is not for")
        } else if self.expires_at <= now {
            Some("expired")
        } else {
            None
        }
    }

    /// Whether anything may be asked for that the RA profile allows.
    pub fn is_open(&self) -> bool {
        self.subject.is_none() && self.names.is_none()
    }

    /// Why it is not for this request (CERT VU#971035: a challenge that is used for somebody else). Once it names anything,
    /// nothing else may be asked for: neither another subject nor a name beside those named.
    pub fn mismatch(&self, csr: &Csr) -> Option<String> {
        if self.is_open() {
            return None;
        }
        let named: Vec<GeneralName> = self.names.iter().flatten().filter_map(|name| name.parse().ok()).collect();
        if let Some(other) = csr.subject_alt_names().iter().find(|name| !named.contains(name)) {
            return Some(format!("the challenge is not for the alternative name {other}"));
        }
        let Some(subject) = &self.subject else {
            return unnamed_subject(csr.subject(), &named);
        };
        match subject.parse::<Name>() {
            Ok(subject) if subject.matches(csr.subject()) => None,
            _ => Some(format!("the challenge is not for the subject {}", csr.subject())),
        }
    }
}

/// Where alternative names alone are named, the subject has nothing but common names that are among them.
fn unnamed_subject(subject: &Name, named: &[GeneralName]) -> Option<String> {
    let values: Vec<String> = named.iter().map(ToString::to_string).collect();
    let known = |text: &str| {
        values.iter().any(|value| value.split_once(':').is_some_and(|(_, value)| value.eq_ignore_ascii_case(text)))
    };
    let common_name = AttributeKind::CommonName.oid();
    subject.rdns().iter().flatten().find_map(|attribute| {
        let fits = *attribute.oid() == common_name && known(attribute.value());
        (!fits).then(|| format!("the challenge is not for {:?} in the subject", attribute.value()))
    })
}

/// Finds and compares challenges without keeping them.
pub(crate) struct Hasher(hmac::Key);

impl Hasher {
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// What a challenge is found by; `None` for one that is too long to be any.
    pub fn lookup(&self, challenge: &str) -> Option<[u8; 32]> {
        if challenge.is_empty() || challenge.len() > LONGEST {
            return None;
        }
        let tag = hmac::sign(&self.0, challenge.as_bytes());
        tag.as_ref().try_into().ok()
    }

    /// Compare in constant time.
    pub fn same(&self, one: &str, other: &str) -> bool {
        match (self.lookup(one), self.lookup(other)) {
            (Some(one), Some(other)) => verify_slices_are_equal(&one, &other).is_ok(),
            _ => false,
        }
    }
}

/// A new challenge: letters and digits that can be read out, and that a PrintableString has.
pub(crate) fn generate(rng: &dyn Rng) -> Zeroizing<String> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut chance = Zeroizing::new([0; CHARACTERS]);
    rng.fill(&mut *chance);
    Zeroizing::new(chance.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}

#[cfg(test)]
mod tests {
    use chancery_core::SystemRng;
    use chancery_pki::{CsrTemplate, KeyType, PrivateKey};
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

    fn challenge(subject: Option<&str>, names: Option<&[&str]>) -> Challenge {
        Challenge {
            id: Uuid::nil(),
            ra_profile: Uuid::nil(),
            lookup: [0; 32],
            subject: subject.map(Into::into),
            names: names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            description: String::new(),
            expires_at: NOW + Duration::hours(1),
            mismatches: 0,
            used_at: None,
            revoked_at: None,
            created_at: NOW,
        }
    }

    fn csr(subject: &str, names: &[&str]) -> Csr {
        let template = CsrTemplate {
            subject: Some(subject.parse().unwrap()),
            subject_alt_names: names.iter().map(|name| name.parse().unwrap()).collect(),
            ..CsrTemplate::default()
        };
        template.sign(&PrivateKey::generate(KeyType::P256).unwrap()).unwrap()
    }

    #[test]
    fn a_challenge_is_for_what_it_names_alone() {
        let asked =
            |challenge: &Challenge, subject: &str, names: &[&str]| challenge.mismatch(&csr(subject, names)).is_none();
        let open = challenge(None, None);
        assert!(asked(&open, "CN=anything", &["dns:a.example"]));
        let both = challenge(Some("CN=printer-1,O=Example"), Some(&["dns:printer-1.example"]));
        assert!(asked(&both, "CN=PRINTER-1,O=Example", &["dns:printer-1.example"]));
        assert!(asked(&both, "CN=printer-1,O=Example", &[]));
        assert!(!asked(&both, "CN=printer-2,O=Example", &["dns:printer-1.example"]));
        assert!(!asked(&both, "CN=printer-1,O=Example", &["dns:printer-1.example", "dns:other.example"]));
        let subject = challenge(Some("CN=printer-1"), None);
        assert!(asked(&subject, "CN=printer-1", &[]));
        assert!(!asked(&subject, "CN=printer-1", &["dns:bank.example"]));
        let names = challenge(None, Some(&["dns:a.example", "ip:192.0.2.1"]));
        assert!(asked(&names, "CN=a.example", &["dns:a.example"]));
        assert!(!asked(&names, "CN=b.example", &["dns:a.example"]));
        assert!(!asked(&names, "CN=a.example,O=Bank", &["dns:a.example"]));
        assert!(!asked(&names, "CN=a.example", &["dns:b.example"]));
    }

    #[test]
    fn challenges_end() {
        let fresh = challenge(None, None);
        assert_eq!(fresh.fault(NOW), None);
        assert!(fresh.fault(fresh.expires_at).is_some());
        assert!(Challenge { used_at: Some(NOW), ..fresh.clone() }.fault(NOW).is_some());
        assert!(Challenge { revoked_at: Some(NOW), ..fresh.clone() }.fault(NOW).is_some());
        assert_eq!(Challenge { mismatches: 4, ..fresh.clone() }.fault(NOW), None);
        assert!(Challenge { mismatches: 5, ..fresh }.fault(NOW).is_some());
    }

    #[test]
    fn challenges_are_long_and_never_the_same() {
        let (one, other) = (generate(&SystemRng), generate(&SystemRng));
        assert_ne!(*one, *other);
        assert_eq!(one.len(), 32);
        let hasher = Hasher::new(&[7; 32]);
        assert!(hasher.same(&one, &one) && !hasher.same(&one, &other));
        assert_ne!(hasher.lookup(&one), Hasher::new(&[8; 32]).lookup(&one));
        assert_eq!(hasher.lookup(""), None);
        assert_eq!(hasher.lookup(&"a".repeat(257)), None);
        assert!(!hasher.same(&"a".repeat(257), &"a".repeat(257)));
    }
}
