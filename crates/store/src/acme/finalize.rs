//! An order's change to finalized, in the transaction of its certificate.

use std::any::Any;

use chancery_acme::port::FinalizeOrder;
use chancery_acme::{AccountStatus, AuthorizationStatus, StoredOrderStatus};
use chancery_core::{CertificateState, Stale, StoreError, micros};
use diesel::dsl::exists;
use diesel::prelude::*;

use super::code::Code;
use super::{eab, order};
use crate::alongside::{Object, Opener};
use crate::connection::AnyConnection;
use crate::fault::Failure;
use crate::row::bytes;
use crate::schema::{acme_accounts, acme_authorizations, acme_orders, certificates};

/// Opens [`FinalizeOrder`].
pub(crate) const OPENER: Opener = Opener {
    opens: |rows: &dyn Any| rows.is::<FinalizeOrder>(),
    write: |rows, object, connection| {
        let finalize = rows.downcast_ref().expect("the opener asked first");
        write(finalize, object, connection)
    },
};

/// Every condition is in the one statement that changes the order: of several at once its row lets one through, and a
/// deactivation of account or authorization that comes meanwhile is either seen, or comes after.
fn write(finalize: &FinalizeOrder, object: Object, c: &mut AnyConnection) -> Result<(), Failure> {
    let now = micros(finalize.now);
    let account = acme_accounts::table
        .filter(acme_accounts::id.eq(bytes(&finalize.account)))
        .filter(acme_accounts::status.eq(AccountStatus::Valid.code()))
        .filter(acme_accounts::disabled.eq(0));
    let mut wanted: Vec<Vec<u8>> = finalize.authorizations.iter().map(bytes).collect();
    wanted.sort();
    wanted.dedup();
    let needed = i64::try_from(wanted.len()).unwrap_or(i64::MAX);
    let proved = acme_authorizations::table
        .filter(acme_authorizations::id.eq_any(wanted))
        .filter(acme_authorizations::account.eq(bytes(&finalize.account)))
        .filter(acme_authorizations::status.eq(AuthorizationStatus::Valid.code()))
        .filter(acme_authorizations::expires_at.gt(now))
        .count();
    // What waits keeps its certificate object, and is not over: its time was kept when it was finalized.
    let waited = finalize.from == StoredOrderStatus::Processing;
    let alive_at = if waited { 0 } else { now };
    let ready = acme_orders::table
        .filter(acme_orders::id.eq(bytes(&finalize.order)))
        .filter(acme_orders::account.eq(bytes(&finalize.account)))
        .filter(acme_orders::status.eq(finalize.from.code()))
        .filter(acme_orders::certificate.is_null().or(acme_orders::certificate.eq(Some(bytes(&object.id)))))
        .filter(acme_orders::expires_at.gt(alive_at))
        .filter(acme_orders::authorizations.eq(order::ids(&finalize.authorizations)))
        .filter(exists(account))
        .filter(proved.single_value().eq(Some(needed)));
    let status = match object.state {
        CertificateState::Issued => StoredOrderStatus::Valid,
        CertificateState::Requested
        | CertificateState::PendingApproval
        | CertificateState::Rejected
        | CertificateState::Failed
        | CertificateState::Revoked => StoredOrderStatus::Processing,
    };
    let end = certificates::table.filter(certificates::id.eq(bytes(&object.id))).select(certificates::not_after);
    let finalized = diesel::update(ready)
        .set((
            acme_orders::status.eq(status.code()),
            acme_orders::certificate.eq(Some(bytes(&object.id))),
            acme_orders::ends_at.eq(end.single_value()),
        ))
        .execute(c)?;
    let counted = match finalize.eab_key {
        Some(key) if finalized == 1 && waited => eab::stands(c, key, now)?,
        Some(key) if finalized == 1 => eab::count_issued(c, key, now)?,
        _ => true,
    };
    if finalized != 1 || !counted {
        return Err(StoreError::Stale(Stale::Alongside).into());
    }
    Ok(())
}
