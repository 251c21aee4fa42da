//! EAB keys (RFC 8555 section 7.3.4): made here, handed out once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chancery_core::audit::{Event, Telling};
use chancery_core::{Action, Actor, Error, Origin, ProfileRef, RaProfile, Rejection};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{AcmeProfileRef, out_of_reach, state};
use crate::{Acme, AcmeProfile, Activation, AllowedNames, EabKey, eab};

/// Most names of one key.
const MOST_NAMES: usize = 1_000;

/// A new EAB key.
#[derive(Clone, Debug)]
pub struct NewEabKey {
    /// The RA profile whose directories take it.
    pub ra_profile: ProfileRef,
    /// The ACME profile of the one directory that takes it; `None`: every directory of the RA profile that is not in trusted
    /// mode.
    pub acme_profile: Option<AcmeProfileRef>,
    /// For people.
    pub description: String,
    /// Names that accounts bound by it may ask for, as [`AllowedNames`] reads them; `None`: whatever the RA profile allows.
    pub names: Option<Vec<String>>,
    /// How many accounts may be bound; `None`: any number.
    pub uses: Option<u32>,
    /// How many certificates its accounts may get in all; `None`: any number.
    pub quota: Option<u32>,
    /// Not after this instant; `None`: until revoked.
    pub expires_at: Option<OffsetDateTime>,
}

/// A key as it is handed out.
#[derive(Debug)]
pub struct MadeEabKey {
    /// The key; its id is the `kid`.
    pub key: EabKey,
    /// The RA profile whose directories take it.
    pub ra_profile: RaProfile,
    /// The ACME profile of the one directory that takes it.
    pub acme_profile: Option<AcmeProfile>,
    /// The MAC key, base64url without padding, as clients are given it. Never shown again.
    pub secret: Zeroizing<String>,
}

impl Acme {
    /// Make an EAB key.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such RA or ACME profile within the actor's scope; [`Error::Rejected`] with every
    /// fault of names, counts and expiry, or when the two profiles make no directory; [`Error::Forbidden`] when the role may not.
    pub async fn create_eab_key(&self, actor: &Actor, origin: &Origin, new: NewEabKey) -> Result<MadeEabKey, Error> {
        let ra_profile = self.managed_ra_profile(actor, origin, &new.ra_profile).await?;
        let id = ra_profile.id;
        let done = self.make_eab_key(actor, origin, ra_profile, new).await;
        self.0.ra.told_of(actor, origin, Event::AcmeEabCreate, Some(id), None, done).await
    }

    async fn make_eab_key(
        &self,
        actor: &Actor,
        origin: &Origin,
        ra_profile: RaProfile,
        new: NewEabKey,
    ) -> Result<MadeEabKey, Error> {
        let now = self.0.now();
        let acme_profile = match &new.acme_profile {
            Some(reference) => Some(self.acme_profile(actor, origin, reference).await?),
            None => None,
        };
        let mut faults = faults(&new, now);
        if let Some(acme_profile) = &acme_profile
            && !self.serves(acme_profile, ra_profile.id).await?
        {
            faults.push(Rejection::State(format!(
                "ACME profile {} makes no directory with RA profile {}: activate it there first",
                acme_profile.name, ra_profile.name
            )));
        }
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        self.reaches_choices(actor, &ra_profile, acme_profile.as_ref()).await?;
        let mut secret = Zeroizing::new([0; 32]);
        self.0.ra.ports().rng.fill(&mut *secret);
        let id = self.0.new_id();
        let key = EabKey {
            id,
            ra_profile: ra_profile.id,
            acme_profile: acme_profile.as_ref().map(|profile| profile.id),
            description: new.description,
            names: new.names,
            sealed: self.0.secrets.seal(&eab::label(id), &*secret),
            uses: new.uses,
            used: 0,
            quota: new.quota,
            issued: 0,
            expires_at: new.expires_at,
            revoked_at: None,
            created_at: now,
        };
        let told = tell(actor, origin, Event::AcmeEabCreate, &key)
            .with("acmeProfile", key.acme_profile.map(|id| id.to_string()))
            .with("names", key.names.clone())
            .with("uses", key.uses)
            .with("quota", key.quota)
            .with("expires", key.expires_at.map(chancery_core::micros))
            .at(now);
        self.0.store.create_eab_key(key.clone(), told).await?;
        Ok(MadeEabKey { key, ra_profile, acme_profile, secret: Zeroizing::new(URL_SAFE_NO_PAD.encode(*secret)) })
    }

