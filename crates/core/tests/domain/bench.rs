//! A whole registration authority in a temporary folder.

use std::collections::BTreeSet;
use std::sync::Arc;

use chancery_authority::{BuiltInAuthority, Cost, NewAuthorityRequest, Schedule, SoftwareKeys, Vault};
use chancery_core::{
    Actor, ActorKind, Authorization, CertificateRecord, Door, Error, IssueRequest, ManualClock, Origin, Outcome, Ports,
    ProfileRef, Ra, RaProfile, Rejection, Role, Scope, SystemRng,
};
use chancery_pki::{Csr, CsrTemplate, GeneralName, KeyType, Name, PrivateKey, key_check::KeyChecks};
use chancery_store::{Store, StoreOptions};
use time::macros::datetime;
use uuid::Uuid;

pub struct Bench {
    pub ra: Ra,
    pub clock: Arc<ManualClock>,
    pub authority: BuiltInAuthority,
    _folder: tempfile::TempDir,
}

impl Bench {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/chancery.db", folder.path().display());
        Store::migrate(&url).await.unwrap();
        let store = Arc::new(Store::open(StoreOptions::new(url, Uuid::from_u128(1))).await.unwrap());
        let clock = Arc::new(ManualClock::at(datetime!(2026-11-24 12:00 UTC)));
        let rng = Arc::new(SystemRng);
        let cost = Cost { memory: 64, passes: 1, lanes: 1 };
        let vault =
            Vault::open_at(&*store, "correct horse battery".to_owned().into(), rng.clone(), cost).await.unwrap();
        let keys = Arc::new(SoftwareKeys::new(store.clone(), vault, clock.clone(), rng.clone()));
        let ports = chancery_authority::Ports {
            store: store.clone(),
            leases: store.clone(),
            keys,
            clock: clock.clone(),
            rng: rng.clone(),
        };
        let config = chancery_authority::Config {
            status_url: "http://ca.example".into(),
            node: Uuid::from_u128(1),
            crl: Schedule::default(),
            cores: 1,
        };
        let authority = BuiltInAuthority::open(ports, config).await.unwrap();
        let made = NewAuthorityRequest::named("default");
        let instance = authority.create(&Actor::system(), &Origin::system(), made).await.unwrap();
        let ra = Ra::new(Ports {
            profiles: store.clone(),
            inventory: store.clone(),
            approvals: store.clone(),
            audit: store.clone(),
            tokens: store.clone(),
            users: store.clone(),
            authority: Arc::new(authority.clone()),
            database: store,
            clock: clock.clone(),
            rng,
            key_checks: KeyChecks::default(),
        });
        ra.seed(instance.id).await.unwrap();
        Self { ra, clock, authority, _folder: folder }
    }

    pub async fn profile(&self, name: &str) -> RaProfile {
        self.ra.profile(&Actor::system(), &Origin::system(), &ProfileRef::Name(name.into())).await.unwrap()
    }

    pub async fn may(&self, profile: &str) -> Authorization {
        self.ra.authorize(&requester(Scope::All), &origin(), &ProfileRef::Name(profile.into())).await.unwrap()
    }

    pub async fn issue(&self, profile: &str, csr: &Csr) -> Result<CertificateRecord, Error> {
        issued(self.ra.issue(self.may(profile).await, request(csr)).await)
    }

    /// Everything that the trail says of an event, newest first.
    pub async fn told(&self, event: &str) -> Vec<String> {
        let latest = self.ra.ports().audit.latest(1000).await.unwrap();
        latest.into_iter().filter(|entry| entry.event == event).map(|entry| entry.body).collect()
    }

    pub async fn certificates(&self) -> u64 {
        let query = chancery_core::CertificateQuery { limit: 1, ..Default::default() };
        self.ra.ports().inventory.certificates(query).await.unwrap().total
    }
}

pub fn origin() -> Origin {
    Origin { door: Door::Rest, request_id: "req-1".into(), address: Some([192, 0, 2, 1].into()) }
}

pub fn actor(role: Role, scope: Scope) -> Actor {
    Actor { id: Uuid::from_u128(7), name: "somebody".into(), kind: ActorKind::Token, role, scope }
}

pub fn requester(scope: Scope) -> Actor {
    actor(Role::Requester, scope)
}

pub fn only(profile: &RaProfile) -> Scope {
    Scope::Profiles(BTreeSet::from([profile.id]))
}

pub fn key() -> PrivateKey {
    PrivateKey::generate(KeyType::P256).unwrap()
}

pub fn csr(key: &PrivateKey, common_name: &str, dns: &[&str]) -> Csr {
    CsrTemplate {
        subject: Some(Name::from_common_name(common_name).unwrap()),
        subject_alt_names: dns.iter().map(|name| GeneralName::Dns((*name).into())).collect(),
        ..CsrTemplate::default()
    }
    .sign(key)
    .unwrap()
}

pub fn request(csr: &Csr) -> IssueRequest {
    IssueRequest { csr: csr.clone(), attributes: vec![], facts: vec![], alongside: None }
}

pub fn issued(outcome: Result<Outcome, Error>) -> Result<CertificateRecord, Error> {
    outcome.map(|outcome| match outcome {
        Outcome::Issued(record) => *record,
        Outcome::Pending { .. } => panic!("nobody has to approve here"),
    })
}

/// The rules that a refused operation names.
pub fn rules<T: std::fmt::Debug>(done: Result<T, Error>) -> Vec<Rejection> {
    match done {
        Err(Error::Rejected(rules)) => rules,
        other => panic!("expected a refusal, got {other:?}"),
    }
}
