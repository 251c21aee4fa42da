//! A SCEP door in a temporary folder, and a client of our own, which can do wrong what real ones do right.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use chancery_authority::{BuiltInAuthority, Cost, NewAuthorityRequest, Schedule, SoftwareKeys, Vault};
use chancery_core::port::{AuthorityStore, CrlRecord, InventoryStore};
use chancery_core::{
    Actor, CertificateQuery, CertificateRecord, CertificateState, Door as CoreDoor, Error, ManualClock, Origin, Ports,
    ProfileRef, Ra, SystemRng,
};
use chancery_pki::cms::build::{self, Signed, To};
use chancery_pki::cms::{
    Attribute, ContentCipher, DecryptionKey, DigestAlgorithm, EnclosedCertificate, EnvelopedData, KeyTransport, Legacy,
    Limits, RecipientKey, SignedData,
};
use chancery_pki::key_check::KeyChecks;
use chancery_pki::{
    Certificate, CertificateTemplate, Csr, CsrTemplate, GeneralName, Issuer, KeyType, Name, PrivateKey, SerialNumber,
    Validity,
};
use chancery_scep::port::{Crls, RaKeys, Secrets};
use chancery_scep::{
    Door, DoorPath, NewActivation, NewChallenge, NewScepProfile, Scep, ScepConfig, ScepPorts, ScepProfileEdit,
    ScepProfileRef, ScepSettings, oid,
};
use chancery_store::{Store, StoreOptions};
use time::Duration;
use time::macros::datetime;
use uuid::Uuid;
use zeroize::Zeroizing;

pub struct House {
    pub scep: Scep,
    pub ra: Ra,
    pub store: Arc<Store>,
    pub clock: Arc<ManualClock>,
    pub authority: BuiltInAuthority,
    _folder: tempfile::TempDir,
}

struct Keys(Arc<SoftwareKeys>, Arc<Store>);

#[async_trait]
impl RaKeys for Keys {
    async fn make(&self, label: &str) -> Result<(Uuid, PrivateKey), Error> {
        self.0.add(KeyType::Rsa(2048), label).await
    }

    async fn open(&self, id: Uuid) -> Result<Option<PrivateKey>, Error> {
        match self.1.key(id).await? {
            Some(record) => Ok(Some(self.0.open(&record)?)),
            None => Ok(None),
        }
    }
}

struct Sealed(Vault);

impl Secrets for Sealed {
    fn seal(&self, label: &str, secret: &[u8]) -> Vec<u8> {
        self.0.wrap(label, secret)
    }

    fn open(&self, label: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.0.unwrap(label, sealed).ok()
    }
}

struct Published(BuiltInAuthority);

impl Crls for Published {
    fn crl(&self, issuer: Uuid) -> Option<Arc<CrlRecord>> {
        self.0.current_crl(issuer)
    }
}

/// The static challenge of [`House::with_static`].
pub const STATIC: &str = "correct horse battery";

impl House {
    pub async fn new() -> Self {
        Self::with(ScepSettings::default(), None).await
    }

    pub async fn with_static() -> Self {
        Self::with(ScepSettings::default(), Some(STATIC)).await
    }

