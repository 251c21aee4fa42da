//! The RA's own certificates (RFC 8894 section 2.2): one that clients encrypt for and one that signs answers, both RSA, for
//! an issuing CA of any kind. Issued and renewed by the server itself; earlier ones are kept for messages under way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chancery_core::Error;
use chancery_core::port::AuthorityInstance;
use chancery_pki::cms::{DecryptionKey, EnclosedCertificate, RecipientKey, build};
use chancery_pki::{Certificate, CertificateTemplate, KeyUsage, Name, PrivateKey, SerialNumber, Validity};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::port::{Purpose, RaCertificate};
use crate::{Door, Scep};

/// The certificates begin this long before they are made, for clients whose clock is slow.
const BACKDATE: Duration = Duration::hours(1);
/// What another node renewed is used here after this time.
const FRESH: Duration = Duration::seconds(60);
/// How long after its end a certificate's key still decrypts: messages are on their way, clocks are wrong, and clients
/// fetch CA certificates rarely.
const KEPT: Duration = Duration::days(30);

/// A key that decrypts.
pub(crate) struct Decrypting {
    pub certificate: EnclosedCertificate,
    pub key: DecryptionKey,
}

/// A key that signs answers.
pub(crate) struct Signing {
    pub certificate: EnclosedCertificate,
    pub key: Arc<PrivateKey>,
}

/// What a door reads and answers with.
pub(crate) struct Identity {
    /// Newest first.
    pub decrypting: Vec<Decrypting>,
    pub signing: Signing,
    /// The CA that signs now, and its chain up to the root.
    pub authority: Arc<AuthorityInstance>,
    /// The answer to GetCACert.
    pub ca_certificates: Vec<u8>,
    /// When the current ones are to be renewed.
    renew_at: OffsetDateTime,
}

impl Identity {
    pub fn recipient_keys(&self) -> Vec<RecipientKey<'_>> {
        self.decrypting
            .iter()
            .map(|one| RecipientKey::Certificate { certificate: &one.certificate, key: &one.key })
            .collect()
    }
}

/// SCEP profile, authority, and whether GetCACert shows the root.
type At = (Uuid, Uuid, bool);

/// Identities read lately, by SCEP profile, authority and what GetCACert shows.
#[derive(Default)]
pub(crate) struct Identities {
    known: Mutex<HashMap<At, (OffsetDateTime, Arc<Identity>)>>,
    /// One reader at a time, for it may make keys.
    reading: tokio::sync::Mutex<()>,
}

impl Scep {
    /// The door's certificates, made when there are none or they are due.
    pub(crate) async fn identity(&self, door: &Door) -> Result<Arc<Identity>, Error> {
        let authority = door.ra_profile.authority;
        let root = door.scep_profile.settings.root_in_ca_certificates;
        let at = (door.id.scep_profile, authority, root);
        if let Some(known) = self.known_identity(&at) {
            return Ok(known);
        }
        let _one = self.0.identities.reading.lock().await;
        if let Some(known) = self.known_identity(&at) {
            return Ok(known);
        }
        let instance = self.0.ra.ports().authority.instance(authority);
        let instance =
            instance.ok_or_else(|| Error::internal(format!("authority {authority} of an RA profile is not loaded")))?;
        let mut read = self.read_identity(door, &instance, root).await?;
        if read.as_ref().is_none_or(|read| read.renew_at <= self.0.now()) {
            match self.renew_identity(door, &instance).await {
                Ok(()) => read = self.read_identity(door, &instance, root).await?,
                // What stands goes on until its end.
                Err(error) if read.as_ref().is_some_and(|read| !is_over(read, self.0.now())) => {
                    tracing::error!(%error, door = door.ra_profile.name, "the RA's certificates cannot be renewed");
                }
                Err(error) => return Err(error),
            }
        }
        let read = Arc::new(read.ok_or_else(|| Error::internal("the RA's certificates were made and are not there"))?);
        let mut known = self.0.identities.known.lock().expect("no holder panics");
        known.insert(at, (self.0.now(), read.clone()));
        Ok(read)
    }

    fn known_identity(&self, at: &At) -> Option<Arc<Identity>> {
        let known = self.0.identities.known.lock().expect("no holder panics");
        let (read_at, identity) = known.get(at)?;
        let age = self.0.now() - *read_at;
        (Duration::ZERO <= age && age < FRESH).then(|| identity.clone())
    }

