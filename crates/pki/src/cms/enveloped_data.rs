use std::fmt;

use const_oid::ObjectIdentifier;
use zeroize::Zeroizing;

use super::cipher::Encryption;
use super::key_encryption::KeyEncryptionRecipient;
use super::key_transport::Transport;
use super::password::PasswordRecipient;
use super::{
    CertificateId, CmsError, ContentCipher, ContentInfo, DecryptionKey, EnclosedCertificate, KeyTransport, Legacy,
    Limits, WHAT,
};
use crate::tlv::{OCTET_STRING, Reader, SEQUENCE, SET, Tlv, Writer, constructed, context};
use crate::{ParseError, oid};

/// An encrypted content: EnvelopedData (RFC 5652 section 6.1) or AuthEnvelopedData (RFC 5083 section 2.1).
///
/// Some senders put AES-GCM into EnvelopedData, with the tag behind the ciphertext (smallstep's pkcs7); that is read too.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvelopedData {
    recipients: Vec<Recipient>,
    content_type: ObjectIdentifier,
    algorithm: Vec<u8>,
    /// With the tag behind it, if there is one.
    ciphertext: Vec<u8>,
    authenticated: bool,
    /// The authenticated attributes as a SET OF.
    additional: Vec<u8>,
}

/// Whom a content is encrypted for.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(Kind);

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Transport { id: CertificateId, algorithm: Vec<u8>, encrypted_key: Vec<u8> },
    Password(Result<PasswordRecipient, CmsError>),
    KeyEncryption(Result<KeyEncryptionRecipient, CmsError>),
    Other(&'static str),
}

/// What can decrypt a message.
#[derive(Clone, Copy)]
pub enum RecipientKey<'a> {
    /// The RSA key of a certificate.
    Certificate {
        /// By which the message names the key.
        certificate: &'a EnclosedCertificate,
        /// The private key.
        key: &'a DecryptionKey,
    },
    /// A password.
    Password(&'a [u8]),
    /// A key for AES key wrap that the message names by an identifier.
    KeyEncryption {
        /// The identifier.
        id: &'a [u8],
        /// 16 or 32 octets.
        key: &'a [u8],
    },
}

impl EnvelopedData {
    /// From a ContentInfo in BER or DER. Nothing is decrypted yet, and algorithms that are not known are told when they
    /// are needed.
    ///
    /// # Errors
    /// What [`ContentInfo::parse`] refuses, and another content than the two.
    pub fn parse(ber: &[u8], limits: &Limits) -> Result<Self, ParseError> {
        Self::from_content_info(&ContentInfo::parse(ber, limits)?, limits)
    }

    /// From the outer part, read before.
    ///
    /// # Errors
    /// Another content than the two.
    pub fn from_content_info(info: &ContentInfo, limits: &Limits) -> Result<Self, ParseError> {
        let mut data = info.enter(&[oid::ENVELOPED_DATA, oid::AUTH_ENVELOPED_DATA], "EnvelopedData")?;
        let authenticated = info.content_type() == oid::AUTH_ENVELOPED_DATA;
        data.small("version")?;
        data.optional(constructed(0))?;
        let mut set = data.enter(SET, "set of recipients")?;
        let mut recipients = Vec::new();
        while !set.is_empty() {
            recipients.push(Recipient::read(&set.any()?, limits)?);
        }
        let mut encrypted = data.enter(SEQUENCE, "encrypted content")?;
        let content_type = encrypted.oid("type of the encrypted content")?;
        let algorithm = encrypted.expect(SEQUENCE, "content encryption algorithm")?.raw.to_vec();
        if encrypted.is_empty() {
            return Err(ParseError::new(WHAT, "the encrypted content is not in it"));
        }
        let mut ciphertext = octets(&encrypted.any()?)?;
        encrypted.end()?;
        let mut additional = Writer::default();
        if let Some(attributes) = data.optional(constructed(1))?
            && authenticated
        {
            // RFC 5083 section 2.2: authenticated is the SET OF, not the [1] under which it is sent.
            additional.value(SET, attributes.value);
        }
        if authenticated {
            ciphertext.extend_from_slice(data.expect(OCTET_STRING, "authentication tag")?.value);
            data.optional(constructed(2))?;
        }
        data.end()?;
        Ok(Self { recipients, content_type, algorithm, ciphertext, authenticated, additional: additional.finish() })
    }

    /// The type of the content inside.
    pub fn content_type(&self) -> ObjectIdentifier {
        self.content_type
    }

    /// How the content is encrypted.
    ///
    /// # Errors
    /// Not one that is known.
    pub fn cipher(&self) -> Result<ContentCipher, CmsError> {
        Ok(Encryption::read(&self.algorithm)?.cipher)
    }

    /// Whom it is encrypted for.
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// The first recipient that is this certificate.
    pub fn recipient(&self, certificate: &EnclosedCertificate) -> Option<&Recipient> {
        self.recipients.iter().find(|recipient| recipient.id().is_some_and(|id| id.names(certificate)))
    }

