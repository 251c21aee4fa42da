//! What a server tells of the requests that it takes: CsrAttrs of RFC 7030 section 4.5.2, with the template of RFC 9908
//! section 3.4. Encoding only.

use const_oid::ObjectIdentifier;

use crate::tlv::{BOOLEAN, OCTET_STRING, OID, SEQUENCE, SET, UTF8_STRING, Writer, constructed};
use crate::{KeyType, oid};

/// id-aa-certificationRequestInfoTemplate (RFC 9908 section 3.4).
const TEMPLATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.61");
/// id-aa-extensionReqTemplate (RFC 9908 section 3.4).
const EXTENSION_REQUEST_TEMPLATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.62");

/// What requests shall look like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsrAttributes {
    /// Attributes and algorithms that are asked for by their identifiers alone.
    pub oids: Vec<ObjectIdentifier>,
    /// Attributes of the subject: type, and value unless that is the client's to fill in.
    pub subject: Vec<(ObjectIdentifier, Option<String>)>,
    /// The one kind of key that is taken, where there is one.
    pub key: Option<KeyType>,
    /// Extensions: identifier, whether critical, and value unless that is the client's to fill in.
    pub extensions: Vec<(ObjectIdentifier, bool, Option<Vec<u8>>)>,
}

impl CsrAttributes {
    /// Ask for these extended key usages, with the values of RFC 5280 section 4.2.1.12.
    pub fn extended_key_usage(&mut self, usages: &[ObjectIdentifier]) {
        let mut value = Writer::with_capacity(64);
        value.nest(SEQUENCE, |w| {
            for usage in usages {
                w.oid(usage);
            }
        });
        self.extensions.push((oid::EXTENDED_KEY_USAGE, false, Some(value.finish())));
    }

    /// Ask for challengePassword (RFC 7030 section 3.5: a server that demands linking lists it).
    pub fn challenge_password(&mut self) {
        self.oids.push(oid::CHALLENGE_PASSWORD);
    }

    /// In DER, the classic form and the template together: a client that knows the template passes over the rest (RFC 9908
    /// section 3.4). None when there is nothing to tell.
    pub fn to_der(&self) -> Option<Vec<u8>> {
        if *self == Self::default() {
            return None;
        }
        let mut writer = Writer::with_capacity(256);
        writer.nest(SEQUENCE, |w| {
            for oid in &self.oids {
                w.oid(oid);
            }
            if let Some(key) = self.key {
                write_key_attribute(w, key);
                if !matches!(parts(key), Key::Named(_)) {
                    w.oid(&signature_of(key));
                }
            }
            // RFC 9908 section 3.2: one attribute, which has one list, of what has a value.
            let whole: Vec<_> = self
                .extensions
                .iter()
                .filter_map(|(oid, critical, value)| Some((oid, critical, value.as_ref()?)))
                .collect();
            if !whole.is_empty() {
                w.nest(SEQUENCE, |w| {
                    w.oid(&oid::EXTENSION_REQUEST);
                    w.nest(SET, |w| {
                        w.nest(SEQUENCE, |w| {
                            for (oid, critical, value) in &whole {
                                write_extension(w, oid, **critical, Some(value));
                            }
                        });
                    });
                });
            }
            if self.key.is_some() || !self.subject.is_empty() || !self.extensions.is_empty() {
                w.nest(SEQUENCE, |w| {
                    w.oid(&TEMPLATE);
                    w.nest(SET, |w| self.write_template(w));
                });
            }
        });
        Some(writer.finish())
    }

    /// CertificationRequestInfoTemplate.
    fn write_template(&self, w: &mut Writer) {
        w.nest(SEQUENCE, |w| {
            w.unsigned(&[0]);
            if !self.subject.is_empty() {
                w.nest(SEQUENCE, |w| {
                    for (oid, value) in &self.subject {
                        w.nest(SET, |w| {
                            w.nest(SEQUENCE, |w| {
                                w.oid(oid);
                                if let Some(value) = value {
                                    w.value(UTF8_STRING, value.as_bytes());
                                }
                            });
                        });
                    }
                });
            }
            if let Some(key) = self.key {
                w.nest(constructed(0), |w| write_key_template(w, key));
            }
            w.nest(constructed(1), |w| self.write_extension_requests(w));
        });
    }

