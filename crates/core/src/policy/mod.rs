//! The issuance policy of an RA profile.
//!
//! All of it is set by the profile's attributes ([`definitions`]), so that whoever can edit a profile can edit its policy.
//! [`Policy::apply`] turns what a request wants into what is certified, or tells every rule that forbids it. Weak keys
//! are not its matter: operations ask `chancery_pki::key_check` first.

pub(crate) mod definition;
mod dns;
mod duration;
mod email;
mod key;
mod lifetime;
mod name;
mod operation;
mod other_name;
mod pattern;
mod read;
mod renewal;
mod subject;
mod uri;
mod usage;

use chancery_pki::{Certificate, CertificateTemplate, Csr, SerialNumber, oid};
use time::OffsetDateTime;

pub(crate) use definition::setting;
pub use definition::{APPROVAL_REQUIRED, REVOCATION_APPROVAL_REQUIRED, definitions};
pub use dns::normalise_wildcard as dns_name;
pub use email::domain as mailbox_domain;
pub use key::{KeyKind, KeyRules};
pub use lifetime::{BACKDATE, IssuerEnd, LifetimeRules};
pub use name::{NameKind, NameRules};
pub use operation::{
    EXTENDED_KEY_USAGE, INVALIDITY_DATE, NOT_AFTER, NOT_BEFORE, SUBJECT_ALTERNATIVE_NAMES, VALIDITY, lasting_attributes,
};
pub use pattern::{AddressPattern, DomainPattern, HostPattern};
pub use renewal::RenewalRules;
pub use subject::{CommonNameRule, SubjectRules};
pub use usage::UsageRules;

use crate::Rejection;
use crate::attribute::AttributeSet;
use crate::error::bounded;
use subject::Held;

/// A profile's policy, read from its attributes.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Which keys are certified.
    pub keys: KeyRules,
    /// What the subject is made of.
    pub subject: SubjectRules,
    /// Which subject alternative names are certified.
    pub names: NameRules,
    /// What certificates are for.
    pub usages: UsageRules,
    /// How long they are valid.
    pub lifetime: LifetimeRules,
    /// How they are renewed.
    pub renewal: RenewalRules,
    /// Whether somebody else has to approve before a certificate is issued.
    pub approval_required: bool,
    /// Whether somebody else has to approve before a certificate is revoked.
    pub revocation_approval_required: bool,
    /// certificatePolicies of every certificate.
    pub certificate_policies: Vec<chancery_pki::Policy>,
}

/// What is wanted: a request that proved possession of its key, and attributes checked against
/// [`Policy::issue_definitions`].
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The request.
    pub csr: &'a Csr,
    /// What was told beside it.
    pub attributes: &'a AttributeSet,
}

impl Policy {
    /// Decide, in the fixed order request, key, names, lifetime, telling every broken rule
    /// (50 of them at most).
    ///
    /// Serial number, CRL and issuer addresses of the template are the authority's to fill in. Extensions of the request
    /// other than names, key usages and must-staple are left out.
    pub fn apply(
        &self,
        wanted: &Wanted<'_>,
        issuer: &Certificate,
        now: OffsetDateTime,
    ) -> Result<CertificateTemplate, Vec<Rejection>> {
        let Wanted { csr, attributes } = *wanted;
        let mut faults = Vec::new();
        let usage = self.usages.decide(csr, attributes, &mut faults);
        self.keys.check(csr.public_key(), &mut faults);
        let before = faults.len();
        let names = self.names.decide(csr.subject_alt_names(), attributes, &mut faults);
        let good_names = (faults.len() == before).then_some(names.as_slice());
        // RFC 9525 section 1: clients of TLS still look for a host's name in the common name. A certificate without
        // extended key usages is for everything.
        let extended = &usage.extended;
        let for_servers = extended.is_empty()
            || [oid::SERVER_AUTH, oid::ANY_EXTENDED_KEY_USAGE].iter().any(|oid| extended.contains(oid));
        let held = Held { rules: &self.names, names: good_names, for_servers };
        let subject = self.subject.decide(csr.subject(), &held, &mut faults);
        if subject.is_empty() && names.is_empty() && faults.is_empty() {
            let why = "the certificate would have no name at all; ask for a subject or an alternative name";
            faults.push(Rejection::Name { name: "subject".into(), why: why.into() });
        }
        let validity = self.lifetime.decide(attributes, issuer.validity(), now, &mut faults);
        let (Some(validity), true) = (validity, faults.is_empty()) else { return Err(bounded(faults)) };
        Ok(CertificateTemplate {
            subject,
            subject_alt_names: names,
            public_key: csr.public_key().clone(),
            validity,
            serial: SerialNumber::from_random([0; 16]),
            key_usage: Some(usage.key),
            extended_key_usage: usage.extended,
            basic_constraints: None,
            crl_distribution_points: Vec::new(),
            aia_issuers: Vec::new(),
            aia_ocsp: Vec::new(),
            policies: self.certificate_policies.clone(),
            must_staple: usage.must_staple,
        })
    }

    /// What can be said of issue attributes before there is a request: would names and lifetime do?
    ///
    /// # Errors
    /// Every broken rule.
    pub fn check_attributes(
        &self,
        attributes: &AttributeSet,
        issuer: &Certificate,
        now: OffsetDateTime,
    ) -> Result<(), Vec<Rejection>> {
        let mut faults = Vec::new();
        if attributes.given(SUBJECT_ALTERNATIVE_NAMES) {
            self.names.decide(&[], attributes, &mut faults);
        }
        self.lifetime.decide(attributes, issuer.validity(), now, &mut faults);
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// Whether somebody else has to approve before a certificate is issued.
    pub fn approval_required(&self) -> bool {
        self.approval_required
    }

    /// Whether somebody else has to approve before a certificate is revoked.
    pub fn revocation_approval_required(&self) -> bool {
        self.revocation_approval_required
    }

    /// This profile's parameters of the one renewal rule.
    pub fn renewal(&self) -> &RenewalRules {
        &self.renewal
    }
}

#[cfg(test)]
pub(crate) mod tests;
