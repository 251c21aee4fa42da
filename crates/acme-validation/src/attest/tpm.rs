//! TPM 2.0: an attestation key certifies another key of the same TPM (WebAuthn section 8.3).

mod ak_certificate;
pub(super) mod structure;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::TrustAnchor;

use super::statement::Statement;
use super::{Asked, Attested, Wrong, chain};
use structure::{Certified, Public, Signature};

/// Any of the structures.
pub(super) fn fuzz(octets: &[u8]) {
    let _ = (Certified::parse(octets), Signature::parse(octets, -7));
    if let Ok(public) = Public::parse(octets) {
        let _ = (public.name(octets), public.check_attributes());
    }
}

/// The certificate of an attestation key.
pub(super) fn fuzz_certificate(certificate: &chancery_pki::Certificate) -> Result<(), Wrong> {
    ak_certificate::check(certificate).map(|_| ())
}

pub(super) fn judge(
    statement: &Statement,
    roots: &[TrustAnchor<'static>],
    asked: Asked<'_>,
) -> Result<Attested, Wrong> {
    if statement.text("ver")? != "2.0" {
        return Err("its ver is not 2.0".to_owned());
    }
    let certificate = chain::verify(&statement.chain()?, roots, asked.now)?;
    let identifiers = ak_certificate::check(&certificate)?;
    let signature = Signature::parse(statement.bytes("sig")?, statement.integer("alg")?)?;
    let info = statement.bytes("certInfo")?;
    certificate
        .public_key()
        .verify(signature.algorithm, info, &signature.octets)
        .map_err(|_| "the signature of certInfo does not verify with the attestation key".to_owned())?;
    let certified = Certified::parse(info)?;
    if certified.extra_data != digest(&SHA256, asked.key_authorization.as_bytes()).as_ref() {
        return Err("extraData of certInfo is not the SHA-256 of the key authorization of this challenge".to_owned());
    }
    let area = statement.bytes("pubArea")?;
    let public = Public::parse(area)?;
    if certified.name != public.name(area) {
        return Err("certInfo is about another key than pubArea".to_owned());
    }
    public.check_attributes()?;
    Ok(Attested { identifiers, key: public.spki })
}
