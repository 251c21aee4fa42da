//! The door as adapters see it.

use std::sync::Arc;
use std::time::Duration;

use chancery_core::audit::Event;
use chancery_core::{Actor, ActorKind, Error, Origin, Pool, Ra};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::answer::Answer;
use crate::challenge::Hasher;
use crate::door::Doors;
use crate::failure::Failure;
use crate::limit::Failures;
use crate::message::{Message, Reference, Verified};
use crate::port::{Crls, RaKeys, ScepStore, Secrets};
use crate::ra_certificate::{Identities, Identity};
use crate::{Door, FailInfo, MessageType};

/// How long a message may wait for its turn at a private key.
const DEADLINE: Duration = Duration::from_secs(5);
/// Messages that may wait for one core: at a millisecond and a half each they have their turn well within the deadline.
const WAITING: usize = 512;

/// What the door stands on.
#[derive(Clone)]
pub struct ScepPorts {
    /// Its own state.
    pub store: Arc<dyn ScepStore>,
    /// The RA's private keys.
    pub keys: Arc<dyn RaKeys>,
    /// Seals static challenges.
    pub secrets: Arc<dyn Secrets>,
    /// The CRLs.
    pub crls: Arc<dyn Crls>,
    /// What issues and audits.
    pub ra: Ra,
}

/// What the door is told when the server starts.
#[derive(Clone)]
pub struct ScepConfig {
    /// By what address clients come, without a slash at the end.
    pub base_url: String,
    /// The name of the door at `/cgi-bin/pkiclient.exe`.
    pub default_profile: String,
    /// The key that challenges are found by, the same on all nodes.
    pub challenge_key: [u8; 32],
    /// Private-key operations at once.
    pub cores: usize,
}

/// The SCEP door. Cheap to clone.
#[derive(Clone)]
pub struct Scep(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn ScepStore>,
    pub(crate) keys: Arc<dyn RaKeys>,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) crls: Arc<dyn Crls>,
    pub(crate) ra: Ra,
    pub(crate) config: ScepConfig,
    pub(crate) doors: Doors,
    pub(crate) identities: Identities,
    pub(crate) hasher: Hasher,
    pub(crate) failures: Failures,
    pub(crate) pool: Pool,
}

impl Inner {
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.ra.ports().clock.now()
    }

    /// An identifier for a new object.
    pub(crate) fn new_id(&self) -> Uuid {
        chancery_core::new_id(&*self.ra.ports().clock, &*self.ra.ports().rng)
    }
}

/// A message at work.
pub(crate) struct Call<'a> {
    pub door: &'a Door,
    pub origin: &'a Origin,
    pub identity: Arc<Identity>,
    pub message: &'a Verified,
}

impl Scep {
    /// A door over these ports.
    pub fn new(ports: ScepPorts, config: ScepConfig) -> Self {
        let ScepPorts { store, keys, secrets, crls, ra } = ports;
        let hasher = Hasher::new(&config.challenge_key);
        let pool = Pool::new(config.cores, config.cores * WAITING, DEADLINE);
        Self(Arc::new(Inner {
            store,
            keys,
            secrets,
            crls,
            ra,
            config,
            doors: Doors::default(),
            identities: Identities::default(),
            hasher,
            failures: Failures::default(),
            pool,
        }))
    }

    /// PKIOperation (RFC 8894 section 4.3): the CertRep for a pkiMessage, in DER.
    ///
    /// # Errors
    /// What no CertRep can tell: [`Error::Malformed`] when the bytes are no message, [`Error::Throttled`] and
    /// [`Error::Unavailable`] when the client shall come back, [`Error::Internal`] for faults of ours.
    pub async fn pki_operation(&self, door: &Door, bytes: &[u8], origin: &Origin) -> Result<Vec<u8>, Error> {
        let settings = &door.scep_profile.settings;
        if let Some(wait) = self.0.failures.wait(origin.address, settings.failures_per_minute, self.0.now()) {
            return Err(Error::Throttled { retry_after: wait });
        }
        let identity = self.identity(door).await?;
        let message = match Message::read(bytes) {
            Ok(message) => message,
            Err(error) => {
                let refused = Err(Error::Malformed(error.to_string()));
                return self.tell(door, origin, Event::AccessDenied, refused).await;
            }
        };
        let reference = message.reference();
        let answer = match self.answer(door, &message, &identity, origin).await {
            Ok(answer) => answer,
            Err(Failure::Transport(error)) => return Err(error),
            Err(Failure::Refused { info, text, told }) => {
                self.0.failures.count(origin.address, self.0.now());
                if !told {
                    let error = Error::Malformed(format!("{}: {text}", info.name()));
                    let told = self.tell::<()>(door, origin, Event::AccessDenied, Err(error)).await;
                    if let Err(error @ Error::Unavailable { .. }) = told {
                        return Err(error);
                    }
                }
                Answer::Failure { info, text }
            }
        };
        self.write(door, reference, identity, answer).await
    }

    async fn answer(
        &self,
        door: &Door,
        message: &Message,
        identity: &Arc<Identity>,
        origin: &Origin,
    ) -> Result<Answer, Failure> {
        let verified = message.verify(door.scep_profile.settings.legacy())?;
        let call = Call { door, origin, identity: identity.clone(), message: &verified };
        // Exhaustive, and MessageType::parse knows no other: two types reach what issues.
        match verified.kind {
            MessageType::PkcsReq | MessageType::RenewalReq => self.enrol(&call).await,
            MessageType::CertPoll => self.poll(&call).await,
            MessageType::GetCert => self.certificate(&call).await,
            MessageType::GetCrl => self.crl(&call).await,
        }
    }

    async fn write(
        &self,
        door: &Door,
        reference: Reference,
        identity: Arc<Identity>,
        answer: Answer,
    ) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; 16];
        self.0.ra.ports().rng.fill(&mut nonce);
        let empty_content = door.scep_profile.settings.empty_content;
        let written =
            self.0.pool.run(move || answer.write(&reference, &nonce, &identity.signing, empty_content)).await?;
        written.map_err(Error::internal)
    }

    /// Tell the trail of what a stranger was refused.
    async fn tell<T>(&self, door: &Door, origin: &Origin, event: Event, done: Result<T, Error>) -> Result<T, Error> {
        let actor = stranger(door);
        self.0.ra.told_of(&actor, origin, event, Some(door.id.ra_profile), None, done).await
    }
}

/// A client of which nothing is known yet.
pub(crate) fn stranger(door: &Door) -> Actor {
    Actor::enrollee(Uuid::nil(), "scep".into(), ActorKind::ScepClient, [door.id.ra_profile])
}

impl Call<'_> {
    /// Refuse as what the client asks for cannot be found.
    pub fn unknown(text: &str) -> Failure {
        Failure::new(FailInfo::BadCertId, text)
    }
}
