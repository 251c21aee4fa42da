//! A whole registration authority in a temporary folder with its ACME door, and a client that signs.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_acme::port::{Attempt, AttemptFailed, CaaQuestion, Proof, Secrets, Validator};
use chancery_acme::{
    Acme, AcmeConfig, AcmePorts, AcmeProfile, AcmeProfileEdit, AcmeProfileRef, AcmeSettings, Body, Directory,
    DirectoryPath, NewAcmeProfile, NewActivation, Post, Problem, ProblemType, Reply, Resource,
};
use chancery_authority::{BuiltInAuthority, Cost, NewAuthorityRequest, Schedule, SoftwareKeys, Vault};
use chancery_core::{
    Actor, ActorKind, Door, ManualClock, Origin, Ports, ProfileRef, Ra, RaProfile, Role, Scope, SystemRng,
};
use chancery_pki::key_check::KeyChecks;
use chancery_store::{Store, StoreOptions};
use serde_json::{Value, json};
use time::macros::datetime;
use uuid::Uuid;

pub const BASE: &str = "https://ca.example";

pub struct House {
    pub acme: Acme,
    pub ra: Ra,
    pub clock: Arc<ManualClock>,
    pub prober: Arc<Prober>,
    /// Who signed the last request, as far as it was verified.
    pub signed_by: Mutex<Option<String>>,
    _folder: tempfile::TempDir,
}

/// Attempts before a challenge is invalid.
pub const ATTEMPTS: u32 = 5;

/// Proves everything, or what it is told to answer, and remembers what it was asked. It asks nobody.
pub struct Prober {
    answers: Mutex<VecDeque<Result<Proof, AttemptFailed>>>,
    attempts: Mutex<Vec<Attempt>>,
    forbidden: Mutex<BTreeSet<String>>,
    questions: Mutex<Vec<CaaQuestion>>,
    /// Whose names are never answered for.
    hanging: Mutex<Option<String>>,
    /// So many of these are let go, without a proof.
    let_go: tokio::sync::Semaphore,
    /// CAA answers when so many questions are asked at the same time.
    pub together: Mutex<Option<Arc<tokio::sync::Barrier>>>,
    /// It goes down before it answers.
    pub dies: AtomicBool,
}

impl Default for Prober {
    fn default() -> Self {
        Self {
            answers: Mutex::default(),
            attempts: Mutex::default(),
            forbidden: Mutex::default(),
            questions: Mutex::default(),
            hanging: Mutex::default(),
            let_go: tokio::sync::Semaphore::new(0),
            together: Mutex::default(),
            dies: AtomicBool::default(),
        }
    }
}

impl Prober {
    /// Have one that hangs fail.
    pub fn let_one_go(&self) {
        self.let_go.add_permits(1);
    }

    /// Answer the next attempts so, and those that follow by a proof.
    pub fn answer(&self, answers: impl IntoIterator<Item = Result<Proof, AttemptFailed>>) {
        self.answers.lock().unwrap().extend(answers);
    }

    pub fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }

    /// Have CAA forbid a name.
    pub fn forbid(&self, name: &str) {
        self.forbidden.lock().unwrap().insert(name.into());
    }

    /// Never answer for names below this one.
    pub fn hang(&self, domain: &str) {
        *self.hanging.lock().unwrap() = Some(domain.into());
    }

    pub fn allow(&self, name: &str) {
        self.forbidden.lock().unwrap().remove(name);
    }

    pub fn questions(&self) -> Vec<CaaQuestion> {
        self.questions.lock().unwrap().clone()
    }
}

#[async_trait]
impl Validator for Prober {
    async fn validate(&self, attempt: &Attempt) -> Result<Proof, AttemptFailed> {
        assert!(!self.dies.load(Ordering::SeqCst), "this node dies, as it was told to");
        // As one that looks at a network: others get their turn.
        tokio::task::yield_now().await;
        self.attempts.lock().unwrap().push(attempt.clone());
        let hangs = self.hanging.lock().unwrap().clone();
        if hangs.is_some_and(|domain| attempt.identifier.value().ends_with(&domain)) {
            self.let_go.acquire().await.unwrap().forget();
            let problem = Problem::new(ProblemType::Connection, "it hung");
            return Err(AttemptFailed { problem, worth_retrying: false, at_most: None });
        }
        self.answers.lock().unwrap().pop_front().unwrap_or_else(|| Ok(Proof::default()))
    }

