//! A new authority: a root of its own or an existing one, and an issuing CA below it.

use std::sync::Arc;

use chancery_core::audit::{Event, Telling};
use chancery_core::port::{AuthorityInstance, AuthorityRecord, IssueRecord, IssuerRecord, KeyRecord, NewAuthority};
use chancery_core::{
    Action, Actor, CertificateRecord, CertificateState, Door, Error, Origin, Rejection, SearchName, new_id,
};
use chancery_pki::{
    AttributeKind, BasicConstraints, Certificate, CertificateTemplate, KeyType, KeyUsage, Name, Signer, Validity,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::issuer::Issuer;
use crate::sign::{serial, text, within_lifetime};
use crate::{BuiltInAuthority, ca_url, crl_url};

/// CA certificates begin this long before they are made, for relying parties whose clock is slow.
const BACKDATE: Duration = Duration::hours(1);
/// A common name has room for 64 characters (RFC 5280 appendix A, ub-common-name).
const COMMON_NAME: usize = 64;

/// What a CA certificate shall be.
#[derive(Clone, Debug)]
pub struct CaSpec {
    /// Its key.
    pub key_type: KeyType,
    /// Its subject; `None` for one made of the authority's name and a short random tag, as two installations must not
    /// have CAs of one name.
    pub subject: Option<Name>,
    /// How long it lives.
    pub lifetime: Duration,
}

impl CaSpec {
    /// A root: P-256, 20 years.
    pub fn root() -> Self {
        Self { key_type: KeyType::P256, subject: None, lifetime: Duration::days(7305) }
    }

    /// An issuing CA: P-256, 10 years.
    pub fn issuing() -> Self {
        Self { key_type: KeyType::P256, subject: None, lifetime: Duration::days(3652) }
    }
}

/// Under which root the issuing CA stands.
#[derive(Clone, Debug)]
pub enum Root {
    /// A new one.
    New(CaSpec),
    /// The root of an existing authority (the authority's id).
    Of(Uuid),
}

/// What a new authority shall be.
#[derive(Clone, Debug)]
pub struct NewAuthorityRequest {
    /// Unique name: 1 to 64 printable characters.
    pub name: String,
    /// Its root.
    pub root: Root,
    /// The CA that signs.
    pub issuing: CaSpec,
}

impl NewAuthorityRequest {
    /// An authority with a root of its own, all by default.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), root: Root::New(CaSpec::root()), issuing: CaSpec::issuing() }
    }
}

/// A CA certificate that is made and not stored yet.
struct Made {
    issuer: Issuer,
    key: KeyRecord,
}

impl BuiltInAuthority {
    /// Make an authority with its keys, its certificates and their first CRLs, and load it.
    ///
    /// # Errors
    /// `Forbidden` without the administrator's role and unlimited scope, `Conflict` when the name is taken, `NotFound`
    /// for an unknown root, `Rejected` for a bad name or a lifetime that does not fit under the root.
    pub async fn create(
        &self,
        actor: &Actor,
        origin: &Origin,
        request: NewAuthorityRequest,
    ) -> Result<Arc<AuthorityInstance>, Error> {
        if !actor.may(Action::Administer) || !actor.scope.contains(None) {
            return Err(Error::Forbidden("only an administrator of everything may make an authority".into()));
        }
        let name = authority_name(&request.name)?;
        let ports = &self.inner.ports;
        let authority = new_id(&*ports.clock, &*ports.rng);
        let mut tag = [0; 3];
        ports.rng.fill(&mut tag);
        let tag: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();

        let (made_root, root) = match request.root {
            Root::New(spec) => {
                let subject = spec.subject.clone().map_or_else(|| default_subject("Root", name, &tag), Ok)?;
                let made = self.make(None, &spec, subject, format!("root CA of {name}")).await?;
                let parent = Issuer::new(
                    made.issuer.id,
                    made.issuer.id,
                    made.issuer.certificate.clone(),
                    made.issuer.signer.clone(),
                );
                (Some(made), Arc::new(parent))
            }
            Root::Of(other) => (None, self.root_of(other)?),
        };
        let spec = request.issuing;
        let subject = spec.subject.clone().map_or_else(|| default_subject("Issuing", name, &tag), Ok)?;
        if subject.matches(root.certificate.subject()) {
            return Err(Error::rejected(Rejection::Name {
                name: subject.to_string(),
                why: "root and issuing CA need different subjects".into(),
            }));
        }
        let issuing = self.make(Some(&root), &spec, subject, format!("issuing CA of {name}")).await?;

        let now = ports.clock.now();
        let audit = Telling::success(actor, origin, Event::AuthorityCreate)
            .with("authority", authority.to_string())
            .with("name", name)
            .with("issuer", issuing.issuer.id.to_string())
            .with("root", root.id.to_string())
            .at(now);
        let new = NewAuthority {
            authority: AuthorityRecord {
                id: authority,
                name: name.to_owned(),
                issuer: issuing.issuer.id,
                created_at: now,
            },
            certificates: made_root
                .iter()
                .chain([&issuing])
                .map(|made| record(made, authority, actor, origin, now))
                .collect(),
            issuers: made_root
                .iter()
                .chain([&issuing])
                .map(|made| IssuerRecord {
                    id: made.issuer.id,
                    authority,
                    key: made.key.id,
                    certificate: made.issuer.certificate.der().to_vec(),
                    parent: made.issuer.parent,
                    revocations: 0,
                    revoked: false,
                })
                .collect(),
            keys: made_root.into_iter().map(|made| made.key).chain([issuing.key]).collect(),
            audit,
        };
        ports.store.create_authority(new).await?;
        tracing::info!(authority = name, %authority, issuer = %issuing.issuer.certificate.subject(), "authority made");
        self.reload().await?;
        // It stands, whatever becomes of its first CRLs: the background task makes them within seconds, if not now.
        if let Err(error) = self.tend_crls().await {
            tracing::warn!(%error, "the first CRLs of a new authority are delayed");
        }
        self.inner
            .loaded
            .load()
            .instances
            .iter()
            .find(|instance| instance.id == authority)
            .cloned()
            .ok_or_else(|| Error::internal("an authority that was just made is not in the database"))
    }

