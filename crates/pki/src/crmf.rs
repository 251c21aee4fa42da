//! Certificate Request Message Format (RFC 4211): the request of CMP, CMC and some enrolment clients.
//!
//! A message whose proof of possession is a signature becomes a [`Csr`] as a PKCS#10 request does. What other proofs say
//! is told ([`Proof`]) and is for the caller to weigh: an RA's word is worth what the RA is.

use der::Encode;

use crate::csr::Parts;
use crate::error::SIZE_LIMIT;
use crate::extension::Extensions;
use crate::tlv::{Reader, SEQUENCE, Tlv, Writer, constructed, context, whole};
use crate::{
    BuildError, Csr, CsrError, CsrTemplate, Name, ParseError, PublicKey, RequestFormat, SignatureAlgorithm, Signer,
    armour, general_name,
};

const WHAT: &str = "the certificate request message";

/// How a message proves that its sender has the private key (RFC 4211 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By a signature, which verified.
    Signature,
    /// By the word of the RA that sent it (`raVerified`).
    RaVerified,
    /// By a later exchange of an encrypted value (`keyEncipherment`, `keyAgreement`).
    Exchange,
    /// Not at all.
    Absent,
}

/// One CertReqMsg.
#[derive(Clone, Debug)]
pub struct CertReqMsg {
    proof: Proof,
    csr: Option<Csr>,
    subject: Name,
    public_key: PublicKey,
}

/// CertReqMessages of exactly one message, from DER, or Base64 of it; at most 64 KiB.
///
/// The template's subject, public key and extensions count. Its issuer and validity are wishes that a profile answers, and
/// are not looked at; nor are controls and regInfo.
///
/// # Errors
/// [`CsrError::Malformed`] for other bytes, several messages, a template without a public key, one that asks for a serial
/// number or an algorithm (RFC 4211 section 5: it must not), and a signature over another input than the request;
/// otherwise as [`Csr::from_der`].
pub fn parse(bytes: &[u8]) -> Result<CertReqMsg, CsrError> {
    from_der(&armour::strip(WHAT, bytes, &["CRMF"])?)
}

/// [`parse`] of DER.
///
/// # Errors
/// As [`parse`].
pub fn from_der(der: &[u8]) -> Result<CertReqMsg, CsrError> {
    if der.len() > SIZE_LIMIT {
        return Err(ParseError::TooLarge { what: WHAT, size: der.len(), limit: SIZE_LIMIT }.into());
    }
    let mut messages = whole(WHAT, der, SEQUENCE)?;
    let mut message = messages.enter(SEQUENCE, "message")?;
    if !messages.is_empty() {
        return Err(ParseError::Malformed {
            what: WHAT,
            why: "there are several requests in it".to_owned(),
            mend: "send one at a time",
        }
        .into());
    }
    let request = message.expect(SEQUENCE, "request")?;
    let mut fields = Reader::new(WHAT, request.value);
    fields.integer("identifier")?;
    let template = Template::read(fields.enter(SEQUENCE, "template")?)?;
    fields.optional(SEQUENCE)?;
    fields.end()?;

    const RA_VERIFIED: u8 = context(0);
    const SIGNATURE: u8 = constructed(1);
    const KEY_ENCIPHERMENT: u8 = constructed(2);
    const KEY_AGREEMENT: u8 = constructed(3);
    let (proof, signature) = match message.peek() {
        None | Some(SEQUENCE) => (Proof::Absent, None),
        Some(RA_VERIFIED) => {
            if !message.any()?.value.is_empty() {
                return Err(message.error("its raVerified is not empty").into());
            }
            (Proof::RaVerified, None)
        }
        Some(SIGNATURE) => {
            let signing = message.any()?;
            (Proof::Signature, Some(verify(&signing, request.raw, &template.public_key)?))
        }
        Some(KEY_ENCIPHERMENT | KEY_AGREEMENT) => {
            message.any()?;
            (Proof::Exchange, None)
        }
        Some(other) => {
            return Err(message
                .error(format!("where the proof of possession must be there is tag {other:#04x}"))
                .into());
        }
    };
    message.optional(SEQUENCE)?;
    message.end()?;
    let Template { subject, public_key, extensions } = template;
    let csr = signature.map(|signature_algorithm| {
        Csr::new(Parts {
            format: RequestFormat::Crmf,
            der: der.to_vec(),
            subject: subject.clone(),
            public_key: public_key.clone(),
            signature_algorithm,
            extensions,
            challenge_password: None,
        })
    });
    Ok(CertReqMsg { proof, csr, subject, public_key })
}

impl CertReqMsg {
    /// How possession of the key is proved.
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// The request, when a signature proves it.
    ///
    /// # Errors
    /// [`CsrError::Unproved`] for every other proof.
    pub fn into_request(self) -> Result<Csr, CsrError> {
        self.csr.ok_or(CsrError::Unproved(match self.proof {
            Proof::RaVerified => "is only the word of an RA (raVerified)",
            Proof::Exchange => "needs another exchange (keyEncipherment or keyAgreement)",
            Proof::Signature | Proof::Absent => "is not in it",
        }))
    }

