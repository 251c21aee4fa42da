//! A whole house in a temporary folder, asked without sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::App;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::middleware::{NormalizePath, TrailingSlash};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use async_trait::async_trait;
use chancery_acme::port::{Attempt, AttemptFailed, CaaQuestion, Proof, Secrets, Validator};
use chancery_acme::{Acme, AcmeConfig, AcmePorts};
use chancery_authority::{BuiltInAuthority, Config, Cost, NewAuthorityRequest, Schedule, SoftwareKeys, Vault};
use chancery_core::{Actor, ManualClock, NewToken, Origin, Ra, Rng, Role, SystemRng};
use chancery_http::{Frame, Metrics, Proxies};
use chancery_pki::{CsrTemplate, GeneralName, KeyType, PrivateKey};
use chancery_store::{Store, StoreOptions};
use serde_json::Value;
use time::macros::datetime;
use uuid::Uuid;

pub struct House {
    pub ra: Ra,
    pub acme: Acme,
    pub clock: Arc<ManualClock>,
    pub authority: Uuid,
    pub administrator: String,
    ready: Arc<AtomicBool>,
    _folder: tempfile::TempDir,
}

/// An answer as a client sees it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }

    /// The message of an error of the plain shape.
    #[track_caller]
    pub fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        let body = self.json();
        assert_eq!(body.as_object().map(serde_json::Map::len), Some(1), "{self:?}");
        body["message"].as_str().expect("a message").to_owned()
    }

    /// The texts of a 422.
    #[track_caller]
    pub fn faults(&self) -> Vec<String> {
        assert_eq!(self.status, 422, "{self:?}");
        let faults: Vec<String> = serde_json::from_str(&self.text).expect("an array of texts");
        assert!(!faults.is_empty());
        faults
    }

    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }
}

/// Everything is proved, and nothing is asked of anybody.
struct Trusting;

#[async_trait]
impl Validator for Trusting {
    async fn validate(&self, _: &Attempt) -> Result<Proof, AttemptFailed> {
        Ok(Proof::default())
    }

    async fn caa(&self, _: &CaaQuestion) -> Result<(), AttemptFailed> {
        Ok(())
    }

    fn longest(&self) -> std::time::Duration {
        std::time::Duration::from_secs(30)
    }
}

struct Sealed(Vault);

impl Secrets for Sealed {
    fn seal(&self, label: &str, secret: &[u8]) -> Vec<u8> {
        self.0.wrap(label, secret)
    }

    fn open(&self, label: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.unwrap(label, sealed).ok().map(|secret| secret.to_vec())
    }
}