    async fn caa(&self, question: &CaaQuestion) -> Result<(), AttemptFailed> {
        self.questions.lock().unwrap().push(question.clone());
        let together = self.together.lock().unwrap().clone();
        if let Some(together) = together {
            together.wait().await;
        }
        if !self.forbidden.lock().unwrap().contains(&question.name) {
            return Ok(());
        }
        Err(AttemptFailed {
            problem: Problem::new(ProblemType::Caa, "CAA forbids it"),
            worth_retrying: false,
            at_most: None,
        })
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
    /// With the ACME profile `default`, activated on the RA profile `tls-server`.
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
        let keys = Arc::new(SoftwareKeys::new(store.clone(), vault.clone(), clock.clone(), rng.clone()));
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
            authority: Arc::new(authority),
            database: store.clone(),
            clock: clock.clone(),
            rng,
            key_checks: KeyChecks::default(),
        });
        ra.seed(instance.id).await.unwrap();
        let prober = Arc::new(Prober::default());
        let ports = AcmePorts { store, validator: prober.clone(), secrets: Arc::new(Sealed(vault)), ra: ra.clone() };
        let config = AcmeConfig {
            base_url: BASE.into(),
            cluster: false,
            nonce_key: [7; 32],
            node: 1,
            boot: 1,
            validation_attempts: ATTEMPTS,
            validations_at_once: 16,
        };
        let house =
            Self { acme: Acme::new(ports, config), ra, clock, prober, signed_by: Mutex::default(), _folder: folder };
        let new = NewAcmeProfile { name: "default".into(), enabled: true, ..NewAcmeProfile::default() };
        house.acme.create_acme_profile(&system(), &origin(), new).await.unwrap();
        house.activate("tls-server", "default").await;
        house
    }

    pub async fn activate(&self, ra_profile: &str, acme_profile: &str) {
        let new = NewActivation {
            acme_profile: AcmeProfileRef::Name(acme_profile.into()),
            issue_attributes: vec![],
            revoke_attributes: vec![],
        };
        self.acme.activate(&system(), &origin(), &ProfileRef::Name(ra_profile.into()), new).await.unwrap();
    }

    /// Change the settings of the ACME profile `default`.
    pub async fn set(&self, change: impl FnOnce(&mut AcmeSettings)) {
        let reference = AcmeProfileRef::Name("default".into());
        let mut settings = self.acme_profile("default").await.settings;
        change(&mut settings);
        let edit = AcmeProfileEdit { settings: Some(settings), ..AcmeProfileEdit::default() };
        self.acme.edit_acme_profile(&system(), &origin(), &reference, edit).await.unwrap();
    }

    pub async fn acme_profile(&self, name: &str) -> AcmeProfile {
        self.acme.acme_profile(&system(), &origin(), &AcmeProfileRef::Name(name.into())).await.unwrap()
    }

    pub async fn ra_profile(&self, name: &str) -> RaProfile {
        self.ra.profile(&system(), &origin(), &ProfileRef::Name(name.into())).await.unwrap()
    }

    pub async fn directory(&self, name: &str) -> Arc<Directory> {
        self.acme.directory(&DirectoryPath::Named(name.into())).await.unwrap().unwrap()
    }

    /// A client with a new key, at the directory of `tls-server`.
    pub fn client(&self) -> Client<'_> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Client { house: self, key, account: None, at: "tls-server", accept: None }
    }

    /// Everything that the trail says of an event, newest first.
    pub async fn told(&self, event: &str) -> Vec<String> {
        let latest = self.ra.ports().audit.latest(1000).await.unwrap();
        latest.into_iter().filter(|entry| entry.event == event).map(|entry| entry.body).collect()
    }
}

