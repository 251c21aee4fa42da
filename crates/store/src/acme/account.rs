//! Accounts.

use chancery_acme::port::{KeyChanged, Registered};
use chancery_acme::{Account, AccountStatus, DirectoryId, Problem, ProblemType};
use chancery_core::{StoreError, instant, micros};
use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::code::Code;
use super::{authorization, eab, order};
use crate::connection::{AnyConnection, each};
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::acme_accounts as accounts;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = accounts, treat_none_as_default_value = false)]
struct AccountRow {
    id: Vec<u8>,
    acme_profile: Vec<u8>,
    ra_profile: Vec<u8>,
    status: String,
    thumbprint: Vec<u8>,
    jwk: String,
    key_identity: Vec<u8>,
    /// JSON array.
    contacts: String,
    terms_agreed_at: Option<i64>,
    eab_key: Option<Vec<u8>>,
    /// JSON.
    eab: Option<String>,
    disabled: i32,
    created_at: i64,
}

impl AccountRow {
    fn of(account: &Account) -> Result<Self, StoreError> {
        Ok(Self {
            id: bytes(&account.id),
            acme_profile: bytes(&account.directory.acme_profile),
            ra_profile: bytes(&account.directory.ra_profile),
            status: account.status.code().to_owned(),
            thumbprint: account.thumbprint.to_vec(),
            jwk: account.jwk.clone(),
            key_identity: account.key_identity.to_vec(),
            contacts: row::to_text(&account.contacts)?,
            terms_agreed_at: account.terms_agreed_at.map(micros),
            eab_key: account.eab_key.as_ref().map(bytes),
            eab: account.eab.as_ref().map(row::to_text).transpose()?,
            disabled: i32::from(account.disabled),
            created_at: micros(account.created_at),
        })
    }

    fn read(self) -> Result<Account, StoreError> {
        Ok(Account {
            id: row::id(&self.id)?,
            directory: DirectoryId {
                acme_profile: row::id(&self.acme_profile)?,
                ra_profile: row::id(&self.ra_profile)?,
            },
            status: AccountStatus::read(&self.status)?,
            thumbprint: row::hash(&self.thumbprint)?,
            jwk: self.jwk,
            key_identity: row::hash(&self.key_identity)?,
            contacts: row::from_text("contact list", &self.contacts)?,
            terms_agreed_at: self.terms_agreed_at.map(instant),
            eab_key: row::optional_id(self.eab_key)?,
            eab: self.eab.as_deref().map(|eab| row::from_text("account binding", eab)).transpose()?,
            disabled: self.disabled != 0,
            created_at: instant(self.created_at),
        })
    }
}

/// One by its id.
pub(super) fn find(c: &mut AnyConnection, id: Uuid) -> Result<Option<Account>, Failure> {
    let row: Option<AccountRow> =
        accounts::table.find(bytes(&id)).select(AccountRow::as_select()).first(c).optional()?;
    Ok(row.map(AccountRow::read).transpose()?)
}

/// One by its directory and key.
pub(super) fn by_key(
    c: &mut AnyConnection,
    directory: DirectoryId,
    thumbprint: &[u8; 32],
) -> Result<Option<Account>, Failure> {
    let row: Option<AccountRow> = accounts::table
        .filter(accounts::thumbprint.eq(thumbprint.to_vec()))
        .filter(accounts::acme_profile.eq(bytes(&directory.acme_profile)))
        .filter(accounts::ra_profile.eq(bytes(&directory.ra_profile)))
        .select(AccountRow::as_select())
        .first(c)
        .optional()?;
    Ok(row.map(AccountRow::read).transpose()?)
}

/// Whether any account has this key.
pub(super) fn is_key(c: &mut AnyConnection, key_identity: &[u8; 32]) -> Result<bool, Failure> {
    let found: Option<Vec<u8>> = accounts::table
        .filter(accounts::key_identity.eq(key_identity.to_vec()))
        .select(accounts::id)
        .first(c)
        .optional()?;
    Ok(found.is_some())
}

/// A new one: the index over directory and key decides who was first.
pub(super) fn create(c: &mut AnyConnection, account: &Account) -> Result<Registered, Failure> {
    let row = AccountRow::of(account)?;
    let made =
        each!(c, c => diesel::insert_into(accounts::table).values(&row).on_conflict_do_nothing().execute(c))? == 1;
    if !made {
        let existing = by_key(c, account.directory, &account.thumbprint)?
            .ok_or_else(|| StoreError::Internal("an account is in the way that is not there".to_owned()))?;
        return Ok(Registered::Existing(Box::new(existing)));
    }
    let bound = match account.eab_key {
        Some(key) => eab::use_once(c, key, account.directory, account.created_at)?,
        None => true,
    };
    if !bound {
        diesel::delete(accounts::table.find(bytes(&account.id))).execute(c)?;
        return Ok(Registered::EabSpent);
    }
    Ok(Registered::New)
}

