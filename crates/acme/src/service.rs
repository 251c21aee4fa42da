//! The door as adapters see it: one call takes a request and gives back what to write out.

use std::sync::Arc;
use std::time::Duration;

use chancery_core::attribute::RequestAttribute;
use chancery_core::{Origin, RaProfile};

use crate::{AcmeProfile, Activation, DirectoryId, Resource};

/// A directory: an RA profile's ACME door under one base URL.
#[derive(Clone, Debug)]
pub struct Directory {
    /// What accounts belong to.
    pub id: DirectoryId,
    /// The URL that all resource URLs begin with, without a slash at the end: the configured base URL and the path by
    /// which the directory was reached.
    pub base: String,
    /// How it behaves.
    pub acme_profile: Arc<AcmeProfile>,
    /// What it issues.
    pub ra_profile: Arc<RaProfile>,
    /// The activation, when the directory is reached by the RA profile.
    pub activation: Option<Arc<Activation>>,
}

impl Directory {
    /// The URL of a resource.
    pub fn url(&self, resource: &Resource) -> String {
        format!("{}{}", self.base, resource.path())
    }

    /// Attributes of every issue.
    pub fn issue_attributes(&self) -> &[RequestAttribute] {
        match &self.activation {
            Some(activation) => &activation.issue_attributes,
            None => &self.acme_profile.settings.issue_attributes,
        }
    }

    /// Attributes of every revocation.
    pub fn revoke_attributes(&self) -> &[RequestAttribute] {
        match &self.activation {
            Some(activation) => &activation.revoke_attributes,
            None => &self.acme_profile.settings.revoke_attributes,
        }
    }
}

/// A POST request as it came.
#[derive(Debug)]
pub struct Post<'a> {
    /// Where.
    pub directory: &'a Directory,
    /// What.
    pub resource: Resource,
    /// The body, whose content type was application/jose+json.
    pub body: &'a [u8],
    /// The Accept header, for certificates.
    pub accept: Option<&'a str>,
    /// Who and whence, for the audit.
    pub origin: Origin,
}

/// What to write out. The adapter adds a fresh nonce and the link to the directory.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Content.
    pub body: Body,
    /// Header `Location`.
    pub location: Option<String>,
    /// Header `Link`: targets and relations.
    pub links: Vec<(String, &'static str)>,
    /// Header `Retry-After`; never in a final state.
    pub retry_after: Option<Duration>,
}

/// The content of a reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// None.
    Empty,
    /// application/json, serialised.
    Json(Vec<u8>),
    /// Anything else.
    Bytes {
        /// Its media type.
        content_type: &'static str,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}
