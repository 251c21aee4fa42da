use super::*;
use crate::cms::build::{To, auth_enveloped, enveloped};
use crate::cms::cipher::Encryption;
use crate::tlv::{NULL, SET, context};
use crate::{BuildError, ObjectIdentifier};

const CONTENT: &[u8] = b"a secret content that is longer than two blocks";
const BLOCKS: [ContentCipher; 4] =
    [ContentCipher::Aes128Cbc, ContentCipher::Aes192Cbc, ContentCipher::Aes256Cbc, ContentCipher::TripleDesCbc];
const AUTHENTICATED: [ContentCipher; 3] =
    [ContentCipher::Aes128Gcm, ContentCipher::Aes192Gcm, ContentCipher::Aes256Gcm];
const TRANSPORTS: [KeyTransport; 5] = [
    KeyTransport::RsaPkcs1,
    KeyTransport::RsaOaep(DigestAlgorithm::Sha1),
    KeyTransport::RsaOaep(DigestAlgorithm::Sha256),
    KeyTransport::RsaOaep(DigestAlgorithm::Sha384),
    KeyTransport::RsaOaep(DigestAlgorithm::Sha512),
];

fn parse(bytes: &[u8]) -> EnvelopedData {
    EnvelopedData::parse(bytes, &Limits::default()).unwrap()
}

fn seal(kind: &ObjectIdentifier, content: &[u8], cipher: ContentCipher, to: &To<'_>) -> Vec<u8> {
    if cipher.is_authenticated() {
        auth_enveloped(kind, content, cipher, to)
    } else {
        enveloped(kind, content, cipher, to)
    }
    .unwrap()
}

fn open(message: &EnvelopedData, legacy: Legacy) -> Result<Vec<u8>, CmsError> {
    let (certificate, key) = registration_authority();
    let keys = [RecipientKey::Certificate { certificate: &certificate, key: &key }];
    message.decrypt(&keys, legacy).map(|content| content.to_vec())
}

#[test]
fn every_cipher_to_every_recipient() {
    let (certificate, key) = registration_authority();
    for cipher in BLOCKS.into_iter().chain(AUTHENTICATED) {
        for content in [&b""[..], b"one", &[7; 16], CONTENT] {
            for kind in [oid::DATA, oid::SIGNED_DATA] {
                for transport in TRANSPORTS {
                    let message =
                        parse(&seal(&kind, content, cipher, &To::Certificate { certificate: &certificate, transport }));
                    assert_eq!((message.content_type(), message.cipher()), (kind, Ok(cipher)));
                    let recipient = message.recipient(&certificate).unwrap();
                    assert_eq!(recipient.key_transport(), Ok(Some(transport)));
                    assert_eq!(open(&message, Legacy::ALL).unwrap(), content, "{cipher:?} {transport:?}");
                }
                let to = To::Password { password: b"a password", iterations: 10 };
                let message = parse(&seal(&kind, content, cipher, &to));
                assert!(message.recipients()[0].has_password());
                let with = |password| message.decrypt(&[RecipientKey::Password(password)], Legacy::ALL);
                assert_eq!(with(b"a password").unwrap().as_slice(), content, "{cipher:?}");
                assert_eq!(with(b"another").unwrap_err(), CmsError::Undecryptable);
                for wrapping in [&[3; 16][..], &[3; 32]] {
                    let message = parse(&seal(&kind, content, cipher, &To::KeyEncryption { id: b"k", key: wrapping }));
                    let with = |id, key| message.decrypt(&[RecipientKey::KeyEncryption { id, key }], Legacy::ALL);
                    assert_eq!(with(b"k", wrapping).unwrap().as_slice(), content);
                    assert_eq!(with(b"k", &[4; 16]).unwrap_err(), CmsError::Undecryptable);
                    assert_eq!(with(b"l", wrapping).unwrap_err(), CmsError::NoRecipient);
                }
            }
        }
    }
    // Two contents are never under the same key.
    let to = To::Certificate { certificate: &certificate, transport: KeyTransport::RsaPkcs1 };
    assert_ne!(seal(&oid::DATA, CONTENT, BLOCKS[0], &to), seal(&oid::DATA, CONTENT, BLOCKS[0], &to));
    assert_eq!(key.public_key(), &certificate.public_key().unwrap());
}

