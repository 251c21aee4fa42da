//! A new order: RFC 8555 section 7.4, RFC 9773 section 5, RFC 9444, draft-ietf-acme-profiles.

use std::sync::Arc;

use chancery_core::attribute::{ContentItem, RequestAttribute, Version};
use chancery_core::policy::{NOT_AFTER, NOT_BEFORE, Policy};
use chancery_core::{self as core, ProfileRef, RaProfile, Rejection};
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use super::view::rfc3339;
use crate::authorization::{Needed, is_trusted, vouches};
use crate::call::Call;
use crate::identifier::{AskedIdentifier, faults};
use crate::names::AllowedNames;
use crate::port::{Ordered, Unfinished};
use crate::problem::shown;
use crate::{
    Acme, AcmeSettings, Authorization, ChallengeType, Directory, EabKey, Identifier, Order, Problem, ProblemType,
    Reply, StoredOrderStatus,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewOrder {
    identifiers: Vec<AskedIdentifier>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    not_before: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    not_after: Option<OffsetDateTime>,
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    replaces: Option<String>,
}

impl Acme {
    /// RFC 8555 section 7.4: apply for a certificate. Everything that can be said before there is a request is said now.
    pub(crate) async fn new_order(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let account = call.account()?;
        let asked: NewOrder = call.json()?;
        for instant in [asked.not_before, asked.not_after].into_iter().flatten() {
            // In UTC it may be of a year that cannot be written (RFC 3339 section 1).
            if instant.checked_to_offset(time::UtcOffset::UTC).is_none_or(|utc| !(1970..=9999).contains(&utc.year())) {
                let why = "notBefore and notAfter must lie between the years 1970 and 9999 in UTC";
                return Err(Problem::new(ProblemType::Malformed, why));
            }
        }
        let settings = &call.directory.acme_profile.settings;
        let (ra_profile, profile) = choose(call.directory, asked.profile.as_deref())?;
        let may = self.0.ra.authorize(&call.actor(), call.origin, &ProfileRef::Id(ra_profile.id)).await?;
        let policy = &may.profile().policy;
        let eab = self.eab_of(account).await?;
        let now = self.0.now();

        let wanted = identifiers(settings, policy, &asked.identifiers)?;
        let identifiers: Vec<Identifier> = wanted.iter().map(|(identifier, _)| identifier.clone()).collect();
        may_ask(eab.as_ref(), &identifiers, now, true)?;
        self.check_validity(call.directory, &may, asked.not_before, asked.not_after)?;
        let ancestors = wanted.iter().filter_map(|(_, ancestor)| ancestor.as_ref());
        self.limit_new_order(call, account, &identifiers, ancestors)?;
        let replaces = match &asked.replaces {
            Some(id) => Some(self.replaceable(call, id, &identifiers, now).await?),
            None => None,
        };

        let expires_at = whole_second(now + Duration::seconds(settings.order_lifetime.into()));
        let trusted = eab.as_ref();
        let reusable = self.reusable(call, &identifiers, trusted, now).await?;
        let mut plan = Plan { expires_at, used: Vec::new(), new: Vec::new() };
        for (identifier, ancestor) in &wanted {
            // What is trusted is the name itself.
            let known = trusted.is_some_and(|key| is_trusted(call.directory, key, identifier, now));
            let needed = Needed::of(identifier, ancestor.as_ref().filter(|_| !known));
            plan.add(&reusable, &needed, identifier, || {
                self.authorization_for(call, &needed, identifier, trusted, now, expires_at)
            })?;
        }

        let order = Order {
            id: self.0.new_id(),
            account: account.id,
            status: StoredOrderStatus::Open,
            ra_profile: ra_profile.id,
            profile,
            identifiers,
            authorizations: plan.used.iter().map(|authorization| authorization.id).collect(),
            not_before: asked.not_before,
            not_after: asked.not_after,
            expires_at: plan.expires_at,
            error: None,
            certificate: None,
            replaces,
            created_at: now,
        };
        let most =
            Unfinished { orders: settings.most_open_orders, authorizations: settings.most_pending_authorizations };
        let made = self.0.store.create_order(order.clone(), plan.new, most).await?;
        match made {
            Ordered::New => self.order_reply(call, 201, order, &plan.used).await,
            Ordered::AccountEnded => {
                Err(Problem::new(ProblemType::Unauthorized, "the account is not valid any more").with_status(401))
            }
            Ordered::TooMany(most) => Err(Problem {
                retry_after: Some(std::time::Duration::from_secs(settings.order_lifetime.into())),
                ..Problem::new(
                    ProblemType::RateLimited,
                    format!("the account has {most} open orders already: finalize them, or let them expire"),
                )
            }),
            Ordered::TooManyPending => Err(too_many_pending(settings)),
            Ordered::AlreadyReplaced => Err(already_replaced()),
        }
    }

    /// The EAB key that the account is bound to.
    pub(crate) async fn eab_of(&self, account: &crate::Account) -> Result<Option<EabKey>, Problem> {
        match account.eab_key {
            Some(id) => Ok(self.0.store.eab_key(id).await?),
            None => Ok(None),
        }
    }

    /// Valid authorizations that a new order may take up.
    async fn reusable(
        &self,
        call: &Call<'_>,
        identifiers: &[Identifier],
        trusted: Option<&EabKey>,
        now: OffsetDateTime,
    ) -> Result<Vec<Authorization>, Problem> {
        let settings = &call.directory.acme_profile.settings;
        if !settings.reuse_authorizations {
            return Ok(Vec::new());
        }
        let mut asked: Vec<Identifier> = Vec::with_capacity(identifiers.len());
        for identifier in identifiers {
            let (base, _) = identifier.base();
            if settings.subdomains {
                asked.extend(base.ancestors());
            }
            asked.push(base);
        }
        asked.sort();
        asked.dedup();
        // One that is nearly over would take the order with it.
        let least = Duration::seconds(settings.order_lifetime.min(settings.authorization_lifetime / 2).into());
        let mut found = self.0.store.authorizations_for(call.account()?.id, asked, now + least).await?;
        // What was not proved stands and falls with the key.
        let stands = trusted.is_some_and(|key| vouches(call.directory, key, now));
        found.retain(|authorization| authorization.counts_at(now) && (stands || authorization.is_proved()));
        Ok(found)
    }

    /// RFC 8555 section 7.4: an order that cannot be met as it was asked for is refused.
    fn check_validity(
        &self,
        directory: &Directory,
        may: &core::Authorization,
        not_before: Option<OffsetDateTime>,
        not_after: Option<OffsetDateTime>,
    ) -> Result<(), Problem> {
        let profile = &may.profile().profile;
        let issuer = self.0.ra.ports().authority.instance(profile.authority);
        let issuer_end = issuer.map(|instance| instance.issuer().1.validity().not_after);
        if let (Some(end), Some(issuer_end)) = (not_after, issuer_end)
            && end > issuer_end
        {
            let issuer_end = rfc3339(issuer_end);
            return Err(malformed(format!("notAfter lies behind the end of the issuer's certificate, {issuer_end}")));
        }
        let attributes = issue_attributes(directory, not_before, not_after);
        self.0.ra.foresee(may, &attributes).map_err(|error| match error {
            core::Error::Rejected(rejections) => {
                let chosen = rejections.iter().find_map(|rejection| match rejection {
                    Rejection::Attribute { name, .. } if name == NOT_BEFORE || name == NOT_AFTER => Some(name.clone()),
                    _ => None,
                });
                match chosen {
                    Some(name) => {
                        malformed(format!("{name}: this RA profile does not let orders choose it; leave it out"))
                    }
                    None => core::Error::Rejected(rejections).into(),
                }
            }
            error => error.into(),
        })
    }
}

/// What an order needs: authorizations that are there, and new ones.
struct Plan {
    expires_at: OffsetDateTime,
    used: Vec<Authorization>,
    new: Vec<Authorization>,
}

impl Plan {
    fn add(
        &mut self,
        reusable: &[Authorization],
        needed: &Needed,
        identifier: &Identifier,
        make: impl FnOnce() -> Result<Authorization, Problem>,
    ) -> Result<(), Problem> {
        if self.used.iter().any(|authorization| needed.is_met_by(authorization, identifier)) {
            return Ok(());
        }
        if let Some(found) = reusable.iter().find(|authorization| needed.is_met_by(authorization, identifier)) {
            // When it is over, so is the order.
            self.expires_at = self.expires_at.min(found.expires_at);
            self.used.push(found.clone());
            return Ok(());
        }
        let made = make()?;
        self.expires_at = self.expires_at.min(made.expires_at);
        self.used.push(made.clone());
        self.new.push(made);
        Ok(())
    }
}

/// The RA profile that issues, and the `profile` that the order shows.
fn choose<'a>(directory: &'a Directory, asked: Option<&str>) -> Result<(&'a Arc<RaProfile>, Option<String>), Problem> {
    let Some(asked) = asked else {
        let shown = (!directory.choices.is_empty()).then(|| directory.ra_profile.name.clone());
        return Ok((&directory.ra_profile, shown));
    };
    match directory.choices.iter().find(|choice| choice.name == asked) {
        Some(choice) => Ok((choice, Some(choice.name.clone()))),
        None if directory.choices.is_empty() => Err(Problem::new(
            ProblemType::InvalidProfile,
            "this directory offers no choice of profiles: leave the profile out",
        )),
        None => Err(Problem::new(
            ProblemType::InvalidProfile,
            format!("{:?} is not among the profiles of the directory's meta", shown(asked)),
        )),
    }
}

