//! Our types as x509-cert's, for building. Each conversion goes through DER, so the bytes say what is meant.

use der::asn1::BitString;
use der::{DateTime, Decode, Document, Encode, Sequence};
use signature::Keypair;
use spki::{AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey, SubjectPublicKeyInfoOwned};
use time::OffsetDateTime;
use x509_cert::time::Time;

use crate::{BuildError, Name, PublicKey, SignatureAlgorithm, Signer};

/// What x509-cert's builders want to know of a signer. They do not sign: a signer of ours may live elsewhere and says
/// why it failed, for which `signature::Error` has no room.
pub(crate) struct Announced<'a>(pub &'a dyn Signer);

impl Keypair for Announced<'_> {
    type VerifyingKey = Spki;

    fn verifying_key(&self) -> Spki {
        Spki(self.0.public_key().clone())
    }
}

impl DynSignatureAlgorithmIdentifier for Announced<'_> {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        Ok(algorithm(self.0.signature_algorithm())?)
    }
}

/// A public key as x509-cert's builders take it.
#[derive(Clone)]
pub(crate) struct Spki(PublicKey);

impl EncodePublicKey for Spki {
    fn to_public_key_der(&self) -> spki::Result<Document> {
        Ok(Document::try_from(self.0.spki_der())?)
    }
}

pub(crate) fn algorithm(algorithm: SignatureAlgorithm) -> der::Result<AlgorithmIdentifierOwned> {
    AlgorithmIdentifierOwned::from_der(&algorithm.to_der())
}

pub(crate) fn name(name: &Name) -> der::Result<x509_cert::name::Name> {
    x509_cert::name::Name::from_der(name.der())
}

pub(crate) fn public_key(key: &PublicKey) -> der::Result<SubjectPublicKeyInfoOwned> {
    SubjectPublicKeyInfoOwned::from_der(key.spki_der())
}

/// RFC 5280 section 4.1.2.5: UTCTime through 2049, then GeneralizedTime; whole seconds; 1970 to 9999.
pub(crate) fn time(at: OffsetDateTime) -> der::Result<Time> {
    let seconds = u64::try_from(at.unix_timestamp()).map_err(|_| der::ErrorKind::DateTime)?;
    Ok(DateTime::from_unix_duration(std::time::Duration::from_secs(seconds))?.into())
}

/// What signing puts around the part to be signed, in certificates, requests and lists alike (RFC 5280 section
/// 4.1.1). The part is copied as it was signed: encoding it a second time could only go wrong.
#[derive(Sequence)]
struct Signed<'a> {
    part: der::AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// Sign, and put the three together.
pub(crate) fn seal(part: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, BuildError> {
    let signature = signer.sign(part)?;
    let signed = || {
        let part = der::AnyRef::from_der(part)?;
        let algorithm = algorithm(signer.signature_algorithm())?;
        Signed { part, algorithm, signature: BitString::from_bytes(&signature)? }.to_der()
    };
    signed().map_err(|error| BuildError::der("the signed object", error))
}
