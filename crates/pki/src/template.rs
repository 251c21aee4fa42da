//! Building certificates.

use const_oid::ObjectIdentifier;

use crate::extension;
use crate::tlv::{OCTET_STRING, SEQUENCE, Writer, constructed};
use crate::{
    BasicConstraints, BuildError, Certificate, GeneralName, KeyUsage, Name, PublicKey, SerialNumber, Signer, Validity,
    general_name, oid,
};

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
        let names = if self.subject_alt_names.is_empty() {
            None
        } else {
            Some(general_name::write_all(&self.subject_alt_names)?)
        };
        let self_signed = issuer.name == &self.subject && signer.public_key() == &self.public_key;
        let mut tbs = Writer::with_capacity(1024);
        tbs.nest(SEQUENCE, |w| {
            w.nest(constructed(0), |w| _ = w.unsigned(&[2]));
            w.unsigned(self.serial.as_bytes());
            w.raw(&signer.signature_algorithm().to_der());
            w.raw(issuer.name.der());
            w.nest(SEQUENCE, |w| _ = w.time(self.validity.not_before).time(self.validity.not_after));
            w.raw(self.subject.der());
            w.raw(self.public_key.spki_der());
            w.nest(constructed(3), |w| {
                w.nest(SEQUENCE, |w| {
                    self.write_extensions(w, names.as_deref(), (!self_signed).then_some(issuer.key_id))
                });
            });
        });
        let der = seal(&tbs.finish(), signer)?;
        Certificate::from_der(&der).map_err(|error| BuildError::new("the certificate", error.to_string()))
    }

    fn check(&self, issuer: &Issuer<'_>) -> Result<(), BuildError> {
        self.validity.check()?;
        if self.subject.is_empty() && self.subject_alt_names.is_empty() {
            return Err(BuildError::new(
                "the certificate",
                "it would name nobody: subject and alternative names are empty",
            ));
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

    fn write_extensions(&self, w: &mut Writer, names: Option<&[u8]>, authority: Option<&[u8]>) {
        if let Some(constraints) = self.basic_constraints {
            extension::write(w, &oid::BASIC_CONSTRAINTS, constraints.ca, |w| {
                w.nest(SEQUENCE, |w| {
                    // X.690 section 11.5: a default is not encoded.
                    if constraints.ca {
                        w.boolean(true);
                    }
                    if let Some(length) = constraints.path_len {
                        w.unsigned(&[length]);
                    }
                });
            });
        }
        if let Some(usage) = self.key_usage {
            extension::write_key_usage(w, usage);
        }
        if !self.extended_key_usage.is_empty() {
            extension::write_eku(w, &self.extended_key_usage);
        }
        extension::write(w, &oid::SUBJECT_KEY_IDENTIFIER, false, |w| {
            w.value(OCTET_STRING, &self.public_key.key_id());
        });
        if let Some(key_id) = authority {
            extension::write_authority_key_id(w, key_id);
        }
        if let Some(names) = names {
            // RFC 5280 section 4.2.1.6: critical when the subject is empty.
            extension::write(w, &oid::SUBJECT_ALT_NAME, self.subject.is_empty(), |w| _ = w.raw(names));
        }
        if !self.crl_distribution_points.is_empty() {
            extension::write(w, &oid::CRL_DISTRIBUTION_POINTS, false, |w| {
                w.nest(SEQUENCE, |w| {
                    w.nest(SEQUENCE, |w| extension::write_distribution_point_name(w, &self.crl_distribution_points));
                });
            });
        }
        if !self.aia_issuers.is_empty() || !self.aia_ocsp.is_empty() {
            extension::write_access(w, &self.aia_issuers, &self.aia_ocsp);
        }
        if !self.policies.is_empty() {
            extension::write_policies(w, &self.policies);
        }
        if self.must_staple {
            extension::write_must_staple(w);
        }
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

/// The signed part, the algorithm and the signature: the outer form of certificates, requests and CRLs.
pub(crate) fn seal(signed: &[u8], signer: &dyn Signer) -> Result<Vec<u8>, BuildError> {
    let signature = signer.sign(signed)?;
    let algorithm = signer.signature_algorithm().to_der();
    let mut writer = Writer::with_capacity(signed.len() + signature.len() + 96);
    writer.nest(SEQUENCE, |w| {
        w.raw(signed).raw(&algorithm).bits(&signature);
    });
    Ok(writer.finish())
}

#[cfg(test)]
mod tests;
