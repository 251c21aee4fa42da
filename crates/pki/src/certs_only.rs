//! Certificates in a degenerate PKCS#7 / CMS SignedData, "certs-only" (RFC 5652 section 5.1, RFC 8551 section 3.8).

use crate::cms::{Limits, SignedData, build};
use crate::{Certificate, ParseError};

/// A chain is a few kilobytes; lists of trust anchors are longer.
const LIMITS: Limits = Limits { size: 1 << 20, depth: 32, elements: 50_000, iterations: 0 };

/// A ContentInfo with a SignedData that has no content and no signer. The certificates keep their own bytes; being a
/// SET OF in DER they stand in the order of their encodings, which some readers insist on, and each comes once.
/// [`build::degenerate`] keeps another order.
pub fn certs_only(certificates: &[Certificate]) -> Vec<u8> {
    let mut elements: Vec<&[u8]> = certificates.iter().map(Certificate::der).collect();
    elements.sort_unstable();
    elements.dedup();
    build::degenerate(&elements, &[])
}

/// The certificates of a SignedData, in the order in which they stand there; whatever else it has is ignored.
///
/// # Errors
/// Not such a message, or one of the certificates cannot be read.
pub fn parse_certs_only(bytes: &[u8]) -> Result<Vec<Certificate>, ParseError> {
    let signed = SignedData::parse(bytes, &LIMITS)?;
    signed.certificates().iter().map(|der| Certificate::from_der(der)).collect()
}

#[cfg(test)]
mod tests;
