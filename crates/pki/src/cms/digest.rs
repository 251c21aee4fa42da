use aws_lc_rs::digest as lc;
use const_oid::ObjectIdentifier;

use super::{CmsError, Legacy};
use crate::tlv::{SEQUENCE, Writer};
use crate::{ParseError, oid};

const WHAT: &str = "the message's digest";
const MEND: &str = "use SHA-256, SHA-384 or SHA-512";

/// A digest of the content (RFC 5754 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DigestAlgorithm {
    /// SHA-1, outdated: read where [`Legacy::sha1`] says so, never written.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl DigestAlgorithm {
    pub(super) const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// `SHA-256` and so on.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// Its object identifier.
    pub fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha1 => oid::SHA1,
            Self::Sha256 => oid::SHA256,
            Self::Sha384 => oid::SHA384,
            Self::Sha512 => oid::SHA512,
        }
    }

    /// The digest of some octets.
    pub fn digest(self, octets: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &lc::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &lc::SHA256,
            Self::Sha384 => &lc::SHA384,
            Self::Sha512 => &lc::SHA512,
        };
        lc::digest(algorithm, octets).as_ref().to_vec()
    }

    pub(super) fn known(id: &ObjectIdentifier) -> Result<Self, CmsError> {
        Self::ALL.into_iter().find(|known| known.oid() == *id).ok_or_else(|| {
            let algorithm = match id.to_string().as_str() {
                "1.2.840.113549.2.5" => "MD5 (1.2.840.113549.2.5)".to_owned(),
                dots => format!("the algorithm {dots}"),
            };
            CmsError::from(ParseError::UnsupportedAlgorithm { what: WHAT, algorithm, mend: MEND })
        })
    }

    pub(super) fn allowed(self, legacy: Legacy) -> Result<Self, CmsError> {
        if self == Self::Sha1 && !legacy.sha1 {
            return Err(CmsError::Outdated { what: WHAT, algorithm: "SHA-1", mend: MEND });
        }
        Ok(self)
    }

    /// AlgorithmIdentifier without parameters (RFC 5754 section 2).
    pub(super) fn write(self, out: &mut Writer) {
        out.nest(SEQUENCE, |out| _ = out.oid(&self.oid()));
    }
}
