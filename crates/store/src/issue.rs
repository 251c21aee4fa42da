//! The hot path: certificate objects of many callers in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use chancery_core::port::{ApprovalChange, IssueRecord};
use chancery_core::{CertificateState, SearchName, Stale, StoreError, micros};
use diesel::prelude::*;
use uuid::Uuid;

use crate::alongside::{self, Object};
use crate::approval;
use crate::connection::AnyConnection;
use crate::fault::Failure;
use crate::row::{self, bytes};
use crate::schema::{blocked_keys, certificate_names, certificates, locks, ra_profiles};

/// A certificate object as it is written: borrowed, because it is written once and large.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = certificates, treat_none_as_default_value = false, treat_none_as_null = true)]
struct NewCertificate<'a> {
    id: &'a [u8],
    state: &'a str,
    profile: Option<&'a [u8]>,
    authority: Option<&'a [u8]>,
    issuer: Option<&'a [u8]>,
    door: &'a str,
    owner: &'a str,
    owner_id: &'a [u8],
    subject: &'a str,
    common_name: &'a str,
    serial: Option<&'a [u8]>,
    fingerprint: Option<&'a [u8]>,
    key_hash: &'a [u8],
    not_before: Option<i64>,
    not_after: Option<i64>,
    predecessor: Option<&'a [u8]>,
    issue_attributes: Option<String>,
    revoke_attributes: Option<String>,
    created_at: i64,
    revoked_at: Option<i64>,
    revocation_reason: Option<&'a str>,
    invalidity_date: Option<i64>,
    archived: i32,
    pending_names: Option<String>,
    certificate: Option<&'a [u8]>,
    request: Option<&'a [u8]>,
}

#[derive(Insertable)]
#[diesel(table_name = certificate_names)]
struct NewName<'a> {
    value: &'a str,
    kind: &'a str,
    certificate: &'a [u8],
}

/// What of a requested object stays when it is issued.
#[derive(Queryable, Selectable)]
#[diesel(table_name = certificates)]
struct Kept {
    pending_names: Option<String>,
    owner: String,
    owner_id: Vec<u8>,
    door: String,
    request: Option<Vec<u8>>,
    created_at: i64,
}

/// What forbids each record at this moment, if anything: asked once for the whole group, in the transaction that writes.
/// On PostgreSQL the rows that were read stay as they are until the commit (FOR SHARE).
pub(crate) fn guard(
    connection: &mut AnyConnection,
    records: &[&IssueRecord],
) -> Result<Vec<Option<StoreError>>, Failure> {
    let versions = profile_versions(connection, records)?;
    let blocked = blocked(connection, records)?;
    let standing = standing(connection, records)?;
    Ok(records
        .iter()
        .map(|record| {
            let certificate = &record.certificate;
            if !alongside::known(record.alongside.as_ref()) {
                return Some(alongside::unknown());
            }
            if let (Some(profile), Some(version)) = (certificate.profile, record.profile_version)
                && versions.get(&bytes(&profile)) != Some(&version)
            {
                return Some(StoreError::Stale(Stale::Profile));
            }
            if blocked.contains(certificate.key_hash.as_slice()) {
                return Some(StoreError::KeyBlocked);
            }
            match certificate.predecessor {
                Some(predecessor) if record.predecessor_must_stand && !standing.contains(&bytes(&predecessor)) => {
                    Some(StoreError::Stale(Stale::Predecessor))
                }
                _ => None,
            }
        })
        .collect())
}

