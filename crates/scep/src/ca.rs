//! GetCACaps and GetCACert (RFC 8894 sections 3.5 and 4.2): the same for everybody.

use chancery_core::Error;

use crate::{Door, Scep};

impl Scep {
    /// GetCACaps (RFC 8894 section 3.5.2), one keyword a line. `SHA-384` is registered nowhere, and without it strongSwan
    /// 5.9.8 to 5.9.10 cannot use SHA-256. Not there: GetNextCACert, for there is no next CA.
    pub fn capabilities(&self, door: &Door) -> String {
        let mut lines = vec!["AES", "POSTPKIOperation", "Renewal", "SHA-256", "SHA-384", "SHA-512", "SCEPStandard"];
        if door.scep_profile.settings.legacy {
            lines.extend(["DES3", "SHA-1"]);
        }
        lines.into_iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// GetCACert (RFC 8894 section 4.2.1.2): a degenerate SignedData with the certificate to encrypt for, the one that signs
    /// answers, the issuing CA's, and those above it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the RA's certificates are due and cannot be made.
    pub async fn ca_certificates(&self, door: &Door) -> Result<Vec<u8>, Error> {
        Ok(self.identity(door).await?.ca_certificates.clone())
    }
}