    async fn read_identity(
        &self,
        door: &Door,
        instance: &Arc<AuthorityInstance>,
        root: bool,
    ) -> Result<Option<Identity>, Error> {
        let now = self.0.now();
        let kept = self.0.store.ra_certificates(door.id.scep_profile, instance.id, now - KEPT).await?;
        let (mut decrypting, mut current, mut signing) = (Vec::new(), None, None);
        let mut renew_at = OffsetDateTime::new_utc(time::Date::MAX, time::Time::MIDNIGHT);
        for one in kept {
            let certificate = Certificate::from_der(&one.der).map_err(Error::internal)?;
            let newest = match one.purpose {
                Purpose::Encryption => current.is_none(),
                Purpose::Signing => signing.is_none(),
            };
            if one.purpose == Purpose::Signing && !newest {
                continue;
            }
            let key = self.0.keys.open(one.key).await?;
            let key = key.ok_or_else(|| Error::internal(format!("key {} of the RA is gone", one.key)))?;
            let enclosed = EnclosedCertificate::from(&certificate);
            if newest {
                renew_at =
                    renew_at.min(if self.stands(&one, instance).await? { due(certificate.validity()) } else { now });
            }
            match one.purpose {
                Purpose::Encryption => {
                    current.get_or_insert_with(|| certificate.clone());
                    let key = DecryptionKey::new(&key).map_err(Error::internal)?;
                    decrypting.push(Decrypting { certificate: enclosed, key });
                }
                Purpose::Signing => signing = Some(Signing { certificate: enclosed, key: Arc::new(key) }),
            }
        }
        let (Some(encryption), Some(signing)) = (current, signing) else { return Ok(None) };
        // RFC 8894 section 4.2.1.2; the order in which clients look for their recipient.
        let chain = instance.chain.iter().map(|(_, certificate)| certificate);
        let chain = chain.filter(|certificate| root || !certificate.is_self_issued());
        let mut shown = vec![encryption.der(), signing.certificate.der()];
        shown.extend(chain.map(Certificate::der));
        let ca_certificates = build::degenerate(&shown, &[]);
        Ok(Some(Identity { decrypting, signing, authority: instance.clone(), ca_certificates, renew_at }))
    }

    /// Whether the CA that signs now has issued it, and nobody has revoked it.
    async fn stands(&self, one: &RaCertificate, instance: &AuthorityInstance) -> Result<bool, Error> {
        let record = self.0.ra.ports().inventory.certificate(one.certificate).await?;
        let revoked = record.is_none_or(|record| record.revocation.is_some());
        Ok(one.issuer == instance.issuer().0 && !revoked)
    }

    /// Both at once, so that a client that fetches CA certificates gets two of one age.
    async fn renew_identity(&self, door: &Door, instance: &AuthorityInstance) -> Result<(), Error> {
        let kept = self.0.store.ra_certificates(door.id.scep_profile, instance.id, OffsetDateTime::UNIX_EPOCH).await?;
        let generation = 1 + kept.iter().map(|one| one.generation).max().unwrap_or(0);
        for (purpose, usage) in
            [(Purpose::Encryption, KeyUsage::KEY_ENCIPHERMENT), (Purpose::Signing, KeyUsage::DIGITAL_SIGNATURE)]
        {
            let label = format!("SCEP {} of {}", purpose.as_str(), door.scep_profile.name);
            let (key, private) = self.0.keys.make(&label).await?;
            let now = self.0.now();
            let not_before = now - BACKDATE;
            let end = instance.issuer().1.validity().not_after;
            let lifetime = Duration::days(door.scep_profile.settings.ra_lifetime.into());
            let template = CertificateTemplate {
                subject: subject(&door.scep_profile.name, purpose)?,
                subject_alt_names: Vec::new(),
                validity: Validity { not_before, not_after: (now + lifetime).min(end) },
                key_usage: Some(usage),
                extended_key_usage: Vec::new(),
                public_key: private.public_key().clone(),
                // The authority gives it its own.
                serial: SerialNumber::from_random([1; 16]),
                basic_constraints: None,
                crl_distribution_points: Vec::new(),
                aia_issuers: Vec::new(),
                aia_ocsp: Vec::new(),
                policies: Vec::new(),
                must_staple: false,
            };
            let record = self.0.ra.issue_own(instance.id, template).await?;
            let (Some(der), Some(issuer), Some(not_after)) = (record.certificate, record.issuer, record.not_after)
            else {
                return Err(Error::internal("an issued certificate has no content"));
            };
            let made = RaCertificate {
                scep_profile: door.id.scep_profile,
                authority: instance.id,
                purpose,
                generation,
                key,
                certificate: record.id,
                issuer,
                der,
                not_after,
            };
            // Another node may have been faster: then its certificates are used.
            if self.0.store.add_ra_certificate(made).await? {
                tracing::info!(
                    purpose = purpose.as_str(),
                    profile = door.scep_profile.name,
                    "the SCEP RA has a new certificate"
                );
            }
        }
        Ok(())
    }
}

fn subject(profile: &str, purpose: Purpose) -> Result<Name, Error> {
    // RFC 5280 appendix A.1: a common name has at most 64 characters.
    let name: String = profile.chars().take(40).collect();
    Name::from_common_name(&format!("SCEP RA {} {name}", purpose.as_str())).map_err(Error::internal)
}

/// Two thirds of its life are over.
fn due(validity: Validity) -> OffsetDateTime {
    validity.not_before + (validity.not_after - validity.not_before) * 2 / 3
}

fn is_over(identity: &Identity, now: OffsetDateTime) -> bool {
    let ends = |certificate: &EnclosedCertificate| certificate.certificate().map(|it| it.validity().not_after);
    let newest = identity.decrypting.first().map(|one| ends(&one.certificate));
    [newest, Some(ends(&identity.signing.certificate))].into_iter().flatten().any(|end| end.is_ok_and(|end| end < now))
}
