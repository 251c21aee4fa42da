//! Finalize an order: RFC 8555 section 7.4. Exactly one certificate comes of an order: by a lock within the node, and by the
//! condition of the transaction that writes the certificate across nodes.

mod approved;
mod caa;
mod request;
mod standing;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use chancery_core::attribute::RequestAttribute;
use chancery_core::policy::SUBJECT_ALTERNATIVE_NAMES;
use chancery_core::port::Alongside;
use chancery_core::{Error, IssueRequest, Outcome, ProfileRef};
use chancery_pki::Csr;
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use self::request::{bad_csr, check_names, check_subject, decode};
use self::standing::{Standing, standing};
use crate::attempt::attested_key;
use crate::call::Call;
use crate::order::{attribute, issue_attributes, may_ask};
use crate::port::FinalizeOrder;
use crate::{
    Account, AccountStatus, Acme, Authorization, Identifier, Order, OrderStatus, Problem, ProblemType, Reply,
    StoredOrderStatus,
};

pub(crate) use self::approved::Recheck;

#[derive(Deserialize)]
struct Finalize {
    csr: String,
}

/// Account and order of what is being finalized on this node. By account: nobody keeps others from their orders.
#[derive(Default)]
pub(crate) struct Finalizing(Mutex<HashSet<(Uuid, Uuid)>>);

/// Held while an order is being finalized.
struct Turn<'a>(&'a Finalizing, (Uuid, Uuid));

impl Finalizing {
    fn begin(&self, order: (Uuid, Uuid)) -> Option<Turn<'_>> {
        // The lock is free again before a turn is made: dropping one takes it.
        let first = self.0.lock().expect("no holder panics").insert(order);
        first.then(|| Turn(self, order))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.0.lock().expect("no holder panics").remove(&self.1);
    }
}

impl Acme {
    /// RFC 8555 section 7.4: the request for the certificate of a ready order.
    pub(crate) async fn finalize(&self, call: &Call<'_>, id: Uuid) -> Result<Reply, Problem> {
        let asked: Finalize = call.json()?;
        let account = call.account()?;
        let Some(_turn) = self.0.finalizing.begin((account.id, id)) else {
            return Err(not_ready("it is being finalized already; read it until it is valid"));
        };
        let (mut order, authorizations) = self.order_of(call, id).await?;
        let now = self.0.now();
        ready(&order, &authorizations, now)?;
        let eab = self.eab_of(account).await?;
        let profile = self.order_profile(call, &order)?;
        let actor = call.actor();
        let may = self.0.ra.authorize(&actor, call.origin, &ProfileRef::Id(profile)).await?;
        may_ask(eab.as_ref(), &order.identifiers, now, true)?;
        let stand = standing(call.directory, &order, &authorizations, eab.as_ref(), now)?;

        let der = decode(call, &asked.csr)?;
        let csr = self.0.ra.csr(&may, &der).await.map_err(bad_csr)?;
        let missing = check_names(&csr, &order.identifiers)?;
        check_subject(&csr, &may.profile().policy.subject.taken)?;
        self.check_request_key(account, &csr).await?;
        check_attested(&stand, &csr)?;
        self.check_caa(call.directory, &order, &stand).await?;

        let request = IssueRequest {
            attributes: attributes(call, &order, missing),
            facts: facts(account, &order, &stand),
            alongside: Some(Alongside(Arc::new(FinalizeOrder {
                order: order.id,
                account: account.id,
                authorizations: order.authorizations.clone(),
                eab_key: account.eab_key,
                from: StoredOrderStatus::Open,
                // Others were asked meanwhile: what is over by now does not count.
                now: self.0.now(),
            }))),
            csr,
        };
        let done = match order.replaces {
            Some(predecessor) => self.0.ra.replace(may, predecessor, request).await,
            None => self.0.ra.issue(may, request).await,
        };
        match done {
            Ok(Outcome::Issued(record)) => {
                order.status = StoredOrderStatus::Valid;
                order.certificate = Some(record.id);
            }
            Ok(Outcome::Pending { certificate, .. }) => {
                order.status = StoredOrderStatus::Processing;
                order.certificate = Some(certificate);
            }
            Err(Error::Conflict(_)) => return Err(self.why_not(call, id).await),
            Err(error) => return Err(bad_csr(error)),
        }
        self.order_reply(call, 200, order, &authorizations).await
    }

