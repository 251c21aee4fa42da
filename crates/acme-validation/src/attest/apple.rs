//! Apple's Managed Device Attestation: everything stands in the certificate of the attested key.

use aws_lc_rs::digest::{SHA256, digest};
use chancery_acme::Identifier;
use chancery_pki::ObjectIdentifier;
use rustls::pki_types::TrustAnchor;

use super::statement::Statement;
use super::{Asked, Attested, Wrong, chain};

const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.8.9.1");
const UDID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.8.9.2");
const FRESHNESS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.8.11.1");

pub(super) fn judge(
    statement: &Statement,
    roots: &[TrustAnchor<'static>],
    asked: Asked<'_>,
) -> Result<Attested, Wrong> {
    let leaf = chain::verify(&statement.chain()?, roots, asked.now)?;
    // Apple's devices hash the token, not the key authorization.
    let fresh = leaf.extension_value(FRESHNESS);
    if fresh != Some(digest(&SHA256, asked.token.as_bytes()).as_ref()) {
        return Err("its freshness code is not the SHA-256 of this challenge's token".to_owned());
    }
    // The octets themselves, without DER around them.
    let text = |oid| leaf.extension_value(oid).and_then(|value| std::str::from_utf8(value).ok());
    let identifiers = [SERIAL_NUMBER, UDID].into_iter().filter_map(text).filter(|text| !text.is_empty());
    Ok(Attested {
        identifiers: identifiers.map(|text| Identifier::PermanentIdentifier(text.to_owned())).collect(),
        key: leaf.public_key().spki_der().to_vec(),
    })
}
