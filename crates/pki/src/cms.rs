//! Cryptographic Message Syntax (RFC 5652): signed and enveloped messages.
//!
//! Read is what real clients send: BER with indefinite lengths and strings in pieces ([`normalise`]), certificates that
//! are not quite certificates ([`EnclosedCertificate`]), attributes out of order. Written is DER alone ([`build`]).
//!
//! A message goes through three steps, each of which says why it refuses: parse ([`SignedData::parse`],
//! [`EnvelopedData::parse`]), which computes nothing; verify ([`SignerInfo::verify`]); decrypt
//! ([`EnvelopedData::decrypt`]). After the algorithms are known to be taken, decryption fails in one way only,
//! [`CmsError::Undecryptable`]: whoever sends altered messages learns nothing of the key or the padding.
//!
//! RSA operations take a millisecond and more: call [`EnvelopedData::decrypt`] and [`build::signed`] where blocking is
//! allowed.

mod attribute;
mod ber;
pub mod build;
mod cipher;
mod content_info;
mod digest;
mod enclosed;
mod enveloped_data;
mod error;
mod key_encryption;
mod key_transport;
mod password;
mod signed_data;
mod signer_info;

pub use attribute::{Attribute, AttributeValue, SignedAttributes};
pub use ber::{Limits, normalise};
pub use cipher::ContentCipher;
pub use content_info::ContentInfo;
pub use digest::DigestAlgorithm;
pub use enclosed::{CertificateId, EnclosedCertificate};
pub use enveloped_data::{EnvelopedData, Recipient, RecipientKey};
pub use error::CmsError;
pub use key_transport::{DecryptionKey, KeyTransport};
pub use signed_data::SignedData;
pub use signer_info::SignerInfo;

/// The outdated algorithms that are taken; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Legacy {
    /// SHA-1 in digests and RSA signatures.
    pub sha1: bool,
    /// Triple DES in CBC mode.
    pub triple_des: bool,
    /// Single DES in CBC mode, which RFC 8894 section 2.9 forbids, and which Debian's scepclient sends whatever it is told.
    pub des: bool,
}

impl Legacy {
    /// Every one of them.
    pub const ALL: Self = Self { sha1: true, triple_des: true, des: true };
}

const WHAT: &str = "the CMS message";

#[cfg(test)]
mod tests;
