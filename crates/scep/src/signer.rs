//! Who signed a request: the holder of a certificate of ours, or somebody unknown.

use chancery_core::{CertificateRecord, CertificateState};
use chancery_pki::{Certificate, SerialNumber};

use crate::Scep;
use crate::failure::Failure;
use crate::service::Call;

/// The signer of a request.
pub(crate) enum Signer {
    /// Holds a certificate of this RA profile that is issued and in time.
    Holder(Box<CertificateRecord>, Certificate),
    /// Everybody else: a certificate of their own making, another CA's, an expired, a revoked one, one of another RA profile.
    /// Which it is the client is not told.
    Stranger,
}

impl Scep {
    /// RFC 8894 section 2.3. A certificate counts when its very bytes are those in the inventory.
    pub(crate) async fn signer(&self, call: &Call<'_>) -> Result<Signer, Failure> {
        let Ok(certificate) = call.message.signer.certificate() else { return Ok(Signer::Stranger) };
        let Some(record) = self.known(call, certificate.issuer(), certificate.serial()).await? else {
            return Ok(Signer::Stranger);
        };
        let in_time = certificate.validity().contains(self.0.now());
        let stands = record.state == CertificateState::Issued && !record.archived;
        let ours = record.profile == Some(call.door.id.ra_profile);
        let same = record.certificate.as_deref() == Some(certificate.der());
        if in_time && stands && ours && same {
            return Ok(Signer::Holder(Box::new(record), certificate));
        }
        Ok(Signer::Stranger)
    }

    /// The inventory's record of a certificate that the door's authority issued.
    pub(crate) async fn known(
        &self,
        call: &Call<'_>,
        issuer: &chancery_pki::Name,
        serial: &SerialNumber,
    ) -> Result<Option<CertificateRecord>, Failure> {
        for id in self.issuers(call, issuer) {
            if let Some(record) = self.0.ra.ports().inventory.certificate_by_serial(id, serial).await? {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// The CAs of the door's authority with this name.
    pub(crate) fn issuers(&self, call: &Call<'_>, name: &chancery_pki::Name) -> Vec<uuid::Uuid> {
        let chain = call.identity.authority.chain.iter();
        chain.filter(|(_, ca)| ca.subject().matches(name)).map(|(id, _)| *id).collect()
    }
}