/// Other contacts; agreement to the terms is added, never taken away.
pub(super) fn update(
    c: &mut AnyConnection,
    id: Uuid,
    contacts: &[String],
    terms_agreed_at: Option<OffsetDateTime>,
) -> Result<bool, Failure> {
    let contacts = row::to_text(&contacts)?;
    let valid = accounts::table.find(bytes(&id)).filter(accounts::status.eq(AccountStatus::Valid.code()));
    let updated = match terms_agreed_at {
        Some(at) => diesel::update(valid)
            .set((accounts::contacts.eq(contacts), accounts::terms_agreed_at.eq(Some(micros(at)))))
            .execute(c)?,
        None => diesel::update(valid).set(accounts::contacts.eq(contacts)).execute(c)?,
    };
    Ok(updated == 1)
}

/// End a valid one with its open and processing orders and its authorizations. An order that is being finalized is decided by its row:
/// whoever changes that first.
pub(super) fn end(c: &mut AnyConnection, id: Uuid, status: AccountStatus, at: OffsetDateTime) -> Result<bool, Failure> {
    let valid = accounts::table.find(bytes(&id)).filter(accounts::status.eq(AccountStatus::Valid.code()));
    let ended = diesel::update(valid)
        .set((accounts::status.eq(status.code()), accounts::ended_at.eq(Some(micros(at)))))
        .execute(c)?
        == 1;
    if ended {
        let why = format!("the account is {}", status.code());
        let why = Problem::new(ProblemType::Unauthorized, why);
        order::fail_open(c, id, &why)?;
        order::fail_processing(c, id, &why)?;
        authorization::deactivate_all(c, id)?;
    }
    Ok(ended)
}

/// Switch off or on. What waits for an approval is not issued to one that was switched off, even if it comes back.
pub(super) fn disable(c: &mut AnyConnection, id: Uuid, disabled: bool) -> Result<bool, Failure> {
    let other = accounts::table.find(bytes(&id)).filter(accounts::disabled.eq(i32::from(!disabled)));
    let changed = diesel::update(other).set(accounts::disabled.eq(i32::from(disabled))).execute(c)? == 1;
    if changed && disabled {
        let why = Problem::new(ProblemType::Unauthorized, "the account was switched off while the order waited");
        order::fail_processing(c, id, &why)?;
    }
    Ok(changed)
}

/// Another key for a valid account; [`StoreError::Duplicate`] when another account got it meanwhile.
pub(super) fn change_key(c: &mut AnyConnection, account: &Account, old: &[u8; 32]) -> Result<KeyChanged, Failure> {
    if let Some(other) = by_key(c, account.directory, &account.thumbprint)? {
        return Ok(KeyChanged::InUse(other.id));
    }
    let before = accounts::table
        .find(bytes(&account.id))
        .filter(accounts::status.eq(AccountStatus::Valid.code()))
        .filter(accounts::thumbprint.eq(old.to_vec()));
    let changed = diesel::update(before)
        .set((
            accounts::thumbprint.eq(account.thumbprint.to_vec()),
            accounts::jwk.eq(&account.jwk),
            accounts::key_identity.eq(account.key_identity.to_vec()),
        ))
        .execute(c)?;
    Ok(if changed == 1 { KeyChanged::Done } else { KeyChanged::Stale })
}

/// A page of them, newest first.
pub(super) fn list(
    c: &mut AnyConnection,
    acme_profile: Option<Uuid>,
    ra_profiles: Option<&[Uuid]>,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Account>, Failure> {
    let mut wanted = accounts::table.into_boxed();
    if let Some(profile) = acme_profile {
        wanted = wanted.filter(accounts::acme_profile.eq(bytes(&profile)));
    }
    if let Some(profiles) = ra_profiles {
        wanted = wanted.filter(accounts::ra_profile.eq_any(profiles.iter().map(bytes).collect::<Vec<_>>()));
    }
    if let Some(after) = after {
        wanted = wanted.filter(accounts::id.lt(bytes(&after)));
    }
    let rows: Vec<AccountRow> =
        wanted.order(accounts::id.desc()).limit(i64::from(limit)).select(AccountRow::as_select()).load(c)?;
    Ok(rows.into_iter().map(AccountRow::read).collect::<Result<_, _>>()?)
}
