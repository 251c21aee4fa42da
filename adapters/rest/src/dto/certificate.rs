//! Certificates as lists and details show them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_core::attribute::ResponseAttribute;
use chancery_core::{CertificateRecord, CertificateState, Error, RaProfile};
use chancery_pki::{Certificate, Csr, GeneralName, Name, PublicKey};
use serde::{Serialize, Serializer};
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::date;
use super::operation::Format;
use super::profile::SimplifiedRaProfileDto;

/// How long before its end a certificate counts as expiring.
const EXPIRING: Duration = Duration::days(30);

/// `CertificateValidationStatus`, as far as it can be known from the certificate and our own records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say all")]
pub enum ValidationStatus {
    NotChecked,
    Inactive,
    Valid,
    Revoked,
    Expiring,
    Expired,
}

impl ValidationStatus {
    /// The status at `now`; only what was issued has one.
    pub fn of(
        state: CertificateState,
        validity: Option<(OffsetDateTime, OffsetDateTime)>,
        now: OffsetDateTime,
    ) -> Self {
        match (state, validity) {
            (CertificateState::Revoked, _) => Self::Revoked,
            (CertificateState::Issued, Some((not_before, _))) if now < not_before => Self::Inactive,
            // RFC 5280 section 4.1.2.5: notAfter itself is still inside.
            (CertificateState::Issued, Some((_, not_after))) if now > not_after => Self::Expired,
            (CertificateState::Issued, Some((_, not_after))) if now + EXPIRING > not_after => Self::Expiring,
            (CertificateState::Issued, Some(_)) => Self::Valid,
            (
                CertificateState::Requested
                | CertificateState::Rejected
                | CertificateState::PendingApproval
                | CertificateState::Failed
                | CertificateState::Issued,
                _,
            ) => Self::NotChecked,
        }
    }
}

/// `CertificateDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct CertificateDto {
    pub uuid: Uuid,
    pub common_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_common_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_dn: Option<String>,
    pub subject_dn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    pub public_key_algorithm: String,
    pub signature_algorithm: String,
    pub hybrid_certificate: bool,
    pub key_size: u32,
    #[serde(serialize_with = "state")]
    pub state: CertificateState,
    pub validation_status: ValidationStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ra_profile: Option<SimplifiedRaProfileDto>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    pub groups: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_uuid: Option<Uuid>,
    pub certificate_type: &'static str,
    pub compliance_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_certificate_uuid: Option<Uuid>,
    pub private_key_availability: bool,
    pub trusted_ca: bool,
    pub archived: bool,
}

/// `CertificateDetailDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct CertificateDetailDto {
    #[serde(flatten)]
    pub certificate: CertificateDto,
    pub extended_key_usage: Vec<String>,
    pub key_usage: Vec<&'static str>,
    pub subject_type: &'static str,
    pub metadata: Vec<Value>,
    /// Base64 of the DER; empty before the certificate is issued, as older clients demand the key.
    pub certificate_content: String,
    pub subject_alternative_names: BTreeMap<&'static str, Vec<String>>,
    pub locations: Vec<Value>,
    pub non_compliant_rules: Vec<Value>,
    pub custom_attributes: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_request: Option<CertificateRequestDto>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_certificate_uuid: Option<Uuid>,
    pub issue_attributes: Vec<ResponseAttribute>,
    pub revoke_attributes: Vec<ResponseAttribute>,
    pub related_certificates: Vec<CertificateDto>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_info: Option<ProtocolDto>,
}

/// `CertificateProtocolDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct ProtocolDto {
    pub protocol: &'static str,
    pub protocol_profile_uuid: Uuid,
    /// The ACME account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_protocol_uuid: Option<Uuid>,
}

