//! Client certificates as identities. TLS took them as they came; here each is judged anew for every request: by whom it
//! was issued, what it is for, whether it is in time and not revoked. So grace, other anchors and resumed sessions are all
//! one check.

use chancery_core::{CertificateRecord, CertificateState, Error};
use chancery_pki::{Certificate, Fingerprint, KeyUsage, ObjectIdentifier, oid};
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::EndEntityCert;

use crate::Est;
use crate::endpoint::Endpoint;
use crate::linking::Peer;

/// id-kp-cmcRA (RFC 6402 section 2.10).
const CMC_RA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.28");
/// Longer chains are looked at by nobody.
const LONGEST_CHAIN: usize = 10;

/// Who holds the key of the client certificate.
pub(crate) enum Holder {
    /// Of a certificate of ours.
    Own {
        /// As the inventory has it now.
        record: Box<CertificateRecord>,
        /// The certificate.
        certificate: Certificate,
        /// It may ask for others (RFC 7030 section 3.7).
        registrar: bool,
    },
    /// Of a third party's.
    Foreign {
        /// The certificate.
        certificate: Certificate,
        /// Which of the endpoint's anchors vouches for it.
        anchor: usize,
    },
}

/// Why a client certificate is no identity.
pub(crate) enum NoHolder {
    /// There is none.
    Absent,
    /// It is of no CA that counts here.
    Unknown(&'static str),
    /// Its CA counts, and it does not.
    Refused(&'static str),
    /// It could not be found out.
    Failed(Error),
}

impl Est {
    /// Judge the certificate of a connection.
    pub(crate) async fn holder(&self, endpoint: &Endpoint, peer: &Peer) -> Result<Holder, NoHolder> {
        let Some(leaf) = peer.certificates.first() else { return Err(NoHolder::Absent) };
        let Ok(certificate) = Certificate::from_der(leaf) else {
            return Err(NoHolder::Unknown("the client certificate cannot be read"));
        };
        match self.own(endpoint, &certificate).await.map_err(NoHolder::Failed)? {
            Some(record) => self.own_holder(endpoint, record, certificate),
            None => self.foreign_holder(endpoint, peer, certificate),
        }
    }

    /// The certificate as the inventory has it, when an issuer of the RA profile's authority signed it: equal bytes say
    /// so. Asked of the database that is written to, so that a revocation counts at once.
    async fn own(&self, endpoint: &Endpoint, certificate: &Certificate) -> Result<Option<CertificateRecord>, Error> {
        let ports = self.0.ra.ports();
        let Some(authority) = ports.authority.instance(endpoint.ra_profile.authority) else { return Ok(None) };
        for (issuer, ca) in &authority.chain {
            if !ca.subject().matches(certificate.issuer()) {
                continue;
            }
            let found = ports.inventory.certificate_by_serial(*issuer, certificate.serial()).await?;
            if let Some(found) = found.filter(|found| found.certificate.as_deref() == Some(certificate.der())) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn own_holder(
        &self,
        endpoint: &Endpoint,
        record: CertificateRecord,
        certificate: Certificate,
    ) -> Result<Holder, NoHolder> {
        let now = self.0.now();
        let settings = &endpoint.est_profile.settings;
        let refused = |why| Err(NoHolder::Refused(why));
        if !settings.certificates {
            return refused("this EST profile takes no certificates of its own CA as identities");
        }
        match record.state {
            CertificateState::Issued => {}
            CertificateState::Revoked => return refused("the client certificate is revoked"),
            _ => return refused("the client certificate is not in force: its revocation waits for an approval"),
        }
        if record.archived {
            return refused("the client certificate is archived");
        }
        let validity = certificate.validity();
        if now < validity.not_before {
            return refused("the client certificate is not valid yet");
        }
        if validity.not_after < now {
            return refused("the client certificate has expired: enrol anew");
        }
        if certificate.is_ca() {
            return refused("the client certificate is a CA's");
        }
        let usages = certificate.extended_key_usage().unwrap_or_default();
        let registrar = usages.contains(&CMC_RA) && settings.lists_registrar(&certificate.fingerprint());
        let for_clients = usages.is_empty()
            || usages.contains(&oid::CLIENT_AUTH)
            || usages.contains(&oid::ANY_EXTENDED_KEY_USAGE)
            || registrar;
        if !for_clients {
            return refused("the client certificate is not for TLS clients (extended key usage clientAuth)");
        }
        if certificate.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::DIGITAL_SIGNATURE)) {
            return refused("the client certificate's key is not for signatures (key usage digitalSignature)");
        }
        let profile = record.profile;
        let of_profile = profile == Some(endpoint.ra_profile.id)
            || profile.is_some_and(|profile| settings.certificate_profiles.contains(&profile));
        if !of_profile && !registrar {
            return refused("the client certificate is of another RA profile, and this EST profile does not list that");
        }
        Ok(Holder::Own { record: Box::new(record), certificate, registrar })
    }

    /// RFC 5280 section 6 by a third party's anchor: signatures, times, constraints, usages.
    fn foreign_holder(&self, endpoint: &Endpoint, peer: &Peer, certificate: Certificate) -> Result<Holder, NoHolder> {
        if peer.certificates.len() > LONGEST_CHAIN {
            return Err(NoHolder::Unknown("the client's certificate chain is too long"));
        }
        let leaf = CertificateDer::from(certificate.der());
        let Ok(end) = EndEntityCert::try_from(&leaf) else {
            return Err(NoHolder::Unknown("the client certificate cannot be read"));
        };
        let between: Vec<CertificateDer<'_>> =
            peer.certificates[1..].iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let seconds = u64::try_from(self.0.now().unix_timestamp()).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let mut why = NoHolder::Unknown("the client certificate is of a CA that this EST profile does not know");
        for (index, (_, anchor)) in endpoint.anchors.iter().enumerate() {
            let judged = end.verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                std::slice::from_ref(anchor),
                &between,
                now,
                webpki::KeyUsage::client_auth(),
                None,
                None,
            );
            match judged {
                Ok(_) => {
                    if certificate.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::DIGITAL_SIGNATURE)) {
                        return Err(NoHolder::Refused(
                            "the client certificate's key is not for signatures (key usage digitalSignature)",
                        ));
                    }
                    return Ok(Holder::Foreign { certificate, anchor: index });
                }
                Err(webpki::Error::UnknownIssuer) => {}
                Err(webpki::Error::CertExpired { .. }) => {
                    why = NoHolder::Refused("a certificate of the client's chain has expired");
                }
                Err(webpki::Error::CertNotValidYet { .. }) => {
                    why = NoHolder::Refused("a certificate of the client's chain is not valid yet");
                }
                Err(_) => why = NoHolder::Refused("the client's certificate chain breaks a rule of RFC 5280"),
            }
        }
        Err(why)
    }
}

impl crate::EstSettings {
    fn lists_registrar(&self, fingerprint: &Fingerprint) -> bool {
        self.registrars.iter().any(|listed| Fingerprint::from_hex(listed).is_ok_and(|listed| listed == *fingerprint))
    }
}
