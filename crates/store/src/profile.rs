//! RA profiles.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chancery_core::audit::AuditEntry;
use chancery_core::port::ProfileStore;
use chancery_core::{Door, RaProfile, Stale, StoreError, instant, micros};
use diesel::prelude::*;
use uuid::Uuid;

use crate::Store;
use crate::connection::AnyConnection;
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::ra_profiles;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = ra_profiles, treat_none_as_default_value = false, treat_none_as_null = true)]
struct ProfileRow {
    id: Vec<u8>,
    name: String,
    description: Option<String>,
    enabled: i32,
    authority: Vec<u8>,
    /// JSON array of door names.
    doors: String,
    /// JSON array of attribute values.
    attributes: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

impl ProfileRow {
    fn of(profile: &RaProfile) -> Result<Self, StoreError> {
        Ok(Self {
            id: bytes(&profile.id),
            name: profile.name.clone(),
            description: profile.description.clone(),
            enabled: i32::from(profile.enabled),
            authority: bytes(&profile.authority),
            doors: row::to_text(&profile.doors)?,
            attributes: row::to_text(&profile.attributes)?,
            version: profile.version,
            created_at: micros(profile.created_at),
            updated_at: micros(profile.updated_at),
        })
    }

    fn read(self) -> Result<RaProfile, StoreError> {
        Ok(RaProfile {
            id: row::id(&self.id)?,
            name: self.name,
            description: self.description,
            enabled: self.enabled != 0,
            authority: row::id(&self.authority)?,
            doors: row::from_text::<BTreeSet<Door>>("doors", &self.doors)?,
            attributes: row::attributes(Some(&self.attributes))?,
            version: self.version,
            created_at: instant(self.created_at),
            updated_at: instant(self.updated_at),
        })
    }
}

#[async_trait]
impl ProfileStore for Store {
    async fn profiles(&self) -> Result<Vec<RaProfile>, StoreError> {
        self.read(|c| {
            let rows: Vec<ProfileRow> =
                ra_profiles::table.order(ra_profiles::name).select(ProfileRow::as_select()).load(c)?;
            Ok(rows.into_iter().map(ProfileRow::read).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn profile(&self, id: Uuid) -> Result<Option<RaProfile>, StoreError> {
        self.read(move |c| {
            let row: Option<ProfileRow> =
                ra_profiles::table.find(bytes(&id)).select(ProfileRow::as_select()).first(c).optional()?;
            Ok(row.map(ProfileRow::read).transpose()?)
        })
        .await
    }

    async fn profile_by_name(&self, name: &str) -> Result<Option<RaProfile>, StoreError> {
        let name = name.to_owned();
        self.read(move |c| {
            let row: Option<ProfileRow> = ra_profiles::table
                .filter(ra_profiles::name.eq(&name))
                .select(ProfileRow::as_select())
                .first(c)
                .optional()?;
            Ok(row.map(ProfileRow::read).transpose()?)
        })
        .await
    }

    async fn create_profile(&self, profile: RaProfile, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            diesel::insert_into(ra_profiles::table).values(ProfileRow::of(&profile)?).execute(c)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn update_profile(&self, profile: RaProfile, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            update(c, &profile)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn delete_profile(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| {
            let deleted = diesel::delete(ra_profiles::table.find(bytes(&id))).execute(c)? == 1;
            if deleted {
                told.push(audit.clone());
            }
            Ok(deleted)
        })
        .await
    }
}

/// Replace the version before; [`Stale::Profile`] when it is another by now.
pub(crate) fn update(c: &mut AnyConnection, profile: &RaProfile) -> Result<(), Failure> {
    let before = ra_profiles::table.find(bytes(&profile.id)).filter(ra_profiles::version.eq(profile.version - 1));
    if diesel::update(before).set(ProfileRow::of(profile)?).execute(c)? == 0 {
        return Err(StoreError::Stale(Stale::Profile).into());
    }
    Ok(())
}