    pub async fn with(settings: ScepSettings, challenge: Option<&str>) -> Self {
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
            keys: keys.clone(),
            clock: clock.clone(),
            rng: rng.clone(),
        };
        let config = chancery_authority::Config {
            status_url: "http://ca.example".into(),
            node: Uuid::from_u128(1),
            crl: Schedule::default(),
            cores: 2,
        };
        let authority = BuiltInAuthority::open(ports, config).await.unwrap();
        let instance =
            authority.create(&Actor::system(), &Origin::system(), NewAuthorityRequest::named("default")).await.unwrap();
        let ra = Ra::new(Ports {
            profiles: store.clone(),
            inventory: store.clone(),
            approvals: store.clone(),
            audit: store.clone(),
            tokens: store.clone(),
            users: store.clone(),
            authority: Arc::new(authority.clone()),
            database: store.clone(),
            clock: clock.clone(),
            rng,
            key_checks: KeyChecks::default(),
        });
        ra.seed(instance.id).await.unwrap();
        let ports = ScepPorts {
            store: store.clone(),
            keys: Arc::new(Keys(keys, store.clone())),
            secrets: Arc::new(Sealed(vault)),
            crls: Arc::new(Published(authority.clone())),
            ra: ra.clone(),
        };
        let config = ScepConfig {
            base_url: "https://ra.example".into(),
            default_profile: "device".into(),
            challenge_key: [7; 32],
            cores: 2,
        };
        let scep = Scep::new(ports, config);
        let house = Self { scep, ra, store, clock, authority, _folder: folder };
        let new = NewScepProfile {
            name: "default".into(),
            enabled: true,
            settings,
            challenge: challenge.map(|text| Zeroizing::new(text.to_owned())),
            ..NewScepProfile::default()
        };
        house.scep.create_scep_profile(&Actor::system(), &Origin::system(), new).await.unwrap();
        house.activate("device").await;
        house
    }

    pub async fn activate(&self, profile: &str) {
        let new = NewActivation { scep_profile: ScepProfileRef::Name("default".into()), issue_attributes: Vec::new() };
        let profile = ProfileRef::Name(profile.into());
        self.scep.activate(&Actor::system(), &Origin::system(), &profile, new).await.unwrap();
    }

    pub async fn set(&self, change: impl FnOnce(&mut ScepSettings)) {
        let reference = ScepProfileRef::Name("default".into());
        let profile = self.scep.scep_profile(&Actor::system(), &Origin::system(), &reference).await.unwrap();
        let mut settings = profile.settings;
        change(&mut settings);
        let edit = ScepProfileEdit { settings: Some(settings), ..ScepProfileEdit::default() };
        self.scep.edit_scep_profile(&Actor::system(), &Origin::system(), &reference, edit).await.unwrap();
    }

    pub async fn door(&self, profile: &str) -> Arc<Door> {
        self.scep.door(&DoorPath::Named(profile.into())).await.unwrap().expect("the door is open")
    }

    /// A challenge for whatever the profile allows.
    pub async fn challenge(&self) -> String {
        self.challenge_for(None, &[]).await
    }

    pub async fn challenge_for(&self, subject: Option<&str>, names: &[&str]) -> String {
        let names: Vec<GeneralName> = names.iter().map(|name| name.parse().unwrap()).collect();
        let new = NewChallenge {
            ra_profile: ProfileRef::Name("device".into()),
            subject: subject.map(|text| text.parse::<Name>().unwrap()),
            names: Some(names).filter(|names| !names.is_empty()),
            description: String::new(),
            expires_at: None,
        };
        let made = self.scep.create_challenge(&Actor::system(), &Origin::system(), new).await.unwrap();
        made.text.to_string()
    }

    /// Send a message, and read the answer as its signer.
    pub async fn send(&self, message: &Message<'_>) -> Answer {
        self.send_to("device", message).await
    }

    pub async fn send_to(&self, profile: &str, message: &Message<'_>) -> Answer {
        let bytes = message.build(&self.ra_certificates(profile).await);
        self.bytes_to(profile, &bytes, message).await
    }

    pub async fn bytes(&self, bytes: &[u8], message: &Message<'_>) -> Answer {
        self.bytes_to("device", bytes, message).await
    }

    pub async fn bytes_to(&self, profile: &str, bytes: &[u8], message: &Message<'_>) -> Answer {
        let answer = self.raw(profile, bytes).await.expect("a CertRep");
        Answer::read(&answer, message, &self.ra_certificates(profile).await)
    }

    pub async fn raw(&self, profile: &str, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        self.scep.pki_operation(&*self.door(profile).await, bytes, &origin()).await
    }

    /// Encryption RA, signing RA, issuing CA, root.
    pub async fn ra_certificates(&self, profile: &str) -> Vec<Certificate> {
        let der = self.scep.ca_certificates(&*self.door(profile).await).await.unwrap();
        let data = SignedData::parse(&der, &Limits::default()).unwrap();
        data.certificates().iter().map(|der| Certificate::from_der(der).unwrap()).collect()
    }

    /// Certificates of devices: neither the RA's nor the CA's.
    pub async fn issued(&self) -> Vec<CertificateRecord> {
        let query = CertificateQuery { limit: 1000, ..CertificateQuery::default() };
        let mut all = self.store.certificates(query).await.unwrap().items;
        all.retain(|record| record.profile.is_some());
        all
    }

    pub async fn record(&self, certificate: &Certificate) -> CertificateRecord {
        let all = self.issued().await;
        all.into_iter().find(|record| record.certificate.as_deref() == Some(certificate.der())).expect("it is recorded")
    }

    /// What the trail says of an event, newest first.
    pub async fn told(&self, event: &str) -> Vec<String> {
        let latest = self.ra.ports().audit.latest(1000).await.unwrap();
        latest.into_iter().filter(|entry| entry.event == event).map(|entry| entry.body).collect()
    }

    pub fn days(&self, days: i64) {
        self.clock.advance(Duration::days(days));
    }

    pub async fn pending(&self) -> usize {
        self.issued().await.iter().filter(|record| record.state == CertificateState::PendingApproval).count()
    }
}

pub fn origin() -> Origin {
    Origin { door: CoreDoor::Scep, request_id: "req-1".into(), address: Some(IpAddr::from([192, 0, 2, 1])) }
}

pub fn rsa() -> PrivateKey {
    PrivateKey::generate(KeyType::Rsa(2048)).unwrap()
}

