//! Building certificates.

use const_oid::ObjectIdentifier;
use spki::SubjectPublicKeyInfoRef;
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{self, Builder, CertificateBuilder};
use x509_cert::ext::Extension;

use crate::extension::build;
use crate::x509::{self, Announced};
use crate::{
    BasicConstraints, BuildError, Certificate, GeneralName, KeyUsage, Name, PublicKey, SerialNumber, Signer, Validity,
    general_name,
};

const WHAT: &str = "the certificate";

/// Everything that a certificate will say, but who signs it.
#[derive(Clone, Debug)]
pub struct CertificateTemplate {
    /// The subject; when it is empty there must be alternative names, and their extension becomes critical.
    pub subject: Name,
    /// Alternative names, in this order.
    pub subject_alt_names: Vec<GeneralName>,
    /// The subject's key.
    pub public_key: PublicKey,
    /// How long it will hold.
    pub validity: Validity,
    /// Unique per issuer.
    pub serial: SerialNumber,
    /// keyUsage, critical.
    pub key_usage: Option<KeyUsage>,
    /// extKeyUsage; left out when empty.
    pub extended_key_usage: Vec<ObjectIdentifier>,
    /// basicConstraints; critical for CAs.
    pub basic_constraints: Option<BasicConstraints>,
    /// Where the CRL is; left out when empty.
    pub crl_distribution_points: Vec<String>,
    /// Where the issuer's certificate is; left out when empty.
    pub aia_issuers: Vec<String>,
    /// Where OCSP answers are; left out when empty.
    pub aia_ocsp: Vec<String>,
    /// certificatePolicies; left out when empty.
    pub policies: Vec<Policy>,
    /// The TLS feature status_request (RFC 7633).
    pub must_staple: bool,
}

/// One certificate policy (RFC 5280 section 4.2.1.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// Its identifier.
    pub oid: ObjectIdentifier,
    /// Where the certification practice statement is.
    pub cps: Option<String>,
}

/// Who signs.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'a> {
    /// The issuer's subject.
    pub name: &'a Name,
    /// The issuer's subjectKeyIdentifier.
    pub key_id: &'a [u8],
}

impl CertificateTemplate {
    /// Build and sign. The certificate is self-signed when the issuer's name is the subject and the signer's key is the
    /// subject's key; then, and only then, it has no authorityKeyIdentifier.
    ///
    /// # Errors
    /// A part that cannot be encoded, or that RFC 5280 forbids; or the signer failed.
    pub fn sign(&self, issuer: &Issuer<'_>, signer: &dyn Signer) -> Result<Certificate, BuildError> {
        self.check(issuer)?;
        let names = match self.subject_alt_names.as_slice() {
            [] => None,
            names => Some(general_name::write_all(names)?),
        };
        let self_signed = issuer.name == &self.subject && signer.public_key() == &self.public_key;
        let authority = (!self_signed).then_some(issuer.key_id);
        let tbs = self.encode(issuer.name, names, authority, signer);
        let der = x509::seal(&tbs.map_err(|error| BuildError::new(WHAT, error.to_string()))?, signer)?;
        let made = Certificate::from_der(&der).map_err(|error| BuildError::new(WHAT, error.to_string()))?;
        // x509-cert decodes and encodes names and keys. A careless requester's name may become DER that way, but the
        // issuer must stand as in its own certificate (RFC 5280 section 6.1 compares, many programs compare bytes).
        if made.issuer() != issuer.name || made.public_key() != &self.public_key {
            return Err(BuildError::new(WHAT, "the issuer's name or the key is not in DER, so it would be changed"));
        }
        if !made.subject().matches(&self.subject) {
            return Err(BuildError::new("the subject", "it would be changed"));
        }
        Ok(made)
    }

    /// The part to be signed.
    fn encode(
        &self,
        issuer: &Name,
        names: Option<Vec<u8>>,
        authority: Option<&[u8]>,
        signer: &dyn Signer,
    ) -> builder::Result<Vec<u8>> {
        let profile = Profile {
            issuer: x509::name(issuer)?,
            subject: x509::name(&self.subject)?,
            extensions: self.extensions(names, authority)?,
        };
        let serial = x509_cert::serial_number::SerialNumber::new(self.serial.as_bytes())?;
        let Validity { not_before, not_after } = self.validity;
        let validity = x509_cert::time::Validity::new(x509::time(not_before)?, x509::time(not_after)?);
        let public_key = x509::public_key(&self.public_key)?;
        CertificateBuilder::new(profile, serial, validity, public_key)?.finalize(&Announced(signer))
    }