    /// The content, decrypted with whichever of the keys a recipient names.
    ///
    /// # Errors
    /// [`CmsError::NoRecipient`] when none does; [`CmsError::UnsupportedAlgorithm`] and [`CmsError::Outdated`] for
    /// algorithms, before any key is used; [`CmsError::Undecryptable`] for everything that fails after that.
    pub fn decrypt(&self, keys: &[RecipientKey<'_>], legacy: Legacy) -> Result<Zeroizing<Vec<u8>>, CmsError> {
        let encryption = Encryption::read(&self.algorithm)?;
        let cipher = encryption.cipher.allowed(legacy)?;
        if self.authenticated && !cipher.is_authenticated() {
            return Err(ParseError::new(WHAT, "AuthEnvelopedData has a cipher that authenticates nothing").into());
        }
        let length = cipher.key_length();
        let pairs = self.recipients.iter().flat_map(|recipient| keys.iter().map(move |key| (&recipient.0, *key)));
        let mut opened = None;
        for (recipient, key) in pairs {
            opened = match (recipient, key) {
                (Kind::Transport { id, algorithm, encrypted_key }, RecipientKey::Certificate { certificate, key })
                    if id.names(certificate) =>
                {
                    Some(key.open(&Transport::read(algorithm)?, encrypted_key, length))
                }
                (Kind::Password(recipient), RecipientKey::Password(password)) => {
                    let recipient = recipient.as_ref().map_err(Clone::clone)?;
                    recipient.allowed(legacy)?;
                    Some(recipient.open(password, length))
                }
                (Kind::KeyEncryption(Ok(recipient)), RecipientKey::KeyEncryption { id, key }) if recipient.id == id => {
                    Some(recipient.open(key))
                }
                (Kind::KeyEncryption(Err(error)), RecipientKey::KeyEncryption { .. }) => return Err(error.clone()),
                _ => continue,
            };
            break;
        }
        let key = opened.ok_or(CmsError::NoRecipient)?.map_err(|_| CmsError::Undecryptable)?;
        encryption.decrypt(&key, &self.ciphertext, &self.additional).map_err(|_| CmsError::Undecryptable)
    }
}

impl Recipient {
    fn read(tlv: &Tlv<'_>, limits: &Limits) -> Result<Self, ParseError> {
        const KEY_AGREEMENT: u8 = constructed(1);
        const KEY_ENCRYPTION: u8 = constructed(2);
        const PASSWORD: u8 = constructed(3);
        let mut info = Reader::new(WHAT, tlv.value);
        // What is malformed makes the message malformed; an algorithm that is not known does not matter before it is used.
        Ok(Self(match tlv.tag {
            SEQUENCE => {
                info.small("recipient's version")?;
                let id = CertificateId::read(&mut info, "recipient's issuer and serial number")?;
                let algorithm = info.expect(SEQUENCE, "key encryption algorithm")?.raw.to_vec();
                let encrypted_key = info.expect(OCTET_STRING, "encrypted key")?.value.to_vec();
                info.end()?;
                Kind::Transport { id, algorithm, encrypted_key }
            }
            PASSWORD => Kind::Password(known(PasswordRecipient::read(&mut info, limits))?),
            KEY_ENCRYPTION => Kind::KeyEncryption(known(KeyEncryptionRecipient::read(&mut info))?),
            KEY_AGREEMENT => Kind::Other("key agreement"),
            _ => Kind::Other("another kind"),
        }))
    }

    /// The certificate that it names, if it is of the kind that names one and is read.
    pub fn id(&self) -> Option<&CertificateId> {
        match &self.0 {
            Kind::Transport { id, .. } => Some(id),
            _ => None,
        }
    }

    /// How the content key is encrypted to the certificate's key; `None` for recipients that name no certificate.
    ///
    /// # Errors
    /// Not an algorithm that is known.
    pub fn key_transport(&self) -> Result<Option<KeyTransport>, CmsError> {
        match &self.0 {
            Kind::Transport { algorithm, .. } => Ok(Some(Transport::read(algorithm)?.algorithm)),
            _ => Ok(None),
        }
    }

    /// Whether it is somebody who has a password.
    pub fn has_password(&self) -> bool {
        matches!(self.0, Kind::Password(_))
    }
}

fn known<T>(read: Result<T, CmsError>) -> Result<Result<T, CmsError>, ParseError> {
    match read {
        Err(CmsError::Malformed(error)) => Err(error),
        other => Ok(other),
    }
}

/// An implicit OCTET STRING under [0], in one piece or in several (Go's pkcs7 and BouncyCastle write several).
fn octets(tlv: &Tlv<'_>) -> Result<Vec<u8>, ParseError> {
    if tlv.tag == context(0) {
        return Ok(tlv.value.to_vec());
    }
    if tlv.tag != constructed(0) {
        return Err(ParseError::new(WHAT, format!("where the ciphertext must be there is tag {:#04x}", tlv.tag)));
    }
    let mut pieces = Reader::new(WHAT, tlv.value);
    let mut joined = Vec::with_capacity(tlv.value.len());
    while !pieces.is_empty() {
        joined.extend_from_slice(pieces.expect(OCTET_STRING, "piece of the ciphertext")?.value);
    }
    Ok(joined)
}

impl fmt::Debug for EnvelopedData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnvelopedData({:?}, {} octets for {:?})", self.cipher(), self.ciphertext.len(), self.recipients)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Transport { id, .. } => write!(f, "{id:?}"),
            Kind::Password(_) => f.write_str("a password"),
            Kind::KeyEncryption(_) => f.write_str("a shared key"),
            Kind::Other(kind) => f.write_str(kind),
        }
    }
}