/// `CertificateRequestDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct CertificateRequestDto {
    /// Requests have no identifier of their own here: the certificate object's.
    pub uuid: Uuid,
    pub certificate_type: &'static str,
    pub certificate_request_format: Format,
    pub public_key_algorithm: &'static str,
    pub signature_algorithm: String,
    pub content: String,
    pub common_name: String,
    pub subject_dn: String,
    pub subject_alternative_names: BTreeMap<&'static str, Vec<String>>,
    pub attributes: Vec<ResponseAttribute>,
    pub signature_attributes: Vec<ResponseAttribute>,
    pub alt_signature_attributes: Vec<ResponseAttribute>,
    pub compliance_status: &'static str,
}

/// `CertificateResponseDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct CertificateResponseDto {
    pub certificates: Vec<CertificateDto>,
    pub items_per_page: u32,
    pub page_number: u32,
    pub total_pages: u32,
    pub total_items: u64,
}

/// `CertificateChainResponseDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct CertificateChainResponseDto {
    pub complete_chain: bool,
    pub certificates: Vec<CertificateDetailDto>,
}

/// `CertificateDownloadResponseDto` and `CertificateChainDownloadResponseDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct DownloadDto {
    pub format: &'static str,
    pub encoding: &'static str,
    /// Base64 of the file: of PEM text, or of DER.
    pub content: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete_chain: Option<bool>,
}

/// `CertificateEventHistoryDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct HistoryDto {
    pub uuid: Uuid,
    pub certificate_uuid: Uuid,
    pub created: String,
    pub created_by: String,
    pub event: &'static str,
    pub status: &'static str,
    pub message: String,
    pub additional_information: BTreeMap<String, Value>,
}

/// `CertificateRelationsDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct RelationsDto {
    pub certificate_uuid: Uuid,
    pub successor_certificates: Vec<RelatedDto>,
    pub predecessor_certificates: Vec<RelatedDto>,
}

/// `CertificateSimpleDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct RelatedDto {
    #[serde(flatten)]
    pub certificate: CertificateDto,
    pub relation_type: &'static str,
}

fn state<S: Serializer>(state: &CertificateState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.as_str())
}

/// A record with its certificate or request read.
pub struct Read<'a> {
    record: &'a CertificateRecord,
    certificate: Option<Certificate>,
    request: Option<Csr>,
}

impl<'a> Read<'a> {
    /// Read what the record holds. The request is read where it is needed: in details, and while there is no
    /// certificate.
    ///
    /// # Errors
    /// [`Error::Internal`] when the store holds what this server would not have written.
    pub fn of(record: &'a CertificateRecord, whole: bool) -> Result<Self, Error> {
        let certificate =
            record.certificate.as_deref().map(Certificate::from_der).transpose().map_err(Error::internal)?;
        let request = record.request.as_deref().filter(|_| whole || certificate.is_none());
        let request = request.map(Csr::from_stored).transpose().map_err(Error::internal)?;
        Ok(Self { record, certificate, request })
    }

    fn key(&self) -> Option<&PublicKey> {
        self.certificate.as_ref().map(Certificate::public_key).or(self.request.as_ref().map(Csr::public_key))
    }

    /// The list form.
    pub fn dto(&self, profile: Option<&RaProfile>, now: OffsetDateTime) -> CertificateDto {
        let record = self.record;
        let signature = self
            .certificate
            .as_ref()
            .map(Certificate::signature_algorithm)
            .or(self.request.as_ref().map(Csr::signature_algorithm));
        CertificateDto {
            uuid: record.id,
            common_name: shown(&record.common_name),
            serial_number: record.serial.as_ref().map(chancery_pki::SerialNumber::to_hex),
            issuer_common_name: self.certificate.as_ref().and_then(|certificate| certificate.issuer().common_name()),
            issuer_dn: self.certificate.as_ref().map(|certificate| certificate.issuer().to_string()),
            subject_dn: record.subject.clone(),
            not_before: record.not_before.map(date),
            not_after: record.not_after.map(date),
            public_key_algorithm: self.key().map_or_else(String::new, |key| key.name().into()),
            signature_algorithm: signature.map_or_else(String::new, |algorithm| algorithm.name().into()),
            hybrid_certificate: false,
            key_size: self.key().map_or(0, PublicKey::bits),
            state: record.state,
            validation_status: ValidationStatus::of(record.state, record.not_before.zip(record.not_after), now),
            ra_profile: profile.map(SimplifiedRaProfileDto::of),
            fingerprint: record.fingerprint.map(|fingerprint| fingerprint.to_hex()),
            groups: Vec::new(),
            owner: Some(record.owner.clone()).filter(|owner| !owner.is_empty()),
            owner_uuid: Some(record.owner_id).filter(|id| !id.is_nil()),
            certificate_type: "X.509",
            compliance_status: "not_checked",
            issuer_certificate_uuid: record.issuer,
            private_key_availability: false,
            trusted_ca: false,
            archived: record.archived,
        }
    }

