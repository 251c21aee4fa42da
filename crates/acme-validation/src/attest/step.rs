//! smallstep's format for keys in the PIV application of a YubiKey: the slot's attestation certificate, and a signature by
//! the slot's key.

use chancery_acme::Identifier;
use chancery_pki::ObjectIdentifier;
use ciborium::Value;
use der::Decode;
use der::asn1::UintRef;
use rustls::pki_types::TrustAnchor;

use super::statement::{self, Statement};
use super::{Asked, Attested, Wrong, chain};

/// The key's serial number, an INTEGER (Yubico's PIV attestation).
const SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.7");

pub(super) fn judge(
    statement: &Statement,
    roots: &[TrustAnchor<'static>],
    asked: Asked<'_>,
) -> Result<Attested, Wrong> {
    let leaf = chain::verify(&statement.chain()?, roots, asked.now)?;
    let Value::Bytes(signature) = statement::read(statement.bytes("sig")?, "sig")? else {
        return Err("sig is no byte string in CBOR".to_owned());
    };
    chain::verify_signature(&leaf, asked.key_authorization.as_bytes(), &signature)?;
    let identifiers = match leaf.extension_value(SERIAL_NUMBER) {
        None => Vec::new(),
        Some(value) => {
            let number = UintRef::from_der(value).ok().and_then(|number| decimal(number.as_bytes()));
            let number = number.ok_or("its serial number is no INTEGER of at most 64 bits")?;
            vec![Identifier::PermanentIdentifier(number)]
        }
    };
    Ok(Attested { identifiers, key: leaf.public_key().spki_der().to_vec() })
}

fn decimal(magnitude: &[u8]) -> Option<String> {
    if magnitude.len() > 8 {
        return None;
    }
    let number = magnitude.iter().fold(0_u64, |number, octet| number << 8 | u64::from(*octet));
    Some(number.to_string())
}
