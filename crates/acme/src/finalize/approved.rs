//! An order whose certificate waited for an approval that is given now: everything of ACME is asked again.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use chancery_core::port::{Alongside, DoorRecheck};
use chancery_core::{CertificateRecord, Error, Rejection};

use super::standing::standing;
use crate::order::may_ask;
use crate::port::FinalizeOrder;
use crate::service::{Inner, stands, terms_stand};
use crate::{Acme, Problem, ProblemType, StoredOrderStatus};

/// The ACME door as core asks it. Weak: the door holds core.
pub(crate) struct Recheck(pub(crate) Weak<Inner>);

#[async_trait]
impl DoorRecheck for Recheck {
    async fn recheck(&self, waiting: &CertificateRecord) -> Result<Option<Alongside>, Error> {
        let acme = self.0.upgrade().map(Acme).ok_or_else(|| Error::unavailable("the ACME door is being closed"))?;
        acme.recheck(waiting).await.map(|finalize| Some(Alongside(Arc::new(finalize)))).map_err(refusal)
    }
}

impl Acme {
    /// Account, terms, external account key, authorizations and CAA, as they are now. An authorization that was given up or
    /// whose time is over proves nothing any more, however long the approval took.
    async fn recheck(&self, waiting: &CertificateRecord) -> Result<FinalizeOrder, Problem> {
        let gone = |why: &str| Problem::new(ProblemType::OrderNotReady, format!("{why}: reject the approval"));
        let order = self.0.store.order_of_certificate(waiting.id).await?;
        let order = match order {
            Some(order) => self.0.store.order(order.id).await?,
            None => None,
        };
        let (order, authorizations) =
            order.ok_or_else(|| gone("the ACME order of this request is not there any more"))?;
        if order.status != StoredOrderStatus::Processing {
            return Err(gone("the ACME order of this request does not wait any more"));
        }
        let account = self.0.store.account(order.account).await?;
        let account = account.ok_or_else(|| gone("the ACME account of this request is not there any more"))?;
        stands(&account)?;
        let directory = self.directory_of(account.directory).await?;
        let directory = directory.filter(|directory| directory.issues_under(order.ra_profile)).ok_or_else(|| {
            gone("the ACME directory through which this was asked for is closed, or does not offer this RA profile any more")
        })?;
        terms_stand(&directory.acme_profile.settings)?;
        let eab = self.eab_of(&account).await?;
        may_ask(eab.as_ref(), &order.identifiers, self.0.now(), false)?;
        let stand = standing(&directory, &order, &authorizations, eab.as_ref(), self.0.now())?;
        if self.0.store.is_account_key(waiting.key_hash).await? {
            return Err(Problem::new(ProblemType::BadCsr, "the request has the key of an ACME account by now"));
        }
        self.check_caa(&directory, &order, &stand).await?;
        Ok(FinalizeOrder {
            order: order.id,
            account: account.id,
            authorizations: order.authorizations.clone(),
            eab_key: account.eab_key,
            from: StoredOrderStatus::Processing,
            now: self.0.now(),
        })
    }
}

/// For the approver: what a client is told one by one is told in one line.
fn refusal(problem: Problem) -> Error {
    let each: Vec<&str> = problem.subproblems.iter().map(|problem| problem.detail.as_str()).collect();
    let detail = if each.is_empty() { problem.detail.clone() } else { each.join("; ") };
    match (problem.kind, problem.retry_after, problem.cause) {
        (ProblemType::ServerInternal, Some(retry_after), _) => Error::Unavailable { why: detail, retry_after },
        (ProblemType::ServerInternal, None, Some(cause)) => Error::internal(cause),
        (ProblemType::ServerInternal, None, None) => Error::internal(detail),
        _ => Error::rejected(Rejection::State(format!("ACME does not stand by this request any more: {detail}"))),
    }
}