#[test]
fn the_recipient_is_found_among_several_keys() {
    let (certificate, key) = registration_authority();
    let other_key = DecryptionKey::new(&other_rsa()).unwrap();
    let other = super::certificate(other_key.public_key(), &[5], Some(b"other"));
    let keys = [
        RecipientKey::Certificate { certificate: &certificate, key: &key },
        RecipientKey::Password(b"x"),
        RecipientKey::Certificate { certificate: &other, key: &other_key },
    ];
    for to in [&certificate, &other] {
        let to = To::Certificate { certificate: to, transport: KeyTransport::RsaPkcs1 };
        let message = seal(&oid::DATA, CONTENT, ContentCipher::Aes256Cbc, &to);
        assert_eq!(parse(&message).decrypt(&keys, Legacy::default()).unwrap().as_slice(), CONTENT);
    }
    // By key identifier.
    let to = To::Certificate { certificate: &other, transport: KeyTransport::RsaPkcs1 };
    let message = parse(&seal(&oid::DATA, CONTENT, ContentCipher::Aes256Cbc, &to));
    assert_eq!(message.decrypt(&keys[..2], Legacy::default()).unwrap_err(), CmsError::NoRecipient);
    assert_eq!(message.recipient(&certificate), None);
    assert_eq!(message.recipients().len(), 1);
}

#[test]
fn outdated_ciphers_only_where_they_are_allowed() {
    let (certificate, _) = registration_authority();
    let to = To::Certificate { certificate: &certificate, transport: KeyTransport::RsaPkcs1 };
    let triple = parse(&seal(&oid::DATA, CONTENT, ContentCipher::TripleDesCbc, &to));
    let refused = open(&triple, Legacy { triple_des: false, ..Legacy::ALL });
    assert!(matches!(refused, Err(CmsError::Outdated { algorithm: "Triple DES", .. })));
    assert_eq!(open(&triple, Legacy { triple_des: true, ..Legacy::default() }).unwrap(), CONTENT);
    // The wrapping of a password recipient counts too.
    let to = To::Password { password: b"p", iterations: 1 };
    let wrapped = parse(&seal(&oid::DATA, CONTENT, ContentCipher::TripleDesCbc, &to));
    let refused = wrapped.decrypt(&[RecipientKey::Password(b"p")], Legacy::default());
    assert!(matches!(refused, Err(CmsError::Outdated { .. })));
    // Single DES is never written.
    assert!(matches!(enveloped(&oid::DATA, CONTENT, ContentCipher::DesCbc, &to), Err(BuildError::Template { .. })));
    assert!(enveloped(&oid::DATA, CONTENT, ContentCipher::Aes128Gcm, &to).is_err());
    assert!(auth_enveloped(&oid::DATA, CONTENT, ContentCipher::Aes128Cbc, &to).is_err());
}

/// An EnvelopedData whose parts are given.
struct Parts {
    kind: ObjectIdentifier,
    transport: Vec<u8>,
    encrypted_key: Vec<u8>,
    cipher: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Option<Vec<u8>>,
}

impl Parts {
    /// To the registration authority, the content key under PKCS#1 v1.5.
    fn with_key(key: &[u8], encryption: &Encryption) -> Self {
        Self {
            kind: oid::ENVELOPED_DATA,
            transport: algorithm(|out| KeyTransport::RsaPkcs1.write(out)),
            encrypted_key: sample_key(key),
            cipher: algorithm(|out| encryption.write(out)),
            ciphertext: encryption.encrypt(key, CONTENT, &[]).unwrap(),
            tag: None,
        }
    }