impl House {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("chancery.db").display());
        Store::migrate(&url).await.unwrap();
        let store = Arc::new(Store::open(StoreOptions::new(url, Uuid::from_u128(1))).await.unwrap());
        let clock = Arc::new(ManualClock::at(datetime!(2027-01-01 12:00 UTC)));
        let rng: Arc<dyn Rng> = Arc::new(SystemRng);
        let passphrase = "correct horse battery staple".to_owned().into();
        let vault = Vault::open_at(&*store, passphrase, rng.clone(), Cost { memory: 64, passes: 1, lanes: 1 });
        let vault = vault.await.unwrap();
        let keys = SoftwareKeys::new(store.clone(), vault.clone(), clock.clone(), rng.clone());
        let authority = BuiltInAuthority::open(
            chancery_authority::Ports {
                store: store.clone(),
                leases: store.clone(),
                keys: Arc::new(keys),
                clock: clock.clone(),
                rng: rng.clone(),
            },
            Config {
                status_url: "http://ca.example:8080".into(),
                node: Uuid::from_u128(1),
                crl: Schedule::default(),
                cores: 2,
            },
        )
        .await
        .unwrap();
        let made =
            authority.create(&Actor::system(), &Origin::system(), NewAuthorityRequest::named("default")).await.unwrap();
        let ra = Ra::new(chancery_core::Ports {
            profiles: store.clone(),
            inventory: store.clone(),
            approvals: store.clone(),
            audit: store.clone(),
            tokens: store.clone(),
            users: store.clone(),
            authority: Arc::new(authority),
            database: store.clone(),
            clock: clock.clone(),
            rng,
            key_checks: Default::default(),
        });
        ra.seed(made.id).await.unwrap();
        let acme = AcmePorts { store, validator: Arc::new(Trusting), secrets: Arc::new(Sealed(vault)), ra: ra.clone() };
        let config = AcmeConfig {
            base_url: "https://ca.example".into(),
            cluster: false,
            nonce_key: [7; 32],
            node: 1,
            boot: 1,
            validation_attempts: 10,
            validations_at_once: 16,
        };
        let mut house = Self {
            ra,
            acme: Acme::new(acme, config),
            clock,
            authority: made.id,
            administrator: String::new(),
            ready: Arc::new(AtomicBool::new(true)),
            _folder: folder,
        };
        house.administrator = house.token(Role::Administrator, &[]).await;
        house
    }

    pub fn stop(&self) {
        self.ready.store(false, Ordering::Relaxed);
    }

    pub async fn token(&self, role: Role, profiles: &[&str]) -> String {
        let new = NewToken {
            name: format!("a {role}"),
            role,
            profiles: profiles.iter().map(ToString::to_string).collect(),
            lifetime: Some(time::Duration::days(1)),
        };
        self.ra.create_token(&Actor::system(), &Origin::system(), new).await.unwrap().0
    }

    pub async fn profile(&self, name: &str) -> Uuid {
        let profiles = self.ra.profiles(&Actor::system(), &Origin::system()).await.unwrap();
        profiles.into_iter().find(|profile| profile.name == name).unwrap().id
    }

    /// The path of an operation on a profile.
    pub async fn at(&self, profile: &str, tail: &str) -> String {
        let profile = self.profile(profile).await;
        format!("/api/v2/operations/authorities/{}/raProfiles/{profile}{tail}", self.authority)
    }

    /// The path of a profile's management.
    pub async fn managed(&self, profile: &str, tail: &str) -> String {
        let profile = self.profile(profile).await;
        format!("/api/v1/authorities/{}/raProfiles/{profile}{tail}", self.authority)
    }

    pub async fn ask(&self, request: TestRequest) -> Answer {
        let ports = self.ra.ports();
        let frame = Frame::new(ports.clock.clone(), ports.rng.clone(), Metrics::new().unwrap(), Proxies::default());
        let app = init_service(
            App::new()
                .configure(chancery_rest::routes(self.ra.clone(), self.acme.clone(), self.ready.clone()))
                .wrap(NormalizePath::new(TrailingSlash::MergeOnly))
                .wrap(frame),
        )
        .await;
        let answer = call_service(&app, request.to_request()).await;
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        assert!(headers.contains_key("x-request-id"), "every answer carries its id");
        let body = read_body(answer).await;
        Answer { status, headers, text: String::from_utf8(body.to_vec()).unwrap() }
    }

    pub async fn with(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request =
            TestRequest::with_uri(path).method(method).insert_header(("authorization", format!("Bearer {token}")));
        if let Some(body) = body {
            request = request.set_json(body);
        }
        self.ask(request).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.with(&self.administrator, Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.with(&self.administrator, Method::POST, path, Some(body)).await
    }

    /// Issue through `profile`; the certificate object's id.
    pub async fn issue(&self, profile: &str, csr: &str) -> String {
        let body = serde_json::json!({ "request": csr, "attributes": [] });
        let answer = self.post(&self.at(profile, "/certificates").await, body).await.ok();
        answer["uuid"].as_str().unwrap().to_owned()
    }
}

pub fn key() -> PrivateKey {
    PrivateKey::generate(KeyType::P256).unwrap()
}

/// A request as PEM.
pub fn csr(key: &PrivateKey, subject: &str, host: &str) -> String {
    let template = CsrTemplate {
        subject: Some(subject.parse().unwrap()),
        subject_alt_names: vec![GeneralName::Dns(host.into())],
        ..Default::default()
    };
    template.sign(key).unwrap().to_pem()
}