    fn root_of(&self, authority: Uuid) -> Result<Arc<Issuer>, Error> {
        let loaded = self.inner.loaded.load();
        let instance = loaded.instances.iter().find(|instance| instance.id == authority);
        let root = instance.and_then(|instance| instance.chain.last()).and_then(|(id, _)| loaded.issuers.get(id));
        root.cloned().ok_or_else(|| Error::not_found("authority", authority))
    }

    /// Key and certificate of a CA, signed by `root` or, for a root, by itself.
    async fn make(
        &self,
        root: Option<&Arc<Issuer>>,
        spec: &CaSpec,
        subject: Name,
        label: String,
    ) -> Result<Made, Error> {
        let ports = &self.inner.ports;
        if subject.is_empty() {
            return Err(Error::rejected(Rejection::Name { name: String::new(), why: "a CA needs a subject".into() }));
        }
        let validity = match root {
            Some(root) => {
                within_lifetime(&*ports.clock, root.certificate.validity())?;
                under(lifetime(ports.clock.now(), spec.lifetime)?, root.certificate.validity())?
            }
            None => lifetime(ports.clock.now(), spec.lifetime)?,
        };
        let (key, signer) = ports.keys.generate(spec.key_type, &label).await?;
        let id = new_id(&*ports.clock, &*ports.rng);
        let status_url = &self.inner.config.status_url;
        let template = CertificateTemplate {
            subject,
            subject_alt_names: Vec::new(),
            public_key: signer.public_key().clone(),
            validity,
            serial: serial(&*ports.rng),
            key_usage: Some(KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN),
            extended_key_usage: Vec::new(),
            // An issuing CA signs no other CA; a root may, so its path has no bound.
            basic_constraints: Some(BasicConstraints { ca: true, path_len: root.map(|_| 0) }),
            crl_distribution_points: root.iter().map(|root| crl_url(status_url, root.id)).collect(),
            aia_issuers: root.iter().map(|root| ca_url(status_url, root.id)).collect(),
            aia_ocsp: Vec::new(),
            policies: Vec::new(),
            must_staple: false,
        };
        let parent = root.map_or(id, |root| root.id);
        let by = root.map_or_else(|| signer.clone(), |root| root.signer.clone());
        let name = root.map_or_else(|| template.subject.clone(), |root| root.certificate.subject().clone());
        let key_id = root.map_or_else(|| template.public_key.key_id().to_vec(), |root| root.key_id.clone());
        let certificate = self.inner.pool.run(move || sign(&template, &name, &key_id, &*by)).await??;
        Ok(Made { issuer: Issuer::new(id, parent, certificate, signer), key })
    }
}

