//! The orders of an account: RFC 8555 section 7.1.2.1.

use serde::Serialize;
use uuid::Uuid;

use crate::call::Call;
use crate::{Acme, Problem, Reply, Resource};

/// Orders of one answer.
const PAGE: u32 = 100;

#[derive(Debug, Serialize)]
struct Orders {
    orders: Vec<String>,
}

impl Acme {
    /// RFC 8555 section 7.1.2.1: newest first, invalid ones left out, `Link: rel="next"` while there are more.
    pub(crate) async fn orders_of(
        &self,
        call: &Call<'_>,
        account: Uuid,
        after: Option<Uuid>,
    ) -> Result<Reply, Problem> {
        call.post_as_get()?;
        let account = call.account_is(account)?;
        let mut ids = self.0.store.orders(account.id, self.0.now(), after, PAGE + 1).await?;
        let more = ids.len() > PAGE as usize;
        ids.truncate(PAGE as usize);
        let orders = ids.iter().map(|id| call.directory.url(&Resource::Order(*id))).collect();
        let reply = Reply::json(200, &Orders { orders });
        Ok(match ids.last().filter(|_| more) {
            Some(last) => reply.with_link(call.directory.url(&Resource::Orders(account.id, Some(*last))), "next"),
            None => reply,
        })
    }
}
