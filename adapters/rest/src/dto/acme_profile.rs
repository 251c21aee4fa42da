//! ACME profiles and their activation. The published members come first; [`OwnSettings`] are members of our own beside
//! them.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use chancery_acme::{AcmeProfile, AcmeSettings, ChallengeType, EabPolicy};
use chancery_core::Rejection;
use chancery_core::attribute::{RequestAttribute, ResponseAttribute};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::profile::SimplifiedRaProfileDto;
use super::{Object, inner};

/// What the published document shows for no resolver of the profile's own.
const SYSTEM_DEFAULT: &str = "System Default";

/// `AcmeProfileListDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct AcmeProfileListDto {
    pub uuid: Uuid,
    pub name: String,
    pub enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ra_profile: Option<SimplifiedRaProfileDto>,
    pub directory_url: String,
}

/// `AcmeProfileDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct AcmeProfileDto {
    #[serde(flatten)]
    pub profile: AcmeProfileListDto,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_resolver_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_resolver_port: Option<String>,
    pub retry_interval: u32,
    pub terms_of_service_change_disable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service_change_url: Option<String>,
    pub validity: u32,
    pub require_contact: bool,
    pub require_terms_of_service: bool,
    pub issue_certificate_attributes: Vec<ResponseAttribute>,
    pub revoke_certificate_attributes: Vec<ResponseAttribute>,
    pub custom_attributes: Vec<Value>,
    #[serde(flatten)]
    pub own: OwnSettings,
}

impl AcmeProfileDto {
    /// Of a profile, with what was read beside it.
    pub fn of(
        profile: &AcmeProfile,
        shown: AcmeProfileListDto,
        [issue_certificate_attributes, revoke_certificate_attributes]: [Vec<ResponseAttribute>; 2],
    ) -> Self {
        let settings = &profile.settings;
        Self {
            profile: shown,
            terms_of_service_url: settings.terms_of_service.clone(),
            website_url: settings.website.clone(),
            dns_resolver_ip: settings.resolver.map(|resolver| resolver.ip().to_string()),
            dns_resolver_port: settings.resolver.map(|resolver| resolver.port().to_string()),
            retry_interval: settings.retry_after,
            terms_of_service_change_disable: settings.terms_changed,
            terms_of_service_change_url: settings.terms_changed_url.clone(),
            validity: settings.order_lifetime,
            require_contact: settings.require_contact,
            require_terms_of_service: settings.require_terms_agreement,
            issue_certificate_attributes,
            revoke_certificate_attributes,
            custom_attributes: Vec::new(),
            own: OwnSettings::of(settings),
        }
    }
}

macro_rules! own_settings {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        /// Members of our own, by the names of [`AcmeSettings`]: what is left out of a request stays as it is.
        #[derive(Clone, Debug, Default, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct OwnSettings {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
        }

        impl OwnSettings {
            /// All of them, as they are set.
            pub fn of(settings: &AcmeSettings) -> Self {
                Self { $($field: Some(settings.$field.clone()),)* }
            }

            /// Set what the request has.
            pub fn apply(self, settings: &mut AcmeSettings) {
                $(if let Some(value) = self.$field { settings.$field = value; })*
            }
        }
    };
}

own_settings! {
    /// `optional` or `required`.
    eab: EabPolicy,
    /// Offered challenge types.
    challenges: BTreeSet<ChallengeType>,
    /// Ask CAA.
    caa: bool,
    /// The issuer domain names that CAA records may name.
    caa_identities: Vec<String>,
    /// How long a valid authorization counts, in seconds.
    authorization_lifetime: u32,
    /// New orders take up valid authorizations.
    reuse_authorizations: bool,
    /// TRUSTED MODE: names of the EAB key without any challenge.
    trusted_without_challenges: bool,
    /// Other RA profiles that an order may choose.
    profiles: BTreeSet<Uuid>,
    /// RFC 9444.
    subdomains: bool,
    /// Serve newAuthz.
    pre_authorization: bool,
    /// Take padded base64url.
    padded_base64: bool,
    /// Most identifiers of an order.
    most_identifiers: u32,
    /// Most open orders of an account.
    most_open_orders: u32,
    /// Most pending authorizations of an account.
    most_pending_authorizations: u32,
    /// Most contacts of an account.
    most_contacts: u32,
    /// Requests per minute of one account; 0: no limit. Likewise below.
    account_requests_per_minute: u32,
    /// New accounts per hour of one address.
    new_accounts_per_hour: u32,
    /// New orders per hour of one account.
    new_orders_per_hour: u32,
    /// New orders per hour of the whole directory.
    directory_orders_per_hour: u32,
    /// Certificates per day of one registered domain.
    domain_orders_per_day: u32,
    /// Failed validations per hour of one account and identifier.
    failed_validations_per_hour: u32,
    /// Failed validations per hour of one account, whatever the identifiers.
    account_failures_per_hour: u32,
}