    /// The detail form, with the successors and the attributes as they shall be shown.
    pub fn detail(
        &self,
        profile: Option<&RaProfile>,
        now: OffsetDateTime,
        related: Vec<CertificateDto>,
        [issue_attributes, revoke_attributes]: [Vec<ResponseAttribute>; 2],
    ) -> CertificateDetailDto {
        let record = self.record;
        let certificate_request = self.request.as_ref().map(|csr| CertificateRequestDto {
            uuid: record.id,
            certificate_type: "X.509",
            certificate_request_format: csr.format().into(),
            public_key_algorithm: csr.public_key().name(),
            signature_algorithm: csr.signature_algorithm().name().into(),
            content: STANDARD.encode(csr.der()),
            common_name: shown(&csr.subject().common_name().unwrap_or_default()),
            subject_dn: csr.subject().to_string(),
            subject_alternative_names: nine(csr.subject_alt_names()),
            attributes: Vec::new(),
            signature_attributes: Vec::new(),
            alt_signature_attributes: Vec::new(),
            compliance_status: "not_checked",
        });
        let asked = self.request.as_ref().map(Csr::subject_alt_names).unwrap_or_default();
        let names = self.certificate.as_ref().map_or(asked, Certificate::subject_alt_names);
        CertificateDetailDto {
            certificate: self.dto(profile, now),
            extended_key_usage: self.certificate.as_ref().map(extended_key_usage).unwrap_or_default(),
            key_usage: self.certificate.as_ref().map(key_usage).unwrap_or_default(),
            subject_type: self.certificate.as_ref().map_or("endEntity", subject_type),
            metadata: Vec::new(),
            certificate_content: record.certificate.as_ref().map(|der| STANDARD.encode(der)).unwrap_or_default(),
            subject_alternative_names: nine(names),
            locations: Vec::new(),
            non_compliant_rules: Vec::new(),
            custom_attributes: Vec::new(),
            certificate_request,
            source_certificate_uuid: record.predecessor,
            issue_attributes,
            revoke_attributes,
            related_certificates: related,
            protocol_info: None,
        }
    }
}

/// A CA certificate, of which a caller may know no more than what stands in it.
pub fn authority_detail(id: Uuid, certificate: &Certificate, now: OffsetDateTime) -> CertificateDetailDto {
    let validity = certificate.validity();
    let (not_before, not_after) = (validity.not_before, validity.not_after);
    CertificateDetailDto {
        certificate: CertificateDto {
            uuid: id,
            common_name: shown(&certificate.subject().common_name().unwrap_or_default()),
            serial_number: Some(certificate.serial().to_hex()),
            issuer_common_name: certificate.issuer().common_name(),
            issuer_dn: Some(certificate.issuer().to_string()),
            subject_dn: certificate.subject().to_string(),
            not_before: Some(date(not_before)),
            not_after: Some(date(not_after)),
            public_key_algorithm: certificate.public_key().name().into(),
            signature_algorithm: certificate.signature_algorithm().name().into(),
            hybrid_certificate: false,
            key_size: certificate.public_key().bits(),
            state: CertificateState::Issued,
            validation_status: ValidationStatus::of(CertificateState::Issued, Some((not_before, not_after)), now),
            ra_profile: None,
            fingerprint: Some(certificate.fingerprint().to_hex()),
            groups: Vec::new(),
            owner: None,
            owner_uuid: None,
            certificate_type: "X.509",
            compliance_status: "not_checked",
            issuer_certificate_uuid: None,
            private_key_availability: false,
            trusted_ca: false,
            archived: false,
        },
        extended_key_usage: extended_key_usage(certificate),
        key_usage: key_usage(certificate),
        subject_type: subject_type(certificate),
        metadata: Vec::new(),
        certificate_content: STANDARD.encode(certificate.der()),
        subject_alternative_names: nine(certificate.subject_alt_names()),
        locations: Vec::new(),
        non_compliant_rules: Vec::new(),
        custom_attributes: Vec::new(),
        certificate_request: None,
        source_certificate_uuid: None,
        issue_attributes: Vec::new(),
        revoke_attributes: Vec::new(),
        related_certificates: Vec::new(),
        protocol_info: None,
    }
}

