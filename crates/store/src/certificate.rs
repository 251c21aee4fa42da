//! The inventory.

use async_trait::async_trait;
use chancery_core::port::{InventoryStore, IssueRecord, RevokeRecord};
use chancery_core::{
    CertificateQuery, CertificateRecord, CertificateState, Page, RevocationInfo, Stale, StoreError, instant, micros,
};
use chancery_pki::{Fingerprint, SerialNumber};
use diesel::prelude::*;
use uuid::Uuid;

use crate::alongside::{self, Object};
use crate::connection::{AnyConnection, each, snapshot};
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::{blocked_keys, certificates, issuers, locks};
use crate::{Store, approval, issue, search};

/// A certificate object as it is read.
#[derive(Queryable, Selectable)]
#[diesel(table_name = certificates)]
pub(crate) struct CertificateRow {
    id: Vec<u8>,
    state: String,
    profile: Option<Vec<u8>>,
    authority: Option<Vec<u8>>,
    issuer: Option<Vec<u8>>,
    door: String,
    owner: String,
    owner_id: Vec<u8>,
    subject: String,
    common_name: String,
    serial: Option<Vec<u8>>,
    fingerprint: Option<Vec<u8>>,
    key_hash: Vec<u8>,
    not_before: Option<i64>,
    not_after: Option<i64>,
    predecessor: Option<Vec<u8>>,
    issue_attributes: Option<String>,
    revoke_attributes: Option<String>,
    created_at: i64,
    revoked_at: Option<i64>,
    revocation_reason: Option<String>,
    invalidity_date: Option<i64>,
    archived: i32,
    certificate: Option<Vec<u8>>,
    request: Option<Vec<u8>>,
}

impl CertificateRow {
    pub(crate) fn read(self) -> Result<CertificateRecord, StoreError> {
        Ok(CertificateRecord {
            id: row::id(&self.id)?,
            state: row::code("state", &self.state)?,
            profile: row::optional_id(self.profile)?,
            authority: row::optional_id(self.authority)?,
            issuer: row::optional_id(self.issuer)?,
            door: row::code("door", &self.door)?,
            owner: self.owner,
            owner_id: row::id(&self.owner_id)?,
            subject: self.subject,
            common_name: self.common_name,
            serial: self.serial.as_deref().map(serial).transpose()?,
            fingerprint: self.fingerprint.as_deref().map(row::hash).transpose()?.map(Fingerprint),
            key_hash: row::hash(&self.key_hash)?,
            not_before: self.not_before.map(instant),
            not_after: self.not_after.map(instant),
            certificate: self.certificate,
            request: self.request,
            predecessor: row::optional_id(self.predecessor)?,
            issue_attributes: row::attributes(self.issue_attributes.as_deref())?,
            revoke_attributes: row::attributes(self.revoke_attributes.as_deref())?,
            created_at: instant(self.created_at),
            revocation: match (self.revoked_at, self.revocation_reason) {
                (Some(at), Some(reason)) => Some(RevocationInfo {
                    at: instant(at),
                    reason: row::code("revocation reason", &reason)?,
                    invalidity_date: self.invalidity_date.map(instant),
                }),
                _ => None,
            },
            archived: self.archived != 0,
        })
    }
}

/// A serial number from its column.
pub(crate) fn serial(column: &[u8]) -> Result<SerialNumber, StoreError> {
    SerialNumber::from_bytes(column).map_err(|error| row::unreadable("serial number", error))
}

fn read_all(rows: Vec<CertificateRow>) -> Result<Vec<CertificateRecord>, StoreError> {
    rows.into_iter().map(CertificateRow::read).collect()
}

#[async_trait]
impl InventoryStore for Store {
    async fn record(&self, record: IssueRecord) -> Result<(), StoreError> {
        self.issue(record).await
    }

    async fn issue_requested(&self, record: IssueRecord) -> Result<(), StoreError> {
        self.write(move |c, told| {
            issue::complete(c, &record)?;
            told.push(record.audit.clone());
            Ok(())
        })
        .await
    }

    async fn revoke(&self, record: RevokeRecord) -> Result<(), StoreError> {
        self.write(move |c, told| {
            revoke(c, &record)?;
            told.push(record.audit.clone());
            Ok(())
        })
        .await
    }

    async fn certificate(&self, id: Uuid) -> Result<Option<CertificateRecord>, StoreError> {
        self.read(move |c| {
            let row: Option<CertificateRow> =
                certificates::table.find(bytes(&id)).select(CertificateRow::as_select()).first(c).optional()?;
            Ok(row.map(CertificateRow::read).transpose()?)
        })
        .await
    }