/// All of them at once.
pub async fn join<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| Some(Box::pin(future))).collect();
    let mut done: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in waiting.iter_mut().zip(&mut done) {
            if let Some(running) = future
                && let std::task::Poll::Ready(output) = running.as_mut().poll(context)
            {
                *done = Some(output);
                *future = None;
            }
        }
        if waiting.iter().all(Option::is_none) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

pub fn system() -> Actor {
    Actor::system()
}

pub fn origin() -> Origin {
    Origin { door: Door::Rest, request_id: "req-1".into(), address: Some([192, 0, 2, 1].into()) }
}

/// A caller limited to some RA profiles.
pub fn limited(role: Role, profiles: &[&RaProfile]) -> Actor {
    let scope = Scope::Profiles(profiles.iter().map(|profile| profile.id).collect());
    Actor { id: Uuid::from_u128(7), name: "somebody".into(), kind: ActorKind::Token, role, scope }
}

/// An ACME client, as far as these tests need one.
pub struct Client<'a> {
    pub house: &'a House,
    pub key: EcdsaKeyPair,
    /// Its URL.
    pub account: Option<String>,
    /// The name of the directory.
    pub at: &'static str,
    /// The Accept header.
    pub accept: Option<&'static str>,
}

impl Client<'_> {
    pub fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) })
    }

    /// A header with what a request needs, by the account where there is one.
    pub fn header(&self, url: &str) -> Value {
        let mut header = json!({ "alg": "ES256", "nonce": self.house.acme.nonce(), "url": url });
        match &self.account {
            Some(account) => header["kid"] = json!(account),
            None => header["jwk"] = self.jwk(),
        }
        header
    }

    pub fn sign(&self, header: &Value, payload: &str) -> Value {
        jws(header, payload, |message| self.key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec())
    }

    /// Ask; a payload of none is POST-as-GET.
    pub async fn ask(&self, resource: Resource, payload: Option<Value>) -> Result<Reply, Problem> {
        let directory = self.house.directory(self.at).await;
        let header = self.header(&directory.url(&resource));
        let jws = self.sign(&header, &payload.map(|payload| payload.to_string()).unwrap_or_default());
        self.send(resource, &jws).await
    }

    pub async fn send(&self, resource: Resource, jws: &Value) -> Result<Reply, Problem> {
        let directory = self.house.directory(self.at).await;
        let body = jws.to_string();
        let origin = Origin { door: Door::Acme, request_id: "req-2".into(), address: Some([192, 0, 2, 7].into()) };
        let signed_by = OnceLock::new();
        let (body, accept) = (body.as_bytes(), self.accept);
        let post = Post { directory: &directory, resource, body, accept, origin, signed_by: &signed_by };
        let reply = self.house.acme.post(post).await;
        *self.house.signed_by.lock().unwrap() = signed_by.into_inner();
        reply
    }

    /// Make an account.
    pub async fn register(&mut self, payload: Value) -> Result<Reply, Problem> {
        let reply = self.ask(Resource::NewAccount, Some(payload)).await?;
        self.account = reply.location.clone();
        Ok(reply)
    }

    pub async fn registered(mut self) -> Self {
        self.register(json!({})).await.unwrap();
        self
    }

    pub fn id(&self) -> Uuid {
        self.account.as_ref().unwrap().rsplit('/').next().unwrap().parse().unwrap()
    }
}

/// A flattened JWS.
pub fn jws(header: &Value, payload: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> Value {
    let (protected, payload) = (encode(header.to_string()), encode(payload));
    let signature = encode(sign(format!("{protected}.{payload}").as_bytes()));
    json!({ "protected": protected, "payload": payload, "signature": signature })
}

/// An external account binding.
pub fn binding(algorithm: hmac::Algorithm, secret: &str, header: &Value, jwk: &Value) -> Value {
    let key = hmac::Key::new(algorithm, &URL_SAFE_NO_PAD.decode(secret).unwrap());
    jws(header, &jwk.to_string(), |message| hmac::sign(&key, message).as_ref().to_vec())
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn object(reply: &Reply) -> Value {
    match &reply.body {
        Body::Json(text) => serde_json::from_slice(text).unwrap(),
        other => panic!("{other:?}"),
    }
}
