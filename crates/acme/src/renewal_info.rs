//! When a certificate should be renewed: RFC 9773.

use std::fmt;
use std::str::FromStr;
use std::time::Duration as Wait;

use chancery_core::{CertificateRecord, CertificateState};
use chancery_pki::{Certificate, SerialNumber};
use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::order::rfc3339;
use crate::port::RenewalMark;
use crate::{Acme, Directory, Problem, ProblemType, Reply, base64url};

/// From one question of a client to the next, before the jitter (RFC 9773 section 4.3).
const ASK_AGAIN: u64 = 6 * 3600;
/// By how much the jitter makes it shorter or longer.
const JITTER: u64 = ASK_AGAIN / 5;

/// RFC 9773 section 4.1: by what a certificate is known to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateId {
    pub(crate) authority_key: Vec<u8>,
    pub(crate) serial: SerialNumber,
}

impl CertificateId {
    /// None for a certificate that does not name its issuer's key.
    pub(crate) fn of(certificate: &Certificate) -> Option<Self> {
        let authority_key = certificate.authority_key_id()?.to_vec();
        Some(Self { authority_key, serial: certificate.serial().clone() })
    }
}

impl fmt::Display for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.serial.as_bytes();
        let mut content = Vec::with_capacity(magnitude.len() + 1);
        if magnitude.first().is_some_and(|byte| byte & 0x80 != 0) {
            content.push(0);
        }
        content.extend_from_slice(magnitude);
        write!(f, "{}.{}", base64url::encode(&self.authority_key), base64url::encode(content))
    }
}

impl FromStr for CertificateId {
    type Err = Problem;

    /// Only the spelling that [`fmt::Display`] gives is one.
    fn from_str(text: &str) -> Result<Self, Problem> {
        let malformed = || {
            let why = "the certificate's identifier is not base64url(keyIdentifier of its issuer) \".\" base64url(serial \
                       number), both without padding (RFC 9773 section 4.1)";
            Problem::new(ProblemType::Malformed, why)
        };
        let (key, serial) = text.split_once('.').ok_or_else(malformed)?;
        let authority_key = base64url::decode(key).filter(|key| !key.is_empty()).ok_or_else(malformed)?;
        let content = base64url::decode(serial).ok_or_else(malformed)?;
        let id = Self { authority_key, serial: SerialNumber::from_bytes(&content).map_err(|_| malformed())? };
        if id.to_string() == text { Ok(id) } else { Err(malformed()) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    suggested_window: Window,
    #[serde(rename = "explanationURL", skip_serializing_if = "Option::is_none")]
    explanation_url: Option<String>,
}

#[derive(Serialize)]
struct Window {
    start: String,
    end: String,
}

impl Acme {
    /// RFC 9773 section 4.2: when a certificate of this directory should be renewed. Asked for without a signature.
    ///
    /// # Errors
    /// `malformed`: no such identifier (400), or no such certificate here (404).
    pub async fn renewal_info(&self, directory: &Directory, id: &str) -> Result<Reply, Problem> {
        let id: CertificateId = id.parse()?;
        let record = self.certificate_by_id(directory, &id).await?.ok_or_else(|| {
            Problem::new(ProblemType::Malformed, "this directory has issued no such certificate").with_status(404)
        })?;
        let mark = self.0.store.renewal_mark(record.id).await?;
        let opens = match record.profile {
            Some(profile) => self.renewal_opens(directory, profile, &record).await?,
            None => None,
        };
        let (start, end) = window(&record, mark.as_ref(), opens)
            .ok_or_else(|| Problem::new(ProblemType::ServerInternal, "the certificate's validity is not known"))?;
        let document = Document {
            suggested_window: Window { start: rfc3339(start), end: rfc3339(end) },
            explanation_url: mark.and_then(|mark| mark.explanation_url),
        };
        let mut chance = [0; 8];
        self.0.ra.ports().rng.fill(&mut chance);
        let wait = ASK_AGAIN - JITTER + u64::from_be_bytes(chance) % (2 * JITTER);
        Ok(Reply::json(200, &document).with_retry_after(Some(Wait::from_secs(wait))))
    }

    /// A certificate that was issued under one of the directory's RA profiles.
    pub(crate) async fn certificate_by_id(
        &self,
        directory: &Directory,
        id: &CertificateId,
    ) -> Result<Option<CertificateRecord>, Problem> {
        let ports = self.0.ra.ports();
        let instances = ports.authority.instances();
        let issuers = instances.iter().flat_map(|instance| &instance.chain);
        let mut asked = Vec::new();
        for (issuer, certificate) in issuers {
            if certificate.subject_key_id() != Some(&id.authority_key) || asked.contains(issuer) {
                continue;
            }
            asked.push(*issuer);
            if let Some(record) = ports.inventory.certificate_by_serial(*issuer, &id.serial).await? {
                let issued = matches!(record.state, CertificateState::Issued | CertificateState::PendingApproval)
                    || record.state == CertificateState::Revoked;
                return Ok(Some(record)
                    .filter(|record| issued && record.profile.is_some_and(|profile| directory.issues_under(profile))));
            }
        }
        Ok(None)
    }

    /// From when on the RA profile lets the certificate be renewed.
    async fn renewal_opens(
        &self,
        directory: &Directory,
        profile: uuid::Uuid,
        record: &CertificateRecord,
    ) -> Result<Option<OffsetDateTime>, Problem> {
        let profiles = std::iter::once(&directory.ra_profile).chain(&directory.choices);
        let Some(profile) = profiles.into_iter().find(|known| known.id == profile) else { return Ok(None) };
        let policy = chancery_core::Policy::from_attributes(&profile.attributes)
            .map_err(|faults| chancery_core::Error::internal(format!("RA profile {}: {faults:?}", profile.id)))?;
        Ok(policy.renewal().window.and_then(|window| record.not_after?.checked_sub(window)))
    }
}

/// Around two thirds of the life, or half of a short one; in the past when it is to be renewed at once.
fn window(
    record: &CertificateRecord,
    mark: Option<&RenewalMark>,
    opens: Option<OffsetDateTime>,
) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let (not_before, not_after) = (record.not_before?, record.not_after?);
    let since = [record.revocation.as_ref().map(|revocation| revocation.at), mark.map(|mark| mark.marked_at)];
    if let Some(since) = since.into_iter().flatten().min() {
        return Some((since - Duration::HOUR, since - Duration::MINUTE));
    }
    let life = not_after - not_before;
    let best: OffsetDateTime = not_before + if life < Duration::days(10) { life / 2 } else { life * 2 / 3 };
    let spread: Duration = life / 50;
    // Nobody is sent to where renewing is refused.
    let start = opens.map_or(best - spread, |opens| opens.max(best - spread));
    let end = (best + spread).max(start + spread).min(not_after);
    // RFC 9773 section 4.2: the end lies behind the start, also for a certificate of few seconds.
    Some(if end > start { (start, end) } else { (end - Duration::SECOND, end) })
}

#[cfg(test)]
mod tests;