    fn build(&self) -> EnvelopedData {
        let (certificate, _) = registration_authority();
        let mut out = Writer::default();
        out.nest(SEQUENCE, |out| {
            out.oid(&self.kind).nest(constructed(0), |out| {
                out.nest(SEQUENCE, |out| {
                    out.unsigned(&[0]).nest(SET, |out| {
                        out.nest(SEQUENCE, |out| {
                            out.unsigned(&[0]);
                            certificate.id().write(out);
                            out.raw(&self.transport).value(OCTET_STRING, &self.encrypted_key);
                        });
                    });
                    out.nest(SEQUENCE, |out| {
                        _ = out.oid(&oid::DATA).raw(&self.cipher).value(context(0), &self.ciphertext)
                    });
                    if let Some(tag) = &self.tag {
                        out.value(OCTET_STRING, tag);
                    }
                });
            });
        });
        parse(&out.finish())
    }
}

fn algorithm(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut out = Writer::default();
    write(&mut out);
    out.finish()
}

fn sample(cipher: ContentCipher, key: &[u8]) -> Parts {
    Parts::with_key(key, &Encryption::fresh(cipher).unwrap())
}

#[test]
fn single_des_is_read() {
    let message = sample(ContentCipher::DesCbc, &[9; 8]).build();
    assert_eq!(open(&message, Legacy { des: true, ..Legacy::default() }).unwrap(), CONTENT);
    let refused = open(&message, Legacy { des: false, ..Legacy::ALL });
    assert!(matches!(refused, Err(CmsError::Outdated { algorithm: "single DES", .. })));
}

#[test]
fn gcm_within_enveloped_data_is_read() {
    let parts = sample(ContentCipher::Aes128Gcm, &[9; 16]);
    assert_eq!(open(&parts.build(), Legacy::default()).unwrap(), CONTENT);
    // And nothing shorter than a tag.
    for length in [0, 1, 15] {
        let ciphertext = vec![0; length];
        let short = Parts { ciphertext, ..sample(ContentCipher::Aes128Gcm, &[9; 16]) };
        assert_eq!(open(&short.build(), Legacy::default()), Err(CmsError::Undecryptable));
    }
}

#[test]
fn whatever_fails_in_decryption_fails_alike() {
    let (_, key) = registration_authority();
    let legacy = Legacy::default();
    let good = sample(ContentCipher::Aes128Cbc, &[9; 16]);
    assert_eq!(open(&good.build(), legacy).unwrap(), CONTENT);
    let good_key = good.encrypted_key.clone();
    let mut cases: Vec<(String, Parts)> = Vec::new();
    // Keys of other lengths, properly padded.
    for length in [0, 1, 8, 15, 17, 24, 32, 200] {
        let encrypted_key = sample_key(&vec![9; length]);
        cases.push((
            format!("a key of {length}"),
            Parts { encrypted_key, ..sample(ContentCipher::Aes128Cbc, &[9; 16]) },
        ));
    }
    // Bytes that are no encryption, or of another length than the modulus.
    for encrypted_key in [vec![0; 256], vec![1; 256], vec![0xff; 256], vec![1; 255], vec![1; 257], Vec::new()] {
        cases.push(("no key".to_owned(), Parts { encrypted_key, ..sample(ContentCipher::Aes128Cbc, &[9; 16]) }));
    }
    for at in [0, 100, 255] {
        let mut encrypted_key = good_key.clone();
        encrypted_key[at] ^= 1;
        cases.push((format!("octet {at}"), Parts { encrypted_key, ..sample(ContentCipher::Aes128Cbc, &[9; 16]) }));
    }
    // A ciphertext that is not whole blocks, or none at all.
    for ciphertext in [Vec::new(), vec![0; 15], vec![0; 17]] {
        cases.push(("ciphertext".to_owned(), Parts { ciphertext, ..sample(ContentCipher::Aes128Cbc, &[9; 16]) }));
    }
    for (name, parts) in cases {
        // A random key has a one in 256 chance to leave something that looks padded; never the content.
        match open(&parts.build(), legacy) {
            Err(error) => assert_eq!(error, CmsError::Undecryptable, "{name}"),
            Ok(content) => assert_ne!(content, CONTENT, "{name}"),
        }
    }
    // The key that comes out when the padding is wrong is by chance, and as long as it must be.
    let transport = key_transport::Transport::read(&good.transport).unwrap();
    let one = key.open(&transport, &[1; 256], 16).unwrap();
    let two = key.open(&transport, &[1; 256], 16).unwrap();
    assert!(one.len() == 16 && two.len() == 16 && one != two);
    assert_eq!(key.open(&transport, &good_key, 16).unwrap().as_slice(), [9; 16]);
    assert_ne!(key.open(&transport, &good_key, 8).unwrap().as_slice(), [9; 8]);
    assert_ne!(key.open(&transport, &good_key, 24).unwrap().as_slice(), [9; 24]);
}

