//! Bodies and answers of the RA-profile operations.

use chancery_core::attribute::RequestAttribute;
use chancery_pki::RequestFormat;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Object;

/// `CertificateRequestFormat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 2986.
    #[default]
    Pkcs10,
    /// RFC 4211.
    Crmf,
}

impl From<Format> for RequestFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Pkcs10 => Self::Pkcs10,
            Format::Crmf => Self::Crmf,
        }
    }
}

impl From<RequestFormat> for Format {
    fn from(format: RequestFormat) -> Self {
        match format {
            RequestFormat::Pkcs10 => Self::Pkcs10,
            RequestFormat::Crmf => Self::Crmf,
        }
    }
}

/// `ClientCertificateSignRequestDto`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct SignRequest {
    pub request: Option<String>,
    pub format: Option<Format>,
    pub csr_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub signature_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub alt_signature_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub token_profile_uuid: Option<String>,
    pub key_uuid: Option<String>,
    pub alt_token_profile_uuid: Option<String>,
    pub alt_key_uuid: Option<String>,
    pub attributes: Option<Vec<Object<RequestAttribute>>>,
    pub custom_attributes: Option<Vec<Object<RequestAttribute>>>,
}

/// `ClientCertificateRequestDto`: a request that is kept, to be issued later.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct CreateRequest {
    pub ra_profile_uuid: Option<String>,
    pub source_certificate_uuid: Option<String>,
    pub request: Option<String>,
    pub format: Option<Format>,
    pub csr_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub signature_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub alt_signature_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub token_profile_uuid: Option<String>,
    pub key_uuid: Option<String>,
    pub alt_token_profile_uuid: Option<String>,
    pub alt_key_uuid: Option<String>,
    pub issue_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub custom_attributes: Option<Vec<Object<RequestAttribute>>>,
}

/// `ClientCertificateRenewRequestDto`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct RenewRequest {
    pub replace_in_locations: Option<bool>,
    pub request: Option<String>,
    pub format: Option<Format>,
}

/// `ClientCertificateRekeyRequestDto`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct RekeyRequest {
    pub replace_in_locations: Option<bool>,
    pub request: Option<String>,
    pub format: Option<Format>,
    pub key_uuid: Option<String>,
    pub token_profile_uuid: Option<String>,
    pub alt_key_uuid: Option<String>,
    pub alt_token_profile_uuid: Option<String>,
    pub signature_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub alt_signature_attributes: Option<Vec<Object<RequestAttribute>>>,
}

/// `ClientCertificateRevocationDto`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct RevokeRequest {
    pub reason: Option<String>,
    pub attributes: Option<Vec<Object<RequestAttribute>>>,
    pub destroy_key: Option<bool>,
}

/// `ClientCertificateDataResponseDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DataResponse {
    /// The certificate object.
    pub uuid: Uuid,
    /// Base64 of the DER; empty while the certificate is not issued.
    pub certificate_data: String,
}
