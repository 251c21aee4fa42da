//! Extensions as x509-cert's types, one function for each that is built.

use const_oid::{AssociatedOid, ObjectIdentifier};
use der::asn1::{Any, Ia5String, OctetString};
use der::flagset::FlagSet;
use der::{Encode, Result};
use x509_cert::ext::pkix::certpolicy::{PolicyInformation, PolicyQualifierInfo};
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, CertificatePolicies, CrlDistributionPoints,
    CrlNumber, ExtendedKeyUsage, IssuingDistributionPoint as PkixIssuingDistributionPoint, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, pkix};

use crate::{BasicConstraints, IssuingDistributionPoint, KeyUsage, Policy, oid};

/// What RFC 7633 calls status_request.
const STATUS_REQUEST: u8 = 5;

/// The criticality is always ours: x509-cert marks basicConstraints critical for everybody.
fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> Result<Extension> {
    raw(T::OID, critical, value.to_der()?)
}

/// An extension whose value is DER already.
pub(crate) fn raw(oid: ObjectIdentifier, critical: bool, value: Vec<u8>) -> Result<Extension> {
    Ok(Extension { extn_id: oid, critical, extn_value: OctetString::new(value)? })
}

/// RFC 5280 section 4.2.1.9: critical for CAs.
pub(crate) fn basic_constraints(constraints: BasicConstraints) -> Result<Extension> {
    let value = pkix::BasicConstraints { ca: constraints.ca, path_len_constraint: constraints.path_len };
    extension(constraints.ca, &value)
}

/// Critical. Both sides number the flags by the bits of RFC 5280 section 4.2.1.3.
pub(crate) fn key_usage(usage: KeyUsage) -> Result<Extension> {
    extension(true, &pkix::KeyUsage(FlagSet::new_truncated(usage.bits())))
}

pub(crate) fn extended_key_usage(usages: &[ObjectIdentifier]) -> Result<Extension> {
    extension(false, &ExtendedKeyUsage(usages.to_vec()))
}

pub(crate) fn subject_key_id(key_id: &[u8]) -> Result<Extension> {
    extension(false, &SubjectKeyIdentifier(OctetString::new(key_id)?))
}

pub(crate) fn authority_key_id(key_id: &[u8]) -> Result<Extension> {
    let value = AuthorityKeyIdentifier { key_identifier: Some(OctetString::new(key_id)?), ..Default::default() };
    extension(false, &value)
}

/// GeneralNames in DER, by [`crate::general_name::write_all`]: x509-cert has no x400Address.
pub(crate) fn subject_alt_names(critical: bool, names: Vec<u8>) -> Result<Extension> {
    raw(oid::SUBJECT_ALT_NAME, critical, names)
}

/// RFC 5280 section 4.2.1.13: one point, all addresses in its full name.
pub(crate) fn crl_distribution_points(uris: &[String]) -> Result<Extension> {
    let point = DistributionPoint { distribution_point: Some(point_name(uris)?), reasons: None, crl_issuer: None };
    extension(false, &CrlDistributionPoints(vec![point]))
}

pub(crate) fn authority_info_access(issuers: &[String], ocsp: &[String]) -> Result<Extension> {
    let all = ocsp.iter().map(|uri| (oid::AD_OCSP, uri));
    let all = all.chain(issuers.iter().map(|uri| (oid::AD_CA_ISSUERS, uri)));
    let described =
        all.map(|(method, uri)| Ok(AccessDescription { access_method: method, access_location: address(uri)? }));
    extension(false, &AuthorityInfoAccessSyntax(described.collect::<Result<_>>()?))
}

/// RFC 5280 section 4.2.1.4. Only CPS pointers as qualifiers: x509-cert's UserNotice has the wrong type inside.
pub(crate) fn policies(policies: &[Policy]) -> Result<Extension> {
    let information = policies.iter().map(|policy| {
        let policy_qualifiers = policy.cps.as_deref().map(cps_pointer).transpose()?;
        Ok(PolicyInformation { policy_identifier: policy.oid, policy_qualifiers })
    });
    extension(false, &CertificatePolicies(information.collect::<Result<_>>()?))
}

fn cps_pointer(uri: &str) -> Result<Vec<PolicyQualifierInfo>> {
    let qualifier = Some(Any::encode_from(&Ia5String::new(uri)?)?);
    Ok(vec![PolicyQualifierInfo { policy_qualifier_id: oid::QT_CPS, qualifier }])
}

/// RFC 7633: a SEQUENCE OF INTEGER, which x509-cert has no name for.
pub(crate) fn must_staple() -> Result<Extension> {
    raw(oid::TLS_FEATURE, false, vec![STATUS_REQUEST].to_der()?)
}

pub(crate) fn crl_number(number: u64) -> Result<Extension> {
    extension(false, &CrlNumber::try_from(number)?)
}

/// RFC 5280 section 5.2.5: critical. x509-cert 0.3.0 has the identifier of another extension for it.
pub(crate) fn issuing_distribution_point(point: &IssuingDistributionPoint) -> Result<Extension> {
    let name = if point.uris.is_empty() { None } else { Some(point_name(&point.uris)?) };
    let value = PkixIssuingDistributionPoint {
        distribution_point: name,
        only_contains_user_certs: point.only_user_certificates,
        only_contains_ca_certs: point.only_ca_certificates,
        only_some_reasons: None,
        indirect_crl: false,
        only_contains_attribute_certs: false,
    };
    raw(oid::ISSUING_DISTRIBUTION_POINT, true, value.to_der()?)
}

fn point_name(uris: &[String]) -> Result<DistributionPointName> {
    Ok(DistributionPointName::FullName(uris.iter().map(|uri| address(uri)).collect::<Result<_>>()?))
}

fn address(uri: &str) -> Result<GeneralName> {
    Ok(GeneralName::UniformResourceIdentifier(Ia5String::new(uri)?))
}
