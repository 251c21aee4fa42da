//! Content keys encrypted under a key that both sides have (RFC 5652 section 6.2.3), by AES key wrap (RFC 3394).

use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap};
use zeroize::Zeroizing;

use super::WHAT;
use super::cipher::{Failed, describe};
use super::error::CmsError;
use crate::BuildError;
use crate::algorithm::read_identifier;
use crate::tlv::{OCTET_STRING, Reader, SEQUENCE, Writer, constructed};

const AES128_WRAP: const_oid::ObjectIdentifier = const_oid::ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.5");
const AES256_WRAP: const_oid::ObjectIdentifier = const_oid::ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.45");

/// KEKRecipientInfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyEncryptionRecipient {
    pub id: Vec<u8>,
    /// Octets of the wrapping key.
    width: usize,
    encrypted_key: Vec<u8>,
}

impl KeyEncryptionRecipient {
    pub fn read(info: &mut Reader<'_>) -> Result<Self, CmsError> {
        info.small("recipient's version")?;
        let mut identifier = info.enter(SEQUENCE, "identifier of the key")?;
        let id = identifier.expect(OCTET_STRING, "identifier of the key")?.value.to_vec();
        let (algorithm, _) = read_identifier(info, "key encryption algorithm")?;
        let width = match algorithm {
            AES128_WRAP => 16,
            AES256_WRAP => 32,
            other => {
                return Err(CmsError::UnsupportedAlgorithm {
                    what: "the encrypted key",
                    algorithm: describe(&other),
                    mend: "use AES-128 or AES-256 key wrap",
                });
            }
        };
        let encrypted_key = info.expect(OCTET_STRING, "encrypted key")?.value.to_vec();
        info.end()?;
        Ok(Self { id, width, encrypted_key })
    }

    pub fn open(&self, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failed> {
        if key.len() != self.width {
            return Err(Failed);
        }
        // The library writes up to eight octets more than there will be.
        let mut opened = Zeroizing::new(vec![0; self.encrypted_key.len()]);
        let unwrapped = if self.width == 16 {
            AesKek::new(&AES_128, key).and_then(|kek| Ok(kek.unwrap(&self.encrypted_key, &mut opened)?.len()))
        } else {
            AesKek::new(&AES_256, key).and_then(|kek| Ok(kek.unwrap(&self.encrypted_key, &mut opened)?.len()))
        };
        let length = unwrapped.map_err(|_| Failed)?;
        opened.truncate(length);
        Ok(opened)
    }

    pub fn write(out: &mut Writer, id: &[u8], kek: &[u8], key: &[u8]) -> Result<(), BuildError> {
        let mut wrapped = vec![0; key.len() + 8];
        let (algorithm, done) = match kek.len() {
            16 => (AES128_WRAP, AesKek::new(&AES_128, kek).and_then(|kek| Ok(kek.wrap(key, &mut wrapped)?.len()))),
            32 => (AES256_WRAP, AesKek::new(&AES_256, kek).and_then(|kek| Ok(kek.wrap(key, &mut wrapped)?.len()))),
            other => {
                let why = format!("it has {other} octets; AES key wrap takes 16 or 32");
                return Err(BuildError::new("the key encryption key", why));
            }
        };
        let length =
            done.map_err(|_| BuildError::new(WHAT, "the cryptographic library could not wrap the content key"))?;
        out.nest(constructed(2), |out| {
            out.unsigned(&[4]);
            out.nest(SEQUENCE, |out| _ = out.value(OCTET_STRING, id));
            out.nest(SEQUENCE, |out| _ = out.oid(&algorithm));
            out.value(OCTET_STRING, &wrapped[..length]);
        });
        Ok(())
    }
}
