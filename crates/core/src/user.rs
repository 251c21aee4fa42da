//! Users: callers with a role and a scope, known by a certificate of ours or by a subject of an OIDC issuer.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use chancery_pki::{Certificate, KeyUsage, oid};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::audit::{Event, Telling};
use crate::token::{check_name, sha256};
use crate::{
    Action, Actor, ActorKind, CertificateField, CertificateFilter, CertificateQuery, CertificateState, Condition,
    Error, Origin, ProfileRef, Ra, Rejection, Role, Scope, StoreError, Unique,
};

/// A user as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// Identifier: the caller's in the audit.
    pub id: Uuid,
    /// A name for people, unique.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// Where.
    pub scope: Scope,
    /// The certificate that the user shows.
    pub certificate: Option<UserCertificate>,
    /// The subject by which an OIDC issuer speaks of the user.
    pub oidc: Option<OidcSubject>,
    /// A disabled user is refused.
    pub enabled: bool,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

/// The certificate by which a user is known. Its renewals are known too: certificates of our own authorities with the
/// same key and subject. Another key is another holder, whatever its certificate says: whoever may use an RA profile could
/// have made one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCertificate {
    /// SHA-256 of the certificate that was registered.
    pub fingerprint: [u8; 32],
    /// SHA-256 of its SubjectPublicKeyInfo; one key, one user.
    pub key_hash: [u8; 32],
    /// Its subject, normalised (RFC 5280 section 7.1).
    pub subject: String,
}

/// Whom an OIDC issuer speaks of: `iss` and `sub` together (OpenID Connect Core section 5.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSubject {
    /// `iss`.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
}

/// What a new user shall be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// A name for people.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// RA profiles by name or id; none means all of them.
    pub profiles: Vec<String>,
    /// The certificate that the user will show, DER.
    pub certificate: Option<Vec<u8>>,
    /// Whom an OIDC issuer will speak of.
    pub oidc: Option<OidcSubject>,
}

/// What a signed token said, after its signature, times and audience were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    /// Of whom.
    pub subject: OidcSubject,
    /// What the configuration grants for the token's claims; none: nothing.
    pub grant: Option<Grant>,
}

/// What the claims of a token are mapped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What the caller may do.
    pub role: Role,
    /// RA profiles by name; none means all of them.
    pub profiles: Option<BTreeSet<String>>,
}

impl UserRecord {
    fn actor(&self, kind: ActorKind) -> Actor {
        Actor { id: self.id, name: self.name.clone(), kind, role: self.role, scope: self.scope.clone() }
    }
}

