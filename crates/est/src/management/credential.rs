//! EST users and codes: made here; a code is handed out once.

use chancery_core::audit::{Event, Telling};
use chancery_core::{Action, Actor, Error, Origin, ProfileRef, RaProfile, Rejection, StoreError};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::state;
use crate::credential::{CODE_PREFIX, code_hash, new_code};
use crate::{AllowedNames, Est, EstCode, EstUser, Grant};

/// Most names of one credential.
const MOST_NAMES: usize = 1_000;
/// A password is at least this long (characters). It guards against slips, not against bad choices.
const SHORTEST_PASSWORD: usize = 8;
/// And at most this long (bytes): it stands in a header.
const LONGEST_PASSWORD: usize = 1_024;

/// What a new user or code may.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// The RA profile that it may enrol with.
    pub ra_profile: ProfileRef,
    /// The name by which its holder is known: the user of HTTP Basic.
    pub name: String,
    /// Names that it may ask for, as [`AllowedNames`] reads them; `None`: its own name only.
    pub names: Option<Vec<String>>,
    /// How many certificates it may get; `None`: any number (of a code: one).
    pub uses: Option<u32>,
    /// Not after this instant; `None`: until it is revoked.
    pub expires_at: Option<OffsetDateTime>,
}

/// A new user.
#[derive(Debug)]
pub struct NewEstUser {
    /// What it may.
    pub grant: NewGrant,
    /// Its password, which is not kept.
    pub password: Zeroizing<String>,
}

/// A new code.
#[derive(Clone, Debug)]
pub struct NewEstCode {
    /// What it may.
    pub grant: NewGrant,
}

/// A code as it is handed out.
#[derive(Debug)]
pub struct MadeEstCode {
    /// What is known of it.
    pub code: EstCode,
    /// The RA profile that it may enrol with.
    pub ra_profile: RaProfile,
    /// Its text, the password of HTTP Basic. Never shown again.
    pub secret: Zeroizing<String>,
}

impl Est {
    /// Make a user.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such RA profile within the actor's scope; [`Error::Rejected`] with every fault
    /// of name, password, names, uses and expiry; [`Error::Conflict`] when the name is taken; [`Error::Forbidden`] when the
    /// role may not.
    pub async fn create_est_user(
        &self,
        actor: &Actor,
        origin: &Origin,
        new: NewEstUser,
    ) -> Result<(EstUser, RaProfile), Error> {
        let ra_profile = self.managed_ra_profile(actor, origin, &new.grant.ra_profile).await?;
        let id = ra_profile.id;
        let done = self.make_est_user(actor, origin, ra_profile, new).await;
        self.0.ra.told_of(actor, origin, Event::EstUserCreate, Some(id), None, done).await
    }

    async fn make_est_user(
        &self,
        actor: &Actor,
        origin: &Origin,
        ra_profile: RaProfile,
        new: NewEstUser,
    ) -> Result<(EstUser, RaProfile), Error> {
        let now = self.0.now();
        let mut faults = faults(&new.grant, now);
        faults.extend(password_fault(&new.password));
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        let password = self.0.passwords.hash(new.password, &*self.0.ra.ports().rng).await?;
        let user = EstUser { grant: self.grant(&ra_profile, new.grant, now), password };
        let told = tell(actor, origin, Event::EstUserCreate, &user.grant).at(now);
        self.0.store.create_est_user(user.clone(), told).await.map_err(|error| match error {
            StoreError::Duplicate(_) => Error::Conflict(format!(
                "RA profile {} has an EST user {:?} already: delete that one first, or take another name",
                ra_profile.name, user.grant.name
            )),
            error => error.into(),
        })?;
        Ok((user, ra_profile))
    }

    /// Make a one-time code.
    ///
    /// # Errors
    /// As [`Est::create_est_user`].
    pub async fn create_est_code(&self, actor: &Actor, origin: &Origin, new: NewEstCode) -> Result<MadeEstCode, Error> {
        let ra_profile = self.managed_ra_profile(actor, origin, &new.grant.ra_profile).await?;
        let id = ra_profile.id;
        let done = self.make_est_code(actor, origin, ra_profile, new).await;
        self.0.ra.told_of(actor, origin, Event::EstCodeCreate, Some(id), None, done).await
    }

    async fn make_est_code(
        &self,
        actor: &Actor,
        origin: &Origin,
        ra_profile: RaProfile,
        new: NewEstCode,
    ) -> Result<MadeEstCode, Error> {
        let now = self.0.now();
        let faults = faults(&new.grant, now);
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        let mut chance = Zeroizing::new([0; 20]);
        self.0.ra.ports().rng.fill(&mut *chance);
        let secret = new_code(&chance);
        let mut grant = self.grant(&ra_profile, new.grant, now);
        grant.uses = Some(grant.uses.unwrap_or(1));
        let code = EstCode { grant, hash: code_hash(&self.0.config.code_key, &secret), mismatches: 0 };
        let told = tell(actor, origin, Event::EstCodeCreate, &code.grant).at(now);
        self.0.store.create_est_code(code.clone(), told).await?;
        Ok(MadeEstCode { code, ra_profile, secret })
    }

    fn grant(&self, ra_profile: &RaProfile, new: NewGrant, now: OffsetDateTime) -> Grant {
        Grant {
            id: self.0.new_id(),
            ra_profile: ra_profile.id,
            name: new.name,
            names: new.names,
            uses: new.uses,
            used: 0,
            expires_at: new.expires_at,
            revoked_at: None,
            created_at: now,
        }
    }

