//! One-time challenges: made here, handed out once.

use chancery_core::audit::{Event, Telling};
use chancery_core::{Action, Actor, Error, Origin, ProfileRef, RaProfile, Rejection};
use chancery_pki::{GeneralName, Name};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::state;
use crate::challenge::generate;
use crate::{Challenge, Scep, ScepSettings};

/// Most names of one challenge.
const MOST_NAMES: usize = 100;
/// Most challenges of a list.
const MOST_LISTED: u32 = 1_000;
/// Longest life of a challenge.
const LONGEST: Duration = Duration::days(366);

/// A new challenge.
#[derive(Clone, Debug)]
pub struct NewChallenge {
    /// The RA profile at whose doors it counts.
    pub ra_profile: ProfileRef,
    /// The subject that may be asked for; `None`, without names too: whatever the RA profile allows.
    pub subject: Option<Name>,
    /// The alternative names that may be asked for.
    pub names: Option<Vec<GeneralName>>,
    /// For people.
    pub description: String,
    /// Not after this instant; `None`: as long as the SCEP profile says.
    pub expires_at: Option<OffsetDateTime>,
}

/// A challenge as it is handed out.
#[derive(Debug)]
pub struct MadeChallenge {
    /// What is kept of it.
    pub challenge: Challenge,
    /// The RA profile at whose doors it counts.
    pub ra_profile: RaProfile,
    /// Its text. Never shown again.
    pub text: Zeroizing<String>,
}

impl Scep {
    /// Make a one-time challenge.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such RA profile within the actor's scope; [`Error::Rejected`] with every fault,
    /// and when the RA profile has no SCEP door; [`Error::Forbidden`] when the role may not.
    pub async fn create_challenge(
        &self,
        actor: &Actor,
        origin: &Origin,
        new: NewChallenge,
    ) -> Result<MadeChallenge, Error> {
        let ra_profile = self.managed_ra_profile(actor, origin, &new.ra_profile).await?;
        let id = ra_profile.id;
        let done = self.make_challenge(actor, origin, ra_profile, new).await;
        self.0.ra.told_of(actor, origin, Event::ScepChallengeCreate, Some(id), None, done).await
    }

    async fn make_challenge(
        &self,
        actor: &Actor,
        origin: &Origin,
        ra_profile: RaProfile,
        new: NewChallenge,
    ) -> Result<MadeChallenge, Error> {
        let now = self.0.now();
        let Some(settings) = self.settings_of(&ra_profile).await? else {
            return Err(state(format!(
                "RA profile {} has no SCEP door: open one with `chancery scep profile activate` first",
                ra_profile.name
            )));
        };
        let expires_at = new.expires_at.unwrap_or(now + Duration::seconds(settings.challenge_lifetime.into()));
        let faults = faults(&new, expires_at, now);
        if !faults.is_empty() {
            return Err(Error::Rejected(faults));
        }
        let text = generate(&*self.0.ra.ports().rng);
        let lookup = self.0.hasher.lookup(&text).ok_or_else(|| Error::internal("a challenge of ours is too long"))?;
        let challenge = Challenge {
            id: self.0.new_id(),
            ra_profile: ra_profile.id,
            lookup,
            subject: new.subject.as_ref().map(ToString::to_string),
            names: new.names.map(|names| names.iter().map(ToString::to_string).collect()),
            description: new.description,
            expires_at,
            mismatches: 0,
            used_at: None,
            revoked_at: None,
            created_at: now,
        };
        let told = tell(actor, origin, Event::ScepChallengeCreate, &challenge)
            .with("subject", challenge.subject.clone())
            .with("names", challenge.names.clone())
            .with("expires", chancery_core::micros(expires_at))
            .at(now);
        self.0.store.create_challenge(challenge.clone(), told).await?;
        Ok(MadeChallenge { challenge, ra_profile, text })
    }

    /// How the RA profile's door behaves; `None` when it has none.
    async fn settings_of(&self, ra_profile: &RaProfile) -> Result<Option<ScepSettings>, Error> {
        let doors = self.all_doors().await?;
        let mut own: Vec<_> = doors.into_iter().filter(|door| door.id.ra_profile == ra_profile.id).collect();
        own.sort_by_key(|door| door.activation.is_none());
        Ok(own.first().map(|door| door.scep_profile.settings.clone()))
    }

    /// The challenges of the RA profiles within the actor's scope, newest first, ended ones too.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when the role may not; [`Error::Unavailable`] when the database does not answer.
    pub async fn challenges(&self, actor: &Actor, origin: &Origin) -> Result<Vec<Challenge>, Error> {
        self.0.ra.demand(actor, origin, Action::ReadProfiles).await?;
        let mut challenges = self.0.store.challenges(MOST_LISTED).await?;
        challenges.retain(|challenge| actor.scope.contains(Some(challenge.ra_profile)));
        Ok(challenges)
    }

    /// Revoke a challenge that was not used.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none on an RA profile within the actor's scope; [`Error::Rejected`] when it was used
    /// or revoked before; [`Error::Forbidden`] when the role may not.
    pub async fn revoke_challenge(&self, actor: &Actor, origin: &Origin, id: Uuid) -> Result<(), Error> {
        self.0.ra.demand(actor, origin, Action::ManageProfiles).await?;
        let known = self.challenges(actor, origin).await?.into_iter().find(|challenge| challenge.id == id);
        let known = known.ok_or_else(|| Error::not_found("SCEP challenge", id))?;
        let now = self.0.now();
        let told = tell(actor, origin, Event::ScepChallengeRevoke, &known).at(now);
        let done = match self.0.store.revoke_challenge(id, now, told).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(state(format!("SCEP challenge {id} was used or revoked before"))),
            Err(error) => Err(error.into()),
        };
        self.0.ra.told_of(actor, origin, Event::ScepChallengeRevoke, Some(known.ra_profile), None, done).await
    }
}

/// Everything that is wrong with a new challenge.
fn faults(new: &NewChallenge, expires_at: OffsetDateTime, now: OffsetDateTime) -> Vec<Rejection> {
    let mut faults = Vec::new();
    let mut fault = |why: String| faults.push(Rejection::State(why));
    match &new.names {
        Some(names) if names.is_empty() && new.subject.is_none() => {
            fault("names: the list is empty, so nothing could be asked for; leave it out for any name".into());
        }
        Some(names) if names.len() > MOST_NAMES => {
            fault(format!("names: {} names, more than {MOST_NAMES}", names.len()))
        }
        Some(_) | None => {}
    }
    if expires_at <= now {
        fault("expires: that instant is over already".into());
    }
    if expires_at > now + LONGEST {
        fault(format!("expires: a challenge lives {} days at the most", LONGEST.whole_days()));
    }
    if new.description.chars().count() > 256 {
        fault("description: it has more than 256 characters".into());
    }
    faults
}

fn tell<'a>(actor: &'a Actor, origin: &'a Origin, event: Event, challenge: &Challenge) -> Telling<'a> {
    Telling::success(actor, origin, event)
        .profile(Some(challenge.ra_profile))
        .with("challenge", challenge.id.to_string())
        .with("description", &*challenge.description)
}
