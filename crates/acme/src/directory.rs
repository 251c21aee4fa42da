//! Directories: which there are, and their documents (RFC 8555 section 7.1.1).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use chancery_core::attribute::RequestAttribute;
use chancery_core::{RaProfile, StoreError};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::service::Inner;
use crate::{Acme, AcmeProfile, Activation, DirectoryId, EabPolicy, Problem, ProblemType, Reply, Resource};

/// How a directory is named in a URL: the path before `/directory`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DirectoryPath {
    /// `/acme/{name}`: an RA profile with an activation, or else an ACME profile with an RA profile of its own.
    Named(String),
    /// `/api/v1/protocols/acme/{name}`: the platform's path of an ACME profile's own directory.
    AcmeProfile(String),
    /// `/api/v1/protocols/acme/raProfile/{name}`: the platform's path of an RA profile's directory.
    RaProfile(String),
}

impl DirectoryPath {
    fn path(&self) -> String {
        match self {
            Self::Named(name) => format!("/acme/{name}"),
            Self::AcmeProfile(name) => format!("/api/v1/protocols/acme/{name}"),
            Self::RaProfile(name) => format!("/api/v1/protocols/acme/raProfile/{name}"),
        }
    }
}

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
    /// The RA profiles that an order may choose by name, the directory's own among them; none where there is no choice.
    pub choices: Vec<Arc<RaProfile>>,
    /// The activation, when the RA profile's door is opened with this ACME profile: whichever URL was used.
    pub activation: Option<Arc<Activation>>,
    /// Whether the URL is that of the RA profile.
    by_ra_profile: bool,
}

impl Directory {
    /// The URL of a resource.
    pub fn url(&self, resource: &Resource) -> String {
        format!("{}{}", self.base, resource.path())
    }

    /// Whether orders of this directory may be issued under the RA profile.
    pub(crate) fn issues_under(&self, ra_profile: Uuid) -> bool {
        self.ra_profile.id == ra_profile || self.choices.iter().any(|choice| choice.id == ra_profile)
    }

    /// How long clients are told to wait while something is being done.
    pub(crate) fn retry_after(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.acme_profile.settings.retry_after.into())
    }

    /// Attributes of every issue: one set for each [`DirectoryId`].
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

impl Acme {
    /// The directory at this path; none where there is none. An edit on another node holds here within 5 s.
    ///
    /// # Errors
    /// `serverInternal` when the database does not answer.
    pub async fn directory(&self, path: &DirectoryPath) -> Result<Option<Arc<Directory>>, Problem> {
        Ok(self.0.directories.all(&self.0).await?.get(path).cloned())
    }

    /// A directory by what accounts belong to; of its URLs, the one that begins with the RA profile's name, if there is one.
    pub(crate) async fn directory_of(&self, id: DirectoryId) -> Result<Option<Arc<Directory>>, Problem> {
        let all = self.0.directories.all(&self.0).await?;
        let found = all.iter().filter(|(_, directory)| directory.id == id);
        let best =
            found.min_by_key(|(path, directory)| (!directory.by_ra_profile, !matches!(path, DirectoryPath::Named(_))));
        Ok(best.map(|(_, directory)| directory.clone()))
    }

    /// ACME profiles, activations or RA profiles were changed here: what is remembered of directories is forgotten.
    pub fn forget_directories(&self) {
        self.0.directories.forget();
    }

    /// The URL of a directory's document, whether it is open or not.
    pub fn directory_url(&self, path: &DirectoryPath) -> String {
        format!("{}{}/directory", self.0.config.base_url, path.path())
    }

    /// The directory's document (RFC 8555 section 7.1.1).
    pub fn directory_document(&self, directory: &Directory) -> Reply {
        Reply::json(200, &document(directory))
    }
}

type Table = Arc<HashMap<DirectoryPath, Arc<Directory>>>;

/// Every directory, read lately.
#[derive(Default)]
pub(crate) struct Directories {
    known: Mutex<Known>,
    /// One reader at a time: the others wait for what it reads.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    table: Option<(OffsetDateTime, Table)>,
    /// Counts the times that it was forgotten: what was read before is not kept after.
    forgotten: u64,
}

impl Directories {
    const FRESH: Duration = Duration::seconds(5);

    fn fresh(&self, now: OffsetDateTime) -> (Option<Table>, u64) {
        let known = self.known.lock().expect("no holder panics");
        let table = known.table.as_ref().filter(|(read_at, _)| {
            let age = now - *read_at;
            Duration::ZERO <= age && age < Self::FRESH
        });
        (table.map(|(_, table)| table.clone()), known.forgotten)
    }

    async fn all(&self, acme: &Inner) -> Result<Table, StoreError> {
        if let (Some(table), _) = self.fresh(acme.now()) {
            return Ok(table);
        }
        let _one = self.reading.lock().await;
        let now = acme.now();
        let forgotten = match self.fresh(now) {
            (Some(table), _) => return Ok(table),
            (None, forgotten) => forgotten,
        };
        let table = Arc::new(read(acme).await?);
        let mut known = self.known.lock().expect("no holder panics");
        if known.forgotten == forgotten {
            known.table = Some((now, table.clone()));
        }
        Ok(table)
    }

