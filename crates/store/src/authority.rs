//! What the built-in authority keeps.

use async_trait::async_trait;
use chancery_core::audit::AuditEntry;
use chancery_core::port::{
    AuthorityRecord, AuthorityStore, CrlRecord, IssueRecord, IssuerRecord, KeyRecord, NewAuthority, RevokedCertificate,
};
use chancery_core::{StoreError, instant, micros};
use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::certificate::serial;
use crate::connection::{AnyConnection, each, snapshot};
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::{authorities, certificates, crls, issuers, keys, secrets};
use crate::{Store, issue};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = keys)]
struct KeyRow {
    id: Vec<u8>,
    label: String,
    public_key: Vec<u8>,
    wrapped: Vec<u8>,
    created_at: i64,
}

impl KeyRow {
    fn of(key: &KeyRecord) -> Self {
        Self {
            id: bytes(&key.id),
            label: key.label.clone(),
            public_key: key.public_key.clone(),
            wrapped: key.wrapped.clone(),
            created_at: micros(key.created_at),
        }
    }

    fn read(self) -> Result<KeyRecord, StoreError> {
        Ok(KeyRecord {
            id: row::id(&self.id)?,
            label: self.label,
            public_key: self.public_key,
            wrapped: self.wrapped,
            created_at: instant(self.created_at),
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = crls)]
struct CrlRow {
    issuer: Vec<u8>,
    number: i64,
    this_update: i64,
    next_update: i64,
    revocations: i64,
    der: Vec<u8>,
}

#[async_trait]
impl AuthorityStore for Store {
    async fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError> {
        self.read(|c| {
            let rows: Vec<(Vec<u8>, String, Vec<u8>, i64)> = authorities::table.order(authorities::name).load(c)?;
            let read = |(id, name, issuer, created_at): (Vec<u8>, String, Vec<u8>, i64)| {
                let created_at = instant(created_at);
                Ok(AuthorityRecord { id: row::id(&id)?, name, issuer: row::id(&issuer)?, created_at })
            };
            rows.into_iter().map(read).collect::<Result<_, Failure>>()
        })
        .await
    }

    async fn issuers(&self) -> Result<Vec<IssuerRecord>, StoreError> {
        self.read(|c| {
            type Row = (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, i64);
            let rows: Vec<Row> = issuers::table.order(issuers::id).load(c)?;
            let ids: Vec<&[u8]> = rows.iter().map(|row| row.0.as_slice()).collect();
            let revoked: Vec<Vec<u8>> = certificates::table
                .filter(certificates::id.eq_any(ids).and(certificates::revoked_at.is_not_null()))
                .select(certificates::id)
                .load(c)?;
            let read = |(id, authority, key, certificate, parent, revocations): Row| {
                Ok(IssuerRecord {
                    revoked: revoked.contains(&id),
                    id: row::id(&id)?,
                    authority: row::id(&authority)?,
                    key: row::id(&key)?,
                    certificate,
                    parent: row::id(&parent)?,
                    revocations,
                })
            };
            rows.into_iter().map(read).collect::<Result<_, Failure>>()
        })
        .await
    }

    async fn create_authority(&self, new: NewAuthority) -> Result<(), StoreError> {
        self.write(move |c, told| {
            create(c, &new)?;
            told.extend(new.certificates.iter().map(|record| record.audit.clone()));
            told.push(new.audit.clone());
            Ok(())
        })
        .await
    }

    async fn key(&self, id: Uuid) -> Result<Option<KeyRecord>, StoreError> {
        self.read(move |c| {
            let row: Option<KeyRow> = keys::table.find(bytes(&id)).select(KeyRow::as_select()).first(c).optional()?;
            Ok(row.map(KeyRow::read).transpose()?)
        })
        .await
    }

    async fn key_by_label(&self, label: &str) -> Result<Option<KeyRecord>, StoreError> {
        let label = label.to_owned();
        self.read(move |c| {
            let row: Option<KeyRow> = keys::table
                .filter(keys::label.eq(&label))
                .order((keys::created_at.desc(), keys::id.desc()))
                .select(KeyRow::as_select())
                .first(c)
                .optional()?;
            Ok(row.map(KeyRow::read).transpose()?)
        })
        .await
    }

    async fn add_key(&self, key: KeyRecord) -> Result<(), StoreError> {
        self.write(move |c, _| {
            diesel::insert_into(keys::table).values(KeyRow::of(&key)).execute(c)?;
            Ok(())
        })
        .await
    }

    async fn crl(&self, issuer: Uuid) -> Result<Option<CrlRecord>, StoreError> {
        self.read(move |c| {
            let row: Option<CrlRow> = crls::table
                .filter(crls::issuer.eq(bytes(&issuer)))
                .order(crls::number.desc())
                .select(CrlRow::as_select())
                .first(c)
                .optional()?;
            Ok(row.map(|row| CrlRecord {
                issuer,
                number: row.number,
                this_update: instant(row.this_update),
                next_update: instant(row.next_update),
                revocations: row.revocations,
                der: row.der,
            }))
        })
        .await
    }

    async fn add_crl(&self, crl: CrlRecord, audit: AuditEntry) -> Result<(), StoreError> {
        self.write(move |c, told| {
            let row = CrlRow {
                issuer: bytes(&crl.issuer),
                number: crl.number,
                this_update: micros(crl.this_update),
                next_update: micros(crl.next_update),
                revocations: crl.revocations,
                der: crl.der.clone(),
            };
            diesel::insert_into(crls::table).values(row).execute(c)?;
            let of_issuer = crls::issuer.eq(bytes(&crl.issuer));
            let before: Option<i64> = crls::table
                .filter(of_issuer.clone().and(crls::number.lt(crl.number)))
                .select(diesel::dsl::max(crls::number))
                .first(c)?;
            if let Some(before) = before {
                diesel::delete(crls::table.filter(of_issuer.and(crls::number.lt(before)))).execute(c)?;
            }
            told.push(audit.clone());
            Ok(())
        })
        .await
    }

    async fn revoked(
        &self,
        issuer: Uuid,
        expired_after: OffsetDateTime,
    ) -> Result<(i64, Vec<RevokedCertificate>), StoreError> {
        self.read(move |c| {
            snapshot(c, |c| {
                let count: Option<i64> =
                    issuers::table.find(bytes(&issuer)).select(issuers::revocations).first(c).optional()?;
                type Row = (Option<Vec<u8>>, Option<i64>, Option<String>, Option<i64>);
                let rows: Vec<Row> = certificates::table
                    .filter(certificates::issuer.eq(bytes(&issuer)).and(certificates::revoked_at.is_not_null()))
                    .filter(certificates::not_after.ge(micros(expired_after)))
                    .order(certificates::id)
                    .select((
                        certificates::serial,
                        certificates::revoked_at,
                        certificates::revocation_reason,
                        certificates::invalidity_date,
                    ))
                    .load(c)?;
                let revoked = rows.into_iter().map(|row| revoked(row).map_err(Failure::from));
                Ok((count.unwrap_or(0), revoked.collect::<Result<_, _>>()?))
            })
        })
        .await
    }

    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = name.to_owned();
        self.read(move |c| Ok(secrets::table.find(&name).select(secrets::value).first(c).optional()?)).await
    }

    async fn secret_or_insert(&self, name: &str, value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let name = name.to_owned();
        self.write(move |c, _| {
            let row = (secrets::name.eq(&name), secrets::value.eq(&value));
            each!(c, c => diesel::insert_into(secrets::table).values(row).on_conflict_do_nothing().execute(c))?;
            Ok(secrets::table.find(&name).select(secrets::value).first(c)?)
        })
        .await
    }
}

fn create(c: &mut AnyConnection, new: &NewAuthority) -> Result<(), Failure> {
    diesel::insert_into(authorities::table)
        .values((
            authorities::id.eq(bytes(&new.authority.id)),
            authorities::name.eq(&new.authority.name),
            authorities::issuer.eq(bytes(&new.authority.issuer)),
            authorities::created_at.eq(micros(new.authority.created_at)),
        ))
        .execute(c)?;
    for key in &new.keys {
        diesel::insert_into(keys::table).values(KeyRow::of(key)).execute(c)?;
    }
    for issuer in &new.issuers {
        diesel::insert_into(issuers::table)
            .values((
                issuers::id.eq(bytes(&issuer.id)),
                issuers::authority.eq(bytes(&issuer.authority)),
                issuers::key.eq(bytes(&issuer.key)),
                issuers::certificate.eq(&issuer.certificate),
                issuers::parent.eq(bytes(&issuer.parent)),
                issuers::revocations.eq(issuer.revocations),
            ))
            .execute(c)?;
    }
    issue::insert(c, &new.certificates.iter().collect::<Vec<&IssueRecord>>())
}

fn revoked(
    (serial_column, at, reason, invalidity_date): (Option<Vec<u8>>, Option<i64>, Option<String>, Option<i64>),
) -> Result<RevokedCertificate, StoreError> {
    let missing = || row::unreadable("revocation", "a column is missing");
    Ok(RevokedCertificate {
        serial: serial(&serial_column.ok_or_else(missing)?)?,
        at: instant(at.ok_or_else(missing)?),
        reason: row::code("revocation reason", &reason.ok_or_else(missing)?)?,
        invalidity_date: invalidity_date.map(instant),
    })
}
