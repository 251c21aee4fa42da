//! Endpoints: which labels there are (RFC 7030 section 3.2.2), and how each behaves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chancery_core::attribute::RequestAttribute;
use chancery_core::{RaProfile, StoreError};
use chancery_pki::Certificate;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::service::Inner;
use crate::{AnchorNames, Est, EstProfile, Refusal};

/// An EST door of an RA profile.
#[derive(Debug)]
pub struct Endpoint {
    /// How it behaves.
    pub est_profile: Arc<EstProfile>,
    /// What it issues.
    pub ra_profile: Arc<RaProfile>,
    /// Attributes of every issue.
    pub issue_attributes: Vec<RequestAttribute>,
    /// The third parties of the EST profile: from their certificates to names, and their CA.
    pub(crate) anchors: Vec<(AnchorNames, TrustAnchor<'static>)>,
}

impl Est {
    /// The endpoint of a label, or that without one; none where there is none. An edit on another node holds here within
    /// 5 s.
    ///
    /// # Errors
    /// 503 when the database does not answer.
    pub async fn endpoint(&self, label: Option<&str>) -> Result<Option<Arc<Endpoint>>, Refusal> {
        let table = self.0.endpoints.all(&self.0).await?;
        Ok(match label {
            Some(label) => table.labelled.get(label).cloned(),
            None => table.unlabelled.clone(),
        })
    }

    /// EST profiles, activations or RA profiles were changed here: what is remembered of endpoints is forgotten.
    pub fn forget_endpoints(&self) {
        self.0.endpoints.forget();
    }

    /// The URL of an endpoint, without a slash at the end.
    pub fn url(&self, label: Option<&str>) -> String {
        let base = &self.0.config.base_url;
        match label {
            Some(label) => format!("{base}/.well-known/est/{label}"),
            None => format!("{base}/.well-known/est"),
        }
    }
}

#[derive(Default)]
struct Table {
    labelled: HashMap<String, Arc<Endpoint>>,
    unlabelled: Option<Arc<Endpoint>>,
}

/// Every endpoint, read lately.
#[derive(Default)]
pub(crate) struct Endpoints {
    known: Mutex<Known>,
    /// One reader at a time: the others wait for what it reads.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    table: Option<(OffsetDateTime, Arc<Table>)>,
    /// Counts the times that it was forgotten: what was read before is not kept after.
    forgotten: u64,
}

impl Endpoints {
    const FRESH: Duration = Duration::seconds(5);

    fn fresh(&self, now: OffsetDateTime) -> (Option<Arc<Table>>, u64) {
        let known = self.known.lock().expect("no holder panics");
        let table = known.table.as_ref().filter(|(read_at, _)| {
            let age = now - *read_at;
            Duration::ZERO <= age && age < Self::FRESH
        });
        (table.map(|(_, table)| table.clone()), known.forgotten)
    }

    async fn all(&self, est: &Inner) -> Result<Arc<Table>, StoreError> {
        if let (Some(table), _) = self.fresh(est.now()) {
            return Ok(table);
        }
        let _one = self.reading.lock().await;
        let now = est.now();
        let forgotten = match self.fresh(now) {
            (Some(table), _) => return Ok(table),
            (None, forgotten) => forgotten,
        };
        let table = Arc::new(read(est).await?);
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

async fn read(est: &Inner) -> Result<Table, StoreError> {
    let est_profiles: HashMap<Uuid, Arc<EstProfile>> = (est.store.est_profiles().await?.into_iter())
        .filter(|profile| profile.enabled)
        .map(|profile| (profile.id, Arc::new(profile)))
        .collect();
    let ra_profiles: HashMap<Uuid, Arc<RaProfile>> = (est.ra.ports().profiles.profiles().await?.into_iter())
        .map(|profile| (profile.id, Arc::new(profile)))
        .collect();
    let mut table = Table::default();
    let endpoint = |est_profile: &Arc<EstProfile>, ra_profile: &Arc<RaProfile>, issue_attributes: &[_]| {
        Arc::new(Endpoint {
            anchors: anchors(est_profile),
            est_profile: est_profile.clone(),
            ra_profile: ra_profile.clone(),
            issue_attributes: issue_attributes.to_vec(),
        })
    };
    for est_profile in est_profiles.values() {
        let Some(ra_profile) = est_profile.ra_profile.and_then(|id| ra_profiles.get(&id)) else { continue };
        let made = endpoint(est_profile, ra_profile, &est_profile.settings.issue_attributes);
        table.labelled.insert(est_profile.name.clone(), made);
    }
    // After the EST profiles: where both have the same name, the RA profile's door is the one of that label.
    for activation in est.store.est_activations().await? {
        let (Some(est_profile), Some(ra_profile)) =
            (est_profiles.get(&activation.est_profile), ra_profiles.get(&activation.ra_profile))
        else {
            continue;
        };
        let made = endpoint(est_profile, ra_profile, &activation.issue_attributes);
        if activation.unlabelled {
            table.unlabelled = Some(made.clone());
        }
        table.labelled.insert(ra_profile.name.clone(), made);
    }
    Ok(table)
}

/// Those that can be read; the others were refused when the profile was written.
fn anchors(profile: &EstProfile) -> Vec<(AnchorNames, TrustAnchor<'static>)> {
    let mut anchors = Vec::new();
    for anchor in &profile.settings.anchors {
        match (AnchorNames::parse(&anchor.names), anchor_of(&anchor.certificate)) {
            (Ok(names), Ok(anchor)) => anchors.push((names, anchor)),
            (Err(why), _) | (_, Err(why)) => {
                tracing::error!(est_profile = profile.name, anchor = anchor.name, why, "an anchor cannot be used");
            }
        }
    }
    anchors
}

/// A CA certificate in PEM as a trust anchor.
pub(crate) fn anchor_of(pem: &str) -> Result<TrustAnchor<'static>, String> {
    let certificate = Certificate::from_pem(pem).map_err(|why| why.to_string())?;
    if !certificate.is_ca() {
        return Err("it is no CA certificate (basicConstraints)".into());
    }
    let der = CertificateDer::from(certificate.der());
    webpki::anchor_from_trusted_cert(&der).map(|anchor| anchor.to_owned()).map_err(|why| why.to_string())
}
