//! Users.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chancery_core::audit::AuditEntry;
use chancery_core::port::UserStore;
use chancery_core::{OidcSubject, Scope, StoreError, UserCertificate, UserRecord, instant, micros};
use diesel::prelude::*;
use uuid::Uuid;

use crate::Store;
use crate::row::{self, bytes};
use crate::schema::users;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
struct UserRow {
    id: Vec<u8>,
    name: String,
    role: String,
    /// JSON array of RA profile ids; NULL is everything.
    scope: Option<String>,
    certificate_fingerprint: Option<Vec<u8>>,
    certificate_key_hash: Option<Vec<u8>>,
    certificate_subject: Option<String>,
    oidc_issuer: Option<String>,
    oidc_subject: Option<String>,
    enabled: i32,
    created_at: i64,
}

impl UserRow {
    fn of(user: &UserRecord) -> Result<Self, StoreError> {
        let (certificate, oidc) = (user.certificate.as_ref(), user.oidc.as_ref());
        Ok(Self {
            id: bytes(&user.id),
            name: user.name.clone(),
            role: user.role.as_str().to_owned(),
            scope: match &user.scope {
                Scope::All => None,
                Scope::Profiles(profiles) => Some(row::to_text(profiles)?),
            },
            certificate_fingerprint: certificate.map(|certificate| certificate.fingerprint.to_vec()),
            certificate_key_hash: certificate.map(|certificate| certificate.key_hash.to_vec()),
            certificate_subject: certificate.map(|certificate| certificate.subject.clone()),
            oidc_issuer: oidc.map(|oidc| oidc.issuer.clone()),
            oidc_subject: oidc.map(|oidc| oidc.subject.clone()),
            enabled: user.enabled.into(),
            created_at: micros(user.created_at),
        })
    }

    fn read(self) -> Result<UserRecord, StoreError> {
        let certificate = match (self.certificate_fingerprint, self.certificate_key_hash, self.certificate_subject) {
            (Some(fingerprint), Some(key_hash), Some(subject)) => Some(UserCertificate {
                fingerprint: row::hash(&fingerprint)?,
                key_hash: row::hash(&key_hash)?,
                subject,
            }),
            _ => None,
        };
        Ok(UserRecord {
            id: row::id(&self.id)?,
            name: self.name,
            role: row::code("role", &self.role)?,
            scope: match self.scope {
                None => Scope::All,
                Some(text) => Scope::Profiles(row::from_text::<BTreeSet<Uuid>>("scope", &text)?),
            },
            certificate,
            oidc: self.oidc_issuer.zip(self.oidc_subject).map(|(issuer, subject)| OidcSubject { issuer, subject }),
            enabled: self.enabled != 0,
            created_at: instant(self.created_at),
        })
    }
}

#[async_trait]
impl UserStore for Store {
    async fn create_user(&self, user: UserRecord, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            diesel::insert_into(users::table).values(UserRow::of(&user)?).execute(c)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn user_by_key(&self, key_hash: &[u8; 32]) -> Result<Option<UserRecord>, StoreError> {
        let key_hash = key_hash.to_vec();
        self.read(move |c| {
            let row: Option<UserRow> = users::table
                .filter(users::certificate_key_hash.eq(&key_hash))
                .select(UserRow::as_select())
                .first(c)
                .optional()?;
            Ok(row.map(UserRow::read).transpose()?)
        })
        .await
    }

    async fn user_by_oidc(&self, subject: &OidcSubject) -> Result<Option<UserRecord>, StoreError> {
        let subject = subject.clone();
        self.read(move |c| {
            let row: Option<UserRow> = users::table
                .filter(users::oidc_issuer.eq(&subject.issuer))
                .filter(users::oidc_subject.eq(&subject.subject))
                .select(UserRow::as_select())
                .first(c)
                .optional()?;
            Ok(row.map(UserRow::read).transpose()?)
        })
        .await
    }

    async fn users(&self) -> Result<Vec<UserRecord>, StoreError> {
        self.read(|c| {
            let rows: Vec<UserRow> = users::table.order(users::name).select(UserRow::as_select()).load(c)?;
            Ok(rows.into_iter().map(UserRow::read).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn enable_user(&self, id: Uuid, enabled: bool, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| {
            let user = users::table.find(bytes(&id));
            let found = diesel::update(user).set(users::enabled.eq(i32::from(enabled))).execute(c)? == 1;
            if found {
                told.push(audit.clone());
            }
            Ok(found)
        })
        .await
    }

    async fn delete_user(&self, id: Uuid, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| {
            let deleted = diesel::delete(users::table.find(bytes(&id))).execute(c)? == 1;
            if deleted {
                told.push(audit.clone());
            }
            Ok(deleted)
        })
        .await
    }
}
