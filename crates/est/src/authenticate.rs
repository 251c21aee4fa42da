//! Who asks: by client certificate, HTTP Basic (a user's password or a code), bearer token, or two of them together
//! (RFC 7030 sections 3.2.3 and 3.3).

use chancery_core::audit::Event;
use chancery_core::{Actor, ActorKind, Error, Rejection};
use chancery_pki::Certificate;
use uuid::Uuid;

use crate::credential::{CODE_PREFIX, Credential, Grant, code_hash};
use crate::holder::{Holder, NoHolder};
use crate::port::Spent;
use crate::service::Call;
use crate::{AllowedNames, Est};

/// Who asks, and for what it may.
pub(crate) struct Identity {
    /// For authorisation and the trail.
    pub actor: Actor,
    /// The names that it may ask for.
    pub names: AllowedNames,
    /// What a certificate costs it.
    pub spent: Option<Spent>,
    /// It has nothing left to spend: it may only fetch what it got before.
    pub exhausted: bool,
    /// A registration authority of ours: it has checked linking itself (RFC 7030 section 3.7).
    pub registrar: bool,
    /// How it was known, for the trail.
    pub via: &'static str,
}

impl Est {
    /// Who wants to enrol.
    pub(crate) async fn identify(&self, call: &Call<'_>) -> Result<Identity, Error> {
        let settings = &call.endpoint.est_profile.settings;
        let credential = match Credential::read(call.authorization) {
            Ok(credential) => credential,
            Err(why) => return Err(self.0.ra.login_failed(&call.origin, why).await),
        };
        let Some(credential) = credential else {
            if settings.certificate_and_credential {
                return Err(self.0.ra.login_failed(&call.origin, "a certificate alone, where both are demanded").await);
            }
            return self.identify_by_certificate(call).await;
        };
        let mut identity = self.identify_by_credential(call, credential).await?;
        if settings.certificate_and_credential {
            let second = self.identify_by_certificate(call).await?;
            identity.names = identity.names.and(second.names);
            identity.registrar = second.registrar;
            identity.via = "certificate and credential";
        }
        Ok(identity)
    }

    async fn identify_by_certificate(&self, call: &Call<'_>) -> Result<Identity, Error> {
        let takes_others = call.endpoint.est_profile.settings.takes_credentials();
        match self.holder(call.endpoint, call.peer).await {
            Ok(holder) => Ok(identity_of(call, holder)),
            Err(NoHolder::Absent) => Err(self.0.ra.login_failed(&call.origin, "no credential").await),
            // The client may have others, which it sends when it is asked.
            Err(NoHolder::Unknown(why)) if takes_others => Err(self.0.ra.login_failed(&call.origin, why).await),
            Err(NoHolder::Unknown(why) | NoHolder::Refused(why)) => Err(self.certificate_refused(call, why).await),
            Err(NoHolder::Failed(error)) => Err(error),
        }
    }

    /// The client is known by a certificate that does not do: told, and answered with the reason.
    pub(crate) async fn certificate_refused(&self, call: &Call<'_>, why: &'static str) -> Error {
        match self.0.ra.login_failed(&call.origin, why).await {
            Error::Unauthenticated => Error::Forbidden(why.into()),
            error => error,
        }
    }

    async fn identify_by_credential(&self, call: &Call<'_>, credential: Credential) -> Result<Identity, Error> {
        let settings = &call.endpoint.est_profile.settings;
        match credential {
            Credential::Bearer(_) if !settings.tokens => {
                Err(self.0.ra.login_failed(&call.origin, "bearer tokens are switched off").await)
            }
            Credential::Bearer(token) => {
                let actor = self.0.ra.authenticate(&token, &call.origin).await?;
                Ok(Identity {
                    actor,
                    names: AllowedNames::any(),
                    spent: None,
                    exhausted: false,
                    registrar: false,
                    via: "token",
                })
            }
            Credential::Basic { user, password } if password.starts_with(CODE_PREFIX) => {
                self.identify_by_code(call, &user, &password).await
            }
            Credential::Basic { user, password } => self.identify_by_password(call, &user, &password).await,
        }
    }

    async fn identify_by_password(&self, call: &Call<'_>, user: &str, password: &str) -> Result<Identity, Error> {
        let now = self.0.now();
        if !call.endpoint.est_profile.settings.passwords {
            return Err(self.0.ra.login_failed(&call.origin, "passwords are switched off").await);
        }
        self.0.passwords.admit(call.origin.address, user, now)?;
        let found = self.0.store.est_user(call.endpoint.ra_profile.id, user).await?;
        let known = found.as_ref().map(|found| (found.grant.id, &found.password));
        if !self.0.passwords.is_right(known, password).await? {
            self.0.passwords.failed(call.origin.address, user, now);
            return Err(self.0.ra.login_failed(&call.origin, "unknown EST user or wrong password").await);
        }
        let Some(found) = found else { return Err(Error::Unauthenticated) };
        let spent = found.grant.uses.map(|_| Spent::User(found.grant.id));
        self.granted(call, found.grant, spent, ActorKind::EstUser, "password").await
    }