    async fn certificate_by_serial(
        &self,
        issuer: Uuid,
        serial: &SerialNumber,
    ) -> Result<Option<CertificateRecord>, StoreError> {
        let serial = serial.as_bytes().to_vec();
        self.read(move |c| {
            let row: Option<CertificateRow> = certificates::table
                .filter(certificates::issuer.eq(bytes(&issuer)).and(certificates::serial.eq(&serial)))
                .select(CertificateRow::as_select())
                .first(c)
                .optional()?;
            Ok(row.map(CertificateRow::read).transpose()?)
        })
        .await
    }

    async fn successors(&self, id: Uuid) -> Result<Vec<CertificateRecord>, StoreError> {
        self.read(move |c| {
            let rows: Vec<CertificateRow> = certificates::table
                .filter(certificates::predecessor.eq(bytes(&id)))
                .order(certificates::id)
                .select(CertificateRow::as_select())
                .load(c)?;
            Ok(read_all(rows)?)
        })
        .await
    }

    async fn certificates(&self, query: CertificateQuery) -> Result<Page<CertificateRecord>, StoreError> {
        self.list(move |c| {
            snapshot(c, |c| {
                let total: i64 = search::matching(&query, c).select(diesel::dsl::count_star()).get_result(c)?;
                let mut wanted = search::matching(&query, c);
                if let Some(after) = &query.after {
                    wanted = wanted.filter(certificates::id.lt(bytes(after)));
                }
                let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
                let mut rows: Vec<CertificateRow> = wanted
                    .order(certificates::id.desc())
                    // One more tells whether there are more.
                    .limit(i64::from(query.limit) + 1)
                    .offset(i64::try_from(query.offset).unwrap_or(i64::MAX))
                    .select(CertificateRow::as_select())
                    .load(c)?;
                let more = rows.len() > limit;
                rows.truncate(limit);
                Ok::<_, Failure>(Page { items: read_all(rows)?, total: u64::try_from(total).unwrap_or(0), more })
            })
        })
        .await
    }

    async fn key_blocked(&self, key_hash: [u8; 32]) -> Result<bool, StoreError> {
        self.read(move |c| {
            let found: Option<Vec<u8>> =
                blocked_keys::table.find(key_hash.to_vec()).select(blocked_keys::key_hash).first(c).optional()?;
            Ok(found.is_some())
        })
        .await
    }
}

fn revoke(c: &mut AnyConnection, record: &RevokeRecord) -> Result<(), Failure> {
    if !alongside::known(record.alongside.as_ref()) {
        return Err(alongside::unknown().into());
    }
    let from = match &record.approval {
        Some(closed) => {
            approval::close(c, &record.certificate, closed)?;
            CertificateState::PendingApproval
        }
        None => CertificateState::Issued,
    };
    let issued = certificates::table
        .find(bytes(&record.certificate))
        .filter(certificates::state.eq(from.as_str()))
        // Not one that waits to be issued.
        .filter(certificates::serial.is_not_null());
    let issuer: Option<Vec<u8>> = diesel::update(issued)
        .set((
            certificates::state.eq(CertificateState::Revoked.as_str()),
            certificates::revoked_at.eq(Some(micros(record.at))),
            certificates::revocation_reason.eq(Some(record.reason.wire())),
            certificates::invalidity_date.eq(record.invalidity_date.map(micros)),
            certificates::revoke_attributes.eq(row::attributes_to_text(&record.attributes)?),
        ))
        .returning(certificates::issuer)
        .get_result(c)
        .optional()?
        .ok_or(StoreError::Stale(Stale::Certificate))?;
    if let Some(issuer) = issuer {
        diesel::update(issuers::table.find(issuer))
            .set(issuers::revocations.eq(issuers::revocations + 1))
            .execute(c)?;
    }
    if let Some(key_hash) = record.block_key {
        if let AnyConnection::Postgres(c) = c {
            // Against the issuing transactions, which read under FOR SHARE.
            locks::table.find("blocked_keys").for_update().select(locks::name).first::<String>(c)?;
        }
        let row = (blocked_keys::key_hash.eq(key_hash.to_vec()), blocked_keys::blocked_at.eq(micros(record.at)));
        each!(c, c => diesel::insert_into(blocked_keys::table).values(row).on_conflict_do_nothing().execute(c))?;
    }
    let object = Object { id: record.certificate, state: CertificateState::Revoked };
    record.alongside.as_ref().map_or(Ok(()), |rows| alongside::write(rows, object, c))
}
