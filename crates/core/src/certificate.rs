//! The inventory: one record per certificate, from the request to its end.

use chancery_pki::{Fingerprint, RevocationReason, SerialNumber};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Door;
use crate::attribute::RequestAttribute;

/// One certificate object. A requested one has a request and no certificate yet.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateRecord {
    /// Identifier; sorts by time of making.
    pub id: Uuid,
    /// Where it stands.
    pub state: CertificateState,
    /// The RA profile; none for CA certificates and the server's own.
    pub profile: Option<Uuid>,
    /// The authority that signs or signed.
    pub authority: Option<Uuid>,
    /// The inventory id of the CA certificate that signed it; a root's own id.
    pub issuer: Option<Uuid>,
    /// The door through which it was asked for.
    pub door: Door,
    /// Who asked for it: the actor's name.
    pub owner: String,
    /// The actor's id; nil for the system and the local command line.
    pub owner_id: Uuid,
    /// Subject as RFC 4514 text: of the certificate, or of the request while there is none.
    pub subject: String,
    /// The subject's common name, empty when there is none.
    pub common_name: String,
    /// Unique per issuer.
    pub serial: Option<SerialNumber>,
    /// SHA-256 of the certificate's DER.
    pub fingerprint: Option<Fingerprint>,
    /// What its key is known by: [`chancery_pki::PublicKey::identity`].
    pub key_hash: [u8; 32],
    /// First second of validity.
    pub not_before: Option<OffsetDateTime>,
    /// Last second of validity.
    pub not_after: Option<OffsetDateTime>,
    /// The certificate's DER.
    pub certificate: Option<Vec<u8>>,
    /// The request's DER (PKCS#10), where there was one.
    pub request: Option<Vec<u8>>,
    /// The certificate that this one renews, rekeys or replaces.
    pub predecessor: Option<Uuid>,
    /// Issue attributes as sent.
    pub issue_attributes: Vec<RequestAttribute>,
    /// Revoke attributes as sent.
    pub revoke_attributes: Vec<RequestAttribute>,
    /// When the object was made.
    pub created_at: OffsetDateTime,
    /// Why and when it was revoked.
    pub revocation: Option<RevocationInfo>,
    /// Archived objects refuse every operation and are hidden from lists.
    pub archived: bool,
}

/// Why and when a certificate was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationInfo {
    /// When the revocation was committed.
    pub at: OffsetDateTime,
    /// RFC 5280 section 5.3.1.
    pub reason: RevocationReason,
    /// RFC 5280 section 5.3.2: when the key is thought to have been lost.
    pub invalidity_date: Option<OffsetDateTime>,
}

/// Where a certificate object stands (rest-api: `CertificateState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CertificateState {
    /// Asked for, not issued.
    Requested,
    /// Refused by policy or by an approver.
    Rejected,
    /// Waits for an approver.
    PendingApproval,
    /// Given out.
    Issued,
    /// The authority could not sign it.
    Failed,
    /// Revoked, for good.
    Revoked,
}

impl CertificateState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Requested, Self::Rejected, Self::PendingApproval, Self::Issued, Self::Failed, Self::Revoked];

    /// The code on the wire and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Rejected => "rejected",
            Self::PendingApproval => "pending_approval",
            Self::Issued => "issued",
            Self::Failed => "failed",
            Self::Revoked => "revoked",
        }
    }
}

impl std::str::FromStr for CertificateState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| format!("unknown certificate state {text:?}"))
    }
}

/// A name by which a certificate can be found: its CN and every SAN are rows of their own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchName {
    /// `cn`, `dns`, `ip`, `email`, `uri`, `dn`, `rid` or `other`.
    pub kind: &'static str,
    /// Lower-case text, at most [`SearchName::LONGEST`] bytes.
    pub value: String,
}

impl SearchName {
    /// Longer names are cut for the index; the certificate has them whole.
    pub const LONGEST: usize = 512;

    /// The searchable rows of a common name and SANs, sorted and without doubles.
    pub fn of(common_name: &str, subject_alt_names: &[chancery_pki::GeneralName]) -> Vec<Self> {
        let cn = Some(common_name).filter(|cn| !cn.is_empty()).map(|cn| Self::new("cn", cn));
        let sans = subject_alt_names.iter().map(|name| {
            let text = name.to_string();
            Self::new(name.kind(), text.split_once(':').map_or(text.as_str(), |(_, value)| value))
        });
        let mut names: Vec<_> = cn.into_iter().chain(sans).collect();
        names.sort();
        names.dedup();
        names
    }

    fn new(kind: &'static str, value: &str) -> Self {
        let mut value: String = value.chars().filter(|c| !c.is_control()).collect::<String>().to_lowercase();
        let mut end = value.len().min(Self::LONGEST);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        value.truncate(end);
        Self { kind, value }
    }
}

/// Which certificates to list: all conditions hold together. Newest first.
#[derive(Clone, Debug, Default)]
pub struct CertificateQuery {
    /// The caller's reach; `None` is unlimited.
    pub profiles: Option<Vec<Uuid>>,
    /// The basic filters.
    pub filters: Vec<CertificateFilter>,
    /// Archived ones too.
    pub include_archived: bool,
    /// Only what comes behind the certificate object with this id; it need not be there any more. By it a list of any
    /// length is read on at the cost of what is read.
    pub after: Option<Uuid>,
    /// How many to skip (behind `after`).
    pub offset: u64,
    /// How many to return at the most.
    pub limit: u32,
}

/// A condition on certificates.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificateFilter {
    /// What is compared.
    pub field: CertificateField,
    /// How.
    pub condition: Condition,
}

/// The fields that the basic filters know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateField {
    /// The subject's common name.
    CommonName,
    /// Subject as text.
    Subject,
    /// Any subject alternative name.
    SubjectAltName,
    /// Serial number in hex.
    SerialNumber,
    /// Fingerprint in hex.
    Fingerprint,
    /// State code.
    State,
    /// RA profile, by id (the adapter resolves names).
    Profile,
    /// Owner's name.
    Owner,
    /// Start of validity.
    NotBefore,
    /// End of validity.
    NotAfter,
}

/// How a field is compared. Text comparison is case-sensitive, except for names, which are kept in lower case.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Equal to any of these texts.
    Equals(Vec<String>),
    /// Equal to none of these texts; objects without a value match too.
    NotEquals(Vec<String>),
    /// Contains the text.
    Contains(String),
    /// Does not contain the text; objects without a value match too.
    NotContains(String),
    /// Starts with the text.
    StartsWith(String),
    /// Ends with the text.
    EndsWith(String),
    /// Has no value.
    Empty,
    /// Has a value.
    NotEmpty,
    /// Later than, for instants.
    After(OffsetDateTime),
    /// Earlier than, for instants.
    Before(OffsetDateTime),
    /// At or later than, for instants.
    NotBefore(OffsetDateTime),
    /// At or earlier than, for instants.
    NotAfter(OffsetDateTime),
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// How many there are in all, whatever part of them was asked for.
    pub total: u64,
    /// Whether others follow the items.
    pub more: bool,
}
