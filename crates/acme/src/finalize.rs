//! Finalize an order: RFC 8555 section 7.4. Exactly one certificate comes of an order: by a lock within the node, and by the
//! condition of the transaction that writes the certificate across nodes.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use chancery_core::attribute::RequestAttribute;
use chancery_core::policy::SUBJECT_ALTERNATIVE_NAMES;
use chancery_core::port::Alongside;
use chancery_core::{Error, IssueRequest, Outcome, ProfileRef, Rejection};
use chancery_pki::Csr;
use serde::Deserialize;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::attempt::attested_key;
use crate::authorization::is_trusted;
use crate::call::Call;
use crate::identifier::faults;
use crate::order::{attribute, issue_attributes, may_ask, quota_reached};
use crate::port::{CaaQuestion, FinalizeOrder};
use crate::{
    Account, AccountStatus, Acme, Authorization, ChallengeStatus, EabKey, Identifier, Order, OrderStatus, Problem,
    ProblemType, Reply, Resource, StoredOrderStatus, base64url,
};

/// CAA is asked again when the answer is older (CA/Browser Forum baseline requirements, section 4.2.2.1: 8 hours).
const CAA_COUNTS_FOR: Duration = Duration::hours(7);

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
        may_ask(eab.as_ref(), &order.identifiers)?;
        // Trusted mode that was switched off since vouches for nothing.
        let trusted = call.directory.acme_profile.settings.trusted_without_challenges;
        check_covered(&order, &authorizations, eab.as_ref().filter(|_| trusted), now)?;

        let der = decode(call, &asked.csr)?;
        let csr = self.0.ra.csr(&may, &der).await.map_err(bad_csr)?;
        let missing = check_names(&csr, &order.identifiers)?;
        check_subject(&csr, &may.profile().policy.subject.taken)?;
        self.check_request_key(account, &csr).await?;
        check_attested(&authorizations, &csr)?;
        self.check_caa(call, &order, &authorizations, now).await?;

        let request = IssueRequest {
            attributes: attributes(call, &order, missing),
            facts: facts(account, &order, &authorizations),
            alongside: Some(Alongside(Arc::new(FinalizeOrder {
                order: order.id,
                account: account.id,
                authorizations: order.authorizations.clone(),
                eab_key: eab.as_ref().filter(|key| key.quota.is_some()).map(|key| key.id),
                now,
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

    /// RFC 8659 section 3: what CAA allowed hours ago is asked again, and so is a name that was not asked for itself.
    async fn check_caa(
        &self,
        call: &Call<'_>,
        order: &Order,
        authorizations: &[Authorization],
        now: OffsetDateTime,
    ) -> Result<(), Problem> {
        let settings = &call.directory.acme_profile.settings;
        if !settings.caa {
            return Ok(());
        }
        let account_url = call.directory.url(&Resource::Account(order.account));
        let (mut asked, mut refused) = (Vec::new(), Vec::new());
        for identifier in &order.identifiers {
            let (Identifier::Dns(name), wildcard) = identifier.base() else { continue };
            let Some(authorization) = authorizations.iter().find(|authorization| authorization.covers(identifier))
            else {
                continue;
            };
            // Nothing was proved in trusted mode, so there is no method that CAA could allow.
            let Some(proved) =
                authorization.challenges.iter().find(|challenge| challenge.status == ChallengeStatus::Valid)
            else {
                continue;
            };
            let itself =
                authorization.identifier == Identifier::Dns(name.clone()) && authorization.wildcard == wildcard;
            let fresh = authorization.caa_checked_at.is_some_and(|at| now - at < CAA_COUNTS_FOR);
            if itself && fresh {
                continue;
            }
            let question = CaaQuestion {
                name,
                wildcard,
                issuer_domains: settings.caa_identities.clone(),
                account_url: proved.account_url.clone().unwrap_or_else(|| account_url.clone()),
                method: proved.kind,
                resolver: settings.resolver,
            };
            match self.0.validator.caa(&question).await {
                Ok(()) if itself => asked.push(authorization.id),
                Ok(()) => {}
                Err(failed) => refused.push(failed.problem.of(identifier.clone())),
            }
        }
        faults(refused)?;
        if !asked.is_empty() {
            self.0.store.caa_checked(asked, now).await?;
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
            if eab.is_some_and(|key| key.quota.is_some_and(|quota| key.issued >= quota)) {
                return Err(quota_reached());
            }
            Ok(())
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

/// Every identifier has a valid authorization of its own account; one without a challenge counts while the EAB key that
/// stands for it does.
fn check_covered(
    order: &Order,
    authorizations: &[Authorization],
    eab: Option<&EabKey>,
    now: OffsetDateTime,
) -> Result<(), Problem> {
    let refused = order.identifiers.iter().filter_map(|identifier| {
        let covering = authorizations.iter().filter(|authorization| {
            authorization.account == order.account && authorization.counts_at(now) && authorization.covers(identifier)
        });
        let covering: Vec<_> = covering.collect();
        let stands = |authorization: &Authorization| {
            authorization.is_proved() || eab.is_some_and(|key| is_trusted(key, identifier, now))
        };
        let why = match covering.as_slice() {
            [] => "no valid authorization is for it",
            found if found.iter().any(|authorization| stands(authorization)) => return None,
            _ => "the external account key that stood for it does not any more: make a new order",
        };
        let detail = format!("{} {:?}: {why}", identifier.kind(), identifier.value());
        Some(Problem::new(ProblemType::Unauthorized, detail).of(identifier.clone()))
    });
    faults(refused.collect())
}

/// RFC 8555 section 7.4: DER in base64url.
fn decode(call: &Call<'_>, text: &str) -> Result<Vec<u8>, Problem> {
    let padded = call.directory.acme_profile.settings.padded_base64;
    let der = if padded { base64url::decode_padded(text) } else { base64url::decode(text) };
    let der = der.ok_or_else(|| {
        Problem::new(ProblemType::Malformed, "csr is not base64url without padding (RFC 8555 section 6.1)")
    })?;
    if der.first() != Some(&0x30) {
        let why = "csr is not a certificate request in DER: send no PEM, and encode it once";
        return Err(Problem::new(ProblemType::BadCsr, why));
    }
    Ok(der)
}

/// What a fault of the domain is when the request is what was wrong.
fn bad_csr(error: Error) -> Problem {
    match error {
        Error::Malformed(why) => Problem::new(ProblemType::BadCsr, why),
        Error::Rejected(rejections)
            if rejections.iter().all(|rejection| {
                matches!(
                    rejection,
                    Rejection::Proof(_)
                        | Rejection::Key(_)
                        | Rejection::Name { .. }
                        | Rejection::Extension { .. }
                        | Rejection::Renewal(_)
                )
            }) =>
        {
            Problem::new(ProblemType::BadCsr, Error::Rejected(rejections).to_string())
        }
        error => error.into(),
    }
}

/// RFC 8555 section 7.4: the request names exactly the identifiers of the order, as alternative names or (a DNS name) as
/// common name. Those that are not among its alternative names come back.
fn check_names<'a>(csr: &Csr, identifiers: &'a [Identifier]) -> Result<Vec<&'a Identifier>, Problem> {
    let bad = |why: String| Problem::new(ProblemType::BadCsr, why);
    let mut named: Vec<Identifier> = Vec::new();
    for name in csr.subject_alt_names() {
        let identifier = Identifier::of_general_name(name).filter(|identifier| identifiers.contains(identifier));
        let identifier = identifier.ok_or_else(|| {
            let text = crate::problem::shown(&name.to_string());
            bad(format!("the request has the alternative name {text}, which is no identifier of the order"))
        })?;
        named.push(identifier);
    }
    let mut common = Vec::new();
    for text in csr.subject().values(chancery_pki::AttributeKind::CommonName) {
        let lower = text.to_lowercase();
        let identifier =
            identifiers.iter().find(|identifier| identifier.value() == lower || identifier.value() == text);
        let identifier = identifier.ok_or_else(|| {
            let text = crate::problem::shown(text);
            bad(format!("the request has the common name {text:?}, which is no identifier of the order; leave it out"))
        })?;
        // An address is one among the alternative names alone (RFC 8738 section 3).
        if matches!(identifier, Identifier::Dns(_)) || named.contains(identifier) {
            common.push(identifier);
        } else {
            return Err(bad(format!("the request has {identifier} as common name only; name it in subjectAltName")));
        }
    }
    let missing: Vec<&Identifier> = identifiers.iter().filter(|identifier| !named.contains(identifier)).collect();
    let device = |identifier: &Identifier| matches!(identifier, Identifier::PermanentIdentifier(_));
    if let Some(absent) = missing.iter().find(|absent| !common.contains(*absent) && !device(absent)) {
        return Err(bad(format!("the request lacks {absent}, an identifier of the order")));
    }
    Ok(missing)
}

/// Nothing but names was proved: of the subject, what the RA profile would certify beside the common name is refused (what
/// it leaves out anyway does no harm).
fn check_subject(csr: &Csr, taken: &[chancery_pki::ObjectIdentifier]) -> Result<(), Problem> {
    let common_name = chancery_pki::AttributeKind::CommonName.oid();
    let unproved = csr
        .subject()
        .rdns()
        .iter()
        .flatten()
        .find(|attribute| *attribute.oid() != common_name && taken.contains(attribute.oid()));
    match unproved {
        None => Ok(()),
        Some(attribute) => {
            let text = crate::problem::shown(attribute.value());
            let why = format!(
                "the request's subject has {text:?}, which no authorization proves: leave everything but the common name \
                 out of the subject"
            );
            Err(Problem::new(ProblemType::BadCsr, why))
        }
    }
}

/// draft-acme-device-attest: the request has the key that the device attested.
fn check_attested(authorizations: &[Authorization], csr: &Csr) -> Result<(), Problem> {
    let attested: Vec<Vec<u8>> = authorizations.iter().filter_map(attested_key).collect();
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
fn facts(account: &Account, order: &Order, authorizations: &[Authorization]) -> Vec<(&'static str, Value)> {
    let proofs = order.identifiers.iter().map(|identifier| {
        let authorization = authorizations.iter().find(|authorization| authorization.covers(identifier));
        let proved = authorization.and_then(|authorization| {
            authorization.challenges.iter().find(|challenge| challenge.status == ChallengeStatus::Valid)
        });
        json!({
            "authorization": authorization.map(|authorization| authorization.id),
            "identifier": identifier.to_string(),
            "method": proved.map_or("external-account", |challenge| challenge.kind.as_str()),
        })
    });
    let mut facts =
        vec![("order", json!(order.id)), ("account", json!(account.id)), ("proofs", Value::Array(proofs.collect()))];
    facts.extend(account.eab_key.map(|key| ("eabKey", json!(key))));
    facts
}