/// The versions of the group's enabled RA profiles.
fn profile_versions(connection: &mut AnyConnection, records: &[&IssueRecord]) -> QueryResult<BTreeMap<Vec<u8>, i64>> {
    let wanted: BTreeSet<Uuid> = records
        .iter()
        .filter(|record| record.profile_version.is_some())
        .filter_map(|record| record.certificate.profile)
        .collect();
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wanted: Vec<Vec<u8>> = wanted.iter().map(bytes).collect();
    let enabled = ra_profiles::table
        .filter(ra_profiles::id.eq_any(wanted).and(ra_profiles::enabled.eq(1)))
        .select((ra_profiles::id, ra_profiles::version));
    let rows: Vec<(Vec<u8>, i64)> = match connection {
        AnyConnection::Sqlite(connection) => enabled.load(connection)?,
        AnyConnection::Postgres(connection) => enabled.for_share().load(connection)?,
    };
    Ok(rows.into_iter().collect())
}

/// Which of the group's keys are blocked. A key may be blocked by the other lane meanwhile: on PostgreSQL both sides
/// lock one row, so that one of them comes first.
fn blocked(connection: &mut AnyConnection, records: &[&IssueRecord]) -> QueryResult<BTreeSet<Vec<u8>>> {
    if let AnyConnection::Postgres(connection) = connection {
        locks::table.find("blocked_keys").for_share().select(locks::name).first::<String>(connection)?;
    }
    let keys: Vec<&[u8]> = records.iter().map(|record| record.certificate.key_hash.as_slice()).collect();
    let rows: Vec<Vec<u8>> = blocked_keys::table
        .filter(blocked_keys::key_hash.eq_any(keys))
        .select(blocked_keys::key_hash)
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Which of the predecessors that must stand are in state issued.
fn standing(connection: &mut AnyConnection, records: &[&IssueRecord]) -> QueryResult<BTreeSet<Vec<u8>>> {
    let wanted: Vec<Vec<u8>> = records
        .iter()
        .filter(|record| record.predecessor_must_stand)
        .filter_map(|record| record.certificate.predecessor.as_ref().map(bytes))
        .collect();
    if wanted.is_empty() {
        return Ok(BTreeSet::new());
    }
    let issued = certificates::table
        .filter(certificates::id.eq_any(wanted).and(certificates::state.eq(CertificateState::Issued.as_str())))
        .select(certificates::id);
    let rows: Vec<Vec<u8>> = match connection {
        AnyConnection::Sqlite(connection) => issued.load(connection)?,
        AnyConnection::Postgres(connection) => issued.for_share().load(connection)?,
    };
    Ok(rows.into_iter().collect())
}

/// Write the objects with their names and the doors' rows. SQLite: single rows, whose prepared statements are kept;
/// PostgreSQL: one statement per table, because there each costs a round trip.
pub(crate) fn insert(connection: &mut AnyConnection, records: &[&IssueRecord]) -> Result<(), Failure> {
    if records.is_empty() {
        return Ok(());
    }
    let rows = records.iter().map(|record| certificate(record)).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<_> = records.iter().flat_map(|record| names(record)).collect();
    match connection {
        AnyConnection::Sqlite(connection) => {
            for row in rows {
                diesel::insert_into(certificates::table).values(row).execute(connection)?;
            }
            for name in names {
                diesel::insert_into(certificate_names::table).values(name).execute(connection)?;
            }
        }
        AnyConnection::Postgres(connection) => {
            diesel::insert_into(certificates::table).values(&rows).execute(connection)?;
            if !names.is_empty() {
                diesel::insert_into(certificate_names::table).values(&names).execute(connection)?;
            }
        }
    }
    records.iter().try_for_each(|record| write_beside(connection, record))
}

/// Turn a requested object into what the record says; its names are replaced.
pub(crate) fn complete(connection: &mut AnyConnection, record: &IssueRecord) -> Result<(), Failure> {
    if let Some(refusal) = guard(connection, &[record])?.into_iter().next().flatten() {
        return Err(refusal.into());
    }
    let stale = || StoreError::Stale(Stale::Certificate);
    let from = match record.approval {
        Some(ApprovalChange::Closed(_)) => CertificateState::PendingApproval,
        Some(ApprovalChange::Opened(_)) | None => CertificateState::Requested,
    };
    let requested = certificates::id.eq(bytes(&record.certificate.id)).and(certificates::state.eq(from.as_str()));
    let kept: Kept = certificates::table
        .filter(requested.clone())
        .select(Kept::as_select())
        .first(connection)
        .optional()?
        .ok_or_else(stale)?;
    let row = NewCertificate {
        owner: &kept.owner,
        owner_id: &kept.owner_id,
        door: &kept.door,
        request: kept.request.as_deref(),
        created_at: kept.created_at,
        ..certificate(record)?
    };
    if diesel::update(certificates::table.filter(requested)).set(row).execute(connection)? == 0 {
        return Err(stale().into());
    }
    for (kind, value) in row::pending_names(kept.pending_names.as_deref())? {
        let key = (value, kind, bytes(&record.certificate.id));
        diesel::delete(certificate_names::table.find(key)).execute(connection)?;
    }
    for name in names(record) {
        diesel::insert_into(certificate_names::table).values(name).execute(connection)?;
    }
    write_beside(connection, record)
}

fn names(record: &IssueRecord) -> impl Iterator<Item = NewName<'_>> {
    let certificate = record.certificate.id.as_bytes().as_slice();
    record.names.iter().map(move |name| NewName { value: &name.value, kind: name.kind, certificate })
}