    /// RFC 9908 section 3.4: the whole list has values, or it is a template; never both.
    fn write_extension_requests(&self, w: &mut Writer) {
        if self.extensions.is_empty() {
            return;
        }
        let filled = self.extensions.iter().all(|(_, _, value)| value.is_some());
        w.nest(SEQUENCE, |w| {
            w.oid(if filled { &oid::EXTENSION_REQUEST } else { &EXTENSION_REQUEST_TEMPLATE });
            w.nest(SET, |w| {
                w.nest(SEQUENCE, |w| {
                    for (oid, critical, value) in &self.extensions {
                        write_extension(w, oid, *critical, value.as_ref());
                    }
                });
            });
        });
    }
}

fn write_extension(w: &mut Writer, oid: &ObjectIdentifier, critical: bool, value: Option<&Vec<u8>>) {
    w.nest(SEQUENCE, |w| {
        w.oid(oid);
        if critical {
            w.value(BOOLEAN, &[0xff]);
        }
        if let Some(value) = value {
            w.value(OCTET_STRING, value);
        }
    });
}

/// RFC 9908 section 3.2: the type of key as an attribute, its size or curve as the value.
fn write_key_attribute(w: &mut Writer, key: KeyType) {
    match parts(key) {
        Key::Rsa(bits) => {
            w.nest(SEQUENCE, |w| {
                w.oid(&oid::RSA_ENCRYPTION);
                w.nest(SET, |w| _ = w.unsigned(&bits.to_be_bytes()));
            });
        }
        Key::Ec(curve) => {
            w.nest(SEQUENCE, |w| {
                w.oid(&oid::EC_PUBLIC_KEY);
                w.nest(SET, |w| _ = w.oid(&curve));
            });
        }
        Key::Named(oid) => {
            w.oid(&oid);
        }
    }
}

/// SubjectPublicKeyInfoTemplate: the algorithm, and for the size of an RSA key one that stands for it.
fn write_key_template(w: &mut Writer, key: KeyType) {
    match parts(key) {
        Key::Rsa(bits) => {
            w.nest(SEQUENCE, |w| {
                w.oid(&oid::RSA_ENCRYPTION);
                w.value(crate::tlv::NULL, &[]);
            });
            // RFC 9908 section 3.4: a modulus of that length, of no key.
            let mut modulus = vec![0; usize::from(bits / 8)];
            if let Some(first) = modulus.first_mut() {
                *first = 0x80;
            }
            let mut inner = Writer::with_capacity(modulus.len() + 16);
            inner.nest(SEQUENCE, |w| {
                w.unsigned(&modulus);
                w.unsigned(&[1, 0, 1]);
            });
            w.bits(&inner.finish());
        }
        Key::Ec(curve) => {
            w.nest(SEQUENCE, |w| {
                w.oid(&oid::EC_PUBLIC_KEY);
                w.value(OID, curve.as_bytes());
            });
        }
        Key::Named(oid) => {
            w.nest(SEQUENCE, |w| _ = w.oid(&oid));
        }
    }
}

/// RFC 7030 section 4.5.2: the algorithm of the request's signature.
fn signature_of(key: KeyType) -> ObjectIdentifier {
    match key {
        KeyType::Rsa(_) => oid::SHA256_WITH_RSA,
        KeyType::P256 => oid::ECDSA_WITH_SHA256,
        KeyType::P384 => oid::ECDSA_WITH_SHA384,
        KeyType::P521 => oid::ECDSA_WITH_SHA512,
        KeyType::Ed25519 => oid::ED25519,
    }
}

enum Key {
    Rsa(u16),
    Ec(ObjectIdentifier),
    Named(ObjectIdentifier),
}

fn parts(key: KeyType) -> Key {
    match key {
        KeyType::Rsa(bits) => Key::Rsa(u16::try_from(bits).unwrap_or(u16::MAX)),
        KeyType::P256 => Key::Ec(oid::SECP256R1),
        KeyType::P384 => Key::Ec(oid::SECP384R1),
        KeyType::P521 => Key::Ec(oid::SECP521R1),
        KeyType::Ed25519 => Key::Named(oid::ED25519),
    }
}

#[cfg(test)]
mod tests;
