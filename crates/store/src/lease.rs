//! Leases: rows with a fencing number, because not every engine has session locks and a paused holder must be told from
//! its successor.

use async_trait::async_trait;
use chancery_core::port::LeaseStore;
use chancery_core::{StoreError, micros};
use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Store;
use crate::connection::each;
use crate::row::bytes;
use crate::schema::leases;

#[async_trait]
impl LeaseStore for Store {
    async fn acquire(
        &self,
        name: &str,
        holder: Uuid,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<Option<i64>, StoreError> {
        let name = name.to_owned();
        let (now, until) = (micros(now), micros(until));
        self.write(move |c, _| {
            let kept = diesel::update(leases::table.find(&name).filter(leases::holder.eq(Some(bytes(&holder)))))
                .set(leases::expires_at.eq(until))
                .returning(leases::fence)
                .get_result(c)
                .optional()?;
            if kept.is_some() {
                return Ok(kept);
            }
            let free = leases::holder.is_null().or(leases::expires_at.le(now));
            let taken = diesel::update(leases::table.find(&name).filter(free))
                .set((
                    leases::holder.eq(Some(bytes(&holder))),
                    leases::expires_at.eq(until),
                    leases::fence.eq(leases::fence + 1),
                ))
                .returning(leases::fence)
                .get_result(c)
                .optional()?;
            if taken.is_some() {
                return Ok(taken);
            }
            let row = (
                leases::name.eq(&name),
                leases::holder.eq(Some(bytes(&holder))),
                leases::fence.eq(1_i64),
                leases::expires_at.eq(until),
            );
            let added =
                each!(c, c => diesel::insert_into(leases::table).values(row).on_conflict_do_nothing().execute(c))?;
            Ok((added == 1).then_some(1))
        })
        .await
    }

    async fn release(&self, name: &str, holder: Uuid) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write(move |c, _| {
            diesel::update(leases::table.find(&name).filter(leases::holder.eq(Some(bytes(&holder)))))
                .set((leases::holder.eq(None::<Vec<u8>>), leases::expires_at.eq(0_i64)))
                .execute(c)?;
            Ok(())
        })
        .await
    }
}