    /// The users of the RA profiles within the actor's scope, newest first, deleted ones too.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the role may not; [`Error::Unavailable`] when the database does not answer.
    pub async fn est_users(&self, actor: &Actor, origin: &Origin) -> Result<Vec<EstUser>, Error> {
        self.0.ra.demand(actor, origin, Action::ReadProfiles).await?;
        let mut users = self.0.store.est_users().await?;
        users.retain(|user| actor.scope.contains(Some(user.grant.ra_profile)));
        Ok(users)
    }

    /// The codes of the RA profiles within the actor's scope, newest first, ended ones too.
    ///
    /// # Errors
    /// As [`Est::est_users`].
    pub async fn est_codes(&self, actor: &Actor, origin: &Origin) -> Result<Vec<EstCode>, Error> {
        self.0.ra.demand(actor, origin, Action::ReadProfiles).await?;
        let mut codes = self.0.store.est_codes().await?;
        codes.retain(|code| actor.scope.contains(Some(code.grant.ra_profile)));
        Ok(codes)
    }

    /// End a user at once. What it got stays in force.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none on an RA profile within the actor's scope; [`Error::Rejected`] when it was
    /// ended before; [`Error::Forbidden`] when the role may not.
    pub async fn revoke_est_user(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<(), Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let users = self.est_users(actor, origin).await?.into_iter().map(|user| user.grant);
        self.revoke_grant(actor, origin, Event::EstUserRevoke, "EST user", id, users.collect()).await
    }

    /// End a code at once.
    ///
    /// # Errors
    /// As [`Est::revoke_est_user`].
    pub async fn revoke_est_code(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<(), Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let codes = self.est_codes(actor, origin).await?.into_iter().map(|code| code.grant);
        self.revoke_grant(actor, origin, Event::EstCodeRevoke, "EST code", id, codes.collect()).await
    }

    async fn revoke_grant(
        &self,
        actor: &Actor,
        origin: &Origin,
        event: Event,
        what: &'static str,
        id: Uuid,
        grants: Vec<Grant>,
    ) -> Result<(), Error> {
        let grant = grants.into_iter().find(|grant| grant.id == id).ok_or_else(|| Error::not_found(what, id))?;
        let now = self.0.now();
        let told = tell(actor, origin, event, &grant).at(now);
        let revoked = match event {
            Event::EstUserRevoke => self.0.store.revoke_est_user(id, now, told).await,
            _ => self.0.store.revoke_est_code(id, now, told).await,
        };
        let done = match revoked {
            Ok(true) => Ok(()),
            Ok(false) => Err(state(format!("{what} {id} was ended before"))),
            Err(error) => Err(error.into()),
        };
        self.0.ra.told_of(actor, origin, event, Some(grant.ra_profile), None, done).await
    }
}

/// Everything that is wrong with a new credential.
fn faults(new: &NewGrant, now: OffsetDateTime) -> Vec<Rejection> {
    let mut faults = Vec::new();
    let mut fault = |why: String| faults.push(Rejection::State(why));
    if let Some(why) = name_fault(&new.name) {
        fault(why);
    }
    match &new.names {
        Some(names) if names.is_empty() => {
            fault("names: the list is empty, so it could ask for nothing; leave it out for its own name".into());
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
        fault("uses: no certificate could be issued; leave it out".into());
    }
    if new.expires_at.is_some_and(|end| end <= now) {
        fault("expires: that instant is over already".into());
    }
    faults
}

/// It stands in the trail as the actor, and before the colon of HTTP Basic (RFC 7617 section 2).
fn name_fault(name: &str) -> Option<String> {
    let reserved = ["system", "anonymous"].contains(&name) || name.starts_with("local:");
    let fits = (1..=128).contains(&name.chars().count())
        && !name.chars().any(|c| c.is_control() || c == ':')
        && name.trim() == name;
    (reserved || !fits).then(|| {
        "name: 1 to 128 printable characters without a colon, and not system or anonymous: it is the user of HTTP Basic"
            .into()
    })
}

fn password_fault(password: &str) -> Option<Rejection> {
    let why = if password.chars().count() < SHORTEST_PASSWORD {
        format!("it has fewer than {SHORTEST_PASSWORD} characters")
    } else if password.len() > LONGEST_PASSWORD {
        format!("it has more than {LONGEST_PASSWORD} bytes")
    } else if password.chars().any(char::is_control) {
        "it has a control character".into()
    } else if password.starts_with(CODE_PREFIX) {
        format!("it begins with {CODE_PREFIX}, as codes do")
    } else {
        return None;
    };
    Some(Rejection::State(format!("password: {why}")))
}

fn tell<'a>(actor: &'a Actor, origin: &'a Origin, event: Event, grant: &Grant) -> Telling<'a> {
    let telling = Telling::success(actor, origin, event)
        .profile(Some(grant.ra_profile))
        .with("credential", grant.id.to_string())
        .with("name", &*grant.name);
    if matches!(event, Event::EstUserRevoke | Event::EstCodeRevoke) {
        return telling;
    }
    telling
        .with("names", grant.names.clone())
        .with("uses", grant.uses)
        .with("expires", grant.expires_at.map(chancery_core::micros))
}
