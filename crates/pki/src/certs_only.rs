//! Certificates in a degenerate PKCS#7 / CMS SignedData, "certs-only" (RFC 5652 section 5.1, RFC 8551 section 3.8).

use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{DigestAlgorithmIdentifiers, EncapsulatedContentInfo};
use der::asn1::{Any, AnyRef, SetOfVec};
use der::{Decode, Encode, Sequence, Tag, Tagged};

use crate::{Certificate, ParseError, oid};

const WHAT: &str = "the certs-only message";

/// `cms::signed_data::SignedData` with the certificates as they came: that type decodes each one and writes it anew,
/// which would break the signature of a certificate that is not DER to the last bit, and loses their order.
#[derive(Sequence)]
struct SignedData<'a> {
    version: CmsVersion,
    digest_algorithms: DigestAlgorithmIdentifiers,
    encap_content_info: EncapsulatedContentInfo,
    // A SET OF, but under its own tag the same bytes as a SEQUENCE OF, which is not sorted when it is read.
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    certificates: Option<Vec<AnyRef<'a>>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    crls: Option<Vec<AnyRef<'a>>>,
    signer_infos: SetOfVec<AnyRef<'a>>,
}

/// A ContentInfo with a SignedData that has no content and no signer. The certificates keep their own bytes; being a
/// SET OF in DER they stand in the order of their encodings, which some readers insist on, and each comes once.
pub fn certs_only(certificates: &[Certificate]) -> Vec<u8> {
    write(certificates).expect("every certificate is one element of at most 64 KiB, and far fewer than fill 256 MiB")
}

fn write(certificates: &[Certificate]) -> der::Result<Vec<u8>> {
    let elements = certificates.iter().map(|certificate| AnyRef::from_der(certificate.der()));
    let sorted = SetOfVec::try_from(elements.collect::<der::Result<Vec<_>>>()?)?;
    let mut certificates = sorted.into_vec();
    certificates.dedup();
    let signed = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: DigestAlgorithmIdentifiers::default(),
        encap_content_info: EncapsulatedContentInfo { econtent_type: oid::DATA, econtent: None },
        certificates: Some(certificates),
        crls: None,
        signer_infos: SetOfVec::new(),
    };
    ContentInfo { content_type: oid::SIGNED_DATA, content: Any::encode_from(&signed)? }.to_der()
}

/// The certificates of a SignedData in DER, in the order in which they stand there; whatever else it has is ignored.
///
/// # Errors
/// Not such a message, or one of the certificates cannot be read.
pub fn parse_certs_only(der: &[u8]) -> Result<Vec<Certificate>, ParseError> {
    let malformed = |error: der::Error| ParseError::new(WHAT, error.to_string());
    let info = ContentInfo::from_der(der).map_err(malformed)?;
    if info.content_type != oid::SIGNED_DATA {
        return Err(ParseError::new(WHAT, "it is not SignedData"));
    }
    let signed: SignedData<'_> = AnyRef::from(&info.content).decode_as().map_err(malformed)?;
    let elements = signed.certificates.unwrap_or_default().into_iter();
    // CertificateChoices other than certificate are tagged.
    let certificates = elements.filter(|element| element.tag() == Tag::Sequence);
    certificates.map(|element| Certificate::from_der(&element.to_der().map_err(malformed)?)).collect()
}

#[cfg(test)]
mod tests;