/// `AcmeProfileRequestDto` and `AcmeProfileEditRequestDto`: what is left out, or null, stays as it is; an empty text takes
/// the setting away.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct AcmeProfileRequest {
    pub name: Option<String>,
    pub description: Option<String>,
    pub terms_of_service_url: Option<String>,
    pub website_url: Option<String>,
    pub dns_resolver_ip: Option<String>,
    pub dns_resolver_port: Option<String>,
    pub ra_profile_uuid: Option<String>,
    pub retry_interval: Option<u32>,
    pub validity: Option<u32>,
    pub terms_of_service_change_disable: Option<bool>,
    pub terms_of_service_change_url: Option<String>,
    pub issue_certificate_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub revoke_certificate_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub require_contact: Option<bool>,
    pub require_terms_of_service: Option<bool>,
    pub custom_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub certificate_associations: Option<Value>,
    #[serde(flatten)]
    pub own: OwnSettings,
}

impl AcmeProfileRequest {
    /// Set what the request has; or every fault of what cannot be read as a setting.
    ///
    /// # Errors
    /// The resolver's address or port is none.
    pub fn apply(self, settings: &mut AcmeSettings) -> Result<(), Vec<Rejection>> {
        let resolver = self.resolver(settings.resolver)?;
        settings.resolver = resolver;
        let text = |text: Option<String>, setting: &mut Option<String>| {
            if let Some(text) = text {
                *setting = Some(text).filter(|text| !text.is_empty());
            }
        };
        text(self.terms_of_service_url, &mut settings.terms_of_service);
        text(self.website_url, &mut settings.website);
        text(self.terms_of_service_change_url, &mut settings.terms_changed_url);
        settings.retry_after = self.retry_interval.unwrap_or(settings.retry_after);
        settings.order_lifetime = self.validity.unwrap_or(settings.order_lifetime);
        settings.terms_changed = self.terms_of_service_change_disable.unwrap_or(settings.terms_changed);
        settings.require_contact = self.require_contact.unwrap_or(settings.require_contact);
        settings.require_terms_agreement = self.require_terms_of_service.unwrap_or(settings.require_terms_agreement);
        if let Some(attributes) = self.issue_certificate_attributes {
            settings.issue_attributes = inner(Some(attributes));
        }
        if let Some(attributes) = self.revoke_certificate_attributes {
            settings.revoke_attributes = inner(Some(attributes));
        }
        self.own.apply(settings);
        Ok(())
    }

    fn resolver(&self, current: Option<SocketAddr>) -> Result<Option<SocketAddr>, Vec<Rejection>> {
        let mut faults = Vec::new();
        let ip = match self.dns_resolver_ip.as_deref() {
            None => current.map(|resolver| resolver.ip()),
            Some("" | SYSTEM_DEFAULT) => None,
            Some(text) => {
                let ip = text.parse::<IpAddr>();
                if ip.is_err() {
                    faults.push(Rejection::State(format!("dnsResolverIp: {text:?} is no IP address")));
                }
                ip.ok()
            }
        };
        let port = match self.dns_resolver_port.as_deref() {
            None | Some("") => Some(current.map_or(53, |resolver| resolver.port())),
            Some(text) => {
                let port = text.parse::<u16>().ok().filter(|port| *port != 0);
                if port.is_none() {
                    faults.push(Rejection::State(format!("dnsResolverPort: {text:?} is no port; usually it is 53")));
                }
                port
            }
        };
        if faults.is_empty() { Ok(ip.zip(port).map(SocketAddr::from)) } else { Err(faults) }
    }
}

/// `ActivateAcmeForRaProfileRequestDto`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct ActivateRequest {
    pub issue_certificate_attributes: Option<Vec<Object<RequestAttribute>>>,
    pub revoke_certificate_attributes: Option<Vec<Object<RequestAttribute>>>,
}

/// `RaProfileAcmeDetailResponseDto`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the published document names and explains the fields")]
pub struct RaProfileAcmeDetailDto {
    pub uuid: Uuid,
    pub name: String,
    pub acme_available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory_url: Option<String>,
    pub issue_certificate_attributes: Vec<ResponseAttribute>,
    pub revoke_certificate_attributes: Vec<ResponseAttribute>,
}

/// `BulkActionMessageDto`: an object that a bulk request could not do.
#[derive(Clone, Debug, Serialize)]
pub struct BulkActionMessageDto {
    /// The object.
    pub uuid: Uuid,
    /// Its name.
    pub name: String,
    /// Why not.
    pub message: String,
}