    /// The RA profile of the order, which must still be one that the directory offers.
    fn order_profile(&self, call: &Call<'_>, order: &Order) -> Result<Uuid, Problem> {
        if call.directory.issues_under(order.ra_profile) {
            return Ok(order.ra_profile);
        }
        let why = "this directory does not offer the order's profile any more: make a new order";
        Err(Problem::new(ProblemType::InvalidProfile, why))
    }

    /// RFC 8555 section 11.1: a certificate's key is no account's key.
    async fn check_request_key(&self, account: &Account, csr: &Csr) -> Result<(), Problem> {
        let key = csr.public_key().identity();
        if key == account.key_identity || self.0.store.is_account_key(key).await? {
            let why = "the certificate request has the key of an account: make another key for the certificate";
            return Err(Problem::new(ProblemType::BadCsr, why));
        }
        Ok(())
    }

    /// Why the transaction refused an order that was ready a moment ago.
    async fn why_not(&self, call: &Call<'_>, id: Uuid) -> Problem {
        let told = async {
            let account = self.0.store.account(call.account()?.id).await?;
            if account.is_none_or(|account| account.disabled || account.status != AccountStatus::Valid) {
                let why = "the account is not valid any more";
                return Err(Problem::new(ProblemType::Unauthorized, why).with_status(401));
            }
            let (order, authorizations) = self.order_of(call, id).await?;
            ready(&order, &authorizations, self.0.now())?;
            let eab = self.eab_of(call.account()?).await?;
            may_ask(eab.as_ref(), &order.identifiers, self.0.now(), true)
        };
        match told.await {
            Err(problem) => problem,
            Ok(()) => not_ready("it changed while it was being finalized; read it again"),
        }
    }
}

fn not_ready(why: &str) -> Problem {
    Problem::new(ProblemType::OrderNotReady, format!("the order cannot be finalized: {why}"))
}

fn ready(order: &Order, authorizations: &[Authorization], now: OffsetDateTime) -> Result<(), Problem> {
    match order.status_at(authorizations, now) {
        OrderStatus::Ready => Ok(()),
        OrderStatus::Pending => Err(not_ready("not all of its authorizations are valid yet")),
        OrderStatus::Processing => Err(not_ready("it was finalized, and its certificate waits")),
        OrderStatus::Valid => Err(not_ready("it was finalized, and its certificate is there")),
        OrderStatus::Invalid => Err(not_ready("it is invalid; make a new order")),
    }
}

/// draft-acme-device-attest: the request has the key that the device attested.
fn check_attested(standing: &[Standing<'_>], csr: &Csr) -> Result<(), Problem> {
    let attested: Vec<Vec<u8>> = standing.iter().filter_map(|standing| attested_key(standing.proof?)).collect();
    if attested.iter().all(|key| key == csr.public_key().spki_der()) {
        return Ok(());
    }
    Err(Problem::new(ProblemType::BadCsr, "the request has another key than the one that the device attested"))
}

/// What core is told beside the request: names that stand in its common name alone, and the order's validity.
fn attributes(call: &Call<'_>, order: &Order, missing: Vec<&Identifier>) -> Vec<RequestAttribute> {
    let mut attributes = issue_attributes(call.directory, order.not_before, order.not_after);
    let names = missing.into_iter().filter_map(|identifier| identifier.general_name().map(|name| name.to_string()));
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        return attributes;
    }
    let added = attribute(SUBJECT_ALTERNATIVE_NAMES, names);
    match attributes.iter_mut().find(|attribute| attribute.name == SUBJECT_ALTERNATIVE_NAMES) {
        Some(known) => known.content.extend(added.content),
        None => attributes.push(added),
    }
    attributes
}

/// What the trail is told: the order, and how each name was proved.
fn facts(account: &Account, order: &Order, standing: &[Standing<'_>]) -> Vec<(&'static str, Value)> {
    let proofs = standing.iter().map(|standing| {
        json!({
            "authorization": standing.authorization.id,
            "identifier": standing.identifier.to_string(),
            "method": standing.proof.map_or("external-account", |challenge| challenge.kind.as_str()),
        })
    });
    let mut facts =
        vec![("order", json!(order.id)), ("account", json!(account.id)), ("proofs", Value::Array(proofs.collect()))];
    facts.extend(account.eab_key.map(|key| ("eabKey", json!(key))));
    facts
}
