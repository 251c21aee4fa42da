//! A pkiMessage as it comes (RFC 8894 section 3.2): read, then verified.

use chancery_pki::cms::{
    AttributeValue, DigestAlgorithm, EnclosedCertificate, Legacy, Limits, SignedAttributes, SignedData, SignerInfo,
};
use chancery_pki::{ParseError, PublicKey};

use crate::failure::Failure;
use crate::{FailInfo, MessageType, oid};

/// Largest message in bytes: requests have 2 to 5 KiB, and one with an RSA-8192 key and many names has 16.
pub const LARGEST: usize = 64 * 1024;
/// Longest transactionID in bytes.
const LONGEST_TRANSACTION: usize = 255;
/// Longest senderNonce in bytes: RFC 8894 section 3.2.1.5 has 16, old devices 8, careful ones 32.
const LONGEST_NONCE: usize = 64;
/// Most certificates in a message: the signer's and its chain.
const MOST_CERTIFICATES: usize = 32;

pub(crate) fn limits() -> Limits {
    Limits { size: LARGEST, ..Limits::default() }
}

/// A transactionID (RFC 8894 section 3.2.1.1) with the type of string that it came as: it goes back to the last bit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransactionId {
    /// The string type's tag.
    pub tag: u8,
    /// Its octets.
    pub octets: Vec<u8>,
}

/// A message that could be read. Nothing is believed yet.
pub(crate) struct Message {
    data: SignedData,
    attributes: SignedAttributes,
}

/// What an answer refers to, as far as the message says it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reference {
    /// transactionID.
    pub transaction: Option<TransactionId>,
    /// recipientNonce: the message's senderNonce.
    pub nonce: Option<Vec<u8>>,
    /// The digest to answer with.
    pub digest: Option<DigestAlgorithm>,
}

/// A message whose signature holds.
pub(crate) struct Verified {
    pub kind: MessageType,
    pub transaction: TransactionId,
    pub signer: EnclosedCertificate,
    pub key: PublicKey,
    /// The pkcsPKIEnvelope; none in a message without one.
    pub content: Option<Vec<u8>>,
}

impl Message {
    /// Read.
    ///
    /// # Errors
    /// It is no SignedData in BER or DER, or too large.
    pub fn read(bytes: &[u8]) -> Result<Self, ParseError> {
        let data = SignedData::parse(bytes, &limits())?;
        let attributes = data.signers().first().map(SignerInfo::unverified_attributes).unwrap_or_default();
        Ok(Self { data, attributes })
    }

    /// What an answer refers to: taken before anything is verified, and used for nothing else.
    pub fn reference(&self) -> Reference {
        let transaction = self.value(&oid::TRANSACTION_ID).and_then(|value| transaction_id(&value).ok());
        let nonce = self.value(&oid::SENDER_NONCE).and_then(|value| nonce(&value).ok());
        let digest = self.data.signers().first().and_then(|signer| signer.digest_algorithm().ok());
        Reference { transaction, nonce, digest }
    }

    fn value(&self, kind: &chancery_pki::ObjectIdentifier) -> Option<AttributeValue<'_>> {
        self.attributes.get(kind).ok().flatten()
    }

    /// Verify the signature and read what it covers.
    pub fn verify(&self, legacy: Legacy) -> Result<Verified, Failure> {
        let integrity = |error: ParseError| Failure::new(FailInfo::BadMessageCheck, error.to_string());
        let request = |error: ParseError| Failure::new(FailInfo::BadRequest, error.to_string());
        if self.data.certificates().len() > MOST_CERTIFICATES {
            let why = format!("the message has more than {MOST_CERTIFICATES} certificates; send the signer's alone");
            return Err(Failure::new(FailInfo::BadMessageCheck, why));
        }
        // RFC 8894 section 3.2: exactly one signature, over content of the type data.
        let info = self.data.only_signer().map_err(integrity)?;
        if self.data.content_type() != chancery_pki::oid::DATA {
            let why = "the signed content is not of the type data (RFC 8894 section 3.2)";
            return Err(Failure::new(FailInfo::BadMessageCheck, why));
        }
        let signer = self.data.certificate_of(info).map_err(integrity)?;
        let key = signer.public_key().map_err(|error| Failure::of_cms(error.into()))?;
        let content = self.data.content();
        let attributes = info.verify(&key, content.unwrap_or_default(), legacy).map_err(Failure::of_cms)?;
        // RFC 8894 section 3.2.1: what every request has.
        let transaction = attributes.require(&oid::TRANSACTION_ID, "transactionID").map_err(request)?;
        let transaction = transaction_id(&transaction).map_err(|why| Failure::new(FailInfo::BadRequest, why))?;
        let sender_nonce = attributes.require(&oid::SENDER_NONCE, "senderNonce").map_err(request)?;
        nonce(&sender_nonce).map_err(|why| Failure::new(FailInfo::BadRequest, why))?;
        let kind = attributes.require(&oid::MESSAGE_TYPE, "messageType").map_err(request)?;
        let text = kind.text().map_err(request)?;
        let kind = MessageType::parse(text).ok_or_else(|| {
            let text: String = text.chars().take(16).collect();
            let why = format!(
                "messageType {text:?} is not served: send PKCSReq (19), RenewalReq (17), CertPoll (20), GetCert (21) or \
                 GetCRL (22)"
            );
            Failure::new(FailInfo::BadRequest, why)
        })?;
        let content = content.filter(|content| !content.is_empty()).map(<[u8]>::to_vec);
        Ok(Verified { kind, transaction, signer, key, content })
    }
}

fn transaction_id(value: &AttributeValue<'_>) -> Result<TransactionId, String> {
    let text = value.text().map_err(|error| error.to_string())?;
    if text.is_empty() || text.len() > LONGEST_TRANSACTION || text.chars().any(char::is_control) {
        return Err(format!(
            "the transactionID must have 1 to {LONGEST_TRANSACTION} bytes and no control characters (RFC 8894 section \
             3.2.1.1)"
        ));
    }
    Ok(TransactionId { tag: value.tag, octets: value.content.to_vec() })
}

fn nonce(value: &AttributeValue<'_>) -> Result<Vec<u8>, String> {
    let octets = value.octets().map_err(|error| error.to_string())?;
    if octets.is_empty() || octets.len() > LONGEST_NONCE {
        return Err(format!(
            "the senderNonce must have 1 to {LONGEST_NONCE} bytes, and should have 16 (RFC 8894 section 3.2.1.5)"
        ));
    }
    Ok(octets.to_vec())
}