    /// The subject asked for, proved or not; may be empty.
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// The key, proved or not.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }
}

/// The fields of a CertTemplate that count (RFC 4211 section 5).
struct Template {
    subject: Name,
    public_key: PublicKey,
    extensions: Extensions,
}

impl Template {
    fn read(mut fields: Reader<'_>) -> Result<Self, ParseError> {
        fields.optional(context(0))?;
        for (tag, name) in [(context(1), "serialNumber"), (constructed(2), "signingAlg")] {
            if fields.optional(tag)?.is_some() {
                return Err(
                    fields.error(format!("it asks for a {name}, which is for the CA to choose (RFC 4211 section 5)"))
                );
            }
        }
        fields.optional(constructed(3))?;
        fields.optional(constructed(4))?;
        let subject = match fields.optional(constructed(5))? {
            Some(explicit) => {
                let mut explicit = Reader::new(WHAT, explicit.value);
                let name = Name::from_der(explicit.expect(SEQUENCE, "subject")?.raw)?;
                explicit.end()?;
                name
            }
            None => Name::empty(),
        };
        let Some(key) = fields.optional(constructed(6))? else {
            return Err(fields.error("its template has no public key"));
        };
        // The [6] stands in place of the SEQUENCE.
        let public_key = PublicKey::from_spki_der(&sequence(key.value))?;
        fields.optional(context(7))?;
        fields.optional(context(8))?;
        let extensions = match fields.optional(constructed(9))? {
            Some(list) => Extensions::read(&mut Reader::new(WHAT, list.value))?,
            None => Extensions::default(),
        };
        fields.end()?;
        Ok(Self { subject, public_key, extensions })
    }
}

/// POPOSigningKey (RFC 4211 section 4.1), over the CertRequest.
fn verify(signing: &Tlv<'_>, request: &[u8], key: &PublicKey) -> Result<SignatureAlgorithm, CsrError> {
    let mut fields = Reader::new(WHAT, signing.value);
    if fields.peek() == Some(constructed(0)) {
        return Err(ParseError::Malformed {
            what: WHAT,
            why: "its proof of possession is signed over a poposkInput, whose sender or MAC cannot be checked here"
                .to_owned(),
            mend: "put subject and public key into the template and leave poposkInput out (RFC 4211 section 4.1)",
        }
        .into());
    }
    let raw = fields.expect(SEQUENCE, "algorithm of the proof of possession")?.raw;
    let algorithm = SignatureAlgorithm::from_der(raw)?;
    let signature = fields.bit_string("signature of the proof of possession")?;
    fields.end()?;
    Csr::check(WHAT, key, algorithm, request, signature)?;
    Ok(algorithm)
}

fn sequence(value: &[u8]) -> Vec<u8> {
    let mut out = Writer::with_capacity(value.len() + 6);
    out.value(SEQUENCE, value);
    out.finish()
}

impl CsrTemplate {
    /// Build CertReqMessages of one message, its possession proved by a signature. The challenge password has no place
    /// there and is left out.
    ///
    /// # Errors
    /// A name that cannot be encoded, or the signer failed.
    pub fn sign_crmf(&self, signer: &dyn Signer) -> Result<Csr, BuildError> {
        let failed = |error| BuildError::der(WHAT, error);
        let names = match self.subject_alt_names.as_slice() {
            [] => None,
            names => Some(general_name::write_all(names)?),
        };
        let mut extensions = Vec::new();
        for extension in self.extensions(names).map_err(failed)? {
            extensions.extend(extension.to_der().map_err(failed)?);
        }
        let spki = whole(WHAT, signer.public_key().spki_der(), SEQUENCE)
            .map_err(|error| BuildError::new(WHAT, error.to_string()))?
            .rest()
            .to_vec();
        let mut request = Writer::default();
        request.nest(SEQUENCE, |out| {
            out.unsigned(&[0]).nest(SEQUENCE, |out| {
                let subject = self.subject.clone().unwrap_or_else(Name::empty);
                out.nest(constructed(5), |out| _ = out.raw(subject.der()));
                out.value(constructed(6), &spki);
                if !extensions.is_empty() {
                    out.value(constructed(9), &extensions);
                }
            });
        });
        let request = request.finish();
        let signature = signer.sign(&request)?;
        let mut messages = Writer::default();
        messages.nest(SEQUENCE, |out| {
            out.nest(SEQUENCE, |out| {
                out.raw(&request).nest(constructed(1), |out| {
                    out.raw(&signer.signature_algorithm().to_der()).bits(&signature);
                });
            });
        });
        let read = from_der(&messages.finish()).and_then(CertReqMsg::into_request);
        read.map_err(|error| BuildError::new(WHAT, error.to_string()))
    }
}

#[cfg(test)]
mod tests;
