//! Signing: what the authority itself puts into certificates, and what it never signs.

use std::time::Duration;

use chancery_core::{Clock, Error, Rejection, Rng};
use chancery_pki::{Certificate, CertificateTemplate, SerialNumber, Validity};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::issuer::Issuer;
use crate::{BuiltInAuthority, ca_url, crl_url};

impl BuiltInAuthority {
    pub(crate) async fn sign_with(
        &self,
        authority: Uuid,
        template: CertificateTemplate,
    ) -> Result<(Uuid, Certificate), Error> {
        let loaded = self.inner.loaded.load();
        let issuer = loaded.of(authority).cloned().ok_or_else(|| Error::not_found("authority", authority))?;
        if let Some(revoked) = loaded.revoked_above(issuer.id) {
            return Err(refused(&revoked));
        }
        drop(loaded);
        let template = self.complete(&issuer, template)?;
        let id = issuer.id;
        let certificate = if issuer.slow() {
            self.inner.pool.run(move || issue(&issuer, &template)).await?
        } else {
            issue(&issuer, &template)
        };
        Ok((id, certificate?))
    }

    /// The last guard, whatever the policy said, and the fields that are the authority's own.
    fn complete(&self, issuer: &Issuer, mut template: CertificateTemplate) -> Result<CertificateTemplate, Error> {
        let own = issuer.certificate.validity();
        within_lifetime(&*self.inner.ports.clock, own)?;
        template.validity = clamp(template.validity, own).map_err(Error::rejected)?;
        if template.basic_constraints.as_ref().is_some_and(|constraints| constraints.ca) {
            return Err(Error::internal("an issuing CA (path length 0) was asked to sign another CA"));
        }
        template.serial = serial(&*self.inner.ports.rng);
        template.crl_distribution_points = vec![crl_url(&self.inner.config.status_url, issuer.id)];
        template.aia_issuers = vec![ca_url(&self.inner.config.status_url, issuer.id)];
        template.aia_ocsp = Vec::new();
        Ok(template)
    }
}

/// Nobody would believe what a revoked CA signs (RFC 5280 section 6.1.3 (a) (3)). The request is not at fault.
fn refused(revoked: &Certificate) -> Error {
    let why = format!(
        "the CA certificate {} (serial number {}) was revoked, so that nothing is signed below it any more: make a new \
         authority with `chancery ca create`, and RA profiles for it",
        revoked.subject(),
        revoked.serial().to_hex()
    );
    Error::Unavailable { why, retry_after: Duration::from_secs(3600) }
}

fn issue(issuer: &Issuer, template: &CertificateTemplate) -> Result<Certificate, Error> {
    let by = chancery_pki::Issuer { name: issuer.certificate.subject(), key_id: &issuer.key_id };
    template.sign(&by, &*issuer.signer).map_err(Error::internal)
}

/// 128 random bits (CA/Browser Forum BR 7.1: at least 64), positive as RFC 5280 section 4.1.2.2 asks. That no two are
/// alike is the store's to say.
pub(crate) fn serial(rng: &dyn Rng) -> SerialNumber {
    let mut chance = [0; 16];
    rng.fill(&mut chance);
    SerialNumber::from_random(chance)
}

/// A clock outside of the CA certificate's lifetime is wrong, or the CA has ended.
pub(crate) fn within_lifetime(clock: &dyn Clock, own: Validity) -> Result<(), Error> {
    let now = clock.now();
    if now < own.not_before {
        let why = format!(
            "this server's clock says {}, which is before its CA certificate begins ({}): set the clock",
            text(now),
            text(own.not_before)
        );
        return Err(Error::Unavailable { why, retry_after: Duration::from_secs(60) });
    }
    if own.contains(now) {
        return Ok(());
    }
    let why = format!("the CA certificate ended at {}: make a new authority", text(own.not_after));
    Err(Error::rejected(Rejection::Validity(why)))
}

/// Never outlive the issuer (refused), nor begin before it (moved: a start in the past is only a margin for slow clocks).
fn clamp(asked: Validity, own: Validity) -> Result<Validity, Rejection> {
    let validity = Validity { not_before: asked.not_before.max(own.not_before), not_after: asked.not_after };
    if validity.not_after > own.not_after {
        return Err(Rejection::Validity(format!(
            "the certificate would end at {}, after its issuer ({}); ask for an earlier end",
            text(validity.not_after),
            text(own.not_after)
        )));
    }
    if validity.not_after < validity.not_before {
        return Err(Rejection::Validity(format!(
            "the certificate would end ({}) before it begins ({})",
            text(validity.not_after),
            text(validity.not_before)
        )));
    }
    Ok(validity)
}

/// An instant as people and RFC 3339 write it.
pub(crate) fn text(instant: OffsetDateTime) -> String {
    instant.format(&Rfc3339).unwrap_or_else(|_| instant.to_string())
}

#[cfg(test)]
mod tests;
