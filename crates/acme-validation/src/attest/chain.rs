//! The way from a statement's certificates to a maker's root.

use std::time::Duration;

use chancery_pki::{Certificate, SignatureAlgorithm};
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use time::OffsetDateTime;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};

use super::Wrong;

/// The first certificate, once the chain is known to lead to a root.
pub(crate) fn verify(
    chain: &[&[u8]],
    roots: &[TrustAnchor<'static>],
    now: OffsetDateTime,
) -> Result<Certificate, Wrong> {
    if roots.is_empty() {
        return Err("this server trusts no root for attestations of this format".to_owned());
    }
    let (leaf, rest) = chain.split_first().ok_or("it has no certificate")?;
    let certificate = Certificate::from_der(leaf).map_err(|why| format!("its first certificate: {why}"))?;
    let broken = |why: webpki::Error| format!("its certificates do not lead to a root that is trusted: {why}");
    let end = CertificateDer::from(*leaf);
    let rest: Vec<CertificateDer<'_>> = rest.iter().map(|der| CertificateDer::from(*der)).collect();
    let algorithms = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
    EndEntityCert::try_from(&end)
        .map_err(broken)?
        .verify_for_usage(algorithms.all, roots, &rest, time, AnyUsage, None, None)
        .map_err(broken)?;
    Ok(certificate)
}

/// The formats have their own rules for usages, where they have any.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// The holder of the certificate's key signed this, by the algorithm that goes with it.
pub(crate) fn verify_signature(certificate: &Certificate, message: &[u8], signature: &[u8]) -> Result<(), Wrong> {
    use chancery_pki::KeyAlgorithm;
    let key = certificate.public_key();
    let algorithm = match key.algorithm() {
        KeyAlgorithm::Rsa { .. } => SignatureAlgorithm::RsaPkcs1Sha256,
        KeyAlgorithm::P256 => SignatureAlgorithm::EcdsaSha256,
        KeyAlgorithm::P384 => SignatureAlgorithm::EcdsaSha384,
        KeyAlgorithm::P521 => SignatureAlgorithm::EcdsaSha512,
        KeyAlgorithm::Ed25519 => SignatureAlgorithm::Ed25519,
    };
    key.verify(algorithm, message, signature)
        .map_err(|_| "its signature over the key authorization of this challenge does not verify".to_owned())
}