    async fn identify_by_code(&self, call: &Call<'_>, user: &str, code: &str) -> Result<Identity, Error> {
        let now = self.0.now();
        if !call.endpoint.est_profile.settings.codes {
            return Err(self.0.ra.login_failed(&call.origin, "codes are switched off").await);
        }
        self.0.passwords.admit(call.origin.address, user, now)?;
        let found = self.0.store.est_code(code_hash(&self.0.config.code_key, code)).await?;
        let found = found.filter(|found| found.grant.ra_profile == call.endpoint.ra_profile.id);
        let Some(found) = found else {
            self.0.passwords.failed(call.origin.address, user, now);
            return Err(self.0.ra.login_failed(&call.origin, "unknown EST code").await);
        };
        if found.is_locked() {
            return Err(self.0.ra.login_failed(&call.origin, "EST code locked by wrong requests").await);
        }
        if found.grant.name != user {
            self.0.store.mismatch_est_code(found.grant.id).await?;
            return Err(self.0.ra.login_failed(&call.origin, "EST code of another user").await);
        }
        let spent = Some(Spent::Code(found.grant.id));
        self.granted(call, found.grant, spent, ActorKind::EstCode, "code").await
    }

    async fn granted(
        &self,
        call: &Call<'_>,
        grant: Grant,
        spent: Option<Spent>,
        kind: ActorKind,
        via: &'static str,
    ) -> Result<Identity, Error> {
        if let Some(why) = grant.ended(self.0.now()) {
            return Err(self.0.ra.login_failed(&call.origin, why).await);
        }
        let names = grant.allowed().map_err(Error::internal)?;
        let exhausted = grant.is_spent();
        let actor = Actor::enrollee(grant.id, grant.name, kind, [grant.ra_profile]);
        Ok(Identity { actor, names, spent, exhausted, registrar: false, via })
    }

    /// What an identity may not ask for is told with what it is, and counts against a code.
    pub(crate) async fn names_refused(&self, call: &Call<'_>, identity: &Identity, beyond: &[String]) -> Error {
        if let Some(Spent::Code(id)) = identity.spent
            && let Err(error) = self.0.store.mismatch_est_code(id).await
        {
            return error.into();
        }
        let shown: Vec<&str> = beyond.iter().take(20).map(String::as_str).collect();
        let why = format!(
            "{} may not ask for {}: leave that out, or have the operator list it for this credential",
            identity.actor.name,
            shown.join(", ")
        );
        let told = self.0.ra.told_of::<()>(
            &identity.actor,
            &call.origin,
            Event::AccessDenied,
            Some(call.endpoint.ra_profile.id),
            None,
            Err(Error::Forbidden(why)),
        );
        told.await.err().unwrap_or_else(|| Error::internal("a refusal cannot succeed"))
    }
}

/// The identity of a certificate's holder.
fn identity_of(call: &Call<'_>, holder: Holder) -> Identity {
    let ra_profile = call.endpoint.ra_profile.id;
    match holder {
        Holder::Own { record, certificate, registrar } => {
            let names = if registrar { AllowedNames::any() } else { AllowedNames::of(&certificate) };
            let name = name_of(&certificate);
            let actor = Actor::enrollee(record.id, name, ActorKind::CertificateKey, [ra_profile]);
            let via = if registrar { "registrar" } else { "certificate" };
            Identity { actor, names, spent: None, exhausted: false, registrar, via }
        }
        Holder::Foreign { certificate, anchor } => {
            let names = call.endpoint.anchors[anchor].0.of(&certificate);
            let mut id = [0; 16];
            id.copy_from_slice(&certificate.fingerprint().0[..16]);
            let name = name_of(&certificate);
            let actor = Actor::enrollee(Uuid::from_bytes(id), name, ActorKind::ForeignCertificate, [ra_profile]);
            Identity { actor, names, spent: None, exhausted: false, registrar: false, via: "third-party certificate" }
        }
    }
}

fn name_of(certificate: &Certificate) -> String {
    certificate.subject().to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}

/// RFC 7030 section 4.2.2: the certificate in use names what is renewed, so there must be one.
pub(crate) fn certificate_demanded() -> Error {
    Error::Forbidden(
        "re-enrolment takes the certificate that is renewed as TLS client certificate (RFC 7030 section 4.2.2)".into(),
    )
}

/// What an operation cannot be asked for.
pub(crate) fn state(why: impl Into<String>) -> Error {
    Error::rejected(Rejection::State(why.into()))
}
