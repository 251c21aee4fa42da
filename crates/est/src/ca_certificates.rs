//! cacerts (RFC 7030 section 4.1).

use chancery_core::Error;
use chancery_pki::certs_only;

use crate::{Endpoint, Est, Refusal};

impl Est {
    /// The CA certificates that a certificate of this endpoint leads to, the root included, as a certs-only CMS message in
    /// DER (RFC 7030 section 4.1.3).
    ///
    /// # Errors
    /// 500 when the RA profile's authority is not loaded.
    pub fn ca_certificates(&self, endpoint: &Endpoint) -> Result<Vec<u8>, Refusal> {
        let authority = endpoint.ra_profile.authority;
        let instance = self.0.ra.ports().authority.instance(authority);
        let instance =
            instance.ok_or_else(|| Error::internal(format!("authority {authority} of an RA profile is not loaded")))?;
        let chain: Vec<_> = instance.chain.iter().map(|(_, certificate)| certificate.clone()).collect();
        Ok(certs_only(&chain))
    }
}
