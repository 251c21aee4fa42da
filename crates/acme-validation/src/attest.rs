//! device-attest-01: draft-ietf-acme-device-attest, in the statement formats of Apple, TPM 2.0, Android's keystore, and
//! smallstep's for the PIV of YubiKeys.
//!
//! An attestation says three things, and all must hold: a maker whose root is trusted vouches for the device; the device is
//! the one that was asked for; and the statement was made for this very challenge. It names a key, which the certificate
//! must have.
//!
//! The lists on which makers say that attestation keys are revoked are not asked: they are far away, and each is of its own
//! kind. A maker's root that is no longer believed is left out of the configuration.

mod android_key;
mod apple;
mod chain;
mod elements;
mod roots;
mod statement;
mod step;
mod tpm;

pub use roots::AttestationConfig;
pub(crate) use roots::Roots;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_acme::port::{Attempt, AttemptFailed, Proof};
use chancery_acme::{Identifier, Problem, ProblemType};
use time::OffsetDateTime;

use crate::final_failure;
use statement::Statement;

/// What is wrong with a statement: told to the client, so nothing of the statement's own stands in it but identifiers.
pub(crate) type Wrong = String;

/// What a good statement says.
pub(crate) struct Attested {
    /// Who the device is: any of these.
    pub identifiers: Vec<Identifier>,
    /// The key, SubjectPublicKeyInfo DER.
    pub key: Vec<u8>,
}

/// What a statement must be made for, and when.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub token: &'a str,
    pub key_authorization: &'a str,
    pub now: OffsetDateTime,
}

/// Judge what the client sent. No attempt at it ends otherwise later.
pub(crate) fn validate(roots: &Roots, attempt: &Attempt, now: OffsetDateTime) -> Result<Proof, AttemptFailed> {
    if !matches!(attempt.identifier, Identifier::PermanentIdentifier(_) | Identifier::HardwareModule(_)) {
        let detail = format!("device-attest-01 cannot prove an identifier of type {}", attempt.identifier.kind());
        return Err(final_failure(ProblemType::UnsupportedIdentifier, detail));
    }
    let bad = |why| final_failure(ProblemType::BadAttestationStatement, format!("the attestation is refused: {why}"));
    let object = object(attempt.payload.as_ref()).map_err(bad)?;
    let asked = Asked { token: &attempt.token, key_authorization: &attempt.key_authorization, now };
    let attested = judge(roots, &object, asked).map_err(bad)?;
    if !attested.identifiers.contains(&attempt.identifier) {
        return Err(other_device(&attempt.identifier, &attested.identifiers));
    }
    Ok(Proof { attested_key: Some(attested.key), ..Proof::default() })
}

/// Judge an attestation object.
pub(crate) fn judge(roots: &Roots, object: &[u8], asked: Asked<'_>) -> Result<Attested, Wrong> {
    let statement = Statement::parse(object)?;
    match statement.format() {
        "apple" => apple::judge(&statement, &roots.apple, asked),
        "tpm" => tpm::judge(&statement, &roots.tpm, asked),
        "android-key" => android_key::judge(&statement, &roots.android_key, asked),
        "step" => step::judge(&statement, &roots.step, asked),
        other => Err(format!("its format {other:?} is none of apple, tpm, android-key and step")),
    }
}

/// The octets of `attObj`.
fn object(payload: Option<&serde_json::Value>) -> Result<Vec<u8>, Wrong> {
    let text = payload.and_then(|payload| payload.get("attObj")).and_then(serde_json::Value::as_str);
    let text = text.ok_or("the challenge was answered without an attObj, a text")?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "attObj is not base64url without padding".to_owned())
}

fn other_device(asked: &Identifier, attested: &[Identifier]) -> AttemptFailed {
    let found: Vec<String> = attested.iter().map(ToString::to_string).collect();
    let found = if found.is_empty() { "nothing that identifies the device".to_owned() } else { found.join(", ") };
    let mut failed = final_failure(
        ProblemType::BadAttestationStatement,
        format!("the attestation is of another device: {asked} was asked for, attested is {found}"),
    );
    let detail = format!("the attestation does not name {asked}");
    failed.problem.subproblems = vec![Problem::new(ProblemType::RejectedIdentifier, detail).of(asked.clone())];
    failed
}

/// One part of an attestation, without the signatures around it.
pub(crate) fn fuzz_part(kind: u8, part: &[u8], key_authorization: &str) {
    match kind % 3 {
        0 => tpm::fuzz(part),
        1 => drop(android_key::describe(part, key_authorization)),
        _ => {
            if let Ok(certificate) = chancery_pki::Certificate::from_der(part) {
                drop(tpm::fuzz_certificate(&certificate));
            }
        }
    }
}

#[cfg(test)]
mod tests;