/// A request as devices make it.
pub fn csr(key: &PrivateKey, subject: &str, names: &[&str], challenge: Option<&str>) -> Csr {
    let template = CsrTemplate {
        subject: Some(subject.parse().unwrap()),
        subject_alt_names: names.iter().map(|name| name.parse().unwrap()).collect(),
        challenge_password: challenge.map(Into::into),
        ..CsrTemplate::default()
    };
    template.sign(key).unwrap()
}

/// The certificate that a device makes for itself (RFC 8894 section 2.3).
pub fn self_signed(key: &PrivateKey, subject: &str) -> Certificate {
    let name: Name = subject.parse().unwrap();
    let template = CertificateTemplate {
        subject: name.clone(),
        subject_alt_names: Vec::new(),
        validity: Validity { not_before: datetime!(2026-01-01 00:00 UTC), not_after: datetime!(2036-01-01 00:00 UTC) },
        key_usage: None,
        extended_key_usage: Vec::new(),
        public_key: key.public_key().clone(),
        serial: SerialNumber::from_random([3; 16]),
        basic_constraints: None,
        crl_distribution_points: Vec::new(),
        aia_issuers: Vec::new(),
        aia_ocsp: Vec::new(),
        policies: Vec::new(),
        must_staple: false,
    };
    template.sign(&Issuer { name: &name, key_id: &[] }, key).unwrap()
}

/// A message, all of which can be wrong.
#[derive(Clone)]
pub struct Message<'a> {
    pub kind: String,
    pub transaction: Vec<u8>,
    pub nonce: Vec<u8>,
    pub signer: &'a PrivateKey,
    pub certificate: Certificate,
    /// More certificates, before the signer's.
    pub strangers: Vec<Certificate>,
    pub content: Option<Vec<u8>>,
    pub cipher: ContentCipher,
    pub transport: KeyTransport,
    pub digest: DigestAlgorithm,
    pub more: Vec<Attribute>,
    pub leave_out: Vec<chancery_pki::ObjectIdentifier>,
    /// For another recipient than the door's.
    pub recipient: Option<Certificate>,
    pub challenge: Option<String>,
}

impl<'a> Message<'a> {
    pub fn new(kind: &str, signer: &'a PrivateKey, certificate: &Certificate, content: Option<Vec<u8>>) -> Self {
        Self {
            kind: kind.into(),
            transaction: Uuid::from_bytes(rand()).to_string().into_bytes(),
            nonce: rand::<16>().to_vec(),
            signer,
            certificate: certificate.clone(),
            strangers: Vec::new(),
            content,
            cipher: ContentCipher::Aes128Cbc,
            transport: KeyTransport::RsaPkcs1,
            digest: DigestAlgorithm::Sha256,
            more: Vec::new(),
            leave_out: Vec::new(),
            recipient: None,
            challenge: None,
        }
    }

    /// A first enrolment.
    pub fn enrol(key: &'a PrivateKey, csr: &Csr) -> Self {
        let certificate = self_signed(key, "CN=me");
        let challenge = csr.challenge_password().map(Into::into);
        Self { challenge, ..Self::new("19", key, &certificate, Some(csr.der().to_vec())) }
    }

    pub fn envelope(&self, ra: &[Certificate]) -> Option<Vec<u8>> {
        let recipient = EnclosedCertificate::from(self.recipient.as_ref().unwrap_or(&ra[0]));
        let to = To::Certificate { certificate: &recipient, transport: self.transport };
        let data = chancery_pki::oid::DATA;
        let content = self.content.as_deref()?;
        Some(if self.cipher.is_authenticated() {
            build::auth_enveloped(&data, content, self.cipher, &to).unwrap()
        } else {
            build::enveloped(&data, content, self.cipher, &to).unwrap()
        })
    }

    pub fn build(&self, ra: &[Certificate]) -> Vec<u8> {
        self.sign(self.envelope(ra).as_deref())
    }

    pub fn sign(&self, content: Option<&[u8]>) -> Vec<u8> {
        let mut attributes = vec![
            Attribute::printable(oid::MESSAGE_TYPE, &self.kind),
            Attribute::element(oid::TRANSACTION_ID, 0x13, &self.transaction),
            Attribute::octets(oid::SENDER_NONCE, &self.nonce),
        ];
        attributes.retain(|attribute| !self.leave_out.contains(&attribute.kind));
        attributes.extend(self.more.clone());
        let certificate = EnclosedCertificate::from(&self.certificate);
        let mut certificates: Vec<&[u8]> = self.strangers.iter().map(Certificate::der).collect();
        certificates.push(self.certificate.der());
        Signed {
            content_type: chancery_pki::oid::DATA,
            content,
            attributes: &attributes,
            digest: self.digest,
            signer: self.signer,
            certificate: &certificate,
            certificates: &certificates,
        }
        .sign()
        .unwrap()
    }
}

