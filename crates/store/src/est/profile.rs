//! EST profiles and activations.

use chancery_core::{StoreError, Unique, instant, micros};
use chancery_est::{EstActivation, EstProfile};
use diesel::prelude::*;
use uuid::Uuid;

use crate::connection::{AnyConnection, each};
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::{est_activations as activations, est_profiles as profiles};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = profiles, treat_none_as_default_value = false, treat_none_as_null = true)]
struct ProfileRow {
    id: Vec<u8>,
    name: String,
    description: Option<String>,
    enabled: i32,
    ra_profile: Option<Vec<u8>>,
    /// JSON.
    settings: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl ProfileRow {
    fn of(profile: &EstProfile) -> Result<Self, StoreError> {
        Ok(Self {
            id: bytes(&profile.id),
            name: profile.name.clone(),
            description: profile.description.clone(),
            enabled: i32::from(profile.enabled),
            ra_profile: profile.ra_profile.as_ref().map(bytes),
            settings: row::to_text(&profile.settings)?,
            version: profile.version,
            created_at: micros(profile.created_at),
            updated_at: micros(profile.updated_at),
        })
    }

    fn read(self) -> Result<EstProfile, StoreError> {
        Ok(EstProfile {
            id: row::id(&self.id)?,
            name: self.name,
            description: self.description,
            enabled: self.enabled != 0,
            ra_profile: row::optional_id(self.ra_profile)?,
            settings: row::from_text("EST profile's settings", &self.settings)?,
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
    est_profile: Vec<u8>,
    unlabelled: i32,
    issue_attributes: Option<String>,
    created_at: i64,
}

impl ActivationRow {
    fn of(activation: &EstActivation) -> Result<Self, StoreError> {
        Ok(Self {
            ra_profile: bytes(&activation.ra_profile),
            est_profile: bytes(&activation.est_profile),
            unlabelled: i32::from(activation.unlabelled),
            issue_attributes: row::attributes_to_text(&activation.issue_attributes)?,
            created_at: micros(activation.created_at),
        })
    }

    fn read(self) -> Result<EstActivation, StoreError> {
        Ok(EstActivation {
            ra_profile: row::id(&self.ra_profile)?,
            est_profile: row::id(&self.est_profile)?,
            unlabelled: self.unlabelled != 0,
            issue_attributes: row::attributes(self.issue_attributes.as_deref())?,
            created_at: instant(self.created_at),
        })
    }
}

/// All, by name.
pub(super) fn list(c: &mut AnyConnection) -> Result<Vec<EstProfile>, Failure> {
    let rows: Vec<ProfileRow> = profiles::table.order(profiles::name).select(ProfileRow::as_select()).load(c)?;
    Ok(rows.into_iter().map(ProfileRow::read).collect::<Result<_, _>>()?)
}

/// A new one.
pub(super) fn create(c: &mut AnyConnection, profile: &EstProfile) -> Result<(), Failure> {
    diesel::insert_into(profiles::table).values(ProfileRow::of(profile)?).execute(c)?;
    Ok(())
}

/// Replace the version before.
pub(super) fn update(c: &mut AnyConnection, profile: &EstProfile) -> Result<bool, Failure> {
    let before = profiles::table.find(bytes(&profile.id)).filter(profiles::version.eq(profile.version - 1));
    Ok(diesel::update(before).set(ProfileRow::of(profile)?).execute(c)? == 1)
}

/// Delete one that nothing needs.
pub(super) fn delete(c: &mut AnyConnection, id: Uuid) -> Result<bool, Failure> {
    let id = bytes(&id);
    let activated: Option<Vec<u8>> = activations::table
        .filter(activations::est_profile.eq(&id))
        .select(activations::ra_profile)
        .first(c)
        .optional()?;
    if activated.is_some() {
        return Err(StoreError::Duplicate(Unique::Other).into());
    }
    Ok(diesel::delete(profiles::table.find(id)).execute(c)? == 1)
}

/// Every activation.
pub(super) fn activations(c: &mut AnyConnection) -> Result<Vec<EstActivation>, Failure> {
    let rows: Vec<ActivationRow> =
        activations::table.order(activations::ra_profile).select(ActivationRow::as_select()).load(c)?;
    Ok(rows.into_iter().map(ActivationRow::read).collect::<Result<_, _>>()?)
}

/// A new activation, or another in its place. At most one answers without a label: the newest that is to.
pub(super) fn activate(c: &mut AnyConnection, activation: &EstActivation) -> Result<(), Failure> {
    let row = ActivationRow::of(activation)?;
    if activation.unlabelled {
        let others = activations::table.filter(activations::ra_profile.ne(&row.ra_profile));
        diesel::update(others.filter(activations::unlabelled.eq(1))).set(activations::unlabelled.eq(0)).execute(c)?;
    }
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
