//! Certificates and chains as files, inside JSON.

use actix_web::web::Json;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_core::{CertificateRecord, Rejection};
use chancery_pki::{Certificate, certs_only};

use crate::Error;
use crate::call::Call;
use crate::certificate::detailed;
use crate::dto::certificate::{CertificateChainResponseDto, DownloadDto, authority_detail};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Raw,
    Pkcs7,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Pem,
    Der,
}

/// The file that the request names: `{format}` in its path and `encoding` in its query.
fn wanted(call: &Call) -> Result<(Format, Encoding), Error> {
    let format = match call.request.match_info().get("format") {
        Some("raw") => Format::Raw,
        Some("pkcs7") => Format::Pkcs7,
        _ => return Err(Error::malformed("the format in the path is neither raw nor pkcs7")),
    };
    let encoding = match call.query("encoding").as_deref() {
        Some("pem") => Encoding::Pem,
        Some("der") => Encoding::Der,
        _ => return Err(Error::malformed("the query parameter encoding must be pem or der")),
    };
    Ok((format, encoding))
}

pub(crate) async fn file(call: Call) -> Result<Json<DownloadDto>, Error> {
    let (format, encoding) = wanted(&call)?;
    let record = call.ra.certificate(&call.actor, &call.origin, call.id("uuid")?).await?;
    let certificate = issued(&record)?;
    Ok(Json(encoded(format, encoding, &[certificate], None)?))
}

pub(crate) async fn chain(call: Call) -> Result<Json<CertificateChainResponseDto>, Error> {
    let id = call.id("uuid")?;
    let with_end = call.flag("withEndCertificate")?.unwrap_or(false);
    let record = call.ra.certificate(&call.actor, &call.origin, id).await?;
    let above = call.ra.chain(&call.actor, &call.origin, id).await?;
    let now = call.ra.ports().clock.now();
    let mut certificates = Vec::with_capacity(above.len() + 1);
    if with_end && record.certificate.is_some() {
        certificates.push(detailed(&call, &record).await?);
    }
    certificates.extend(above.iter().map(|(id, certificate)| authority_detail(*id, certificate, now)));
    let complete_chain = is_complete(&record, above.iter().map(|(_, certificate)| certificate))?;
    Ok(Json(CertificateChainResponseDto { complete_chain, certificates }))
}

pub(crate) async fn chain_file(call: Call) -> Result<Json<DownloadDto>, Error> {
    let (format, encoding) = wanted(&call)?;
    let with_end = call.flag("withEndCertificate")?.unwrap_or(false);
    if (format, encoding) == (Format::Raw, Encoding::Der) {
        let why = "a chain has no raw DER form; use raw with encoding pem, or pkcs7";
        return Err(chancery_core::Error::rejected(Rejection::State(why.into())).into());
    }
    let id = call.id("uuid")?;
    let record = call.ra.certificate(&call.actor, &call.origin, id).await?;
    let end = issued(&record)?;
    let above = call.ra.chain(&call.actor, &call.origin, id).await?;
    let complete = is_complete(&record, above.iter().map(|(_, certificate)| certificate))?;
    let certificates: Vec<_> =
        with_end.then_some(end).into_iter().chain(above.into_iter().map(|(_, certificate)| certificate)).collect();
    Ok(Json(encoded(format, encoding, &certificates, Some(complete))?))
}

/// Whether the chain ends in a self-issued certificate.
fn is_complete<'a>(
    record: &CertificateRecord,
    above: impl DoubleEndedIterator<Item = &'a Certificate>,
) -> Result<bool, Error> {
    match above.last() {
        Some(top) => Ok(top.is_self_issued()),
        None => Ok(record.certificate.is_some() && issued(record)?.is_self_issued()),
    }
}

fn issued(record: &CertificateRecord) -> Result<Certificate, Error> {
    let Some(der) = &record.certificate else {
        let why = format!("the certificate is in state {}: there is nothing to download yet", record.state.as_str());
        return Err(chancery_core::Error::rejected(Rejection::State(why)).into());
    };
    Ok(Certificate::from_der(der).map_err(chancery_core::Error::internal)?)
}

fn encoded(
    format: Format,
    encoding: Encoding,
    certificates: &[Certificate],
    complete_chain: Option<bool>,
) -> Result<DownloadDto, Error> {
    let file = match (format, encoding) {
        (Format::Raw, Encoding::Pem) => certificates.iter().map(Certificate::to_pem).collect::<String>().into_bytes(),
        (Format::Raw, Encoding::Der) => certificates.first().map(|first| first.der().to_vec()).unwrap_or_default(),
        (Format::Pkcs7, Encoding::Der) => certs_only(certificates),
        (Format::Pkcs7, Encoding::Pem) => pem("PKCS7", &certs_only(certificates)).into_bytes(),
    };
    Ok(DownloadDto {
        format: if format == Format::Raw { "raw" } else { "pkcs7" },
        encoding: if encoding == Encoding::Pem { "pem" } else { "der" },
        content: STANDARD.encode(file),
        complete_chain,
    })
}

/// RFC 7468 armour, lines of 64.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut armoured = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        armoured.extend(line.iter().map(|&byte| char::from(byte)));
        armoured.push('\n');
    }
    armoured + &format!("-----END {label}-----\n")
}
