//! CertRep (RFC 8894 section 3.3.2): one answer, signed by the RA, and for nobody but the request's signer.

use chancery_pki::cms::build::{self, Signed, To};
use chancery_pki::cms::{Attribute, ContentCipher, DigestAlgorithm, EnclosedCertificate, KeyTransport};
use chancery_pki::{BuildError, KeyAlgorithm, PublicKey};
use zeroize::Zeroizing;

use crate::FailInfo;
use crate::failure::shown;
use crate::message::Reference;
use crate::message_type::CERT_REP;
use crate::oid;
use crate::ra_certificate::Signing;

/// How often a challenge is hashed to the key that an answer is encrypted with (RFC 8894 section 3.1).
const ITERATIONS: u32 = 10_000;

/// How an answer is encrypted: as the request was, where that is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mirror {
    pub cipher: ContentCipher,
    /// Whether the request was AuthEnvelopedData.
    pub authenticated: bool,
    pub transport: KeyTransport,
}

impl Default for Mirror {
    /// What every client can read (RFC 8894 section 2.9).
    fn default() -> Self {
        Self { cipher: ContentCipher::Aes128Cbc, authenticated: false, transport: KeyTransport::RsaPkcs1 }
    }
}

impl Mirror {
    /// Never stronger than what the client showed that it can read, and never single DES.
    pub fn of(cipher: ContentCipher, authenticated: bool, transport: Option<KeyTransport>) -> Self {
        let transport = transport.unwrap_or(KeyTransport::RsaPkcs1);
        let cipher = match cipher {
            ContentCipher::DesCbc => ContentCipher::Aes128Cbc,
            // AES-GCM inside EnvelopedData is not RFC 5084; who sends it reads AES-CBC.
            cipher if cipher.is_authenticated() && !authenticated => ContentCipher::Aes128Cbc,
            cipher => cipher,
        };
        Self { cipher, authenticated: cipher.is_authenticated(), transport }
    }
}

/// Whom an answer is encrypted for.
#[derive(Clone)]
pub(crate) enum Recipient {
    /// Whoever holds the key of the request's signer.
    Signer(Box<EnclosedCertificate>),
    /// Whoever knows the challenge: for keys that nothing can be encrypted to.
    Challenge(Zeroizing<Vec<u8>>),
}

impl Recipient {
    /// How the answer can be delivered to this signer, if at all: asked before anything is issued.
    pub fn of(signer: &EnclosedCertificate, key: &PublicKey, challenge: Option<&str>) -> Option<Self> {
        match (key.algorithm(), challenge) {
            (KeyAlgorithm::Rsa { .. }, _) if key.bits() >= 2048 => Some(Self::Signer(Box::new(signer.clone()))),
            (KeyAlgorithm::Rsa { .. }, _) | (_, None) => None,
            (_, Some(challenge)) => Some(Self::Challenge(Zeroizing::new(challenge.as_bytes().to_vec()))),
        }
    }
}

/// How a request ended.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Certificates or a CRL, each in DER.
    Success { certificates: Vec<Vec<u8>>, crls: Vec<Vec<u8>>, recipient: Recipient, mirror: Mirror },
    /// Ask again later.
    Pending,
    /// Refused.
    Failure { info: FailInfo, text: String },
}

impl Answer {
    /// Encrypt and sign. Takes milliseconds.
    ///
    /// # Errors
    /// The recipient's key encrypts nothing, or the RA's signs nothing.
    pub fn write(
        &self,
        reference: &Reference,
        nonce: &[u8],
        signing: &Signing,
        empty_content: bool,
    ) -> Result<Vec<u8>, BuildError> {
        let mut attributes = vec![
            Attribute::printable(oid::MESSAGE_TYPE, CERT_REP),
            Attribute::printable(oid::PKI_STATUS, self.status()),
            // RFC 8894 section 3.3.2 needs none any more; clients of before do.
            Attribute::octets(oid::SENDER_NONCE, nonce),
        ];
        if let Some(transaction) = &reference.transaction {
            attributes.push(Attribute::element(oid::TRANSACTION_ID, transaction.tag, &transaction.octets));
        }
        if let Some(nonce) = &reference.nonce {
            attributes.push(Attribute::octets(oid::RECIPIENT_NONCE, nonce));
        }
        if let Self::Failure { info, text } = self {
            attributes.push(Attribute::printable(oid::FAIL_INFO, info.code()));
            attributes.push(Attribute::utf8(oid::FAIL_INFO_TEXT, &shown(text)));
        }
        let content = match self {
            Self::Success { certificates, crls, recipient, mirror } => {
                Some(envelope(certificates, crls, recipient, *mirror)?)
            }
            // RFC 8894 section 3.3.2: the pkcsPKIEnvelope is left out; some devices want an empty content nevertheless.
            Self::Pending | Self::Failure { .. } => empty_content.then(Vec::new),
        };
        let digest = match reference.digest {
            None | Some(DigestAlgorithm::Sha1) => DigestAlgorithm::Sha256,
            Some(digest) => digest,
        };
        Signed {
            content_type: chancery_pki::oid::DATA,
            content: content.as_deref(),
            attributes: &attributes,
            digest,
            signer: &*signing.key,
            certificate: &signing.certificate,
            certificates: &[signing.certificate.der()],
        }
        .sign()
    }

    fn status(&self) -> &'static str {
        match self {
            Self::Success { .. } => "0",
            Self::Failure { .. } => "2",
            Self::Pending => "3",
        }
    }
}

fn envelope(
    certificates: &[Vec<u8>],
    crls: &[Vec<u8>],
    recipient: &Recipient,
    mirror: Mirror,
) -> Result<Vec<u8>, BuildError> {
    let certificates: Vec<&[u8]> = certificates.iter().map(Vec::as_slice).collect();
    let crls: Vec<&[u8]> = crls.iter().map(Vec::as_slice).collect();
    let content = build::degenerate(&certificates, &crls);
    let to = match recipient {
        Recipient::Signer(certificate) => To::Certificate { certificate, transport: mirror.transport },
        Recipient::Challenge(password) => To::Password { password, iterations: ITERATIONS },
    };
    if mirror.authenticated && matches!(recipient, Recipient::Signer(_)) {
        return build::auth_enveloped(&chancery_pki::oid::DATA, &content, mirror.cipher, &to);
    }
    let cipher = if mirror.cipher.is_authenticated() { ContentCipher::Aes128Cbc } else { mirror.cipher };
    build::enveloped(&chancery_pki::oid::DATA, &content, cipher, &to)
}