/// How a certificate follows from the one before it: `renewal` with the same subject, issuer and key, `rekey` with
/// another key, `replacement` otherwise; `pending` while it is not issued.
pub fn relation(before: &CertificateRecord, after: &CertificateRecord) -> &'static str {
    let same_name = || {
        let read = |text: &str| text.parse::<Name>().ok();
        read(&before.subject).zip(read(&after.subject)).is_some_and(|(before, after)| before.matches(&after))
    };
    match after.state {
        CertificateState::Issued | CertificateState::Revoked if !same_name() => "replacement",
        CertificateState::Issued | CertificateState::Revoked if before.key_hash != after.key_hash => "rekey",
        CertificateState::Issued | CertificateState::Revoked if before.issuer != after.issuer => "replacement",
        CertificateState::Issued | CertificateState::Revoked => "renewal",
        CertificateState::Requested
        | CertificateState::Rejected
        | CertificateState::PendingApproval
        | CertificateState::Failed => "pending",
    }
}

fn shown(common_name: &str) -> String {
    if common_name.is_empty() { "<empty>".into() } else { common_name.into() }
}

fn key_usage(certificate: &Certificate) -> Vec<&'static str> {
    certificate.key_usage().map(|usage| usage.names().collect()).unwrap_or_default()
}

fn extended_key_usage(certificate: &Certificate) -> Vec<String> {
    certificate.extended_key_usage().unwrap_or_default().iter().map(ToString::to_string).collect()
}

fn subject_type(certificate: &Certificate) -> &'static str {
    match (certificate.basic_constraints().is_some_and(|constraints| constraints.ca), certificate.is_self_issued()) {
        (true, true) => "rootCa",
        (true, false) => "intermediateCa",
        (false, true) => "selfSignedEndEntity",
        (false, false) => "endEntity",
    }
}

/// All nine keys are always there.
fn nine(names: &[GeneralName]) -> BTreeMap<&'static str, Vec<String>> {
    const KEYS: [&str; 9] = [
        "otherName",
        "rfc822Name",
        "dNSName",
        "x400Address",
        "directoryName",
        "ediPartyName",
        "uniformResourceIdentifier",
        "iPAddress",
        "registeredID",
    ];
    let mut map: BTreeMap<_, Vec<String>> = KEYS.into_iter().map(|key| (key, Vec::new())).collect();
    for name in names {
        let key = match name {
            GeneralName::OtherName { .. } => "otherName",
            GeneralName::Email(_) => "rfc822Name",
            GeneralName::Dns(_) => "dNSName",
            GeneralName::X400(_) => "x400Address",
            GeneralName::Directory(_) => "directoryName",
            GeneralName::EdiParty(_) => "ediPartyName",
            GeneralName::Uri(_) => "uniformResourceIdentifier",
            GeneralName::Ip(_) => "iPAddress",
            GeneralName::RegisteredId(_) => "registeredID",
        };
        let text = name.to_string();
        let value = text.split_once(':').map_or(text.as_str(), |(_, value)| value).to_owned();
        map.entry(key).or_default().push(value);
    }
    map
}

#[cfg(test)]
mod tests;