    fn check(&self, issuer: &Issuer<'_>) -> Result<(), BuildError> {
        self.validity.check()?;
        if self.subject.is_empty() && self.subject_alt_names.is_empty() {
            return Err(BuildError::new(WHAT, "it would name nobody: subject and alternative names are empty"));
        }
        if issuer.name.is_empty() {
            return Err(BuildError::new("the issuer", "its name is empty (RFC 5280 section 4.1.2.4)"));
        }
        let ca = self.basic_constraints.is_some_and(|constraints| constraints.ca);
        if ca && self.subject.is_empty() {
            return Err(BuildError::new("the subject", "a CA's is never empty (RFC 5280 section 4.1.2.6)"));
        }
        if !ca && self.basic_constraints.is_some_and(|constraints| constraints.path_len.is_some()) {
            return Err(BuildError::new("basicConstraints", "a path length is for CAs (RFC 5280 section 4.2.1.9)"));
        }
        if self.key_usage.is_some_and(KeyUsage::is_empty) {
            return Err(BuildError::new("keyUsage", "no bit is set (RFC 5280 section 4.2.1.3)"));
        }
        if !ca && self.key_usage.is_some_and(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN)) {
            return Err(BuildError::new("keyUsage", "keyCertSign is for CAs (RFC 5280 section 4.2.1.9)"));
        }
        let uris = [&self.crl_distribution_points, &self.aia_issuers, &self.aia_ocsp].into_iter().flatten();
        uris.chain(self.policies.iter().filter_map(|policy| policy.cps.as_ref())).try_for_each(|uri| check_uri(uri))
    }

    fn extensions(&self, names: Option<Vec<u8>>, authority: Option<&[u8]>) -> der::Result<Vec<Extension>> {
        let mut all = Vec::with_capacity(10);
        if let Some(constraints) = self.basic_constraints {
            all.push(build::basic_constraints(constraints)?);
        }
        if let Some(usage) = self.key_usage {
            all.push(build::key_usage(usage)?);
        }
        if !self.extended_key_usage.is_empty() {
            all.push(build::extended_key_usage(&self.extended_key_usage)?);
        }
        all.push(build::subject_key_id(&self.public_key.key_id())?);
        if let Some(key_id) = authority {
            all.push(build::authority_key_id(key_id)?);
        }
        if let Some(names) = names {
            // RFC 5280 section 4.2.1.6: critical when the subject is empty.
            all.push(build::subject_alt_names(self.subject.is_empty(), names)?);
        }
        if !self.crl_distribution_points.is_empty() {
            all.push(build::crl_distribution_points(&self.crl_distribution_points)?);
        }
        if !self.aia_issuers.is_empty() || !self.aia_ocsp.is_empty() {
            all.push(build::authority_info_access(&self.aia_issuers, &self.aia_ocsp)?);
        }
        if !self.policies.is_empty() {
            all.push(build::policies(&self.policies)?);
        }
        if self.must_staple {
            all.push(build::must_staple()?);
        }
        Ok(all)
    }
}

/// A template as x509-cert's builder asks for it.
struct Profile {
    issuer: x509_cert::name::Name,
    subject: x509_cert::name::Name,
    extensions: Vec<Extension>,
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, _subject: &x509_cert::name::Name) -> x509_cert::name::Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> x509_cert::name::Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _subject: SubjectPublicKeyInfoRef<'_>,
        _issuer: SubjectPublicKeyInfoRef<'_>,
        _tbs: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        Ok(self.extensions.clone())
    }
}

/// An address inside a certificate is IA5 text.
pub(crate) fn check_uri(uri: &str) -> Result<(), BuildError> {
    if uri.is_empty() || !uri.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
        return Err(BuildError::new(
            "an address",
            format!("{uri:?} is empty or has characters other than printable ASCII"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