    fn forget(&self) {
        let mut known = self.known.lock().expect("no holder panics");
        known.table = None;
        known.forgotten += 1;
    }
}

async fn read(acme: &Inner) -> Result<HashMap<DirectoryPath, Arc<Directory>>, StoreError> {
    let acme_profiles: HashMap<Uuid, Arc<AcmeProfile>> = (acme.store.acme_profiles().await?.into_iter())
        .filter(|profile| profile.enabled)
        .map(|profile| (profile.id, Arc::new(profile)))
        .collect();
    let ra_profiles: HashMap<Uuid, Arc<RaProfile>> = (acme.ra.ports().profiles.profiles().await?.into_iter())
        .map(|profile| (profile.id, Arc::new(profile)))
        .collect();
    let mut table = HashMap::new();
    let activations: HashMap<Uuid, Arc<Activation>> = (acme.store.activations().await?.into_iter())
        .map(|activation| (activation.ra_profile, Arc::new(activation)))
        .collect();
    let mut add = |path: DirectoryPath, acme_profile: &Arc<AcmeProfile>, ra_profile: &Arc<RaProfile>, by_ra_profile| {
        let others = acme_profile.settings.profiles.iter().filter(|id| **id != ra_profile.id);
        let mut choices: Vec<_> = others.filter_map(|id| ra_profiles.get(id)).cloned().collect();
        if !choices.is_empty() {
            choices.insert(0, ra_profile.clone());
        }
        let directory = Directory {
            id: DirectoryId { acme_profile: acme_profile.id, ra_profile: ra_profile.id },
            base: format!("{}{}", acme.config.base_url, path.path()),
            acme_profile: acme_profile.clone(),
            ra_profile: ra_profile.clone(),
            choices,
            activation: (activations.get(&ra_profile.id))
                .filter(|activation| activation.acme_profile == acme_profile.id)
                .cloned(),
            by_ra_profile,
        };
        table.insert(path, Arc::new(directory));
    };
    for acme_profile in acme_profiles.values() {
        let Some(ra_profile) = acme_profile.ra_profile.and_then(|id| ra_profiles.get(&id)) else { continue };
        add(DirectoryPath::Named(acme_profile.name.clone()), acme_profile, ra_profile, false);
        add(DirectoryPath::AcmeProfile(acme_profile.name.clone()), acme_profile, ra_profile, false);
    }
    // After the ACME profiles: where both have the same name, the RA profile's directory is the one of that name.
    for activation in activations.values() {
        let (Some(acme_profile), Some(ra_profile)) =
            (acme_profiles.get(&activation.acme_profile), ra_profiles.get(&activation.ra_profile))
        else {
            continue;
        };
        let name = &ra_profile.name;
        add(DirectoryPath::Named(name.clone()), acme_profile, ra_profile, true);
        add(DirectoryPath::RaProfile(name.clone()), acme_profile, ra_profile, true);
    }
    Ok(table)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    new_nonce: String,
    new_account: String,
    new_order: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    new_authz: Option<String>,
    revoke_cert: String,
    key_change: String,
    renewal_info: String,
    meta: Meta<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    terms_of_service: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    website: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    caa_identities: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    external_account_required: bool,
    /// draft-ietf-acme-profiles section 3.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    profiles: BTreeMap<&'a str, &'a str>,
    /// RFC 9444 section 4.3.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    subdomain_auth_allowed: bool,
}

fn document(directory: &Directory) -> Document<'_> {
    let settings = &directory.acme_profile.settings;
    let url = |resource| directory.url(&resource);
    let profiles = directory
        .choices
        .iter()
        .map(|profile| (profile.name.as_str(), profile.description.as_deref().unwrap_or(&profile.name)));
    Document {
        new_nonce: url(Resource::NewNonce),
        new_account: url(Resource::NewAccount),
        new_order: url(Resource::NewOrder),
        new_authz: settings.pre_authorization.then(|| url(Resource::NewAuthorization)),
        revoke_cert: url(Resource::RevokeCertificate),
        key_change: url(Resource::KeyChange),
        renewal_info: format!("{}/renewal-info", directory.base),
        meta: Meta {
            terms_of_service: settings.terms_of_service.as_deref(),
            website: settings.website.as_deref(),
            caa_identities: &settings.caa_identities,
            external_account_required: settings.eab == EabPolicy::Required,
            profiles: profiles.collect(),
            subdomain_auth_allowed: settings.subdomains,
        },
    }
}

/// No such directory: what adapters answer where [`Acme::directory`] finds none.
impl Problem {
    /// There is no ACME directory at this path.
    pub fn no_directory() -> Self {
        Self::new(ProblemType::Malformed, "there is no ACME directory here: look at the URL").with_status(404)
    }
}