fn sign(template: &CertificateTemplate, name: &Name, key_id: &[u8], by: &dyn Signer) -> Result<Certificate, Error> {
    template.sign(&chancery_pki::Issuer { name, key_id }, by).map_err(Error::internal)
}

/// The CA certificate as a row of the inventory: no profile, the system's own.
fn record(made: &Made, authority: Uuid, actor: &Actor, origin: &Origin, now: OffsetDateTime) -> IssueRecord {
    let certificate = &made.issuer.certificate;
    let common_name = certificate.subject().common_name().unwrap_or_default();
    let system = Actor::system();
    let audit = Telling::success(actor, origin, Event::CertificateIssue)
        .certificate(made.issuer.id)
        .with("authority", authority.to_string())
        .with("ca", true)
        .with("fingerprint", certificate.fingerprint().to_hex())
        .with("issuer", made.issuer.parent.to_string())
        .with("notAfter", certificate.validity().not_after.unix_timestamp())
        .with("serial", certificate.serial().to_hex())
        .with("subject", certificate.subject().to_string())
        .at(now);
    IssueRecord {
        certificate: CertificateRecord {
            id: made.issuer.id,
            state: CertificateState::Issued,
            profile: None,
            authority: Some(authority),
            issuer: Some(made.issuer.parent),
            door: Door::System,
            owner: system.name,
            owner_id: system.id,
            subject: certificate.subject().to_string(),
            common_name: common_name.clone(),
            serial: Some(certificate.serial().clone()),
            fingerprint: Some(certificate.fingerprint()),
            key_hash: certificate.public_key().identity(),
            not_before: Some(certificate.validity().not_before),
            not_after: Some(certificate.validity().not_after),
            certificate: Some(certificate.der().to_vec()),
            request: None,
            predecessor: None,
            issue_attributes: Vec::new(),
            revoke_attributes: Vec::new(),
            created_at: now,
            revocation: None,
            archived: false,
        },
        names: SearchName::of(&common_name, &[]),
        audit,
        profile_version: None,
        predecessor_must_stand: false,
        approval: None,
        alongside: None,
    }
}

fn authority_name(name: &str) -> Result<&str, Error> {
    let why = match name {
        "" => "it is empty",
        _ if name.trim() != name => "it begins or ends with white space",
        _ if name.chars().count() > COMMON_NAME => "it has more than 64 characters",
        _ if name.chars().any(char::is_control) => "it has control characters",
        _ => return Ok(name),
    };
    Err(Error::rejected(Rejection::Attribute { name: "authority name".into(), why: format!("{why}: {name:?}") }))
}

/// `Chancery Root CA 3f9a1c`, or `Chancery Root CA branch 3f9a1c` for another authority than `default`.
fn default_subject(kind: &str, name: &str, tag: &str) -> Result<Name, Error> {
    let short = format!("Chancery {kind} CA {tag}");
    let long = format!("Chancery {kind} CA {name} {tag}");
    let common_name = if name == "default" || long.chars().count() > COMMON_NAME { short } else { long };
    Name::from_rdns(vec![vec![(AttributeKind::CommonName, common_name)]]).map_err(Error::internal)
}

/// From an hour ago, in whole seconds; the last second belongs to it (RFC 5280 section 4.1.2.5).
fn lifetime(now: OffsetDateTime, lifetime: Duration) -> Result<Validity, Error> {
    if lifetime < Duration::days(1) {
        return Err(Error::rejected(Rejection::Validity("a CA lives at least one day".into())));
    }
    let ends = now
        .checked_add(lifetime.saturating_sub(Duration::SECOND))
        .filter(|ends| ends.year() <= 9999)
        .ok_or_else(|| Error::rejected(Rejection::Validity("a CA cannot live past the year 9999".into())))?;
    Ok(Validity::new(now.checked_sub(BACKDATE).unwrap_or(now), ends))
}

/// Never outlive the root (refused), nor begin before it.
fn under(asked: Validity, root: Validity) -> Result<Validity, Error> {
    if asked.not_after > root.not_after {
        return Err(Error::rejected(Rejection::Validity(format!(
            "the issuing CA would end at {}, after its root ({}); give it a shorter lifetime",
            text(asked.not_after),
            text(root.not_after)
        ))));
    }
    Ok(Validity { not_before: asked.not_before.max(root.not_before), ..asked })
}

#[cfg(test)]
mod tests;