/// The identifiers in their normal form, each once, with the domain that shall be proved in place of the name; held
/// against the policy of the RA profile.
pub(crate) fn identifiers(
    settings: &AcmeSettings,
    policy: &Policy,
    asked: &[AskedIdentifier],
) -> Result<Vec<(Identifier, Option<Identifier>)>, Problem> {
    let most = usize::try_from(settings.most_identifiers).unwrap_or(usize::MAX).min(policy.names.maximum);
    if asked.is_empty() {
        return Err(malformed("identifiers is empty: name at least one".into()));
    }
    if asked.len() > most {
        let why = format!("{} identifiers are asked for; an order here has {most} at most: make several", asked.len());
        return Err(malformed(why));
    }
    let mut wanted: Vec<(Identifier, Option<Identifier>)> = Vec::with_capacity(asked.len());
    let mut refused = Vec::new();
    for asked in asked {
        match identifier(settings, policy, asked) {
            Ok(found) if wanted.iter().any(|(identifier, _)| *identifier == found.0) => {}
            Ok(found) => wanted.push(found),
            Err(problem) => refused.push(problem),
        }
    }
    faults(refused)?;
    Ok(wanted)
}

fn identifier(
    settings: &AcmeSettings,
    policy: &Policy,
    asked: &AskedIdentifier,
) -> Result<(Identifier, Option<Identifier>), Problem> {
    let identifier = asked.read()?;
    let rejected = |kind, why: String| {
        Problem::new(kind, format!("{} {:?}: {why}", identifier.kind(), identifier.value())).of(identifier.clone())
    };
    let device = matches!(identifier, Identifier::PermanentIdentifier(_) | Identifier::HardwareModule(_));
    let Some(name) =
        identifier.general_name().filter(|_| !device || settings.challenges.contains(&ChallengeType::DeviceAttest01))
    else {
        let why = "this directory certifies no devices: ask for \"dns\" or \"ip\"";
        return Err(rejected(ProblemType::UnsupportedIdentifier, why.into()));
    };
    policy.names.allows(name).map_err(|why| rejected(ProblemType::RejectedIdentifier, why))?;
    if let (Identifier::Dns(base), true) = identifier.base()
        && is_public_suffix(&base)
    {
        let why = "a wildcard directly below a public suffix is for the names of all who register there";
        return Err(rejected(ProblemType::RejectedIdentifier, why.into()));
    }
    let ancestor = match asked.ancestor_domain.as_deref().filter(|_| settings.subdomains) {
        None => None,
        Some(text) => {
            let why = "ancestorDomain is not a domain above it";
            let above = chancery_core::policy::dns_name(text).ok().filter(|(_, wildcard)| !wildcard && text.is_ascii());
            let above = above.map(|(base, _)| Identifier::Dns(base)).filter(|above| {
                let (base, _) = identifier.base();
                base.is_below(above) || base == *above
            });
            Some(above.ok_or_else(|| rejected(ProblemType::Malformed, why.into()))?)
        }
    };
    Ok((identifier, ancestor))
}

