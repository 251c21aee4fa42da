//! Bearer tokens.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chancery_core::audit::AuditEntry;
use chancery_core::port::TokenStore;
use chancery_core::{Scope, StoreError, TokenRecord, instant, micros};
use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Store;
use crate::row::{self, bytes};
use crate::schema::tokens;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = tokens, treat_none_as_default_value = false)]
struct TokenRow {
    id: Vec<u8>,
    name: String,
    hash: Vec<u8>,
    role: String,
    /// JSON array of RA profile ids; NULL is everything.
    scope: Option<String>,
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl TokenRow {
    fn of(token: &TokenRecord) -> Result<Self, StoreError> {
        Ok(Self {
            id: bytes(&token.id),
            name: token.name.clone(),
            hash: token.hash.to_vec(),
            role: token.role.as_str().to_owned(),
            scope: match &token.scope {
                Scope::All => None,
                Scope::Profiles(profiles) => Some(row::to_text(profiles)?),
            },
            created_at: micros(token.created_at),
            expires_at: token.expires_at.map(micros),
            revoked_at: token.revoked_at.map(micros),
        })
    }

    fn read(self) -> Result<TokenRecord, StoreError> {
        Ok(TokenRecord {
            id: row::id(&self.id)?,
            name: self.name,
            hash: row::hash(&self.hash)?,
            role: row::code("role", &self.role)?,
            scope: match self.scope {
                None => Scope::All,
                Some(text) => Scope::Profiles(row::from_text::<BTreeSet<Uuid>>("scope", &text)?),
            },
            created_at: instant(self.created_at),
            expires_at: self.expires_at.map(instant),
            revoked_at: self.revoked_at.map(instant),
        })
    }
}

#[async_trait]
impl TokenStore for Store {
    async fn create_token(&self, token: TokenRecord, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            diesel::insert_into(tokens::table).values(TokenRow::of(&token)?).execute(c)?;
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<TokenRecord>, StoreError> {
        let hash = hash.to_vec();
        self.read(move |c| {
            let row: Option<TokenRow> =
                tokens::table.filter(tokens::hash.eq(&hash)).select(TokenRow::as_select()).first(c).optional()?;
            Ok(row.map(TokenRow::read).transpose()?)
        })
        .await
    }

    async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        self.read(|c| {
            let rows: Vec<TokenRow> = tokens::table.order(tokens::id.desc()).select(TokenRow::as_select()).load(c)?;
            Ok(rows.into_iter().map(TokenRow::read).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn revoke_token(&self, id: Uuid, at: OffsetDateTime, audit: AuditEntry) -> Result<bool, StoreError> {
        self.write(move |c, told| {
            let live = tokens::table.find(bytes(&id)).filter(tokens::revoked_at.is_null());
            let revoked = diesel::update(live).set(tokens::revoked_at.eq(Some(micros(at)))).execute(c)? == 1;
            if revoked {
                told.push(audit.clone());
            }
            Ok(revoked)
        })
        .await
    }
}
