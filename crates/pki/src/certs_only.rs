//! Certificates in a degenerate PKCS#7 / CMS SignedData, "certs-only" (RFC 5652 section 5.1, RFC 8551 section 3.8).

use crate::tlv::{Reader, SEQUENCE, SET, Writer, constructed, whole};
use crate::{Certificate, ParseError, oid};

const WHAT: &str = "the certs-only message";

/// A ContentInfo with a SignedData that has no content and no signer. The certificates keep their own bytes; being a
/// SET OF in DER they stand in the order of their encodings, which some readers insist on, and each comes once.
pub fn certs_only(certificates: &[Certificate]) -> Vec<u8> {
    let mut sorted: Vec<&[u8]> = certificates.iter().map(Certificate::der).collect();
    sorted.sort_unstable();
    sorted.dedup();
    let size: usize = sorted.iter().map(|der| der.len()).sum();
    let mut writer = Writer::with_capacity(size + 128);
    writer.nest(SEQUENCE, |w| {
        w.oid(&oid::SIGNED_DATA).nest(constructed(0), |w| {
            w.nest(SEQUENCE, |w| {
                w.unsigned(&[1]).value(SET, &[]);
                w.nest(SEQUENCE, |w| _ = w.oid(&oid::DATA));
                w.nest(constructed(0), |w| sorted.iter().for_each(|der| _ = w.raw(der)));
                w.value(SET, &[]);
            });
        });
    });
    writer.finish()
}

/// The certificates of a SignedData in DER, in the order in which they stand there; whatever else it has is ignored.
///
/// # Errors
/// Not such a message, or one of the certificates cannot be read.
pub fn parse_certs_only(der: &[u8]) -> Result<Vec<Certificate>, ParseError> {
    let mut info = whole(WHAT, der, SEQUENCE)?;
    if info.oid("content type")? != oid::SIGNED_DATA {
        return Err(info.error("it is not SignedData"));
    }
    let mut explicit = info.enter(constructed(0), "content")?;
    info.end()?;
    let mut signed = explicit.enter(SEQUENCE, "SignedData")?;
    explicit.end()?;
    signed.small("version")?;
    signed.expect(SET, "set of digest algorithms")?;
    signed.expect(SEQUENCE, "inner content")?;
    let Some(set) = signed.optional(constructed(0))? else {
        return Ok(Vec::new());
    };
    let mut reader = Reader::new(WHAT, set.value);
    let mut certificates = Vec::new();
    while !reader.is_empty() {
        let element = reader.any()?;
        // CertificateChoices other than certificate are tagged.
        if element.tag == SEQUENCE {
            certificates.push(Certificate::from_der(element.raw)?);
        }
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests;