fn sample_key(key: &[u8]) -> Vec<u8> {
    let (certificate, _) = registration_authority();
    KeyTransport::RsaPkcs1.encrypt(&certificate.public_key().unwrap(), key).unwrap()
}

#[test]
fn every_padding_is_checked_whole() {
    let key = [9; 16];
    let encryption = Encryption::fresh(ContentCipher::Aes128Cbc).unwrap();
    let with = |last: [u8; 16]| {
        let mut text = last.to_vec();
        cipher::encrypt_blocks(ContentCipher::Aes128Cbc, &key, encryption.iv(), &mut text).unwrap();
        encryption.decrypt(&key, &text, &[]).map(|content| content.len()).ok()
    };
    for count in 1..=16u8 {
        let mut block = [0xaa; 16];
        block[16 - usize::from(count)..].fill(count);
        assert_eq!(with(block), Some(16 - usize::from(count)));
        // One octet of the padding is another.
        if count > 1 {
            block[16 - usize::from(count)] ^= 1;
            assert_eq!(with(block), None, "{count}");
        }
    }
    for last in [0, 17, 0x80, 0xff] {
        assert_eq!(with([last; 16]), None, "{last}");
    }
}

#[test]
fn no_bit_of_an_authenticated_message_can_change() {
    let (certificate, key) = registration_authority();
    let to = To::KeyEncryption { id: b"k", key: &[3; 16] };
    let keys = [RecipientKey::KeyEncryption { id: b"k", key: &[3; 16] }];
    let message = seal(&oid::SIGNED_DATA, CONTENT, ContentCipher::Aes256Gcm, &to);
    for at in 0..message.len() * 8 {
        let mut changed = message.clone();
        changed[at / 8] ^= 1 << (at % 8);
        let Ok(read) = EnvelopedData::parse(&changed, &Limits::default()) else { continue };
        if let Ok(content) = read.decrypt(&keys, Legacy::default()) {
            // Only versions and the outer name of the content's type are not covered.
            assert_eq!(content.as_slice(), CONTENT, "bit {at}");
        }
    }
    // The same with a key that costs more, at each octet of the encrypted key and the ciphertext.
    let to = To::Certificate { certificate: &certificate, transport: KeyTransport::RsaOaep(DigestAlgorithm::Sha256) };
    let message = seal(&oid::DATA, CONTENT, ContentCipher::Aes128Gcm, &to);
    for at in (message.len() - 300..message.len()).step_by(7) {
        let mut changed = message.clone();
        changed[at] ^= 0x10;
        let Ok(read) = EnvelopedData::parse(&changed, &Limits::default()) else { continue };
        let keys = [RecipientKey::Certificate { certificate: &certificate, key: &key }];
        if let Ok(content) = read.decrypt(&keys, Legacy::default()) {
            assert_eq!(content.as_slice(), CONTENT, "octet {at}");
            assert_ne!(read.content_type(), oid::DATA, "octet {at}");
        }
    }
}

