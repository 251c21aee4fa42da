//! SCEP profiles and activations.

use chancery_core::{StoreError, Unique, instant, micros};
use chancery_scep::{Activation, ScepProfile};
use diesel::prelude::*;
use uuid::Uuid;

use crate::connection::{AnyConnection, each};
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::{scep_activations as activations, scep_profiles as profiles};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = profiles, treat_none_as_default_value = false, treat_none_as_null = true)]
struct ProfileRow {
    id: Vec<u8>,
    name: String,
    description: Option<String>,
    enabled: i32,
    ra_profile: Option<Vec<u8>>,
    sealed_challenge: Option<Vec<u8>>,
    /// JSON.
    settings: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl ProfileRow {
    fn of(profile: &ScepProfile) -> Result<Self, StoreError> {
        Ok(Self {
            id: bytes(&profile.id),
            name: profile.name.clone(),
            description: profile.description.clone(),
            enabled: i32::from(profile.enabled),
            ra_profile: profile.ra_profile.as_ref().map(bytes),
            sealed_challenge: profile.sealed_challenge.clone(),
            settings: row::to_text(&profile.settings)?,
            version: profile.version,
            created_at: micros(profile.created_at),
            updated_at: micros(profile.updated_at),
        })
    }

    fn read(self) -> Result<ScepProfile, StoreError> {
        Ok(ScepProfile {
            id: row::id(&self.id)?,
            name: self.name,
            description: self.description,
            enabled: self.enabled != 0,
            ra_profile: row::optional_id(self.ra_profile)?,
            sealed_challenge: self.sealed_challenge,
            settings: row::from_text("SCEP profile's settings", &self.settings)?,
            version: self.version,
            created_at: instant(self.created_at),
            updated_at: instant(self.updated_at),
        })
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = activations, treat_none_as_default_value = false, treat_none_as_null = true)]
struct ActivationRow {
    ra_profile: Vec<u8>,
    scep_profile: Vec<u8>,
    issue_attributes: Option<String>,
    created_at: i64,
}

impl ActivationRow {
    fn of(activation: &Activation) -> Result<Self, StoreError> {
        Ok(Self {
            ra_profile: bytes(&activation.ra_profile),
            scep_profile: bytes(&activation.scep_profile),
            issue_attributes: row::attributes_to_text(&activation.issue_attributes)?,
            created_at: micros(activation.created_at),
        })
    }

    fn read(self) -> Result<Activation, StoreError> {
        Ok(Activation {
            ra_profile: row::id(&self.ra_profile)?,
            scep_profile: row::id(&self.scep_profile)?,
            issue_attributes: row::attributes(self.issue_attributes.as_deref())?,
            created_at: instant(self.created_at),
        })
    }
}

/// All, by name.
pub(super) fn list(c: &mut AnyConnection) -> Result<Vec<ScepProfile>, Failure> {
    let rows: Vec<ProfileRow> = profiles::table.order(profiles::name).select(ProfileRow::as_select()).load(c)?;
    Ok(rows.into_iter().map(ProfileRow::read).collect::<Result<_, _>>()?)
}

/// A new one.
pub(super) fn create(c: &mut AnyConnection, profile: &ScepProfile) -> Result<(), Failure> {
    diesel::insert_into(profiles::table).values(ProfileRow::of(profile)?).execute(c)?;
    Ok(())
}

/// Replace the version before.
pub(super) fn update(c: &mut AnyConnection, profile: &ScepProfile) -> Result<bool, Failure> {
    let before = profiles::table.find(bytes(&profile.id)).filter(profiles::version.eq(profile.version - 1));
    Ok(diesel::update(before).set(ProfileRow::of(profile)?).execute(c)? == 1)
}

/// Delete one that nothing needs.
pub(super) fn delete(c: &mut AnyConnection, id: Uuid) -> Result<bool, Failure> {
    let id = bytes(&id);
    let activated: Option<Vec<u8>> = activations::table
        .filter(activations::scep_profile.eq(&id))
        .select(activations::ra_profile)
        .first(c)
        .optional()?;
    if activated.is_some() {
        return Err(StoreError::Duplicate(Unique::Other).into());
    }
    Ok(diesel::delete(profiles::table.find(id)).execute(c)? == 1)
}

/// Every activation.
pub(super) fn activations(c: &mut AnyConnection) -> Result<Vec<Activation>, Failure> {
    let rows: Vec<ActivationRow> =
        activations::table.order(activations::ra_profile).select(ActivationRow::as_select()).load(c)?;
    Ok(rows.into_iter().map(ActivationRow::read).collect::<Result<_, _>>()?)
}

/// A new activation, or another in its place.
pub(super) fn activate(c: &mut AnyConnection, activation: &Activation) -> Result<(), Failure> {
    let row = ActivationRow::of(activation)?;
    each!(c, c => diesel::insert_into(activations::table)
        .values(&row)
        .on_conflict(activations::ra_profile)
        .do_update()
        .set(&row)
        .execute(c))?;
    Ok(())
}

/// Take it away.
pub(super) fn deactivate(c: &mut AnyConnection, ra_profile: Uuid) -> Result<(), Failure> {
    diesel::delete(activations::table.find(bytes(&ra_profile))).execute(c)?;
    Ok(())
}