fn certificate(record: &IssueRecord) -> Result<NewCertificate<'_>, Failure> {
    let of = &record.certificate;
    let pending = of.state != CertificateState::Issued && of.state != CertificateState::Revoked;
    let revocation = of.revocation.as_ref();
    Ok(NewCertificate {
        id: of.id.as_bytes(),
        state: of.state.as_str(),
        profile: of.profile.as_ref().map(|id| id.as_bytes().as_slice()),
        authority: of.authority.as_ref().map(|id| id.as_bytes().as_slice()),
        issuer: of.issuer.as_ref().map(|id| id.as_bytes().as_slice()),
        door: of.door.as_str(),
        owner: &of.owner,
        owner_id: of.owner_id.as_bytes(),
        subject: &of.subject,
        common_name: &of.common_name,
        serial: of.serial.as_ref().map(|serial| serial.as_bytes()),
        fingerprint: of.fingerprint.as_ref().map(|fingerprint| fingerprint.0.as_slice()),
        key_hash: &of.key_hash,
        not_before: of.not_before.map(micros),
        not_after: of.not_after.map(micros),
        predecessor: of.predecessor.as_ref().map(|id| id.as_bytes().as_slice()),
        issue_attributes: row::attributes_to_text(&of.issue_attributes)?,
        revoke_attributes: row::attributes_to_text(&of.revoke_attributes)?,
        created_at: micros(of.created_at),
        revoked_at: revocation.map(|revocation| micros(revocation.at)),
        revocation_reason: revocation.map(|revocation| revocation.reason.wire()),
        invalidity_date: revocation.and_then(|revocation| revocation.invalidity_date).map(micros),
        archived: i32::from(of.archived),
        pending_names: if pending { pending_names_to_text(&record.names)? } else { None },
        certificate: of.certificate.as_deref(),
        request: of.request.as_deref(),
    })
}

fn pending_names_to_text(names: &[SearchName]) -> Result<Option<String>, StoreError> {
    if names.is_empty() {
        return Ok(None);
    }
    row::to_text(&names.iter().map(|name| (name.kind, &name.value)).collect::<Vec<_>>()).map(Some)
}

/// The approval and the door's own rows, where there are any.
fn write_beside(connection: &mut AnyConnection, record: &IssueRecord) -> Result<(), Failure> {
    match &record.approval {
        Some(ApprovalChange::Opened(approval)) => approval::open(connection, approval)?,
        Some(ApprovalChange::Closed(closed)) => approval::close(connection, &record.certificate.id, closed)?,
        None => {}
    }
    let object = Object { id: record.certificate.id, state: record.certificate.state };
    record.alongside.as_ref().map_or(Ok(()), |rows| alongside::write(rows, object, connection))
}