/// Whether the registry of a top-level domain registers names directly below this one (CA/Browser Forum baseline
/// requirements, section 3.2.2.6). A domain that is in no list is nobody's registry but of a closed network.
fn is_public_suffix(name: &str) -> bool {
    psl::suffix(name.as_bytes())
        .is_some_and(|suffix| suffix.typ() == Some(psl::Type::Icann) && suffix.as_bytes() == name.as_bytes())
}

/// Whether the account's EAB key stands, lets it ask for these names, and has a certificate left. What was counted before
/// needs none that is left.
pub(crate) fn may_ask(
    eab: Option<&EabKey>,
    identifiers: &[Identifier],
    now: OffsetDateTime,
    counts: bool,
) -> Result<(), Problem> {
    let Some(key) = eab else { return Ok(()) };
    if !key.is_valid(now) {
        let ended = if key.revoked_at.is_some() { "was revoked" } else { "is over" };
        let why =
            format!("the external account key of this account {ended}: ask the operator for another account's key");
        return Err(Problem::new(ProblemType::Unauthorized, why));
    }
    if counts && key.quota.is_some_and(|quota| key.issued >= quota) {
        let why = "the external account key of this account has no certificate left: ask the operator for another key";
        return Err(Problem::new(ProblemType::Unauthorized, why));
    }
    let Some(names) = &key.names else { return Ok(()) };
    let names = AllowedNames::parse(names).map_err(|why| Problem {
        cause: Some(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(why))),
        ..Problem::new(ProblemType::ServerInternal, "the names of the account's external account key cannot be read")
    })?;
    let refused = identifiers.iter().filter(|identifier| !names.allows(identifier)).map(|identifier| {
        let why = "it is not among the names of the account's external account key";
        let detail = format!("{} {:?}: {why}", identifier.kind(), identifier.value());
        Problem::new(ProblemType::RejectedIdentifier, detail).of(identifier.clone())
    });
    faults(refused.collect())
}

