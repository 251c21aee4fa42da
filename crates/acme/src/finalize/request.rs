//! What the request of a finalize must be: RFC 8555 section 7.4.

use chancery_core::{Error, Rejection};
use chancery_pki::Csr;

use crate::call::Call;
use crate::{Identifier, Problem, ProblemType, base64url};

/// RFC 8555 section 7.4: DER in base64url.
pub(super) fn decode(call: &Call<'_>, text: &str) -> Result<Vec<u8>, Problem> {
    let padded = call.directory.acme_profile.settings.padded_base64;
    let der = if padded { base64url::decode_padded(text) } else { base64url::decode(text) };
    let der = der.ok_or_else(|| {
        Problem::new(ProblemType::Malformed, "csr is not base64url without padding (RFC 8555 section 6.1)")
    })?;
    if der.first() != Some(&0x30) {
        let why = "csr is not a certificate request in DER: send no PEM, and encode it once";
        return Err(Problem::new(ProblemType::BadCsr, why));
    }
    Ok(der)
}

/// What a fault of the domain is when the request is what was wrong.
pub(super) fn bad_csr(error: Error) -> Problem {
    match error {
        Error::Malformed(why) => Problem::new(ProblemType::BadCsr, why),
        Error::Rejected(rejections)
            if rejections.iter().all(|rejection| {
                matches!(
                    rejection,
                    Rejection::Proof(_)
                        | Rejection::Key(_)
                        | Rejection::Name { .. }
                        | Rejection::Extension { .. }
                        | Rejection::Renewal(_)
                )
            }) =>
        {
            Problem::new(ProblemType::BadCsr, Error::Rejected(rejections).to_string())
        }
        error => error.into(),
    }
}

/// RFC 8555 section 7.4: the request names exactly the identifiers of the order, as alternative names or (a DNS name) as
/// common name. Those that are not among its alternative names come back.
pub(super) fn check_names<'a>(csr: &Csr, identifiers: &'a [Identifier]) -> Result<Vec<&'a Identifier>, Problem> {
    let bad = |why: String| Problem::new(ProblemType::BadCsr, why);
    let mut named: Vec<Identifier> = Vec::new();
    for name in csr.subject_alt_names() {
        let identifier = Identifier::of_general_name(name).filter(|identifier| identifiers.contains(identifier));
        let identifier = identifier.ok_or_else(|| {
            let text = crate::problem::shown(&name.to_string());
            bad(format!("the request has the alternative name {text}, which is no identifier of the order"))
        })?;
        named.push(identifier);
    }
    let mut common = Vec::new();
    for text in csr.subject().values(chancery_pki::AttributeKind::CommonName) {
        let lower = text.to_lowercase();
        let identifier =
            identifiers.iter().find(|identifier| identifier.value() == lower || identifier.value() == text);
        let identifier = identifier.ok_or_else(|| {
            let text = crate::problem::shown(text);
            bad(format!("the request has the common name {text:?}, which is no identifier of the order; leave it out"))
        })?;
        // An address is one among the alternative names alone (RFC 8738 section 3).
        if matches!(identifier, Identifier::Dns(_)) || named.contains(identifier) {
            common.push(identifier);
        } else {
            return Err(bad(format!("the request has {identifier} as common name only; name it in subjectAltName")));
        }
    }
    let missing: Vec<&Identifier> = identifiers.iter().filter(|identifier| !named.contains(identifier)).collect();
    let device = |identifier: &Identifier| matches!(identifier, Identifier::PermanentIdentifier(_));
    if let Some(absent) = missing.iter().find(|absent| !common.contains(*absent) && !device(absent)) {
        return Err(bad(format!("the request lacks {absent}, an identifier of the order")));
    }
    Ok(missing)
}

/// Nothing but names was proved: of the subject, what the RA profile would certify beside the common name is refused (what
/// it leaves out anyway does no harm).
pub(super) fn check_subject(csr: &Csr, taken: &[chancery_pki::ObjectIdentifier]) -> Result<(), Problem> {
    let common_name = chancery_pki::AttributeKind::CommonName.oid();
    let unproved = csr
        .subject()
        .rdns()
        .iter()
        .flatten()
        .find(|attribute| *attribute.oid() != common_name && taken.contains(attribute.oid()));
    match unproved {
        None => Ok(()),
        Some(attribute) => {
            let text = crate::problem::shown(attribute.value());
            let why = format!(
                "the request's subject has {text:?}, which no authorization proves: leave everything but the common name \
                 out of the subject"
            );
            Err(Problem::new(ProblemType::BadCsr, why))
        }
    }
}