/// Whom a certificate names.
enum Holder {
    /// A user.
    User(UserRecord),
    /// Nobody; why.
    Nobody(&'static str),
    /// A user who is refused; why.
    Refused(UserRecord, &'static str),
}

impl Ra {
    /// The user who holds this certificate, DER, whose key the caller has proved to hold; none when it is no user's.
    /// Issuer, times, usage, revocation and the key itself are judged anew each time.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the user or the certificate is not valid (any more), which the audit is told.
    pub async fn holder_of(&self, certificate: &[u8], origin: &Origin) -> Result<Option<Actor>, Error> {
        match self.holder(certificate).await? {
            Holder::User(user) => Ok(Some(user.actor(ActorKind::ClientCertificate))),
            Holder::Nobody(_) => Ok(None),
            Holder::Refused(user, why) => {
                Err(self.user_refused(&user, ActorKind::ClientCertificate, origin, why).await)
            }
        }
    }

    /// Who holds this certificate, DER, whose key the caller has proved to hold?
    ///
    /// # Errors
    /// As [`Ra::holder_of`], and for a certificate of no user too.
    pub async fn authenticate_certificate(&self, certificate: &[u8], origin: &Origin) -> Result<Actor, Error> {
        match self.holder(certificate).await? {
            Holder::User(user) => Ok(user.actor(ActorKind::ClientCertificate)),
            Holder::Nobody(why) => Err(self.login_failed(origin, why).await),
            Holder::Refused(user, why) => {
                Err(self.user_refused(&user, ActorKind::ClientCertificate, origin, why).await)
            }
        }
    }

    async fn user_refused(&self, user: &UserRecord, kind: ActorKind, origin: &Origin, why: &'static str) -> Error {
        let actor = user.actor(kind);
        let telling = Telling::refused(Some(&actor), origin, Event::LoginFailure).with("why", why);
        match self.0.strangers.tell(telling, self.now()).await {
            Ok(()) => Error::Unauthenticated,
            Err(error) => error,
        }
    }

    async fn holder(&self, der: &[u8]) -> Result<Holder, Error> {
        let Ok(certificate) = Certificate::from_der(der) else {
            return Ok(Holder::Nobody("a client certificate that cannot be read"));
        };
        let key = certificate.public_key().identity();
        let Some(user) = self.0.ports.users.user_by_key(&key).await? else {
            return Ok(Holder::Nobody("a client certificate of no user"));
        };
        if !user.enabled {
            return Ok(Holder::Refused(user, "disabled user"));
        }
        if user.certificate.as_ref().is_none_or(|known| known.subject != certificate.subject().normalised()) {
            return Ok(Holder::Refused(user, "a client certificate with another subject"));
        }
        if user.certificate.as_ref().is_some_and(|known| known.fingerprint != sha256(der))
            && self.registered_is_revoked(&user).await?
        {
            return Ok(Holder::Refused(user, "a user whose registered certificate is revoked"));
        }
        Ok(match self.client_certificate_fault(&certificate).await? {
            Some(why) => Holder::Refused(user, why),
            None => Holder::User(user),
        })
    }

    /// A revoked certificate has no successors: whoever revokes the registered one ends what was made of its key.
    async fn registered_is_revoked(&self, user: &UserRecord) -> Result<bool, Error> {
        let Some(known) = &user.certificate else { return Ok(false) };
        let query = CertificateQuery {
            filters: vec![CertificateFilter {
                field: CertificateField::Fingerprint,
                condition: Condition::Equals(vec![hex(&known.fingerprint)]),
            }],
            include_archived: true,
            limit: 1,
            ..CertificateQuery::default()
        };
        let found = self.0.ports.inventory.certificates(query).await?;
        Ok(found.items.iter().any(|record| record.revocation.is_some()))
    }

    /// Why this certificate does not name a client of ours now.
    async fn client_certificate_fault(&self, certificate: &Certificate) -> Result<Option<&'static str>, Error> {
        let ports = &self.0.ports;
        let now = self.now();
        let Some((issuer, ca)) = self.own_issuer(certificate) else {
            return Ok(Some("a client certificate that no authority of this installation issued"));
        };
        for (id, above) in ports.authority.chain(issuer).unwrap_or_default() {
            let record = ports.inventory.certificate(id).await?;
            if record.is_some_and(|record| record.revocation.is_some()) {
                return Ok(Some("a client certificate of a revoked CA"));
            }
            if now < above.validity().not_before || above.validity().not_after < now {
                return Ok(Some("a client certificate of a CA out of its time"));
            }
        }
        for validity in [certificate.validity(), ca.validity()] {
            if now < validity.not_before || validity.not_after < now {
                return Ok(Some("a client certificate out of its time"));
            }
        }
        if certificate.is_ca() {
            return Ok(Some("a CA certificate as client certificate"));
        }
        // RFC 5280 section 4.2.1.12.
        let for_clients = |uses: &[_]| uses.contains(&oid::CLIENT_AUTH) || uses.contains(&oid::ANY_EXTENDED_KEY_USAGE);
        if !certificate.extended_key_usage().is_some_and(for_clients)
            || certificate.key_usage().is_some_and(|usage| !usage.contains(KeyUsage::DIGITAL_SIGNATURE))
        {
            return Ok(Some("a client certificate for another use (no clientAuth)"));
        }
        let record = ports.inventory.certificate_by_serial(issuer, certificate.serial()).await?;
        let Some(record) = record.filter(|record| record.certificate.as_deref() == Some(certificate.der())) else {
            return Ok(Some("a client certificate that the inventory does not know"));
        };
        // A revocation that waits for an approval has not happened.
        let stands = matches!(record.state, CertificateState::Issued | CertificateState::PendingApproval);
        if !stands || record.revocation.is_some() {
            return Ok(Some("a revoked client certificate"));
        }
        if ports.inventory.key_blocked(record.key_hash).await? {
            return Ok(Some("a client certificate with a blocked key"));
        }
        Ok(None)
    }

    /// The CA certificate of ours that signed it.
    fn own_issuer(&self, certificate: &Certificate) -> Option<(Uuid, Certificate)> {
        let instances = self.0.ports.authority.instances();
        let mut all = instances.iter().flat_map(|instance| instance.chain.iter());
        all.find(|(_, ca)| {
            ca.subject().matches(certificate.issuer()) && certificate.verify_signed_by(ca.public_key()).is_ok()
        })
        .cloned()
    }

    /// Make a user.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anyone but an administrator; [`Error::NotFound`] for an unknown profile;
    /// [`Error::Rejected`] for a name, certificate or subject that is taken or does not do.
    pub async fn create_user(&self, actor: &Actor, origin: &Origin, new: NewUser) -> Result<UserRecord, Error> {
        self.demand(actor, origin, Action::Administer).await?;
        check_name(&new.name)?;
        if new.certificate.is_none() && new.oidc.is_none() {
            return Err(attribute(
                "credential",
                "a user is known by a certificate, an OIDC subject, or both: name one",
            ));
        }
        let scope = self.scope_of(actor, origin, &new.profiles).await?;
        let certificate = match &new.certificate {
            Some(der) => Some(self.user_certificate(der).await?),
            None => None,
        };
        if let Some(OidcSubject { issuer, subject }) = &new.oidc
            && [issuer, subject].into_iter().any(|text| text.trim().is_empty() || text.len() > 255)
        {
            return Err(attribute("oidcSubject", "issuer and subject are texts of 1 to 255 bytes"));
        }
        let now = self.now();
        let user = UserRecord {
            id: self.new_id(),
            name: new.name,
            role: new.role,
            scope,
            certificate,
            oidc: new.oidc,
            enabled: true,
            created_at: now,
        };
        let mut telling = telling_of(actor, origin, Event::UserCreate, &user).with("role", user.role.as_str());
        if let Scope::Profiles(profiles) = &user.scope {
            telling = telling.with("profiles", profiles.iter().map(Uuid::to_string).collect::<Vec<_>>());
        }
        if let Some(certificate) = &user.certificate {
            telling = telling.with("fingerprint", hex(&certificate.fingerprint));
        }
        if let Some(oidc) = &user.oidc {
            telling = telling.with("issuer", &*oidc.issuer).with("subject", &*oidc.subject);
        }
        match self.0.ports.users.create_user(user.clone(), telling.at(now)).await {
            Ok(()) => Ok(user),
            Err(StoreError::Duplicate(Unique::UserName)) => {
                Err(attribute("name", format!("there is a user {} already", user.name)))
            }
            Err(StoreError::Duplicate(_)) => {
                Err(attribute("credential", "another user has this certificate's key, or this OIDC subject"))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn user_certificate(&self, der: &[u8]) -> Result<UserCertificate, Error> {
        let certificate =
            Certificate::from_der(der).map_err(|why| attribute("certificate", format!("cannot be read: {why}")))?;
        if let Some(why) = self.client_certificate_fault(&certificate).await? {
            return Err(attribute(
                "certificate",
                format!("this is {why}: issue one by an RA profile for clients (tls-client), and register that"),
            ));
        }
        Ok(UserCertificate {
            fingerprint: sha256(certificate.der()),
            key_hash: certificate.public_key().identity(),
            subject: certificate.subject().normalised(),
        })
    }

    /// The users whose scope lies within the actor's, by name.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for anyone but an administrator.
    pub async fn users(&self, actor: &Actor, origin: &Origin) -> Result<Vec<UserRecord>, Error> {
        self.demand(actor, origin, Action::Administer).await?;
        let mut users = self.0.ports.users.users().await?;
        users.retain(|user| actor.scope.covers(&user.scope));
        Ok(users)
    }

    async fn user(&self, actor: &Actor, origin: &Origin, name: &str) -> Result<UserRecord, Error> {
        let found = self.users(actor, origin).await?.into_iter().find(|user| user.name == name);
        found.ok_or_else(|| Error::not_found("user", name))
    }

    /// Let a user in, or refuse it: from the next request on.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this name.
    pub async fn enable_user(
        &self,
        actor: &Actor,
        origin: &Origin,
        name: &str,
        enabled: bool,
    ) -> Result<UserRecord, Error> {
        let user = self.user(actor, origin, name).await?;
        let telling = telling_of(actor, origin, Event::UserEdit, &user).with("enabled", enabled);
        if self.0.ports.users.enable_user(user.id, enabled, telling.at(self.now())).await? {
            Ok(UserRecord { enabled, ..user })
        } else {
            Err(Error::not_found("user", name))
        }
    }

    /// Delete a user. Its certificate stays what it is: a certificate.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none of this name.
    pub async fn delete_user(&self, actor: &Actor, origin: &Origin, name: &str) -> Result<(), Error> {
        let user = self.user(actor, origin, name).await?;
        let telling = telling_of(actor, origin, Event::UserDelete, &user);
        let deleted = self.0.ports.users.delete_user(user.id, telling.at(self.now())).await?;
        if deleted { Ok(()) } else { Err(Error::not_found("user", name)) }
    }

    /// Have signed tokens of other issuers read by `provider`.
    pub fn identities_by(&self, provider: std::sync::Arc<dyn crate::port::IdentityProvider>) {
        *self.0.identities.write().unwrap_or_else(PoisonError::into_inner) = Some(provider);
    }

    /// Whom a signed token of another issuer speaks of (RFC 7519).
    pub(crate) async fn authenticate_signed(&self, token: &str, origin: &Origin) -> Result<Actor, Error> {
        let provider = self.0.identities.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(provider) = provider else { return Err(self.login_failed(origin, "unknown token").await) };
        let Identified { subject, grant } = match provider.identify(token, self.now()).await {
            Ok(identified) => identified,
            Err(why) => return Err(self.login_failed(origin, why).await),
        };
        if let Some(user) = self.0.ports.users.user_by_oidc(&subject).await? {
            if !user.enabled {
                return Err(self.user_refused(&user, ActorKind::Oidc, origin, "disabled user").await);
            }
            return Ok(user.actor(ActorKind::Oidc));
        }
        let Some(grant) = grant else {
            return Err(self.login_failed(origin, "a signed token whose claims are mapped to nothing").await);
        };
        let scope = match grant.profiles {
            None => Scope::All,
            Some(names) => {
                let mut known = BTreeSet::new();
                for name in names {
                    if let Some(profile) = self.loaded_profile(&ProfileRef::Name(name)).await? {
                        known.insert(profile.profile.id);
                    }
                }
                Scope::Profiles(known)
            }
        };
        // The same caller has the same id every time: approvals ask whether two are one.
        let mut id = [0; 16];
        let hash = sha256(format!("{}\n{}", subject.issuer, subject.subject).as_bytes());
        id.copy_from_slice(&hash[..16]);
        Ok(Actor {
            id: uuid::Builder::from_custom_bytes(id).into_uuid(),
            name: format!("oidc:{}", subject.subject),
            kind: ActorKind::Oidc,
            role: grant.role,
            scope,
        })
    }
}

fn telling_of<'a>(actor: &'a Actor, origin: &'a Origin, event: Event, user: &UserRecord) -> Telling<'a> {
    Telling::success(actor, origin, event).with("user", user.id.to_string()).with("name", &*user.name)
}

fn attribute(name: &str, why: impl Into<String>) -> Error {
    Error::rejected(Rejection::Attribute { name: name.into(), why: why.into() })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