/// RFC 8555 section 6.6.
pub(crate) fn too_many_pending(settings: &AcmeSettings) -> Problem {
    let most = settings.most_pending_authorizations;
    Problem {
        retry_after: Some(std::time::Duration::from_secs(settings.order_lifetime.into())),
        ..Problem::new(
            ProblemType::RateLimited,
            format!("the account may have {most} pending authorizations: prove or deactivate those that it has"),
        )
    }
}

pub(crate) fn already_replaced() -> Problem {
    let why = "another order replaces this certificate already: leave replaces out, or wait for that order";
    Problem::new(ProblemType::AlreadyReplaced, why)
}

/// The directory's issue attributes, and the validity that the order asks for.
pub(crate) fn issue_attributes(
    directory: &Directory,
    not_before: Option<OffsetDateTime>,
    not_after: Option<OffsetDateTime>,
) -> Vec<RequestAttribute> {
    let mut attributes = directory.issue_attributes().to_vec();
    for (name, instant) in [(NOT_BEFORE, not_before), (NOT_AFTER, not_after)] {
        let Some(instant) = instant else { continue };
        attributes.retain(|attribute| attribute.name != name);
        attributes.push(attribute(name, [rfc3339(instant.to_offset(time::UtcOffset::UTC))]));
    }
    attributes
}

/// An attribute value by its name.
pub(crate) fn attribute(name: &str, values: impl IntoIterator<Item = String>) -> RequestAttribute {
    RequestAttribute {
        uuid: None,
        name: name.into(),
        content_type: None,
        version: Version::default(),
        content: values.into_iter().map(ContentItem::new).collect(),
    }
}

/// Instants that clients read have no fractions.
pub(crate) fn whole_second(instant: OffsetDateTime) -> OffsetDateTime {
    instant.replace_nanosecond(0).unwrap_or(instant)
}

fn malformed(detail: String) -> Problem {
    Problem::new(ProblemType::Malformed, detail)
}