pub fn rand<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    chancery_core::Rng::fill(&SystemRng, &mut bytes);
    bytes
}

/// A CertRep, checked as a client checks it.
#[derive(Debug)]
pub struct Answer {
    pub status: String,
    pub info: Option<String>,
    pub text: Option<String>,
    pub certificates: Vec<Certificate>,
    pub crls: Vec<Vec<u8>>,
    pub cipher: Option<ContentCipher>,
    pub digest: DigestAlgorithm,
    pub transport: Option<KeyTransport>,
    pub sender_nonce: Vec<u8>,
    pub has_content: bool,
    pub by_password: bool,
}

impl Answer {
    /// The signature is the signing RA's, the transactionID and nonce are the message's, and there is one recipient.
    pub fn read(bytes: &[u8], message: &Message<'_>, ra: &[Certificate]) -> Self {
        let data = SignedData::parse(bytes, &Limits::default()).unwrap();
        let signer = data.only_signer().unwrap();
        let certificate = data.certificate_of(signer).unwrap();
        assert_eq!(certificate.der(), ra[1].der(), "the signing RA signs");
        let content = data.content();
        let attributes =
            signer.verify(ra[1].public_key(), content.unwrap_or_default(), Legacy::default()).expect("it verifies");
        let text = |kind| attributes.get(&kind).unwrap().map(|value| value.text().unwrap().to_owned());
        assert_eq!(text(oid::MESSAGE_TYPE).as_deref(), Some("3"));
        let transaction = attributes.get(&oid::TRANSACTION_ID).unwrap().map(|value| value.content.to_vec());
        if !message.leave_out.contains(&oid::TRANSACTION_ID) && message.transaction.len() <= 255 {
            assert_eq!(transaction.as_deref(), Some(&message.transaction[..]), "the transactionID comes back");
        }
        let nonce = attributes.get(&oid::RECIPIENT_NONCE).unwrap().map(|value| value.octets().unwrap().to_vec());
        if !message.leave_out.contains(&oid::SENDER_NONCE) && (1..=64).contains(&message.nonce.len()) {
            assert_eq!(nonce.as_deref(), Some(&message.nonce[..]), "the nonce comes back");
        }
        let sender = attributes.get(&oid::SENDER_NONCE).unwrap().unwrap().octets().unwrap().to_vec();
        let mut answer = Self {
            status: text(oid::PKI_STATUS).unwrap(),
            info: text(oid::FAIL_INFO),
            text: text(oid::FAIL_INFO_TEXT),
            certificates: Vec::new(),
            crls: Vec::new(),
            cipher: None,
            digest: signer.digest_algorithm().unwrap(),
            transport: None,
            sender_nonce: sender,
            has_content: content.is_some(),
            by_password: false,
        };
        assert_eq!(answer.status == "2", answer.info.is_some());
        if let Some(content) = content.filter(|content| !content.is_empty()) {
            answer.open(content, message);
        }
        answer
    }

    fn open(&mut self, content: &[u8], message: &Message<'_>) {
        let data = EnvelopedData::parse(content, &Limits::default()).unwrap();
        let [recipient] = data.recipients() else { panic!("{} recipients", data.recipients().len()) };
        self.cipher = Some(data.cipher().unwrap());
        self.transport = recipient.key_transport().unwrap();
        self.by_password = recipient.has_password();
        let certificate = EnclosedCertificate::from(&message.certificate);
        let opened = if self.by_password {
            let password = message.challenge.as_deref().expect("a challenge was sent").as_bytes();
            data.decrypt(&[RecipientKey::Password(password)], Legacy::default())
        } else {
            let key = DecryptionKey::new(message.signer).unwrap();
            data.decrypt(&[RecipientKey::Certificate { certificate: &certificate, key: &key }], Legacy::ALL)
        };
        let opened = SignedData::parse(&opened.expect("it is for the signer"), &Limits::default()).unwrap();
        assert!(opened.signers().is_empty() && opened.content().is_none());
        self.certificates = opened.certificates().iter().map(|der| Certificate::from_der(der).unwrap()).collect();
        self.crls = opened.crls().to_vec();
    }

    #[track_caller]
    pub fn certificate(&self) -> &Certificate {
        assert_eq!(self.status, "0", "{self:?}");
        &self.certificates[0]
    }

    #[track_caller]
    pub fn refused(&self, info: &str) -> &str {
        let names = ["badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId"];
        let code = names.iter().position(|name| *name == info).expect("a failInfo").to_string();
        assert_eq!((self.status.as_str(), self.info.as_deref()), ("2", Some(&*code)), "{:?}", self.text);
        assert!(!self.has_content);
        self.text.as_deref().expect("every refusal says why")
    }
}