    /// The EAB keys of the RA profiles within the actor's scope, newest first, ended ones too.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the role may not; [`Error::Unavailable`] when the database does not answer.
    pub async fn eab_keys(&self, actor: &Actor, origin: &Origin) -> Result<Vec<EabKey>, Error> {
        self.0.ra.demand(actor, origin, Action::ReadProfiles).await?;
        let mut keys = self.0.store.eab_keys().await?;
        keys.retain(|key| actor.scope.contains(Some(key.ra_profile)));
        Ok(keys)
    }

    /// Accounts of a directory may order from every RA profile that its ACME profile offers: a limited credential hands out
    /// no key to what is beyond it.
    async fn reaches_choices(
        &self,
        actor: &Actor,
        ra_profile: &RaProfile,
        only: Option<&AcmeProfile>,
    ) -> Result<(), Error> {
        let profiles = match only {
            Some(profile) => vec![profile.clone()],
            None => self.0.store.acme_profiles().await?,
        };
        for profile in profiles {
            if !out_of_reach(actor, profile.settings.profiles.iter().copied()).is_empty()
                && self.serves(&profile, ra_profile.id).await?
            {
                return Err(Error::Forbidden(format!(
                    "a directory of RA profile {} offers RA profiles beyond those that this credential is limited to",
                    ra_profile.name
                )));
            }
        }
        Ok(())
    }

    /// Whether the two profiles make a directory.
    async fn serves(&self, acme_profile: &AcmeProfile, ra_profile: Uuid) -> Result<bool, Error> {
        let of = |activation: &Activation| (activation.acme_profile, activation.ra_profile);
        let activations = self.0.store.activations().await?;
        let activated = activations.iter().any(|activation| of(activation) == (acme_profile.id, ra_profile));
        Ok(activated || acme_profile.ra_profile == Some(ra_profile))
    }

    /// Revoke an EAB key: it binds no more accounts, and those that it bound get no more certificates.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none on an RA profile within the actor's scope; [`Error::Rejected`] when it was
    /// revoked before; [`Error::Forbidden`] when the role may not.
    pub async fn revoke_eab_key(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<(), Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let key = self.0.store.eab_key(id).await?;
        let key = key
            .filter(|key| actor.scope.contains(Some(key.ra_profile)))
            .ok_or_else(|| Error::not_found("EAB key", id))?;
        let now = self.0.now();
        let told = tell(actor, origin, Event::AcmeEabRevoke, &key).at(now);
        let done = match self.0.store.revoke_eab_key(id, now, told).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(state(format!("EAB key {id} was revoked before"))),
            Err(error) => Err(error.into()),
        };
        self.0.ra.told_of(actor, origin, Event::AcmeEabRevoke, Some(key.ra_profile), None, done).await
    }
}

/// Everything that is wrong with a new key.
fn faults(new: &NewEabKey, now: OffsetDateTime) -> Vec<Rejection> {
    let mut faults = Vec::new();
    let mut fault = |why: String| faults.push(Rejection::State(why));
    match &new.names {
        Some(names) if names.is_empty() => {
            fault("names: the list is empty, so the key could ask for nothing; leave it out for any name".into());
        }
        Some(names) if names.len() > MOST_NAMES => {
            fault(format!("names: {} names, more than {MOST_NAMES}; name a domain or a range instead", names.len()));
        }
        Some(names) => {
            let wrong = |name: &String| AllowedNames::parse(std::slice::from_ref(name)).err();
            names.iter().filter_map(wrong).for_each(|why| fault(format!("names: {why}")));
        }
        None => {}
    }
    if new.uses == Some(0) {
        fault("uses: 0 accounts could be bound; leave it out for any number".into());
    }
    if new.quota == Some(0) {
        fault("quota: no certificate could be issued; leave it out for any number".into());
    }
    if new.expires_at.is_some_and(|end| end <= now) {
        fault("expires: that instant is over already".into());
    }
    if new.description.chars().count() > 256 {
        fault("description: it has more than 256 characters".into());
    }
    faults
}

fn tell<'a>(actor: &'a Actor, origin: &'a Origin, event: Event, key: &EabKey) -> Telling<'a> {
    Telling::success(actor, origin, event)
        .profile(Some(key.ra_profile))
        .with("kid", key.id.to_string())
        .with("description", &*key.description)
}