#[test]
fn algorithms_that_are_not_known_are_named() {
    let (certificate, _) = registration_authority();
    let refused = |parts: Parts, why: &str| {
        let error = open(&parts.build(), Legacy::ALL).unwrap_err();
        assert!(matches!(error, CmsError::UnsupportedAlgorithm { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    };
    let key = [9; 16];
    let rc2 = ObjectIdentifier::new_unwrap("1.2.840.113549.3.2");
    let cipher = algorithm(|out| _ = out.nest(SEQUENCE, |out| _ = out.oid(&rc2).value(OCTET_STRING, &[0; 8])));
    refused(Parts { cipher, ..sample(ContentCipher::Aes128Cbc, &key) }, "RC2");
    // GCM with a tag of 12 octets, which is what is meant when no length is written.
    let gcm = ContentCipher::Aes128Gcm.oid();
    let cipher = algorithm(|out| {
        out.nest(SEQUENCE, |out| _ = out.oid(&gcm).nest(SEQUENCE, |out| _ = out.value(OCTET_STRING, &[0; 12])));
    });
    refused(Parts { cipher, ..sample(ContentCipher::Aes128Gcm, &key) }, "a tag of 12 octets");
    // OAEP with different digests for itself and for MGF1.
    let hash = |out: &mut Writer| _ = out.nest(SEQUENCE, |out| _ = out.oid(&oid::SHA256).value(NULL, &[]));
    let transport = algorithm(|out| {
        out.nest(SEQUENCE, |out| {
            _ = out.oid(&oid::RSAES_OAEP).nest(SEQUENCE, |out| _ = out.nest(constructed(0), hash))
        });
    });
    refused(Parts { transport, ..sample(ContentCipher::Aes128Cbc, &key) }, "OAEP with SHA-256 and MGF1 with SHA-1");
    let transport = algorithm(|out| _ = out.nest(SEQUENCE, |out| _ = out.oid(&oid::EC_PUBLIC_KEY)));
    let parts = Parts { transport, ..sample(ContentCipher::Aes128Cbc, &key) };
    assert!(parts.build().recipient(&certificate).unwrap().key_transport().is_err());
    refused(parts, "1.2.840.10045.2.1");
    // AuthEnvelopedData with a cipher that authenticates nothing.
    let parts =
        Parts { kind: oid::AUTH_ENVELOPED_DATA, tag: Some(vec![0; 16]), ..sample(ContentCipher::Aes128Cbc, &key) };
    assert!(open(&parts.build(), Legacy::ALL).unwrap_err().to_string().contains("authenticates nothing"));
    // A vector of the wrong length.
    let aes = ContentCipher::Aes128Cbc.oid();
    let cipher = algorithm(|out| _ = out.nest(SEQUENCE, |out| _ = out.oid(&aes).value(OCTET_STRING, &[0; 8])));
    let parts = Parts { cipher, ..sample(ContentCipher::Aes128Cbc, &key) };
    assert!(open(&parts.build(), Legacy::ALL).unwrap_err().to_string().contains("length of a block"));
}

#[test]
fn a_password_may_not_cost_too_much() {
    let sealed =
        |iterations| seal(&oid::DATA, CONTENT, ContentCipher::Aes128Cbc, &To::Password { password: b"p", iterations });
    let limits = Limits { iterations: 1000, ..Limits::default() };
    let read = EnvelopedData::parse(&sealed(1000), &limits).unwrap();
    assert_eq!(read.decrypt(&[RecipientKey::Password(b"p")], Legacy::default()).unwrap().as_slice(), CONTENT);
    let error = EnvelopedData::parse(&sealed(1001), &limits).unwrap_err().to_string();
    assert!(error.contains("1001 iterations"), "{error}");
    assert!(
        enveloped(&oid::DATA, CONTENT, ContentCipher::Aes128Cbc, &To::Password { password: b"p", iterations: 0 })
            .is_err()
    );
}

#[test]
fn keys_that_encrypt_nothing_are_refused() {
    let curve = certificate(p256().public_key(), &[1], None);
    let to = To::Certificate { certificate: &curve, transport: KeyTransport::RsaPkcs1 };
    let error = enveloped(&oid::DATA, CONTENT, ContentCipher::Aes128Cbc, &to).unwrap_err().to_string();
    assert!(error.contains("key of type p-256"), "{error}");
    assert!(DecryptionKey::new(&p256()).unwrap_err().to_string().contains("use an RSA key"));
    let to = To::KeyEncryption { id: b"k", key: &[0; 24] };
    assert!(
        enveloped(&oid::DATA, CONTENT, ContentCipher::Aes128Cbc, &to).unwrap_err().to_string().contains("16 or 32")
    );
    assert!(!format!("{:?}", DecryptionKey::new(&rsa()).unwrap()).contains("30"));
}
