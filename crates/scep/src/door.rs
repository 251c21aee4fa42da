//! Doors: which there are, and by what paths they are reached.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chancery_core::attribute::RequestAttribute;
use chancery_core::{RaProfile, StoreError};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::service::Inner;
use crate::{Activation, DoorId, Scep, ScepProfile};

/// How a door is named in a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DoorPath {
    /// `/scep/{name}`: an RA profile with an activation, or else a SCEP profile with an RA profile of its own.
    Named(String),
    /// `/api/v1/protocols/scep/{name}/pkiclient.exe`: the platform's path of a SCEP profile's own door.
    ScepProfile(String),
    /// `/api/v1/protocols/scep/raProfile/{name}/pkiclient.exe`: the platform's path of an RA profile's door.
    RaProfile(String),
    /// `/cgi-bin/pkiclient.exe` and the path of Microsoft's NDES: the configured default.
    Default,
}

impl DoorPath {
    fn path(&self) -> String {
        match self {
            Self::Named(name) => format!("/scep/{name}"),
            Self::ScepProfile(name) => format!("/api/v1/protocols/scep/{name}/pkiclient.exe"),
            Self::RaProfile(name) => format!("/api/v1/protocols/scep/raProfile/{name}/pkiclient.exe"),
            Self::Default => "/cgi-bin/pkiclient.exe".into(),
        }
    }
}

/// An RA profile's SCEP door.
#[derive(Clone, Debug)]
pub struct Door {
    /// What transactions belong to.
    pub id: DoorId,
    /// How it behaves.
    pub scep_profile: Arc<ScepProfile>,
    /// What it issues.
    pub ra_profile: Arc<RaProfile>,
    /// The activation, when it is reached by the RA profile.
    pub activation: Option<Arc<Activation>>,
}

impl Door {
    /// Attributes of every issue.
    pub fn issue_attributes(&self) -> &[RequestAttribute] {
        match &self.activation {
            Some(activation) => &activation.issue_attributes,
            None => &self.scep_profile.settings.issue_attributes,
        }
    }
}

impl Scep {
    /// The door at this path; none where there is none. An edit on another node holds here within 5 s.
    ///
    /// # Errors
    /// [`chancery_core::Error::Unavailable`] when the database does not answer.
    pub async fn door(&self, path: &DoorPath) -> Result<Option<Arc<Door>>, chancery_core::Error> {
        let doors = self.0.doors.all(&self.0).await?;
        Ok(match path {
            DoorPath::Default => doors.get(&DoorPath::Named(self.0.config.default_profile.clone())).cloned(),
            path => doors.get(path).cloned(),
        })
    }

    /// Every door once.
    pub(crate) async fn all_doors(&self) -> Result<Vec<Arc<Door>>, StoreError> {
        let doors = self.0.doors.all(&self.0).await?;
        let mut once: HashMap<DoorId, Arc<Door>> = HashMap::new();
        for door in doors.values() {
            once.entry(door.id).or_insert_with(|| door.clone());
        }
        Ok(once.into_values().collect())
    }

    /// SCEP profiles, activations or RA profiles were changed here: what is remembered of doors is forgotten.
    pub fn forget_doors(&self) {
        self.0.doors.forget();
    }

    /// The URL of a door, whether it is open or not.
    pub fn door_url(&self, path: &DoorPath) -> String {
        format!("{}{}", self.0.config.base_url, path.path())
    }
}

type Table = Arc<HashMap<DoorPath, Arc<Door>>>;

/// Every door, read lately.
#[derive(Default)]
pub(crate) struct Doors {
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

impl Doors {
    const FRESH: Duration = Duration::seconds(5);

    fn fresh(&self, now: OffsetDateTime) -> (Option<Table>, u64) {
        let known = self.known.lock().expect("no holder panics");
        let table = known.table.as_ref().filter(|(read_at, _)| {
            let age = now - *read_at;
            Duration::ZERO <= age && age < Self::FRESH
        });
        (table.map(|(_, table)| table.clone()), known.forgotten)
    }

    async fn all(&self, scep: &Inner) -> Result<Table, StoreError> {
        if let (Some(table), _) = self.fresh(scep.now()) {
            return Ok(table);
        }
        let _one = self.reading.lock().await;
        let now = scep.now();
        let forgotten = match self.fresh(now) {
            (Some(table), _) => return Ok(table),
            (None, forgotten) => forgotten,
        };
        let table = Arc::new(read(scep).await?);
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

async fn read(scep: &Inner) -> Result<HashMap<DoorPath, Arc<Door>>, StoreError> {
    let scep_profiles: HashMap<Uuid, Arc<ScepProfile>> = (scep.store.scep_profiles().await?.into_iter())
        .filter(|profile| profile.enabled)
        .map(|profile| (profile.id, Arc::new(profile)))
        .collect();
    let ra_profiles: HashMap<Uuid, Arc<RaProfile>> = (scep.ra.ports().profiles.profiles().await?.into_iter())
        .map(|profile| (profile.id, Arc::new(profile)))
        .collect();
    let mut table = HashMap::new();
    let mut add = |path: DoorPath, scep_profile: &Arc<ScepProfile>, ra_profile: &Arc<RaProfile>, activation| {
        let id = DoorId { scep_profile: scep_profile.id, ra_profile: ra_profile.id };
        let door = Door { id, scep_profile: scep_profile.clone(), ra_profile: ra_profile.clone(), activation };
        table.insert(path, Arc::new(door));
    };
    for scep_profile in scep_profiles.values() {
        let Some(ra_profile) = scep_profile.ra_profile.and_then(|id| ra_profiles.get(&id)) else { continue };
        add(DoorPath::Named(scep_profile.name.clone()), scep_profile, ra_profile, None);
        add(DoorPath::ScepProfile(scep_profile.name.clone()), scep_profile, ra_profile, None);
    }
    // After the SCEP profiles: where both have the same name, the RA profile's door is the one of that name.
    for activation in scep.store.scep_activations().await? {
        let (Some(scep_profile), Some(ra_profile)) =
            (scep_profiles.get(&activation.scep_profile), ra_profiles.get(&activation.ra_profile))
        else {
            continue;
        };
        let activation = Arc::new(activation);
        let name = &ra_profile.name;
        add(DoorPath::Named(name.clone()), scep_profile, ra_profile, Some(activation.clone()));
        add(DoorPath::RaProfile(name.clone()), scep_profile, ra_profile, Some(activation));
    }
    Ok(table)
}
