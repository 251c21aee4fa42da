//! X.509, PKCS#10, keys and names: types that cannot be wrong. No I/O, no policy.
//!
//! Everything that is parsed keeps the bytes it was parsed from; signatures are verified over those bytes, never over
//! a re-encoding. Foreign bytes must be DER ([`Csr::parse`] and [`Certificate::parse`] also take off PEM and Base64;
//! [`cms`] reads BER); what we encode is always DER.

mod algorithm;
mod armour;
mod certificate;
mod certs_only;
pub mod cms;
mod crl;
pub mod crmf;
mod csr;
mod csr_attributes;
mod error;
mod extension;
mod general_name;
pub mod key_check;
mod key_usage;
mod name;
pub mod oid;
mod private_key;
mod public_key;
mod reason;
mod serial;
mod template;
mod tlv;
mod validity;
mod x509;

pub use algorithm::{KeyAlgorithm, KeyType, SignatureAlgorithm};
pub use certificate::{BasicConstraints, Certificate};
pub use certs_only::{certs_only, parse_certs_only};
pub use const_oid::ObjectIdentifier;
pub use crl::{Crl, CrlTemplate, IssuingDistributionPoint, RevokedEntry};
pub use csr::{Csr, CsrTemplate, RequestFormat};
pub use csr_attributes::CsrAttributes;
pub use error::{BuildError, CsrError, KeyError, NameError, ParseError, SignError, SignatureError};
pub use general_name::GeneralName;
pub use key_usage::KeyUsage;
pub use name::{AttributeKind, Name, NameAttribute};
pub use private_key::{PrivateKey, Signer};
pub use public_key::PublicKey;
pub use reason::{RevocationReason, UnknownReason};
pub use serial::{Fingerprint, SerialNumber};
pub use template::{CertificateTemplate, Issuer, Policy};
pub use validity::Validity;
